/**
 * docs/deploy/by-hand.md, docs/deploy/alarms.md and docs/reference/step-functions.md, pasted into one shell:
 * the function is made as the first says, alarms are wired to it in every way of the second, and the state
 * machines of the third call it. MiniStack is AWS, in an account of its own for this run; the registry is the
 * real one.
 *
 * MiniStack calls no function for an alarm whose action is the function, and puts no alarm on the event bus:
 * there the event is handed to what the commands have stored as action or target.
 */
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { GetPolicyCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionPolicy } from '../../src/cdk/function-policy.ts';
import { zip } from '../../tools/zip.ts';
import {
  awsAccount,
  createWatchedTopic,
  localClientConfig,
  receiveNotices,
} from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { tool } from '../engines/tools.ts';
import { directAlarm, eventBridgeAlarm } from '../fakes/alarm-events.ts';
import { openPage, withValues } from '../fakes/pages.ts';
import { builtFunction } from './built.ts';
import { openShell, type Shell } from './shell.ts';
import { isEngineMissing, suiteTitle } from './world.ts';

const awscli = await tool('awscli');
const ministack = engine('ministack');
const account = String(randomInt(1e11, 1e12));
const config = localClientConfig(ministack.url, account);
const [lambda, sqs] = [new LambdaClient(config), new SQSClient(config)];
const byHand = openPage('docs/deploy/by-hand.md');
const alarms = openPage('docs/deploy/alarms.md');
const stateMachines = openPage('docs/reference/step-functions.md');
/** Of the region that the pages set. */
const arn = (service: string, name: string): string =>
  `arn:aws:${service}:eu-west-1:${account}:${name}`;
const functionArn = arn('lambda', 'function:model-rollback');
const alarmArn = arn('cloudwatch', 'alarm:high-drawdown-alarm');
const model = uniqueName('PascalStrategy');
const goRed = alarms.take('Test it');
const showLog = alarms.take('Test it');
const EFFECT_TIMEOUT_MS = 30_000;

const mlflow = new MLflowAdmin(engine('mlflow').url);
let shell: Shell;
let queueUrl: string;

