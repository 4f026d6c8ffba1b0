/** `model-rollback doctor`, built, on the real engines: all in place, and each thing that may be missing. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Check } from '../../src/domain/answer/check.ts';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { startHttpProxy } from '../contract/http-proxy.ts';
import { localAlarmArn, putMetricAlarm, tagAlarm } from '../engines/alarms.ts';
import { localClientConfig } from '../engines/aws.ts';
import { allowAlarms, createFunction, createSchedule } from '../engines/deployed-function.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { GUARD_LOGIN } from '../engines/start.ts';
import { type CommandResult, runCommand } from './command.ts';
import { CLOCK_OFFSET, startFunction } from './function-process.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const [dynamodb, ministack] = [engine('dynamodb'), engine('ministack')];

let world: World;
let functionArn: string;
let functionName: string;

type ShownCheck = Omit<Check, 'fix'> & { readonly mend: string | null };
interface Report extends CommandResult {
  readonly checks: Readonly<Record<string, ShownCheck>>;
  /** Names of the checks that are not ok, with their verdicts. */
  readonly found: readonly string[];
}

async function doctor(settings: Settings = {}, args: readonly string[] = []): Promise<Report> {
  const result = await runCommand(['doctor', '--json', ...args], world.env(settings));
  const { checks } = result.json as { readonly checks: readonly ShownCheck[] };
  return {
    ...result,
    checks: Object.fromEntries(checks.map((check) => [check.name, check])),
    found: checks.flatMap(({ name, verdict }) => (verdict === 'ok' ? [] : [`${verdict} ${name}`])),
  };
}

/** An alarm that calls the function. */
async function alarm(dimensions: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = uniqueName('alarm');
  await putMetricAlarm(ministack.url, name, {
    dimensions,
    input: { AlarmActions: [functionArn] },
  });
  return name;
}

