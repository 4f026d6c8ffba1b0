import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { CloudWatchAlarmReader } from './adapters/cloudwatch/cloudwatch-alarm-reader.ts';
import {
  DynamoDBRollbackStore,
  type DynamoDBRollbackStoreOptions,
} from './adapters/dynamodb/dynamodb-rollback-store.ts';
import { SecretsManagerCredentials } from './adapters/secrets-manager/secrets-manager-credentials.ts';
import { SNSNotifier } from './adapters/sns/sns-notifier.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { Credentials } from './ports/credentials.ts';
import type { Notifier } from './ports/notifier.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/**
 * The part of the composition that needs the AWS SDK. A file of its own, imported on demand, so that a
 * command on one machine does not load the SDK.
 */
export function dynamoDBStore(options: DynamoDBRollbackStoreOptions): RollbackStore {
  const client = new DynamoDBClient(clientConfig);
  return new DynamoDBRollbackStore(client, systemIdentity, {
    ...options,
    clockSkewMs: watchClockSkew(client),
  });
}

export function snsNotifier(topicArn: string): Notifier {
  // A topic may be in another region than the table.
  return new SNSNotifier(new SNSClient({ ...clientConfig, ...regionOf(topicArn) }), topicArn);
}

/** No client is made before the first alarm is read. */
export function cloudWatchAlarms(): AlarmReader {
  return new CloudWatchAlarmReader((region) => new CloudWatchClient({ ...clientConfig, region }));
}

export function secretCredentials(secretId: string): Credentials {
  // A secret may be in another region than the table; a name says nothing of it.
  const client = new SecretsManagerClient({ ...clientConfig, ...regionOf(secretId) });
  return new SecretsManagerCredentials(client, secretId);
}

/** Where a thing is, if its ARN says so; else the SDK's own setting counts. */
export function regionOf(arn: string): { readonly region?: string } {
  const region = arn.split(':')[3];
  return region ? { region } : {};
}

/** Compares clocks as each answer comes in: later, the time that we spent would count as skew. */
function watchClockSkew(client: DynamoDBClient): () => number | null {
  let skewMs: number | null = null;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const serverMs = Date.parse(headers?.['date'] ?? '');
      skewMs = Number.isNaN(serverMs) ? null : systemClock.nowMs() - serverMs;
      return result;
    },
    { step: 'deserialize', name: 'watchClockSkew' },
  );
  return () => skewMs;
}

/** Without `throwOnRequestTimeout` the SDK only warns, and waits on. */
export const clientConfig: Pick<DynamoDBClientConfig, 'requestHandler'> = {
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
};