describe.skipIf(isEngineMissing || awscli.isMissing)(
  awscli.title(suiteTitle('a function made by hand, as docs/deploy/by-hand.md says')),
  () => {
    beforeAll(async () => {
      await mlflow.seedModel(model, ['Archived', 'Archived', 'Production']);
      shell = openShell({ awscli, settings: awsAccount(ministack.url, account) });
      packageInto(shell.folder);
      await shell.run(
        withValues(byHand.take('Names'), { MLFLOW_TRACKING_URI: engine('mlflow').url }),
      );
      for (const section of ['Table, topic and dead letters', 'The role', 'The function']) {
        await shell.run(byHand.take(section));
      }
      // A second subscriber, beside the person of the page.
      ({ queueUrl } = await createWatchedTopic(ministack.url, 'model-rollback', account));
    });
    afterAll(async () => {
      // Else this engine calls the function once a minute, for as long as other suites run.
      await shell
        ?.run('aws scheduler delete-schedule --name "$function-sweep"')
        .finally(() => shell.close());
    });

    test('may do what the construct lets it do', () => {
      const { Statement: statements } = JSON.parse(
        readFileSync(join(shell.folder, 'policy.json'), 'utf8'),
      ) as { readonly Statement: readonly { Action: string | string[]; Resource: string }[] };
      const entries = functionPolicy({
        table: arn('dynamodb', 'table/tradai-rollback-state'),
        topic: arn('sns', 'model-rollback'),
        topicRegion: 'eu-west-1',
        alarms: arn('cloudwatch', 'alarm:*'),
        deadLetters: arn('sqs', 'model-rollback-dead-letters'),
        region: 'eu-west-1',
        logGroup: '',
      });
      // The managed policy has the rights for the log.
      const expected = entries.filter(({ sid }) => sid !== 'Logs');
      const rights = (list: readonly { actions: readonly string[]; resource: unknown }[]) =>
        list.map(({ actions, resource }) => `${[...actions].toSorted()} ${resource}`).toSorted();
      expect(
        rights(
          statements.map(({ Action, Resource }) => ({
            actions: [Action].flat(),
            resource: Resource,
          })),
        ),
      ).toEqual(
        rights(expected.map(({ actions, resources }) => ({ actions, resource: resources }))),
      );
    });

    test('has the schedule of the sweep', async () => {
      await shell.run(byHand.take('The sweep'));
      const stored = JSON.parse(
        await shell.run('aws scheduler get-schedule --name model-rollback-sweep'),
      );
      expect(stored).toMatchObject({
        ScheduleExpression: 'rate(1 minute)',
        State: 'ENABLED',
        Target: { Arn: functionArn, RetryPolicy: { MaximumRetryAttempts: 0 } },
      });
      const { FunctionError, Payload } = await lambda.send(
        new InvokeCommand({ FunctionName: stored.Target.Arn, Payload: stored.Target.Input }),
      );
      expect(FunctionError).toBeUndefined();
      expect(JSON.parse(Buffer.from(Payload ?? []).toString())).toMatchObject({ outcome: 'SWEPT' });
    });

    test('answers the first call of the page', async () => {
      const printed = await shell.run(ofThisRun(byHand.take('A first call')));
      expect(printed).not.toContain('FunctionError');
      // This engine writes the answer anew, with blanks.
      expect(printed).toMatch(/"outcome": ?"DRY_RUN"/);
      expect(printed).toMatch(/"from_version": ?"3", ?"to_version": ?"2"/);
    });

    describe('wired as docs/deploy/alarms.md says', () => {
      beforeAll(async () => {
        await shell.run(withValues(alarms.take('Names'), { model }));
      });

      test('by a direct action; that CloudWatch calls it is not seen here', async () => {
        await shell.run(alarms.take('Direct action'));
        expect(await permissionOf('alarms')).toMatchObject({
          Principal: { Service: 'lambda.alarms.cloudwatch.amazonaws.com' },
          Condition: {
            ArnLike: { 'AWS:SourceArn': arn('cloudwatch', 'alarm:*') },
            StringEquals: { 'AWS:SourceAccount': account },
          },
        });

        await shell.run(goRed);
        const [action = ''] = await alarmActions();
        const event = directAlarm({ arn: alarmArn, model, account, atMs: Date.now() });
        await invokeLater(action, JSON.stringify(event));

        await expectNotice();
        expect(await shell.run(showLog)).toContain('"outcome":"OBSERVED"');
      });

      test('by a rule on the event bus; that the bus brings alarms is not seen here', async () => {
        await shell.run(alarms.take('EventBridge'));
        expect(await alarmActions()).toEqual([]);
        expect(await shell.run(alarms.take('EventBridge'))).toMatch(/^true$/im);
        expect(await permissionOf('rollback-alarms')).toMatchObject({
          Principal: { Service: 'events.amazonaws.com' },
          Condition: { ArnLike: { 'AWS:SourceArn': arn('events', 'rule/rollback-alarms') } },
        });
        const other = await shell.run(
          `sed 's/"value": "ALARM"/"value": "OK"/' event.json > other.json
          aws events test-event-pattern --event-pattern file://pattern.json --event file://other.json --output text`,
        );
        expect(other).toMatch(/^false$/im);

        await shell.run(goRed);
        await invokeLater(await targetOf('rollback-alarms'), await shell.run('cat event.json'));

        await expectNotice();
      });

      test('by a topic', async () => {
        await shell.run(alarms.take('SNS'));
        await shell.run(goRed);
        await expectNotice();
      });

      test('by a queue behind a topic', async () => {
        await shell.run(alarms.take('SQS'));
        await shell.run(alarms.take('SQS'));
        await shell.run(alarms.take('From a topic'));
        await shell.run(goRed);
        await expectNotice();
      });

      test('by a queue behind a rule; that the bus brings alarms is not seen here', async () => {
        await shell.run(alarms.take('From a rule'));
        await shell.run(goRed);
        const target = await targetOf('queued-alarms');
        const QueueUrl = await shell.run(queueUrlOf(target));
        const event = eventBridgeAlarm({ arn: alarmArn, model, account, atMs: Date.now() });

        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(event) }));

        await expectNotice();
        const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
        expect(Messages ?? []).toEqual([]);
      });

      test('by a tag that names the model', async () => {
        await shell.run(alarms.take('Name the model otherwise'));
        const tags = await shell.run(
          'aws cloudwatch list-tags-for-resource --resource-arn "$alarm_arn"',
        );
        expect(JSON.parse(tags)).toEqual({
          Tags: [{ Key: 'model-rollback:model', Value: model }],
        });
      });
    });

    describe('called by state machines as docs/reference/step-functions.md says', () => {
      beforeAll(async () => {
        symlinkSync(join(process.cwd(), 'state-machines'), join(shell.folder, 'state-machines'));
        for (const _step of ['names', 'role', 'state machine']) {
          await shell.run(stateMachines.take('Set it up'));
        }
      });

      test('for one model', async () => {
        await shell.run(ofThisRun(stateMachines.take('Set it up')));
        const { status, output } = await executionEnd(stateMachines.take('Set it up'));
        expect(status).toBe('SUCCEEDED');
        expect(JSON.parse(output)).toMatchObject({ outcome: 'DRY_RUN', model_name: model });
      });

      test('for a fleet', async () => {
        await mlflow.tagVersion(model, '3', 'feature_set', 'v7');
        await shell.run(stateMachines.take('Set it up'));
        const started = await shell.run(stateMachines.take('Set it up'));
        const { executionArn } = JSON.parse(started) as { readonly executionArn: string };
        const describeIt = `aws stepfunctions describe-execution --execution-arn ${executionArn}`;
        const { status, output } = await executionEnd(describeIt);
        expect(status).toBe('SUCCEEDED');
        expect(JSON.parse(output)).toMatchObject({ outcome: 'FLEET_DRY_RUN', would_roll_back: 1 });
      });
    });

    test('by every command of these pages', () => {
      expect([...byHand.left(), ...alarms.left(), ...stateMachines.left()]).toEqual([]);
    });
  },
);

