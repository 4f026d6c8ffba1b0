import { beforeEach, describe, expect, test } from 'vitest';
import { cloudWatchRef } from '../../../src/domain/alarm/alarm.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import {
  ConfigurationError,
  RegistryRefusedError,
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../../../src/domain/errors.ts';
import { directAlarm, snsMessage, sqsEvent } from '../../fakes/alarm-events.ts';
import { type RegistryCalls, type StoreCalls, withCalls } from '../../fakes/intercept.ts';
import { putKnownAlarm } from '../../fakes/known-alarms.ts';
import { metricProblems, metricValue } from '../../fakes/metric-format.ts';
import { type Served, type ServeOptions, serve } from '../../fakes/served-event.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
let world: World;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

/** Every line of every test must be one that CloudWatch takes. */
const served = async (event: unknown, options?: ServeOptions): Promise<Served> => {
  const one = await serve(world, event, options);
  expect(one.metrics.flatMap(metricProblems)).toEqual([]);
  return one;
};
const intercepted = (calls: { registry?: RegistryCalls; store?: StoreCalls }): ServeOptions => ({
  started: withCalls(world.deps, calls),
});
const alarm = (parts: Parameters<typeof directAlarm>[0] = {}): object =>
  directAlarm({ model: 'm', atMs: world.clock.nowMs(), ...parts });

/** What is counted under the service alone. */
const countsOf = ({ metrics }: Served): Record<string, number> => {
  const names = [
    'RollbackRequested',
    'RollbackSucceeded',
    'RollbackSkipped',
    'RollbackFailed',
    'DuplicateEvent',
    'StaleEvent',
    'NotificationFailed',
  ];
  const counts = names.map((name) => [name, metricValue(metrics, name, { service })] as const);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
};
const service = 'model-rollback';

describe('metricsOf', () => {
  test('counts a rollback in one line, with the model that the registry knows', async () => {
    const { metrics } = await served({ model_name: 'm' }, { invocationId: 'i-1' });
    expect(metrics).toEqual([
      {
        _aws: {
          Timestamp: world.clock.nowMs(),
          CloudWatchMetrics: [
            directive([['service'], ['service', 'ModelName']], { RollbackRequested: 'Count' }),
            directive([['service'], ['service', 'ModelName']], { RollbackSucceeded: 'Count' }),
            directive([['service']], {
              RegistryLatencyMs: 'Milliseconds',
              NotificationFailed: 'Count',
            }),
          ],
        },
        function_request_id: 'i-1',
        service,
        ModelName: 'm',
        RollbackRequested: 1,
        RollbackSucceeded: 1,
        RegistryLatencyMs: 0,
        NotificationFailed: 0,
      },
    ]);
  });

  test('counts a refusal under its first code', async () => {
    await served({ model_name: 'm' });
    world.clock.advance(minuteMs);
    const refused = await served({ model_name: 'm', expected_from_version: '3' });
    expect(refused.answer).toMatchObject({
      refusals: [{ code: 'COOLDOWN' }, { code: 'LIVE_VERSION_CHANGED' }],
    });
    expect(countsOf(refused)).toEqual({ RollbackRequested: 1, RollbackSkipped: 1 });
    const { metrics } = refused;
    expect(metricValue(metrics, 'RollbackSkipped', { service, Reason: 'COOLDOWN' })).toBe(1);
    expect(metricValue(metrics, 'RollbackSkipped', { service, ModelName: 'm' })).toBe(1);
    expect(metrics).toHaveLength(1);
  });

  test.each([
    ['NO_TARGET', { model_name: 'single' }],
    ['ALREADY_LIVE', { model_name: 'm', target_version: '3' }],
  ])('counts %s as skipped, by its name', async (outcome, request) => {
    world.seed('single', ['Production']);
    const one = await served(request);
    expect(one.answer).toMatchObject({ outcome });
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackSkipped: 1 });
    expect(metricValue(one.metrics, 'RollbackSkipped', { service, Reason: outcome })).toBe(1);
  });

  test.each([
    ['ask', 'AWAITING_APPROVAL'],
    ['observe', 'OBSERVED'],
  ] as const)('counts an alarm in mode %s as skipped: %s', async (mode, outcome) => {
    world = makeWorld({ alarms: { ...defaultAlarmSettings, mode } });
    world.seed('m', ['Archived', 'Production']);
    const one = await served(alarm());
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackSkipped: 1 });
    expect(metricValue(one.metrics, 'RollbackSkipped', { service, Reason: outcome })).toBe(1);
  });

  test('counts a repeated event as a duplicate and nothing else', async () => {
    const event = alarm();
    await served(event);
    const repeated = await served(event);
    expect(countsOf(repeated)).toEqual({ RollbackRequested: 1, DuplicateEvent: 1 });
    expect(metricValue(repeated.metrics, 'DuplicateEvent', { service, ModelName: 'm' })).toBe(1);
  });

  test('counts no preview', async () => {
    const one = await served({ model_name: 'm', dry_run: true });
    expect(countsOf(one)).toEqual({});
    expect(one.metrics[0]).toHaveProperty('RegistryLatencyMs', 0);
    const failed = await served({ model_name: 'nobody', dry_run: true });
    expect(failed.error).toBeDefined();
    expect(countsOf(failed)).toEqual({});
  });

  test('counts no alarm that asks for nothing, and writes no line for it', async () => {
    const one = await served(alarm({ state: 'OK' }));
    expect(one.answer).toMatchObject({ outcome: 'IGNORED' });
    expect(one.metrics).toEqual([]);
  });

  test('counts an alarm that came too late as stale only', async () => {
    const atMs = world.clock.nowMs() - defaultAlarmSettings.eventAgeMaxMs - 1;
    expect(countsOf(await served(alarm({ atMs })))).toEqual({ StaleEvent: 1 });
    const young = alarm({ atMs: world.clock.nowMs() - 1, isMuted: true });
    expect(countsOf(await served(young))).toEqual({});
    putRed();
    const stillRed = await served(alarm({ atMs }));
    expect(countsOf(stillRed)).toEqual({ RollbackRequested: 1, RollbackSucceeded: 1 });
  });

  test('counts what nobody can read as failed, each time', async () => {
    const event = sqsEvent(['no alarm', 'no alarm either'], 'raw');
    const one = await served(event);
    expect(one.answer).toMatchObject({ results: [{ replayed: false }, { replayed: true }] });
    expect(countsOf(one)).toEqual({ RollbackRequested: 2, RollbackFailed: 2 });
    expect(metricValue(one.metrics, 'RollbackFailed', { service, ErrorName: 'UNREADABLE' })).toBe(
      2,
    );
  });

  test('counts what waits for the registry as skipped', async () => {
    const one = await served(alarm(), intercepted({ registry: { read: down } }));
    expect(one.answer).toMatchObject({ outcome: 'DEFERRED' });
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackSkipped: 1 });
    expect(metricValue(one.metrics, 'RollbackSkipped', { service, Reason: 'DEFERRED' })).toBe(1);
    expect(one.metrics[0]).not.toHaveProperty('ModelName');
  });
});

