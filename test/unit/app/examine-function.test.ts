import { beforeEach, describe, expect, test } from 'vitest';
import { examineCallers, examineFunction } from '../../../src/app/examine-function.ts';
import { type AlarmDescription, cloudWatchRef } from '../../../src/domain/alarm/alarm.ts';
import { type Check, ok } from '../../../src/domain/answer/check.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';
import type {
  AskedAlarms,
  DeployedFunction,
  Schedule,
  Surroundings,
  WiredAlarm,
} from '../../../src/ports/surroundings.ts';
import { alarmArn } from '../../fakes/alarm-events.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const FUNCTION = 'arn:aws:lambda:eu-west-1:111122223333:function:model-rollback';
const sound: DeployedFunction = {
  arn: FUNCTION,
  env: {},
  runtime: 'nodejs24.x',
  timeoutSeconds: 120,
  memoryMb: 256,
  trouble: null,
};

let world: World;
let schedules: Schedule[];
let policies: Record<string, string | null>;
let alarms: WiredAlarm[];
let around: Surroundings;

beforeEach(() => {
  world = makeWorld();
  schedules = [{ name: 'sweep', isEnabled: true }];
  policies = { [FUNCTION]: policyFor(alarmArn('*')) };
  alarms = [];
  around = {
    registry: async () => ({ check: ok('registry', 'fine'), clockSkewMs: null }),
    state: async () => [],
    topic: async (name) => ok(name, 'fine'),
    channels: async () => [],
    senders: async () => [],
    openNotifiers: async () => ({ notifiers: [], close: () => undefined }),
    function: async () => sound,
    functionPolicy: async (arn) => policies[arn] ?? null,
    schedules: async () => schedules,
    alarms: async (_asked: AskedAlarms) => ({ kind: 'answer', value: alarms }),
    alarmChildren: async () => ({ kind: 'answer', value: [] }),
    alarmHistory: async () => ({ kind: 'answer', value: null }),
  };
});

function policyFor(SourceArn: string): string {
  return JSON.stringify({
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'lambda.alarms.cloudwatch.amazonaws.com' },
        Action: 'lambda:InvokeFunction',
        Condition: { ArnLike: { 'AWS:SourceArn': SourceArn } },
      },
    ],
  });
}

function put(name: string, ...actions: string[]): void {
  const alarm = { ref: cloudWatchRef(alarmArn(name), name) } as AlarmDescription;
  alarms.push({ alarm, actions });
}

async function shape(deployed: Partial<DeployedFunction>): Promise<Check> {
  const asked = { ...around, function: async () => ({ ...sound, ...deployed }) };
  return (await examineFunction(world.deps, asked, 'model-rollback', world.deadline())).check;
}

async function callers(): Promise<Record<string, Check>> {
  const checks = await examineCallers(world.deps, around, FUNCTION, world.deadline());
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

describe('examineFunction', () => {
  test('shows what it is made of', async () => {
    expect(await shape({})).toMatchObject({
      verdict: 'ok',
      message: `${FUNCTION}: timeout 120 s, memory 256 MB, nodejs24.x.`,
    });
  });

  test.each([
    [{ timeoutSeconds: 3 }, 'warning', 'Give it 120 s.'],
    [{ memoryMb: 128, timeoutSeconds: null }, 'warning', 'Give it 120 s and 256 MB.'],
    [{ runtime: 'nodejs20.x' }, 'warning', 'Give it the runtime nodejs24.x.'],
    [{ trouble: 'it is Failed' }, 'problem', 'Deploy it again, then run this check again.'],
  ])('judges %j', async (deployed, verdict, fix) => {
    expect(await shape(deployed)).toMatchObject({ verdict, fix });
  });

  test('says why it cannot be read', async () => {
    around = {
      ...around,
      function: async () => {
        throw new ConfigurationError('There is no function m. Check the name.');
      },
    };
    const { check, deployed } = await examineFunction(world.deps, around, 'm', world.deadline());
    expect(deployed).toBeNull();
    expect(check).toEqual({
      name: 'function',
      verdict: 'problem',
      message: 'There is no function m.',
      fix: 'Check the name.',
    });
  });
});

describe('examineCallers', () => {
  test('finds a schedule and alarms that may call', async () => {
    put('churn', FUNCTION);
    expect(await callers()).toMatchObject({
      schedule: { verdict: 'ok', message: 'A schedule calls it: sweep.' },
      permission: { verdict: 'ok', message: 'Its policy lets the alarms call it (1).' },
    });
  });

  test('says when no schedule calls it, or a disabled one', async () => {
    schedules = [];
    expect((await callers())['schedule']).toMatchObject({ verdict: 'problem' });
    schedules = [{ name: 'sweep', isEnabled: false }];
    expect((await callers())['schedule']).toMatchObject({
      verdict: 'problem',
      message: 'The schedule sweep is disabled: the sweep does not run.',
    });
    const rule = 'arn:aws:events:eu-west-1:111122223333:rule/sweep';
    policies[FUNCTION] = policyFor(rule).replace(/lambda\.alarms\.cloudwatch/, 'events');
    schedules = [];
    expect((await callers())['schedule']).toMatchObject({
      verdict: 'warning',
      message: expect.stringContaining(rule),
    });
  });

  test('names the alarms that its policy does not let call', async () => {
    put('churn', FUNCTION);
    put('fraud', 'arn:aws:sns:eu-west-1:111122223333:people', FUNCTION);
    policies[FUNCTION] = policyFor(alarmArn('churn'));
    expect((await callers())['permission']).toMatchObject({
      verdict: 'problem',
      message: "The function's policy does not let these alarms call it: fraud.",
      fix: expect.stringContaining('aws lambda add-permission'),
    });
    policies[FUNCTION] = null;
    expect((await callers())['permission']?.message).toMatch(/: churn, fraud\.$/);
  });

  test('judges an alias by the policy of the alias', async () => {
    put('churn', `${FUNCTION}:live`);
    expect((await callers())['permission']?.verdict).toBe('problem');
    policies[`${FUNCTION}:live`] = policyFor(alarmArn('churn'));
    expect((await callers())['permission']?.verdict).toBe('ok');
  });

  test('leaves out alarms that come another way', async () => {
    put('churn', 'arn:aws:sns:eu-west-1:111122223333:alarms');
    put('longer', `${FUNCTION}-2`);
    policies = {};
    expect((await callers())['permission']).toMatchObject({
      verdict: 'ok',
      message: 'No alarm calls it directly.',
    });
  });

  test('warns about what it may not read', async () => {
    const refuse = async (): Promise<never> => {
      throw new ConfigurationError('Refused. Check the permission x.');
    };
    put('churn', FUNCTION);
    around = { ...around, schedules: refuse, functionPolicy: refuse };
    const found = await callers();
    for (const name of ['schedule', 'permission']) {
      expect(found[name]).toEqual({
        name,
        verdict: 'warning',
        message: 'Refused.',
        fix: 'Check the permission x.',
      });
    }
  });
});
