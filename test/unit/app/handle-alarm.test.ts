import { beforeEach, describe, expect, test } from 'vitest';
import type { MemoryAlarmExtras } from '../../../src/adapters/memory/memory-alarm-reader.ts';
import {
  type Approval,
  approvedRequest,
  approveRollback,
} from '../../../src/app/approve-rollback.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { explainRollback, resumeAutomation } from '../../../src/app/operate.ts';
import { type RollbackCall, rollBack } from '../../../src/app/roll-back.ts';
import { sweep } from '../../../src/app/sweep.ts';
import type { SweepReport } from '../../../src/app/sweep-report.ts';
import {
  type AlarmDescription,
  type AlarmState,
  cloudWatchRef,
} from '../../../src/domain/alarm/alarm.ts';
import { parseAlarmPayload, parseAlarmText } from '../../../src/domain/alarm/alarm-payload.ts';
import {
  type AlarmSettings,
  defaultAlarmSettings,
} from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import {
  RegistryRefusedError,
  RegistryUnavailableError,
  StateCorruptError,
  StateStoreUnavailableError,
} from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { Notice } from '../../../src/domain/record/notice-content.ts';
import type { RollbackRecord } from '../../../src/domain/record/record.ts';
import {
  alarmArn,
  contributorEvent,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  patched,
  snsMessage,
} from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, RecordingNotifier, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const name = 'high-drawdown-alarm';
const arn = alarmArn(name);
let world: World;

const worldWith = (alarms: Partial<AlarmSettings> = {}, cooldownMs = 24 * hourMs): World => {
  const made = makeWorld({ cooldownMs, alarms: { ...defaultAlarmSettings, ...alarms } });
  made.seed('m', ['Archived', 'Archived', 'Production']);
  return made;
};

beforeEach(() => {
  world = worldWith();
});

/** An alarm that went red this very moment. */
const red = (parts: Parameters<typeof directAlarm>[0] = {}): JsonObject =>
  directAlarm({ model: 'm', atMs: world.clock.nowMs(), ...parts });

const send = async (event: unknown, deps: RollbackDeps = world.deps): Promise<RollbackResponse> => {
  const payload = parseAlarmPayload(event);
  if (payload === undefined) throw new Error('the event is no alarm');
  return await handleAlarm(deps, payload, null, world.deadline());
};

/** What CloudWatch says of an alarm from now on. */
const cloudWatchHas = (
  state: AlarmState,
  more: Partial<AlarmDescription> = {},
  extras: MemoryAlarmExtras = {},
): void => {
  const description: AlarmDescription = {
    ref: cloudWatchRef(arn, name),
    state,
    stateChangedAtMs: null,
    configuredAtMs: 0,
    hasActionsEnabled: true,
    isSuppressed: false,
    isComposite: false,
    dimensions: [],
    isMultiSeries: false,
    childrenInAlarm: [],
    ...more,
  };
  world.alarms.put(description, extras);
};

const resume = (model: string | null) =>
  resumeAutomation(world.deps, model, { by: 'ada', reason: null }, world.deadline());

const runSweep = (deps: RollbackDeps = world.deps): Promise<SweepReport> =>
  sweep(deps, world.deadline());

const recordOf = async ({ rollback_id: id }: RollbackResponse): Promise<RollbackRecord> => {
  const found = await explainRollback(world.store, id ?? '', world.deadline());
  return found.record;
};

const subjects = (): string[] => world.notifier.sent.map((notice) => notice.subject);
const live = async (model = 'm'): Promise<string[]> =>
  (await world.deps.registry.read(model, [], world.deadline())).live.map((row) => row.version);

const withRegistryDown = (): RollbackDeps =>
  withCalls(world.deps, {
    registry: {
      read: async () => {
        throw new RegistryUnavailableError('The registry did not answer.');
      },
    },
  });

/** A first alarm rolls back, so that the next one meets the cooldown. */
const refusedAlarm = async (): Promise<RollbackResponse> => {
  await send(red({ name: 'an-earlier-alarm' }));
  world.clock.advance(10 * minuteMs);
  const refused = await send(red());
  expect(refused).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
  return refused;
};

