import { describe, expect, test } from 'vitest';
import { afterPointerCheck, withNotice } from '../../../src/domain/follow-up.ts';
import { limits } from '../../../src/domain/limits.ts';
import {
  dueAtMs,
  expiresAtMs,
  isFinal,
  modelNameOf,
  type Plan,
} from '../../../src/domain/rollback.ts';
import {
  type Attempt,
  type ClaimedRun,
  claim,
  commit,
  contest,
  endUnclaimed,
  fail,
  renewLease,
} from '../../../src/domain/transition.ts';
import { nowMs, planOf, requestOf, row, stateOf } from '../../fakes/facts.ts';

const rows = [row('3', 'Production', 9), row('2', 'Archived', 9), row('1', 'Archived', 1)];
const attemptOf = (plan: Plan, fields: Partial<Attempt> = {}): Attempt => ({
  id: 'm/0123456789abcdef',
  request: requestOf(),
  bodyHash: 'hash',
  previous: undefined,
  plan,
  warnings: [],
  nowMs,
  ...fields,
});
const lease = { owner: 'me', leaseEndsAtMs: nowMs + 1000 };
const claimed = (plan: Plan = planOf(rows)): ClaimedRun => claim(stateOf(), attemptOf(plan), lease);

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
    const previous = endUnclaimed(attemptOf(refusedPlan, { nowMs: nowMs - 5 }));
    const { record } = claim(stateOf(), attemptOf(planOf(rows), { previous }), lease);
    expect(record).toMatchObject({ revision: 2, attempts: 2, createdAtMs: nowMs - 5 });
  });

  test('crashes on a model that somebody holds, and on one key with two bodies', () => {
    expect(() => claim(claimed().state, attemptOf(planOf(rows)), lease)).toThrow('bug');
    const previous = endUnclaimed(
      attemptOf(planOf([row('3', 'Production')]), {
        request: requestOf({ reason: 'TEST_FAILURE' }),
      }),
    );
    expect(() => claim(stateOf(), attemptOf(planOf(rows), { previous }), lease)).toThrow('bug');
  });
});

describe('commit', () => {
  const { state, record } = commit(claimed(), nowMs + 7, [{ code: 'X', message: 'x' }]);

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
    });
  });

  test('ends the record with its notice pending', () => {
    expect(record.progress).toMatchObject({
      status: 'ROLLED_BACK',
      hasMoved: true,
      liveVersions: ['2'],
    });
    expect(record.notice).toEqual({
      kind: 'pending',
      dueAtMs: nowMs + 7 + limits.noticeDueMs,
      leaseEndsAtMs: nowMs + 7 + limits.noticeTimeoutMs,
      attempts: 0,
    });
    expect(record.warnings).toEqual([{ code: 'X', message: 'x' }]);
  });

  test('quarantines nothing on a move forwards', () => {
    const plan = planOf([row('1', 'Production', 9), row('2', 'Archived', 1)], {
      request: { target_version: '2' },
    });
    expect(commit(claimed(plan), nowMs, []).state.quarantine).toEqual([]);
  });

  test('takes a move from nowhere', () => {
    const plan = planOf([row('2', 'Archived', 1)], { request: { target_version: '2' } });
    const ended = commit(claimed(plan), nowMs, []);
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
    const ended = commit({ ...before, state: { ...before.state, liveHistory } }, nowMs, []);
    expect(ended.state.liveHistory).toHaveLength(limits.liveHistoryMax);
    expect(ended.state.liveHistory.slice(-2).map((entry) => entry.version)).toEqual(['3', '2']);
  });

  test('crashes for a run that does not hold the claim', () => {
    const other = claimed();
    const state = { ...other.state, active: null };
    expect(() => commit({ ...other, state }, nowMs, [])).toThrow('bug');
  });
});

describe('contest', () => {
  const facts = { message: 'm', liveVersions: ['4'] };

  test('consumes cooldown and quarantine when our move had landed', () => {
    const { state, record } = contest(claimed(), nowMs, { ...facts, hasMoved: true });
    expect(state).toMatchObject({ active: null, lastCommit: { from: '3' }, rollbackCount: 1 });
    expect(state.quarantine).toHaveLength(1);
    expect(record.progress).toMatchObject({ status: 'CONTESTED', liveVersions: ['4'] });
  });

  test('leaves them alone when we moved nothing', () => {
    const { state } = contest(claimed(), nowMs, { ...facts, hasMoved: false });
    expect(state).toMatchObject({
      active: null,
      lastCommit: null,
      quarantine: [],
      rollbackCount: 0,
    });
  });
});

