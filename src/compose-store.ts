import { resolve } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { CreatedTable } from './adapters/dynamodb/dynamodb-table.ts';
import type { ReindexOptions, ReindexReport } from './adapters/dynamodb/reindex.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { StoreConfig } from './config/store-settings.ts';
import { isModelRollbackError } from './domain/errors.ts';
import type { EvidenceStore } from './ports/evidence-store.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/** The state store for the command and the library: what is heavy is loaded when it is asked for. */

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

/** Where comparisons keep what they found: the same place. */
export async function openEvidence(
  config: StoreConfig,
  workspace: string | null,
): Promise<EvidenceStore> {
  if (config.kind === 'sqlite') {
    const { SQLiteEvidenceStore } = await import('./adapters/sqlite/sqlite-evidence-store.ts');
    return new SQLiteEvidenceStore(config.path, workspace ?? '', systemIdentity);
  }
  if (config.kind === 'postgres') {
    const { postgresEvidence } = await import('./adapters/postgres/postgres-evidence-store.ts');
    const parts = { clock: systemClock, identity: systemIdentity };
    return postgresEvidence(config, workspace ?? '', parts);
  }
  const { dynamoDBEvidence } = await import('./compose-aws.ts');
  return dynamoDBEvidence({ tableName: config.tableName, workspace: workspace ?? '' });
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
