/**
 * What `npm run package` writes, deployed into MiniStack as docs/deploy/cloudformation.md says, with names
 * and settings taken from that page. The template and the zip are used as they are: MiniStack runs the
 * function on Node 24 (see startMiniStack), and only the names of thrown errors are lost there.
 *
 * What this engine does not do is judged as stored: it invokes no function for an alarm whose action is the
 * function, ignores `DeadLetterConfig`, the expiry and the backups of a table, and checks no permission.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateFunctionCommand,
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  GetPolicyCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  App,
  CfnOutput,
  DefaultStackSynthesizer,
  type IStackSynthesizer,
  Stack,
} from 'aws-cdk-lib';
import { Alarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelRollback } from '../../src/cdk/index.ts';
import { zip } from '../../tools/zip.ts';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import {
  LOCAL_ACCOUNT,
  localAlarmArn,
  localCloudWatch,
  putMetricAlarm,
  setAlarmState,
  tagAlarm,
} from '../engines/alarms.ts';
import {
  awsEnvironment,
  createWatchedTopic,
  localClientConfig,
  receiveNotices,
} from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { createSecret } from '../engines/secrets.ts';
import {
  createBucket,
  type DeployedStack,
  deployStack,
  getSchedule,
  runTargetNow,
  type StackResource,
  uploadObject,
} from '../engines/stacks.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { builtFile } from './built.ts';
import { runCommand } from './command.ts';
import { bareEnv, isEngineMissing, poll, type ReceivedNotice, suiteTitle } from './world.ts';

interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>
  >;
}

interface Invoked {
  readonly error: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

const ministack = engine('ministack');
const config = localClientConfig(ministack.url);
const [lambda, sns, sqs] = [new LambdaClient(config), new SNSClient(config), new SQSClient(config)];
const mlflow = new MLflowAdmin(engine('mlflow').url);

const PAGE = readFileSync('docs/deploy/cloudformation.md', 'utf8');
const TEMPLATE_FILE = flagsOf('aws cloudformation deploy')['template-file'] ?? '';
const [ZIP_FILE = '', ZIP_PLACE = ''] = wordsOf('aws s3 cp').slice(3);
const LOGIN = { username: 'rollback', password: 'correct-horse-battery' };
const STAGES = ['Archived', 'Archived', 'Production'] as const;
/** The engine's schedules run every ten seconds; the stack's own one once a minute. */
const SWEEP_TIMEOUT_MS = 90_000;
const EFFECT_TIMEOUT_MS = 30_000;

const stackName = uniqueName('model-rollback');
const bucket = uniqueName('example-model-rollback');
const secretName = uniqueName('mlflow-login');
const prefix = uniqueName('models');

