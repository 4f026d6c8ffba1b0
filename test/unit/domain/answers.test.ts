import { describe, expect, test } from 'vitest';
import { StateCorruptError } from '../../../src/domain/errors.ts';
import { withNotice } from '../../../src/domain/follow-up.ts';
import { noticeOf } from '../../../src/domain/notice.ts';
import { dryRunResponse, responseOf } from '../../../src/domain/response.ts';
import type { RollbackRecord } from '../../../src/domain/rollback.ts';
import {
  decodeModelState,
  decodeRollbackRecord,
  encodeItem,
} from '../../../src/domain/stored-item.ts';
import { claim, commit, contest, endUnclaimed, fail } from '../../../src/domain/transition.ts';
import { nowMs, planOf, requestOf, row, stateOf } from '../../fakes/facts.ts';

const rows = [row('3', 'Production', 9), row('2', 'Archived', 9)];
const attempt = (fields: object = {}, of = rows, state = {}) => {
  const request = requestOf(fields);
  const plan = planOf(of, { request: fields, state, cooldownMs: 1000 });
  const previous = undefined;
  return { id: 'm/0123456789abcdef', request, bodyHash: 'h', previous, plan, warnings: [], nowMs };
};
const claimed = (fields: object = {}) =>
  claim(stateOf(), attempt(fields), { owner: 'o', leaseEndsAtMs: nowMs + 5 });
const rolledBack = (fields: object = {}): RollbackRecord =>
  commit(claimed(fields), nowMs, []).record;
const refused = (): RollbackRecord =>
  endUnclaimed(
    attempt({}, rows, {
      lastCommit: { rollbackId: 'm/1', atMs: nowMs - 10, from: '4', to: '3' },
    }),
  );

describe('responseOf', () => {
  test('answers a rollback with the fixed fields first', () => {
    const answer = responseOf(rolledBack({ alarm_name: 'a', reason: 'DRIFT_SEVERE' }));
    expect(Object.entries(answer).slice(0, 7)).toEqual([
      ['rolled_back', true],
      ['model_name', 'm'],
      ['from_version', '3'],
      ['to_version', '2'],
      ['reason', 'DRIFT_SEVERE'],
      ['alarm_name', 'a'],
      ['timestamp', '2026-01-01T00:00:00.000Z'],
    ]);
    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      notified: false,
      replayed: false,
      refusals: [],
      live_versions: ['2'],
    });
  });

  test('repeats itself in a replay, with the extra warnings', () => {
    const sent = withNotice(rolledBack(), { kind: 'sent', sentAtMs: nowMs, attempts: 1 });
    const first = responseOf(sent);
    const again = responseOf(sent, { isReplayed: true, warnings: [{ code: 'X', message: 'x' }] });
    expect(first.notified).toBe(true);
    expect(again).toEqual({
      ...first,
      replayed: true,
      warnings: [{ code: 'X', message: 'x' }],
    });
  });

  test('lists refusals with when they clear', () => {
    const answer = responseOf(refused());
    expect(answer).toMatchObject({ outcome: 'REFUSED', rolled_back: false, to_version: '2' });
    expect(answer.refusals).toEqual([
      {
        code: 'COOLDOWN',
        message: expect.stringContaining('Wait, or override COOLDOWN'),
        clears_at: '2026-01-01T00:00:00.990Z',
        overridable: true,
      },
    ]);
  });

  test('answers for a run that is in progress', () => {
    expect(responseOf(claimed().record)).toMatchObject({
      outcome: 'IN_PROGRESS',
      rolled_back: false,
    });
  });
});

describe('dryRunResponse', () => {
  test('shows what would happen and leaves no id', () => {
    const { plan, request } = attempt();
    expect(dryRunResponse(plan, request, [])).toMatchObject({
      rolled_back: false,
      outcome: 'DRY_RUN',
      from_version: '3',
      to_version: '2',
      rollback_id: null,
      plan: { verdict: 'ROLLED_BACK', rule: 'displaced' },
    });
  });
});

