import { type Duration, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';

export interface SweepScheduleProps {
  readonly target: IFunction;
  readonly interval: Duration;
}

/** Calls the function again and again to do what is due. */
export class SweepSchedule extends Construct {
  constructor(scope: Construct, id: string, { target, interval }: SweepScheduleProps) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const policy = new Policy(this, 'Policy', {
      roles: [role],
      statements: [
        new PolicyStatement({
          sid: 'Sweep',
          actions: ['lambda:InvokeFunction'],
          resources: [target.functionArn],
        }),
      ],
    });
    const schedule = new CfnSchedule(this, 'Schedule', {
      description: 'What is due in model-rollback: alarms, notices, interrupted runs',
      scheduleExpression: ScheduleExpression.rate(interval).expressionString,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: target.functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify({ sweep: true }),
        // One that was missed is made good by the next; repeated ones would pile up.
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
    schedule.node.addDependency(policy);
  }
}
