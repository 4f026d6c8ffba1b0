import { describe, expect, test } from 'vitest';
import { cloudWatchRef } from '../../../src/domain/alarm/alarm.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { noticeOf } from '../../../src/domain/answer/notice.ts';
import {
  dryRunResponse,
  ignoredResponse,
  responseOf,
} from '../../../src/domain/answer/response.ts';
import {
  type Attempt,
  endUnclaimed,
  type UnclaimedOutcome,
} from '../../../src/domain/protocol/attempt.ts';
import { afterPointerCheck } from '../../../src/domain/protocol/follow-up.ts';
import { endWithoutPlan } from '../../../src/domain/protocol/planless-end.ts';
import {
  type ClaimedRun,
  claim,
  commit,
  contest,
  type EndedRun,
  fail,
} from '../../../src/domain/protocol/transition.ts';
import { afterRecovery, closeWatch } from '../../../src/domain/protocol/watch.ts';
import type { RollbackRecord } from '../../../src/domain/record/record.ts';
import { type AlarmTrigger, Recovery, WatchEnd } from '../../../src/domain/record/trigger.ts';
import { newFleetState } from '../../../src/domain/state/fleet.ts';
import { nowMs, planOf, requestOf, row, stateOf, timeAt } from '../../fakes/facts.ts';

const rows = [row('3', 'Production', 9), row('2', 'Archived', 9)];
const alarm: AlarmTrigger = {
  transition: {
    isFromEventBus: true,
    ref: cloudWatchRef('arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a', 'a'),
    atMs: nowMs - 60_000,
    previousState: 'OK',
    contributor: { id: '0123', attributes: [{ name: 'ModelName', value: 'm' }] },
    isComposite: false,
    dimensions: [],
    isMultiSeries: true,
    childrenInAlarm: [],
  },
  modelSource: 'contributor',
  liveVersions: null,
};
const attempt = (fields: object = {}, of = rows, state = {}): Attempt => {
  const request = requestOf(fields);
  const plan = planOf(of, { request: fields, state, cooldownMs: 1000 });
  return {
    id: 'm/0123456789abcdef',
    request,
    bodyHash: 'h',
    previous: undefined,
    alarm: null,
    isAutomatic: false,
    firstSeenAtMs: null,
    plan,
    warnings: [],
    nowMs,
    previousNotice: undefined,
    token: 'token',
  };
};
const lease = { owner: 'o', leaseEndsAtMs: nowMs + 5 };
const claimed = (fields: object = {}): ClaimedRun => claim(stateOf(), attempt(fields), lease);
const committed = (run: ClaimedRun): EndedRun =>
  commit(run, timeAt(nowMs), [], defaultAlarmSettings);
const rolledBack = (fields: object = {}): RollbackRecord => committed(claimed(fields)).record;
const byAlarm = (): RollbackRecord =>
  committed(claim(stateOf(), { ...attempt(), alarm, isAutomatic: true }, lease)).record;
const unclaimed = (of: Attempt, outcome: UnclaimedOutcome): RollbackRecord =>
  endUnclaimed(of, {
    outcome,
    state: stateOf(),
    fleet: newFleetState,
    cooldownMs: 1000,
    settings: defaultAlarmSettings,
  }).record;
const cooling = { lastCommit: { rollbackId: 'm/1', atMs: nowMs - 10, from: '4', to: '3' } };
const refused = (): RollbackRecord => unclaimed(attempt({}, rows, cooling), 'REFUSED');
const refusedAlarm = (): RollbackRecord =>
  unclaimed({ ...attempt({}, rows, cooling), alarm, isAutomatic: true }, 'REFUSED');
const waiting = (): RollbackRecord =>
  unclaimed({ ...attempt({}, rows, cooling), alarm, isAutomatic: true }, 'AWAITING_APPROVAL');
const planless = (subject: RollbackRecord['subject']): RollbackRecord => {
  const modelName = { model: 'm', alarm: alarm.transition.ref.id, source: 'queue' }[subject];
  return endWithoutPlan({
    ...attempt({ model_name: modelName, alarm_name: 'a' }),
    subject,
    alarm: subject === 'source' ? null : alarm,
    outcome: 'FAILED',
    message: 'why',
  }).record;
};
const endNotice = (record: RollbackRecord) => noticeOf(record, 'end', 0, nowMs);
const dryRunAnswer = () => dryRunResponse(attempt().plan, attempt().request, []);

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
      alarm: null,
    });
  });

  test('repeats itself in a replay, with the extra warnings', () => {
    const record = rolledBack();
    const isNotified = true;
    const first = responseOf(record, { isNotified });
    const warnings = [{ code: 'X', message: 'x' }];
    const again = responseOf(record, { isReplayed: true, isNotified, warnings });
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
        message: expect.stringContaining(
          'Wait until then, or run `model-rollback apply m --override COOLDOWN`',
        ),
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

  test('tells the alarm behind it, and what is done about it later', () => {
    expect(responseOf(byAlarm()).alarm).toEqual({
      arn: alarm.transition.ref.id,
      red_since: '2025-12-31T23:59:00.000Z',
      contributor_id: '0123',
      model_source: 'contributor',
      automatic: true,
      watch: 'none',
      approved_by: null,
      next_look_at: null,
      recovery: 'pending',
    });
    const told = afterRecovery(byAlarm(), undefined, Recovery.NO_DATA, timeAt(nowMs)).record;
    expect(responseOf(told).alarm).toMatchObject({ recovery: 'no-data' });
    const looked = refusedAlarm();
    expect(responseOf(looked).alarm).toMatchObject({
      watch: 'pending',
      next_look_at: '2026-01-01T00:00:00.990Z',
      recovery: 'none',
    });
    const closed = closeWatch(looked, WatchEnd.POINTER_MOVED, nowMs);
    expect(responseOf(closed).alarm).toMatchObject({ watch: 'pointer-moved', next_look_at: null });
  });

  test('lists what is in the way of an alarm that waits for a person too', () => {
    const answer = responseOf(waiting());
    expect(answer.outcome).toBe('AWAITING_APPROVAL');
    expect(answer.refusals.map((refusal) => refusal.code)).toEqual(['COOLDOWN']);
    expect(answer.message).toContain('approve m/0123456789abcdef --override COOLDOWN');
  });

  test('answers without a plan, and without a model where none is known', () => {
    expect(responseOf(planless('model'))).toMatchObject({
      outcome: 'FAILED',
      model_name: 'm',
      from_version: null,
      to_version: null,
      live_versions: [],
      refusals: [],
      plan: null,
      message: 'why',
    });
    expect(responseOf(planless('alarm'))).toMatchObject({ model_name: null, alarm: {} });
    expect(responseOf(planless('source'))).toMatchObject({ model_name: null, alarm: null });
  });
});