let isRegistryShut = false;
let proxy: HttpProxy;
let secretArn: string;
let template: string;
let code: Buffer;
let stack: DeployedStack;
let queueUrl: string;
const received: ReceivedNotice[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('the package, deployed'), () => {
  beforeAll(async () => {
    builtFile('dist/lambda/index.mjs');
    // All of "npm run package" but the build, which other suites use meanwhile.
    await promisify(execFile)(process.execPath, ['tools/package.mjs']);
    [template, code] = [readFileSync(TEMPLATE_FILE, 'utf8'), readFileSync(ZIP_FILE)];
    proxy = await startHttpProxy(engine('mlflow').url, () =>
      isRegistryShut ? { kind: 'answer', status: 403, body: '{}' } : { kind: 'pass' },
    );
    secretArn = await createSecret(ministack.url, secretName, LOGIN);
    await createBucket(ministack.url, bucket);
    const key = ZIP_PLACE.replace(/^s3:\/\/[^/]+\//, '');
    // Without the zip this engine would deploy all the same, and invent answers.
    const uploaded = await uploadObject(ministack.url, { bucket, key }, code);
    expect(uploaded).toBe(code.length);
    stack = await deploy();
    queueUrl = await watchTopic();
  });
  afterAll(() => proxy?.close());

  describe('with the settings of the page', () => {
    test('has every resource of the template, all of kinds that are made here', () => {
      const { Resources } = JSON.parse(template) as Template;
      const types = Object.entries(Resources).map(([id, { Type }]) => [id, Type]);
      expect(Object.values(Resources).map(({ Type }) => Type)).not.toContain(
        'AWS::CloudWatch::CompositeAlarm',
      );
      expect(stack.resources.map(({ logicalId, type }) => [logicalId, type]).toSorted()).toEqual(
        types.toSorted(),
      );
      expect(stack.resources.filter(({ status }) => status !== 'CREATE_COMPLETE')).toEqual([]);
      expect(Object.values(stack.outputs).filter((value) => value === '')).toEqual([]);
    });

    test('runs our code, on Node 24', async () => {
      const configuration = await functionConfiguration();
      expect(configuration).toMatchObject({
        CodeSha256: sha256(code),
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Timeout: 120,
        MemorySize: 256,
      });
      expect(configuration.Environment?.Variables).toMatchObject({
        MLFLOW_TRACKING_URI: proxy.url,
        MLFLOW_TRACKING_SECRET_ARN: secretArn,
        ROLLBACK_MODE: 'observe',
        ROLLBACK_STATE_TABLE: output('StateTable'),
        ALERT_SNS_TOPIC_ARN: output('Topic'),
      });
      const { error, payload } = await invoke({});
      expect(error).toBe('Unhandled');
      expect(payload['errorMessage']).toMatch(/^model_name is missing\. Accepted are a request/);
      expect(await nodeVersionOfFunctions()).toMatch(/^v24\./);
    });

    test('keeps its state in a table with both indexes', async () => {
      const { Table: table } = await new DynamoDBClient(config).send(
        new DescribeTableCommand({ TableName: output('StateTable') }),
      );
      expect(table).toMatchObject({
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
        DeletionProtectionEnabled: true,
      });
      const indexes = table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName);
      expect(indexes?.toSorted()).toEqual(['by-time', 'due']);
      // Stored nowhere here: in the template alone.
      expect(propertiesOf('Table')).toMatchObject({
        TimeToLiveSpecification: { Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    });

    test('sends what it cannot handle to the dead-letter queue', async () => {
      const { MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig } =
        await lambda.send(
          new GetFunctionEventInvokeConfigCommand({
            FunctionName: output('FunctionArn'),
            Qualifier: '$LATEST',
          }),
        );
      const queueName = output('DeadLetterQueue').split('/').at(-1);
      expect({ MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig }).toEqual({
        MaximumRetryAttempts: 2,
        MaximumEventAgeInSeconds: 3600,
        DestinationConfig: {
          OnFailure: { Destination: `arn:aws:sqs:eu-west-1:${LOCAL_ACCOUNT}:${queueName}` },
        },
      });
      // Stored nowhere here: in the template alone.
      expect(propertiesOf('Function')['DeadLetterConfig']).toEqual({
        TargetArn: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] },
      });
    });

    test('lets alarms of this account in, and nobody else', async () => {
      expect(await permissions()).toEqual([
        expect.objectContaining({
          Effect: 'Allow',
          Principal: { Service: 'lambda.alarms.cloudwatch.amazonaws.com' },
          Action: 'lambda:InvokeFunction',
          Condition: {
            ArnLike: { 'AWS:SourceArn': localAlarmArn('*') },
            StringEquals: { 'AWS:SourceAccount': LOCAL_ACCOUNT },
          },
        }),
      ]);
    });

    test('is watched by alarms on itself, which call its topic', async () => {
      const made = resourcesOf('AWS::CloudWatch::Alarm');
      const alarms = await describeAlarms(made.map(({ physicalId }) => physicalId));
      expect(made).toHaveLength(9);
      expect(alarms).toHaveLength(9);
      for (const { AlarmName, AlarmActions } of alarms) {
        expect(AlarmActions, AlarmName).toEqual([output('Topic')]);
      }
      const errors = alarms.find(({ MetricName }) => MetricName === 'Errors');
      expect(errors?.Dimensions).toEqual([{ Name: 'FunctionName', Value: output('FunctionName') }]);
    });

    test('tells of the alarm of the page what it would have done', async () => {
      const model = await seed();
      const alarm = await putDocumentedAlarm(model);
      const [stored] = await describeAlarms([alarm]);
      expect(stored?.AlarmActions).toEqual([output('FunctionArn')]);

      await setAlarmState(ministack.url, alarm, 'ALARM', { text: 'a trial' });
      const [functionArn = ''] = stored?.AlarmActions ?? [];
      await invokeLater(alarmEvent(alarm, null), functionArn);

      const [notice] = await noticesAbout(model);
      const subject = /The notice `(.+?)` says/.exec(PAGE)?.[1];
      expect(notice?.subject).toBe(subject?.replace('PascalStrategy', model));
      expect(await mlflow.liveVersions(model)).toEqual(['3']);
    });

    test('is found in order by the doctor, as the page calls it', async () => {
      const { exitCode, stderr, json } = await runCommand(
        ['doctor', '--json', '--function', output('FunctionArn')],
        bareEnv({
          ...awsEnvironment({
            dynamodb: ministack.url,
            sns: ministack.url,
            cloudWatch: ministack.url,
          }),
          AWS_ENDPOINT_URL_SECRETS_MANAGER: ministack.url,
          ...documentedExports(),
        }),
      );
      const { checks } = json as {
        readonly checks: readonly { readonly name: string; readonly verdict: string }[];
      };
      const found = checks.filter(({ verdict }) => verdict !== 'ok').map(({ name }) => name);
      // This engine's CloudFormation switches neither on.
      expect(found).toEqual(['expiry', 'backup']);
      expect(checks.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['registry', 'state', 'table', 'topic', 'alarms']),
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    });
  });

  describe('deployed again, to act on the alarms of a prefix', () => {
    beforeAll(async () => {
      // With nothing else: the page says that the rest is kept.
      const parameters = { Mode: 'act', AlarmNamePrefix: prefix };
      stack = await deployStack(ministack.url, { stackName, template, parameters });
    });

    test('is the same stack with the new settings', async () => {
      const { Environment: environment } = await functionConfiguration();
      expect(environment?.Variables).toMatchObject({
        ROLLBACK_MODE: 'act',
        MLFLOW_TRACKING_URI: proxy.url,
        MLFLOW_TRACKING_SECRET_ARN: secretArn,
        ROLLBACK_STATE_TABLE: output('StateTable'),
      });
      expect(await permissions()).toEqual([
        expect.objectContaining({
          Condition: expect.objectContaining({
            ArnLike: { 'AWS:SourceArn': localAlarmArn(`${prefix}*`) },
          }),
        }),
      ]);
    });

    test('rolls back by an alarm through a topic, with the login of the secret', async () => {
      const model = await seed();
      const alarm = uniqueName(prefix);
      await putMetricAlarm(ministack.url, alarm, {
        dimensions: { ModelName: model },
        input: { AlarmActions: [await topicToFunction()] },
      });
      await setAlarmState(ministack.url, alarm, 'OK');

      await setAlarmState(ministack.url, alarm, 'ALARM');

      await untilLive(model, '2');
      const [notice] = await noticesAbout(model);
      expect(notice?.subject).toBe(`Model Rollback: ${model}`);
      expect(notice?.message).toMatchObject({ triggered_by: alarm, from_version: '3' });
      const login = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
      const logins = new Set(proxy.requests.map(({ headers }) => headers.authorization));
      expect([...logins]).toEqual([`Basic ${login}`]);
    });

    test('rolls back by the event of an alarm whose stored action is the function', async () => {
      const model = await seed();
      const alarm = uniqueName(prefix);
      await putMetricAlarm(ministack.url, alarm, {
        dimensions: { ModelName: model },
        input: { AlarmActions: [output('FunctionArn')] },
      });
      await setAlarmState(ministack.url, alarm, 'ALARM');
      const [stored] = await describeAlarms([alarm]);
      const [functionArn = ''] = stored?.AlarmActions ?? [];

      await invokeLater(alarmEvent(alarm, model), functionArn);

      await untilLive(model, '2');
      expect(await noticesAbout(model)).toHaveLength(1);
    });

    test('is tried three times, then the event lies in the dead-letter queue', async () => {
      const model = await seed();
      const event = { model_name: model };
      isRegistryShut = true;
      try {
        const before = requestsAbout(model);
        const { error, payload } = await invoke(event);
        expect(error).toBe('Unhandled');
        const perAttempt = requestsAbout(model) - before;
        expect(perAttempt).toBeGreaterThan(0);

        await invokeLater(event);

        const letter = await deadLetter();
        expect(requestsAbout(model) - before).toBe(4 * perAttempt);
        expect(letter).toMatchObject({
          requestContext: {
            functionArn: output('FunctionArn'),
            condition: 'RetriesExhausted',
          },
          requestPayload: event,
          responsePayload: { errorMessage: payload['errorMessage'] },
        });
      } finally {
        isRegistryShut = false;
      }
      expect(await mlflow.liveVersions(model)).toEqual(['3']);
    });

    test('makes up for a notice by the schedule of the stack', async () => {
      const [made] = resourcesOf('AWS::Scheduler::Schedule');
      const schedule = await getSchedule(ministack.url, made?.physicalId ?? '');
      expect(schedule).toMatchObject({
        ScheduleExpression: 'rate(1 minute)',
        State: 'ENABLED',
        Target: { Arn: output('FunctionArn') },
      });
      expect(JSON.parse(schedule.Target.Input)).toEqual({ sweep: true });
      const model = await seed();
      await sns.send(new DeleteTopicCommand({ TopicArn: output('Topic') }));
      const { payload } = await invoke({ model_name: model });
      expect(payload).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });
      queueUrl = await watchTopic();

      await runTargetNow(ministack.url, uniqueName('now'), schedule);

      const [notice] = await noticesAbout(model, SWEEP_TIMEOUT_MS);
      expect(notice?.message).toMatchObject({ rollback_id: payload['rollback_id'] });
      const swept = await invoke(JSON.parse(schedule.Target.Input));
      expect(swept).toMatchObject({ error: null, payload: { outcome: 'SWEPT', failed: [] } });
    }, 120_000);
  });
});

