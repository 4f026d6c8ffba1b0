import { describe, expect, test } from 'vitest';
import { defaultAlarmSettings } from '../../../src/domain/alarm-settings.ts';
import { type Attempt, endUnclaimed, type UnclaimedOutcome } from '../../../src/domain/attempt.ts';
import { StateCorruptError } from '../../../src/domain/errors.ts';
import { newFleetState, takeSlot } from '../../../src/domain/fleet.ts';
import { afterPointerCheck, withNotice } from '../../../src/domain/follow-up.ts';
import { limits } from '../../../src/domain/limits.ts';
import { noticeOf } from '../../../src/domain/notice.ts';
import { endWithoutPlan } from '../../../src/domain/planless-end.ts';
import { dryRunResponse, ignoredResponse, responseOf } from '../../../src/domain/response.ts';
import type { NoticeState, RollbackRecord } from '../../../src/domain/rollback.ts';
import {
  decodeFleetState,
  decodeModelState,
  decodeRollbackRecord,
  encodeItem,
} from '../../../src/domain/stored-item.ts';
import { type ClaimedRun, claim, commit, contest, fail } from '../../../src/domain/transition.ts';
import { type AlarmTrigger, Recovery, WatchEnd } from '../../../src/domain/trigger.ts';
import { afterRecovery, closeWatch } from '../../../src/domain/watch.ts';
import { nowMs, planOf, requestOf, row, stateOf } from '../../fakes/facts.ts';

const rows = [row('3', 'Production', 9), row('2', 'Archived', 9)];
const alarm: AlarmTrigger = {
  transition: {
    isFromEventBus: true,
    arn: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a',
    name: 'a',
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
  };
};
const lease = { owner: 'o', leaseEndsAtMs: nowMs + 5 };
const claimed = (fields: object = {}): ClaimedRun => claim(stateOf(), attempt(fields), lease, null);
const committed = (run: ClaimedRun): ClaimedRun => commit(run, nowMs, [], defaultAlarmSettings);
const rolledBack = (fields: object = {}): RollbackRecord => committed(claimed(fields)).record;
const byAlarm = (): RollbackRecord =>
  committed(claim(stateOf(), { ...attempt(), alarm, isAutomatic: true }, lease, null)).record;
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
  const modelName = { model: 'm', alarm: alarm.transition.arn, source: 'queue' }[subject];
  return endWithoutPlan({
    ...attempt({ model_name: modelName, alarm_name: 'a' }),
    subject,
    alarm: subject === 'source' ? null : alarm,
    outcome: 'FAILED',
    message: 'why',
  });
};
const dryRunAnswer = () => dryRunResponse(attempt().plan, attempt().request, []);
const sent: NoticeState = { kind: 'sent', about: 'end', sentAtMs: nowMs, attempts: 1 };

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
    const told = withNotice(rolledBack(), sent);
    const first = responseOf(told);
    const again = responseOf(told, { isReplayed: true, warnings: [{ code: 'X', message: 'x' }] });
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
        message: expect.stringContaining('Wait, or override it'),
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
      arn: alarm.transition.arn,
      red_since: '2025-12-31T23:59:00.000Z',
      contributor_id: '0123',
      model_source: 'contributor',
      automatic: true,
      watch: 'none',
      next_look_at: null,
      recovery: 'pending',
    });
    const told = afterRecovery(byAlarm(), undefined, Recovery.NO_DATA, nowMs).record;
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
    expect(answer.message).toContain('approve "m/0123456789abcdef" --override COOLDOWN');
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
    ['Model Rollback no target: m', unclaimed(attempt({}, [row('3', 'Production')]), 'NO_TARGET')],
    ['Model Rollback already live: m', unclaimed(attempt({ target_version: '3' }), 'ALREADY_LIVE')],
    ['Model Rollback failed: m', fail(claimed(), nowMs, 'x').record],
    [
      'Model Rollback contested: m',
      contest(claimed(), nowMs, { message: '', liveVersions: [], hasMoved: false }).record,
    ],
    ['Model Rollback in progress: m', claimed().record],
    ['Model Rollback awaiting approval: m', waiting()],
    ['Model Rollback failed: a', planless('alarm')],
    ['Model Rollback failed: a', planless('source')],
    ['Model Rollback pointer differs: m', afterPointerCheck(rolledBack(), ['3'], null, nowMs)],
    ['Model Rollback recovered: m', afterRecovery(byAlarm(), undefined, 'recovered', 0).record],
    [
      'Model Rollback not recovered: m',
      afterRecovery(byAlarm(), undefined, 'not-recovered', 0).record,
    ],
    ['Model Rollback no data: m', afterRecovery(byAlarm(), undefined, 'no-data', 0).record],
  ])('is headed %s', (subject, record) => {
    expect(noticeOf(record, nowMs).subject).toBe(subject);
  });

  test('says which end it tells of, and which later look', () => {
    expect(noticeOf(rolledBack(), 0).message.about).toBe('end');
    const differs = afterPointerCheck(rolledBack(), ['3'], null, nowMs);
    expect(noticeOf(differs, 0).message).toMatchObject({
      about: 'pointer',
      warnings: [{ code: 'POINTER_DIFFERS' }],
    });
    const { record } = afterRecovery(byAlarm(), undefined, 'not-recovered', nowMs);
    const { message } = noticeOf(record, 0);
    expect(message).toMatchObject({ about: 'recovery', outcome: 'ROLLED_BACK' });
    expect(message.text).toMatch(/^The alarm a is still red: .* moved from 3 to 2\.$/);
  });

  test('leaves the attribute of the model out where none is known', () => {
    const { message, attributes } = noticeOf(planless('alarm'), nowMs);
    expect(message).toMatchObject({ model_name: null, alarm: { arn: alarm.transition.arn } });
    expect(Object.keys(attributes)).toEqual(['outcome', 'reason', 'schema']);
  });

  test('keeps the subject short, plain and on one line', () => {
    const record = { ...rolledBack(), modelName: `模型\n${'x'.repeat(250)}` };
    const { subject } = noticeOf(record, 0);
    expect(subject).toHaveLength(99);
    expect(subject).toMatch(/^Model Rollback: \?\?\?x+\.\.\.$/);
  });
});

