/** What the stores hold of one registered model, read past the product's own adapters. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { Client } from 'pg';
import type { OutboxNotice } from '../../src/domain/record/outbox.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import {
  decodeModelState,
  decodeNotice,
  decodeRollbackRecord,
} from '../../src/domain/record/stored-item.ts';
import type { ModelState } from '../../src/domain/state/model-state.ts';

export interface StoredModel {
  readonly state: ModelState | undefined;
  readonly records: readonly RollbackRecord[];
  readonly notices: readonly OutboxNotice[];
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
      const [kind = ''] = (item['sk']?.S ?? '').split('#');
      const known = kinds[kind];
      // What was live when is no part of what a run leaves to do.
      if (known !== undefined) docs.push({ kind: known, text: item['doc']?.S ?? '' });
    }
  }
  return decoded(docs);
}

export function storedInSQLite(file: string, model: string): StoredModel {
  // The store makes its file with the first write.
  if (!existsSync(file)) return decoded([]);
  const database = new DatabaseSync(file);
  try {
    const select = (kind: Doc['kind'], table: string, of: string): Doc[] =>
      database
        .prepare(`SELECT doc FROM ${table} WHERE ${of}`)
        .all(model)
        .map((row) => ({ kind, text: String(row['doc']) }));
    return decoded([
      ...select('state', 'model_state', 'model_name = ?'),
      ...select('record', 'rollback', 'model_name = ?'),
      ...select('notice', 'notice', "rollback_id LIKE ? || '/%'"),
    ]);
  } finally {
    database.close();
  }
}

export async function storedInPostgres(url: string, model: string): Promise<StoredModel> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const select = async (kind: Doc['kind'], table: string, of: string): Promise<Doc[]> => {
      const { rows } = await client.query(`SELECT doc FROM model_rollback_${table} WHERE ${of}`, [
        model,
      ]);
      return rows.map(({ doc }) => ({ kind, text: String(doc) }));
    };
    return decoded([
      ...(await select('state', 'state', 'model_name = $1')),
      ...(await select('record', 'record', 'model_name = $1')),
      ...(await select('notice', 'notice', "rollback_id LIKE $1 || '/%'")),
    ]);
  } finally {
    await client.end();
  }
}

// ---------------------------------------------------------------------------------------------------

interface Doc {
  readonly kind: 'state' | 'record' | 'notice';
  readonly text: string;
}

const kinds: Readonly<Record<string, Doc['kind']>> = {
  STATE: 'state',
  ROLLBACK: 'record',
  NOTICE: 'notice',
};

function decoded(docs: readonly Doc[]): StoredModel {
  const texts = (kind: Doc['kind']): string[] =>
    docs.filter((doc) => doc.kind === kind).map(({ text }) => text);
  const [state] = texts('state');
  return {
    state: state === undefined ? undefined : decodeModelState(state, 'state'),
    records: texts('record').map((text) => decodeRollbackRecord(text, 'record')),
    notices: texts('notice').map((text) => decodeNotice(text, 'notice')),
  };
}
