/** What every notifier must do; each adapter has a run file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { noticeOf } from '../../src/domain/notice.ts';
import { Outcome, type Plan, type RollbackRecord } from '../../src/domain/rollback.ts';
import { commit, contest, endUnclaimed, fail } from '../../src/domain/transition.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { Notifier } from '../../src/ports/notifier.ts';
import { attemptAt, firstClaim, NOON_MS } from './rollback-samples.ts';

/** A notifier, and the eyes of whoever it tells. */
export interface NotifierPlace {
  readonly notifier: Notifier;
  /** The next notices that came, in any order; waits for them. */
  received(count: number): Promise<readonly ReceivedNotice[]>;
  close(): Promise<void>;
}

export interface ReceivedNotice {
  readonly subject: string;
  /** The parsed JSON. */
  readonly message: unknown;
  /** Null where there are none. */
  readonly attributes: Readonly<Record<string, string>> | null;
}

/** One record for each way to end. */
export const ENDS: Readonly<Record<Outcome, RollbackRecord>> = {
  [Outcome.ROLLED_BACK]: commit(firstClaim('fraud', '1'), NOON_MS, []).record,
  [Outcome.REFUSED]: unclaimed('fraud', 'REFUSED'),
  [Outcome.NO_TARGET]: unclaimed('fraud', 'NO_TARGET'),
  [Outcome.ALREADY_LIVE]: unclaimed('fraud', 'ALREADY_LIVE'),
  [Outcome.CONTESTED]: contest(firstClaim('fraud', '1'), NOON_MS, {
    message: 'Somebody else moved the pointer.',
    hasMoved: false,
    liveVersions: ['4', '3'],
  }).record,
  [Outcome.FAILED]: fail(firstClaim('fraud', '1'), NOON_MS, 'The registry said no.').record,
};

/** 250 characters, none of them ASCII. */
export const LONG_NAME: string = '模型界'.repeat(84).slice(0, 250);

/** Runs the contract on one adapter. */
export function describeNotifier(name: string, openNotifier: () => Promise<NotifierPlace>): void {
  describe(name, () => {
    let place: NotifierPlace;

    beforeEach(async () => {
      place = await openNotifier();
    });

    afterEach(async () => {
      await place.close();
    });

    test.each(Object.entries(ENDS))('tells of %s once, whole and exact', async (_, record) => {
      const notice = noticeOf(record, NOON_MS + 1);
      expect(await place.notifier.send(notice, soon())).toEqual({ kind: 'sent' });
      const [received, ...more] = await place.received(1);
      expect(more).toEqual([]);
      expect(received?.subject).toBe(notice.subject);
      expect(received?.message).toEqual(notice.message);
      const attributes = received?.attributes ?? notice.attributes;
      expect(attributes).toEqual(notice.attributes);
    });

    test.each([
      LONG_NAME,
      `the "best" <model> & 'more'`,
      ' \u202ereversed\u2028line',
      '🤖'.repeat(128),
    ])('tells of a model named %s', async (model) => {
      const notice = noticeOf(commit(firstClaim(model, '1'), NOON_MS, []).record, NOON_MS);
      expect(await place.notifier.send(notice, soon())).toEqual({ kind: 'sent' });
      const [received] = await place.received(1);
      expect(received?.subject).toBe(notice.subject);
      expect(received?.message).toEqual(notice.message);
    });
  });
}

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 20_000);
}

// ---------------------------------------------------------------------------------------------------

function unclaimed(model: string, verdict: Plan['verdict']): RollbackRecord {
  return endUnclaimed(attemptAt(model, '1', { verdict }));
}