describe('the stored form', () => {
  const records = [
    rolledBack(),
    refused(),
    claimed().record,
    fail(claimed(), nowMs, 'x').record,
    byAlarm(),
    refusedAlarm(),
    waiting(),
    closeWatch(waiting(), WatchEnd.EXPIRED, nowMs),
    afterRecovery(byAlarm(), undefined, Recovery.SUPERSEDED, nowMs).record,
    planless('model'),
    planless('alarm'),
    planless('source'),
  ];

  test.each(records)('brings a record back as it was', (record) => {
    expect(decodeRollbackRecord(encodeItem(record), 'i')).toEqual(record);
  });

  test('brings a state back as it was', () => {
    const pause = { atMs: nowMs, why: 'recovery', message: 'm', rollbackId: 'm/1' } as const;
    const announcedRefusals = [{ alarm: 'a', codes: 'COOLDOWN', atMs: nowMs }];
    const paused = { ...claimed().state, pause, announcedRefusals };
    for (const item of [committed(claimed()).state, claimed().state, paused]) {
      expect(decodeModelState(encodeItem(item), 'i')).toEqual(item);
    }
  });

  test('brings the fleet back as it was', () => {
    const fleet = takeSlot(newFleetState, 'm', nowMs);
    const pause = { atMs: nowMs, why: 'blast-radius', message: 'm', rollbackId: 'm/1' } as const;
    for (const item of [fleet, { ...fleet, pause }]) {
      expect(decodeFleetState(encodeItem(item), 'i')).toEqual(item);
    }
    const bad = JSON.stringify({ ...fleet, pause: { ...pause, why: 'mood' } });
    expect(() => decodeFleetState(bad, 'FLEET')).toThrow(StateCorruptError);
    expect(() => decodeFleetState(bad, 'FLEET')).toThrow(/FLEET.*field pause\.why/);
  });

  const notices: readonly { stored: object; read: NoticeState }[] = [
    { stored: { kind: 'none' }, read: { kind: 'none' } },
    { stored: { kind: 'sent', sentAtMs: nowMs, attempts: 1 }, read: sent },
    {
      stored: { kind: 'pending', dueAtMs: nowMs + 9, leaseEndsAtMs: nowMs, attempts: 0 },
      read: {
        kind: 'pending',
        about: 'end',
        dueAtMs: nowMs + 9,
        leaseEndsAtMs: nowMs,
        attempts: 0,
      },
    },
  ];
  test.each(notices)('is read as it was before there were alarms: $stored', ({ stored, read }) => {
    const record = decodeRollbackRecord(JSON.stringify({ ...olderRecord, notice: stored }), 'i');
    // The guards of that time, and nothing of an alarm.
    const { plan, ...today } = committed(claimed({ alarm_name: 'a' })).record;
    expect(record).toEqual({
      ...today,
      plan: { ...plan, guards: record.plan?.guards },
      notice: read,
    });
    expect(record.plan?.guards.map((guard) => guard.code)).toEqual(['COOLDOWN', 'TARGET_UNFIT']);
    expect(decodeRollbackRecord(encodeItem(record), 'i')).toEqual(record);
    expect(responseOf(record)).toMatchObject({ outcome: 'ROLLED_BACK', alarm: null });
  });

  test('of a state is read as it was before there were alarms', () => {
    const read = decodeModelState(JSON.stringify(olderState), 'i');
    expect(read).toEqual({ ...committed(claimed()).state, recentCommits: [] });
  });

  const state = committed(claimed()).state;
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

/** As the version before alarms wrote it. */
const olderRecord = {
  schema: 1,
  revision: 2,
  id: 'm/0123456789abcdef',
  modelName: 'm',
  request: {
    modelName: 'm',
    targetVersion: null,
    reason: 'MANUAL_REQUEST',
    alarmName: 'a',
    isDryRun: false,
    requestId: null,
    expectedFromVersion: null,
    overrides: [],
    requestedBy: null,
  },
  bodyHash: 'h',
  createdAtMs: nowMs,
  attempts: 1,
  plan: {
    pointer: 'stage:Production',
    registry: 'http://registry',
    plannedAtMs: nowMs,
    verdict: 'ROLLED_BACK',
    from: {
      version: '3',
      stage: 'Production',
      status: 'READY',
      createdAtMs: 0,
      lastUpdatedAtMs: 9,
    },
    to: { version: '2', stage: 'Archived', status: 'READY', createdAtMs: 0, lastUpdatedAtMs: 9 },
    live: ['3'],
    rule: 'displaced',
    guards: [
      {
        code: 'COOLDOWN',
        verdict: 'passed',
        message: 'no rollback of this model is on record',
        clearsAtMs: null,
      },
      {
        code: 'TARGET_UNFIT',
        verdict: 'passed',
        message: 'the target is READY',
        clearsAtMs: null,
      },
    ],
    candidates: [
      {
        version: '2',
        stage: 'Archived',
        isTaken: true,
        why: 'the promotion of the live version replaced it',
      },
    ],
    candidatesOmitted: 0,
  },
  warnings: [],
  progress: {
    status: 'ROLLED_BACK',
    message: 'The registry changed: stage:Production moved from 3 to 2.',
    liveVersions: ['2'],
    hasMoved: true,
    endedAtMs: nowMs,
  },
  notice: { kind: 'none' },
  pointerCheck: { kind: 'pending', dueAtMs: nowMs + limits.pointerCheckMs },
};

const olderState = {
  schema: 1,
  revision: 2,
  modelName: 'm',
  registry: 'http://registry',
  active: null,
  lastCommit: { rollbackId: 'm/0123456789abcdef', atMs: nowMs, from: '3', to: '2' },
  lastEnd: { rollbackId: 'm/0123456789abcdef', atMs: nowMs, bodyHash: 'h' },
  rollbackCount: 1,
  quarantine: [{ version: '3', atMs: nowMs, rollbackId: 'm/0123456789abcdef' }],
  quarantineEarlier: [],
  liveHistory: [
    { version: '3', atMs: nowMs, how: 'seen' },
    { version: '2', atMs: nowMs, how: 'made' },
  ],
};