describe('handleAlarm', () => {
  test('rolls back the model that the alarm names, and tells people', async () => {
    const answer = await send(red());
    expect(answer).toMatchObject({
      rolled_back: true,
      model_name: 'm',
      from_version: '3',
      to_version: '2',
      reason: 'PERFORMANCE_DEGRADATION',
      alarm_name: name,
      outcome: 'ROLLED_BACK',
      notified: true,
      alarm: { arn, model_source: 'dimension', automatic: true, recovery: 'pending' },
    });
    expect(await live()).toEqual(['2']);
    expect(subjects()).toEqual(['Model Rollback: m']);
    expect(world.notifier.sent[0]?.message.triggered_by).toBe(name);
  });

  test('acts once on an alarm that comes by every path, several times', async () => {
    const atMs = world.clock.nowMs();
    cloudWatchHas('ALARM');
    const parts = { model: 'm', atMs };
    const forms = [directAlarm(parts), eventBridgeAlarm(parts), snsMessage(parts)];
    const answers = await Promise.allSettled([...forms, ...forms].map((event) => send(event)));
    const done = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(done.filter((one) => one.outcome === 'ROLLED_BACK' && !one.replayed)).toHaveLength(1);
    const again = await send(snsMessage(parts));
    expect(again).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
    expect(subjects()).toEqual(['Model Rollback: m']);
    expect(await world.records('m')).toHaveLength(1);
  });

  test('refuses a new transition within the cooldown, and tells of a flapping alarm once', async () => {
    await refusedAlarm();
    for (let flap = 0; flap < 5; flap += 1) {
      world.clock.advance(minuteMs);
      expect((await send(red())).outcome).toBe('REFUSED');
    }
    expect(subjects()).toEqual(['Model Rollback: m', 'Model Rollback refused: m']);
    expect(await world.records('m')).toHaveLength(7);
  });

  test('tries a deferred alarm again although no notice can be sent for hours', async () => {
    world.notifier.isBroken = true;
    cloudWatchHas('ALARM');
    const deferred = await send(red(), withRegistryDown());
    expect(deferred).toMatchObject({ outcome: 'DEFERRED', notified: false });
    world.clock.advance(2 * minuteMs);
    expect(await runSweep()).toMatchObject({ alarms_looked_at: 1, notices_sent: 0 });
    expect(await live()).toEqual(['2']);
    expect((await recordOf(deferred)).progress.status).toBe('ROLLED_BACK');
    for (let hour = 0; hour < 3; hour += 1) {
      world.clock.advance(hourMs);
      await runSweep();
    }
    expect((await recordOf(deferred)).recovery).toMatchObject({ kind: 'not-recovered' });
    world.notifier.isBroken = false;
    world.clock.advance(hourMs);
    await runSweep();
    expect(subjects().toSorted()).toEqual(['Model Rollback not recovered: m', 'Model Rollback: m']);
    const [end] = world.notifier.sent.filter(({ message }) => message.about === 'end');
    expect(end?.message).toMatchObject({ outcome: 'ROLLED_BACK', replaces: 1 });
  });

  test('keeps the pause of a failed recovery although no notice can be sent', async () => {
    world.notifier.isBroken = true;
    cloudWatchHas('ALARM');
    await send(red());
    world.clock.advance(20 * minuteMs);
    expect(await runSweep()).toMatchObject({ recoveries_checked: 1, pointers_checked: 1 });
    const { state } = await world.store.read('m', null, world.deadline());
    expect(state?.pause).toMatchObject({ why: 'recovery' });
  });

  test('lets a dead registry defer it, once announced, for the sweep to try again', async () => {
    cloudWatchHas('ALARM');
    const deferred = await send(red(), withRegistryDown());
    expect(deferred).toMatchObject({ outcome: 'DEFERRED', model_name: 'm', plan: null });
    expect(deferred.alarm?.watch).toBe('pending');
    world.clock.advance(2 * minuteMs);
    await runSweep(withRegistryDown());
    expect(subjects()).toEqual(['Model Rollback deferred: m']);
    world.clock.advance(5 * minuteMs);
    expect(await runSweep()).toMatchObject({ alarms_looked_at: 1, failed: [] });
    expect((await recordOf(deferred)).progress.status).toBe('ROLLED_BACK');
    expect(await live()).toEqual(['2']);
  });

  test('asks a person when a version was promoted while an alarm could not be handled', async () => {
    world = worldWith({ isCauseChecked: false });
    cloudWatchHas('ALARM');
    const deferred = await send(red(), withRegistryDown());
    world.clock.advance(minuteMs);
    const promoted = world.registry.register('m');
    world.registry.transition('m', promoted, 'Production', true);
    world.clock.advance(minuteMs);
    await runSweep();
    expect((await recordOf(deferred)).progress.status).toBe('AWAITING_APPROVAL');
    expect(await live()).toEqual([promoted]);
  });

  test('answers FAILED after a notice where a retry would not help', async () => {
    const unknown = await send(red({ model: 'no-such-model' }));
    expect(unknown).toMatchObject({
      outcome: 'FAILED',
      model_name: 'no-such-model',
      notified: true,
    });
    const refusing = withCalls(world.deps, {
      registry: {
        movePointer: async () => ({ kind: 'refused', error: new RegistryRefusedError('403') }),
      },
    });
    const failed = await send(red(), refusing);
    expect(failed).toMatchObject({ outcome: 'FAILED', model_name: 'm', message: '403' });
    expect(failed.alarm?.watch).toBe('pending');
    expect(subjects()).toEqual([
      'Model Rollback failed: no-such-model',
      'Model Rollback failed: m',
    ]);
    expect(await live()).toEqual(['3']);
  });

  test('records each failure, also one in the words of the one before', async () => {
    cloudWatchHas('ALARM');
    const error = new RegistryRefusedError('The registry answered 403.');
    const failed = await send(
      red(),
      withCalls(world.deps, {
        registry: { movePointer: async () => ({ kind: 'refused', error }) },
      }),
    );
    expect((await recordOf(failed)).attempts).toBe(1);
    world.clock.advance(2 * minuteMs);
    await runSweep(withCalls(world.deps, { registry: { read: () => Promise.reject(error) } }));
    expect(await recordOf(failed)).toMatchObject({
      attempts: 2,
      progress: { status: 'FAILED', message: error.message },
      watch: { kind: 'pending', looks: 1 },
    });
  });

  test('throws what a retry can cure: the store is down, or its own run is at work', async () => {
    const down = withCalls(world.deps, {
      store: {
        read: async () => {
          throw new StateStoreUnavailableError('throttled');
        },
      },
    });
    await expect(send(red(), down)).rejects.toThrow(StateStoreUnavailableError);
    const unclear = withCalls(world.deps, {
      registry: {
        movePointer: async () => ({
          kind: 'unknown',
          error: new RegistryUnavailableError('no answer'),
          isAnswered: false,
        }),
      },
    });
    await expect(send(red(), unclear)).rejects.toThrow(RegistryUnavailableError);
    expect(world.notifier.sent).toEqual([]);
  });

  test('defers when a run of somebody else holds the model', async () => {
    const hanging = withCalls(world.deps, {
      registry: { movePointer: () => new Promise<never>(() => undefined) },
    });
    world.ask({ model_name: 'm', request_id: 'other' }, { deps: hanging }).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    const before = world.clock.nowMs();
    expect((await send(red())).outcome).toBe('DEFERRED');
    // It waited for the run a little, and left the registry alone meanwhile.
    expect(world.clock.nowMs() - before).toBeGreaterThanOrEqual(
      limits.alarmWaitsMax * limits.alarmWaitMs,
    );
  });

  test('is closed when it came while another run moved the pointer', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          await gate.promise;
          return await next();
        },
      },
    });
    const other = send(red({ name: 'other' }), slow);
    await new Promise((resolve) => setImmediate(resolve));
    const deferred = await send(red());
    expect(deferred.outcome).toBe('DEFERRED');
    gate.resolve();
    expect((await other).outcome).toBe('ROLLED_BACK');
    cloudWatchHas('ALARM');
    world.clock.advance(2 * minuteMs);
    await runSweep();
    expect((await recordOf(deferred)).watch).toMatchObject({ why: 'pointer-moved' });
    expect(await live()).toEqual(['2']);
  });

  test('waits for the same alarm on another path, and gets its answer', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          await gate.promise;
          return await next();
        },
      },
    });
    const event = red();
    const first = send(event, slow);
    await new Promise((resolve) => setImmediate(resolve));
    const sleep = world.clock.sleep.bind(world.clock);
    world.clock.sleep = async (ms) => {
      gate.resolve();
      await first;
      await sleep(ms);
    };
    expect(await send(event)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
  });

  test('tells people when nothing can be recorded', async () => {
    const corrupt = withCalls(world.deps, {
      store: {
        read: async () => {
          throw new StateCorruptError('field doc: it is missing');
        },
      },
    });
    const answer = await send(red(), corrupt);
    expect(answer).toMatchObject({ outcome: 'FAILED', notified: true });
    expect(answer.warnings.map((warning) => warning.code)).toEqual(['NOT_RECORDED']);
    expect(subjects()).toEqual(['Model Rollback failed: m']);
    world.notifier.isBroken = true;
    await expect(send(red(), corrupt)).rejects.toThrow(StateCorruptError);
  });

  test('does not believe a clock in the future', async () => {
    const answer = await send(red({ atMs: world.clock.nowMs() + hourMs }));
    expect(answer.outcome).toBe('FAILED');
    expect(answer.message).toContain('in the future');
    expect(await live()).toEqual(['3']);
    // A little ahead is clock skew.
    const skewed = await send(red({ atMs: world.clock.nowMs() + 10_000 }));
    expect(skewed.outcome).toBe('ROLLED_BACK');
  });

  test('tells of what nobody can read once an hour for each source, and acts on none of it', async () => {
    const topic = 'arn:aws:sns:eu-west-1:111122223333:t';
    const say = (text: string, source: string): Promise<RollbackResponse> =>
      handleAlarm(
        world.deps,
        parseAlarmText(text),
        { arn: source, ownAccount: null },
        world.deadline(),
      );
    const answer = await say('hello', topic);
    expect(answer).toMatchObject({ outcome: 'FAILED', model_name: null, notified: true });
    await say('hello again', topic);
    expect(world.notifier.sent).toHaveLength(1);
    await say('hello', `${topic}2`);
    world.clock.advance(hourMs);
    await say('hello', topic);
    expect(world.notifier.sent).toHaveLength(3);
    const untimed = patched(red(), ['alarmData', 'state', 'timestamp'], undefined);
    expect((await send(untimed)).outcome).toBe('FAILED');
    expect(await live()).toEqual(['3']);
  });

  test('ignores its own notices', async () => {
    await send(red());
    const own = JSON.stringify(world.notifier.sent[0]?.message);
    const origin = { arn: 'topic', ownAccount: null };
    const answer = await handleAlarm(world.deps, parseAlarmText(own), origin, world.deadline());
    expect(answer.outcome).toBe('IGNORED');
    expect(world.notifier.sent).toHaveLength(1);
  });
});

