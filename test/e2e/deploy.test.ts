/**
 * docs/deploy/cloudformation.md and docs/reference/promote-and-watch.md, pasted into a shell: what `npm run package` writes, deployed into MiniStack by
 * the AWS command with the page's own commands, under names of this run. MiniStack runs the function on Node 24
 * (see startMiniStack), and only the names of thrown errors are lost there.
 *
 * What this engine does not do is judged as stored: it invokes no function for an alarm whose action is the
 * function, ignores `DeadLetterConfig`, the expiry and the backups of a table, and checks no permission.
 */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateFunctionCommand,
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionUrlConfigCommand,
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
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zip } from '../../tools/zip.ts';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import {
  LOCAL_ACCOUNT,
  localAlarmArn,
  localCloudWatch,
  putMetricAlarm,
  setAlarmState,
} from '../engines/alarms.ts';
import {
  awsAccount,
  createWatchedTopic,
  localClientConfig,
  receiveNotices,
} from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { createSecret } from '../engines/secrets.ts';
import {
  type DeployedStack,
  describeStack,
  getSchedule,
  objectSize,
  runTargetNow,
  type StackResource,
} from '../engines/stacks.ts';
import { tool } from '../engines/tools.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { openPage, withValues } from '../fakes/pages.ts';
import { builtFile } from './built.ts';
import { openShell, type Shell } from './shell.ts';
import { isEngineMissing, type ReceivedNotice, suiteTitle } from './world.ts';

