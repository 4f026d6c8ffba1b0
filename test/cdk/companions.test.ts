import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, CfnParameter, Duration, type Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, test } from 'vitest';
import { bundledCompanions } from '../../src/cdk/function-code.ts';
import {
  comparisonPolicy,
  functionPolicy,
  type ModelRollbackProps,
  type PolicyEntry,
  type PolicyResources,
  promotionPolicy,
} from '../../src/cdk/index.ts';
import { companionFiles } from '../../src/config/function-files.ts';
import {
  environmentOf,
  flat,
  home,
  makeRollback,
  makeStack,
  makeWhole,
  resourcesOf,
  statementsOf,
  theOnly,
} from './stacks.ts';

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const both = { compareFunction: true, promoteFunction: true } as const;
const ids = ['Compare', 'Promote'] as const;
const made = (props: Partial<ModelRollbackProps> = {}): Stack =>
  makeRollback({ ...both, ...props }).stack;
const whole = (): Stack => {
  const stack = makeStack();
  makeWhole(stack);
  return stack;
};
const functionOf = (stack: Stack, id: string) =>
  theOnly(stack, 'AWS::Lambda::Function', `Rollback${id}Function`).Properties;

/** The statements of one role, in all of its policies: names, actions and resources. */
const rightsOf = (stack: Stack, id: string) =>
  Object.entries(resourcesOf(stack, 'AWS::IAM::Policy'))
    .filter(([name]) => new RegExp(`^Rollback${id}(Policy|Channels|Registry)`).test(name))
    .flatMap(([, resource]) => statementsOf(resource))
    .map(({ Sid = '', Action, Resource }) => ({
      sid: Sid,
      actions: [Action].flat(),
      resources: [Resource].flat().map(flat),
    }));

const most: PolicyResources = {
  table: 'TABLE',
  tableKey: 'TABLE-KEY',
  topic: 'TOPIC',
  topicRegion: 'eu-west-1',
  topicKey: 'TOPIC-KEY',
  secret: 'SECRET',
  secretKey: 'SECRET-KEY',
  registry: 'REGISTRY',
  slackSecret: 'SLACK',
  smokeCheck: 'SMOKE-CHECK',
  reload: 'RELOAD',
  channelKeys: ['CHANNEL-KEY'],
  alarms: 'ALARMS',
  logGroup: 'LOGS',
  deadLetters: 'QUEUE',
  region: 'eu-west-1',
};

const everyChannel = {
  teamsSecret: 'TEAMS',
  pagerDutySecret: 'PAGERDUTY',
  webhookSecret: 'WEBHOOK',
  eventBus: 'BUS',
};