describe('what must not act', () => {
  const ignored = async (event: JsonObject): Promise<void> => {
    expect((await send(event)).outcome).toBe('IGNORED');
    expect(world.notifier.sent).toEqual([]);
    expect(await world.records()).toEqual([]);
  };

  test('an alarm that is not red, suppressed or muted', async () => {
    await ignored(red({ state: 'OK' }));
    await ignored(red({ state: 'INSUFFICIENT_DATA' }));
    await ignored(eventBridgeAlarm({ model: 'm', suppressedBy: 'WaitPeriod' }));
    await ignored(eventBridgeAlarm({ model: 'm', isMuted: true }));
  });

  test('an old event, unless its alarm is red now', async () => {
    const old = red({ atMs: world.clock.nowMs() - 61 * minuteMs });
    await ignored(old);
    world.alarms.answerAs('silent');
    await ignored(old);
    world.alarms.answerAs('answer');
    cloudWatchHas('OK');
    await ignored(old);
    cloudWatchHas('ALARM');
    expect((await send(old)).outcome).toBe('REFUSED');
    world.alarms.answerAs('unreachable');
    const other = red({ name: 'other', atMs: world.clock.nowMs() - 61 * minuteMs });
    expect((await send(other)).outcome).toBe('DEFERRED');
  });

  test('an alarm with its actions disabled, where the event bus delivers it all the same', async () => {
    const event = (): JsonObject => eventBridgeAlarm({ model: 'm', atMs: world.clock.nowMs() });
    cloudWatchHas('ALARM', { hasActionsEnabled: false });
    await ignored(event());
    world.alarms.answerAs('unreachable');
    const deferred = await send(event());
    expect(deferred.outcome).toBe('DEFERRED');
    world.alarms.answerAs('answer');
    world.clock.advance(2 * minuteMs);
    await runSweep();
    expect((await recordOf(deferred)).watch).toMatchObject({ why: 'ignored' });
    expect(await live()).toEqual(['3']);
    world.alarms.remove(arn);
    world.alarms.answerAs('answer');
    expect((await send(event())).outcome).toBe('ROLLED_BACK');
  });

  test('the first transition of an alarm that was just made', async () => {
    world = worldWith({ alarmAgeMinMs: 10 * minuteMs });
    cloudWatchHas('ALARM', { configuredAtMs: world.clock.nowMs() - minuteMs });
    await ignored(red({ previousState: 'INSUFFICIENT_DATA' }));
    expect((await send(red({ previousState: 'OK' }))).outcome).toBe('ROLLED_BACK');
  });
});

