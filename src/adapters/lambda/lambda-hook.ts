import type { SNSClient } from '@aws-sdk/client-sns';
import { messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import type { Hook, HookAnswer, HookRequest } from '../../domain/hook.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { HookCaller } from '../../ports/hook-caller.ts';
import { type Invoked, invokeFunction } from './invoke-function.ts';

type LambdaHook = Extract<Hook, { kind: 'lambda' }>;

/** Invokes a function, and waits for what it returns. */
export class LambdaHookCaller implements HookCaller<LambdaHook> {
  readonly #clientFor: (functionName: string) => SNSClient;
  readonly #clients = new Map<string, SNSClient>();

  /** @param clientFor signs and sends, in the region of the function */
  constructor(clientFor: (functionName: string) => SNSClient) {
    this.#clientFor = clientFor;
  }

  async call(
    { functionName }: LambdaHook,
    request: HookRequest,
    deadline: Deadline,
  ): Promise<HookAnswer> {
    if (deadline.leftMs() <= 0) return { kind: 'failed', why: 'no time was left' };
    try {
      const client = this.#clients.get(functionName) ?? this.#clientFor(functionName);
      this.#clients.set(functionName, client);
      const body = JSON.stringify({ schema: 'model-rollback/1', ...request });
      return answerOf(await invokeFunction(client, { functionName, body }, deadline));
    } catch (error) {
      const isLate =
        deadline.leftMs() <= 0 || (error instanceof Error && lateNames.has(error.name));
      return {
        kind: 'failed',
        why: isLate ? 'it did not answer in time' : shown(messageOf(error)),
      };
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}

// ---------------------------------------------------------------------------------------------------

const lateNames: ReadonlySet<string> = new Set(['AbortError', 'TimeoutError']);
const shownLength = 200;

function answerOf(invoked: Invoked): HookAnswer {
  switch (invoked.kind) {
    case 'returned':
      return { kind: 'answered', body: invoked.body };
    case 'function-failed':
      return { kind: 'failed', why: `the function failed: ${shown(invoked.message)}` };
    case 'error': {
      const hint = /AccessDenied/.test(invoked.name)
        ? '; it needs the permission lambda:InvokeFunction'
        : '';
      return { kind: 'failed', why: `${invoked.name}: ${shown(invoked.message)}${hint}` };
    }
  }
}

function shown(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim().slice(0, shownLength);
  return escapeText(line).replace(/\.$/, '');
}
