/**
 * The policy of the construct against what the built function really calls: nothing is missing, and
 * nothing is to spare. The stack is made of the very table, topic and secret that the function works
 * with, so that resources are compared and not only actions.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import '../cdk/set-up.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from '../contract/http-proxy.ts';
import { LOCAL_ACCOUNT, putCompositeAlarm, setAlarmState } from '../engines/alarms.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { createSecret } from '../engines/secrets.ts';
import { directAlarm, eventBridgeAlarm, snsEvent, snsMessage } from '../fakes/alarm-events.ts';
import { type AlarmWorld, ahead, createAlarmWorld, hourMs, minuteMs } from './alarm-world.ts';
import { type Grant, isGrantedBy, type Right, rightsFor } from './aws-rights.ts';
import { startFunction } from './function-process.ts';
import { isFailure } from './reply.ts';
import { DONE_BY_AWS, distinct, grantsOf } from './role-grants.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

/** Actions on any resource. */
const ON_ANYTHING: Readonly<Record<string, string>> = {
  'cloudwatch:DescribeAlarms': 'composite alarms are told only to who may ask for all',
  'cloudwatch:DescribeAlarmContributors': 'in the same statement',
  'cloudwatch:DescribeAlarmHistory': 'that of composite alarms is told only to who may ask for all',
  'ec2:*': 'AWS has no narrower resource for the network interfaces of a function',
  'xray:*': 'AWS has no resources of X-Ray',
};

const STAGES = ['Archived', 'Archived', 'Archived', 'Production'] as const;
/** A cooldown of 12 minutes. */
const COOLDOWN: Settings = { ROLLBACK_COOLDOWN_HOURS: '0.2' };

let world: AlarmWorld;
let secretArn = '';
/** Of AWS. */
const proxies: HttpProxy[] = [];
/** Called when the registry is told to move a version. */
let atMove: (() => void) | null = null;

describe.skipIf(isEngineMissing)(suiteTitle('the policy of the function'), () => {
  let registry: HttpProxy | undefined;
  let rights: readonly Right[] = [];
  let grants: readonly Grant[] = [];

  beforeAll(async () => {
    const store = await openProxy(engine('dynamodb').url, loseOneClaim());
    const other = await openProxy(engine('ministack').url, () => ({ kind: 'pass' }));
    registry = await startHttpProxy(engine('mlflow').url, ({ path }) => {
      if (path.endsWith('/transition-stage')) atMove?.();
      return { kind: 'pass' };
    });
    const login = { username: 'rollback', password: 'of-the-suite' };
    secretArn = await createSecret(engine('ministack').url, uniqueName('login'), login);
    world = await createAlarmWorld({
      ...COOLDOWN,
      ROLLBACK_OBSERVE_MINUTES: '5',
      MLFLOW_TRACKING_URI: registry.url,
      AWS_ENDPOINT_URL_DYNAMODB: store.url,
      AWS_ENDPOINT_URL_SNS: other.url,
      AWS_ENDPOINT_URL_CLOUDWATCH: other.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: other.url,
      MLFLOW_TRACKING_SECRET_ARN: secretArn,
    });
    grants = grantsOf('RollbackPolicy', { ...world, secretArn });
    await doEverything();
    rights = distinct(proxies.flatMap(({ requests }) => requests.flatMap(rightsFor)));
  }, 120_000);
  afterAll(async () => {
    await world?.close();
    for (const proxy of proxies) await proxy.close();
    await registry?.close();
  });

  const ours = (): readonly Grant[] => grants.filter(({ sid }) => !(sid in DONE_BY_AWS));

  test('has nothing missing: each call is allowed', () => {
    const missing = rights.filter((right) => !grants.some((grant) => isGrantedBy(right, grant)));
    expect(missing).toEqual([]);
  });

  test('has nothing to spare: each action of each statement was called, on its resource', () => {
    const spare = ours().flatMap(({ sid, actions, resources }) =>
      actions.flatMap((action) =>
        resources.flatMap((resource) => {
          const one: Grant = { sid, actions: [action], resources: [resource] };
          return rights.some((right) => isGrantedBy(right, one)) ? [] : [[sid, action, resource]];
        }),
      ),
    );
    expect(spare).toEqual([]);
  });

  test('is about four services, and what AWS does itself', () => {
    const services = new Set(ours().flatMap(({ actions }) => actions.map(serviceOf)));
    expect([...services].toSorted()).toEqual(['cloudwatch', 'dynamodb', 'secretsmanager', 'sns']);
    const ofAws = grants.filter(({ sid }) => sid in DONE_BY_AWS);
    expect(ofAws.map(({ sid }) => sid).toSorted()).toEqual(Object.keys(DONE_BY_AWS).toSorted());
    for (const { actions } of ofAws) {
      for (const action of actions) expect(action).toMatch(/^(logs|sqs|ec2|xray|kms):/);
    }
  });

  test('names its actions, and its resources wherever AWS has one', () => {
    for (const { actions, resources } of grants) {
      for (const action of actions) {
        expect(action).toMatch(/^[a-z\d]+:[A-Za-z]+$/);
        const isExcused = action in ON_ANYTHING || `${serviceOf(action)}:*` in ON_ANYTHING;
        expect(resources.includes('*') && !isExcused, action).toBe(false);
      }
    }
  });

  test('is compared with a run that made each kind of call', () => {
    const called = new Set(rights.map(({ action }) => action));
    expect([...called].toSorted()).toEqual([
      'cloudwatch:DescribeAlarmContributors',
      'cloudwatch:DescribeAlarmHistory',
      'cloudwatch:DescribeAlarms',
      'cloudwatch:ListTagsForResource',
      'dynamodb:BatchGetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'secretsmanager:GetSecretValue',
      'sns:Publish',
    ]);
  });
});

