import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { CloudWatchAlarmReader } from './adapters/cloudwatch/cloudwatch-alarm-reader.ts';
import { DynamoDBEvidenceStore } from './adapters/dynamodb/dynamodb-evidence-store.ts';
import {
  DynamoDBRollbackStore,
  type DynamoDBRollbackStoreOptions,
} from './adapters/dynamodb/dynamodb-rollback-store.ts';
import { channelSecret } from './adapters/secrets-manager/secret-use.ts';
import { SecretsManagerCredentials } from './adapters/secrets-manager/secrets-manager-credentials.ts';
import { assumeRole, type RoleCredentials } from './adapters/sigv4/assume-role.ts';
import { SigV4Authorizer, type SigV4Options } from './adapters/sigv4/sigv4-authorizer.ts';
import { SNSNotifier } from './adapters/sns/sns-notifier.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { Clock } from './ports/clock.ts';
import type { Credentials } from './ports/credentials.ts';
import type { EvidenceStore } from './ports/evidence-store.ts';
import type { Notifier } from './ports/notifier.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/**
 * The part of the composition that needs the AWS SDK. A file of its own, imported on demand, so that a
 * command on one machine does not load the SDK.
 */
export function dynamoDBStore(options: DynamoDBRollbackStoreOptions): RollbackStore {
  const client = new DynamoDBClient(clientConfig);
  const parts = { clock: systemClock, identity: systemIdentity };
  return new DynamoDBRollbackStore(client, parts, {
    ...options,
    clockSkewMs: watchClockSkew(client, systemClock),
  });
}

/** What comparisons found, in the same table. */
export function dynamoDBEvidence(options: {
  readonly tableName: string;
  readonly workspace: string;
}): EvidenceStore {
  const client = new DynamoDBClient(clientConfig);
  return new DynamoDBEvidenceStore(
    client,
    { clock: systemClock, identity: systemIdentity },
    options,
  );
}

export function snsNotifier(topicArn: string, format: 'json' | 'chat'): Notifier {
  return new SNSNotifier(snsClient(topicArn), topicArn, format);
}

/** @param arn a topic or a bus may be in another region than the table; a name says nothing of it */
export function snsClient(arn: string): SNSClient {
  return new SNSClient({ ...clientConfig, ...regionOf(arn) });
}

/** What a secret holds for a channel. */
export function channelCredentials(
  secretId: string,
  { variable, what }: { readonly variable: string; readonly what: 'address' | 'key' },
): Credentials {
  const use = channelSecret(variable, what);
  return new SecretsManagerCredentials(secretsClient(secretId), secretId, use);
}

/** No client is made before the first alarm is read. */
export function cloudWatchAlarms(): AlarmReader {
  return new CloudWatchAlarmReader((region) => new CloudWatchClient({ ...clientConfig, region }));
}

/** Signatures with AWS credentials: those that the SDK finds, or those of a role. */
export function signedRequests(options: SigV4Options): Authorizer {
  const { region, roleArn } = options;
  const config = { ...clientConfig, ...(region === null ? {} : { region }) };
  const own = new SNSClient(config);
  if (roleArn === null) return new SigV4Authorizer(own, options, systemClock);
  const credentials = (): Promise<RoleCredentials> => assumeRole(own, roleArn);
  // One pool of connections, so that closing the one client is enough.
  const { requestHandler } = own.config;
  const ofRole = new SNSClient({ ...config, requestHandler, credentials });
  return new SigV4Authorizer(ofRole, options, systemClock);
}

export function secretCredentials(secretId: string): Credentials {
  return new SecretsManagerCredentials(secretsClient(secretId), secretId);
}

/** A secret may be in another region than the table; a name says nothing of it. */
export function secretsClient(secretId: string): SecretsManagerClient {
  return new SecretsManagerClient({ ...clientConfig, ...regionOf(secretId) });
}

/** Where a thing is, if its ARN says so; else the SDK's own setting counts. */
export function regionOf(arn: string): { readonly region?: string } {
  const region = arn.split(':')[3];
  return region ? { region } : {};
}

/** The region that clients use where no ARN says another; null where none is set. */
export async function regionInUse(): Promise<string | null> {
  const client = new DynamoDBClient(clientConfig);
  try {
    return await client.config.region();
  } catch {
    return null;
  } finally {
    client.destroy();
  }
}

/** Compares clocks at the moment of each answer: what is done later says nothing of them. */
export function watchClockSkew(client: DynamoDBClient, clock: Clock): () => number | null {
  let skewMs: number | null = null;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const timeMs = Date.parse(headers?.['date'] ?? '');
      skewMs = Number.isNaN(timeMs) ? null : clock.nowMs() - timeMs;
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
