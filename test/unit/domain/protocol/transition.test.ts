import { describe, expect, test } from 'vitest';
import { cloudWatchRef } from '../../../../src/domain/alarm/alarm.ts';
import {
  type AlarmSettings,
  defaultAlarmSettings,
} from '../../../../src/domain/alarm/alarm-settings.ts';
import type { Plan } from '../../../../src/domain/decide/plan.ts';
import { limits } from '../../../../src/domain/limits.ts';
import {
  type Attempt,
  endUnclaimed,
  type UnclaimedOutcome,
  unclaimedOutcome,
} from '../../../../src/domain/protocol/attempt.ts';
import { afterPointerCheck } from '../../../../src/domain/protocol/follow-up.ts';
import {
  type ClaimedRun,
  claim,
  commit,
  contest,
  type EndedRun,
  fail,
  renewLease,
} from '../../../../src/domain/protocol/transition.ts';
import { dueAtMs, expiresAtMs } from '../../../../src/domain/record/due.ts';
import { isFinal, modelNameOf, type RollbackRecord } from '../../../../src/domain/record/record.ts';
import type { AlarmTrigger } from '../../../../src/domain/record/trigger.ts';
import { newFleetState } from '../../../../src/domain/state/fleet.ts';
import type { ModelState } from '../../../../src/domain/state/model-state.ts';
import { nowMs, planOf, requestOf, row, stateOf, timeAt } from '../../../fakes/facts.ts';

const rows = [row('3', 'Production', 9), row('2', 'Archived', 9), row('1', 'Archived', 1)];
const attemptOf = (plan: Plan, fields: Partial<Attempt> = {}): Attempt => ({
  id: 'm/0123456789abcdef',
  request: requestOf(),
  bodyHash: 'hash',
  previous: undefined,
  alarm: null,
  isAutomatic: false,
  firstSeenAtMs: null,
  plan,
  warnings: [],
  nowMs,
  previousNotice: undefined,
  token: 'token',
  ...fields,
});
const lease = { owner: 'me', leaseEndsAtMs: nowMs + 1000 };
const claimed = (plan: Plan = planOf(rows), fields: Partial<Attempt> = {}): ClaimedRun =>
  claim(stateOf(), attemptOf(plan, fields), lease);
const committed = (run: ClaimedRun, settings: Partial<AlarmSettings> = {}): EndedRun =>
  commit(run, timeAt(nowMs), [], { ...defaultAlarmSettings, ...settings });
const unclaimed = (attempt: Attempt, outcome: UnclaimedOutcome): RollbackRecord =>
  unclaimedChange(attempt, outcome).record;
const unclaimedChange = (attempt: Attempt, outcome: UnclaimedOutcome) =>
  endUnclaimed(attempt, {
    outcome,
    state: stateOf(),
    fleet: newFleetState,
    cooldownMs: 0,
    settings: defaultAlarmSettings,
  });
const alarm: AlarmTrigger = {
  transition: {
    isFromEventBus: false,
    ref: cloudWatchRef('arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a', 'a'),
    atMs: nowMs - 60_000,
    previousState: 'OK',
    contributor: null,
    isComposite: false,
    dimensions: [{ name: 'ModelName', value: 'm' }],
    isMultiSeries: false,
    childrenInAlarm: [],
  },
  modelSource: 'dimension',
  liveVersions: null,
};
const automatic = { alarm, isAutomatic: true };