describe.skipIf(isEngineMissing)(suiteTitle('a CDK app, deployed'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-cdk-app-'));
  const assets = uniqueName('assets');
  const alarmName = uniqueName(prefix);
  let model: string;

  beforeAll(async () => {
    builtFile('dist/lambda/index.mjs');
    model = await seed();
    await createBucket(ministack.url, assets);
    const name = synthesizeApp({ folder, assets, alarmName, model });
    await uploadAssets(folder, name);
    template = readFileSync(join(folder, `${name}.template.json`), 'utf8');
    stack = await deployStack(ministack.url, { stackName: uniqueName('models'), template });
    queueUrl = await watchTopic();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('runs the bundle of the build, and nothing beside it', async () => {
    const content = readFileSync(builtFile('dist/lambda/index.mjs'));
    const { CodeSha256 } = await functionConfiguration();
    expect(CodeSha256).toBe(sha256(zip([{ name: 'index.mjs', content }])));
    expect((await invoke({})).payload['errorMessage']).toContain('model_name is missing');
  });

  test('rolls back by the event of an alarm that was given by addAlarm', async () => {
    const [stored] = await describeAlarms([alarmName]);
    expect(stored?.AlarmActions).toEqual([output('FunctionArn')]);
    await setAlarmState(ministack.url, alarmName, 'ALARM');
    const [functionArn = ''] = stored?.AlarmActions ?? [];

    // The model is told by the tag alone.
    await invokeLater(alarmEvent(alarmName, null), functionArn);

    await untilLive(model, '2');
    const [notice] = await noticesAbout(model);
    expect(notice?.message).toMatchObject({ triggered_by: alarmName, to_version: '2' });
  });
});

// ---------------------------------------------------------------------------------------------------

interface AppParts {
  readonly folder: string;
  readonly assets: string;
  readonly alarmName: string;
  readonly model: string;
}

/** An app as docs/deploy/cdk.md has it, that takes a bucket of ours in place of the bootstrap's. */
function synthesizeApp({ folder, assets, alarmName, model }: AppParts): string {
  const app = new App({ outdir: folder });
  const models = new Stack(app, 'Models', {
    env: { account: LOCAL_ACCOUNT, region: config.region },
    synthesizer: new DefaultStackSynthesizer({
      generateBootstrapVersionRule: false,
      fileAssetsBucketName: assets,
    }) as IStackSynthesizer,
  });
  const rollback = new ModelRollback(models, 'Rollback', {
    mlflowTrackingUri: engine('mlflow').url,
    alarmNamePrefix: prefix,
  });
  const alarm = new Alarm(models, 'HighDrawdown', {
    alarmName,
    metric: new Metric({ namespace: 'Trading/Live', metricName: 'Drawdown', statistic: 'Maximum' }),
    threshold: 0.2,
    evaluationPeriods: 3,
  });
  rollback.addAlarm(alarm, { model });
  new CfnOutput(models, 'FunctionArn', { value: rollback.function.functionArn });
  new CfnOutput(models, 'Topic', { value: rollback.topic.topicArn });
  app.synth();
  return models.artifactId;
}

/** What `cdk deploy` does before it deploys: each asset to where the manifest says. */
async function uploadAssets(folder: string, name: string): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, `${name}.assets.json`), 'utf8')) as {
    readonly files: Readonly<Record<string, FileAsset>>;
  };
  for (const { source, destinations } of Object.values(manifest.files)) {
    const path = join(folder, source.path);
    const content =
      source.packaging === 'zip'
        ? zip(
            readdirSync(path).map((file) => ({
              name: file,
              content: readFileSync(join(path, file)),
            })),
          )
        : readFileSync(path);
    for (const { bucketName, objectKey } of Object.values(destinations)) {
      const place = { bucket: bucketName, key: objectKey };
      expect(await uploadObject(ministack.url, place, content)).toBe(content.length);
    }
  }
}

