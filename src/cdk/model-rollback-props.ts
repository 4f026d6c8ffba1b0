import type { Duration } from 'aws-cdk-lib';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { EventBus, IEventBus } from 'aws-cdk-lib/aws-events';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { Code, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { CompanionProps } from './companion-props.ts';

/**
 * What may be set. Settings of the function have the defaults of docs/reference/configuration.md; one
 * that is left out is not written into its environment, so that a newer version may bring a better one.
 */
export interface ModelRollbackProps extends CompanionProps {
  /**
   * Address of the MLflow server, http or https, with its path prefix and without a login; or the ARN of MLflow in
   * SageMaker, a tracking server or an App, which the function then may use. The only thing that is required.
   */
  readonly mlflowTrackingUri: string;
  /**
   * Address of the registry, where it is another server.
   * @default - that of tracking
   */
  readonly mlflowRegistryUri?: string;
  /**
   * Workspace of the registered models (MLflow 3.10 and later).
   * @default - none
   */
  readonly mlflowWorkspace?: string;
  /**
   * Role that the function assumes for MLflow in SageMaker, such as one of another account. It must trust the
   * function's role, and have the rights on the server.
   * @default - the function's own role has them
   */
  readonly mlflowRole?: IRole;
  /**
   * Secret with the login of MLflow: `{"username": …, "password": …}` or `{"token": …}`. It is read when
   * the function runs, and never stands in the template or the environment.
   * @default - no login
   */
  readonly credentials?: ISecret;

  /**
   * The state table, where there is one already: of {@link StateTable}, of `model-rollback create-table`,
   * or of a stack that was deleted (a table outlives its stack). One table per registry.
   * @default - a table is made
   */
  readonly table?: ITable | Table;
  /**
   * Name of the table that is made.
   * @default - a generated one, so that several stacks fit into one account
   */
  readonly tableName?: string;
  /**
   * Standard topic for notices and for the alarms on this function itself. One that is given must let
   * `cloudwatch.amazonaws.com` publish; where it is encrypted with a key of yours, import it with that
   * key (`Topic.fromTopicAttributes`).
   * @default - a topic is made, encrypted with a key of its own that CloudWatch may use
   */
  readonly topic?: ITopic;
  /**
   * What stands in the messages of the topic: `json`, or `chat`, which Amazon Q Developer in chat applications
   * shows.
   * @default 'json'
   */
  readonly snsFormat?: 'json' | 'chat';
  /**
   * Secret with the address of an incoming webhook of Slack, as plain text: notices go there too.
   * @default - none
   */
  readonly slack?: ISecret;
  /**
   * Secret with the address of an incoming webhook of Microsoft Teams, as plain text.
   * @default - none
   */
  readonly teams?: ISecret;
  /**
   * Secret with the integration key of a service in PagerDuty, as plain text.
   * @default - none
   */
  readonly pagerDuty?: ISecret;
  /**
   * Address of PagerDuty's Events API v2, where it is another region of PagerDuty.
   * @default 'https://events.pagerduty.com/v2/enqueue'
   */
  readonly pagerDutyUrl?: string;
  /**
   * Event bus that gets an event for each notice.
   * @default - none
   */
  readonly eventBus?: IEventBus | EventBus;
  /**
   * Address of a server that gets signed notices; needs `webhookSecret`. It stands in the template.
   * @default - none
   */
  readonly webhookUrl?: string;
  /**
   * Secret with the key that signs them, and calls of hooks by https, as plain text.
   * @default - none
   */
  readonly webhookSecret?: ISecret;
  /**
   * Name of the function; those of its companions begin with it.
   * @default - a generated one
   */
  readonly functionName?: string;
  /**
   * Code of the function that rolls back.
   * @default - the bundle of this version of the package
   */
  readonly code?: Code;

  /**
   * What an alarm does: `act`; `ask`: a person approves first; `observe`: it only reports what it
   * would have done.
   * @default 'act'
   */
  readonly mode?: 'act' | 'ask' | 'observe';
  /**
   * Minimum time between two rollbacks of one model; zero switches it off.
   * @default Duration.hours(24)
   */
  readonly cooldown?: Duration;
  /**
   * What names the live version: `stage:Production`, or `alias:NAME`, such as `alias:champion`.
   * @default 'stage:Production'
   */
  readonly pointer?: string;
  /**
   * Pointers of single models, by the model's name, or the beginning of it and `*`; the longest match
   * decides.
   * @default - `pointer`, for every model
   */
  readonly modelPointers?: Readonly<Record<string, string>>;
  /**
   * How the version to restore is chosen.
   * @default 'last-good'
   */
  readonly targetRule?: 'last-good' | 'latest-archived';
  /**
   * A version that was created longer ago is refused as target.
   * @default - of any age
   */
  readonly targetMaxAge?: Duration;
  /**
   * Function that says right before a move whether the target works; the role may invoke it.
   * @default - none
   */
  readonly smokeCheck?: IFunction;
  /**
   * In place of it: an https address. It stands in the template.
   * @default - none
   */
  readonly smokeCheckUrl?: string;
  /**
   * Function that makes servers reload after a move; the role may invoke it.
   * @default - none
   */
  readonly reload?: IFunction;
  /**
   * In place of it: an https address. It stands in the template.
   * @default - none
   */
  readonly reloadUrl?: string;
  /**
   * Rollbacks of one model in a time, then its automation is paused: such as `2/24h`, or `off`.
   * @default '3/7d'
   */
  readonly budget?: string;
  /**
   * Models rolled back by alarms in a time, then all automation is paused: such as `10/1h`, or `off`.
   * @default '5/30m'
   */
  readonly blastRadius?: string;
  /**
   * Whether an alarm is refused that was in ALARM before the live version went live.
   * @default true
   */
  readonly causeCheck?: boolean;
  /**
   * An alarm that was refused is tried again for this long; then a person is asked.
   * @default Duration.minutes(60)
   */
  readonly pendingAct?: Duration;
  /**
   * The alarm is read again this long after its rollback.
   * @default Duration.minutes(15)
   */
  readonly bake?: Duration;
  /**
   * How often the sweep reads what the pointers of all registered models name; zero switches that off.
   * @default Duration.minutes(5)
   */
  readonly observe?: Duration;
  /**
   * An older event acts only when its alarm is still in ALARM.
   * @default Duration.minutes(60)
   */
  readonly eventAgeMax?: Duration;
  /**
   * Minimum age of the definition of an alarm that acts; zero switches it off.
   * @default Duration.minutes(0)
   */
  readonly alarmAgeMin?: Duration;
  /**
   * The longest that a sent write may still take effect, in whole seconds.
   * @default Duration.seconds(60)
   */
  readonly writeHorizon?: Duration;
  /**
   * Metric dimension, or contributor attribute, that names the registered model.
   * @default 'ModelName'
   */
  readonly modelDimension?: string;
  /**
   * Registered models of alarms that name none, by the alarm's name, or the beginning of it and `*`.
   * For alarms of other accounts and regions; one of this stack takes `addAlarm`.
   * @default - none
   */
  readonly modelsByAlarm?: Readonly<Record<string, string>>;
  /**
   * Other accounts whose alarms may act when a topic or a queue brings them: CloudWatch cannot be asked
   * about these, so that whoever may publish there can roll back any model.
   * @default - none
   */
  readonly allowedAccounts?: readonly string[];

  /**
   * Alarms whose name begins so may call the function. It needs one permission for all of them.
   * @default - every alarm of this account and region
   */
  readonly alarmNamePrefix?: string;
  /**
   * How often what is due is done: alarms that were refused, notices not sent, runs that were cut off.
   * @default Duration.minutes(1)
   */
  readonly sweepInterval?: Duration;

  /**
   * For an MLflow server in a private network. The subnets need a way to the server, and to DynamoDB, SNS,
   * CloudWatch and Secrets Manager.
   * @default - none
   */
  readonly vpc?: IVpc;
  /**
   * @default - the private subnets of `vpc`
   */
  readonly vpcSubnets?: SubnetSelection;
  /**
   * @default - one that lets everything out and nothing in
   */
  readonly securityGroups?: readonly ISecurityGroup[];
  /**
   * How many copies of each function that moves pointers may run at once. Zero is the emergency stop: nothing rolls
   * back, and nothing is promoted.
   * @default - as many as the account has left
   */
  readonly reservedConcurrency?: number;
  /**
   * Whether Lambda sends traces to X-Ray.
   * @default false
   */
  readonly tracing?: boolean;
  /**
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays;
  /**
   * Alarms on the function itself, to the topic: errors, throttles, dead letters, late events, notices that
   * were not sent, a sweep that stopped.
   * @default true
   */
  readonly selfAlarms?: boolean;
  /**
   * A dashboard of the function.
   * @default true
   */
  readonly dashboard?: boolean;
}
