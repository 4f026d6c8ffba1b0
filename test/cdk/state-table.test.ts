import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import { makeRollback, theOnly } from './stacks.ts';

/** What `model-rollback create-table` asks DynamoDB for. */
async function createdByCommand(): Promise<CreateTableCommandInput | undefined> {
  let created: CreateTableCommandInput | undefined;
  const client = {
    send: async (command: object) => {
      if (command instanceof CreateTableCommand) created = command.input;
      if (created === undefined)
        throw new ResourceNotFoundException({ message: '', $metadata: {} });
      const indexes = created.GlobalSecondaryIndexes?.map(({ IndexName }) => ({
        IndexName,
        IndexStatus: 'ACTIVE',
      }));
      return { Table: { TableStatus: 'ACTIVE', GlobalSecondaryIndexes: indexes } };
    },
  } as unknown as DynamoDBClient;
  const clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: async () => undefined };
  await createTable(client, 'state', clock);
  return created;
}

describe('StateTable', () => {
  test('has the keys, types, indexes and projections of the table that the command makes', async () => {
    const created = await createdByCommand();
    const { Properties } = theOnly(makeRollback().stack, 'AWS::DynamoDB::Table');
    const { TableName: _name, ...shape } = created ?? {};
    expect(Object.keys(shape).toSorted()).toEqual([
      'AttributeDefinitions',
      'BillingMode',
      'GlobalSecondaryIndexes',
      'KeySchema',
    ]);
    expect(Properties).toMatchObject(shape);
  });
});