interface Template {
  readonly Parameters: Readonly<Record<string, { readonly Default?: string }>>;
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

const awscli = await tool('awscli');
const page = openPage('docs/deploy/cloudformation.md');
const watchPage = openPage('docs/reference/promote-and-watch.md');
/** That of the page. */
const LOGIN = { username: 'rollback', password: 'the password of this user' };
const STAGES = ['Archived', 'Archived', 'Production'] as const;
/** The engine's schedules run every ten seconds; the stack's own one once a minute. */
const SWEEP_TIMEOUT_MS = 90_000;
const EFFECT_TIMEOUT_MS = 30_000;

const stackName = uniqueName('model-rollback');
const bucket = uniqueName('example-model-rollback');
const secretName = uniqueName('mlflow-login');
const prefix = uniqueName('models');
const alarmName = uniqueName('high-drawdown-alarm');
const pageModel = uniqueName('PascalStrategy');

let isRegistryShut = false;
let shell: Shell;
let proxy: HttpProxy;
let secretArn: string;
let template: string;
let code: Buffer;
let stack: DeployedStack;
let queueUrl: string;
const received: ReceivedNotice[] = [];

describe.skipIf(isEngineMissing || awscli.isMissing)(
  awscli.title(suiteTitle('the package, deployed')),
  () => {
    beforeAll(async () => {
      builtFile('dist/lambda/index.mjs');
      // All of "npm run package" but the build, which other suites use meanwhile.
      await promisify(execFile)(process.execPath, ['tools/package.mjs']);
      template = readFileSync('dist/model-rollback.template.json', 'utf8');
      code = readFileSync('dist/model-rollback.zip');
      proxy = await startHttpProxy(engine('mlflow').url, () =>
        isRegistryShut ? { kind: 'answer', status: 403, body: '{}' } : { kind: 'pass' },
      );
      shell = openShell({
        awscli,
        settings: awsAccount(ministack.url, config.credentials.accessKeyId),
      });
      symlinkSync(join(process.cwd(), 'dist'), join(shell.folder, 'dist'));
      await shell.run(page.take('Make the package'));
      const names = {
        stack: stackName,
        bucket,
        secret: secretName,
        alarm: alarmName,
        model: pageModel,
      };
      await shell.run(withValues(page.take('Names'), { ...names, MLFLOW_TRACKING_URI: proxy.url }));
      await shell.run(page.take('The login of MLflow'));
      secretArn = await shell.run('echo "$secret_arn"');
      await shell.run(page.take('Deploy'));
      // Without the zip this engine would deploy all the same, and invent answers.
      const size = await objectSize(ministack.url, bucket, codeKey());
      expect(size).toBe(code.length);
      stack = await describeStack(ministack.url, stackName);
      queueUrl = await watchTopic();
    });
    afterAll(async () => {
      await shell?.close();
      await proxy?.close();
    });

    test('is refused before anything is made where parameters do not belong together', async () => {
      const refused = async (parameters: string): Promise<string> =>
        await shell.run(
          `aws cloudformation deploy --stack-name "$stack-refused" --capabilities CAPABILITY_IAM \\
          --template-file dist/model-rollback.template.json --parameter-overrides \\
          MlflowTrackingUri=https://a.example CodeBucket="$bucket" ${parameters} 2>&1 || echo refused`,
        );
      const key = `arn:aws:kms:eu-west-1:${LOCAL_ACCOUNT}:key/00000000-0000-4000-8000-000000000001`;
      for (const [parameters, message] of [
        ['SubnetIds=subnet-1', 'needs SubnetIds and SecurityGroupIds: give both, or none.'],
        ['SecurityGroupIds=sg-1', 'needs SubnetIds and SecurityGroupIds: give both, or none.'],
        [`TopicKeyArn=${key}`, 'give its TopicArn too.'],
        [`CredentialsKeyArn=${key}`, 'give its CredentialsSecretArn too.'],
      ] as const) {
        expect(await refused(parameters)).toMatch(new RegExp(`${message}\nrefused$`));
      }
      const stacks = await shell.run(
        'aws cloudformation describe-stacks --query "Stacks[].StackName"',
      );
      expect(stacks).not.toContain('-refused');
    });

    describe('with the settings of the page', () => {
      test('has every resource of the template, all of kinds that are made here', () => {
        const { Resources } = JSON.parse(template) as Template;
        // The page sets no further channel, no SageMaker and no chat, so what is for them is not made.
        const { Channels: _, Registry: _registry, ApprovalButton: _button, ...used } = Resources;
        const types = Object.entries(used).map(([id, { Type }]) => [id, Type]);
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

      test('keeps its state in a table with its indexes', async () => {
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
        expect(indexes?.toSorted()).toEqual(['by-time', 'by-time-sharded', 'due']);
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
        expect(errors?.Dimensions).toEqual([
          { Name: 'FunctionName', Value: output('FunctionName') },
        ]);
      });

      test('tells of the alarm of the page what it would have done; that CloudWatch calls it is not seen here', async () => {
        await mlflow.seedModel(pageModel, STAGES);
        await shell.run(page.take('Wire an alarm'));
        await shell.run(page.take('A test alarm'));
        const [stored] = await describeAlarms([alarmName]);
        expect(stored).toMatchObject({
          StateValue: 'ALARM',
          AlarmActions: [output('FunctionArn')],
        });
        const [functionArn = ''] = stored?.AlarmActions ?? [];

        // The model is named by the tag alone.
        await invokeLater(alarmEvent(alarmName, null), functionArn);

        const [notice] = await noticesAbout(pageModel);
        expect(notice?.subject).toBe(`Model Rollback observed: ${pageModel}`);
        expect(await mlflow.liveVersions(pageModel)).toEqual(['3']);
      });

      test('is found in order by the doctor, as the page calls it', async () => {
        const printed = await shell.run(page.take('A test alarm'));
        const checks = [...printed.matchAll(/^(ok|warning|problem) +(\S+)/gm)];
        const found = checks.filter(([, verdict]) => verdict !== 'ok').map(([, , name]) => name);
        // The page makes a function that observes; this shell would act. And this engine's CloudFormation
        // switches neither expiry nor backups on.
        expect(found).toEqual(['mode', 'differences', 'expiry', 'backup']);
        const names = ['function', 'registry', 'state', 'table', 'topic', 'schedule', 'permission'];
        expect(checks.map(([, , name]) => name)).toEqual(
          expect.arrayContaining([...names, 'alarms']),
        );
      });
    });

    describe('deployed again, to act on the alarms of a prefix', () => {
      beforeAll(async () => {
        // The page says that the rest is kept.
        const command = page.take('Let it act');
        await shell.run(command.replace('Mode=act', `Mode=act AlarmNamePrefix=${prefix}`));
        stack = await describeStack(ministack.url, stackName);
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

    describe('deployed again, with the companions', () => {
      beforeAll(async () => {
        const before = stack;
        await shell.run(page.take('Compare and promote'));
        stack = await describeStack(ministack.url, stackName);
        expect(stack.outputs).toMatchObject(before.outputs);
        const kept = ({ logicalId, physicalId }: StackResource) => `${logicalId} ${physicalId}`;
        expect(stack.resources.map(kept)).toEqual(
          expect.arrayContaining(before.resources.map(kept)),
        );
      });

      test('has two more functions, of the code of the companions, with the settings of the first', async () => {
        const companions = readFileSync('dist/model-rollback-companions.zip');
        const { Environment: first } = await functionConfiguration();
        for (const name of ['CompareFunctionArn', 'PromoteFunctionArn']) {
          const made = await functionConfiguration(output(name));
          expect(made).toMatchObject({
            CodeSha256: sha256(companions),
            Runtime: 'nodejs24.x',
            MemorySize: 256,
            Timeout: 120,
          });
          expect(first?.Variables).toMatchObject(made.Environment?.Variables ?? { none: '' });
        }
      });

      test('compares two versions, promotes the better one, and rolls it back to what it replaced', async () => {
        const model = uniqueName('PascalStrategy');
        await mlflow.createModel(model);
        const metrics = { profit_total: 1, sharpe_ratio: 1, max_drawdown: 0.2, win_rate: 0.6 };
        for (const profit_total of [1, 2]) {
          await mlflow.createMeasuredVersion(model, { ...metrics, profit_total });
        }
        await mlflow.transition(model, '1', 'Production', true);
        await mlflow.transition(model, '2', 'Staging', false);

        const compared = await invoke({ model_name: model }, output('CompareFunctionArn'));
        const promoted = await invoke({ model_name: model }, output('PromoteFunctionArn'));
        const back = await invoke({ model_name: model });

        expect(compared.payload).toMatchObject({ decision: 'PROMOTE', challenger: '2' });
        expect(promoted.payload).toMatchObject({ promoted: true, archived_version: '1' });
        expect(back.payload).toMatchObject({ rolled_back: true, to_version: '1' });
        expect(await mlflow.liveVersions(model)).toEqual(['1']);
      });

      test('is called by the state machine of docs/reference/promote-and-watch.md', async () => {
        const model = await seed();
        const alarm = uniqueName('watched');
        await putMetricAlarm(ministack.url, alarm, { dimensions: { ModelName: model } });
        await setAlarmState(ministack.url, alarm, 'OK');
        symlinkSync(join(process.cwd(), 'state-machines'), join(shell.folder, 'state-machines'));
        await shell.run(
          withValues(watchPage.take('Set it up'), {
            function: output('FunctionName'),
            compare: output('CompareFunctionArn'),
            promote: output('PromoteFunctionArn'),
          }),
        );
        for (const _step of ['role', 'state machine']) {
          await shell.run(watchPage.take('Set it up'));
        }
        const start = watchPage
          .take('Set it up')
          .replace('PascalStrategy', model)
          .replace('high-drawdown-alarm', alarm);
        const { executionArn } = JSON.parse(await shell.run(start)) as { executionArn: string };
        const describeIt = `aws stepfunctions describe-execution --execution-arn ${executionArn}`;

        const end = await poll(
          async () => JSON.parse(await shell.run(describeIt)) as Record<string, unknown>,
          ({ status }) => status !== 'RUNNING',
          { timeoutMs: EFFECT_TIMEOUT_MS, pauseMs: 500 },
        );

        // The model has no challenger, and the comparison says so.
        expect(end).toMatchObject({ status: 'FAILED', error: 'InvalidRequestError' });
        expect(end['cause']).toMatch(/^No Staging version found/);
        expect([...watchPage.left(), ...page.left()]).toEqual([]);
      });

      test('opens an address for a function that answers HTTP, with its secret', async () => {
        const token = randomBytes(32).toString('hex');
        const callers = await createSecret(ministack.url, uniqueName('callers'), {
          tokens: `viewer ${token} ci`,
        });
        await shell.run(
          `aws cloudformation deploy --stack-name "$stack" --capabilities CAPABILITY_IAM --s3-bucket "$bucket" \
          --template-file dist/model-rollback-companions.template.json \
          --parameter-overrides HttpSecretArn="${callers}"`,
        );
        stack = await describeStack(ministack.url, stackName);
        const FunctionName = output('HttpFunctionArn');

        const { AuthType, FunctionUrl } = await lambda.send(
          new GetFunctionUrlConfigCommand({ FunctionName }),
        );

        expect([AuthType, FunctionUrl]).toEqual(['NONE', output('HttpUrl')]);
        const made = await functionConfiguration(FunctionName);
        expect(made.Handler).toBe('http/index.handler');
        const { Environment: first } = await functionConfiguration();
        expect(made.Environment?.Variables).toEqual({
          ...first?.Variables,
          ROLLBACK_HTTP_SECRET_ARN: callers,
        });
        const invoked = await lambda.send(
          new GetFunctionEventInvokeConfigCommand({ FunctionName, Qualifier: '$LATEST' }),
        );
        expect(invoked).toMatchObject({
          MaximumRetryAttempts: 2,
          MaximumEventAgeInSeconds: 3600,
        });
        // Names below a host need a resolver; the path form leads to the same function.
        const [id = ''] = new URL(output('HttpUrl')).host.split('.');
        const ask = (headers: Readonly<Record<string, string>>) =>
          fetch(`${ministack.url}/_aws/lambda-url/${id}/v1/models`, { headers });
        expect((await ask({})).status).toBe(401);
        const answer = await ask({ authorization: `Bearer ${token}` });
        expect([answer.status, await answer.text()]).toEqual([
          200,
          expect.stringContaining(pageModel),
        ]);
      });
    });
  },
);

// ---------------------------------------------------------------------------------------------------

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

async function functionConfiguration(
  FunctionName: string = output('FunctionArn'),
): Promise<FunctionConfiguration> {
  return await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
}

async function permissions(): Promise<readonly unknown[]> {
  const { Policy = '{}' } = await lambda.send(
    new GetPolicyCommand({ FunctionName: output('FunctionArn') }),
  );
  return (JSON.parse(Policy) as { readonly Statement: readonly unknown[] }).Statement;
}

async function invoke(
  event: unknown,
  FunctionName: string = output('FunctionArn'),
): Promise<Invoked> {
  const { FunctionError: error = null, Payload: payload } = await lambda.send(
    new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
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

/** Where the zip goes by default, which is where the page puts it. */
function codeKey(): string {
  const { CodeKey } = (JSON.parse(template) as Template).Parameters;
  return CodeKey?.Default ?? '';
}
