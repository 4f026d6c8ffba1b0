import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { doctor } from '../../../src/app/doctor.ts';
import { type AlarmDescription, cloudWatchRef } from '../../../src/domain/alarm/alarm.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { type Check, ok, Verdict } from '../../../src/domain/answer/check.ts';
import {
  ConfigurationError,
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import { parsePointer } from '../../../src/domain/registry/pointer.ts';
import type { Pause } from '../../../src/domain/state/fleet.ts';
import type { AlarmAnswer } from '../../../src/ports/alarm-reader.ts';
import type { Deadline } from '../../../src/ports/deadline.ts';
import type { AskedAlarms, Surroundings, WiredAlarm } from '../../../src/ports/surroundings.ts';
import { alarmArn } from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const FUNCTION = 'arn:aws:lambda:eu-west-1:111122223333:function:model-rollback';
const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:alarms';
const NOTICES = 'arn:aws:sns:eu-west-1:111122223333:notices';
const policy = JSON.stringify({
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'lambda.alarms.cloudwatch.amazonaws.com' },
      Action: 'lambda:InvokeFunction',
    },
  ],
});
const noAlarms: AskedAlarms = { functionArn: null, topicArn: null, names: [] };
const ofFunction: AskedAlarms = { ...noAlarms, functionArn: FUNCTION };

let world: World;
let alarms: WiredAlarm[];
let listing: AlarmAnswer<never> | null;
let children: Record<string, readonly string[]>;
let history: AlarmAnswer<null>;
let deadlines: Deadline[];
let around: Surroundings;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  alarms = [];
  listing = null;
  children = {};
  history = { kind: 'answer', value: null };
  deadlines = [];
  around = {
    registry: async (deadline) => {
      deadlines.push(deadline);
      return { check: ok('registry', 'fine'), clockSkewMs: 1_500 };
    },
    state: async () => [ok('table', 'fine')],
    topic: async (name) => ok(name, 'fine'),
    channels: async () => [],
    senders: async () => [],
    openNotifiers: async () => ({ notifiers: [], close: () => undefined }),
    alarms: async (asked) =>
      listing ?? {
        kind: 'answer',
        value: alarms.filter(
          ({ alarm, actions }) => asked.names.includes(alarm.ref.name) || actions.length > 0,
        ),
      },
    function: async () => {
      throw new Error('asked for by the command');
    },
    functionPolicy: async () => policy,
    schedules: async () => [{ name: 'sweep', isEnabled: true }],
    alarmHistory: async () => history,
    alarmChildren: async (arn) => ({ kind: 'answer', value: children[arn] ?? [] }),
  };
});

/** An alarm that exists, and calls the function. */
const put = (
  name: string,
  parts: Partial<AlarmDescription> & { model?: string; tag?: string } = {},
  actions: readonly string[] = [FUNCTION],
): string => {
  const { model, tag, ...more } = parts;
  const alarm: AlarmDescription = {
    ref: cloudWatchRef(alarmArn(name), name),
    state: 'OK',
    stateChangedAtMs: null,
    configuredAtMs: 0,
    hasActionsEnabled: true,
    isSuppressed: false,
    isComposite: false,
    dimensions: model === undefined ? [] : [{ name: 'ModelName', value: model }],
    isMultiSeries: false,
    childrenInAlarm: [],
    ...more,
  };
  world.alarms.put(alarm, tag === undefined ? {} : { tags: { 'model-rollback:model': tag } });
  alarms.push({ alarm, actions });
  return alarm.ref.id;
};

const look = async (
  asked: AskedAlarms = noAlarms,
  deps: RollbackDeps = world.deps,
): Promise<readonly Check[]> =>
  await doctor(deps, around, { noticeTopicArn: NOTICES, alarms: asked }, world.deadline());
const named = (checks: readonly Check[], name: string): Check => {
  const [check, second] = checks.filter((one) => one.name === name);
  if (check === undefined || second !== undefined) throw new Error(JSON.stringify(checks));
  return check;
};
const alarmCheck = async (name: string, deps?: RollbackDeps): Promise<Check> =>
  named(await look(ofFunction, deps), `alarm ${name}`);