describe('noticeOf', () => {
  test('has the fixed subject and fields', () => {
    const notice = noticeOf(
      rolledBack({ alarm_name: 'high-drawdown-alarm', requested_by: 'me' }),
      nowMs,
    );
    expect(notice.subject).toBe('Model Rollback: m');
    expect(Object.entries(notice.message).slice(0, 6)).toEqual([
      ['model_name', 'm'],
      ['from_version', '3'],
      ['to_version', '2'],
      ['reason', 'MANUAL_REQUEST'],
      ['triggered_by', 'high-drawdown-alarm'],
      ['timestamp', '2026-01-01T00:00:00.000Z'],
    ]);
    expect(notice.attributes).toEqual({
      model_name: 'm',
      outcome: 'ROLLED_BACK',
      reason: 'MANUAL_REQUEST',
      schema: 'model-rollback/1',
    });
  });

  test('names the requester, else manual', () => {
    expect(noticeOf(rolledBack({ requested_by: 'me' }), 0).message.triggered_by).toBe('me');
    expect(noticeOf(rolledBack(), 0).message.triggered_by).toBe('manual');
  });

  test.each([
    ['Model Rollback refused: m', refused()],
    ['Model Rollback no target: m', endUnclaimed(attempt({}, [row('3', 'Production')]))],
    ['Model Rollback already live: m', endUnclaimed(attempt({ target_version: '3' }))],
    ['Model Rollback failed: m', fail(claimed(), nowMs, 'x').record],
    [
      'Model Rollback contested: m',
      contest(claimed(), nowMs, { message: '', liveVersions: [], hasMoved: false }).record,
    ],
    ['Model Rollback in progress: m', claimed().record],
  ])('is headed %s', (subject, record) => {
    expect(noticeOf(record, nowMs).subject).toBe(subject);
  });

  test('keeps the subject short, plain and on one line', () => {
    const record = { ...rolledBack(), modelName: `模型\n${'x'.repeat(250)}` };
    const { subject } = noticeOf(record, 0);
    expect(subject).toHaveLength(99);
    expect(subject).toMatch(/^Model Rollback: \?\?\?x+\.\.\.$/);
  });
});

describe('the stored form', () => {
  const records = [rolledBack(), refused(), claimed().record, fail(claimed(), nowMs, 'x').record];

  test.each(records)('brings a record back as it was', (record) => {
    expect(decodeRollbackRecord(encodeItem(record), 'i')).toEqual(record);
  });

  test('brings a state back as it was', () => {
    const { state } = commit(claimed(), nowMs, []);
    expect(decodeModelState(encodeItem(state), 'i')).toEqual(state);
    expect(decodeModelState(encodeItem(claimed().state), 'i')).toEqual(claimed().state);
  });

  const state = commit(claimed(), nowMs, []).state;
  test.each([
    ['not JSON', '{', 'it is not JSON'],
    ['null', 'null', 'cannot be read'],
    ['a newer schema', JSON.stringify({ ...state, schema: 2 }), 'schema is 2'],
    ['a wrong type', JSON.stringify({ ...state, revision: '1' }), 'field revision'],
    [
      'a deep wrong field',
      JSON.stringify({ ...state, quarantine: [{ version: 3 }] }),
      'quarantine.0',
    ],
    ['an unknown field', JSON.stringify({ ...state, extra: 1 }), 'field extra'],
    ['a missing field', JSON.stringify({ ...state, active: undefined }), 'field active'],
    ['a negative time', JSON.stringify({ ...state, rollbackCount: -1 }), 'field rollbackCount'],
  ])('refuses %s, naming item and field', (_what, text, problem) => {
    expect(() => decodeModelState(text, 'item-7')).toThrow(StateCorruptError);
    expect(() => decodeModelState(text, 'item-7')).toThrow(problem);
    expect(() => decodeModelState(text, 'item-7')).toThrow('item-7');
  });
});
