import { readFileSync } from 'node:fs';
import { CfnParameter, type Stack } from 'aws-cdk-lib';
import { Role } from 'aws-cdk-lib/aws-iam';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { functionPolicy, type PolicyResources } from '../../src/cdk/index.ts';
import { sageMakerActions } from '../../src/domain/registry/sagemaker-actions.ts';
import {
  environmentOf,
  flat,
  makeRollback,
  makeStack,
  makeWhole,
  resourcesOf,
  statementsOf,
} from './stacks.ts';

const least: PolicyResources = {
  table: 'TABLE',
  topic: 'TOPIC',
  topicRegion: 'eu-west-1',
  alarms: 'ALARMS',
  logGroup: 'LOGS',
  deadLetters: 'QUEUE',
  region: 'eu-west-1',
};
const most: PolicyResources = {
  ...least,
  tableKey: 'TABLE-KEY',
  topicKey: 'TOPIC-KEY',
  secret: 'SECRET',
  secretKey: 'SECRET-KEY',
  registry: 'REGISTRY',
  registryRole: 'REGISTRY-ROLE',
  slackSecret: 'SLACK',
  teamsSecret: 'TEAMS',
  pagerDutySecret: 'PAGERDUTY',
  webhookSecret: 'WEBHOOK',
  eventBus: 'BUS',
  smokeCheck: 'SMOKE-CHECK',
  reload: 'RELOAD',
  channelKeys: ['CHANNEL-KEY'],
  isInVpc: true,
  isTraced: true,
};
const shown = (resources: PolicyResources) =>
  functionPolicy(resources).map(({ sid, actions, resources: on }) => [sid, actions, on].flat(2));