interface FileAsset {
  readonly source: { readonly path: string; readonly packaging: 'zip' | 'file' };
  readonly destinations: Readonly<
    Record<string, { readonly bucketName: string; readonly objectKey: string }>
  >;
}

/** The command of the page, with its parameters and no other, and values of this run. */
async function deploy(): Promise<DeployedStack> {
  const documented = documentedParameters();
  const parameters = {
    ...documented,
    MlflowTrackingUri: proxy.url,
    CredentialsSecretArn: secretArn,
    CodeBucket: bucket,
  };
  expect(Object.keys(parameters)).toEqual(Object.keys(documented));
  return await deployStack(ministack.url, { stackName, template, parameters });
}

function output(name: string): string {
  const value = stack.outputs[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}

function resourcesOf(type: string): readonly StackResource[] {
  return stack.resources.filter((resource) => resource.type === type);
}

function propertiesOf(logicalId: string): Readonly<Record<string, unknown>> {
  const { Resources } = JSON.parse(template) as Template;
  return Resources[logicalId]?.Properties ?? {};
}

async function functionConfiguration(): Promise<FunctionConfiguration> {
  return await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: output('FunctionArn') }),
  );
}

async function permissions(): Promise<readonly unknown[]> {
  const { Policy = '{}' } = await lambda.send(
    new GetPolicyCommand({ FunctionName: output('FunctionArn') }),
  );
  return (JSON.parse(Policy) as { readonly Statement: readonly unknown[] }).Statement;
}