describe('a refused alarm', () => {
  test('is looked at when its guard ends, at most an hour away', async () => {
    const refused = await refusedAlarm();
    expect((await recordOf(refused)).watch).toMatchObject({
      kind: 'pending',
      dueAtMs: world.clock.nowMs() + hourMs,
    });
    world = worldWith({}, 20 * minuteMs);
    const soon = await refusedAlarm();
    expect((await recordOf(soon)).watch).toMatchObject({
      dueAtMs: world.clock.nowMs() + 10 * minuteMs,
    });
  });

  test('acts when it is still red and young', async () => {
    world = worldWith({ isCauseChecked: false }, 20 * minuteMs);
    const refused = await refusedAlarm();
    cloudWatchHas('ALARM');
    world.clock.advance(11 * minuteMs);
    await runSweep();
    const record = await recordOf(refused);
    expect(record.progress.status).toBe('ROLLED_BACK');
    expect(record.attempts).toBe(2);
    expect(await live()).toEqual(['1']);
  });

  test('is closed, with a record, when it has recovered', async () => {
    const refused = await refusedAlarm();
    cloudWatchHas('OK');
    world.clock.advance(hourMs);
    await runSweep();
    const record = await recordOf(refused);
    expect(record.watch).toMatchObject({ kind: 'closed', why: 'recovered' });
    expect(record.progress.status).toBe('REFUSED');
    // A late duplicate of a closed alarm does not open it again.
    world.clock.advance(24 * hourMs);
    cloudWatchHas('ALARM');
    const { transition } = record.alarm ?? {};
    expect((await send(red({ atMs: transition?.atMs ?? 0 }))).replayed).toBe(true);
    expect(await live()).toEqual(['2']);
  });

  test('stays while nobody can tell its state, and is given up after days', async () => {
    const refused = await refusedAlarm();
    for (const kind of ['unreachable', 'silent', 'answer'] as const) {
      world.alarms.answerAs(kind);
      world.clock.advance(2 * hourMs);
      expect(await runSweep()).toMatchObject({ failed: [] });
      expect((await recordOf(refused)).watch.kind).toBe('pending');
    }
    world.clock.advance(7 * 24 * hourMs);
    await runSweep();
    expect((await recordOf(refused)).watch).toMatchObject({ why: 'unreadable' });
    expect(await live()).toEqual(['2']);
  });

  test('waits for a person when it is still red and old', async () => {
    const refused = await refusedAlarm();
    cloudWatchHas('ALARM');
    world.clock.advance(61 * minuteMs);
    await runSweep();
    const record = await recordOf(refused);
    expect(record.progress).toMatchObject({ status: 'AWAITING_APPROVAL' });
    const asked = world.notifier.sent.find(
      ({ subject }) => subject === 'Model Rollback awaiting approval: m',
    );
    expect(asked?.message.text).toContain(`approve ${record.id} --override COOLDOWN`);
    world.clock.advance(2 * hourMs);
    await runSweep();
    expect(subjects().filter((one) => one.includes('approval'))).toHaveLength(1);
    expect(await live()).toEqual(['2']);
  });

  test('is closed when another version is live than when it came', async () => {
    const refused = await refusedAlarm();
    cloudWatchHas('ALARM');
    const promoted = world.registry.register('m');
    world.registry.transition('m', promoted, 'Production', true);
    world.clock.advance(hourMs);
    await runSweep();
    expect((await recordOf(refused)).watch).toMatchObject({ why: 'pointer-moved' });
    expect(await live()).toEqual([promoted]);
  });

  test('is closed, and that announced, when another pointer is configured for its model', async () => {
    const refused = await refusedAlarm();
    cloudWatchHas('ALARM');
    const { settings } = world.deps;
    const champion = { kind: 'alias', alias: 'champion' } as const;
    const pointers = { default: champion, byModel: new Map() };
    const deps = { ...world.deps, settings: { ...settings, pointers } };
    world.clock.advance(hourMs);
    world.notifier.isBroken = true;
    await runSweep(deps);
    expect((await recordOf(refused)).watch).toMatchObject({ why: 'pointer-changed' });
    world.notifier.isBroken = false;
    world.clock.advance(hourMs);
    await runSweep(deps);
    await runSweep(deps);
    const closed = world.notifier.sent.filter(({ subject }) => subject.includes('closed'));
    expect(closed.map(({ subject }) => subject)).toEqual(['Model Rollback alarm closed: m']);
    expect(closed[0]?.message).toMatchObject({
      rollback_id: refused.rollback_id,
      outcome: 'REFUSED',
      alarm: { watch: 'pointer-changed' },
    });
    expect(closed[0]?.message.text).toContain('the pointer of m was stage:Production');
    expect(closed[0]?.message.text).toContain('`model-rollback plan m`');
    expect(await live()).toEqual(['2']);
  });

  test('is handed on when its model becomes known; too late, a person decides', async () => {
    cloudWatchHas('ALARM');
    world.alarms.answerAs('unreachable');
    const late = await send(red({ model: null, atMs: world.clock.nowMs() - 59 * minuteMs }));
    world.alarms.answerAs('answer');
    const failed = await send(red({ model: null }));
    expect(failed).toMatchObject({ outcome: 'FAILED', model_name: null });
    expect(subjects()).toEqual([
      `Model Rollback deferred: ${name}`,
      `Model Rollback failed: ${name}`,
    ]);
    cloudWatchHas('ALARM', {}, { tags: { 'model-rollback:model': 'm' } });
    world.clock.advance(2 * minuteMs);
    await runSweep();
    expect((await recordOf(failed)).watch).toMatchObject({ why: 'handed-on' });
    expect((await recordOf(late)).watch).toMatchObject({ why: 'handed-on' });
    const records = await world.records('m');
    expect(records.map((record) => record.progress.status).toSorted()).toEqual([
      'AWAITING_APPROVAL',
      'ROLLED_BACK',
    ]);
    expect(await live()).toEqual(['2']);
  });
});

