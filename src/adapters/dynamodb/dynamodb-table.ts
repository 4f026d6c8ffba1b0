import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
  type TableDescription,
  UpdateContinuousBackupsCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { ConfigurationError, messageOf, StateStoreUnavailableError } from '../../domain/errors.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import type { Clock } from '../../ports/clock.ts';

export interface CreatedTable {
  readonly isNew: boolean;
  /** What the engine lacks or this login may not set. */
  readonly warnings: readonly string[];
}

/**
 * Creates the state table, unless it exists, and waits until it is active.
 * @throws the SDK's errors (see dynamodb-error.ts), StateStoreUnavailableError when it stays inactive
 */
export async function createTable(
  client: DynamoDBClient,
  tableName: string,
  clock: Clock,
): Promise<CreatedTable> {
  const isNew = await createIfAbsent(client, tableName);
  await waitUntilActive(client, tableName, clock);
  const warnings: string[] = [];
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
  return { isNew, warnings };
}

// ---------------------------------------------------------------------------------------------------

async function createIfAbsent(client: DynamoDBClient, tableName: string): Promise<boolean> {
  const { byTime, due } = tableShape;
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

/** A table of this name may be there for something else. */
function requireShape(table: TableDescription, tableName: string): void {
  const keys = (table.KeySchema ?? []).map((key) => key.AttributeName).join();
  const indexes = (table.GlobalSecondaryIndexes ?? []).map((index) => index.IndexName);
  const hasKeys = keys === `${tableShape.partitionKey},${tableShape.sortKey}`;
  const names = [tableShape.byTime.name, tableShape.due.name];
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
    const indexes = table?.GlobalSecondaryIndexes ?? [];
    const statuses = [table?.TableStatus, ...indexes.map((index) => index.IndexStatus)];
    if (statuses.every((status) => status === 'ACTIVE')) return;
    if (clock.monotonicMs() > endsAtMs) {
      throw new StateStoreUnavailableError(`The table ${tableName} is not active yet. Try again.`);
    }
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

const activeTimeoutMs = 120_000;

function keySchema(
  hash: string,
  range: string,
): { AttributeName: string; KeyType: 'HASH' | 'RANGE' }[] {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
}