describe('claim', () => {
  test('puts both items at the next revision', () => {
    const { state, record } = claim(stateOf({ revision: 4 }), attemptOf(planOf(rows)), lease);
    expect([state.revision, record.revision]).toEqual([5, 1]);
    expect(state.active).toEqual({ rollbackId: record.id, ...lease });
    expect(record.progress).toEqual({ status: 'IN_PROGRESS', claimedAtMs: nowMs, ...lease });
    expect(record.notice).toEqual({ kind: 'none' });
  });

  test('goes on from an earlier attempt under the same key', () => {
    const refusedPlan = planOf([row('3', 'Production', 9)]);
    const previous = unclaimed(attemptOf(refusedPlan, { nowMs: nowMs - 5 }), 'NO_TARGET');
    const { record } = claimed(planOf(rows), { previous });
    expect(record).toMatchObject({ revision: 2, attempts: 2, createdAtMs: nowMs - 5 });
  });

  test('crashes on a model that somebody holds, and on one key with two bodies', () => {
    expect(() => claim(claimed().state, attemptOf(planOf(rows)), lease)).toThrow('bug');
    const previous = unclaimed(
      attemptOf(planOf([row('3', 'Production')]), {
        request: requestOf({ reason: 'TEST_FAILURE' }),
      }),
      'NO_TARGET',
    );
    expect(() => claimed(planOf(rows), { previous })).toThrow('bug');
  });

  test('takes a notice that release 0.1.0 left in the record over into the outbox', () => {
    const left = {
      kind: 'pending',
      about: 'end',
      dueAtMs: 1,
      leaseEndsAtMs: 0,
      attempts: 2,
    } as const;
    const previous = {
      ...unclaimed(attemptOf(planOf([row('3', 'Production', 9)])), 'NO_TARGET'),
      notice: left,
    };
    const { record, notice, earlierNotice } = claim(
      stateOf(),
      attemptOf(planOf(rows), { previous }),
      lease,
    );
    expect(record.notice).toEqual({ kind: 'none' });
    expect(notice).toMatchObject({ over: null, item: { topic: 'end', content: {} } });
    expect(earlierNotice).toBe(notice?.item);
  });

  test('takes a slot of the fleet when it is given one, and leaves it alone else', () => {
    const slots = [
      { modelName: 'm', atMs: 1 },
      { modelName: 'n', atMs: 2 },
    ];
    const fleet = { ...newFleetState, revision: 3, slots };
    const taken = claim(stateOf(), attemptOf(planOf(rows), automatic), lease, { fleet });
    expect(taken.fleet).toEqual({
      ...fleet,
      revision: 4,
      slots: [...slots, { modelName: 'm', atMs: nowMs }],
    });
    const without = claim(stateOf(), attemptOf(planOf(rows), automatic), lease);
    expect(without).not.toHaveProperty('fleet');
  });

  test('binds an alarm to what was live when it came first', () => {
    expect(claimed().record).toMatchObject({ subject: 'model', alarm: null, isAutomatic: false });
    const first = claimed(planOf(rows), automatic).record;
    expect(first).toMatchObject({ alarm: { ...alarm, liveVersions: ['3'] }, isAutomatic: true });
    expect([first.watch, first.recovery]).toEqual([{ kind: 'none' }, { kind: 'none' }]);

    const refused = unclaimed(attemptOf(planOf(rows), automatic), 'REFUSED');
    const later = planOf([row('4', 'Production', 9), row('2', 'Archived', 9)]);
    const second = claimed(later, { ...automatic, previous: refused }).record;
    expect(second).toMatchObject({ alarm: { liveVersions: ['3'] }, plan: { live: ['4'] } });
  });
});