describe('approval', () => {
  const waiting = async (): Promise<RollbackRecord> => {
    world = worldWith({ mode: 'ask' });
    cloudWatchHas('ALARM');
    const answer = await send(red());
    expect(answer).toMatchObject({
      outcome: 'AWAITING_APPROVAL',
      from_version: '3',
      to_version: '2',
    });
    expect(await live()).toEqual(['3']);
    return await recordOf(answer);
  };
  const approve = async (
    { id }: RollbackRecord,
    by: Pick<Approval, 'overrides' | 'requestedBy'> = { overrides: [], requestedBy: 'ann' },
  ): Promise<RollbackResponse> => {
    const rollOnce = async (call: Pick<RollbackCall, 'request' | 'warnings' | 'alarm'>) => {
      const deadline = world.deadline();
      const answer = await rollBack(world.deps, { ...call, invocationId: 'i', deadline });
      return { answer, isRolledBack: answer.rolled_back };
    };
    const approval = { rollbackId: id, ...by };
    return (await approveRollback(world.deps, approval, rollOnce, world.deadline)).answer;
  };

  test('rolls back exactly what was shown, once', async () => {
    const record = await waiting();
    const answer = await approve(record);
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', alarm: { automatic: false } });
    const after = await recordOf({ ...answer, rollback_id: record.id });
    expect(after.watch).toMatchObject({ why: 'approved', by: 'ann' });
    expect(await approve(after)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
    // Another yes is another request, and meets what the first one did.
    const other = { overrides: ['COOLDOWN'], requestedBy: 'ann' } as const;
    expect((await approve(after, other)).outcome).toBe('ALREADY_LIVE');
    expect(await live()).toEqual(['2']);
  });

  test('is refused when another version is live meanwhile', async () => {
    const record = await waiting();
    const promoted = world.registry.register('m');
    world.registry.transition('m', promoted, 'Production', true);
    const answer = await approve(record);
    expect(answer.refusals.map((refusal) => refusal.code)).toEqual(['LIVE_VERSION_CHANGED']);
    // Nothing was rolled back, so the alarm is still checked.
    const after = await explainRollback(world.store, record.id, world.deadline());
    expect(after.record.watch).toMatchObject({ kind: 'pending' });
  });

  test('is answered from the first one when another person approves too', async () => {
    const record = await waiting();
    expect(await approve(record)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
    const again = await approve(record, { overrides: [], requestedBy: 'bob' });
    expect(again).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
  });

  test('is possible for 12 hours', async () => {
    const record = await waiting();
    world.clock.advance(12 * hourMs);
    expect(() => approvedRequest(record, by(), world.clock.nowMs())).not.toThrow();
    world.clock.advance(1);
    expect(() => approvedRequest(record, by(), world.clock.nowMs())).toThrow('12 h');
    await runSweep();
    const after = await explainRollback(world.store, record.id, world.deadline());
    expect(after.record.watch).toMatchObject({ why: 'expired' });
  });

  test('observe only tells what would have happened', async () => {
    world = worldWith({ mode: 'observe' });
    cloudWatchHas('ALARM');
    const answer = await send(red());
    expect(answer).toMatchObject({
      outcome: 'OBSERVED',
      to_version: '2',
      alarm: { watch: 'none' },
    });
    expect(subjects()).toEqual(['Model Rollback observed: m']);
    expect(await live()).toEqual(['3']);
  });

  const by = (): { overrides: []; requestedBy: string } => ({ overrides: [], requestedBy: 'ann' });
});

describe('did it help', () => {
  const bake = async (
    state: AlarmState | null,
    report: object = { failed: [] },
  ): Promise<RollbackRecord> => {
    const answer = await send(red());
    if (state !== null) cloudWatchHas(state);
    world.clock.advance(3 * minuteMs);
    await runSweep();
    world.clock.advance(13 * minuteMs);
    expect(await runSweep()).toMatchObject({ recoveries_checked: 1, ...report });
    return await recordOf(answer);
  };

  test('recovered reaches a channel only after the rollback did', async () => {
    const pager = new RecordingNotifier();
    let isRefused = (notice: Notice): boolean => notice.message.about === 'end';
    const second = {
      channel: 'pager',
      send: async (notice: Notice) => {
        pager.isBroken = isRefused(notice);
        return await pager.send(notice);
      },
    };
    world = { ...world, deps: { ...world.deps, notifiers: [world.notifier, second] } };
    await bake('OK', {});
    expect(subjects()).toEqual(['Model Rollback: m', 'Model Rollback recovered: m']);
    expect(pager.sent).toEqual([]);
    isRefused = () => false;
    for (let round = 0; round < 3; round += 1) {
      world.clock.advance(limits.noticeBackoffMaxMs);
      await runSweep();
    }
    expect(pager.sent.map(({ subject }) => subject)).toEqual(subjects());
    expect(subjects()).toHaveLength(2);
  });

  test('recovered is recorded and announced', async () => {
    const record = await bake('OK');
    expect(record.recovery.kind).toBe('recovered');
    expect(subjects()).toEqual(['Model Rollback: m', 'Model Rollback recovered: m']);
    expect((await send(red())).refusals.map((refusal) => refusal.code)).toEqual(['COOLDOWN']);
  });

  test('still red is announced and stops automation of the model until a person resumes it', async () => {
    world = worldWith({ isCauseChecked: false }, 0);
    const record = await bake('ALARM');
    expect(record.recovery.kind).toBe('not-recovered');
    expect(subjects().at(-1)).toBe('Model Rollback not recovered: m');
    const refused = await send(red());
    expect(refused.refusals).toMatchObject([{ code: 'PAUSED', overridable: false }]);
    expect(await live()).toEqual(['2']);
    expect((await world.ask({ model_name: 'm', dry_run: true })).plan?.verdict).toBe('ROLLED_BACK');
    const pause = await resume('m');
    expect(pause?.why).toBe('recovery');
    expect(await resume('m')).toBeNull();
    world.clock.advance(minuteMs);
    expect((await send(red())).outcome).toBe('ROLLED_BACK');
  });

  test('no data is said, and stops nothing', async () => {
    expect((await bake('INSUFFICIENT_DATA')).recovery.kind).toBe('no-data');
    expect(subjects().at(-1)).toBe('Model Rollback no data: m');
    expect((await bakeState()).pause).toBeNull();
    world = worldWith();
    expect((await bake(null)).recovery.kind).toBe('no-data');
  });

  test('an unreachable CloudWatch is asked again', async () => {
    const answer = await send(red());
    world.clock.advance(3 * minuteMs);
    await runSweep();
    world.alarms.answerAs('unreachable');
    world.clock.advance(13 * minuteMs);
    await runSweep();
    expect((await recordOf(answer)).recovery.kind).toBe('pending');
    world.alarms.answerAs('answer');
    cloudWatchHas('OK');
    world.clock.advance(2 * minuteMs);
    await runSweep();
    expect((await recordOf(answer)).recovery.kind).toBe('recovered');
  });

  test('says nothing when the pointer was moved again before', async () => {
    const answer = await send(red());
    cloudWatchHas('ALARM');
    const request = { model_name: 'm', target_version: '1', overrides: ['COOLDOWN'] };
    expect((await world.ask(request)).outcome).toBe('ROLLED_BACK');
    world.clock.advance(16 * minuteMs);
    await runSweep();
    await runSweep();
    expect((await recordOf(answer)).recovery.kind).toBe('superseded');
    expect(subjects()).toEqual(['Model Rollback: m', 'Model Rollback: m']);
  });

  const bakeState = async (): Promise<{ pause: unknown }> => {
    const { state } = await world.store.read('m', null, world.deadline());
    return { pause: state?.pause };
  };
});

describe('too much at once', () => {
  test('the third rollback of a model in the window stops its automation', async () => {
    world = worldWith({ isCauseChecked: false }, 0);
    world.seed('b', ['Archived', 'Archived', 'Archived', 'Archived', 'Production']);
    for (let count = 1; count <= 3; count += 1) {
      world.clock.advance(hourMs);
      const answer = await world.ask({ model_name: 'b' });
      const codes = answer.warnings.map((warning) => warning.code);
      expect(codes).toEqual(count === 3 ? ['AUTOMATION_PAUSED'] : []);
    }
    world.clock.advance(hourMs);
    const refused = await send(red({ model: 'b' }));
    expect(refused.refusals.map((refusal) => refusal.code)).toEqual(['PAUSED']);
    await resume('b');
    world.clock.advance(minuteMs);
    expect((await send(red({ model: 'b' }))).outcome).toBe('ROLLED_BACK');
    expect((await send(red({ model: 'm' }))).outcome).toBe('ROLLED_BACK');
  });

  test('the alarm of a sixth model stops the fleet; requests go on', async () => {
    const models = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const model of models) world.seed(model, ['Archived', 'Production']);
    const outcomes: string[] = [];
    for (const model of models) {
      outcomes.push((await send(red({ model, name: `${model}-alarm` }))).outcome);
    }
    expect(outcomes).toEqual([...Array<string>(5).fill('ROLLED_BACK'), 'REFUSED', 'REFUSED']);
    world.clock.advance(31 * minuteMs);
    const later = await send(red({ model: 'f', name: 'f-alarm' }));
    expect(later.refusals[0]?.message).toContain('resume --fleet');
    expect((await world.ask({ model_name: 'f' })).outcome).toBe('ROLLED_BACK');
    expect((await resume(null))?.why).toBe('blast-radius');
    expect((await send(red({ model: 'g', name: 'g-alarm' }))).outcome).toBe('ROLLED_BACK');
  });

  test('moves that the registry refuses leave the blast radius as it was', async () => {
    const models = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const model of models) world.seed(model, ['Archived', 'Production']);
    const error = new RegistryRefusedError('The registry answered 403.');
    const refusing = withCalls(world.deps, {
      registry: { movePointer: async () => ({ kind: 'refused', error }) },
    });
    for (const model of models.slice(0, 5)) {
      const failed = await send(red({ model, name: `${model}-alarm` }), refusing);
      expect(failed).toMatchObject({ outcome: 'FAILED', message: error.message });
    }
    expect((await send(red({ model: 'f', name: 'f-alarm' }))).outcome).toBe('ROLLED_BACK');
    const { fleet } = await world.store.read('f', null, world.deadline());
    expect(fleet).toMatchObject({ pause: null, slots: [{ modelName: 'f' }] });
  });

  test('alarms of many models at once take the slots one by one', async () => {
    const models = Array.from({ length: 12 }, (_, index) => `model-${index}`);
    for (const model of models) world.seed(model, ['Archived', 'Production']);
    const answers = await Promise.all(
      models.map((model) => send(red({ model, name: `${model}-alarm` }))),
    );
    const count = (outcome: string): number =>
      answers.filter((answer) => answer.outcome === outcome).length;
    expect(count('ROLLED_BACK')).toBe(5);
    expect(count('REFUSED')).toBe(7);
  });
});