describe('fail', () => {
  test('frees the model and touches no cooldown', () => {
    const { state, record } = fail(claimed(), nowMs, 'x'.repeat(limits.messageLengthMax + 9));
    expect(state).toMatchObject({ active: null, lastCommit: null, quarantine: [] });
    expect(record.progress).toMatchObject({
      status: 'FAILED',
      hasMoved: false,
      liveVersions: ['3'],
    });
    const { message } = record.progress as { message: string };
    expect(message).toHaveLength(limits.messageLengthMax + 1);
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
    const ended = commit(claimed(), nowMs, []);
    expect(() => renewLease(ended, lease)).toThrow('bug');
    const { state } = claimed();
    expect(() => renewLease({ state, record: ended.record }, lease)).toThrow('bug');
  });
});

describe('endUnclaimed', () => {
  const noTarget = planOf([row('3', 'Production', 9)]);

  test('records the end with a pending notice', () => {
    const record = endUnclaimed(attemptOf(noTarget));
    expect(record.progress).toMatchObject({
      status: 'NO_TARGET',
      hasMoved: false,
      liveVersions: ['3'],
    });
    expect(record.notice.kind).toBe('pending');
  });

  test('keeps the notice of an equal end, so that it is announced once', () => {
    const first = endUnclaimed(attemptOf(noTarget));
    const sent = withNotice(first, { kind: 'sent', sentAtMs: 1, attempts: 1 });
    const second = endUnclaimed(attemptOf(noTarget, { previous: sent }));
    expect(second).toMatchObject({ notice: { kind: 'sent' }, attempts: 2, revision: 3 });
  });

  test('announces an end for another reason anew', () => {
    const first = withNotice(endUnclaimed(attemptOf(noTarget)), {
      kind: 'sent',
      sentAtMs: 1,
      attempts: 1,
    });
    const refused = planOf([row('2', 'Archived')]);
    expect(endUnclaimed(attemptOf(refused, { previous: first })).notice.kind).toBe('pending');
  });

  test('crashes for a plan that needs a claim', () => {
    expect(() => endUnclaimed(attemptOf(planOf(rows)))).toThrow('bug');
  });
});

describe('what records are due for', () => {
  const running = claimed().record;
  const done = commit(claimed(), nowMs, []).record;
  const sent = withNotice(done, { kind: 'sent', sentAtMs: 1, attempts: 1 });
  const failed = withNotice(fail(claimed(), nowMs, 'x').record, {
    kind: 'sent',
    sentAtMs: 1,
    attempts: 1,
  });

  test('dueAtMs is the end of the lease, then the notice, then the pointer, then nothing', () => {
    expect(dueAtMs(running)).toBe(lease.leaseEndsAtMs);
    expect(dueAtMs(done)).toBe(nowMs + limits.noticeDueMs);
    expect(dueAtMs(sent)).toBe(nowMs + limits.pointerCheckMs);
    expect(dueAtMs(afterPointerCheck(sent, ['2'], null, nowMs))).toBeNull();
  });

  test('expiresAtMs spares rollbacks and whatever is due', () => {
    expect(expiresAtMs(running)).toBeNull();
    expect(expiresAtMs(sent)).toBeNull();
    expect(expiresAtMs(failed)).toBe(nowMs + limits.recordRetentionMs);
    expect(expiresAtMs(fail(claimed(), nowMs, 'x').record)).toBeNull();
  });

  test('isFinal holds for ends that the same key must not repeat', () => {
    expect(isFinal(done)).toBe(true);
    expect(
      isFinal(contest(claimed(), nowMs, { message: '', liveVersions: [], hasMoved: false }).record),
    ).toBe(true);
    expect(isFinal(failed)).toBe(false);
    expect(isFinal(running)).toBe(false);
  });

  test('modelNameOf takes names with slashes', () => {
    expect(modelNameOf('a/b/0123')).toBe('a/b');
  });
});