describe('metricsOf, when it fails', () => {
  const failures: [string, unknown, () => ServeOptions][] = [
    ['InvalidRequestError', { model_nam: 'm' }, () => ({})],
    ['ModelNotFoundError', { model_name: 'nobody' }, () => ({})],
    [
      'ConfigurationError',
      { model_name: 'm' },
      () => ({ started: new ConfigurationError('MLFLOW_TRACKING_URI is not set.') }),
    ],
    [
      'RegistryUnavailableError',
      { model_name: 'm' },
      () => intercepted({ registry: { read: down } }),
    ],
    [
      'StateStoreUnavailableError',
      alarm0(),
      () =>
        intercepted({
          store: {
            read: async () => {
              throw new StateStoreUnavailableError('The store is throttled.');
            },
          },
        }),
    ],
    [
      'UnexpectedError',
      { model_name: 'm' },
      () =>
        intercepted({
          registry: {
            read: async () => {
              throw new TypeError('a bug');
            },
          },
        }),
    ],
  ];

  test.each(failures)('counts %s by its name, without a model', async (name, event, options) => {
    const one = await served(event, options());
    expect(one.error).toBeInstanceOf(Error);
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackFailed: 1 });
    expect(metricValue(one.metrics, 'RollbackFailed', { service, ErrorName: name })).toBe(1);
    expect(one.metrics[0]).not.toHaveProperty('ModelName');
  });

  test('counts a failure that was recorded and thrown once, by the name of the error', async () => {
    const refusal = new RegistryRefusedError('The registry answered 403.');
    const one = await served(
      { model_name: 'm' },
      intercepted({ registry: { movePointer: async () => ({ kind: 'refused', error: refusal }) } }),
    );
    expect(one.error).toBe(refusal);
    expect((await world.records('m'))[0]?.progress.status).toBe('FAILED');
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackFailed: 1 });
    expect(one.metrics[0]).toMatchObject({ ErrorName: 'RegistryRefusedError' });
  });

  test('counts a contested rollback as failed', async () => {
    const one = await served(
      { model_name: 'm' },
      intercepted({
        registry: {
          movePointer: async (next) => {
            const answer = await next();
            world.registry.transition('m', world.registry.register('m'), 'Production', false);
            return answer;
          },
        },
      }),
    );
    expect(one.answer).toMatchObject({ outcome: 'CONTESTED' });
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackFailed: 1 });
    expect(one.metrics[0]).toMatchObject({ ErrorName: 'CONTESTED', ModelName: 'm' });
  });
});