describe('not the cause', () => {
  const promote = (): string => {
    const version = world.registry.register('m');
    world.registry.transition('m', version, 'Production', true);
    return version;
  };

  test('an alarm that went red before the live version went live is refused', async () => {
    const atMs = world.clock.nowMs();
    world.clock.advance(5 * minuteMs);
    promote();
    const answer = await send(red({ atMs }));
    expect(answer.refusals.map((refusal) => refusal.code)).toEqual(['NOT_THE_CAUSE']);
    world = worldWith({ isCauseChecked: false });
    const early = world.clock.nowMs();
    world.clock.advance(5 * minuteMs);
    promote();
    expect((await send(red({ atMs: early }))).outcome).toBe('ROLLED_BACK');
  });

  test('one that may have is a warning', async () => {
    const atMs = world.clock.nowMs();
    world.clock.advance(minuteMs);
    // An edit of the description: the time of the last change says nothing of a promotion.
    world.registry.transition('m', '3', 'Production', false);
    const answer = await send(red({ atMs }));
    expect(answer.outcome).toBe('ROLLED_BACK');
    expect(answer.warnings.map((warning) => warning.code)).toEqual(['NOT_THE_CAUSE']);
  });
});

describe('which model', () => {
  const composite = (children: readonly string[]): JsonObject =>
    red({
      kind: 'composite',
      children: children.map((child) => ({ arn: alarmArn(child), state: 'ALARM' })),
    });
  const child = (
    childName: string,
    model: string | null,
    children: readonly string[] = [],
  ): void => {
    cloudWatchHas('ALARM', {
      ref: cloudWatchRef(alarmArn(childName), childName),
      isComposite: children.length > 0,
      childrenInAlarm: children.map((one) => alarmArn(one)),
      dimensions: model === null ? [] : [{ name: 'ModelName', value: model }],
    });
  };
  const sourceOf = async (event: JsonObject): Promise<string | null | undefined> =>
    (await send(event)).alarm?.model_source;

  test('the dimension in the payload comes first, without a word with CloudWatch', async () => {
    world.alarms.answerAs('unreachable');
    expect(await sourceOf(red())).toBe('dimension');
  });

  test('then the attribute of the contributor, in the event or asked for', async () => {
    cloudWatchHas('ALARM');
    expect(await sourceOf(contributorEvent({ model: 'm', atMs: world.clock.nowMs() }))).toBe(
      'contributor',
    );
    world = worldWith();
    const attributes = [{ name: 'ModelName', value: 'm' }];
    cloudWatchHas('ALARM', {}, { contributors: [{ id: 'c', attributes, changedAtMs: null }] });
    expect(await sourceOf(red({ kind: 'multi-series' }))).toBe('contributor');
  });

  test('then the children of a composite alarm, through circles and levels', async () => {
    child('inner', null, ['leaf', 'outer', 'inner']);
    child('leaf', 'm');
    expect(await sourceOf(composite(['inner']))).toBe('children');
  });

  test('two different answers of one source are none', async () => {
    child('one', 'm');
    child('two', 'other');
    const answer = await send(composite(['one', 'two']));
    expect(answer).toMatchObject({ outcome: 'FAILED', model_name: null });
    expect(answer.message).toContain('several models');
    const both = await send(red({ kind: 'math', model: ['m', 'other'] }));
    expect(both).toMatchObject({ outcome: 'FAILED', model_name: null });
    expect(await live()).toEqual(['3']);
  });

  test('children too, when only CloudWatch knows that the alarm is composite', async () => {
    child('leaf', 'm');
    cloudWatchHas('ALARM', { isComposite: true, childrenInAlarm: [alarmArn('leaf')] });
    expect(await sourceOf(red({ kind: 'log' }))).toBe('children');
  });

  test('then the tag of the alarm, then the map by its name', async () => {
    world = worldWith({ modelsByAlarm: new Map([['high-*', 'm']]) });
    expect(await sourceOf(red({ model: null }))).toBe('map');
    world = worldWith({ modelsByAlarm: new Map([['high-*', 'other']]) });
    cloudWatchHas('ALARM', {}, { tags: { 'model-rollback:model': 'm' } });
    expect(await sourceOf(red({ kind: 'log' }))).toBe('tag');
  });

  test('what CloudWatch refuses to tell is no answer; an unreachable one defers', async () => {
    world = worldWith({ modelsByAlarm: new Map([[name, 'm']]) });
    world.alarms.answerAs('silent');
    expect(await sourceOf(red({ kind: 'composite' }))).toBe('map');
    world = worldWith({ modelsByAlarm: new Map([[name, 'm']]) });
    world.alarms.answerAs('unreachable');
    const deferred = await send(red({ kind: 'composite' }));
    expect(deferred).toMatchObject({ outcome: 'DEFERRED', model_name: null });
    world.alarms.answerAs('answer');
    cloudWatchHas('ALARM');
    world.clock.advance(2 * minuteMs);
    await runSweep();
    expect((await recordOf(deferred)).watch).toMatchObject({ why: 'handed-on' });
    expect(await live()).toEqual(['2']);
  });

  test('a name that no model can have is told, and nothing is done', async () => {
    const answer = await send(red({ model: `'"` }));
    expect(answer).toMatchObject({ outcome: 'FAILED', model_name: null });
  });
});

