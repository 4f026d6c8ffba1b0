import { Arn, ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import type { CfnCustomAction } from 'aws-cdk-lib/aws-chatbot';
import type { Alarm, AlarmBase, Dashboard, IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { type Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { FunctionUrl, Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ConfigurationError } from '../domain/errors.ts';
import { RollbackAction, requirePrefix, tagWithModel } from './alarm-wiring.ts';
import { ApprovalButton } from './approval-button.ts';
import { makeCompanions } from './companions.ts';
import { bundledCode } from './function-code.ts';
import { functionEnvironment } from './function-environment.ts';
import { functionPolicy } from './function-policy.ts';
import { alarmArn } from './function-role.ts';
import { httpAlarms } from './http-function.ts';
import { eventAgeMax, type MadeFunction, makeFunction, named } from './make-function.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';
import { NoticeTopic } from './notice-topic.ts';
import { acknowledgeDeadLetters } from './review-findings.ts';
import { SelfAlarms, selfMetrics } from './self-alarms.ts';
import { selfDashboard } from './self-dashboard.ts';
import { StateTable } from './state-table.ts';
import { SweepSchedule } from './sweep-schedule.ts';

export interface AddAlarmOptions {
  /**
   * The registered model that the alarm is about; it becomes a tag of the alarm.
   * @default - the alarm's metric names it by its dimension (`modelDimension`)
   */
  readonly model?: string;
}

export interface EventRuleOptions {
  /** Alarms whose name begins so. Not that of the alarms on the function itself. */
  readonly alarmNamePrefix: string;
}

/**
 * Rolls an MLflow model back when an alarm says that production is bad: the function with all that it
 * needs around it, allowed what it does and nothing else, and watched.
 */
export class ModelRollback extends Construct {
  readonly function: Lambda;
  /** What the function may do is all here; rights for a queue of your own are added to it. */
  readonly role: Role;
  readonly table: ITable | Table;
  /** Notices, and the alarms on the function itself: subscribe people to it. */
  readonly topic: ITopic;
  /** Events that the function could not handle, as they were and with the error. */
  readonly deadLetters: Queue;
  readonly logGroup: LogGroup;
  /** Alarms on the function itself. */
  readonly selfAlarms: readonly Alarm[];
  readonly dashboard: Dashboard | undefined;
  /** With `snsFormat: 'chat'`: its ARN is for `customizationResourceArns` of the chat channel. */
  readonly approvalButton: CfnCustomAction | undefined;
  /** With `compareFunction` and `promoteFunction`: functions of their own, for a state machine. */
  readonly compareFunction: Lambda | undefined;
  readonly promoteFunction: Lambda | undefined;
  /** With `httpSecret`: the function for alerts, webhooks and requests, and its address. */
  readonly httpFunction: Lambda | undefined;
  readonly httpUrl: FunctionUrl | undefined;
  readonly #action: RollbackAction;
  readonly #functions: readonly MadeFunction[];
  /** Alarms that have the action, with the model that each is about. */
  readonly #wired = new Map<AlarmBase, string | undefined>();

  constructor(scope: Construct, id: string, props: ModelRollbackProps) {
    super(scope, id);
    requireSound(this, props);
    this.table = props.table ?? new StateTable(this, 'Table', named('tableName', props.tableName));
    this.topic = props.topic ?? new NoticeTopic(this, 'Notices');
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledgeDeadLetters(this.deadLetters);
    const environment = functionEnvironment(this, props, this);
    const made = makeFunction(this, props, this, {
      functionName: props.functionName,
      description: 'Rolls MLflow models back: alarms, requests, and what is due',
      handler: 'index.handler',
      code: props.code ?? bundledCode(this),
      environment,
      policy: functionPolicy,
      isReserved: true,
    });
    this.function = made.function;
    this.role = made.role;
    this.logGroup = made.logGroup;
    const companions = makeCompanions(this, props, this, environment);
    this.compareFunction = companions.compare?.function;
    this.promoteFunction = companions.promote?.function;
    this.httpFunction = companions.http?.function;
    this.httpUrl = companions.http?.url;
    this.#functions = [made, ...Object.values(companions)];
    const prefix = props.alarmNamePrefix ?? '';
    this.#permitAlarms(prefix);
    this.#action = new RollbackAction(this.function, prefix);
    new SweepSchedule(this, 'Sweep', {
      target: this.function,
      interval: props.sweepInterval ?? Duration.minutes(1),
    });
    const metrics = selfMetrics(this.function, this.deadLetters);
    const hasAlarms = props.selfAlarms !== false;
    const own = hasAlarms
      ? new SelfAlarms(this, 'SelfAlarms', { metrics, topic: this.topic }).alarms
      : [];
    const { http } = companions;
    this.selfAlarms =
      hasAlarms && http ? [...own, ...httpAlarms(http.scope, http, this.topic)] : own;
    this.dashboard =
      props.dashboard === false ? undefined : selfDashboard(this, 'Dashboard', metrics, own);
    this.approvalButton =
      props.snsFormat === 'chat'
        ? new ApprovalButton(this, 'ApprovalButton', this.function.functionName)
        : undefined;
  }

  /**
   * Lets a metric or composite alarm ask for a rollback when it goes to ALARM.
   * @throws ConfigurationError for an alarm that is made elsewhere, or may not call
   */
  addAlarm(alarm: AlarmBase, { model }: AddAlarmOptions = {}): void {
    const before = this.#wired.get(alarm);
    if (before !== undefined && model !== undefined && before !== model) {
      throw new ConfigurationError(
        `${alarm.node.path}: the alarm is about the model ${before} already; ${model} needs one of its own.`,
      );
    }
    if (!this.#wired.has(alarm)) alarm.addAlarmAction(this.#action);
    this.#wired.set(alarm, model ?? before);
    if (model !== undefined) tagWithModel(alarm, model);
  }

  /** The same as an action, for `alarm.addAlarmAction`; the model is then named by dimension, tag or map. */
  rollbackAction(): IAlarmAction {
    return this.#action;
  }

  /**
   * The other way in: a rule on the event bus instead of actions, for alarms that other people own.
   * When the wait period of a composite alarm ends, the bus brings a new event, and that one acts.
   * @throws ConfigurationError for an empty prefix
   */
  addEventRule({ alarmNamePrefix }: EventRuleOptions): Rule {
    requirePrefix(this, alarmNamePrefix, 'Name the alarms that may ask for a rollback.');
    const number = this.node.children.filter((child) => child instanceof Rule).length;
    return new Rule(this, `AlarmRule${number === 0 ? '' : number + 1}`, {
      description: 'Alarms that ask model-rollback for a rollback',
      eventPattern: {
        source: ['aws.cloudwatch'],
        detailType: ['CloudWatch Alarm State Change', 'CloudWatch Alarm Contributor State Change'],
        resources: Match.prefix(alarmArn(this, alarmNamePrefix)),
        detail: { state: { value: ['ALARM'] } },
      },
      targets: [
        new LambdaFunction(this.function, {
          deadLetterQueue: this.deadLetters,
          retryAttempts: 10,
          maxEventAge: eventAgeMax,
        }),
      ],
    });
  }

  /**
   * Lets the functions use MLflow in SageMaker whose ARN is known only at deployment. One that stands in
   * `mlflowTrackingUri` or `mlflowRegistryUri` as a text needs no call.
   */
  grantSageMaker(arn: string): void {
    for (const made of this.#functions) made.grantSageMaker(arn);
  }

  /** One statement for many alarms: a policy of a function has room for a hundred at most. */
  #permitAlarms(prefix: string): void {
    this.function.addPermission('Alarms', {
      principal: new ServicePrincipal('lambda.alarms.cloudwatch.amazonaws.com'),
      sourceAccount: Stack.of(this).account,
      sourceArn: alarmArn(this, `${prefix}*`),
    });
  }
}

// ---------------------------------------------------------------------------------------------------

const sweepMinutesMax = 10;

/** What the CDK would take, and AWS or people on call would not. */
function requireSound(scope: Construct, props: ModelRollbackProps): void {
  const wrong = (message: string) => new ConfigurationError(`${scope.node.path}: ${message}`);
  const { alarmNamePrefix, topic, sweepInterval } = props;
  if (alarmNamePrefix !== undefined) {
    requirePrefix(scope, alarmNamePrefix, 'Leave it out if that is what you want.');
  }
  if (props.table !== undefined && props.tableName !== undefined) {
    throw wrong('tableName is for a table that is made; with a table of yours, leave it out.');
  }
  if (topic?.fifo === true || (topic && /\.fifo$/.test(topic.topicArn))) {
    throw wrong('topic is a FIFO topic, which no person can subscribe to. Pass a standard topic.');
  }
  const { region } = Stack.of(scope);
  if (props.table && isElsewhere(props.table.tableArn, region)) {
    throw wrong(`table is not in ${region}, where the function reads it. Make one there.`);
  }
  if (topic && isElsewhere(topic.topicArn, region) && props.selfAlarms !== false) {
    throw wrong(
      `topic is not in ${region}, and the alarms on the function cannot reach it. Pass a topic of this ` +
        'region, or set selfAlarms to false and watch the function yourself.',
    );
  }
  const minutes = sweepInterval?.toMinutes({ integral: false }) ?? 1;
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > sweepMinutesMax) {
    throw wrong(`sweepInterval must be whole minutes from 1 to ${sweepMinutesMax}.`);
  }
  if (props.vpc === undefined && (props.vpcSubnets ?? props.securityGroups) !== undefined) {
    throw wrong('vpcSubnets and securityGroups need the vpc that they belong to.');
  }
}

/** What was imported by its ARN belongs, for the CDK, to the stack all the same. */
function isElsewhere(arn: string, region: string): boolean {
  if (Token.isUnresolved(arn) || Token.isUnresolved(region)) return false;
  return Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).region !== region;
}