describe.skipIf(isEngineMissing)(suiteTitle('model-rollback doctor'), () => {
  beforeAll(async () => {
    world = await createWorld();
    const name = uniqueName('function');
    // The same settings as this shell has.
    const env = world.env();
    const names = ['MLFLOW_TRACKING_URI', 'ROLLBACK_STATE_TABLE', 'ALERT_SNS_TOPIC_ARN'];
    functionArn = await createFunction(ministack.url, name, {
      env: Object.fromEntries(names.map((variable) => [variable, env[variable] ?? ''])),
    });
    functionName = name;
    await allowAlarms(ministack.url, name, localAlarmArn('*'));
    await createSchedule(ministack.url, name, { functionArn, State: 'ENABLED' });
  });

  test('finds everything in place, and changes nothing', async () => {
    const model = await world.model(['Archived', 'Production']);
    const [byDimension, byTag] = [await alarm({ ModelName: model }), await alarm()];
    const tagged = `arn:aws:cloudwatch:eu-west-1:000000000000:alarm:${byTag}`;
    await tagAlarm(ministack.url, tagged, 'model-rollback:model', model);
    // This engine knows backups too.
    const settings = { AWS_ENDPOINT_URL_DYNAMODB: ministack.url };
    await runCommand(['create-table'], world.env(settings));
    const before = await world.everything(model);

    const { exitCode, stderr, checks, found } = await doctor(settings, ['--function', functionArn]);

    expect(found).toEqual([]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    expect(Object.keys(checks)).toEqual([
      'settings',
      'function',
      'function-settings',
      'differences',
      'registry',
      'state',
      'table',
      'index',
      'expiry',
      'backup',
      'clock',
      'topic',
      'unsent',
      'overdue',
      'paused',
      'policies',
      'quarantine',
      'pointers',
      'schedule',
      'permission',
      'alarms',
      'alarm-history',
      ...[byDimension, byTag].toSorted().map((name) => `alarm ${name}`),
    ]);
    expect(checks['registry']?.message).toContain('MLflow 3.17.2');
    expect(checks['alarms']?.message).toBe(`2 alarms call ${functionArn}.`);
    expect(checks[`alarm ${byTag}`]?.message).toBe(`${model} (tag): would move from 2 to 1.`);
    expect(await world.everything(model)).toEqual(before);
  });

  test('tells the settings of a function apart from those of this shell, and shows no secret', async () => {
    const name = uniqueName('observing');
    await createFunction(ministack.url, name, {
      timeoutSeconds: 30,
      env: {
        MLFLOW_TRACKING_URI: 'https://ana:hunter2@mlflow.example.com',
        ALERT_SNS_TOPIC_ARN: world.topicArn,
        ROLLBACK_MODE: 'observe',
      },
    });

    const { exitCode, checks, stdout } = await doctor({}, ['--function', name]);

    expect(checks['settings']?.message).toMatch(/^This shell: mode act,/);
    expect(checks['function']).toMatchObject({ verdict: 'warning', mend: 'Give it 120 s.' });
    expect(checks['function-settings']?.message).toMatch(/^The function: mode observe,/);
    expect(checks['mode']?.message).toContain('The function has ROLLBACK_MODE=observe');
    const { message = '', mend = '' } = checks['differences'] ?? {};
    expect(message).toContain('registry https://mlflow.example.com (here http');
    expect(message).toContain(
      `state dynamodb:tradai-rollback-state (here dynamodb:${world.tableName})`,
    );
    expect(message).toContain('mode observe (here act)');
    expect(mend).toContain(
      'export ROLLBACK_STATE_TABLE=tradai-rollback-state; export ROLLBACK_MODE=observe',
    );
    expect(checks['schedule']).toMatchObject({ verdict: 'problem' });
    expect(checks['permission']?.message).toBe('No alarm calls it directly.');
    expect(exitCode).toBe(1);
    expect(stdout).not.toContain('hunter2');
  });

  test('names the alarms that may not call the function', async () => {
    const name = uniqueName('shut');
    const arn = await createFunction(ministack.url, name);
    const alarmName = uniqueName('alarm');
    await putMetricAlarm(ministack.url, alarmName, { input: { AlarmActions: [arn] } });
    const before = await doctor({}, ['--function', name]);
    await allowAlarms(ministack.url, name, localAlarmArn(alarmName));
    const after = await doctor({}, ['--function', name]);

    expect(before.checks['permission']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining(alarmName),
    });
    expect(after.checks['permission']?.verdict).toBe('ok');
  });

  test('says that there is no such function', async () => {
    const { exitCode, checks } = await doctor({}, ['--function', 'nowhere']);
    expect(exitCode).toBe(1);
    expect(checks['function']?.message).toBe('There is no function nowhere.');
  });

  test('finds the same by the name of the function', async () => {
    const { checks } = await doctor({}, ['--function', functionName]);
    expect(checks['function']?.message).toContain(functionArn);
    expect(checks['differences']?.verdict).toBe('ok');
  });

  test('says it to people too', async () => {
    const { stdout, exitCode } = await runCommand(['doctor'], world.env());
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ok {7}settings {4}This shell: mode act/);
    // DynamoDB Local knows no backups.
    expect(stdout).toMatch(/\nwarning {2}backup .*\n +-> Check that the table/);
    expect(stdout).toMatch(/\n\d+ checks: 0 with problems, 2 with warnings\.\n$/);
  });

  test('tells a table that is missing', async () => {
    const { exitCode, checks } = await doctor({ ROLLBACK_STATE_TABLE: uniqueName('missing') });
    expect(exitCode).toBe(1);
    expect(checks['state']).toMatchObject({
      verdict: 'problem',
      mend: expect.stringContaining('create-table'),
    });
    expect(checks).not.toHaveProperty('table');
    expect(checks['registry']?.verdict).toBe('ok');
    expect(checks['topic']?.verdict).toBe('ok');
  });

  test('tells a table with other indexes', async () => {
    const tableName = uniqueName('other');
    const client = new DynamoDBClient(localClientConfig(dynamodb.url));
    await client.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
      }),
    );
    client.destroy();
    const { exitCode, checks } = await doctor({ ROLLBACK_STATE_TABLE: tableName });
    expect(exitCode).toBe(1);
    expect(checks['state']?.verdict).toBe('problem');
    expect(checks['table']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('index due: missing'),
    });
  });

  test('tells a topic that is missing', async () => {
    const ALERT_SNS_TOPIC_ARN = `${world.topicArn}-missing`;
    const { exitCode, found } = await doctor({ ALERT_SNS_TOPIC_ARN });
    expect(exitCode).toBe(1);
    expect(found).toContain('problem topic');
  });

  test('tells a registry that is down, and still which models the alarms are about', async () => {
    const model = await world.model(['Archived', 'Production']);
    const name = await alarm({ ModelName: model });
    const settings = { MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' };
    const { exitCode, checks } = await doctor(settings, ['--alarm', name]);
    expect(exitCode).toBe(1);
    expect(checks['registry']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('ECONNREFUSED'),
      mend: expect.stringMatching(/^Check MLFLOW_TRACKING_URI/),
    });
    expect(checks['state']?.verdict).toBe('ok');
    expect(checks[`alarm ${name}`]).toMatchObject({
      verdict: 'warning',
      message: `${model} (dimension): it is not known whether there is a target.`,
    });
  });

  test('tells a login that the registry does not take', async () => {
    const { username, password } = GUARD_LOGIN;
    const guarded = engine('guarded');
    await new MLflowAdmin(guarded.url, GUARD_LOGIN).createModel(uniqueName('guarded'));
    const settings = { MLFLOW_TRACKING_URI: guarded.url, MLFLOW_TRACKING_USERNAME: username };
    const right = await doctor({ ...settings, MLFLOW_TRACKING_PASSWORD: password });
    expect(right.checks['registry']).toMatchObject({
      verdict: 'ok',
      message: expect.stringContaining('accepts the login (MLflow 3.17.2)'),
    });
    const wrong = await doctor({ ...settings, MLFLOW_TRACKING_PASSWORD: 'wrong-password' });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.checks['registry']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('401'),
      mend: expect.stringContaining('MLFLOW_TRACKING_PASSWORD'),
    });
    expect(wrong.stdout + wrong.stderr).not.toContain('wrong-password');
  });

  test('tells a registry that shows no registered model', async () => {
    const empty = await startRegistryServer();
    const { checks } = await doctor({ MLFLOW_TRACKING_URI: empty.url });
    expect(checks['registry']).toMatchObject({
      verdict: 'warning',
      message: expect.stringMatching(/accepts the login .* shows no registered model/),
    });
    await empty.close();
  });

  test('tells alarms without a model, about none, and whose model has no target', async () => {
    const alone = await world.model(['Production']);
    const names = [await alarm(), await alarm({ ModelName: uniqueName('gone') })];
    names.push(await alarm({ ModelName: alone }), uniqueName('no-alarm'));
    const { exitCode, checks } = await doctor(
      {},
      names.flatMap((name) => ['--alarm', name]),
    );
    expect(exitCode).toBe(1);
    const of = (index: number): ShownCheck | undefined => checks[`alarm ${names[index]}`];
    expect(of(0)).toMatchObject({
      verdict: 'problem',
      mend: expect.stringContaining('Set the tag model-rollback:model'),
    });
    expect(of(1)).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('has no registered model of this name'),
    });
    expect(of(2)).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining(`${alone} (dimension): `),
      mend: expect.stringMatching(/^Promote a version/),
    });
    expect(of(3)).toMatchObject({
      verdict: 'problem',
      message: 'There is no alarm of this name.',
    });
  });

  test('tells a function that no alarm calls', async () => {
    const other = `${functionArn}-other`;
    const { exitCode, checks } = await doctor({}, ['--function', other]);
    expect(exitCode).toBe(1);
    expect(checks['alarms']?.message).toBe(`No alarm calls ${other} when it goes to ALARM.`);
  });

  test('looks at the topic of the alarms', async () => {
    const model = await world.model(['Archived', 'Production']);
    const name = uniqueName('alarm');
    await putMetricAlarm(ministack.url, name, {
      dimensions: { ModelName: model },
      input: { AlarmActions: [world.topicArn] },
    });
    const { exitCode, checks } = await doctor({}, ['--topic', world.topicArn]);
    expect(exitCode).toBe(0);
    expect(checks['alarm-topic']?.verdict).toBe('ok');
    expect(checks[`alarm ${name}`]?.verdict).toBe('ok');
    expect(checks['alarm-history']?.message).toContain(`Alarms come by ${world.topicArn}`);

    // As AWS refuses it.
    const body = JSON.stringify({ __type: 'AccessDenied', message: 'not authorized' });
    const cloudWatch = await startHttpProxy(ministack.url, ({ headers }) =>
      String(headers['x-amz-target']).endsWith('.DescribeAlarmHistory')
        ? { kind: 'answer', status: 403, body }
        : { kind: 'pass' },
    );
    const settings = { AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.url };
    const refused = await doctor(settings, ['--topic', world.topicArn]);
    await cloudWatch.close();
    expect(refused.exitCode).toBe(1);
    expect(refused.checks['alarm-history']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('AccessDenied'),
      mend: 'Allow cloudwatch:DescribeAlarmHistory on *.',
    });
  });

  test('tells that the sweep does not run', async () => {
    const tableName = uniqueName('overdue');
    const settings = { ROLLBACK_STATE_TABLE: tableName };
    await runCommand(['create-table'], world.env(settings));
    const model = await world.model(['Archived', 'Production']);
    // Two minutes after a rollback the pointer is due to be read once more.
    const longAgo = { ...settings, [CLOCK_OFFSET]: String(-13 * 60_000) };
    const started = await startFunction(world.env(longAgo));
    await started.invoke({ model_name: model });
    await started.kill();

    const { exitCode, checks } = await doctor(settings);
    expect(exitCode).toBe(1);
    expect(checks['overdue']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining(`the first (${model}/`),
    });

    await runCommand(['sweep'], world.env(settings));
    const after = await doctor(settings);
    expect(after.checks['overdue']?.verdict).toBe('ok');
  });

  test('looks at the rest when a setting is wrong', async () => {
    const { exitCode, checks } = await doctor({ ROLLBACK_COOLDOWN_HOURS: 'abc' });
    expect(exitCode).toBe(1);
    expect(checks['settings']?.message).toContain('ROLLBACK_COOLDOWN_HOURS is "abc"');
    for (const name of ['registry', 'state', 'table', 'topic']) {
      expect(checks[name]?.verdict).toBe('ok');
    }
  });
});
