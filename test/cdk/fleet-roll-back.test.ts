import { readFileSync } from 'node:fs';
import type { App, Stack } from 'aws-cdk-lib';
import { Alias, type IFunction, type IVersion } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { FleetRollBack, type FleetRollBackProps } from '../../src/cdk/index.ts';
import {
  account,
  flat,
  home,
  makeRollback,
  makeStack,
  region,
  resourcesOf,
  statementsOf,
  theOnly,
} from './stacks.ts';

const text = readFileSync('state-machines/fleet-roll-back.asl.json', 'utf8');

function makeFleet(props: Partial<FleetRollBackProps> = {}, stack: Stack = makeStack()): Stack {
  const { rollback } = makeRollback({}, stack);
  new FleetRollBack(stack, 'Fleet', {
    lambdaFunction: rollback.function,
    topic: rollback.topic,
    ...props,
  });
  return stack;
}

/** What its role may do, but for logs and traces: action, resource. */
function rightsOf(stack: Stack): string[] {
  return Object.entries(resourcesOf(stack, 'AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith('Fleet') && !id.includes('DefaultPolicy'))
    .flatMap(([, resource]) => statementsOf(resource))
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((one) => `${action} ${flat(one)}`)),
    )
    .map((right) =>
      right
        .replaceAll(/<(Fleet|Rollback)(\w+?)[0-9A-F]{8}/g, '<$2')
        .replaceAll('<AWS::Partition>', 'aws'),
    )
    .toSorted();
}

describe('FleetRollBack', () => {
  test('is the state machine of the package, with the function and the topic put in', () => {
    const { Properties } = theOnly(makeFleet(), 'AWS::StepFunctions::StateMachine');
    expect(Properties['DefinitionString']).toBe(text);
    const names = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    const substitutions = Properties['DefinitionSubstitutions'] as Record<string, unknown>;
    expect(Object.keys(substitutions).toSorted()).toEqual([...names].toSorted());
    expect(flat(substitutions['FunctionArn'])).toMatch(/^<RollbackFunction\w+\.Arn>$/);
    expect(flat(substitutions['TopicArn'])).toMatch(/^<RollbackNotices\w+>$/);
    // An express execution ends before the retries do.
    expect(Properties['StateMachineType'] ?? 'STANDARD').toBe('STANDARD');
  });

  test('logs everything, and is traced', () => {
    const stack = makeFleet({ logRetention: RetentionDays.ONE_YEAR });
    const { Properties } = theOnly(stack, 'AWS::StepFunctions::StateMachine');
    expect(Properties).toMatchObject({
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: true },
      TracingConfiguration: { Enabled: true },
    });
    const log = theOnly(stack, 'AWS::Logs::LogGroup', 'Fleet');
    expect(log.Properties['RetentionInDays']).toBe(365);
    expect(log.DeletionPolicy).toBe('Retain');
  });

  test('may do what its definition does, and nothing else', () => {
    const executions = `arn:aws:states:${region}:${account}:execution:<StateMachine.Name>`;
    expect(rightsOf(makeFleet())).toEqual([
      'kms:Decrypt <NoticesKey.Arn>',
      'kms:GenerateDataKey <NoticesKey.Arn>',
      'lambda:InvokeFunction <Function.Arn>',
      'sns:Publish <Notices>',
      `states:DescribeExecution ${executions}/Models:*`,
      `states:DescribeExecution ${executions}:*`,
      `states:DescribeMapRun arn:aws:states:${region}:${account}:mapRun:<StateMachine.Name>/Models:*`,
      `states:ListMapRuns ${executions}:*`,
      `states:RedriveExecution ${executions}/Models:*`,
      `states:RedriveExecution ${executions}:*`,
      'states:StartExecution <StateMachine>',
      `states:StopExecution ${executions}/Models:*`,
      `states:StopExecution ${executions}:*`,
    ]);
    const calls = new Set(
      [...text.matchAll(/arn:aws:states:::([\w:-]+)/g)].map(([, call]) => call),
    );
    expect([...calls].toSorted()).toEqual([
      'aws-sdk:sfn:describeMapRun',
      'aws-sdk:sfn:listMapRuns',
      'lambda:invoke',
      'sns:publish',
    ]);
    expect(text).toContain('"Label": "Models"');
  });

  test('uses a topic without a key, and an alias of the function, as they are', () => {
    const stack = makeStack();
    const { rollback } = makeRollback({}, stack);
    const version = rollback.function.currentVersion as IVersion;
    const live = new Alias(stack, 'Live', { aliasName: 'live', version }) as IFunction;
    const topic = Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:${region}:${account}:notices`);
    new FleetRollBack(stack, 'Fleet', { lambdaFunction: live, topic, stateMachineName: 'fleet' });
    const rights = rightsOf(stack);
    expect(rights.filter((right) => right.startsWith('kms'))).toEqual([]);
    expect(rights).toContain(`sns:Publish arn:aws:sns:${region}:${account}:notices`);
    expect(rights.find((right) => right.startsWith('lambda'))).toMatch(/ <Live\w+>$/);
    const { StateMachineName } = theOnly(stack, 'AWS::StepFunctions::StateMachine').Properties;
    expect(StateMachineName).toBe('fleet');
  });

  test('waits with the state machine for its rights, and not in a circle', () => {
    const machine = theOnly(makeFleet(), 'AWS::StepFunctions::StateMachine');
    expect(machine.DependsOn?.some((id) => /^FleetPolicy/.test(id))).toBe(true);
    expect(machine.DependsOn?.some((id) => /^FleetChildren/.test(id))).toBe(false);
  });

  test('lets only Step Functions of this account take its role', () => {
    const { Properties } = theOnly(makeFleet(), 'AWS::IAM::Role', 'Fleet');
    expect(Properties['AssumeRolePolicyDocument']).toMatchObject({
      Statement: [
        {
          Principal: { Service: 'states.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': account } },
        },
      ],
    });
  });

  test.each([
    ['of an account', home],
    ['of no account yet', {}],
  ])('gives cdk-nag nothing to find in a stack %s', (_what, props) => {
    const stack = makeFleet({}, makeStack(props));
    const app = stack.node.root as App;
    const found = [AwsSolutionsChecks, ServerlessChecks]
      .flatMap((Pack) => new Pack(app).validateScope(app).violations)
      .flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath = '' }) => `${ruleName} ${constructPath}`),
      );
    expect(found.filter((finding) => finding.includes('Production/Fleet/'))).toEqual([]);
  });
});
