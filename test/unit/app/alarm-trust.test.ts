/** What a topic or a queue brings: whoever may publish there can write anything into a message. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { MemoryAlarmExtras } from '../../../src/adapters/memory/memory-alarm-reader.ts';
import { approvedRequest } from '../../../src/app/approve-rollback.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { explainRollback } from '../../../src/app/operate.ts';
import { rollBack } from '../../../src/app/roll-back.ts';
import { sweep } from '../../../src/app/sweep.ts';
import type { AlarmDescription, MessageOrigin } from '../../../src/domain/alarm/alarm.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import {
  type AlarmSettings,
  defaultAlarmSettings,
} from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { RollbackRecord } from '../../../src/domain/record/record.ts';
import { decodeRollbackRecord, encodeRecord } from '../../../src/domain/record/stored-item.ts';
import type { AlarmReader } from '../../../src/ports/alarm-reader.ts';
import {
  type AlarmParts,
  alarmArn,
  contributorEvent,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  queueArn,
  snsMessage,
  topicArn,
} from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { putKnownAlarm } from '../../fakes/known-alarms.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const name = 'high-drawdown-alarm';
const topic: MessageOrigin = { arn: topicArn, ownAccount: '111122223333' };
const queue: MessageOrigin = { arn: queueArn, ownAccount: '111122223333' };
/** For `t`, who may publish and nothing else. */
const victim = 'victim';
let world: World;
let logged: { message: string; fields: Record<string, unknown> }[] = [];

const worldWith = (alarms: Partial<AlarmSettings> = {}): World => {
  const made = makeWorld({ alarms: { ...defaultAlarmSettings, ...alarms } });
  for (const model of ['m', victim]) made.seed(model, ['Archived', 'Archived', 'Production']);
  return made;
};

beforeEach(() => {
  world = worldWith();
  logged = [];
});

/** `m`'s own alarm, in this very moment. */
const parts = (more: AlarmParts = {}): AlarmParts => ({
  model: 'm',
  atMs: world.clock.nowMs(),
  ...more,
});

const deps = (more: Partial<RollbackDeps> = {}): RollbackDeps => ({
  ...world.deps,
  logger: { log: (_level, message, fields = {}) => logged.push({ message, fields }) },
  ...more,
});

const send = async (
  event: JsonObject,
  origin: MessageOrigin | null = topic,
  using: RollbackDeps = deps(),
): Promise<RollbackResponse> => {
  const payload = parseAlarmPayload(event);
  if (payload === undefined) throw new Error('the event is no alarm');
  return await handleAlarm(using, payload, origin, world.deadline());
};

/** What CloudWatch knows; the message may say something else. */
const known = (
  of: AlarmParts,
  more: Partial<AlarmDescription> = {},
  extras: MemoryAlarmExtras = {},
): void => putKnownAlarm(world.alarms, of, more, extras);

const change = (atMs: number, more: object = {}) => ({
  atMs,
  previousState: 'OK' as const,
  childrenInAlarm: [],
  attributes: [],
  ...more,
});

const live = async (model: string): Promise<string[]> =>
  (await world.deps.registry.read(model, [], world.deadline())).live.map((row) => row.version);
const subjects = (): string[] => world.notifier.sent.map((notice) => notice.subject);
const records = async (): Promise<readonly RollbackRecord[]> =>
  (await world.store.list(null, world.deadline())).records.map(({ record }) => record);
const recordOf = async ({ rollback_id: id }: RollbackResponse): Promise<RollbackRecord> => {
  const found = await explainRollback(world.store, id ?? '', world.deadline());
  return found.record;
};

async function expectRefused(answer: RollbackResponse, why: RegExp): Promise<void> {
  expect(answer).toMatchObject({
    rolled_back: false,
    outcome: 'REFUSED',
    model_name: null,
    from_version: null,
    to_version: null,
    alarm_name: expect.any(String),
    message: expect.stringMatching(why),
    refusals: [
      {
        code: 'ALARM_NOT_CONFIRMED',
        message: expect.stringMatching(why),
        clears_at: null,
        overridable: false,
      },
    ],
    plan: null,
  });
  expect((await records()).map(({ id }) => id)).toContain(answer.rollback_id);
  for (const model of ['m', victim]) {
    expect(await live(model)).toEqual(['3']);
    expect((await world.store.read(model, null, world.deadline())).state).toBeUndefined();
  }
}

