import { messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { limits } from '../../domain/limits.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Credentials } from '../../ports/credentials.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import type { NoticeResult, Notifier } from '../../ports/notifier.ts';
import { masked } from './masked.ts';
import { type PostAnswer, postJson } from './post-json.ts';

/** A service that takes notices by HTTP. */
export interface HttpService {
  readonly channel: string;
  /** For people. */
  readonly name: string;
  /**
   * What is sent for a notice, one after the other; none where the service needs nothing of it.
   * @param secret the address or the key, as the credentials give it
   */
  requestsFor(notice: Notice, secret: string): readonly HttpMessage[];
  /** True for the answer of a service that took it; its status is 2xx. */
  isReceipt(answer: PostAnswer): boolean;
}

export interface HttpMessage {
  readonly url: URL;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Posts notices to a service. Its address or key is secret: no message of this channel holds it. */
export class HttpNotifier implements Notifier {
  readonly channel: string;
  readonly #service: HttpService;
  readonly #credentials: Credentials;
  readonly #clock: Clock;

  constructor(service: HttpService, credentials: Credentials, clock: Clock) {
    this.channel = service.channel;
    this.#service = service;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  async send(notice: Notice, deadline: Deadline): Promise<NoticeResult> {
    const within = deadlineWithin(this.#clock, limits.noticeTimeoutMs, deadline);
    if (within.leftMs() <= 0) return { kind: 'failed', message: 'no time was left' };
    try {
      const secret = (await this.#credentials.authorization(within)) ?? '';
      const refusal = await this.#sendAll(notice, secret, within);
      if (refusal === null) return { kind: 'sent' };
      // A secret that was changed since it was read: the notice is sent again with the new one.
      const renewed = refusal.isOfSecret ? await this.#credentials.renew(secret, within) : null;
      const again = renewed === null ? refusal : await this.#sendAll(notice, renewed, within);
      return again === null ? { kind: 'sent' } : this.#failed(again.text);
    } catch (error) {
      return this.#failed(messageOf(error));
    }
  }

  /** @returns why the service did not take one of them; null when it took all */
  async #sendAll(notice: Notice, secret: string, within: Deadline): Promise<Refusal | null> {
    for (const message of this.#service.requestsFor(notice, secret)) {
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(within.leftMs())));
      const answer = await postJson(message.url, message, signal);
      const isTaken =
        answer.status >= 200 && answer.status < 300 && this.#service.isReceipt(answer);
      if (!isTaken) return refusalOf(answer, [secret, message.url.href]);
    }
    return null;
  }

  #failed(reason: string): NoticeResult {
    const { name } = this.#service;
    const message = `${name} did not take the notice: ${reason.replace(/\.$/, '')}. Check ${this.#credentials.source}.`;
    return { kind: 'failed', message };
  }
}

// ---------------------------------------------------------------------------------------------------

interface Refusal {
  readonly text: string;
  /** True when another secret may help. */
  readonly isOfSecret: boolean;
}

/** @param secrets what the service may repeat in its answer, and nobody may see */
function refusalOf({ status, text }: PostAnswer, secrets: readonly string[]): Refusal {
  const said = masked(text, secrets).replaceAll(/\s+/g, ' ').trim().slice(0, shownLength);
  const answer = said === '' ? '' : `: ${escapeText(said)}`;
  return {
    text: `it answered ${status} (${reasonFor(status)})${answer}`,
    isOfSecret: [400, 401, 403, 404, 410].includes(status),
  };
}

function reasonFor(status: number): string {
  if (status < 300) return 'not the answer of this service';
  if (status < 400) return 'a redirect, which is not followed: set the address that it leads to';
  if (status === 401 || status === 403) return 'refused';
  if (status === 404 || status === 410) return 'the address does not exist, or not any more';
  if (status === 429) return 'too many requests; it is tried again later';
  return status < 500 ? 'it takes no such message' : 'it is out of order; it is tried again later';
}

const shownLength = 200;
