import { resolve } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ConsoleNotifier } from './adapters/console/console-notifier.ts';
import type { CreatedTable } from './adapters/dynamodb/dynamodb-table.ts';
import type { ReindexOptions, ReindexReport } from './adapters/dynamodb/reindex.ts';
import { LoginAuthorizer } from './adapters/mlflow/login-authorizer.ts';
import { StaticCredentials } from './adapters/system/static-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import { assemble, type Composed, type ComposeOptions, type RegistryClass } from './assemble.ts';
import type { OpenChannels } from './compose-channels.ts';
import type { Config } from './config/config-from-env.ts';
import type { StoreConfig } from './config/store-settings.ts';
import { isModelRollbackError } from './domain/errors.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/** Composition for the command and the library: what is heavy is loaded when it is asked for. */

/** @throws ConfigurationError when the state file cannot be opened */
export async function compose(config: Config, options: ComposeOptions): Promise<Composed> {
  const { topicArn } = config;
  const [store, first, channels, authorizer, registry] = await Promise.all([
    openStore(config.store, config.registry.workspace),
    topicArn === null
      ? new ConsoleNotifier(options.writeNotice, sharedStateHint(config.store))
      : (await import('./compose-aws.ts')).snsNotifier(topicArn, config.snsFormat),
    furtherChannels(config),
    authorizerFor(config.registry),
    registryClass(config.registry),
  ]);
  return assemble(config, {
    store,
    notifiers: [first, ...(channels?.notifiers ?? [])],
    alarms: alarmsOnDemand(),
    logger: options.logger,
    authorizer,
    ...registry,
    ...(channels === null ? {} : { closeChannels: channels.close }),
  });
}

/** Null: there are none beside the topic. */
export async function furtherChannels({ channels }: Config): Promise<OpenChannels | null> {
  if (channels.length === 0) return null;
  return await (await import('./compose-channels.ts')).openChannels(
    channels,
    () => import('./compose-aws.ts'),
  );
}

export async function authorizerFor({ auth, ...reached }: Config['registry']): Promise<Authorizer> {
  if (auth.kind === 'signed') return (await import('./compose-aws.ts')).signedRequests(auth);
  if (auth.kind === 'oauth') {
    return (await import('./compose-databricks.ts')).oauthLogin({ ...reached, ...auth });
  }
  return new LoginAuthorizer(
    auth.kind === 'login'
      ? new StaticCredentials(auth.authorization, auth.source)
      : (await import('./compose-aws.ts')).secretCredentials(auth.secretId),
  );
}

/** Nothing where the registry is MLflow's, which `assemble` knows. */
export async function registryClass({
  kind,
}: Config['registry']): Promise<{ readonly registryClass?: RegistryClass }> {
  if (kind === 'mlflow') return {};
  const { UnityModelRegistry } = await import('./compose-databricks.ts');
  return { registryClass: UnityModelRegistry };
}

/** A command meets alarms only in what an alarm left behind: the SDK is loaded then. */
export function alarmsOnDemand(): AlarmReader {
  let loaded: AlarmReader | null = null;
  const reader = async (): Promise<AlarmReader> => {
    const { cloudWatchAlarms } = await import('./compose-aws.ts');
    loaded ??= cloudWatchAlarms();
    return loaded;
  };
  return {
    read: async (arns, deadline) => await (await reader()).read(arns, deadline),
    readChildrenInAlarm: async (arn, deadline) =>
      await (await reader()).readChildrenInAlarm(arn, deadline),
    readContributors: async (arn, deadline) =>
      await (await reader()).readContributors(arn, deadline),
    readChangesToAlarm: async (arn, of, deadline) =>
      await (await reader()).readChangesToAlarm(arn, of, deadline),
    readTag: async (arn, key, deadline) => await (await reader()).readTag(arn, key, deadline),
    close: () => loaded?.close(),
  };
}

/** A notice that only this terminal showed must not count as sent where a function shares the state. */
function sharedStateHint(store: StoreConfig): string | null {
  return store.kind !== 'sqlite'
    ? 'ALERT_SNS_TOPIC_ARN is not set; the notice waits for a sweep that has a topic'
    : null;
}

/** The state store alone, for verbs that need no registry. */
export async function openStore(
  config: StoreConfig,
  workspace: string | null,
): Promise<RollbackStore> {
  if (config.kind === 'sqlite') {
    const { SQLiteRollbackStore } = await import('./adapters/sqlite/sqlite-rollback-store.ts');
    return new SQLiteRollbackStore(config.path, workspace ?? '', systemClock);
  }
  if (config.kind === 'postgres') {
    const { postgresStore } = await import('./adapters/postgres/postgres-rollback-store.ts');
    return postgresStore(config, workspace ?? '', { clock: systemClock, identity: systemIdentity });
  }
  const { dynamoDBStore } = await import('./compose-aws.ts');
  return dynamoDBStore({ tableName: config.tableName, workspace: workspace ?? '' });
}

/** Which store that is, for people: `dynamodb:NAME (REGION)`, `sqlite:PATH` or `postgres://HOST/DATABASE`. */
export async function storeLabel(config: StoreConfig): Promise<string> {
  if (config.kind === 'sqlite') {
    return `sqlite:${config.path === ':memory:' ? config.path : resolve(config.path)}`;
  }
  if (config.kind === 'postgres') return config.address;
  const { regionInUse } = await import('./compose-aws.ts');
  return `dynamodb:${config.tableName} (${(await regionInUse()) ?? 'no region is set'})`;
}

/** Creates the state table, or finds it there; one of release 0.1.0 gets the index that it lacks. */
export async function createStateTable(tableName: string): Promise<CreatedTable> {
  const { createTable } = await import('./adapters/dynamodb/dynamodb-table.ts');
  return await withTable(tableName, (client) => createTable(client, tableName, systemClock));
}

/** Moves the entries of the indexes of the state table. */
export async function reindexTable(options: ReindexOptions): Promise<ReindexReport> {
  const { reindex } = await import('./adapters/dynamodb/reindex.ts');
  const parts = { clock: systemClock, identity: systemIdentity };
  return await withTable(options.tableName, (client) => reindex(client, parts, options));
}

async function withTable<T>(
  tableName: string,
  work: (client: DynamoDBClient) => Promise<T>,
): Promise<T> {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const { clientConfig } = await import('./compose-aws.ts');
  const { storeError } = await import('./adapters/dynamodb/dynamodb-error.ts');
  const client = new DynamoDBClient(clientConfig);
  try {
    return await work(client);
  } catch (error) {
    throw isModelRollbackError(error) ? error : storeError(error, tableName);
  } finally {
    client.destroy();
  }
}