describe('whoever may publish to the topic', () => {
  const forms = [
    ['a topic', topic, snsMessage],
    ['a queue under a topic', queue, snsMessage],
    ['a queue under a rule', queue, eventBridgeAlarm],
    ['a queue under a rule for series', queue, contributorEvent],
  ] as const;

  test.each(forms)('cannot roll back a model by a made-up alarm: %s', async (_, origin, form) => {
    const answer = await send(form(parts()), origin);
    await expectRefused(answer, /^CloudWatch has no alarm .* Nothing was done\./);
    expect(answer.message).toContain(origin.arn);
    expect(subjects()).toEqual([`Model Rollback refused: ${name}`]);
    expect(world.notifier.sent[0]?.message).toMatchObject({
      model_name: null,
      triggered_by: name,
      outcome: 'REFUSED',
      refusals: [{ code: 'ALARM_NOT_CONFIRMED' }],
    });
  });

  test.each(forms.slice(0, 3))(
    'cannot roll back a model by a real alarm with another model in it: %s',
    async (_, origin, form) => {
      known(parts());
      const answer = await send(form(parts({ model: victim })), origin);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: 'm' });
      expect(await live(victim)).toEqual(['3']);
      expect((await world.store.read(victim, null, world.deadline())).state).toBeUndefined();
      expect(answer.alarm?.model_source).toBe('dimension');
    },
  );

  test('cannot name other children of a composite alarm, nor another kind of alarm', async () => {
    const children = ['own', 'of-victim'].map((child) => ({
      arn: alarmArn(child),
      state: 'ALARM',
    }));
    known(parts({ name: 'own' }));
    known(parts({ name: 'of-victim', model: victim }));
    const composite = { kind: 'composite', children: children.slice(0, 1) } as const;
    known(parts(composite));
    const other = parts({ ...composite, children: children.slice(1) });
    expect(await send(snsMessage(other))).toMatchObject({
      outcome: 'ROLLED_BACK',
      model_name: 'm',
    });
    const asMetric = await send(snsMessage(parts({ model: victim })));
    expect(asMetric).toMatchObject({ outcome: 'ROLLED_BACK', model_name: 'm', replayed: true });
    expect(await live(victim)).toEqual(['3']);
  });

  test('cannot name another model, or another series, of an alarm on several', async () => {
    const contributor = { id: '0123456789abcdef', attributes: { ModelName: 'm' } };
    const series = parts({ kind: 'multi-series', contributor });
    known(series);
    const lies = { id: '00000000000000ff', attributes: { ModelName: victim } };
    await expectRefused(
      await send(contributorEvent({ ...series, contributor: lies }), queue),
      /under its present definition it did not go to ALARM/,
    );
    const renamed = { ...contributor, attributes: { ModelName: victim } };
    const answer = await send(snsMessage({ ...series, contributor: renamed }));
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: 'm' });
    expect(await live(victim)).toEqual(['3']);
  });

  test('cannot give a series to an alarm that has none', async () => {
    known(parts());
    const silent: AlarmReader = {
      ...readerOf(world),
      readContributors: async () => ({ kind: 'silent', message: 'It is on one metric.' }),
    };
    const event = contributorEvent(parts({ model: victim }));
    await expectRefused(await send(event, queue, deps({ alarms: silent })), /has no series/);
  });

  test('cannot have a second key for one change by another time', async () => {
    const cooldown = { settings: { ...world.deps.settings, cooldownMs: 0 } };
    const atMs = world.clock.nowMs();
    known(parts());
    const first = await send(snsMessage(parts()), topic, deps(cooldown));
    expect(first).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
    for (const offMs of [1, -1, 1_999, -1_999, 2_001, -30_000, minuteMs, -5 * minuteMs]) {
      world.clock.advance(minuteMs);
      const again = await send(snsMessage(parts({ atMs: atMs + offMs })), topic, deps(cooldown));
      expect(again).toMatchObject({ rollback_id: first.rollback_id, replayed: true });
    }
    // And the copy that CloudWatch itself delivers is the same alarm.
    const direct = await send(directAlarm(parts({ atMs })), null, deps(cooldown));
    expect(direct).toMatchObject({ rollback_id: first.rollback_id, replayed: true });
    expect(await live('m')).toEqual(['2']);
  });

  test('cannot roll back by an old message, once its alarm is OK and the change is too long ago', async () => {
    const atMs = world.clock.nowMs();
    const sound = parts();
    known(sound, { state: 'OK' }, { history: [change(atMs)] });
    world.clock.advance(61 * minuteMs);
    expect(await send(snsMessage(sound))).toMatchObject({
      outcome: 'IGNORED',
      message: expect.stringContaining('ROLLBACK_EVENT_AGE_MAX_MINUTES'),
    });
    expect(await live('m')).toEqual(['3']);
  });

  test('cannot roll back by a real alarm that did not go to ALARM', async () => {
    known(parts(), { state: 'OK' }, { history: [change(world.clock.nowMs() - hourMs)] });
    const answer = await send(snsMessage(parts()));
    await expectRefused(answer, /is OK now, and .* did not go to ALARM at 2026-/);
    expect(answer.alarm).toMatchObject({ watch: 'pending' });
  });

  test('cannot roll back by the history of an alarm whose name was given to another one', async () => {
    const atMs = world.clock.nowMs();
    const renewed = { state: 'OK', configuredAtMs: atMs + 1_000 } as const;
    known(parts({ model: victim }), renewed, { history: [change(atMs)] });
    world.clock.advance(5_000);
    await expectRefused(await send(snsMessage(parts({ atMs }))), /under its present definition/);
  });

  test('cannot take a name of another account, nor one of another region, for the real one', async () => {
    known(parts());
    const foreign = parts({ account: '444455556666' });
    await expectRefused(await send(snsMessage(foreign)), /ROLLBACK_ALLOWED_ACCOUNTS/);
    await expectRefused(await send(snsMessage(parts({ region: 'us-east-1' }))), /has no alarm/);
    const unknownAccount = { arn: topicArn, ownAccount: null };
    await expectRefused(await send(snsMessage(foreign), unknownAccount), /has no alarm/);
  });

  test('can send people one notice an hour, and one record, whatever it makes up', async () => {
    for (let count = 0; count < 30; count += 1) {
      const forged = parts({ name: `made-up-${count}`, model: `model-${count}` });
      const answer = await send(snsMessage(forged));
      // Whatever the record is about, the answer is about this message.
      expect(answer).toMatchObject({ alarm_name: `made-up-${count}`, replayed: false });
      expect(answer.message).toContain(`made-up-${count}`);
    }
    await send(snsMessage(parts()), queue);
    expect(subjects()).toEqual([
      'Model Rollback refused: made-up-0',
      `Model Rollback refused: ${name}`,
    ]);
    expect(await records()).toHaveLength(2);
    expect(logged.filter(({ message }) => message === 'an alarm is not confirmed')).toHaveLength(
      31,
    );
    world.clock.advance(hourMs);
    await send(snsMessage(parts()));
    expect(world.notifier.sent).toHaveLength(3);
    for (const { watch, alarm, subject } of await records()) {
      expect({ watch, alarm, subject }).toEqual({
        watch: { kind: 'none' },
        alarm: null,
        subject: 'source',
      });
    }
  });
});