describe('metricsOf, of several at once', () => {
  test('has a line for each model and outcome of a batch', async () => {
    for (const model of ['a', 'b']) world.seed(model, ['Archived', 'Production']);
    const atMs = world.clock.nowMs();
    const messages = ['a', 'b', 'm', 'a'].map((model, index) => {
      const parts = { model, name: `${model}-${index}`, atMs };
      putKnownAlarm(world.alarms, parts);
      return snsMessage(parts);
    });
    const one = await served(
      sqsEvent(messages, 'raw'),
      intercepted({
        store: {
          read: async (next, modelName) => {
            if (modelName === 'b') throw new StateStoreUnavailableError('b is down');
            return await next();
          },
        },
      }),
    );
    expect(countsOf(one)).toEqual({
      RollbackRequested: 4,
      RollbackSucceeded: 2,
      RollbackSkipped: 1,
      RollbackFailed: 1,
    });
    for (const ModelName of ['a', 'm']) {
      expect(metricValue(one.metrics, 'RollbackSucceeded', { service, ModelName })).toBe(1);
    }
    const whole = one.metrics.filter((line) => 'RegistryLatencyMs' in line);
    expect(whole).toHaveLength(1);
  });

  test('keeps invocations apart that run at the same time', async () => {
    world.seed('n', ['Production']);
    const [first, second] = await Promise.all([
      served({ model_name: 'm' }, { invocationId: 'first' }),
      served({ model_name: 'n' }, { invocationId: 'second' }),
    ]);
    expect(first.metrics).toMatchObject([{ function_request_id: 'first', RollbackSucceeded: 1 }]);
    expect(second.metrics).toMatchObject([{ function_request_id: 'second', Reason: 'NO_TARGET' }]);
  });

  test('leaves out a model whose name CloudWatch does not take', async () => {
    world.seed('модель', ['Archived', 'Production']);
    const one = await served({ model_name: 'модель' });
    expect(countsOf(one)).toEqual({ RollbackRequested: 1, RollbackSucceeded: 1 });
    expect(one.metrics[0]).not.toHaveProperty('ModelName');
  });

  test('counts what a request finished for another one', async () => {
    await dieAfterMove({ model_name: 'm', request_id: 'first' });
    world.clock.advance(3 * minuteMs);
    const one = await served({ model_name: 'm', request_id: 'second' });
    expect(one.answer).toMatchObject({ outcome: 'REFUSED' });
    expect(countsOf(one)).toEqual({
      RollbackRequested: 1,
      RollbackSucceeded: 1,
      RollbackSkipped: 1,
    });
  });
});

describe('metricsOf, of a sweep', () => {
  test('writes no line on a quiet day', async () => {
    expect((await served({ sweep: true })).metrics).toEqual([]);
  });

  test('counts what it finished, but not as requested', async () => {
    await dieAfterMove({ model_name: 'm' });
    world.clock.advance(3 * minuteMs);
    const swept = await served({ sweep: true });
    expect(swept.answer).toMatchObject({ resumed: 1 });
    expect(countsOf(swept)).toEqual({ RollbackSucceeded: 1 });
    expect(metricValue(swept.metrics, 'RollbackSucceeded', { service, ModelName: 'm' })).toBe(1);
  });

  test('counts an alarm that it tried again', async () => {
    const event = alarm();
    await served(event, intercepted({ registry: { read: down } }));
    world.clock.advance(2 * minuteMs);
    world.alarms.answerAs('silent');
    const waiting = await served({ sweep: true });
    expect(waiting.answer).toMatchObject({ due: 1 });
    expect(countsOf(waiting)).toEqual({});
    putRed();
    world.clock.advance(20 * minuteMs);
    const swept = await served({ sweep: true });
    expect(swept.answer).toMatchObject({ alarms_looked_at: 1 });
    expect(countsOf(swept)).toEqual({ RollbackSucceeded: 1 });
  });

  test('counts a notice that it could not send, and is back at 0 when it could', async () => {
    world.notifier.isBroken = true;
    const first = await served({ model_name: 'm' });
    expect(countsOf(first)).toMatchObject({ RollbackSucceeded: 1, NotificationFailed: 1 });
    const ofChannel = { service, Channel: 'recording' };
    expect(metricValue(first.metrics, 'ChannelFailed', ofChannel)).toBe(1);
    world.clock.advance(2 * minuteMs);
    const failed = await served({ sweep: true });
    expect(countsOf(failed)).toEqual({ NotificationFailed: 1 });
    world.notifier.isBroken = false;
    world.clock.advance(60 * minuteMs);
    const sent = await served({ sweep: true });
    expect(sent.answer).toMatchObject({ notices_sent: 1 });
    expect(countsOf(sent)).toEqual({});
    expect(metricValue(sent.metrics, 'ChannelFailed', ofChannel)).toBe(0);
    expect(sent.metrics[0]).toMatchObject({ NotificationFailed: 0 });
  });

  test('counts no end again when its notice is sent later', async () => {
    world.notifier.isBroken = true;
    await served({ model_name: 'm' });
    world.notifier.isBroken = false;
    world.clock.advance(60 * minuteMs);
    const sent = await served({ sweep: true });
    expect(sent.answer).toMatchObject({ notices_sent: 1 });
    expect(countsOf(sent)).toEqual({});
  });
});