describe('doctor', () => {
  test('finds everything in place', async () => {
    put('churn', { model: 'm' });
    const checks = await look(ofFunction);
    expect(checks.map(({ name, verdict }) => `${verdict} ${name}`)).toEqual([
      'ok registry',
      'ok state',
      'ok table',
      'ok clock',
      'ok topic',
      'ok unsent',
      'ok overdue',
      'ok paused',
      'ok policies',
      'ok quarantine',
      'ok pointers',
      'ok schedule',
      'ok permission',
      'ok alarms',
      'ok alarm-history',
      'ok alarm churn',
    ]);
    for (const { fix } of checks) expect(fix).toBeNull();
    expect(named(checks, 'alarm churn').message).toBe('m (dimension): would move from 3 to 2.');
  });

  test('writes nothing and sends nothing', async () => {
    put('churn', { model: 'm' });
    const fail = async (): Promise<never> => {
      throw new Error('written');
    };
    const deps = {
      ...withCalls(world.deps, {
        registry: { movePointer: fail, annotate: fail },
        store: { write: fail },
      }),
      notifier: { send: fail },
    };
    const checks = await look(ofFunction, deps);
    expect(checks.every(({ verdict }) => verdict === Verdict.OK)).toBe(true);
  });

  test('gives every look a time of its own, within the whole', async () => {
    await look();
    const [deadline] = deadlines;
    expect(deadline?.leftMs()).toBe(limits.doctorCheckMs);
    world.clock.advance(limits.doctorCheckMs);
    expect(deadline?.leftMs()).toBe(0);
  });

  const outages: readonly [string, () => RollbackDeps, readonly string[]][] = [
    [
      'the registry',
      () => {
        around = {
          ...around,
          registry: async () => {
            throw new RegistryUnavailableError('It did not answer. Check the address.');
          },
        };
        return world.deps;
      },
      ['registry'],
    ],
    [
      'the state',
      () =>
        withCalls(world.deps, {
          store: {
            read: async () => {
              throw new StateStoreUnavailableError('It did not answer. Try again.');
            },
          },
        }),
      ['state'],
    ],
    [
      'the set-up of the state',
      () => {
        around = {
          ...around,
          state: async () => {
            throw new ConfigurationError('AWS_REGION is not set. Set it.');
          },
        };
        return world.deps;
      },
      ['table'],
    ],
    [
      'the topic',
      () => {
        around = {
          ...around,
          topic: async () => {
            throw new ConfigurationError('AWS_REGION is not set. Set it.');
          },
        };
        return world.deps;
      },
      ['topic'],
    ],
    [
      'CloudWatch',
      () => {
        listing = { kind: 'unreachable', message: 'It did not answer.' };
        return world.deps;
      },
      ['alarms'],
    ],
  ];
  test.each(outages)('looks at the rest when %s fails', async (_, breakIt, problems) => {
    put('churn', { model: 'm' });
    const checks = await look(ofFunction, breakIt());
    const found = checks.filter(({ verdict }) => verdict === Verdict.PROBLEM);
    expect(found.map(({ name }) => name)).toEqual(problems);
    for (const { fix } of found) expect(fix).toMatch(/^(Check|Try|Set)/);
    for (const name of [
      'registry',
      'state',
      'table',
      'clock',
      'topic',
      'overdue',
      'paused',
      'policies',
      'pointers',
    ]) {
      expect(checks.map((check) => check.name)).toContain(name);
    }
  });

  test('says what it could not look at when the state cannot be read', async () => {
    put('churn', { model: 'm' });
    const deps = withCalls(world.deps, {
      store: {
        read: async () => {
          throw new ConfigurationError('It does not exist. Make it.');
        },
      },
    });
    const checks = await look(ofFunction, deps);
    for (const name of ['overdue', 'paused', 'policies', 'quarantine', 'alarm churn']) {
      expect(named(checks, name).verdict).toBe(Verdict.WARNING);
    }
    expect(named(checks, 'alarm churn').message).toBe(
      'm (dimension): it is not known whether there is a target.',
    );
  });

  test('warns when notices go to the terminal', async () => {
    const questions = { noticeTopicArn: null, alarms: noAlarms };
    const checks = await doctor(world.deps, around, questions, world.deadline());
    expect(named(checks, 'topic').verdict).toBe(Verdict.WARNING);
  });

  test('looks at the topic of the alarms too', async () => {
    const asked: string[] = [];
    around = {
      ...around,
      topic: async (name, arn, use) => {
        asked.push(`${name} ${arn} ${use}`);
        return ok(name, 'fine');
      },
    };
    put('churn', { model: 'm' }, [TOPIC]);
    const checks = await look({ ...noAlarms, topicArn: TOPIC });
    expect(asked).toEqual([`topic ${NOTICES} notices`, `alarm-topic ${TOPIC} alarms`]);
    expect(named(checks, 'alarm-topic').verdict).toBe(Verdict.OK);
  });

  describe('the clock', () => {
    const clockOf = async (clockSkewMs: number | null): Promise<Check> => {
      around = { ...around, registry: async () => ({ check: ok('registry', ''), clockSkewMs }) };
      return named(await look(), 'clock');
    };

    test('is right within 30 s', async () => {
      expect(await clockOf(1_500)).toMatchObject({
        verdict: Verdict.OK,
        message: 'This clock differs by at most 2 s from those of the servers.',
      });
      expect((await clockOf(-30_000)).verdict).toBe(Verdict.OK);
    });

    test.each([30_001, -30_001])('is wrong when it is %i ms off', async (skewMs) => {
      const check = await clockOf(skewMs);
      expect(check.verdict).toBe(Verdict.PROBLEM);
      expect(check.fix).toMatch(/^Set the clock/);
    });

    test('is a warning when nobody tells the time', async () => {
      expect((await clockOf(null)).verdict).toBe(Verdict.WARNING);
    });
  });

  describe('overdue work', () => {
    test('is none while the sweep may still come', async () => {
      world.notifier.isBroken = true;
      await world.ask({ model_name: 'm' });
      world.clock.advance(limits.overdueMs - 1);
      expect(named(await look(), 'overdue').verdict).toBe(Verdict.OK);
    });

    test('shows that the sweep does not run', async () => {
      world.notifier.isBroken = true;
      const { rollback_id: id } = await world.ask({ model_name: 'm' });
      world.clock.advance(limits.overdueMs);
      const check = named(await look(), 'overdue');
      expect(check.verdict).toBe(Verdict.PROBLEM);
      expect(check.message).toContain(id);
      expect(check.fix).toContain('model-rollback sweep');
    });
  });

  describe('paused automation', () => {
    const pause: Pause = { atMs: 0, why: 'budget', message: 'Too many.', rollbackId: 'm/1' };

    test('of a model on record, and of the fleet, is a warning', async () => {
      await world.ask({ model_name: 'm' });
      const deps = withCalls(world.deps, {
        store: {
          read: async (next) => {
            const view = await next();
            const state = view.state && { ...view.state, pause };
            return { ...view, state, fleet: { schema: 1, revision: 1, pause, slots: [] } };
          },
        },
      });
      const check = named(await look(noAlarms, deps), 'paused');
      expect(check.verdict).toBe(Verdict.WARNING);
      expect(check.message).toContain('resume --fleet');
      expect(check.message).toContain('`model-rollback resume m`');
    });

    test('is looked for in every model on record', async () => {
      world.seed('n', ['Archived', 'Production']);
      await world.ask({ model_name: 'm' });
      await world.ask({ model_name: 'n' });
      await world.ask({ model_name: 'n' });
      expect(named(await look(), 'paused')).toMatchObject({
        verdict: Verdict.OK,
        message: 'Automation of no model is paused (2 checked).',
      });
    });
  });

  describe('an alarm', () => {
    test.each([
      ['its tag', { tag: 'm' }, 'm (tag): would move from 3 to 2.'],
      ['its dimension', { model: 'm', tag: 'other' }, 'm (dimension): would move from 3 to 2.'],
    ])('is about the model of %s', async (_, parts, message) => {
      put('churn', parts);
      expect(await alarmCheck('churn')).toMatchObject({ verdict: Verdict.OK, message });
    });

    test('is about the model that was set for it', async () => {
      put('churn-late');
      const modelsByAlarm = new Map([['churn-*', 'm']]);
      const settings = {
        ...world.deps.settings,
        alarms: { ...defaultAlarmSettings, modelsByAlarm },
      };
      const check = await alarmCheck('churn-late', { ...world.deps, settings });
      expect(check.message).toBe('m (map): would move from 3 to 2.');
    });

    test('without a model is a problem', async () => {
      put('churn');
      const check = await alarmCheck('churn');
      expect(check.verdict).toBe(Verdict.PROBLEM);
      expect(check.message).toContain('names no model');
      expect(check.fix).toContain('Set the tag model-rollback:model');
    });

    test('about a model that does not exist is a problem', async () => {
      put('churn', { model: 'gone' });
      const check = await alarmCheck('churn');
      expect(check.verdict).toBe(Verdict.PROBLEM);
      expect(check.message).toContain('gone (dimension): ');
    });

    test('whose model has no target is a problem', async () => {
      world.seed('young', ['Production']);
      put('churn', { model: 'young' });
      const check = await alarmCheck('churn');
      expect(check.verdict).toBe(Verdict.PROBLEM);
      expect(check.fix).toMatch(/^Promote a version/);
    });

    test('whose model has no live version is a problem', async () => {
      world.seed('dead', ['Archived', 'Archived']);
      put('churn', { model: 'dead' });
      const check = await alarmCheck('churn');
      expect(check.verdict).toBe(Verdict.PROBLEM);
      expect(check.fix).toContain('`model-rollback plan dead`');
    });

    test('within the cooldown is a warning', async () => {
      await world.ask({ model_name: 'm' });
      put('churn', { model: 'm' });
      const check = await alarmCheck('churn');
      expect(check.verdict).toBe(Verdict.WARNING);
      expect(check.message).toContain('The last rollback (from 3 to 2');
    });

    test('that would wait for a person, because the stage is perhaps forgotten, is a warning', async () => {
      world.registry.register('m');
      world.registry.setAlias('m', 'champion', '4');
      put('churn', { model: 'm' });
      const { verdict, message, fix } = await alarmCheck('churn');
      expect(verdict).toBe(Verdict.WARNING);
      expect(message).toContain('would wait for a person. alias:champion names version 4');
      expect(fix).toContain('ROLLBACK_MODEL_POINTERS');
    });

    test('that would wait for a person, because its target is a guess, is a warning', async () => {
      world.registry.setAlias('m', 'champion', '3');
      put('churn', { model: 'm' });
      const pointers = { default: parsePointer('alias:champion', 'it'), byModel: new Map() };
      const deps = { ...world.deps, settings: { ...world.deps.settings, pointers } };
      const { verdict, fix } = await alarmCheck('churn', deps);
      expect(verdict).toBe(Verdict.WARNING);
      expect(fix).toBe(
        'If version 2 was live before version 3, run ' +
          '`model-rollback promoted m 3 --replaced 2 --pointer alias:champion`.',
      );
    });

    test('whose model is paused is a warning: that holds for alarms only', async () => {
      await world.ask({ model_name: 'm' });
      world.clock.advance(24 * 3_600_000);
      const pause: Pause = { atMs: 0, why: 'budget', message: 'Too many.', rollbackId: 'm/1' };
      const deps = withCalls(world.deps, {
        store: {
          read: async (next) => {
            const view = await next();
            return { ...view, state: view.state && { ...view.state, pause } };
          },
        },
      });
      put('churn', { model: 'm' });
      const check = await alarmCheck('churn', deps);
      expect(check.verdict).toBe(Verdict.WARNING);
      expect(check.message).toContain('Too many.');
    });

    test('whose actions are off is a warning, with all else that is wrong', async () => {
      put('churn', { model: 'm', hasActionsEnabled: false });
      expect(await alarmCheck('churn')).toEqual({
        name: 'alarm churn',
        verdict: Verdict.WARNING,
        message: 'Its actions are switched off. m (dimension): would move from 3 to 2.',
        fix: 'Switch them on.',
      });
      put('worse', { hasActionsEnabled: false });
      const worse = await alarmCheck('worse');
      expect(worse.verdict).toBe(Verdict.PROBLEM);
      expect(worse.fix).toMatch(/^Switch them on\. Set the tag/);
    });

    test('on several series is a warning while none is red', async () => {
      put('churn', { isMultiSeries: true });
      expect((await alarmCheck('churn')).verdict).toBe(Verdict.WARNING);
    });

    test('that is composite is about the model of its children, red or not', async () => {
      const arn = put('all', { isComposite: true });
      children[arn] = [put('a', { model: 'm' }, []), put('b', { model: 'm' }, [])];
      expect(await alarmCheck('all')).toMatchObject({
        verdict: Verdict.OK,
        message: 'm (children): would move from 3 to 2.',
      });
    });

    test('that is composite over several models is a warning', async () => {
      const arn = put('all', { isComposite: true });
      children[arn] = [put('a', { model: 'm' }, []), put('b', { model: 'n' }, [])];
      const check = await alarmCheck('all');
      expect(check.verdict).toBe(Verdict.WARNING);
      expect(check.message).toContain('(m, n)');
    });

    test('that is composite counts all its children, also while one of them is red', async () => {
      const [a, b] = [put('a', { model: 'm', state: 'ALARM' }, []), put('b', { model: 'n' }, [])];
      const arn = put('all', { isComposite: true, state: 'ALARM', childrenInAlarm: [a] });
      children[arn] = [a, b];
      expect((await alarmCheck('all')).verdict).toBe(Verdict.WARNING);
    });

    test('that is composite over nothing that names a model is a problem', async () => {
      const arn = put('all', { isComposite: true });
      children[arn] = [put('a', {}, [])];
      expect((await alarmCheck('all')).verdict).toBe(Verdict.PROBLEM);
    });

    test('that CloudWatch cannot tell about is a problem', async () => {
      put('churn');
      world.alarms.answerAs('unreachable');
      const check = await alarmCheck('churn');
      expect(check).toMatchObject({ verdict: Verdict.PROBLEM, fix: 'Try again.' });
    });
  });

  describe('the history of alarms', () => {
    test('is fine when it can be read, and says whether alarms come by a topic', async () => {
      put('churn', { model: 'm' });
      const direct = named(await look(ofFunction), 'alarm-history');
      expect(direct).toMatchObject({ verdict: Verdict.OK });
      const byTopic = { ...noAlarms, topicArn: NOTICES };
      expect(named(await look(byTopic), 'alarm-history')).toMatchObject({
        verdict: Verdict.OK,
        message: expect.stringContaining(`Alarms come by ${NOTICES}: each is compared`),
      });
    });

    test('is a problem for alarms by a topic when it is refused, else a warning', async () => {
      put('churn', { model: 'm' });
      const message = 'CloudWatch did not show the history of alarms (AccessDenied: no).';
      history = { kind: 'unreachable', message };
      const byTopic = { ...noAlarms, topicArn: NOTICES };
      expect(named(await look(byTopic), 'alarm-history')).toMatchObject({
        verdict: Verdict.PROBLEM,
        message: expect.stringContaining(`${message} An alarm that a topic or a queue brings`),
        fix: 'Allow cloudwatch:DescribeAlarmHistory on *.',
      });
      expect(named(await look(ofFunction), 'alarm-history').verdict).toBe(Verdict.WARNING);
    });
  });

  describe('the wiring of alarms', () => {
    test('is not looked at unless somebody says whom they call', async () => {
      expect(named(await look(), 'alarms').verdict).toBe(Verdict.WARNING);
    });

    test('is a problem when no alarm calls the function', async () => {
      const checks = await look(ofFunction);
      expect(named(checks, 'alarms')).toMatchObject({
        verdict: Verdict.PROBLEM,
        message: `No alarm calls ${FUNCTION} when it goes to ALARM.`,
      });
    });

    test('counts those that call the function or its topic, by an alias too', async () => {
      put('one', { model: 'm' });
      put('two', { model: 'm' }, [`${FUNCTION}:live`]);
      put('three', { model: 'm' }, [TOPIC]);
      const checks = await look({ ...ofFunction, topicArn: TOPIC });
      expect(named(checks, 'alarms').message).toBe(`3 alarms call ${FUNCTION} or ${TOPIC}.`);
    });

    test('of a named alarm that calls somebody else is a warning', async () => {
      put('stray', { model: 'm' }, [`${FUNCTION}-2`]);
      const checks = await look({ ...ofFunction, names: ['stray'] });
      expect(named(checks, 'alarm stray')).toMatchObject({
        verdict: Verdict.WARNING,
        message: `It does not call ${FUNCTION}. m (dimension): would move from 3 to 2.`,
      });
    });

    test('of a named alarm that calls nobody is a warning', async () => {
      put('mute', { model: 'm' }, []);
      const checks = await look({ ...noAlarms, names: ['mute'] });
      expect(named(checks, 'alarm mute').message).toContain('It has no ALARM action');
      expect(checks.map(({ name }) => name)).not.toContain('alarms');
    });

    test('of a named alarm that does not exist is a problem', async () => {
      const checks = await look({ ...noAlarms, names: ['gone'] });
      expect(named(checks, 'alarm gone').verdict).toBe(Verdict.PROBLEM);
    });

    test('is looked at up to a bound, and says so', async () => {
      for (let index = 0; index <= limits.doctorAlarmsMax; index += 1) {
        put(`alarm-${index}`, { model: 'm' });
      }
      const checks = await look(ofFunction);
      expect(checks.filter(({ name }) => name.startsWith('alarm '))).toHaveLength(
        limits.doctorAlarmsMax,
      );
      expect(named(checks, 'alarms')).toMatchObject({ verdict: Verdict.WARNING });
    });

    test('is not looked at any more when the time is over', async () => {
      put('churn', { model: 'm' });
      const deadline = { leftMs: () => 0 };
      const questions = { noticeTopicArn: null, alarms: ofFunction };
      const checks = await doctor(world.deps, around, questions, deadline);
      expect(named(checks, 'alarm churn')).toMatchObject({
        verdict: Verdict.WARNING,
        message: 'No time was left to check it.',
      });
    });
  });
});
