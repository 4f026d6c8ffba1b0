import type { Hook, HookAnswer, HookRequest } from '../../src/domain/hook.ts';
import type { Deadline } from '../../src/ports/deadline.ts';
import type { HookCaller } from '../../src/ports/hook-caller.ts';

/** Hooks that answer by request, and keep what they were called with. */
export class RecordingHooks implements HookCaller {
  readonly calls: { hook: Hook; request: HookRequest; leftMs: number }[] = [];
  answer: (request: HookRequest) => HookAnswer | Promise<HookAnswer> = () => yes;

  async call(hook: Hook, request: HookRequest, deadline: Deadline): Promise<HookAnswer> {
    this.calls.push({ hook, request, leftMs: deadline.leftMs() });
    return await this.answer(request);
  }

  close(): void {
    // Holds nothing.
  }
}

export const yes: HookAnswer = { kind: 'answered', body: { ok: true } };
export const no: HookAnswer = { kind: 'answered', body: { ok: false, reason: 'AUC is 0.4.' } };
export const late: HookAnswer = { kind: 'failed', why: 'it did not answer in time' };

/** The path of its address is secret. */
export const httpHook: Hook = { kind: 'http', url: 'https://smoke.example.com/check/0SECRET' };
