import type { SNSClient } from '@aws-sdk/client-sns';
import { briefJson, briefOf } from '../../domain/answer/brief.ts';
import { messageOf } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { NoticeResult, Notifier } from '../../ports/notifier.ts';
import { callEventBridge, field } from './eventbridge-call.ts';

/** Puts an event on a bus, for rules that reload servers or start workflows. */
export class EventBridgeNotifier implements Notifier {
  readonly channel = 'eventbridge';
  readonly #client: SNSClient;
  readonly #bus: string;

  /**
   * @param client signs and sends, in its region unless the bus is in another one
   * @param bus name or ARN
   */
  constructor(client: SNSClient, bus: string) {
    this.#client = client;
    this.#bus = bus;
  }

  async send(notice: Notice, deadline: Deadline): Promise<NoticeResult> {
    const leftMs = Math.min(limits.noticeTimeoutMs, deadline.leftMs());
    if (leftMs <= 0) return { kind: 'failed', message: 'no time was left' };
    const entry = {
      Source: 'model-rollback',
      DetailType: briefOf(notice).event,
      Detail: briefJson(notice),
      EventBusName: this.#bus,
    };
    const region = this.#bus.split(':')[3] ?? null;
    const call = { operation: 'PutEvents', region, body: { Entries: [entry] } };
    try {
      const answer = await callEventBridge(this.#client, call, { leftMs: () => leftMs });
      if (answer.kind === 'error') return this.#failed(`${answer.name}: ${answer.message}`);
      const refused = refusalIn(answer.body);
      return refused === null ? { kind: 'sent' } : this.#failed(refused);
    } catch (error) {
      const name = error instanceof Error ? error.name : 'Error';
      return this.#failed(`${name}: ${messageOf(error)}`);
    }
  }

  #failed(why: string): NoticeResult {
    const message =
      `The event could not be put on ROLLBACK_EVENT_BUS (${this.#bus}): ${why}. ` +
      'Check the bus, and the permission events:PutEvents.';
    return { kind: 'failed', message };
  }
}

// ---------------------------------------------------------------------------------------------------

/** EventBridge answers 200 also when it took nothing. */
function refusalIn(body: unknown): string | null {
  const entries: unknown =
    typeof body === 'object' && body !== null ? Reflect.get(body, 'Entries') : undefined;
  const [first] = Array.isArray(entries) ? (entries as unknown[]) : [];
  if (field(first, 'EventId')) return null;
  return `${field(first, 'ErrorCode') ?? 'no event id'}: ${field(first, 'ErrorMessage') ?? ''}`;
}