describe('ignoredResponse', () => {
  test('has every field of an answer, and names no model', () => {
    const answer = ignoredResponse('it is green', 'a', nowMs);
    expect(Object.keys(answer)).toEqual(Object.keys(dryRunAnswer()));
    expect(answer).toMatchObject({
      rolled_back: false,
      model_name: null,
      alarm_name: 'a',
      outcome: 'IGNORED',
      message: 'it is green',
      timestamp: '2026-01-01T00:00:00.000Z',
      rollback_id: null,
    });
  });
});

describe('dryRunResponse', () => {
  test('shows what would happen and leaves no id', () => {
    expect(dryRunAnswer()).toMatchObject({
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
  test('names consumers that no pointer reaches, in the notice of a move', () => {
    expect(endNotice(rolledBack()).message.text).toContain(
      'from 3 to 2. Consumers that load by number or by latest are not reached.',
    );
    expect(noticeOf(rolledBack(), 'pointer', 0, 0).message.text).not.toContain('not reached');
  });

  test('has the fixed subject and fields', () => {
    const notice = endNotice(rolledBack({ alarm_name: 'high-drawdown-alarm', requested_by: 'me' }));
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
    expect(endNotice(rolledBack({ requested_by: 'me' })).message.triggered_by).toBe('me');
    expect(endNotice(rolledBack()).message.triggered_by).toBe('manual');
  });

  test.each([
    ['Model Rollback refused: m', refused()],
    ['Model Rollback no target: m', unclaimed(attempt({}, [row('3', 'Production')]), 'NO_TARGET')],
    ['Model Rollback already live: m', unclaimed(attempt({ target_version: '3' }), 'ALREADY_LIVE')],
    ['Model Rollback failed: m', fail(claimed(), timeAt(nowMs), 'x').record],
    [
      'Model Rollback contested: m',
      contest(claimed(), timeAt(nowMs), { message: '', liveVersions: [], hasMoved: false }).record,
    ],
    ['Model Rollback in progress: m', claimed().record],
    ['Model Rollback awaiting approval: m', waiting()],
    ['Model Rollback failed: a', planless('alarm')],
    ['Model Rollback failed: a', planless('source')],
  ])('is headed %s', (subject, record) => {
    expect(endNotice(record).subject).toBe(subject);
  });

  const pointer = () =>
    afterPointerCheck(
      rolledBack(),
      { liveVersions: ['3'], lastMove: undefined, replaced: null },
      timeAt(nowMs),
    );
  const recovery = (found: Recovery) => afterRecovery(byAlarm(), undefined, found, timeAt(nowMs));
  test.each([
    ['Model Rollback pointer differs: m', pointer()],
    ['Model Rollback recovered: m', recovery('recovered')],
    ['Model Rollback not recovered: m', recovery('not-recovered')],
    ['Model Rollback no data: m', recovery('no-data')],
  ])('of a later check is headed %s', (subject, { notice }) => {
    expect(notice?.item.content?.subject).toBe(subject);
  });

  test('says whether it is about the end, or about what a later check found', () => {
    expect(endNotice(rolledBack()).message.about).toBe('end');
    expect(pointer().notice?.item.content?.message).toMatchObject({
      about: 'pointer',
      warnings: [{ code: 'POINTER_DIFFERS' }],
    });
    const message = recovery('not-recovered').notice?.item.content?.message;
    expect(message).toMatchObject({ about: 'recovery', outcome: 'ROLLED_BACK' });
    expect(message?.text).toMatch(/^The alarm a is still in ALARM: .* moved from 3 to 2\.$/);
  });

  test('says how many earlier notices it replaces', () => {
    expect(noticeOf(rolledBack(), 'end', 1, 0).message.text).toContain('An earlier notice');
    expect(noticeOf(rolledBack(), 'end', 3, 0).message).toMatchObject({
      replaces: 3,
      text: expect.stringContaining('3 earlier notices'),
    });
    expect(noticeOf(rolledBack(), 'end', 0, 0).message.text).not.toContain('earlier');
  });

  test('leaves the attribute of the model out where none is known', () => {
    const { message, attributes } = endNotice(planless('alarm'));
    expect(message).toMatchObject({ model_name: null, alarm: { arn: alarm.transition.ref.id } });
    expect(Object.keys(attributes)).toEqual(['outcome', 'reason', 'schema']);
  });

  test('keeps the subject short, plain and on one line', () => {
    const record = { ...rolledBack(), modelName: `模型\n${'x'.repeat(250)}` };
    const { subject } = endNotice(record);
    expect(subject).toHaveLength(99);
    expect(subject).toMatch(/^Model Rollback: \?\?\?x+\.\.\.$/);
  });
});