describe('commit', () => {
  const { state, record, notice } = commit(
    claimed(),
    timeAt(nowMs + 7),
    [{ code: 'X', message: 'x' }],
    defaultAlarmSettings,
  );

  test('frees the model and remembers the move', () => {
    expect(state).toMatchObject({
      revision: 2,
      active: null,
      rollbackCount: 1,
      lastCommit: { rollbackId: record.id, atMs: nowMs + 7, from: '3', to: '2' },
      lastEnd: { rollbackId: record.id, atMs: nowMs + 7, bodyHash: 'hash' },
      quarantine: [{ version: '3', atMs: nowMs + 7, rollbackId: record.id }],
      liveHistory: [
        { version: '3', atMs: nowMs, how: 'seen' },
        { version: '2', atMs: nowMs + 7, how: 'made' },
      ],
      recentCommits: [nowMs + 7],
      pause: null,
      announcedRefusals: [],
    });
  });

  test('ends the record, with its notice in the outbox', () => {
    expect(record.progress).toMatchObject({
      status: 'ROLLED_BACK',
      hasMoved: true,
      liveVersions: ['2'],
    });
    expect(record.notice).toEqual({ kind: 'none' });
    expect(notice).toMatchObject({
      over: null,
      item: {
        rollbackId: record.id,
        topic: 'end',
        isKept: true,
        replaces: 0,
        content: { subject: 'Model Rollback: m', message: { outcome: 'ROLLED_BACK' } },
        dueAtMs: nowMs + 7 + limits.noticeDueMs,
        leaseEndsAtMs: nowMs + 7 + limits.noticeTimeoutMs,
        attempts: 0,
        channels: {},
      },
    });
    expect(record.warnings).toEqual([{ code: 'X', message: 'x' }]);
  });

  test('quarantines nothing on a move forwards', () => {
    const plan = planOf([row('1', 'Production', 9), row('2', 'Archived', 1)], {
      request: { target_version: '2' },
    });
    expect(committed(claimed(plan)).state.quarantine).toEqual([]);
  });

  test('quarantines on a move forwards when the reason says that the version is bad', () => {
    for (const reason of ['PERFORMANCE_DEGRADATION', 'TEST_FAILURE', 'DRIFT_SEVERE'] as const) {
      const plan = planOf([row('1', 'Production', 9), row('2', 'Archived', 1)], {
        request: { target_version: '2', reason },
      });
      const run = claimed(plan, { request: requestOf({ target_version: '2', reason }) });
      expect(committed(run).state.quarantine).toMatchObject([{ version: '1' }]);
    }
  });

  test('names every rollback that put a version into quarantine', () => {
    const before = claimed();
    const quarantine = [{ version: '3', atMs: 1, rollbackId: 'm/1' }];
    const ended = committed({ ...before, state: { ...before.state, quarantine } });
    const rollbackId = before.record.id;
    expect(ended.state.quarantine).toEqual([
      { version: '3', atMs: nowMs, rollbackId, earlierRollbacks: ['1'] },
    ]);
  });

  test('takes a move from nowhere', () => {
    const plan = planOf([row('2', 'Archived', 1)], { request: { target_version: '2' } });
    const ended = committed(claimed(plan));
    expect(ended.state).toMatchObject({ quarantine: [], lastCommit: { from: null, to: '2' } });
    expect(ended.state.liveHistory.map((entry) => entry.version)).toEqual(['2']);
    expect(ended.record.progress).toMatchObject({ message: expect.stringContaining('moved to 2') });
  });

  test('does not repeat what the history ends with, and keeps it bounded', () => {
    const liveHistory = Array.from({ length: limits.liveHistoryMax }, () => ({
      version: '3',
      atMs: 0,
      how: 'made' as const,
    }));
    const before = claimed();
    const ended = committed({ ...before, state: { ...before.state, liveHistory } });
    expect(ended.state.liveHistory).toHaveLength(limits.liveHistoryMax);
    expect(ended.state.liveHistory.slice(-2).map((entry) => entry.version)).toEqual(['3', '2']);
  });

  test('crashes for a run that does not hold the claim', () => {
    const other = claimed();
    const state = { ...other.state, active: null };
    expect(() => committed({ ...other, state })).toThrow('bug');
  });

  test('looks at its alarm again at the end of the bake time, whoever asked', () => {
    expect(committed(claimed()).record).toMatchObject({
      watch: { kind: 'none' },
      recovery: { kind: 'none' },
    });
    for (const isAutomatic of [true, false]) {
      const ended = committed(claimed(planOf(rows), { alarm, isAutomatic }), { bakeMs: 5 }).record;
      expect(ended.recovery).toEqual({ kind: 'pending', dueAtMs: nowMs + 5, looks: 0 });
      expect(ended.watch).toEqual({ kind: 'none' });
    }
  });

  describe('with a budget', () => {
    const budget = { commits: 3, windowMs: 7_200_000 };
    const endAfter = (recentCommits: readonly number[], fields: Partial<ModelState> = {}) => {
      const before = claimed();
      const run = { ...before, state: { ...before.state, recentCommits, ...fields } };
      return committed(run, { budget });
    };
    const early = nowMs - budget.windowMs;

    test('stops automation of the model with the last commit of it, and says so', () => {
      const { state, record } = endAfter([early + 1, nowMs - 1]);
      expect(state.pause).toEqual({
        atMs: nowMs,
        why: 'budget',
        message: 'This model was rolled back 3 times within 2 h (ROLLBACK_BUDGET).',
        rollbackId: record.id,
      });
      expect(record.warnings).toEqual([
        { code: 'AUTOMATION_PAUSED', message: expect.stringContaining('model-rollback resume') },
      ]);
    });

    test('goes on below it, and counts only what is within its time', () => {
      for (const commits of [[], [nowMs - 1], [early, nowMs - 1]]) {
        const { state, record } = endAfter(commits);
        expect([state.pause, record.warnings]).toEqual([null, []]);
        expect(state.recentCommits).toEqual([...commits, nowMs]);
      }
    });

    test('leaves a model alone that is stopped already, and stops none without a budget', () => {
      const pause = { atMs: 1, why: 'recovery', message: 'm', rollbackId: 'm/1' } as const;
      const stopped = endAfter([nowMs - 2, nowMs - 1], { pause });
      expect([stopped.state.pause, stopped.record.warnings]).toEqual([pause, []]);

      const before = claimed();
      const recentCommits = Array.from({ length: limits.recentCommitsMax }, () => nowMs);
      const run = { ...before, state: { ...before.state, recentCommits } };
      const ended = committed(run, { budget: null });
      expect(ended.state.pause).toBeNull();
      expect(ended.state.recentCommits).toHaveLength(limits.recentCommitsMax);
    });
  });
});

