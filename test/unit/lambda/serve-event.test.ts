import { beforeEach, describe, expect, test } from 'vitest';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import {
  ConfigurationError,
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../../../src/domain/errors.ts';
import {
  alarmArn,
  contributorEvent,
  directAlarm,
  messageId,
  snsEvent,
  snsMessage,
  sqsEvent,
} from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { putKnownAlarm } from '../../fakes/known-alarms.ts';
import { type LogLine, type Served, serve } from '../../fakes/served-event.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
let world: World;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

const ends = ({ lines }: Served): LogLine[] =>
  lines.filter(({ message }) => /answered/.test(message));
const alarm = (parts: Parameters<typeof directAlarm>[0] = {}): object =>
  directAlarm({ model: 'm', atMs: world.clock.nowMs(), ...parts });
const at = (): string => new Date(world.clock.nowMs()).toISOString();

describe('serveEvent', () => {
  test('says in the last line how a request ended, and how long it took', async () => {
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          world.clock.advance(250);
          return await next();
        },
      },
    });
    const one = await serve(
      world,
      { model_name: 'm', request_id: 'r-1', alarm_name: 'high-drawdown-alarm' },
      { started: deps },
    );
    expect(one.lines.at(-1)).toEqual({
      level: 'info',
      message: 'request answered',
      fields: {
        trigger: 'request',
        trigger_id: 'r-1',
        model_name: 'm',
        alarm_name: 'high-drawdown-alarm',
        rollback_id: expect.stringMatching(/^m\//),
        outcome: 'ROLLED_BACK',
        from_version: '3',
        to_version: '2',
        refusals: '',
        replayed: false,
        notified: true,
        why: expect.stringContaining('moved from 3 to 2'),
        duration_ms: 250,
        registry_ms: 250,
      },
    });
    expect(ends(one)).toHaveLength(1);
  });

  test('names a request without an id by its invocation', async () => {
    const one = await serve(world, { model_name: 'm' }, { invocationId: 'i-1' });
    expect(one.lines.map(({ fields }) => fields['trigger_id'])).toEqual(one.lines.map(() => 'i-1'));
  });

  test('names an alarm by its ARN and the time when it went red, on every path', async () => {
    const atMs = world.clock.nowMs();
    const triggerId = `${alarmArn('high-drawdown-alarm')}@${at()}`;
    putKnownAlarm(world.alarms, { model: 'm', atMs });
    const forms = [
      directAlarm({ model: 'm', atMs }),
      snsEvent([snsMessage({ model: 'm', atMs })]),
      sqsEvent([snsMessage({ model: 'm', atMs })], 'sns'),
    ];
    for (const form of forms) {
      const one = await serve(world, form);
      expect(ends(one)).toMatchObject([
        {
          fields: {
            trigger: 'alarm',
            trigger_id: triggerId,
            alarm_name: 'high-drawdown-alarm',
            model_name: 'm',
            outcome: 'ROLLED_BACK',
          },
        },
      ]);
    }
    const { lines } = await serve(world, contributorEvent({ model: 'm', atMs }));
    expect(lines.at(-1)?.fields['trigger_id']).toBe(`${triggerId}#0123456789abcdef`);
  });

  test('says on every line about a rollback which one it is', async () => {
    world.notifier.isBroken = true;
    const event = alarm();
    const one = await serve(world, event);
    const about = one.lines.filter(({ fields }) => 'rollback_id' in fields);
    expect(about.map(({ message }) => message)).toEqual([
      'rollback ended',
      'the notice was not sent',
      'request answered',
    ]);
    for (const { fields } of about) {
      expect(fields).toMatchObject({
        rollback_id: expect.stringMatching(/^m\//),
        trigger_id: `${alarmArn('high-drawdown-alarm')}@${at()}`,
        outcome: 'ROLLED_BACK',
        model_name: 'm',
        alarm_name: 'high-drawdown-alarm',
      });
    }
  });

  test('says of each rollback of a sweep what asked for it', async () => {
    world.notifier.isBroken = true;
    world.seed('n', ['Archived', 'Production']);
    const asked = { model_name: 'n', request_id: 'r-1' };
    await serve(world, alarm());
    const redAt = at();
    await serve(world, asked);
    world.clock.advance(10 * minuteMs);
    const swept = await serve(world, { sweep: true });
    const unsent = swept.lines.filter(({ message }) => message === 'the notice was not sent');
    const told = unsent.map(({ fields }) => [fields['model_name'], fields['trigger_id']]);
    expect(told.toSorted()).toEqual([
      ['m', `${alarmArn('high-drawdown-alarm')}@${redAt}`],
      ['n', 'r-1'],
    ]);
    expect(swept.lines.at(-1)).toMatchObject({
      level: 'warn',
      message: 'request answered',
      fields: { trigger: 'sweep', outcome: 'SWEPT', due: 4, notices_sent: 0, failed: 2 },
    });
  });

  test('says for how many models a fleet run is, and counts nothing as requested', async () => {
    const one = await serve(world, { plan_fleet: { models: ['m', 'n'], dry_run: true } });
    expect(one.lines).toMatchObject([
      {
        level: 'info',
        message: 'request answered',
        fields: { trigger: 'fleet', trigger_id: expect.any(String), models: 2, dry_run: true },
      },
    ]);
    expect(one.metrics).toEqual([]);
    const wrong = await serve(world, { plan_fleet: { models: 'm' } });
    expect(ends(wrong)).toMatchObject([
      {
        message: 'request not answered',
        fields: { trigger: 'fleet', error: 'InvalidRequestError' },
      },
    ]);
    expect(wrong.metrics).toEqual([]);
  });

  test('has a line for each message of a batch, answered or not', async () => {
    for (const model of ['a', 'b']) world.seed(model, ['Archived', 'Production']);
    const deps = withCalls(world.deps, {
      store: {
        read: async (next, modelName) => {
          if (modelName === 'b') throw new StateStoreUnavailableError('b is down');
          return await next();
        },
      },
    });
    const atMs = world.clock.nowMs();
    const messages = ['a', 'b'].map((model) => {
      const parts = { model, name: `${model}-alarm`, atMs };
      putKnownAlarm(world.alarms, parts);
      return snsMessage(parts);
    });
    const one = await serve(world, sqsEvent([...messages, 'no alarm'], 'raw'), { started: deps });
    expect(ends(one)).toMatchObject([
      {
        level: 'info',
        message: 'request answered',
        fields: { message_id: messageId(0), model_name: 'a' },
      },
      {
        level: 'error',
        message: 'request not answered',
        fields: {
          message_id: messageId(1),
          trigger_id: `${alarmArn('b-alarm')}@${at()}`,
          error: 'StateStoreUnavailableError',
          code: 'STATE_STORE_UNAVAILABLE',
          why: 'b is down',
        },
      },
      {
        level: 'warn',
        message: 'request answered',
        fields: { message_id: messageId(2), outcome: 'FAILED' },
      },
    ]);
  });

  test('tells a refusal by its codes', async () => {
    await serve(world, { model_name: 'm' });
    world.clock.advance(minuteMs);
    const one = await serve(world, { model_name: 'm', expected_from_version: '3' });
    expect(one.lines.at(-1)).toMatchObject({
      level: 'info',
      fields: { outcome: 'REFUSED', refusals: 'COOLDOWN LIVE_VERSION_CHANGED' },
    });
  });

  test.each([
    ['a wrong event', { model_nam: 'm' }, 'InvalidRequestError'],
    ['an unknown model', { model_name: 'nobody' }, 'ModelNotFoundError'],
  ])('says once what is wrong with %s', async (_what, event, error) => {
    const one = await serve(world, event);
    expect(one.error).toMatchObject({ name: error });
    expect(ends(one)).toMatchObject([
      { level: 'error', message: 'request not answered', fields: { error } },
    ]);
  });

  test('throws what was wrong at the start, for each event', async () => {
    const started = new ConfigurationError('MLFLOW_TRACKING_URI is not set.');
    const one = await serve(world, { model_name: 'm' }, { started });
    expect(one.error).toBe(started);
    expect(one.lines).toMatchObject([
      { level: 'error', fields: { error: 'ConfigurationError', code: 'CONFIGURATION' } },
    ]);
    expect(one.metrics).toHaveLength(1);
  });

  test('warns where people should look', async () => {
    const deps = withCalls(world.deps, {
      registry: {
        read: async () => {
          throw new RegistryUnavailableError('The registry did not answer.');
        },
      },
    });
    const deferred = await serve(world, alarm(), { started: deps });
    expect(deferred.lines.at(-1)).toMatchObject({ level: 'warn', fields: { outcome: 'DEFERRED' } });
    const ignored = await serve(world, alarm({ state: 'OK' }));
    expect(ignored.lines.at(-1)).toMatchObject({ level: 'info', fields: { outcome: 'IGNORED' } });
  });

  test('keeps invocations apart that run at the same time', async () => {
    world = makeWorld({ alarms: { ...defaultAlarmSettings, blastRadius: null } });
    const models = Array.from({ length: 20 }, (_, index) => `m${index}`);
    for (const model of models) world.seed(model, ['Archived', 'Production']);
    const atMs = world.clock.nowMs();
    const all = await Promise.all(
      models.map((model) => serve(world, directAlarm({ model, name: `${model}-alarm`, atMs }))),
    );
    all.forEach(({ lines }, index) => {
      for (const { fields } of lines) {
        expect(fields['trigger_id']).toBe(`${alarmArn(`m${index}-alarm`)}@${at()}`);
        expect(fields['alarm_name']).toBe(`m${index}-alarm`);
        expect([undefined, `m${index}`]).toContain(fields['model_name']);
      }
      expect(ends({ lines } as Served)).toMatchObject([
        { fields: { outcome: 'ROLLED_BACK', model_name: `m${index}` } },
      ]);
    });
  });

  test('shows no field of an event that it does not know', async () => {
    const secret = 'hunter2-and-more';
    for (const event of [
      { model_name: 'm', password: secret },
      { ...alarm(), token: secret },
      { sweep: true, token: secret },
      { model_nam: 'm', token: secret },
      sqsEvent([JSON.stringify({ deep: { token: 'x'.repeat(200), secret } })], 'raw'),
    ]) {
      const one = await serve(world, event);
      expect(JSON.stringify([one.lines, one.metrics])).not.toContain(secret);
    }
  });
});
