import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  confirmationOf,
  type Hook,
  type HookRequest,
  type ReloadRequest,
  type SmokeCheckRequest,
  smokeResult,
} from '../../src/domain/hook.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import type { HookCaller } from '../../src/ports/hook-caller.ts';

/** How the other side behaves. */
export type HookAct =
  | { readonly kind: 'return'; readonly body: unknown }
  /** An answer of so many bytes. */
  | { readonly kind: 'large'; readonly bytes: number }
  /** It reports that it failed, in these words. */
  | { readonly kind: 'fail'; readonly words: string }
  | { readonly kind: 'hang' };

export interface HookPlace<Kind extends Hook> {
  readonly caller: HookCaller<Kind>;
  readonly hook: Kind;
  /** What arrived so far. */
  received(): readonly unknown[];
  close(): Promise<void>;
}

export const smokeRequest: SmokeCheckRequest = {
  kind: 'smoke-check',
  model_name: 'fraud \u{1f916} / <&>',
  version: '2',
  source: 'models:/m-1234',
  pointer: 'stage:Production',
  from_version: '3',
  reason: 'PERFORMANCE_DEGRADATION',
  rollback_id: 'fraud/0123456789abcdef',
};
export const reloadRequest: ReloadRequest = {
  kind: 'reload',
  model_name: 'fraud',
  version: '2',
  pointer: 'alias:champion',
  from_version: null,
  reason: 'MANUAL_REQUEST',
  rollback_id: 'fraud/0123456789abcdef',
};

/** What every caller of hooks does, whatever the other side does. */
export function describeHookCaller<Kind extends Hook>(
  name: string,
  open: (act: HookAct) => Promise<HookPlace<Kind>>,
): void {
  const callOf = async (
    act: HookAct,
    request: HookRequest = smokeRequest,
    leftMs = 5_000,
  ): Promise<{
    readonly answer: Awaited<ReturnType<HookCaller['call']>>;
    readonly received: readonly unknown[];
  }> => {
    const place = await open(act);
    try {
      // What the place takes to open does not count.
      const deadline = deadlineAfter(systemClock, leftMs);
      const answer = await place.caller.call(place.hook, request, deadline);
      return { answer, received: place.received() };
    } finally {
      place.caller.close();
      await place.close();
    }
  };

  describe(name, () => {
    test.each([smokeRequest, reloadRequest])('sends a $kind as it is, once', async (request) => {
      const { received } = await callOf({ kind: 'return', body: { ok: true } }, request);
      expect(received).toEqual([{ schema: 'model-rollback/1', ...request }]);
    });

    test('gives a yes, and a no with its reason', async () => {
      const yes = await callOf({ kind: 'return', body: { ok: true } });
      expect(smokeResult('it', yes.answer)).toMatchObject({ kind: 'passed' });
      const no = await callOf({ kind: 'return', body: { ok: false, reason: 'AUC is 0.4' } });
      expect(smokeResult('it', no.answer)).toMatchObject({ kind: 'refused', why: 'AUC is 0.4' });
    });

    test('gives the version that serving names', async () => {
      const { answer } = await callOf({ kind: 'return', body: { serving_version: '2' } });
      expect(confirmationOf(answer, '2')).toEqual({ kind: 'confirmed', version: '2' });
      expect(confirmationOf(answer, '3')).toMatchObject({ kind: 'not-confirmed' });
    });

    test.each([
      ['text', 'all is well'],
      ['a list', [{ ok: true }]],
      ['null', null],
      ['a number', 1],
      ['another object', { status: 'ok' }],
    ])('takes nonsense for an answer that is no yes: %s', async (_, body) => {
      const { answer } = await callOf({ kind: 'return', body });
      expect(smokeResult('it', answer)).toMatchObject({ kind: 'failed' });
    });

    test('reports a failure of the other side in its words', async () => {
      const { answer } = await callOf({ kind: 'fail', words: 'the model is gone' });
      expect(answer).toMatchObject({
        kind: 'failed',
        why: expect.stringContaining('the model is gone'),
      });
    });

    test('gives up an answer of 10 MB', async () => {
      const { answer } = await callOf({ kind: 'large', bytes: 10_000_000 });
      expect(answer).toEqual({ kind: 'failed', why: 'its answer is larger than 64 KiB' });
    });

    test('ends in time when there is no answer', async () => {
      const { answer } = await callOf({ kind: 'hang' }, smokeRequest, 300);
      expect(answer).toEqual({ kind: 'failed', why: 'it did not answer in time' });
    });

    test('sends nothing when no time is left', async () => {
      const act = { kind: 'return', body: { ok: true } } as const;
      const { answer, received } = await callOf(act, smokeRequest, 0);
      expect(answer).toEqual({ kind: 'failed', why: 'no time was left' });
      expect(received).toEqual([]);
    });
  });
}
