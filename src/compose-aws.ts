import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  DynamoDBRollbackStore,
  type DynamoDBRollbackStoreOptions,
} from './adapters/dynamodb/dynamodb-rollback-store.ts';
import { SNSNotifier } from './adapters/sns/sns-notifier.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { Notifier } from './ports/notifier.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/**
 * The part of compose.ts that needs the AWS SDK. A file of its own, imported on demand, so that a
 * command on one machine does not load the SDK, and so that the bundler keeps only what is used of it
 * (a dynamic import of the SDK itself would keep all of it).
 */
export function dynamoDBStore(options: DynamoDBRollbackStoreOptions): RollbackStore {
  return new DynamoDBRollbackStore(new DynamoDBClient(clientConfig), systemIdentity, options);
}

export function snsNotifier(topicArn: string): Notifier {
  // A topic may be in another region than the table.
  const region = topicArn.split(':')[3] ?? '';
  return new SNSNotifier(new SNSClient({ ...clientConfig, region }), topicArn);
}

/** Without `throwOnRequestTimeout` the SDK only warns, and waits on. */
const clientConfig = {
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
};