describe('an alarm of another source', () => {
  /** Its id is, of all things, the ARN of an alarm that CloudWatch has. */
  const sendOther = async (event: JsonObject): Promise<RollbackResponse> => {
    const payload = parseAlarmPayload(event);
    if (payload?.kind !== 'transition') throw new Error('the event is no transition');
    const ref = { source: 'alertmanager', id: arn, name: 'latency' };
    const transition = { ...payload.transition, ref };
    return await handleAlarm(world.deps, { ...payload, transition }, null, world.deadline());
  };

  test('rolls back, is no copy of the one in CloudWatch, and is not checked there', async () => {
    cloudWatchHas('OK');
    const answer = await sendOther(red({ dimension: 'model' }));
    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      alarm_name: 'latency',
      alarm: { arn: `alertmanager:${arn}`, recovery: 'pending' },
    });
    expect(await send(red())).toMatchObject({ outcome: 'REFUSED', replayed: false });
    world.clock.advance(hourMs);
    await runSweep();
    expect(await recordOf(answer)).toMatchObject({ recovery: { kind: 'no-data' } });
  });

  test('does not get its model from CloudWatch', async () => {
    cloudWatchHas('ALARM', {}, { tags: { 'model-rollback:model': 'm' } });
    const answer = await sendOther(red({ model: null }));
    expect(answer).toMatchObject({ outcome: 'FAILED', model_name: null });
    expect(await recordOf(answer)).toMatchObject({
      subject: 'alarm',
      modelName: `alertmanager:${arn}`,
    });
  });
});