// ---------------------------------------------------------------------------------------------------

/** What `npm run package` leaves in a clone, as far as the page uses it. */
function packageInto(folder: string): void {
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist', 'model-rollback.zip'), zip(builtFunction()));
}

function ofThisRun(commands: string): string {
  return commands.replaceAll('PascalStrategy', model);
}

async function permissionOf(sid: string): Promise<unknown> {
  const { Policy = '{}' } = await lambda.send(new GetPolicyCommand({ FunctionName: functionArn }));
  const { Statement: statements } = JSON.parse(Policy) as {
    readonly Statement: readonly { readonly Sid: string }[];
  };
  return statements.find(({ Sid }) => Sid === sid);
}

async function alarmActions(): Promise<readonly string[]> {
  const { MetricAlarms: [alarm] = [] } = await new CloudWatchClient(config).send(
    new DescribeAlarmsCommand({ AlarmNames: ['high-drawdown-alarm'] }),
  );
  expect(alarm?.AlarmArn).toBe(alarmArn);
  return alarm?.AlarmActions ?? [];
}

async function targetOf(rule: string): Promise<string> {
  const query = "--query 'Targets[].Arn' --output text";
  return await shell.run(`aws events list-targets-by-rule --rule ${rule} ${query}`);
}

function queueUrlOf(queueArn: string): string {
  const name = queueArn.split(':').at(-1);
  return `aws sqs get-queue-url --queue-name ${name} --query QueueUrl --output text`;
}

/** What the command prints about an execution, once that has ended. */
async function executionEnd(
  command: string,
): Promise<{ readonly status: string; readonly output: string }> {
  return await poll(
    async () => JSON.parse(await shell.run(command)),
    ({ status }) => status !== 'RUNNING',
    { timeoutMs: EFFECT_TIMEOUT_MS, pauseMs: 500 },
  );
}

async function invokeLater(target: string, event: string): Promise<void> {
  await lambda.send(
    new InvokeCommand({ FunctionName: target, InvocationType: 'Event', Payload: event }),
  );
}

/** The one that the page promises, and no other. */
async function expectNotice(): Promise<void> {
  const notices = await receiveNotices(queueUrl, { count: 1, timeoutMs: EFFECT_TIMEOUT_MS });
  expect(notices.map(({ subject }) => subject)).toEqual([`Model Rollback observed: ${model}`]);
  expect(JSON.parse(notices[0]?.message ?? '{}')).toMatchObject({
    triggered_by: 'high-drawdown-alarm',
    from_version: '3',
    to_version: '2',
  });
}
