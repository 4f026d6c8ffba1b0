import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import {
  type functionPolicy,
  isOfChannels,
  isOfRegistry,
  type PolicyEntry,
} from './function-policy.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';

/** What the function uses. */
export interface FunctionParts {
  readonly table: ITable | Table;
  readonly topic: ITopic;
  readonly deadLetters: IQueue;
  readonly logGroup: ILogGroup;
}

/** The statements of a function's role; those of further channels, and of MLflow in SageMaker, apart. */
export function statementsFor(
  scope: Construct,
  { table, topic, deadLetters, logGroup }: FunctionParts,
  props: ModelRollbackProps,
  policy: typeof functionPolicy,
): {
  readonly own: PolicyStatement[];
  readonly channels: PolicyStatement[];
  readonly registry: PolicyStatement[];
} {
  const { credentials, slack, teams, pagerDuty, webhookSecret, eventBus } = props;
  const { vpc, tracing } = props;
  const keys = [slack, teams, pagerDuty, webhookSecret].flatMap(
    (secret) => secret?.encryptionKey?.keyArn ?? [],
  );
  const entries = policy({
    table: table.tableArn,
    tableKey: table.encryptionKey?.keyArn,
    topic: topic.topicArn,
    topicRegion: topic.env.region,
    topicKey: topic.masterKey?.keyArn,
    secret: credentials && wholeArn(credentials),
    secretKey: credentials?.encryptionKey?.keyArn,
    registry: props.mlflowRole === undefined ? registryArn(props) : undefined,
    registryRole: props.mlflowRole?.roleArn,
    slackSecret: slack && wholeArn(slack),
    teamsSecret: teams && wholeArn(teams),
    pagerDutySecret: pagerDuty && wholeArn(pagerDuty),
    webhookSecret: webhookSecret && wholeArn(webhookSecret),
    eventBus: eventBus?.eventBusArn,
    smokeCheck: props.smokeCheck?.functionArn,
    reload: props.reload?.functionArn,
    channelKeys: [...new Set(keys)],
    alarms: alarmArn(scope, '*'),
    logGroup: logGroup.logGroupArn,
    deadLetters: deadLetters.queueArn,
    region: Stack.of(scope).region,
    isInVpc: vpc !== undefined,
    isTraced: tracing === true,
  });
  return {
    own: entries.filter((entry) => !isOfChannels(entry) && !isOfRegistry(entry)).map(statementOf),
    channels: entries.filter(isOfChannels).map(statementOf),
    registry: entries.filter(isOfRegistry).map(statementOf),
  };
}

export function statementOf({ sid, actions, resources, conditions }: PolicyEntry): PolicyStatement {
  return new PolicyStatement({
    sid,
    actions: [...actions],
    resources: [...resources],
    ...(conditions === undefined ? {} : { conditions }),
  });
}

/** ARN of the alarms of this account and region that have such a name. */
export function alarmArn(scope: Construct, resourceName: string): string {
  return Stack.of(scope).formatArn({
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

// ---------------------------------------------------------------------------------------------------

/** Undefined for an address, and for what is known only at deployment. */
function registryArn({
  mlflowRegistryUri,
  mlflowTrackingUri,
}: ModelRollbackProps): string | undefined {
  const uri = mlflowRegistryUri ?? mlflowTrackingUri;
  // Without types it may be missing: whoever reads the settings says so.
  return uri?.startsWith('arn:') ? uri : undefined;
}

/** A secret that was imported by name lacks the six characters that AWS adds. */
export function wholeArn(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}