async function invoke(event: unknown): Promise<Invoked> {
  const { FunctionError: error = null, Payload: payload } = await lambda.send(
    new InvokeCommand({ FunctionName: output('FunctionArn'), Payload: JSON.stringify(event) }),
  );
  return { error, payload: JSON.parse(Buffer.from(payload ?? []).toString()) };
}

/** Asynchronously, as alarms, topics and schedules do. */
async function invokeLater(event: unknown, arn: string = output('FunctionArn')): Promise<void> {
  await lambda.send(
    new InvokeCommand({
      FunctionName: arn,
      InvocationType: 'Event',
      Payload: JSON.stringify(event),
    }),
  );
}

/** What CloudWatch sends for an alarm that turned red this moment. */
function alarmEvent(name: string, model: string | null): unknown {
  return directAlarm({ name, model, account: LOCAL_ACCOUNT, atMs: Date.now() });
}

async function nodeVersionOfFunctions(): Promise<string> {
  const content = 'export const handler = async () => ({ version: process.version });';
  const FunctionName = uniqueName('version');
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${LOCAL_ACCOUNT}:role/function`,
      Code: { ZipFile: zip([{ name: 'index.mjs', content }]) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
    { FunctionName },
  );
  const { Payload: payload } = await lambda.send(new InvokeCommand({ FunctionName }));
  return (JSON.parse(Buffer.from(payload ?? []).toString()) as { readonly version: string })
    .version;
}

async function seed(): Promise<string> {
  const model = uniqueName('PascalStrategy');
  await mlflow.seedModel(model, STAGES);
  return model;
}

async function untilLive(model: string, version: string): Promise<void> {
  await poll(
    () => mlflow.liveVersions(model),
    (live) => live.join() === version,
    { timeoutMs: EFFECT_TIMEOUT_MS },
  );
}

/** The alarm of the page, with a name and a model of this run. */
async function putDocumentedAlarm(model: string): Promise<string> {
  const flags = flagsOf('aws cloudwatch put-metric-alarm');
  const name = uniqueName(flags['alarm-name'] ?? '');
  await putMetricAlarm(ministack.url, name, {
    input: {
      Namespace: flags['namespace'],
      MetricName: flags['metric-name'],
      Statistic: flags['statistic'] as 'Maximum',
      Period: Number(flags['period']),
      EvaluationPeriods: Number(flags['evaluation-periods']),
      ComparisonOperator: flags['comparison-operator'] as 'GreaterThanThreshold',
      Threshold: Number(flags['threshold']),
      AlarmActions: [withOutputs(flags['alarm-actions'] ?? '')],
    },
  });
  const [, key = '', value = ''] = /^Key=(.+),Value=(.+)$/.exec(flags['tags'] ?? '') ?? [];
  const tagged = value.replace('PascalStrategy', model);
  await tagAlarm(ministack.url, localAlarmArn(name), key, tagged);
  return name;
}

async function describeAlarms(names: readonly string[]): Promise<readonly MetricAlarm[]> {
  const { MetricAlarms: alarms = [] } = await localCloudWatch(ministack.url).send(
    new DescribeAlarmsCommand({ AlarmNames: [...names] }),
  );
  return alarms;
}

/** A topic that the function is subscribed to. */
async function topicToFunction(): Promise<string> {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: uniqueName('alarms') }));
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: 'lambda', Endpoint: output('FunctionArn') }),
  );
  return TopicArn ?? '';
}

/** Puts a queue under the topic of the stack, and makes the topic anew where it is gone. */
async function watchTopic(): Promise<string> {
  const name = output('Topic').split(':').at(-1) ?? '';
  const { topicArn, queueUrl: url } = await createWatchedTopic(ministack.url, name);
  expect(topicArn).toBe(output('Topic'));
  return url;
}

/** Waits for the first notice about a model. */
async function noticesAbout(
  model: string,
  timeoutMs: number = EFFECT_TIMEOUT_MS,
): Promise<readonly ReceivedNotice[]> {
  const look = async (): Promise<readonly ReceivedNotice[]> => {
    for (const notice of await receiveNotices(queueUrl, { count: 10, timeoutMs: 1 })) {
      received.push({ ...notice, message: JSON.parse(notice.message) });
    }
    return received.filter(({ message }) => message['model_name'] === model);
  };
  return await poll(look, (notices) => notices.length > 0, { timeoutMs });
}

/** What the function has asked the registry about a model so far; a sweep meanwhile asks about others. */
function requestsAbout(model: string): number {
  return proxy.requests.filter(({ path, body }) => `${path}${body}`.includes(model)).length;
}

async function deadLetter(): Promise<unknown> {
  const QueueUrl = output('DeadLetterQueue');
  const { Messages: messages = [] } = await poll(
    async () => await sqs.send(new ReceiveMessageCommand({ QueueUrl })),
    ({ Messages: found = [] }) => found.length > 0,
    { timeoutMs: EFFECT_TIMEOUT_MS },
  );
  return JSON.parse(messages[0]?.Body ?? '');
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64');
}

/** The words of the command of the page that begins so. */
function wordsOf(command: string): readonly string[] {
  const lines = PAGE.replaceAll(/\\\n\s*/g, '').split('\n');
  const line = lines.find((text) => text.startsWith(command));
  if (line === undefined) throw new Error(`the page has no command ${command}`);
  return [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replaceAll(/["']/g, ''),
  );
}

function flagsOf(command: string): Readonly<Record<string, string>> {
  const words = wordsOf(command);
  return Object.fromEntries(
    words.flatMap((word, index) =>
      word.startsWith('--') ? [[word.slice(2), words[index + 1] ?? '']] : [],
    ),
  );
}

/** The parameters of the deployment, as the page has them. */
function documentedParameters(): Readonly<Record<string, string>> {
  const words = wordsOf('aws cloudformation deploy');
  const overrides = words.slice(words.indexOf('--parameter-overrides') + 1);
  return Object.fromEntries(overrides.map((word) => word.split(/=(.*)/).slice(0, 2)));
}

/** The variables that the page exports for the doctor, with the addresses and names of this run. */
function documentedExports(): Readonly<Record<string, string>> {
  const lines = PAGE.split('\n').filter((line) => line.startsWith('export '));
  const pairs = lines.flatMap((line) => [...line.matchAll(/(\w+)=((?:\$\([^)]*\)|\S)+)/g)]);
  const ours: Readonly<Record<string, string>> = {
    'https://mlflow.example.com': proxy.url,
    'mlflow-login': secretName,
  };
  return Object.fromEntries(
    pairs.map(([, name = '', value = '']) => [name, ours[value] ?? withOutputs(value)]),
  );
}

/** A text of the page, with what its shell function `output` answers. */
function withOutputs(text: string): string {
  return text.replaceAll(/\$\(output (\w+)\)/g, (_all, name: string) => output(name));
}