describe('contest', () => {
  const facts = { message: 'm', liveVersions: ['4'] };

  test('consumes cooldown and quarantine when our move had landed', () => {
    const { state, record } = contest(claimed(), timeAt(nowMs), { ...facts, hasMoved: true });
    expect(state).toMatchObject({ active: null, lastCommit: { from: '3' }, rollbackCount: 1 });
    expect(state.quarantine).toHaveLength(1);
    expect(record.progress).toMatchObject({ status: 'CONTESTED', liveVersions: ['4'] });
    expect(state.recentCommits).toEqual([nowMs]);
  });

  test('keeps what is live since our move, not before the claim and not from now on only', () => {
    const run = claimed();
    const late = timeAt(nowMs + 95_000);
    const { state, live = [] } = contest(run, late, { ...facts, hasMoved: true });
    expect(state.liveHistory.slice(-2)).toMatchObject([
      { version: '2', how: 'made' },
      { version: '4', how: 'seen', atMs: nowMs + 95_000, notBeforeMs: nowMs },
    ]);
    expect(live.at(-1)).toMatchObject({ version: '4', notBeforeMs: nowMs });
  });

  test('lets its alarm go: somebody is at it', () => {
    const run = claimed(planOf(rows), automatic);
    const { record } = contest(run, timeAt(nowMs), { ...facts, hasMoved: true });
    expect([record.watch, record.recovery]).toEqual([{ kind: 'none' }, { kind: 'none' }]);
  });

  test('leaves them alone when we moved nothing', () => {
    const { state } = contest(claimed(), timeAt(nowMs), { ...facts, hasMoved: false });
    expect(state).toMatchObject({
      active: null,
      lastCommit: null,
      quarantine: [],
      rollbackCount: 0,
      recentCommits: [],
    });
  });
});

describe('fail', () => {
  test('frees the model and touches no cooldown', () => {
    const { state, record } = fail(
      claimed(),
      timeAt(nowMs),
      'x'.repeat(limits.messageLengthMax + 9),
    );
    expect(state).toMatchObject({ active: null, lastCommit: null, quarantine: [] });
    expect(record.progress).toMatchObject({
      status: 'FAILED',
      hasMoved: false,
      liveVersions: ['3'],
    });
    const { message } = record.progress as { message: string };
    expect(message).toHaveLength(limits.messageLengthMax + 1);
  });

  test('looks at the alarm that asked again, and at none that a person answered', () => {
    const watch = { kind: 'pending', dueAtMs: nowMs + limits.watchBackoffMs, looks: 0 };
    const failed = fail(claimed(planOf(rows), automatic), timeAt(nowMs), 'x').record;
    expect([failed.watch, failed.recovery]).toEqual([watch, { kind: 'none' }]);
    const byPerson = fail(claimed(planOf(rows), { alarm }), timeAt(nowMs), 'x').record;
    expect(byPerson.watch).toEqual({ kind: 'none' });
    expect(fail(claimed(), timeAt(nowMs), 'x').record.watch).toEqual({ kind: 'none' });
  });
});

