import { existsSync } from 'node:fs';
/** What the stores hold of one registered model, read past the product's own adapters. */
import { DatabaseSync } from 'node:sqlite';
import { type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import type { ModelState, RollbackRecord } from '../../src/domain/rollback.ts';
import { decodeModelState, decodeRollbackRecord } from '../../src/domain/stored-item.ts';

export interface StoredModel {
  readonly state: ModelState | undefined;
  readonly records: readonly RollbackRecord[];
}

export async function storedInDynamoDB(
  client: DynamoDBClient,
  tableName: string,
  model: string,
): Promise<StoredModel> {
  const docs: Doc[] = [];
  const pages = paginateQuery(
    { client },
    {
      TableName: tableName,
      ConsistentRead: true,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: `MODEL#/${model}` } },
    },
  );
  for await (const { Items: items = [] } of pages) {
    for (const item of items) {
      docs.push({ isState: item['sk']?.S === 'STATE', text: item['doc']?.S ?? '' });
    }
  }
  return decoded(docs);
}

export function storedInSQLite(file: string, model: string): StoredModel {
  // The store makes its file with the first write.
  if (!existsSync(file)) return decoded([]);
  const database = new DatabaseSync(file);
  try {
    const select = (table: string): string[] =>
      database
        .prepare(`SELECT doc FROM ${table} WHERE model_name = ?`)
        .all(model)
        .map((row) => String(row['doc']));
    return decoded([
      ...select('model_state').map((text) => ({ isState: true, text })),
      ...select('rollback').map((text) => ({ isState: false, text })),
    ]);
  } finally {
    database.close();
  }
}

// ---------------------------------------------------------------------------------------------------

interface Doc {
  readonly isState: boolean;
  readonly text: string;
}

function decoded(docs: readonly Doc[]): StoredModel {
  const state = docs.find(({ isState }) => isState);
  return {
    state: state && decodeModelState(state.text, 'state'),
    records: docs
      .filter(({ isState }) => !isState)
      .map(({ text }) => decodeRollbackRecord(text, 'record')),
  };
}