const server = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn-1';
const app = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-1A';
const role = 'arn:aws:iam::210987654321:role/mlflow';
/** The statements about MLflow in SageMaker. */
const actionsOf = (stack: Stack) =>
  Object.entries(resourcesOf(stack, 'AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith('RollbackRegistry'))
    .flatMap(([, resource]) => statementsOf(resource))
    .map(({ Sid, Action, Resource }) => [Sid, Action, Resource]);

describe('functionPolicy', () => {
  test('grants what every function needs', () => {
    expect(shown(least)).toEqual([
      ['State', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'TABLE'],
      [
        'Sweep',
        'dynamodb:Query',
        'TABLE/index/due',
        'TABLE/index/by-time',
        'TABLE/index/by-time-sharded',
      ],
      ['Notices', 'sns:Publish', 'TOPIC'],
      [
        'Alarms',
        'cloudwatch:DescribeAlarms',
        'cloudwatch:DescribeAlarmContributors',
        'cloudwatch:DescribeAlarmHistory',
        '*',
      ],
      ['AlarmTags', 'cloudwatch:ListTagsForResource', 'ALARMS'],
      ['Logs', 'logs:CreateLogStream', 'logs:PutLogEvents', 'LOGS'],
      ['DeadLetters', 'sqs:SendMessage', 'QUEUE'],
    ]);
  });

  test('grants the rest only to who uses it', () => {
    const rest = shown(most).slice(shown(least).length);
    expect(rest.map(([sid]) => sid)).toEqual([
      'Credentials',
      'Registry',
      'RegistryRole',
      'Slack',
      'Teams',
      'PagerDuty',
      'Webhook',
      'EventBus',
      'SmokeCheck',
      'Reload',
      'NoticesKey',
      'CredentialsKey',
      'ChannelsKey',
      'StateKey',
      'Network',
      'Traces',
    ]);
  });

  test('grants MLflow in SageMaker what its kind wants', () => {
    const named = Object.values(sageMakerActions);
    expect(actionsOf(makeRollback({ mlflowTrackingUri: server }).stack)).toEqual([
      ['Registry', named, server],
    ]);
    const mlflowRegistryUri = app;
    expect(actionsOf(makeRollback({ mlflowRegistryUri }).stack)).toEqual([
      ['Registry', ['sagemaker:CallMlflowAppApi', ...named], app],
    ]);
    expect(actionsOf(makeRollback().stack)).toEqual([]);
  });

  test('grants a role in place of the server, where there is one', () => {
    const stack = makeStack();
    const mlflowRole = Role.fromRoleArn(stack, 'Reader', role);
    makeRollback({ mlflowTrackingUri: server, mlflowRole }, stack);
    expect(actionsOf(stack)).toEqual([['RegistryRole', 'sts:AssumeRole', role]]);
    expect(environmentOf(stack)).toMatchObject({
      MLFLOW_TRACKING_URI: server,
      SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN: role,
    });
  });

  test('grants a server whose ARN is known only at deployment when it is asked to', () => {
    const stack = makeStack();
    const arn = new CfnParameter(stack, 'Server').valueAsString;
    const { rollback } = makeRollback({ mlflowTrackingUri: arn }, stack);
    rollback.grantSageMaker(arn);
    const both = ['sagemaker:CallMlflowAppApi', ...Object.values(sageMakerActions)];
    expect(actionsOf(stack)).toEqual([['Registry', both, { Ref: 'Server' }]]);
  });

  test('has no wildcard in an action, and a key only through its service', () => {
    for (const { sid, actions, conditions } of functionPolicy(most)) {
      for (const action of actions) expect(action).not.toContain('*');
      const isOfKey = actions.some((action) => action.startsWith('kms:'));
      expect(isOfKey).toBe(sid.endsWith('Key'));
      expect(conditions?.['StringEquals']?.['kms:ViaService'] !== undefined).toBe(isOfKey);
    }
  });

  test('grants exactly the calls that the code of the function can make', async () => {
    const { metafile } = await build({
      entryPoints: ['src/lambda/function.ts'],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      packages: 'external',
      format: 'esm',
    });
    const calls = Object.keys(metafile.inputs).flatMap((path) => {
      const [, folder = ''] = /^src\/adapters\/([^/]+)\//.exec(path) ?? [];
      const code = readFileSync(path, 'utf8');
      const commands = [...code.matchAll(/new ([A-Z]\w+)Command\(/g)];
      // Signed by hand, without a client of its own.
      const events = [...code.matchAll(/operation: '([A-Z]\w+)'/g)];
      const roles = [...code.matchAll(/\bAction: '([A-Z]\w+)'/g)];
      return [
        ...commands.map(([, call]) => `${folder.replaceAll('-', '')}:${call}`),
        ...events.map(([, call]) => `events:${call}`),
        ...roles.map(([, call]) => `sts:${call}`),
        ...(code.includes('/invocations`') ? ['lambda:InvokeFunction'] : []),
      ];
    });
    const called = new Set(
      // Each write of a transaction is a PutItem.
      calls.filter((call) => call !== 'dynamodb:TransactWriteItems'),
    );
    // Those of MLflow are calls by its address: the suite of the signatures has each of them.
    const ofOthers = /^(logs|sqs|ec2|xray|kms|sagemaker|sagemaker-mlflow):/;
    const granted = new Set(
      functionPolicy(most)
        .flatMap(({ actions }) => actions)
        .filter((action) => !ofOthers.test(action)),
    );
    expect([...called].toSorted()).toEqual([...granted].toSorted());
  });

  test('is what the role of the construct has, and nothing else', () => {
    const bare = makeRollback().stack;
    const whole = makeStack();
    makeWhole(whole);
    const [plainCount, wholeCount] = [bare, whole].map((stack) => {
      const statements = Object.entries(resourcesOf(stack, 'AWS::IAM::Policy'))
        .filter(([id]) => /^Rollback(Policy|Channels)/.test(id))
        .flatMap(([, resource]) => statementsOf(resource));
      const data = functionPolicy({ ...most });
      for (const { Sid, Effect, Action, Resource } of statements) {
        const entry = data.find(({ sid }) => sid === Sid);
        expect(Effect).toBe('Allow');
        expect([Action].flat()).toEqual(entry?.actions);
        expect(flat(Resource)).not.toBe('');
        expect(flat(Resource) === '*').toBe(entry?.resources[0] === '*');
      }
      return statements.length;
    });
    // The topic has a key of its own.
    expect(plainCount).toBe(functionPolicy({ ...least, topicKey: 'TOPIC-KEY' }).length);
    const { tableKey: _none, registry: _address, registryRole: _own, ...used } = most;
    expect(wholeCount).toBe(functionPolicy(used).length);
  });
});
