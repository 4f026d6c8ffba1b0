import { readFileSync } from 'node:fs';
import type { App, Stack } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { type MachineProps, PromoteAndWatch } from '../../src/cdk/index.ts';
import {
  account,
  flat,
  home,
  makeRollback,
  makeStack,
  resourcesOf,
  statementsOf,
  theOnly,
} from './stacks.ts';

const text = readFileSync('state-machines/promote-and-watch.asl.json', 'utf8');

function makeMachine(props: MachineProps = {}, stack: Stack = makeStack()): Stack {
  const { rollback } = makeRollback({ compareFunction: true, promoteFunction: true }, stack);
  new PromoteAndWatch(stack, 'Promotion', { rollback, ...props });
  return stack;
}

describe('PromoteAndWatch', () => {
  test('is the state machine of the package, with the functions put in', () => {
    const { Properties } = theOnly(makeMachine(), 'AWS::StepFunctions::StateMachine');
    expect(Properties['DefinitionString']).toBe(text);
    const names = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    const substitutions = Properties['DefinitionSubstitutions'] as Record<string, unknown>;
    expect(Object.keys(substitutions).toSorted()).toEqual([...names].toSorted());
    expect(flat(substitutions['FunctionArn'])).toMatch(/^<RollbackFunction\w+\.Arn>$/);
    expect(flat(substitutions['CompareFunctionArn'])).toMatch(/^<RollbackCompareFunction\w+/);
    expect(flat(substitutions['PromoteFunctionArn'])).toMatch(/^<RollbackPromoteFunction\w+/);
    // An express execution ends before a watch does.
    expect(Properties['StateMachineType'] ?? 'STANDARD').toBe('STANDARD');
  });

  test('may do what its definition does, and nothing else', () => {
    const rights = Object.entries(resourcesOf(makeMachine(), 'AWS::IAM::Policy'))
      .filter(([id]) => id.startsWith('PromotionPolicy'))
      .flatMap(([, resource]) => statementsOf(resource))
      .map(({ Action, Resource }) => [Action, ...[Resource].flat().map(flat)]);
    expect(rights).toEqual([
      [
        'lambda:InvokeFunction',
        ...['RollbackFunction', 'RollbackCompareFunction', 'RollbackPromoteFunction'].map((id) =>
          expect.stringMatching(new RegExp(`^<${id}[0-9A-F]{8}\\.Arn>$`)),
        ),
      ],
      ['cloudwatch:DescribeAlarms', '*'],
    ]);
    const calls = new Set(
      [...text.matchAll(/arn:aws:states:::([\w:-]+)/g)].map(([, call]) => call),
    );
    expect([...calls].toSorted()).toEqual(['aws-sdk:cloudwatch:describeAlarms', 'lambda:invoke']);
  });

  test('logs everything under a role of this account, and has the name that is set', () => {
    const stack = makeMachine({
      stateMachineName: 'promotion',
      logRetention: RetentionDays.ONE_YEAR,
    });
    expect(theOnly(stack, 'AWS::StepFunctions::StateMachine').Properties).toMatchObject({
      StateMachineName: 'promotion',
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: true },
      TracingConfiguration: { Enabled: true },
    });
    const log = theOnly(stack, 'AWS::Logs::LogGroup', 'Promotion');
    expect(log.Properties['RetentionInDays']).toBe(365);
    const { Properties } = theOnly(stack, 'AWS::IAM::Role', 'Promotion');
    expect(Properties['AssumeRolePolicyDocument']).toMatchObject({
      Statement: [{ Condition: { StringEquals: { 'aws:SourceAccount': account } } }],
    });
  });

  test('needs both functions', () => {
    const { rollback, stack } = makeRollback({ promoteFunction: true });
    expect(() => new PromoteAndWatch(stack, 'Promotion', { rollback })).toThrow(
      /Production\/Promotion: Production\/Rollback has no function that compares.*to true\./,
    );
  });

  test.each([
    ['of an account', home],
    ['of no account yet', {}],
  ])('gives cdk-nag nothing to find in a stack %s', (_what, props) => {
    const stack = makeMachine({}, makeStack(props));
    const app = stack.node.root as App;
    const found = [AwsSolutionsChecks, ServerlessChecks]
      .flatMap((Pack) => new Pack(app).validateScope(app).violations)
      .flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath = '' }) => `${ruleName} ${constructPath}`),
      );
    expect(found.filter((finding) => finding.includes('Production/Promotion/'))).toEqual([]);
  });
});