describe('the functions compare and promote', () => {
  test('are not there unless a prop asks for them', () => {
    const { stack, rollback } = makeRollback();
    expect(Object.keys(resourcesOf(stack, 'AWS::Lambda::Function'))).toHaveLength(1);
    expect([rollback.compareFunction, rollback.promoteFunction]).toEqual([undefined, undefined]);
    const { stack: one, rollback: promoting } = makeRollback({ promoteFunction: true });
    expect(Object.keys(resourcesOf(one, 'AWS::Lambda::Function'))).toHaveLength(2);
    expect(promoting.promoteFunction).toBeDefined();
    expect(promoting.compareFunction).toBeUndefined();
  });

  test('are made as the one that rolls back, each with its entry, role and log', () => {
    const stack = made();
    const {
      Code: _,
      Description,
      Handler,
      Environment,
      Role,
      LoggingConfig,
      ...same
    } = theOnly(stack, 'AWS::Lambda::Function', 'RollbackFunction').Properties;
    const seen = [Role, LoggingConfig].map((value) => JSON.stringify(value));
    for (const id of ids) {
      const properties = functionOf(stack, id);
      expect(properties).toMatchObject(same);
      expect(properties['Handler']).toBe(`${id.toLowerCase()}/index.handler`);
      expect(companionFiles).toContain(`${id.toLowerCase()}/index.mjs`);
      seen.push(JSON.stringify(properties['Role']), JSON.stringify(properties['LoggingConfig']));
    }
    expect(new Set(seen).size).toBe(seen.length);
    const invokes = Object.values(resourcesOf(stack, 'AWS::Lambda::EventInvokeConfig'));
    expect(invokes).toHaveLength(3);
    for (const { Properties } of invokes) {
      expect(Properties).toMatchObject({
        MaximumRetryAttempts: 2,
        MaximumEventAgeInSeconds: 3600,
        DestinationConfig: { OnFailure: { Destination: expect.anything() } },
      });
    }
    for (const { Properties, DeletionPolicy } of Object.values(
      resourcesOf(stack, 'AWS::Logs::LogGroup'),
    )) {
      expect([Properties['RetentionInDays'], DeletionPolicy]).toEqual([90, 'Retain']);
    }
  });

  test('promotes with the settings of the one that rolls back, and compares with those that it reads', () => {
    const stack = whole();
    expect(environmentOf(stack, 'PromoteFunction')).toEqual(environmentOf(stack));
    expect(environmentOf(stack)).toMatchObject({ ROLLBACK_PROMOTION_EVIDENCE: '168h' });
    expect(Object.keys(environmentOf(stack, 'CompareFunction')).toSorted()).toEqual([
      'ALERT_SNS_TOPIC_ARN',
      'MLFLOW_REGISTRY_URI',
      'MLFLOW_TRACKING_SECRET_ARN',
      'MLFLOW_TRACKING_URI',
      'MLFLOW_WORKSPACE',
      'ROLLBACK_STATE_TABLE',
    ]);
    const pointers = { pointer: 'alias:champion', modelPointers: { a: 'alias:b' } };
    expect(environmentOf(made(pointers), 'CompareFunction')).toMatchObject({
      ROLLBACK_POINTER: 'alias:champion',
      ROLLBACK_MODEL_POINTERS: '{"a":"alias:b"}',
    });
  });

  test('have the name of the function with their own', () => {
    const stack = made({ functionName: 'rollback' });
    expect(ids.map((id) => functionOf(stack, id)['FunctionName'])).toEqual([
      'rollback-compare',
      'rollback-promote',
    ]);
    expect(functionOf(made(), 'Promote')['FunctionName']).toBeUndefined();
  });

  test('stop with the one that rolls back, where they move pointers', () => {
    const stack = made({ reservedConcurrency: 0 });
    expect(functionOf(stack, 'Promote')['ReservedConcurrentExecutions']).toBe(0);
    expect(functionOf(stack, 'Compare')['ReservedConcurrentExecutions']).toBeUndefined();
  });

  test('refuse an evidence age that promotions would refuse', () => {
    expect(() => makeRollback({ promotionEvidence: Duration.days(99_999) })).toThrow(
      /promotionEvidence: ROLLBACK_PROMOTION_EVIDENCE/,
    );
  });
});

