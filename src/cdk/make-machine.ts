import { readFileSync } from 'node:fs';
import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Policy, type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { named } from './make-function.ts';
import { acknowledgeLint, roleIsEnough } from './review-findings.ts';

/** What may be set of each state machine. */
export interface MachineProps {
  /**
   * Name of the state machine.
   * @default - a generated one
   */
  readonly stateMachineName?: string;
  /**
   * How long its log is kept.
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays;
}

/** A state machine of the package, with a role and a log of its own. */
export interface MadeMachine {
  readonly stateMachine: StateMachine;
  readonly role: Role;
  readonly logGroup: LogGroup;
}

/** Makes a state machine directly below `scope`, with all that is its own. */
export function makeMachine(
  scope: Construct,
  { stateMachineName, logRetention }: MachineProps,
  definition: {
    /** A file of `state-machines/`. */
    readonly file: string;
    readonly substitutions: Record<string, string>;
    readonly statements: PolicyStatement[];
  },
): MadeMachine {
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('states.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  });
  const logGroup = new LogGroup(scope, 'Logs', {
    retention: logRetention ?? RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const { statements, substitutions: definitionSubstitutions } = definition;
  const policy = new Policy(scope, 'Policy', { roles: [role], statements });
  // Beside `src/` in a clone, and beside `dist/` in the package.
  const file = new URL(`../../state-machines/${definition.file}`, import.meta.url);
  const stateMachine = new StateMachine(scope, 'StateMachine', {
    definitionBody: DefinitionBody.fromString(readFileSync(file, 'utf8')),
    definitionSubstitutions,
    role,
    logs: { destination: logGroup, level: LogLevel.ALL, includeExecutionData: true },
    tracingEnabled: true,
    ...named('stateMachineName', stateMachineName),
  });
  stateMachine.node.addDependency(policy);
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'Step Functions delivers logs and traces by calls that know no narrower resource.',
  });
  acknowledgeLint(stateMachine, roleIsEnough);
  return { stateMachine, role, logGroup };
}