// ---------------------------------------------------------------------------------------------------

async function openProxy(
  target: string,
  act: Parameters<typeof startHttpProxy>[1],
): Promise<HttpProxy> {
  const proxy = await startHttpProxy(target, act);
  proxies.push(proxy);
  return proxy;
}

/** The answer to the first claim gets lost, so that the function has to find out what became of it. */
function loseOneClaim(): Parameters<typeof startHttpProxy>[1] {
  let isLost = false;
  return ({ headers }): ProxyAct => {
    const isClaim = String(headers['x-amz-target']).endsWith('.TransactWriteItems');
    if (!isClaim || isLost) return { kind: 'pass' };
    isLost = true;
    return { kind: 'lose-answer' };
  };
}

/** Whatever makes the function call AWS. */
async function doEverything(): Promise<void> {
  const { ask, sweep, cloudWatch } = world;
  await requests();
  await ask({ plan_fleet: { models: ['a-model', 'another-model'] } });

  // An alarm that says which model it is about, twice, then one that meets the cooldown.
  const model = await world.model(STAGES);
  const red = (await world.alarm(model)).red();
  await ask(directAlarm(red));
  await ask(eventBridgeAlarm(red));
  const refused = await world.alarm(model);
  await ask(directAlarm(refused.red()));

  // Alarms whose model others have to tell: children, listed in the event or not, then series and tags.
  const child = await world.alarm(await world.model(STAGES));
  const composite = uniqueName('composite');
  const arn = await putCompositeAlarm(cloudWatch, composite, `ALARM("${child.name}")`);
  await setAlarmState(cloudWatch, composite, 'ALARM');
  const parts = { kind: 'composite', name: composite, arn, atMs: Date.now() } as const;
  await ask(directAlarm({ ...parts, children: [] }));
  await ask(directAlarm({ ...parts, children: [{ arn: child.arn, state: 'ALARM' }] }));
  for (const kind of ['multi-series', 'promql', 'log'] as const) {
    const alarm = await world.alarm(null, { tag: await world.model(STAGES) });
    await ask(directAlarm({ ...alarm.red(), kind }));
  }
  const nameless = await world.alarm(null);
  await world.askTopic(snsEvent([snsMessage(nameless.red()), 'no alarm at all']));
  // One that is OK again when its message comes, and one that was made up.
  const short = await world.alarm(await world.model(STAGES));
  const brief = short.red();
  await short.set('OK');
  const madeUp = { name: uniqueName('made-up'), account: LOCAL_ACCOUNT, atMs: Date.now() };
  await world.askTopic(snsEvent([snsMessage(brief), snsMessage(madeUp)]));
  await ask(directAlarm({ ...red, atMs: red.atMs - 2 * hourMs }));

  await alias();
  await untold();
  await cutOff();
  // Notices, runs that were cut off, pointers, alarms that were refused, recoveries.
  for (const minutes of [0, 3, 16, 70]) await sweep(ahead(minutes * minuteMs));
}

/** A rollback, its copy, a refusal, a preview, and what is wrong. */
async function requests(): Promise<void> {
  const model = await world.model(STAGES);
  const request = { model_name: model, request_id: uniqueName('request') };
  await world.ask(request);
  await world.ask(request);
  await world.ask({ model_name: model, target_version: '1', reason: 'DRIFT_SEVERE' });
  await world.ask({ model_name: model, dry_run: true });
  for (const wrong of [{}, { model_name: 'no-such-model' }]) {
    const reply = await world.way.send(wrong);
    if (!isFailure(reply)) throw new Error(JSON.stringify(reply));
  }
}

/** A rollback of an alias: the check of its pointer reads the live log. */
async function alias(): Promise<void> {
  const model = await world.model(STAGES);
  await world.mlflow.setAlias(model, 'champion', '4');
  const { outcome } = await world.ask({ model_name: model, pointer: 'alias:champion' });
  if (outcome !== 'ROLLED_BACK') throw new Error(outcome);
}

/** A notice that was not sent, for the sweep. */
async function untold(): Promise<void> {
  const topic = await startHttpProxy(null, () => ({ kind: 'reset' }));
  const settings = { AWS_ENDPOINT_URL_SNS: topic.url };
  await world.ask({ model_name: await world.model(STAGES) }, settings);
  await topic.close();
}

/** A run that dies after its move, for the sweep. */
async function cutOff(): Promise<void> {
  const model = await world.model(STAGES);
  const victim = await startFunction(world.env({ ROLLBACK_WRITE_HORIZON_SECONDS: '1' }));
  atMove = () => void victim.kill();
  const end = await victim.invoke({ model_name: model }, { remainingMs: 6_000 }).catch(String);
  atMove = null;
  if (typeof end !== 'string') throw new Error(`it was not killed: ${JSON.stringify(end)}`);
}

function serviceOf(action: string): string {
  return action.split(':')[0] ?? '';
}