describe('an alarm in a message', () => {
  test('acts when CloudWatch confirms it, with what CloudWatch says', async () => {
    const atMs = world.clock.nowMs() - minuteMs;
    known(parts({ atMs }));
    const answer = await send(snsMessage(parts({ atMs: atMs + 700, previousState: 'ALARM' })));
    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      model_name: 'm',
      alarm: { red_since: new Date(atMs).toISOString() },
    });
    const record = await recordOf(answer);
    // Nothing that release 0.1.0 could not read.
    expect(JSON.parse(encodeRecord(record))).toMatchObject({ schema: 1 });
    expect(record.alarm?.transition.previousState).toBeNull();
  });

  test('waits no longer for its check: registry and store are read meanwhile, once', async () => {
    const calls: string[] = [];
    const noted = (): RollbackDeps =>
      withCalls(deps(), {
        registry: {
          read: async (next) => {
            calls.push('registry read');
            return await next();
          },
        },
        store: {
          read: async (next) => {
            calls.push('store read');
            return await next();
          },
        },
      });
    await send(directAlarm(parts()), null, noted());
    const withoutCheck = calls.splice(0);

    world = worldWith();
    known(parts());
    const slow: AlarmReader = {
      ...readerOf(world),
      read: async (arns, deadline) => {
        calls.push('CloudWatch asked');
        await new Promise(setImmediate);
        calls.push('CloudWatch answered');
        return await world.alarms.read(arns, deadline);
      },
    };
    const answer = await send(snsMessage(parts()), topic, { ...noted(), alarms: slow });
    expect(answer.outcome).toBe('ROLLED_BACK');
    expect(calls.slice(0, 3).toSorted()).toEqual([
      'CloudWatch asked',
      'registry read',
      'store read',
    ]);
    expect(calls[3]).toBe('CloudWatch answered');
    expect(calls.filter((call) => call.endsWith(' read')).toSorted()).toEqual(
      withoutCheck.toSorted(),
    );
  });

  test('uses no early read that was for another key', async () => {
    const atMs = world.clock.nowMs();
    known(parts({ atMs }));
    const ids: (string | null)[] = [];
    const noted = withCalls(deps(), {
      store: {
        read: async (next, _model, id) => {
          ids.push(id);
          return await next();
        },
      },
    });
    const late = snsMessage(parts({ atMs: atMs - minuteMs }));
    const answer = await send(late, topic, noted);
    expect(answer.outcome).toBe('ROLLED_BACK');
    // Begun for the time in the message, and dropped.
    expect(ids[0]).not.toBe(answer.rollback_id);
    expect(ids[1]).toBe(answer.rollback_id);
  });

  test('that was short rolls back by its history, with the time of its change', async () => {
    const atMs = world.clock.nowMs();
    const times = [change(atMs - 4_000), change(atMs), change(atMs + 1_500)];
    known(parts(), { state: 'OK', stateChangedAtMs: atMs + 9_000 }, { history: times });
    world.clock.advance(10_000);
    const answer = await send(snsMessage(parts({ atMs: atMs + 400 })));
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: 'm' });
    expect(answer.alarm?.red_since).toBe(new Date(atMs).toISOString());
  });

  test('of a series, or a composite alarm, that was short rolls back by its history', async () => {
    const atMs = world.clock.nowMs();
    const attributes = [{ name: 'ModelName', value: 'm' }];
    const contributor = { id: '0123456789abcdef', attributes: { ModelName: victim } };
    known(
      parts({ kind: 'multi-series' }),
      { state: 'OK' },
      {
        contributors: [],
        history: [
          { ...change(atMs), contributorId: contributor.id, attributes },
          { ...change(atMs), contributorId: 'another', attributes: [] },
        ],
      },
    );
    const ofSeries = await send(snsMessage(parts({ kind: 'multi-series', contributor })));
    expect(ofSeries).toMatchObject({
      outcome: 'ROLLED_BACK',
      model_name: 'm',
      alarm: { model_source: 'contributor' },
    });
    world = worldWith();
    known(parts({ name: 'leaf' }), { state: 'OK' });
    known(
      parts({ kind: 'composite' }),
      { state: 'OK', childrenInAlarm: [] },
      {
        history: [change(atMs, { childrenInAlarm: [alarmArn('leaf')] })],
      },
    );
    const composite = await send(snsMessage(parts({ kind: 'composite', atMs })));
    expect(composite).toMatchObject({
      outcome: 'ROLLED_BACK',
      model_name: 'm',
      alarm: { model_source: 'children' },
    });
  });

  test('that flaps has one key for each change', async () => {
    const changes: number[] = [];
    for (let flap = 0; flap < 4; flap += 1) {
      world.clock.advance(minuteMs);
      changes.push(world.clock.nowMs());
      const history = changes.map((atMs) => change(atMs));
      known(parts(), {}, { history });
      // This change, and a late copy of the one before.
      for (const atMs of changes.slice(-2)) await send(snsMessage(parts({ atMs })));
    }
    const found = await records();
    expect(found.map(({ alarm }) => alarm?.transition.atMs).toSorted()).toEqual(changes);
    expect(found.map(({ progress }) => progress.status).toSorted()).toEqual([
      'REFUSED',
      'REFUSED',
      'REFUSED',
      'ROLLED_BACK',
    ]);
  });

  test('is asked about once more, when CloudWatch does not show a recent change yet', async () => {
    const atMs = world.clock.nowMs();
    known(parts(), { state: 'OK' });
    let asked = 0;
    const late: AlarmReader = {
      ...readerOf(world),
      read: async (arns, deadline) => {
        asked += 1;
        if (asked === 2) known(parts({ atMs }));
        return await world.alarms.read(arns, deadline);
      },
    };
    expect(await send(snsMessage(parts()), topic, deps({ alarms: late }))).toMatchObject({
      outcome: 'ROLLED_BACK',
    });
    expect(asked).toBe(2);
    expect(world.clock.nowMs() - atMs).toBe(limits.alarmConfirmAgainMs);
  });

  test('acts a minute later, by the sweep, when CloudWatch is later still', async () => {
    known(parts(), { state: 'OK' });
    const atMs = world.clock.nowMs();
    const refused = await send(snsMessage(parts()));
    await expectRefused(refused, /is OK now/);
    known(parts({ atMs }));
    world.clock.advance(2 * minuteMs);
    expect(await sweep(deps(), world.deadline())).toMatchObject({
      alarms_looked_at: 1,
      failed: [],
    });
    expect(await live('m')).toEqual(['2']);
    expect((await recordOf(refused)).watch).toMatchObject({ kind: 'closed', why: 'handed-on' });
    expect(subjects()).toEqual([`Model Rollback refused: ${name}`, 'Model Rollback: m']);
  });

  test('that is not confirmed is closed by the sweep; further ones do not put that off', async () => {
    known(parts(), { state: 'OK' });
    const refused = await send(snsMessage(parts()));
    const due = refused.alarm?.next_look_at;
    world.clock.advance(30_000);
    const again = await send(snsMessage(parts()));
    expect(again).toMatchObject({ rollback_id: refused.rollback_id });
    expect(again.alarm?.next_look_at).toBe(due);
    world.clock.advance(minuteMs);
    await sweep(deps(), world.deadline());
    expect((await recordOf(refused)).watch).toMatchObject({ kind: 'closed', why: 'recovered' });
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('is deferred while CloudWatch cannot be reached, and checked by the sweep', async () => {
    known(parts());
    const atMs = world.clock.nowMs();
    world.alarms.answerAs('unreachable');
    const deferred = await send(snsMessage(parts({ model: victim })));
    expect(deferred).toMatchObject({ outcome: 'DEFERRED', model_name: null });
    expect(deferred.message).toContain('CloudWatch could not be asked to confirm the alarm');
    world.clock.advance(2 * minuteMs);
    world.alarms.answerAs('answer');
    await sweep(deps(), world.deadline());
    expect(await live('m')).toEqual(['2']);
    expect(await live(victim)).toEqual(['3']);
    expect((await recordOf(deferred)).watch).toMatchObject({ why: 'handed-on' });
    const done = (await records()).find(({ progress }) => progress.status === 'ROLLED_BACK');
    expect(done?.alarm?.transition).toMatchObject({ atMs });
    expect(done?.alarm?.transition).not.toHaveProperty('unconfirmedFrom');
  });

  test('that was deferred and made up is refused by the sweep', async () => {
    world.alarms.answerAs('unreachable');
    const deferred = await send(snsMessage(parts()));
    expect(deferred.outcome).toBe('DEFERRED');
    world.alarms.answerAs('answer');
    world.clock.advance(2 * minuteMs);
    await sweep(deps(), world.deadline());
    expect((await recordOf(deferred)).watch).toMatchObject({ kind: 'closed', why: 'handed-on' });
    expect(subjects()).toEqual([
      `Model Rollback deferred: ${name}`,
      `Model Rollback refused: ${name}`,
    ]);
    expect(await live('m')).toEqual(['3']);
  });

  test('that was deferred, and whose actions are disabled since, is closed', async () => {
    world.alarms.answerAs('unreachable');
    const deferred = await send(snsMessage(parts()));
    world.alarms.answerAs('answer');
    known(parts(), { hasActionsEnabled: false });
    world.clock.advance(2 * minuteMs);
    await sweep(deps(), world.deadline());
    expect((await recordOf(deferred)).watch).toMatchObject({ why: 'ignored' });
    expect(await live('m')).toEqual(['3']);
  });

  test('whose actions are disabled is ignored, whatever the message says', async () => {
    for (const form of [snsMessage, eventBridgeAlarm]) {
      known(parts(), { hasActionsEnabled: false });
      const answer = await send(form(parts()), queue);
      expect(answer).toMatchObject({
        outcome: 'IGNORED',
        message: 'The actions of the alarm are disabled.',
      });
    }
    expect(await records()).toEqual([]);
  });

  test('whose actions are suppressed is refused, and acts when they are not any more', async () => {
    known(parts(), { isSuppressed: true });
    const refused = await send(snsMessage(parts()));
    await expectRefused(refused, /^The actions of the alarm high-drawdown-alarm are suppressed\./);
    const atMs = world.clock.nowMs();
    known(parts({ atMs }));
    world.clock.advance(2 * minuteMs);
    await sweep(deps(), world.deadline());
    expect(await live('m')).toEqual(['2']);
  });

  test('of a young definition acts when its history shows that it was OK before', async () => {
    world = worldWith({ alarmAgeMinMs: 30 * minuteMs });
    const atMs = world.clock.nowMs();
    const young = { configuredAtMs: atMs - minuteMs };
    known(parts(), young, { history: [change(atMs, { previousState: 'INSUFFICIENT_DATA' })] });
    const first = await send(snsMessage(parts({ previousState: 'OK' })));
    expect(first.outcome).toBe('IGNORED');
    known(parts(), young, { history: [change(atMs)] });
    const sound = await send(snsMessage(parts({ previousState: 'INSUFFICIENT_DATA' })));
    expect(sound.outcome).toBe('ROLLED_BACK');
  });
});

