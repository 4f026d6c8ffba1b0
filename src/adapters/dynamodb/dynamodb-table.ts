import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  LimitExceededException,
  ResourceInUseException,
  ResourceNotFoundException,
  type TableDescription,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { commandText } from '../../domain/command-line.ts';
import { ConfigurationError, messageOf, StateStoreUnavailableError } from '../../domain/errors.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import type { Clock } from '../../ports/clock.ts';

export interface CreatedTable {
  readonly isNew: boolean;
  /** The table is of release 0.1.0, and has the sharded index from now on. */
  readonly isIndexAdded: boolean;
  /** What the engine lacks or this login may not set. */
  readonly warnings: readonly string[];
}

/**
 * Creates the state table, unless it exists, adds the index that one of release 0.1.0 lacks, and waits until
 * all is active.
 * @throws the SDK's errors (see dynamodb-error.ts), StateStoreUnavailableError when it stays inactive
 */
export async function createTable(
  client: DynamoDBClient,
  tableName: string,
  clock: Clock,
): Promise<CreatedTable> {
  const isNew = await createIfAbsent(client, tableName);
  await waitUntilActive(client, tableName, clock);
  const isIndexAdded = await addIndexIfAbsent(client, tableName);
  const warnings: string[] = [];
  if (!(await waitForShards(client, tableName, clock))) {
    warnings.push(
      `The index ${byTimeSharded.name} is still being made, which goes on by itself; ` +
        `to see when it is ready, run ${commandText('doctor')}.`,
    );
  }
  await attempt(warnings, 'expiry of old refusals (TTL)', () =>
    client.send(
      new UpdateTimeToLiveCommand({
        TableName: tableName,
        TimeToLiveSpecification: { AttributeName: tableShape.ttlAttribute, Enabled: true },
      }),
    ),
  );
  await attempt(warnings, 'point-in-time recovery', () =>
    client.send(
      new UpdateContinuousBackupsCommand({
        TableName: tableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    ),
  );
  return { isNew, isIndexAdded, warnings };
}

// ---------------------------------------------------------------------------------------------------

async function createIfAbsent(client: DynamoDBClient, tableName: string): Promise<boolean> {
  try {
    const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    requireShape(table ?? {}, tableName);
    return false;
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
  }
  try {
    await client.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: tableShape.partitionKey, AttributeType: 'S' },
          { AttributeName: tableShape.sortKey, AttributeType: 'S' },
          { AttributeName: byTime.partitionKey, AttributeType: 'S' },
          { AttributeName: byTime.sortKey, AttributeType: 'S' },
          { AttributeName: byTimeSharded.partitionKey, AttributeType: 'S' },
          { AttributeName: due.partitionKey, AttributeType: 'S' },
          { AttributeName: due.sortKey, AttributeType: 'N' },
        ],
        KeySchema: keySchema(tableShape.partitionKey, tableShape.sortKey),
        GlobalSecondaryIndexes: [
          {
            IndexName: byTime.name,
            KeySchema: keySchema(byTime.partitionKey, byTime.sortKey),
            Projection: { ProjectionType: 'ALL' },
          },
          shardedIndex,
          {
            IndexName: due.name,
            KeySchema: keySchema(due.partitionKey, due.sortKey),
            Projection: { ProjectionType: 'KEYS_ONLY' },
          },
        ],
      }),
    );
    return true;
  } catch (error) {
    // Somebody else makes it at this moment.
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
}

