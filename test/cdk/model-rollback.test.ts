import { readFileSync } from 'node:fs';
import { App, Aws, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';

import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { ModelRollback, modelTag, StateTable } from '../../src/cdk/index.ts';
import { configFromEnv } from '../../src/config/config-from-env.ts';
import { envNames } from '../../src/config/env-names.ts';
import { pointerFor, pointerText } from '../../src/domain/registry/pointer.ts';
import { parseRollbackOperation } from '../../src/domain/request/rollback-operation.ts';
import {
  account,
  environmentOf,
  flat,
  home,
  makeAlarm,
  makeComposite,
  makeRollback,
  makeStack,
  makeWhole,
  region,
  requiredProps,
  resourcesOf,
  statementsOf,
  theOnly,
} from './stacks.ts';

const keyId = '00000000-0000-4000-8000-000000000001';
const alarmsArn = `arn:<AWS::Partition>:cloudwatch:${region}:${account}:alarm:`;

describe('ModelRollback', () => {
  test('makes the function as the documents ask for it', () => {
    const { stack } = makeRollback();
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      MemorySize: 256,
      Timeout: 120,
      FunctionName: Match.absent(),
      ReservedConcurrentExecutions: Match.absent(),
      TracingConfig: Match.absent(),
      VpcConfig: Match.absent(),
    });
  });

  test('sets only what is required into its environment', () => {
    const { stack } = makeRollback();
    const environment = environmentOf(stack);
    expect(Object.keys(environment)).toEqual([
      'MLFLOW_TRACKING_URI',
      'ROLLBACK_STATE_TABLE',
      'ALERT_SNS_TOPIC_ARN',
    ]);
    expect(environment['MLFLOW_TRACKING_URI']).toBe('https://mlflow.example.com');
    const [table] = Object.keys(resourcesOf(stack, 'AWS::DynamoDB::Table'));
    expect(environment['ROLLBACK_STATE_TABLE']).toEqual({ Ref: table });
    const [topic] = Object.keys(resourcesOf(stack, 'AWS::SNS::Topic'));
    expect(environment['ALERT_SNS_TOPIC_ARN']).toEqual({ Ref: topic });
  });

  test('sets every prop as the variable that the function reads', () => {
    const environment = environmentOf(makeEverySetting()) as Record<string, string>;
    expect(environment).toEqual({
      MLFLOW_TRACKING_URI: 'https://mlflow.example.com',
      MLFLOW_REGISTRY_URI: 'https://registry.example.com',
      MLFLOW_WORKSPACE: 'team-a',
      ROLLBACK_STATE_TABLE: 'state',
      ALERT_SNS_TOPIC_ARN: `arn:aws:sns:${region}:${account}:notices`,
      ROLLBACK_SNS_FORMAT: 'chat',
      ROLLBACK_MODE: 'ask',
      ROLLBACK_COOLDOWN_HOURS: '1.5',
      ROLLBACK_POINTER: 'alias:champion',
      ROLLBACK_MODEL_POINTERS: '{"churn-*":"stage:Production"}',
      ROLLBACK_TARGET_RULE: 'latest-archived',
      ROLLBACK_BUDGET: '2/24h',
      ROLLBACK_BLAST_RADIUS: 'off',
      ROLLBACK_CAUSE_CHECK: 'off',
      ROLLBACK_PENDING_ACT_MINUTES: '120',
      ROLLBACK_BAKE_MINUTES: '1.5',
      ROLLBACK_OBSERVE_MINUTES: '7.5',
      ROLLBACK_EVENT_AGE_MAX_MINUTES: '15',
      ROLLBACK_ALARM_AGE_MIN_MINUTES: '30',
      ROLLBACK_WRITE_HORIZON_SECONDS: '120',
      ROLLBACK_MODEL_DIMENSION: 'model',
      ROLLBACK_ALARM_MODELS: '{"churn-*":"churn-scorer"}',
      ROLLBACK_ALLOWED_ACCOUNTS: '111122223333,444455556666',
    });
    // And it reads them as they were meant.
    const config = configFromEnv(environment, 'lambda');
    expect(config).toMatchObject({ cooldownMs: 5_400_000, targetRule: 'latest-archived' });
    expect(pointerText(pointerFor(config.pointers, 'scorer'))).toBe('alias:champion');
    expect(pointerText(pointerFor(config.pointers, 'churn-scorer'))).toBe('stage:Production');
    expect(config.alarms).toMatchObject({ mode: 'ask', bakeMs: 90_000, isCauseChecked: false });
  });

  test('sets the channels that have a prop, and reads them as they were meant', () => {
    const stack = makeStack();
    makeWhole(stack);
    const environment = environmentOf(stack) as Record<string, string>;
    expect(environment).toMatchObject({
      ROLLBACK_CHANNELS: 'slack,teams,pagerduty,eventbridge,webhook',
      ROLLBACK_SLACK_SECRET_ARN: `arn:aws:secretsmanager:${region}:${account}:secret:Slack-AbCdEf`,
      ROLLBACK_WEBHOOK_URL: 'https://hooks.example.com/rollbacks',
    });
    const texts = Object.entries(environment).filter(([, value]) => typeof value === 'string');
    const known = { ...Object.fromEntries(texts), ROLLBACK_EVENT_BUS: 'default' };
    const named = { ...known, ALERT_SNS_TOPIC_ARN: `arn:aws:sns:${region}:${account}:a` };
    const { channels } = configFromEnv({ ...named, ROLLBACK_STATE_TABLE: 'state' }, 'lambda');
    expect(channels.map(({ name }) => name)).toHaveLength(5);
  });

  test('sets the hooks, as functions or addresses, and never both', () => {
    const stack = makeStack();
    makeWhole(stack);
    expect(environmentOf(stack)).toMatchObject({
      ROLLBACK_SMOKE_CHECK: `arn:aws:lambda:${region}:${account}:function:smoke-check:live`,
      ROLLBACK_RELOAD: `arn:aws:lambda:${region}:${account}:function:reload`,
      ROLLBACK_TARGET_MAX_AGE: '2160h',
    });
    const reloadUrl = 'https://serving.example.com/reload';
    const { stack: byAddress } = makeRollback({ reloadUrl });
    expect(environmentOf(byAddress)).toMatchObject({ ROLLBACK_RELOAD: reloadUrl });
    const reload = LambdaFunction.fromFunctionName(stack, 'Other', 'reload');
    expect(() => makeRollback({ reload, reloadUrl })).toThrow(/reload and reloadUrl are both set/);
    expect(() => makeRollback({ reloadUrl: 'http://serving.example.com' })).toThrow(/reload: /);
  });

  test('refuses a webhook without its secret, and names the prop', () => {
    expect(() => makeRollback({ webhookUrl: 'https://hooks.example.com' })).toThrow(
      /webhookSecret|ROLLBACK_WEBHOOK_SECRET/,
    );
    expect(() => makeRollback({ webhookUrl: 'http://hooks.example.com' })).toThrow(/webhookUrl: /);
  });

  test('has a prop for every variable, but for those that a function must not or cannot have', () => {
    const stack = makeStack();
    const set = Object.keys({
      ...environmentOf(makeEverySetting()),
      ...(makeWhole(stack) && environmentOf(stack)),
      ...environmentOf(stack, 'HttpFunction'),
    });
    const left = [
      // A login belongs into a secret.
      'MLFLOW_TRACKING_USERNAME',
      'MLFLOW_TRACKING_PASSWORD',
      'MLFLOW_TRACKING_TOKEN',
      // Neither does an address or a key that opens a channel.
      'ROLLBACK_SLACK_URL',
      'ROLLBACK_TEAMS_URL',
      'ROLLBACK_PAGERDUTY_ROUTING_KEY',
      'ROLLBACK_WEBHOOK_SECRET',
      // Alerts come to the service, not to the function.
      'ROLLBACK_ALERT_LABEL',
      'ROLLBACK_ALERTMANAGER_URL',
      'ROLLBACK_GRAFANA_SECRET',
      'ROLLBACK_MLFLOW_WEBHOOK_SECRET',
      // Mostly a matter of one model, and so of its policy: addEnvironment.
      'ROLLBACK_PREVIOUS_ALIAS',
      // A function has no disk that outlives it.
      'ROLLBACK_STORE',
      // A part of SageMaker, whose rights suite sets it.
      'SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN',
      // For a stand-in of SageMaker, and for an API Gateway of yours: addEnvironment of the function.
      'SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT',
      'MLFLOW_TRACKING_AWS_SIGV4',
      // Databricks is for the command.
      'DATABRICKS_HOST',
      'DATABRICKS_TOKEN',
      'DATABRICKS_CLIENT_ID',
      'DATABRICKS_CLIENT_SECRET',
      // With files of a layer of yours.
      'MLFLOW_TRACKING_INSECURE_TLS',
      'MLFLOW_TRACKING_SERVER_CERT_PATH',
      'MLFLOW_TRACKING_CLIENT_CERT_PATH',
      // Nobody can use a plugin of MLflow for Python here.
      'MLFLOW_TRACKING_AUTH',
    ];
    expect([...set, ...left].toSorted()).toEqual(envNames.toSorted());
  });

  test('takes values that are known only at deployment', () => {
    const stack = makeStack({});
    const parameter = (id: string, type = 'String') => new CfnParameter(stack, id, { type });
    makeRollback(
      {
        mlflowTrackingUri: parameter('Uri').valueAsString,
        mlflowRegistryUri: parameter('RegistryUri').valueAsString,
        cooldown: Duration.hours(parameter('Hours', 'Number').valueAsNumber),
        pointer: parameter('Pointer').valueAsString,
        modelPointers: { 'churn-*': parameter('ChurnPointer').valueAsString },
        modelsByAlarm: { [`${Aws.STACK_NAME}-drawdown`]: parameter('Model').valueAsString },
      },
      stack,
    );
    const environment = environmentOf(stack);
    expect(environment['MLFLOW_TRACKING_URI']).toEqual({ Ref: 'Uri' });
    expect(environment['ROLLBACK_COOLDOWN_HOURS']).toEqual({ Ref: 'Hours' });
    expect(environment['ROLLBACK_POINTER']).toEqual({ Ref: 'Pointer' });
    expect(flat(environment['ROLLBACK_MODEL_POINTERS'])).toBe('{"churn-*":"<ChurnPointer>"}');
    expect(flat(environment['ROLLBACK_ALARM_MODELS'])).toBe(
      '{"<AWS::StackName>-drawdown":"<Model>"}',
    );
  });

  test('warns of a short write horizon', () => {
    const { stack } = makeRollback({ writeHorizon: Duration.seconds(5) });
    Annotations.fromStack(stack).hasWarning(
      '/Production/Rollback',
      Match.stringLikeRegexp('ROLLBACK_WRITE_HORIZON_SECONDS is 5'),
    );
  });

  test('keeps what it cannot handle, as it was and with the error', () => {
    const { stack } = makeRollback();
    const [queue = ''] = Object.keys(resourcesOf(stack, 'AWS::SQS::Queue'));
    const arn = { 'Fn::GetAtt': [queue, 'Arn'] };
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 24 * 60 * 60,
    });
    template.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: 'Deny',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ],
      },
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      DeadLetterConfig: { TargetArn: arn },
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: { OnFailure: { Destination: arn } },
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 3600,
    });
  });

  test('keeps its logs for three months, or for as long as is asked', () => {
    Template.fromStack(makeRollback().stack).hasResourceProperties('AWS::Logs::LogGroup', {
      RetentionInDays: 90,
    });
    const { stack } = makeRollback({ logRetention: RetentionDays.ONE_WEEK });
    Template.fromStack(stack).hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    const [group] = Object.keys(resourcesOf(stack, 'AWS::Logs::LogGroup'));
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      LoggingConfig: { LogGroup: { Ref: group } },
    });
  });

  test('sweeps every minute, without repeating a sweep that failed to start', () => {
    const { stack } = makeRollback();
    const [fn = ''] = Object.keys(resourcesOf(stack, 'AWS::Lambda::Function'));
    Template.fromStack(stack).hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: { 'Fn::GetAtt': [fn, 'Arn'] },
        Input: '{"sweep":true}',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      },
    });
    const role = theOnly(stack, 'AWS::IAM::Role', 'Sweep');
    expect(statementsOf(role, 'AssumeRolePolicyDocument')).toMatchObject([
      {
        Principal: { Service: 'scheduler.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': account } },
      },
    ]);
    expect(statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'Sweep'))).toEqual([
      {
        Sid: 'Sweep',
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        Resource: { 'Fn::GetAtt': [fn, 'Arn'] },
      },
    ]);
  });

  test('sweeps as often as is asked', () => {
    const { stack } = makeRollback({ sweepInterval: Duration.minutes(5) });
    Template.fromStack(stack).hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
    });
  });

  test('reads the login from a secret at run time, and knows it by its ARN only', () => {
    const stack = makeStack();
    const credentials = new Secret(stack, 'Login', {
      encryptionKey: Key.fromKeyArn(stack, 'Key', `arn:aws:kms:${region}:${account}:key/${keyId}`),
    });
    makeRollback({ credentials: credentials as ISecret }, stack);
    const [secret] = Object.keys(resourcesOf(stack, 'AWS::SecretsManager::Secret'));
    expect(environmentOf(stack)['MLFLOW_TRACKING_SECRET_ARN']).toEqual({ Ref: secret });
    const statements = statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackPolicy'));
    expect(statements).toContainEqual({
      Sid: 'Credentials',
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: { Ref: secret },
    });
    expect(statements).toContainEqual({
      Sid: 'CredentialsKey',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: `arn:aws:kms:${region}:${account}:key/${keyId}`,
      Condition: {
        StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` },
      },
    });
  });

  test('reads a secret that is known by name, whatever AWS added to the name', () => {
    const stack = makeStack();
    makeRollback({ credentials: Secret.fromSecretNameV2(stack, 'Login', 'mlflow/login') }, stack);
    const [statement] = statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackPolicy')).filter(
      ({ Sid }) => Sid === 'Credentials',
    );
    expect(flat(statement?.Resource)).toBe(
      `arn:<AWS::Partition>:secretsmanager:${region}:${account}:secret:mlflow/login-??????`,
    );
  });

  test('goes into a network, with the rights that Lambda needs for it', () => {
    const stack = makeStack();
    makeWhole(stack);
    for (const { Properties } of Object.values(resourcesOf(stack, 'AWS::Lambda::Function'))) {
      expect(Properties['VpcConfig']).toMatchObject({
        SubnetIds: [{ Ref: expect.anything() }, { Ref: expect.anything() }],
        SecurityGroupIds: [{ 'Fn::GetAtt': [expect.stringMatching(/^Group/), 'GroupId'] }],
      });
      expect(Properties['TracingConfig']).toEqual({ Mode: 'Active' });
    }
    const { Properties } = theOnly(stack, 'AWS::Lambda::Function', 'RollbackFunction');
    expect(Properties['ReservedConcurrentExecutions']).toBe(20);
    const sids = statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackPolicy')).map(
      ({ Sid }) => Sid,
    );
    expect(sids).toEqual(expect.arrayContaining(['Network', 'Traces']));
  });

  test('gives each role no policy of AWS and none beside its own, which is there before the function', () => {
    const stack = makeStack();
    makeWhole(stack);
    const roles = Object.values(resourcesOf(stack, 'AWS::IAM::Role'));
    expect(roles).toHaveLength(5);
    for (const { Properties } of roles) {
      expect(Properties).not.toHaveProperty('ManagedPolicyArns');
      expect(Properties).not.toHaveProperty('Policies');
    }
    const policies = Object.keys(resourcesOf(stack, 'AWS::IAM::Policy'));
    const ofChannels = ['Channels', 'PromoteChannels', 'HttpChannels'];
    const own = ['Policy', 'ComparePolicy', 'PromotePolicy', 'HttpPolicy', 'HttpSelf'];
    expect(policies).toHaveLength(['Sweep', ...ofChannels, ...own].length);
    for (const id of ['Rollback', 'RollbackCompare', 'RollbackPromote', 'RollbackHttp']) {
      const first = policies.find((name) => name.startsWith(`${id}Policy`));
      expect(theOnly(stack, 'AWS::Lambda::Function', `${id}Function`).DependsOn).toContain(first);
    }
  });

  test('stops everything by a reserved concurrency of zero', () => {
    const { stack } = makeRollback({ reservedConcurrency: 0 });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      ReservedConcurrentExecutions: 0,
    });
  });

  test('works in a stack that belongs to no account yet', () => {
    const stack = makeStack({});
    const { rollback } = makeRollback({}, stack);
    rollback.addAlarm(makeAlarm(stack), { model: 'PascalStrategy' });
    Template.fromStack(stack).resourceCountIs('AWS::Lambda::Function', 1);
  });

  test('fits into one account and one stack twice: no name is fixed', () => {
    const app = new App();
    const stacks = ['One', 'Two'].map((id) => new Stack(app, id, home));
    for (const stack of stacks) {
      new ModelRollback(stack, 'Rollback', requiredProps);
      new ModelRollback(stack, 'Second', requiredProps);
    }
    const [stack = makeStack()] = stacks;
    const named = Object.values(Template.fromStack(stack).toJSON()['Resources'] as object).flatMap(
      ({ Properties }: { Properties?: object }) =>
        Object.keys(Properties ?? {}).filter((name) =>
          /^(Function|Table|Topic|Queue|LogGroup|Role|Alarm|Dashboard|Rule|Schedule|Bucket)?Name$/.test(
            name,
          ),
        ),
    );
    // These refer to another resource.
    expect(named.filter((name) => name !== 'FunctionName')).toEqual([]);
    for (const { Properties } of Object.values(resourcesOf(stack, 'AWS::Lambda::Function'))) {
      expect(Properties).not.toHaveProperty('FunctionName');
    }
  });

  test('takes the names that it is asked to take', () => {
    const { stack } = makeRollback({ functionName: 'model-rollback', tableName: 'state' });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Lambda::Function', { FunctionName: 'model-rollback' });
    template.hasResourceProperties('AWS::DynamoDB::Table', { TableName: 'state' });
  });
});

describe('the state table', () => {
  test('is the one that the function reads, and outlives its stack', () => {
    const { stack } = makeRollback();
    const table = theOnly(stack, 'AWS::DynamoDB::Table');
    expect(table.DeletionPolicy).toBe('Retain');
    expect(table.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
    });
    expect(table.Properties).not.toHaveProperty('TableName');
  });

  test('may be there already, with a key of its own', () => {
    const stack = makeStack();
    const key = `arn:aws:kms:${region}:${account}:key/${keyId}`;
    const table = Table.fromTableAttributes(stack, 'Table', {
      tableName: 'state',
      encryptionKey: Key.fromKeyArn(stack, 'Key', key),
    });
    makeRollback({ table }, stack);
    expect(resourcesOf(stack, 'AWS::DynamoDB::Table')).toEqual({});
    expect(environmentOf(stack)['ROLLBACK_STATE_TABLE']).toBe('state');
    const statements = statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackPolicy'));
    const [state] = statements.filter(({ Sid }) => Sid === 'State');
    expect(flat(state?.Resource)).toBe(
      `arn:<AWS::Partition>:dynamodb:${region}:${account}:table/state`,
    );
    expect(statements).toContainEqual(
      expect.objectContaining({
        Sid: 'StateKey',
        Resource: key,
        Condition: { StringEquals: { 'kms:ViaService': `dynamodb.${region}.amazonaws.com` } },
      }),
    );
  });

  test('may stand in a stack of its own', () => {
    const app = new App();
    const table = new StateTable(new Stack(app, 'State', home), 'Table', { tableName: 'state' });
    const { stack } = makeRollback({ table }, new Stack(app, 'Production', home));
    expect(resourcesOf(stack, 'AWS::DynamoDB::Table')).toEqual({});
    expect(JSON.stringify(environmentOf(stack)['ROLLBACK_STATE_TABLE'])).toContain('Table');
  });
});

describe('the topic', () => {
  test('is encrypted with a key that CloudWatch may use, and lets CloudWatch publish', () => {
    const { stack } = makeRollback();
    const [key] = Object.keys(resourcesOf(stack, 'AWS::KMS::Key'));
    Template.fromStack(stack).hasResourceProperties('AWS::SNS::Topic', {
      KmsMasterKeyId: { 'Fn::GetAtt': [key, 'Arn'] },
      FifoTopic: Match.absent(),
    });
    Template.fromStack(stack).hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true });
    const cloudWatch = {
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': account } },
    };
    expect(statementsOf(theOnly(stack, 'AWS::KMS::Key'), 'KeyPolicy')).toContainEqual(
      expect.objectContaining({ ...cloudWatch, Action: ['kms:Decrypt', 'kms:GenerateDataKey*'] }),
    );
    const policy = statementsOf(theOnly(stack, 'AWS::SNS::TopicPolicy'));
    expect(policy).toContainEqual(
      expect.objectContaining({ ...cloudWatch, Action: 'sns:Publish' }),
    );
    expect(policy).toContainEqual(
      expect.objectContaining({
        Effect: 'Deny',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
  });

  test('may be given, and is then left as it is', () => {
    const stack = makeStack();
    const topic = new Topic(stack, 'Team');
    makeRollback({ topic }, stack);
    expect(Object.keys(resourcesOf(stack, 'AWS::SNS::Topic'))).toHaveLength(1);
    expect(resourcesOf(stack, 'AWS::SNS::TopicPolicy')).toEqual({});
    expect(resourcesOf(stack, 'AWS::KMS::Key')).toEqual({});
    const sids = statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackPolicy')).map(
      ({ Sid }) => Sid,
    );
    expect(sids).not.toContain('NoticesKey');
  });

  test('may be in another region, with its key, when the alarms on the function are off', () => {
    const stack = makeStack();
    const key = `arn:aws:kms:us-east-1:${account}:key/${keyId}`;
    const topic = Topic.fromTopicAttributes(stack, 'Topic', {
      topicArn: `arn:aws:sns:us-east-1:${account}:notices`,
      keyArn: key,
    });
    makeRollback({ topic, selfAlarms: false }, stack);
    expect(statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'RollbackPolicy'))).toContainEqual(
      expect.objectContaining({
        Sid: 'NoticesKey',
        Resource: key,
        Condition: { StringEquals: { 'kms:ViaService': 'sns.us-east-1.amazonaws.com' } },
      }),
    );
  });
});

describe('the wiring of alarms', () => {
  test('lets every alarm of the account in by one permission', () => {
    const stack = makeStack();
    const { rollback } = makeRollback({}, stack);
    for (let number = 1; number <= 50; number += 1) {
      rollback.addAlarm(makeAlarm(stack, `Alarm${number}`), { model: `model-${number}` });
    }
    const permissions = Object.values(resourcesOf(stack, 'AWS::Lambda::Permission'));
    expect(permissions).toHaveLength(1);
    expect(permissions[0]?.Properties).toMatchObject({
      Action: 'lambda:InvokeFunction',
      Principal: 'lambda.alarms.cloudwatch.amazonaws.com',
      SourceAccount: account,
    });
    expect(flat(permissions[0]?.Properties['SourceArn'])).toBe(`${alarmsArn}*`);
  });

  test('lets only alarms with the prefix in, where there is one', () => {
    const { stack } = makeRollback({ alarmNamePrefix: 'models-' });
    const permission = theOnly(stack, 'AWS::Lambda::Permission');
    expect(flat(permission.Properties['SourceArn'])).toBe(`${alarmsArn}models-*`);
  });

  test('adds the function as an action for ALARM, and the model as the tag that it reads', () => {
    expect(modelTag).toBe('model-rollback:model');
    const stack = makeStack();
    const { rollback } = makeRollback({}, stack);
    rollback.addAlarm(makeAlarm(stack), { model: 'PascalStrategy' });
    rollback.addAlarm(makeComposite(stack), { model: 'churn-scorer' });
    const action = { 'Fn::GetAtt': [expect.stringMatching(/^RollbackFunction/), 'Arn'] };
    expect(theOnly(stack, 'AWS::CloudWatch::Alarm', 'Drawdown').Properties).toMatchObject({
      AlarmActions: [action],
      Tags: [{ Key: modelTag, Value: 'PascalStrategy' }],
    });
    expect(theOnly(stack, 'AWS::CloudWatch::CompositeAlarm').Properties).toMatchObject({
      AlarmActions: [action],
      Tags: [{ Key: modelTag, Value: 'churn-scorer' }],
    });
    const { Properties } = theOnly(stack, 'AWS::CloudWatch::Alarm', 'Drawdown');
    expect(Properties).not.toHaveProperty('OKActions');
  });

  test('leaves the model to the dimension, and adds an alarm once', () => {
    const stack = makeStack();
    const { rollback } = makeRollback({}, stack);
    const alarm = makeAlarm(stack);
    rollback.addAlarm(alarm);
    rollback.addAlarm(alarm);
    const { Properties } = theOnly(stack, 'AWS::CloudWatch::Alarm', 'Drawdown');
    expect(Properties['AlarmActions']).toHaveLength(1);
    expect(Properties).not.toHaveProperty('Tags');
  });

  test('is an action for alarms that people wire themselves', () => {
    const stack = makeStack();
    const { rollback } = makeRollback({}, stack);
    makeAlarm(stack).addAlarmAction(rollback.rollbackAction());
    const { Properties } = theOnly(stack, 'AWS::CloudWatch::Alarm', 'Drawdown');
    expect(flat((Properties['AlarmActions'] as unknown[])[0])).toMatch(
      /^<RollbackFunction\w+\.Arn>$/,
    );
    expect(Object.keys(resourcesOf(stack, 'AWS::Lambda::Permission'))).toHaveLength(1);
  });

  test('wires alarms of other stacks of the region', () => {
    const app = new App();
    const { rollback } = makeRollback({}, new Stack(app, 'Production', home));
    const other = new Stack(app, 'Models', home);
    rollback.addAlarm(makeAlarm(other), { model: 'PascalStrategy' });
    const { Properties } = theOnly(other, 'AWS::CloudWatch::Alarm');
    expect(JSON.stringify(Properties['AlarmActions'])).toContain('Production:ExportsOutput');
  });

  test('warns when the name of an alarm cannot be held against the prefix', () => {
    const stack = makeStack();
    const { rollback } = makeRollback({ alarmNamePrefix: 'models-' }, stack);
    rollback.addAlarm(makeAlarm(stack, 'Named', 'models-drawdown'));
    rollback.addAlarm(makeAlarm(stack, 'Unnamed'));
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.anyValue());
    expect(warnings.map(({ id }) => id)).toEqual(['/Production/Unnamed']);
  });

  test('goes by a rule instead, whose undelivered events are kept', () => {
    const stack = makeStack();
    const { rollback } = makeRollback({}, stack);
    rollback.addEventRule({ alarmNamePrefix: 'models-' });
    rollback.addEventRule({ alarmNamePrefix: 'teams-' });
    const { Properties } = theOnly(stack, 'AWS::Events::Rule', 'AlarmRule2');
    const pattern = Properties['EventPattern'] as { resources: { prefix: unknown }[] };
    expect(flat(pattern.resources[0]?.prefix)).toBe(`${alarmsArn}teams-`);
    expect(pattern).toMatchObject({
      source: ['aws.cloudwatch'],
      'detail-type': ['CloudWatch Alarm State Change', 'CloudWatch Alarm Contributor State Change'],
      detail: { state: { value: ['ALARM'] } },
    });
    const queue = { 'Fn::GetAtt': [expect.stringMatching(/^RollbackDeadLetters/), 'Arn'] };
    expect(Properties['Targets']).toMatchObject([
      {
        Arn: { 'Fn::GetAtt': [expect.stringMatching(/^RollbackFunction/), 'Arn'] },
        DeadLetterConfig: { Arn: queue },
        RetryPolicy: { MaximumRetryAttempts: 10, MaximumEventAgeInSeconds: 3600 },
      },
    ]);
    const permissions = Object.values(resourcesOf(stack, 'AWS::Lambda::Permission'));
    const ofRules = permissions.filter(
      (permission) => permission.Properties['Principal'] === 'events.amazonaws.com',
    );
    expect(ofRules).toHaveLength(2);
    for (const permission of ofRules) {
      expect(flat(permission.Properties['SourceArn'])).toMatch(/^<RollbackAlarmRule\w+\.Arn>$/);
    }
    expect(statementsOf(theOnly(stack, 'AWS::SQS::QueuePolicy'))).toContainEqual(
      expect.objectContaining({
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
      }),
    );
  });
});

describe('the alarms on the function itself', () => {
  test('watch what people must know, and tell the topic', () => {
    const { stack, rollback } = makeRollback();
    const alarms = Object.values(resourcesOf(stack, 'AWS::CloudWatch::Alarm'));
    const watched = alarms.map(({ Properties }) => [
      Properties['Namespace'],
      Properties['MetricName'],
      Properties['Threshold'],
    ]);
    expect(watched).toEqual([
      ['AWS/Lambda', 'Errors', 1],
      ['AWS/Lambda', 'Throttles', 1],
      ['AWS/Lambda', 'AsyncEventsDropped', 1],
      ['AWS/Lambda', 'DeadLetterErrors', 1],
      ['AWS/Lambda', 'DestinationDeliveryFailures', 1],
      ['AWS/Lambda', 'AsyncEventAge', 300_000],
      ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 1],
      ['ModelRollback', 'NotificationFailed', 1],
      ['AWS/Lambda', 'Invocations', 1],
    ]);
    const [topic] = Object.keys(resourcesOf(stack, 'AWS::SNS::Topic'));
    for (const { Properties } of alarms) {
      expect(Properties['AlarmActions']).toEqual([{ Ref: topic }]);
    }
    expect(rollback.selfAlarms).toHaveLength(alarms.length);
    const [unsent] = alarms.filter(
      ({ Properties }) => Properties['MetricName'] === 'NotificationFailed',
    );
    expect(unsent?.Properties['Dimensions']).toEqual([
      { Name: 'service', Value: 'model-rollback' },
    ]);
  });

  test('tell of a sweep that nobody starts any more, but not of one that never ran', () => {
    const { stack } = makeRollback();
    expect(theOnly(stack, 'AWS::CloudWatch::Alarm', 'SweepStopped').Properties).toMatchObject({
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'missing',
      InsufficientDataActions: [{ Ref: expect.stringMatching(/^RollbackNotices/) }],
    });
    expect(theOnly(stack, 'AWS::CloudWatch::Alarm', 'Throttles').Properties).toMatchObject({
      TreatMissingData: 'notBreaching',
    });
  });

  test('have a dashboard beside them, and both can be left out', () => {
    const shown = theOnly(makeRollback().stack, 'AWS::CloudWatch::Dashboard');
    const body = flat(shown.Properties['DashboardBody']);
    expect(() => JSON.parse(body)).not.toThrow();
    const own = [...body.matchAll(/"ModelRollback","(\w+)","service","model-rollback"/g)].map(
      ([, name]) => name,
    );
    expect(own).toHaveLength(6);
    // Metrics that the function writes, under that name and with that dimension alone.
    const written = readFileSync('src/lambda/metrics.ts', 'utf8');
    for (const name of own) expect(written).toContain(`'${name}'`);
    expect(written).toContain("Namespace: 'ModelRollback'");
    expect(written).toContain("serviceName = 'model-rollback'");
    const { stack, rollback } = makeRollback({ selfAlarms: false, dashboard: false });
    expect(resourcesOf(stack, 'AWS::CloudWatch::Alarm')).toEqual({});
    expect(resourcesOf(stack, 'AWS::CloudWatch::Dashboard')).toEqual({});
    expect(rollback.selfAlarms).toEqual([]);
    expect(rollback.dashboard).toBeUndefined();
    const graphs = theOnly(makeRollback({ selfAlarms: false }).stack, 'AWS::CloudWatch::Dashboard');
    expect(flat(graphs.Properties['DashboardBody'])).not.toContain('"alarm"');
  });

  test('are no composite alarms, which some engines do not know', () => {
    const stack = makeStack();
    makeWhole(stack);
    expect(resourcesOf(stack, 'AWS::CloudWatch::CompositeAlarm')).toEqual({});
  });
});

describe('the button that approves', () => {
  test('invokes the function with an approval of the rollback that the notice is about', () => {
    const { rollback, stack } = makeRollback({ snsFormat: 'chat', functionName: 'rollback' });
    const { Properties } = theOnly(stack, 'AWS::Chatbot::CustomAction');
    const [{ Variables }] = Properties['Attachments'] as [{ readonly Variables: object }];
    const { CommandText } = Properties['Definition'] as { readonly CommandText: unknown };
    const [, payload = ''] = /--payload (\{.*\})$/.exec(flat(CommandText)) ?? [];
    expect(flat(CommandText)).toMatch(/^lambda invoke --function-name .* --region /);
    expect(Object.keys(Variables)).toContain('Id');
    const sent: unknown = JSON.parse(payload.replace('$Id', 'm/0123456789abcdef'));
    expect(parseRollbackOperation(sent)).toMatchObject({
      verb: 'approve',
      what: 'm/0123456789abcdef',
    });
    expect(rollback.approvalButton?.actionName).toBe(rollback.function.functionName);
  });

  test('is made for the format of chats only', () => {
    expect(resourcesOf(makeRollback().stack, 'AWS::Chatbot::CustomAction')).toEqual({});
  });
});

// ---------------------------------------------------------------------------------------------------

function makeEverySetting(): Stack {
  return makeRollback({
    mlflowRegistryUri: 'https://registry.example.com',
    mlflowWorkspace: 'team-a',
    table: Table.fromTableName(makeStack(), 'Table', 'state'),
    topic: Topic.fromTopicArn(makeStack(), 'Topic', `arn:aws:sns:${region}:${account}:notices`),
    snsFormat: 'chat',
    mode: 'ask',
    cooldown: Duration.minutes(90),
    pointer: 'alias:champion',
    modelPointers: { 'churn-*': 'stage:Production' },
    targetRule: 'latest-archived',
    budget: '2/24h',
    blastRadius: 'off',
    causeCheck: false,
    pendingAct: Duration.hours(2),
    bake: Duration.seconds(90),
    observe: Duration.seconds(450),
    eventAgeMax: Duration.minutes(15),
    alarmAgeMin: Duration.minutes(30),
    writeHorizon: Duration.minutes(2),
    modelDimension: 'model',
    modelsByAlarm: { 'churn-*': 'churn-scorer' },
    allowedAccounts: ['111122223333', '444455556666'],
  }).stack;
}