describe('an alarm that CloudWatch refuses to tell of', () => {
  const waiting = async (): Promise<RollbackResponse> => {
    world.alarms.answerAs('silent');
    return await send(snsMessage(parts()));
  };

  test('waits for a person, with the plan and why', async () => {
    const answer = await waiting();
    expect(answer).toMatchObject({
      outcome: 'AWAITING_APPROVAL',
      model_name: 'm',
      from_version: '3',
      to_version: '2',
      refusals: [{ code: 'ALARM_NOT_CONFIRMED', overridable: false }],
      notified: true,
      alarm: { watch: 'pending' },
    });
    expect(answer.message).toContain('The alarms in memory are silent.');
    expect(answer.message).toContain('known from a message only');
    // Not overridable, and it does not stand in a person's way.
    expect(answer.message).toMatch(/`model-rollback approve m\/[0-9a-f]{16}`\.$/);
    expect(await live('m')).toEqual(['3']);
    expect(subjects()).toEqual(['Model Rollback awaiting approval: m']);
    const record = await recordOf(answer);
    expect(record.alarm?.transition.unconfirmedFrom).toBe(topicArn);
    expect(decodeRollbackRecord(encodeRecord(record), 'x')).toEqual(record);
  });

  test('is rolled back by a person, and is then as any other', async () => {
    const record = await recordOf(await waiting());
    const by = { overrides: [], requestedBy: 'ana' };
    const request = approvedRequest(record, by, world.clock.nowMs());
    const done = await rollBack(deps(), {
      request,
      warnings: [],
      invocationId: 'cli',
      deadline: world.deadline(),
      ...(record.alarm !== null && { alarm: record.alarm }),
    });
    expect(done).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    expect((await recordOf(done)).alarm?.transition).not.toHaveProperty('unconfirmedFrom');
  });

  test('is not acted on by the sweep, even when CloudWatch tells again', async () => {
    const answer = await waiting();
    world.alarms.answerAs('answer');
    known(parts());
    for (let hour = 1; hour < 5; hour += 1) {
      world.clock.advance(hourMs);
      await sweep(deps(), world.deadline());
    }
    expect(await live('m')).toEqual(['3']);
    expect((await recordOf(answer)).progress.status).toBe('AWAITING_APPROVAL');
  });

  test('is answered from its record when a copy comes and can be checked', async () => {
    const { rollback_id } = await waiting();
    world.alarms.answerAs('answer');
    known(parts());
    expect(await send(snsMessage(parts()))).toMatchObject({ rollback_id, replayed: true });
  });

  test('and that names no model is FAILED, and says why it could not be asked', async () => {
    world.alarms.answerAs('silent');
    const answer = await send(snsMessage(parts({ model: null })));
    expect(answer).toMatchObject({ outcome: 'FAILED', model_name: null });
    expect(answer.message).toContain('names no model');
    expect(answer.message).toContain('The alarms in memory are silent.');
  });

  test('is refused with its other reasons in mode observe, and never acts', async () => {
    world = worldWith({ mode: 'observe' });
    const answer = await waiting();
    expect(answer).toMatchObject({
      outcome: 'REFUSED',
      refusals: [{ code: 'ALARM_NOT_CONFIRMED' }],
    });
  });

  test('is ignored when it is old, as every alarm that is not known to be in ALARM', async () => {
    world.alarms.answerAs('silent');
    const old = snsMessage(parts({ atMs: world.clock.nowMs() - 61 * minuteMs }));
    expect((await send(old)).outcome).toBe('IGNORED');
  });

  test('counts as confirmed when only its history is refused, and it is in ALARM now', async () => {
    known(parts());
    const withoutHistory: AlarmReader = {
      ...readerOf(world),
      readChangesToAlarm: async () => ({ kind: 'silent', message: 'AccessDenied' }),
    };
    const late = parts({ atMs: world.clock.nowMs() - 10 * minuteMs });
    const answer = await send(snsMessage(late), topic, deps({ alarms: withoutHistory }));
    expect(answer.outcome).toBe('ROLLED_BACK');
    world = worldWith();
    known(parts(), { state: 'OK' });
    const short = { ...withoutHistory, read: readerOf(world).read };
    const asked = await send(snsMessage(parts()), topic, deps({ alarms: short }));
    expect(asked).toMatchObject({ outcome: 'AWAITING_APPROVAL', model_name: 'm' });
  });

  test('waits for a person too when CloudWatch does not say since when it is in ALARM', async () => {
    known(parts(), { stateChangedAtMs: null });
    const answer = await send(snsMessage(parts()));
    expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL' });
    expect(answer.message).toContain('does not say when');
  });
});