describe('the slot of the blast radius', () => {
  const slots = [
    { modelName: 'm', atMs: 1 },
    { modelName: 'n', atMs: 2 },
  ];
  const fleet = { ...newFleetState, revision: 3, slots };
  const run = (): ClaimedRun =>
    claim(stateOf(), attemptOf(planOf(rows), automatic), lease, { fleet });
  const facts = { message: '', liveVersions: ['4'] };

  test('is given back by a run that moved nothing, with its end', () => {
    const back = { ...fleet, revision: 5, slots };
    expect(fail(run(), timeAt(nowMs), 'x').fleet).toEqual(back);
    expect(contest(run(), timeAt(nowMs), { ...facts, hasMoved: false }).fleet).toEqual(back);
  });

  test('is kept by a run that moved the pointer', () => {
    expect(committed(run())).not.toHaveProperty('fleet');
    const contested = contest(run(), timeAt(nowMs), { ...facts, hasMoved: true });
    expect(contested).not.toHaveProperty('fleet');
  });

  test('is left alone where a person resumed the fleet meanwhile', () => {
    const resumed = { ...newFleetState, revision: 9 };
    const ended = fail({ ...run(), slotIn: resumed }, timeAt(nowMs), 'x');
    expect(ended).not.toHaveProperty('fleet');
  });
});

describe('renewLease', () => {
  test('changes owner and end in both items', () => {
    const { state, record } = renewLease(claimed(), { owner: 'you', leaseEndsAtMs: 5 });
    expect(state.active).toMatchObject({ owner: 'you', leaseEndsAtMs: 5 });
    expect(record.progress).toMatchObject({ owner: 'you', leaseEndsAtMs: 5, claimedAtMs: nowMs });
    expect([state.revision, record.revision]).toEqual([2, 2]);
  });

  test('crashes for a run that ended', () => {
    const ended = committed(claimed());
    expect(() => renewLease(ended, lease)).toThrow('bug');
    const { state } = claimed();
    expect(() => renewLease({ state, record: ended.record }, lease)).toThrow('bug');
  });
});

describe('endUnclaimed', () => {
  const noTarget = planOf([row('3', 'Production', 9)]);

  test('records the end with its notice', () => {
    const { record, notice } = unclaimedChange(attemptOf(noTarget), 'NO_TARGET');
    expect(record.progress).toMatchObject({
      status: 'NO_TARGET',
      hasMoved: false,
      liveVersions: ['3'],
    });
    expect(notice?.item).toMatchObject({ topic: 'end', isKept: false });
  });

  test('announces an equal end once', () => {
    const first = unclaimed(attemptOf(noTarget), 'NO_TARGET');
    const second = unclaimedChange(attemptOf(noTarget, { previous: first }), 'NO_TARGET');
    expect(second.notice).toBeUndefined();
    expect(second.record).toMatchObject({ attempts: 2, revision: 2 });
  });

  test('keeps the notice of an equal end that release 0.1.0 left in the record', () => {
    const left = { kind: 'sent', about: 'end', sentAtMs: 1, attempts: 1 } as const;
    const first = { ...unclaimed(attemptOf(noTarget), 'NO_TARGET'), notice: left };
    expect(unclaimed(attemptOf(noTarget, { previous: first }), 'NO_TARGET').notice).toEqual(left);
  });

  test('announces an end for another reason again, in place of an unsent notice', () => {
    const first = unclaimedChange(attemptOf(noTarget), 'NO_TARGET');
    const refused = planOf([row('2', 'Archived')]);
    const previousNotice = first.notice?.item;
    const again = attemptOf(refused, { previous: first.record, previousNotice, token: 'other' });
    const { notice } = unclaimedChange(again, 'REFUSED');
    expect(notice).toMatchObject({ over: 'token', item: { token: 'other', replaces: 1 } });
    expect(notice?.item.content?.message.text).toContain('An earlier notice');
  });

  test('changes nothing but the record when a person asked', () => {
    const facts = {
      outcome: 'REFUSED',
      state: stateOf(),
      fleet: newFleetState,
      cooldownMs: 0,
      settings: defaultAlarmSettings,
    } as const;
    const change = endUnclaimed(attemptOf(planOf([row('2', 'Archived')])), facts);
    expect(Object.keys(change)).toEqual(['record', 'notice']);
    expect(change.record).toMatchObject({ watch: { kind: 'none' }, recovery: { kind: 'none' } });
  });
});

