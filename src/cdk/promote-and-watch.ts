import { Validations } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ConfigurationError } from '../domain/errors.ts';
import { type MachineProps, makeMachine } from './make-machine.ts';
import type { ModelRollback } from './model-rollback.ts';

export interface PromoteAndWatchProps extends MachineProps {
  /** With `compareFunction` and `promoteFunction`. */
  readonly rollback: ModelRollback;
}

/**
 * The state machine that compares a new version with the live one, promotes it when it is better, watches an alarm, and
 * rolls back when that goes to ALARM: docs/reference/promote-and-watch.md says what goes in. It may invoke the three
 * functions, and read alarms.
 */
export class PromoteAndWatch extends Construct {
  readonly stateMachine: StateMachine;
  readonly role: Role;
  readonly logGroup: LogGroup;

  /** @throws ConfigurationError where one of the functions is not made */
  constructor(scope: Construct, id: string, props: PromoteAndWatchProps) {
    super(scope, id);
    const { function: lambdaFunction, compareFunction, promoteFunction } = props.rollback;
    if (compareFunction === undefined || promoteFunction === undefined) {
      throw new ConfigurationError(
        `${this.node.path}: ${props.rollback.node.path} has no function that compares, or none that promotes. ` +
          'Set its compareFunction and promoteFunction to true.',
      );
    }
    const { stateMachine, role, logGroup } = makeMachine(this, props, {
      file: 'promote-and-watch.asl.json',
      substitutions: {
        FunctionArn: lambdaFunction.functionArn,
        CompareFunctionArn: compareFunction.functionArn,
        PromoteFunctionArn: promoteFunction.functionArn,
      },
      statements: [
        new PolicyStatement({
          sid: 'Functions',
          actions: ['lambda:InvokeFunction'],
          resources: [lambdaFunction, compareFunction, promoteFunction].map(
            ({ functionArn }) => functionArn,
          ),
        }),
        // CloudWatch shows composite alarms only to those who may read all alarms.
        new PolicyStatement({
          sid: 'Alarm',
          actions: ['cloudwatch:DescribeAlarms'],
          resources: ['*'],
        }),
      ],
    });
    this.stateMachine = stateMachine;
    this.role = role;
    this.logGroup = logGroup;
    Validations.of(this.node.findChild('Policy')).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'CloudWatch shows composite alarms only to those who may read all alarms.',
    });
  }
}
