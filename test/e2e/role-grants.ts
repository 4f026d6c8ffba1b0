/** What a role of the construct may do, in a stack that is made of the very things that a suite works with. */
import { App, Stack } from 'aws-cdk-lib';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { flat, makeRollback, statementsOf, theOnly } from '../cdk/stacks.ts';
import { LOCAL_ACCOUNT } from '../engines/alarms.ts';
import { type Grant, type Right, tableArn } from './aws-rights.ts';

/**
 * What AWS itself does with the role, or in the name of the function: no call of ours shows it.
 * The keys are the names of the statements.
 */
export const DONE_BY_AWS: Readonly<Record<string, string>> = {
  Logs: 'Lambda writes what the function prints',
  DeadLetters: 'Lambda sends events that the function failed on',
  Network: 'Lambda connects the function to the network',
  Traces: 'Lambda sends its own segments when tracing is on',
  NoticesKey: 'SNS encrypts with the key of the topic, under the rights of the publisher',
  CredentialsKey: 'Secrets Manager decrypts with the key of the secret, under those of the reader',
  StateKey: 'DynamoDB uses the key of the table, under the rights of the caller',
};

/** What a suite works with. */
export interface GrantedParts {
  readonly tableName: string;
  readonly topicArn: string;
  readonly secretArn: string;
  readonly httpSecretArn?: string;
}

/** The statements of the own policy of a function below the construct, everything switched on. */
export function grantsOf(
  policyId:
    | 'RollbackPolicy'
    | 'RollbackComparePolicy'
    | 'RollbackPromotePolicy'
    | 'RollbackHttpPolicy',
  { tableName, topicArn, secretArn, httpSecretArn = secretArn }: GrantedParts,
): readonly Grant[] {
  const region = 'eu-west-1';
  const stack = new Stack(new App(), 'Stack', { env: { account: LOCAL_ACCOUNT, region } });
  const key = (name: string) =>
    Key.fromKeyArn(stack, name, `arn:aws:kms:${region}:${LOCAL_ACCOUNT}:key/${name}`);
  // The CDK's own classes do not fit its interfaces under exactOptionalPropertyTypes.
  const vpc = new Vpc(stack, 'Network', { maxAzs: 1, natGateways: 0 }) as IVpc;
  makeRollback(
    {
      table: Table.fromTableAttributes(stack, 'Table', {
        tableArn: tableArn(tableName),
        encryptionKey: key('of-table'),
      }),
      topic: Topic.fromTopicAttributes(stack, 'Topic', {
        topicArn,
        keyArn: key('of-topic').keyArn,
      }),
      credentials: Secret.fromSecretAttributes(stack, 'Login', {
        secretCompleteArn: secretArn,
        encryptionKey: key('of-secret'),
      }),
      compareFunction: true,
      promoteFunction: true,
      httpSecret: Secret.fromSecretCompleteArn(stack, 'Callers', httpSecretArn),
      vpc,
      securityGroups: [new SecurityGroup(stack, 'Group', { vpc })],
      modelsByAlarm: { 'churn-*': 'churn-scorer' },
      tracing: true,
    },
    stack,
  );
  return statementsOf(theOnly(stack, 'AWS::IAM::Policy', policyId)).map(
    ({ Sid = '', Action, Resource }) => ({
      sid: Sid,
      actions: [Action].flat(),
      resources: [Resource].flat().map((one) => flat(one).replaceAll('<AWS::Partition>', 'aws')),
    }),
  );
}

/** Each of them once. */
export function distinct(rights: readonly Right[]): readonly Right[] {
  return [...new Map(rights.map((right) => [JSON.stringify(right), right])).values()];
}
