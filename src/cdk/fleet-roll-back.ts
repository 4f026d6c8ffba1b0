import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type MachineProps, makeMachine } from './make-machine.ts';
import { nameOf } from './review-findings.ts';

export interface FleetRollBackProps extends MachineProps {
  /** The function of ModelRollback, or an alias or a version of it. */
  readonly lambdaFunction: IFunction;
  /** Where a run is announced; the topic of ModelRollback, so that it stands beside the notices of the models. */
  readonly topic: ITopic;
}

/**
 * The state machine that rolls many models back, from a list or by a tag: docs/reference/step-functions.md
 * says what goes in. It may invoke the one function, publish to the one topic, and run its own children.
 */
export class FleetRollBack extends Construct {
  readonly stateMachine: StateMachine;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: FleetRollBackProps) {
    super(scope, id);
    const made = makeMachine(this, props, {
      file: 'fleet-roll-back.asl.json',
      substitutions: {
        FunctionArn: props.lambdaFunction.functionArn,
        TopicArn: props.topic.topicArn,
      },
      statements: statementsFor(props),
    });
    this.stateMachine = made.stateMachine;
    this.role = made.role;
    this.logGroup = made.logGroup;
    // By itself, since it names the state machine, which waits for the other one.
    const children = new Policy(this, 'Children', {
      roles: [this.role],
      statements: childStatements(this.stateMachine),
    });
    acknowledgeFindings(this.stateMachine, children);
  }
}

// ---------------------------------------------------------------------------------------------------

/** The label of the Map in the definition. */
const mapLabel = 'Models';

function statementsFor({ lambdaFunction, topic }: FleetRollBackProps): PolicyStatement[] {
  const key = topic.masterKey;
  return [
    new PolicyStatement({
      sid: 'RollBack',
      actions: ['lambda:InvokeFunction'],
      resources: [lambdaFunction.functionArn],
    }),
    new PolicyStatement({
      sid: 'Announce',
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
    }),
    ...(key === undefined
      ? []
      : [
          new PolicyStatement({
            sid: 'AnnounceKey',
            actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
            resources: [key.keyArn],
            conditions: {
              StringEquals: { 'kms:ViaService': `sns.${topic.env.region}.amazonaws.com` },
            },
          }),
        ]),
  ];
}

/** What a distributed Map does with the role of its state machine, and the counting of a run that stopped. */
function childStatements(machine: StateMachine): PolicyStatement[] {
  const { runs, children, mapRuns } = runArns(machine);
  return [
    new PolicyStatement({
      sid: 'StartChildren',
      actions: ['states:StartExecution'],
      resources: [machine.stateMachineArn],
    }),
    new PolicyStatement({
      sid: 'Children',
      actions: ['states:DescribeExecution', 'states:StopExecution', 'states:RedriveExecution'],
      resources: [runs, children],
    }),
    new PolicyStatement({ sid: 'FindRun', actions: ['states:ListMapRuns'], resources: [runs] }),
    new PolicyStatement({
      sid: 'CountRun',
      actions: ['states:DescribeMapRun'],
      resources: [mapRuns],
    }),
  ];
}

interface RunArns {
  readonly runs: string;
  readonly children: string;
  readonly mapRuns: string;
}

/** Whatever their names are; of this state machine only. */
function runArns(machine: StateMachine): RunArns {
  const arn = (resource: string, rest: string): string =>
    Stack.of(machine).formatArn({
      service: 'states',
      resource,
      resourceName: `${machine.stateMachineName}${rest}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  return {
    runs: arn('execution', ''),
    children: arn('execution', `/${mapLabel}`),
    mapRuns: arn('mapRun', `/${mapLabel}`),
  };
}

/** What cdk-nag finds besides, and why it is so. */
function acknowledgeFindings(machine: StateMachine, policy: Policy): void {
  const stack = Stack.of(machine);
  Validations.of(policy).acknowledge(
    ...Object.values(runArns(machine)).map((arn) => ({
      id: `AwsSolutions-IAM5[Resource::${nameOf(stack.resolve(arn))}]`,
      reason: 'Step Functions gives each run and each of its children a new name.',
    })),
  );
}