describe('NotificationFailed', () => {
  test('counts a notice that there was no time to send', async () => {
    const one = await served(
      { model_name: 'm' },
      {
        ...intercepted({
          registry: {
            movePointer: async (next) => {
              const answer = await next();
              world.clock.advance(9_000);
              return answer;
            },
          },
          store: {
            write: async (next, change) => {
              const result = await next();
              if (change.record?.progress.status === 'ROLLED_BACK') world.clock.advance(60_000);
              return result;
            },
          },
        }),
        budgetMs: 30_000,
      },
    );
    expect(one.answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });
    expect(world.notifier.sent).toEqual([]);
    expect(countsOf(one)).toMatchObject({ NotificationFailed: 1 });
  });
});

describe('RegistryLatencyMs', () => {
  test('is the time that was waited, calls at the same time counted once', async () => {
    const one = await served(
      { model_name: 'm' },
      intercepted({
        registry: {
          read: async (next) => {
            world.clock.advance(100);
            return await next();
          },
          annotate: async (next) => {
            const startMs = world.clock.nowMs();
            await Promise.resolve();
            // Both tags are written at the same time.
            world.clock.advance(startMs + 30 - world.clock.nowMs());
            await next();
          },
        },
      }),
    );
    // The look, the recheck, the read-back, and the tags.
    expect(one.metrics[0]).toMatchObject({ RegistryLatencyMs: 330 });
  });

  test('is absent where the registry was not asked', async () => {
    const one = await served({ model_nam: 'm' });
    expect(one.metrics[0]).not.toHaveProperty('RegistryLatencyMs');
  });
});

describe('metricProblems', () => {
  test('finds what CloudWatch would drop', async () => {
    const [line] = (await served({ model_name: 'm' })).metrics;
    expect(metricProblems({ ...line, RollbackRequested: Number.NaN })).toHaveLength(1);
    expect(metricProblems({ ...line, RollbackRequested: '1' })).toHaveLength(1);
    expect(metricProblems({ ...line, ModelName: 'модель' })).not.toEqual([]);
    expect(metricProblems({ ...line, service: undefined })).not.toEqual([]);
    expect(metricProblems({ RollbackRequested: 1 })).toEqual(['there is no _aws']);
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`M${index}`, 1]));
    const names = Object.fromEntries(Object.keys(many).map((name) => [name, 'Count']));
    const crowded = {
      _aws: { Timestamp: 1, CloudWatchMetrics: [directive([['service']], names)] },
      service,
      ...many,
    };
    expect(metricProblems(crowded)).toEqual(['there are more than 100 metrics']);
  });
});

// ---------------------------------------------------------------------------------------------------

async function down(): Promise<never> {
  throw new RegistryUnavailableError('The registry did not answer.');
}

/** Made before there is a world. */
function alarm0(): object {
  return directAlarm({ model: 'm', atMs: Date.UTC(2026, 0, 1, 7) });
}

function directive(dimensions: string[][], metrics: Readonly<Record<string, string>>): object {
  return {
    Namespace: 'ModelRollback',
    Dimensions: dimensions,
    Metrics: Object.entries(metrics).map(([Name, Unit]) => ({ Name, Unit })),
  };
}

/** The alarm of `alarm()` is red in CloudWatch. */
function putRed(): void {
  const { alarmArn } = directAlarm() as { alarmArn: string };
  world.alarms.answerAs('answer');
  world.alarms.put({
    ref: cloudWatchRef(alarmArn, 'high-drawdown-alarm'),
    state: 'ALARM',
    stateChangedAtMs: null,
    configuredAtMs: null,
    hasActionsEnabled: true,
    isSuppressed: false,
    isComposite: false,
    dimensions: [{ name: 'ModelName', value: 'm' }],
    isMultiSeries: false,
    childrenInAlarm: [],
  });
}

/** A run whose move of the pointer is the last thing that happens. */
async function dieAfterMove(request: object): Promise<void> {
  const deps = withCalls(world.deps, {
    registry: {
      movePointer: async (next) => {
        await next();
        return await new Promise<never>(() => undefined);
      },
    },
  });
  world.ask(request, { deps }).catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
}
