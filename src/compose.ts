import { ConsoleNotifier } from './adapters/console/console-notifier.ts';
import { StaticCredentials } from './adapters/system/static-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { assemble, type Composed, type ComposeOptions } from './assemble.ts';
import type { Config, StoreConfig } from './config/config-from-env.ts';
import { isModelRollbackError } from './domain/errors.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/** Composition for the command and the library: what is heavy is loaded when it is asked for. */

/** @throws ConfigurationError when the state file cannot be opened */
export async function compose(config: Config, options: ComposeOptions): Promise<Composed> {
  const { authorization, secretId } = config.registry;
  const [store, notifier, credentials] = await Promise.all([
    openStore(config.store, config.registry.workspace),
    config.topicArn === null
      ? new ConsoleNotifier(options.writeNotice, sharedStateHint(config.store))
      : (await import('./compose-aws.ts')).snsNotifier(config.topicArn),
    secretId === null
      ? new StaticCredentials(authorization)
      : (await import('./compose-aws.ts')).secretCredentials(secretId),
  ]);
  const alarms = alarmsOnDemand();
  return assemble(config, { store, notifier, alarms, logger: options.logger, credentials });
}

/** A command meets alarms only in what an alarm left behind: the SDK is loaded then. */
function alarmsOnDemand(): AlarmReader {
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
    readTag: async (arn, key, deadline) => await (await reader()).readTag(arn, key, deadline),
    close: () => loaded?.close(),
  };
}

/** A notice that only this terminal showed must not count as sent where a function shares the table. */
function sharedStateHint(store: StoreConfig): string | null {
  return store.kind === 'dynamodb'
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
  const { dynamoDBStore } = await import('./compose-aws.ts');
  return dynamoDBStore({ tableName: config.tableName, workspace: workspace ?? '' });
}

/** Makes the state table, or finds it there. */
export async function createStateTable(
  tableName: string,
): Promise<{ readonly isNew: boolean; readonly warnings: readonly string[] }> {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const { clientConfig } = await import('./compose-aws.ts');
  const { createTable } = await import('./adapters/dynamodb/dynamodb-table.ts');
  const { storeError } = await import('./adapters/dynamodb/dynamodb-error.ts');
  const client = new DynamoDBClient(clientConfig);
  try {
    return await createTable(client, tableName, systemClock);
  } catch (error) {
    throw isModelRollbackError(error) ? error : storeError(error, tableName);
  } finally {
    client.destroy();
  }
}
