import { ConsoleNotifier } from './adapters/console/console-notifier.ts';
import { MLflowClient } from './adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from './adapters/mlflow/mlflow-model-registry.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { RollbackDeps } from './app/deps.ts';
import type { Config, StoreConfig } from './config/config-from-env.ts';
import { isModelRollbackError } from './domain/errors.ts';
import type { Clock } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/** The only file that knows both the use cases and the adapters. Heavy adapters load on demand. */
export interface Composed {
  readonly deps: RollbackDeps;
  /** Frees sockets and files. */
  close(): void;
}

export interface ComposeOptions {
  readonly logger: Logger;
  /** Where notices go when no topic is configured. */
  readonly writeNotice: (text: string) => void;
}

/** @throws ConfigurationError when the state file cannot be opened */
export async function compose(config: Config, options: ComposeOptions): Promise<Composed> {
  const { registry: at } = config;
  const registry = new MLflowModelRegistry(new MLflowClient(at), systemClock, at.address);
  const [store, notifier] = await Promise.all([
    openStore(config.store, at.workspace),
    config.topicArn === null
      ? new ConsoleNotifier(options.writeNotice)
      : (await import('./compose-aws.ts')).snsNotifier(config.topicArn),
  ]);
  return {
    deps: {
      registry,
      store,
      notifier,
      clock: systemClock,
      identity: systemIdentity,
      logger: options.logger,
      settings: {
        cooldownMs: config.cooldownMs,
        targetRule: config.targetRule,
        writeHorizonMs: config.writeHorizonMs,
        clockSkewMaxMs: config.clockSkewMaxMs,
      },
    },
    close: () => {
      registry.close();
      store.close();
    },
  };
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
  const { createTable } = await import('./adapters/dynamodb/dynamodb-table.ts');
  const { storeError } = await import('./adapters/dynamodb/dynamodb-error.ts');
  const client = new DynamoDBClient();
  try {
    return await createTable(client, tableName, systemClock);
  } catch (error) {
    throw isModelRollbackError(error) ? error : storeError(error, tableName);
  } finally {
    client.destroy();
  }
}

export { jsonLogger } from './adapters/system/json-logger.ts';

/** The real clock, for entries that measure deadlines. */
export const clock: Clock = systemClock;