describe('an alarm of another account', () => {
  const foreign = (more: AlarmParts = {}): AlarmParts =>
    parts({ account: '444455556666', ...more });

  test('is refused with what to do about it', async () => {
    const answer = await send(snsMessage(foreign()));
    await expectRefused(answer, /add 444455556666 to ROLLBACK_ALLOWED_ACCOUNTS/);
    expect(answer.message).toContain('EventBridge');
  });

  test('acts by a message when its account is allowed', async () => {
    world = worldWith({ allowedAccounts: new Set(['444455556666']) });
    const answer = await send(snsMessage(foreign()));
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: 'm' });
    expect((await recordOf(answer)).alarm?.transition).not.toHaveProperty('unconfirmedFrom');
    expect(logged.map(({ message }) => message)).toContain(
      'an alarm of an allowed account is not checked',
    );
  });

  test('acts without the setting when CloudWatch or the event bus delivers it', async () => {
    for (const form of [directAlarm, eventBridgeAlarm]) {
      world = worldWith();
      expect(await send(form(foreign()), null)).toMatchObject({ outcome: 'ROLLED_BACK' });
    }
  });

  test('does not make the own account trusted, when that is in the setting', async () => {
    world = worldWith({ allowedAccounts: new Set(['111122223333']) });
    await expectRefused(await send(snsMessage(parts())), /has no alarm/);
    const unknownAccount = { arn: topicArn, ownAccount: null };
    await expectRefused(await send(snsMessage(parts()), unknownAccount), /has no alarm/);
  });
});

// ---------------------------------------------------------------------------------------------------

/** Methods of a class do not survive a spread. */
function readerOf({ alarms }: World): AlarmReader {
  return {
    read: (...args) => alarms.read(...args),
    readChildrenInAlarm: (...args) => alarms.readChildrenInAlarm(...args),
    readContributors: (...args) => alarms.readContributors(...args),
    readChangesToAlarm: (...args) => alarms.readChangesToAlarm(...args),
    readTag: (...args) => alarms.readTag(...args),
    close: () => alarms.close(),
  };
}