describe('the function behind an address', () => {
  test('is not there without its secret', () => {
    const { rollback } = makeRollback(both);
    expect([rollback.httpFunction, rollback.httpUrl]).toEqual([undefined, undefined]);
  });

  test('has an address that asks for no IAM, the settings of the function, and its secret', () => {
    const stack = whole();
    const url = theOnly(stack, 'AWS::Lambda::Url', 'RollbackHttp').Properties;
    expect(url).toMatchObject({ AuthType: 'NONE' });
    const [id = ''] = Object.keys(resourcesOf(stack, 'AWS::Lambda::Function')).filter((name) =>
      name.startsWith('RollbackHttpFunction'),
    );
    const arn = { 'Fn::GetAtt': [id, 'Arn'] };
    expect(url['TargetFunctionArn']).toEqual(arn);
    const { ROLLBACK_HTTP_SECRET_ARN: secret, ...rest } = environmentOf(stack, 'HttpFunction');
    expect(rest).toEqual(environmentOf(stack));
    expect(secret).toMatch(/:secret:HttpSecret-AbCdEf$/);
    expect(functionOf(stack, 'Http')).toMatchObject({
      Handler: 'http/index.handler',
      Timeout: 120,
      ReservedConcurrentExecutions: 20,
    });
    const permitted = Object.values(resourcesOf(stack, 'AWS::Lambda::Permission'))
      .map(({ Properties }) => Properties)
      .filter(({ FunctionName }) => JSON.stringify(FunctionName) === JSON.stringify(arn));
    expect(permitted.map(({ Action, Principal }) => [Action, Principal])).toEqual([
      ['lambda:InvokeFunctionUrl', '*'],
      ['lambda:InvokeFunction', '*'],
    ]);
    // Only by the address, and only while that asks for no IAM.
    expect(permitted[0]).toMatchObject({ FunctionUrlAuthType: 'NONE' });
    expect(permitted[1]).toMatchObject({ InvokedViaFunctionUrl: true });
  });

  test('may do what the function may that rolls back, read its secret, and invoke itself', () => {
    const stack = whole();
    const rights = (id: string) =>
      rightsOf(stack, id).map(({ sid, actions, resources }) => [
        sid,
        actions,
        sid === 'Logs' ? [] : resources,
      ]);
    const more = rights('Http').filter(([sid]) => String(sid).startsWith('Http'));
    expect(more).toMatchObject([
      ['HttpSecret', ['secretsmanager:GetSecretValue'], [/HttpSecret/].map(matching)],
      ['HttpSecretKey', ['kms:Decrypt'], [/:key\//].map(matching)],
    ]);
    expect(rights('Http').filter(([sid]) => !String(sid).startsWith('Http'))).toEqual(rights(''));
    const self = statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackHttpSelf'));
    expect(self.map(({ Action, Resource }) => [Action, flat(Resource)])).toEqual([
      ['lambda:InvokeFunction', expect.stringMatching(/^<RollbackHttpFunction\w+\.Arn>$/)],
    ]);
  });

  test('has alarms on it, as the function that rolls back has, and keeps what it could not handle', () => {
    const stack = whole();
    const alarms = Object.entries(resourcesOf(stack, 'AWS::CloudWatch::Alarm'))
      .filter(([id]) => id.startsWith('RollbackHttpAlarms'))
      .map(([, { Properties }]) => [Properties['MetricName'], Properties['AlarmDescription']]);
    expect(alarms).toEqual([
      ['Errors', 'model-rollback: The HTTP function ended with an error.'],
      ['Throttles', 'model-rollback: Lambda throttled the HTTP function.'],
      [
        'AsyncEventsDropped',
        'model-rollback: An event for the HTTP function was dropped after its retries.',
      ],
      ['DeadLetterErrors', expect.stringContaining('was lost')],
      ['DestinationDeliveryFailures', expect.stringContaining('failure record')],
      ['AsyncEventAge', expect.stringContaining('before the HTTP function runs')],
    ]);
    const other = makeStack();
    const httpSecret = Secret.fromSecretNameV2(other, 'Named', 'http');
    const { rollback } = makeRollback({ httpSecret, selfAlarms: false }, other);
    expect(rollback.selfAlarms).toEqual([]);
    expect(Object.keys(resourcesOf(stack, 'AWS::Lambda::EventInvokeConfig'))).toHaveLength(4);
  });
});

describe('promotionPolicy', () => {
  test('is that of a rollback without what only alarms and sweeps need', () => {
    const sids = (entries: readonly { readonly sid: string }[]) => entries.map(({ sid }) => sid);
    const without = sids(functionPolicy(most)).filter(
      (sid) => !['Sweep', 'Alarms', 'AlarmTags'].includes(sid),
    );
    expect(sids(promotionPolicy(most))).toEqual(without);
    expect(without).toEqual(expect.arrayContaining(['State', 'Notices', 'Reload', 'Slack']));
  });

  test('is what the role has, and nothing else', () => {
    const { tableKey: _none, registry: _address, ...used } = { ...most, ...everyChannel };
    const data = promotionPolicy({ ...used, isInVpc: true, isTraced: true });
    const shown = (entries: readonly Pick<PolicyEntry, 'sid' | 'actions'>[]) =>
      entries.map(({ sid, actions }) => [sid, ...actions]).toSorted();
    expect(shown(rightsOf(whole(), 'Promote'))).toEqual(shown(data));
  });
});

describe('comparisonPolicy', () => {
  test('reads the state and the registry, writes evidence and a tag, and publishes nothing', () => {
    const shown = comparisonPolicy(most).map(({ sid, actions }) => [sid, ...actions]);
    expect(shown).toEqual([
      ['State', 'dynamodb:BatchGetItem', 'dynamodb:PutItem'],
      ['Logs', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      ['DeadLetters', 'sqs:SendMessage'],
      ['Credentials', 'secretsmanager:GetSecretValue'],
      [
        'Registry',
        'sagemaker:CallMlflowAppApi',
        'sagemaker-mlflow:GetLatestModelVersions',
        'sagemaker-mlflow:GetModelVersion',
        'sagemaker-mlflow:GetModelVersionByAlias',
        'sagemaker-mlflow:GetRegisteredModel',
        'sagemaker-mlflow:GetLoggedModel',
        'sagemaker-mlflow:GetRun',
        'sagemaker-mlflow:SearchModelVersions',
        'sagemaker-mlflow:SetModelVersionTag',
      ],
      ['CredentialsKey', 'kms:Decrypt'],
      [
        'StateKey',
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
    ]);
  });

  test('is what the role has, and nothing else', () => {
    expect(rightsOf(whole(), 'Compare').map(({ sid }) => sid)).toEqual([
      ...['State', 'Logs', 'DeadLetters', 'Credentials', 'CredentialsKey', 'Network', 'Traces'],
    ]);
  });

  test('has rights on MLflow in SageMaker whose ARN is known only at deployment', () => {
    const stack = makeStack();
    const arn = new CfnParameter(stack, 'Server').valueAsString;
    const { rollback } = makeRollback({ ...both, mlflowTrackingUri: arn }, stack);
    rollback.grantSageMaker(arn);
    const actions = (id: string) =>
      rightsOf(stack, id).flatMap(({ sid, actions: all }) => (sid === 'Registry' ? all : []));
    expect(actions('Compare')).toContain('sagemaker-mlflow:GetRun');
    expect(actions('Compare')).not.toContain('sagemaker-mlflow:SetRegisteredModelAlias');
    expect(actions('Promote')).toContain('sagemaker-mlflow:SetRegisteredModelAlias');
  });
});

describe('bundledCompanions', () => {
  test('deploys the bundles, and nothing else of the folder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'model-rollback-bundles-'));
    try {
      for (const file of [...companionFiles, 'promote/extra.js', 'lambda/index.mjs', 'a.js']) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), '');
      }
      const app = new App({ outdir: join(folder, 'out') });
      const stack = makeStack(home, app);
      const wanted = ['compare/index.mjs', 'promote/index.mjs'] as const;
      const companionCode = bundledCompanions(stack, wanted, [join(folder, 'none'), folder]);
      expect(companionCode).toBeInstanceOf(Code);
      makeRollback({ ...both, companionCode }, stack);
      app.synth();
      const asset = readdirSync(join(folder, 'out')).find((name) => /^asset\.\w+$/.test(name));
      const inside = readdirSync(join(folder, 'out', asset ?? ''), {
        recursive: true,
        withFileTypes: true,
      });
      const files = inside.filter((entry) => entry.isFile());
      expect(
        files
          .map(({ parentPath, name }) => join(parentPath.split('/').at(-1) ?? '', name))
          .toSorted(),
      ).toEqual([...wanted]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