describe('unclaimedOutcome', () => {
  const noTarget = planOf([row('3', 'Production', 9)]);
  const refused = planOf([row('2', 'Archived')]);
  const alreadyLive = planOf(rows, { request: { target_version: '3' } });

  test.each(['act', 'ask', 'observe'] as const)(
    'is the verdict for a person in mode %s',
    (mode) => {
      const settings = { ...defaultAlarmSettings, mode };
      const outcomes = [planOf(rows), noTarget, refused, alreadyLive].map((plan) =>
        unclaimedOutcome(attemptOf(plan, { alarm }), settings),
      );
      expect(outcomes).toEqual([null, 'NO_TARGET', 'REFUSED', 'ALREADY_LIVE']);
    },
  );

  test.each([
    ['act', null],
    ['ask', 'AWAITING_APPROVAL'],
    ['observe', 'OBSERVED'],
  ] as const)('of an alarm in mode %s that may roll back is %s', (mode, expected) => {
    const settings = { ...defaultAlarmSettings, mode };
    expect(unclaimedOutcome(attemptOf(planOf(rows), automatic), settings)).toBe(expected);
    expect(unclaimedOutcome(attemptOf(noTarget, automatic), settings)).toBe('NO_TARGET');
    expect(unclaimedOutcome(attemptOf(refused, automatic), settings)).toBe('REFUSED');
  });

  test.each([
    ['act', 'AWAITING_APPROVAL'],
    ['ask', 'AWAITING_APPROVAL'],
    ['observe', 'REFUSED'],
  ] as const)('of an alarm in mode %s that could not be confirmed is %s', (mode, expected) => {
    const settings = { ...defaultAlarmSettings, mode };
    const asked = { alarmAtMs: nowMs, doubt: 'CloudWatch refused.' };
    const inDoubt = planOf(rows, asked);
    expect(unclaimedOutcome(attemptOf(inDoubt, automatic), settings)).toBe(expected);
    // Without a target there is nothing to approve.
    const alone = planOf([row('3', 'Production', 9)], asked);
    expect(unclaimedOutcome(attemptOf(alone, automatic), settings)).toBe('REFUSED');
  });
});

describe('what records are due for', () => {
  const running = claimed().record;
  const done = committed(claimed()).record;
  const failed = fail(claimed(), timeAt(nowMs), 'x').record;

  test('dueAtMs is the end of the lease, then the pointer, then nothing', () => {
    expect(dueAtMs(running)).toBe(lease.leaseEndsAtMs);
    expect(dueAtMs(done)).toBe(nowMs + limits.pointerCheckMs);
    expect(
      dueAtMs(
        afterPointerCheck(
          done,
          { liveVersions: ['2'], lastMove: undefined, replaced: null },
          timeAt(nowMs),
        ).record,
      ),
    ).toBeNull();
  });

  test('dueAtMs is that of the earliest check: none waits for another', () => {
    const check = (atMs: number) => ({ kind: 'pending', dueAtMs: atMs, looks: 0 }) as const;
    const checks = { pointerCheck: check(20), watch: check(10), recovery: check(30) };
    expect(dueAtMs({ ...done, ...checks })).toBe(10);
    expect(dueAtMs({ ...done, ...checks, pointerCheck: check(9) })).toBe(9);
    expect(dueAtMs({ ...done, ...checks, recovery: check(8) })).toBe(8);
    const left = { about: 'end', leaseEndsAtMs: 0, attempts: 0, ...check(7) } as const;
    expect(dueAtMs({ ...done, ...checks, notice: left })).toBe(7);
    expect(dueAtMs({ ...running, ...checks })).toBe(lease.leaseEndsAtMs);
  });

  test('expiresAtMs spares rollbacks and whatever is due', () => {
    expect(expiresAtMs(running)).toBeNull();
    expect(expiresAtMs(done)).toBeNull();
    expect(expiresAtMs(failed)).toBe(nowMs + limits.recordRetentionMs);
    const watch = { kind: 'pending', dueAtMs: 1, looks: 0 } as const;
    expect(expiresAtMs({ ...failed, watch })).toBeNull();
  });

  test('isFinal holds for ends that the same key must not repeat', () => {
    expect(isFinal(done)).toBe(true);
    expect(
      isFinal(
        contest(claimed(), timeAt(nowMs), { message: '', liveVersions: [], hasMoved: false })
          .record,
      ),
    ).toBe(true);
    expect(isFinal(failed)).toBe(false);
    expect(isFinal(running)).toBe(false);
  });

  test('modelNameOf takes names with slashes', () => {
    expect(modelNameOf('a/b/0123')).toBe('a/b');
  });
});