/** One update makes one index, so this is the only one that came after 0.1.0. */
async function addIndexIfAbsent(client: DynamoDBClient, tableName: string): Promise<boolean> {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  const indexes = table?.GlobalSecondaryIndexes ?? [];
  if (indexes.some((index) => index.IndexName === byTimeSharded.name)) return false;
  // A table that somebody made by hand may pay for fixed units: then the index gets those of the other one.
  const units = indexes.find((index) => index.IndexName === byTime.name)?.ProvisionedThroughput;
  const { ReadCapacityUnits = 0, WriteCapacityUnits = 0 } = units ?? {};
  try {
    await client.send(
      new UpdateTableCommand({
        TableName: tableName,
        AttributeDefinitions: [
          { AttributeName: byTimeSharded.partitionKey, AttributeType: 'S' },
          { AttributeName: byTimeSharded.sortKey, AttributeType: 'S' },
        ],
        GlobalSecondaryIndexUpdates: [
          {
            Create: {
              ...shardedIndex,
              ...(ReadCapacityUnits > 0 && WriteCapacityUnits > 0
                ? { ProvisionedThroughput: { ReadCapacityUnits, WriteCapacityUnits } }
                : {}),
            },
          },
        ],
      }),
    );
    return true;
  } catch (error) {
    // Somebody else adds it at this moment.
    if (error instanceof ResourceInUseException || error instanceof LimitExceededException) {
      return false;
    }
    throw error;
  }
}

/** A table of this name may be there for something else. */
function requireShape(table: TableDescription, tableName: string): void {
  const keys = (table.KeySchema ?? []).map((key) => key.AttributeName).join();
  const indexes = (table.GlobalSecondaryIndexes ?? []).map((index) => index.IndexName);
  const hasKeys = keys === `${tableShape.partitionKey},${tableShape.sortKey}`;
  const names = [byTime.name, due.name];
  if (hasKeys && names.every((name) => indexes.includes(name))) return;
  throw new ConfigurationError(
    `The table "${tableName}" exists with other keys or indexes (keys ${keys}; indexes ` +
      `${indexes.join() || 'none'}); it is not a state table. Set ROLLBACK_STATE_TABLE to another name.`,
  );
}

async function waitUntilActive(
  client: DynamoDBClient,
  tableName: string,
  clock: Clock,
): Promise<void> {
  const endsAtMs = clock.monotonicMs() + activeTimeoutMs;
  for (;;) {
    const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    const indexes = (table?.GlobalSecondaryIndexes ?? []).filter(
      ({ IndexName: name }) => name !== byTimeSharded.name,
    );
    const statuses = [table?.TableStatus, ...indexes.map((index) => index.IndexStatus)];
    // While an index is added, the table is UPDATING, and works.
    if (statuses.every((status) => status === 'ACTIVE' || status === 'UPDATING')) return;
    if (clock.monotonicMs() > endsAtMs) {
      throw new StateStoreUnavailableError(`The table ${tableName} is not active yet. Try again.`);
    }
    await clock.sleep(500);
  }
}

/** @returns false when the index takes longer: with many records in the table it may take hours */
async function waitForShards(
  client: DynamoDBClient,
  tableName: string,
  clock: Clock,
): Promise<boolean> {
  const endsAtMs = clock.monotonicMs() + activeTimeoutMs;
  for (;;) {
    const { Table: table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    const index = table?.GlobalSecondaryIndexes?.find(
      ({ IndexName: name }) => name === byTimeSharded.name,
    );
    const isMade = index !== undefined && index.IndexStatus !== 'CREATING';
    if (isMade && table?.TableStatus === 'ACTIVE') return true;
    if (clock.monotonicMs() > endsAtMs) return false;
    await clock.sleep(500);
  }
}

async function attempt(
  warnings: string[],
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = messageOf(error);
    if (!/already enabled/i.test(message)) warnings.push(`Could not switch on ${what}: ${message}`);
  }
}

const { byTime, byTimeSharded, due } = tableShape;

const activeTimeoutMs = 120_000;

const shardedIndex = {
  IndexName: byTimeSharded.name,
  KeySchema: keySchema(byTimeSharded.partitionKey, byTimeSharded.sortKey),
  Projection: { ProjectionType: 'KEYS_ONLY' },
} as const;

function keySchema(
  hash: string,
  range: string,
): { AttributeName: string; KeyType: 'HASH' | 'RANGE' }[] {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
}
