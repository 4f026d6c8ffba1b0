import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Policy, type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  Function as Lambda,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type functionPolicy, isOfRegistry } from './function-policy.ts';
import { type FunctionParts, statementOf, statementsFor } from './function-role.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';
import { acknowledgeFunction } from './review-findings.ts';

/** What makes one function differ from the others. */
export interface FunctionShape {
  readonly functionName: string | undefined;
  readonly description: string;
  readonly handler: string;
  readonly code: Code;
  readonly environment: Record<string, string>;
  readonly policy: typeof functionPolicy;
  /** Whether `reservedConcurrency` is for this one: it moves pointers. */
  readonly isReserved: boolean;
}

/** A function with a role and a log of its own. */
export interface MadeFunction {
  readonly function: Lambda;
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** Lets it use MLflow in SageMaker. */
  grantSageMaker(arn: string): void;
}

/** For an older event the circumstances may have changed; the function checks it with CloudWatch anyway. */
export const eventAgeMax: Duration = Duration.minutes(60);

/** Makes a function directly below `scope`, with all that is its own. */
export function makeFunction(
  scope: Construct,
  props: ModelRollbackProps,
  parts: Omit<FunctionParts, 'logGroup'> & { readonly deadLetters: Queue },
  shape: FunctionShape,
): MadeFunction {
  const logGroup = new LogGroup(scope, 'Logs', {
    retention: props.logRetention ?? RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  const statements = statementsFor(scope, { ...parts, logGroup }, props, shape.policy);
  const policy = new Policy(scope, 'Policy', { roles: [role], statements: statements.own });
  if (statements.channels.length > 0) {
    new Policy(scope, 'Channels', { roles: [role], statements: statements.channels });
  }
  let registry: Policy | undefined;
  const allowRegistry = (added: readonly PolicyStatement[]): void => {
    registry ??= new Policy(scope, 'Registry', { roles: [role] });
    registry.addStatements(...added);
  };
  if (statements.registry.length > 0) allowRegistry(statements.registry);
  const fn = new Lambda(scope, 'Function', {
    ...functionProps(props, shape),
    // Else the CDK adds rights of its own choice, more than are used.
    role: role.withoutPolicyUpdates(),
    logGroup,
    // The dead letter is the event as it was, the failure record has the error: both go to one queue.
    deadLetterQueue: parts.deadLetters,
    onFailure: new SqsDestination(parts.deadLetters),
  });
  // Lambda tries the queue and the network with the role as soon as it makes the function.
  fn.node.addDependency(policy);
  const readsAlarms = statements.own.some(({ sid }) => sid === 'Alarms');
  acknowledgeFunction({ policy, function: fn }, props, { readsAlarms });
  return {
    function: fn,
    role,
    logGroup,
    grantSageMaker: (arn) => {
      const none = { table: '', topic: '', topicRegion: '', alarms: '', logGroup: '' };
      const entries = shape.policy({ ...none, deadLetters: '', region: '', registry: arn });
      allowRegistry(entries.filter(isOfRegistry).map(statementOf));
    },
  };
}

/** An optional prop must be absent, not undefined. */
export function named<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value });
}

// ---------------------------------------------------------------------------------------------------

function functionProps(
  { vpc, vpcSubnets, securityGroups, reservedConcurrency, tracing }: ModelRollbackProps,
  { functionName, description, handler, code, environment, isReserved }: FunctionShape,
) {
  return {
    ...named('functionName', functionName),
    description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler,
    code,
    memorySize: 256,
    timeout: Duration.seconds(120),
    environment,
    tracing: tracing ? Tracing.ACTIVE : Tracing.DISABLED,
    retryAttempts: 2,
    maxEventAge: eventAgeMax,
    ...named('vpc', vpc),
    ...named('vpcSubnets', vpcSubnets),
    ...named('securityGroups', securityGroups && [...securityGroups]),
    ...named('reservedConcurrentExecutions', isReserved ? reservedConcurrency : undefined),
  };
}
