/** The stores of evidence, on their engines. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DynamoDBClient, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { Client } from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { DynamoDBEvidenceStore } from '../../src/adapters/dynamodb/dynamodb-evidence-store.ts';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import { MemoryEvidenceStore } from '../../src/adapters/memory/memory-evidence-store.ts';
import { postgresEvidence } from '../../src/adapters/postgres/postgres-evidence-store.ts';
import { SQLiteEvidenceStore } from '../../src/adapters/sqlite/sqlite-evidence-store.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import {
  isPostgresMissing,
  type PostgresServer,
  postgresTitle,
  startPostgres,
} from '../engines/postgres.ts';
import { describeEvidenceStore, type EvidencePlace } from './evidence-store.contract.ts';

const parts = { clock: systemClock, identity: systemIdentity };

describeEvidenceStore('MemoryEvidenceStore', async () => {
  const places = new Map<string, Map<string, Map<number, string>>>();
  const itemsOf = (workspace: string): Map<string, Map<number, string>> => {
    const items = places.get(workspace) ?? new Map<string, Map<number, string>>();
    places.set(workspace, items);
    return items;
  };
  return {
    open: (workspace = '') => new MemoryEvidenceStore(itemsOf(workspace), systemIdentity),
    edit: async (doc) => {
      for (const ofPair of itemsOf('').values()) {
        for (const atMs of ofPair.keys()) ofPair.set(atMs, doc);
      }
    },
    close: async () => undefined,
  };
});

describeEvidenceStore('SQLiteEvidenceStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'model-rollback-evidence-'));
  const path = join(folder, 'state.db');
  return {
    open: (workspace = '') => new SQLiteEvidenceStore(path, workspace, systemIdentity),
    edit: async (doc) => {
      const database = new DatabaseSync(path);
      database.prepare('UPDATE evidence SET doc = ?').run(doc);
      database.close();
    },
    close: async () => await rm(folder, { recursive: true }),
  };
});

const dynamodb = engine('dynamodb');
describe.skipIf(dynamodb.isMissing)(dynamodb.title('DynamoDB Local'), () => {
  describeEvidenceStore('DynamoDBEvidenceStore', async (): Promise<EvidencePlace> => {
    const TableName = uniqueName('evidence');
    const admin = new DynamoDBClient(localClientConfig(dynamodb.url));
    await createTable(admin, TableName, systemClock);
    return {
      open: (workspace = '') => {
        const client = new DynamoDBClient(localClientConfig(dynamodb.url));
        return new DynamoDBEvidenceStore(client, parts, { tableName: TableName, workspace });
      },
      edit: async (doc) => {
        const { Items = [] } = await admin.send(new ScanCommand({ TableName }));
        for (const { pk = { S: '' }, sk = { S: '' } } of Items) {
          const update = {
            TableName,
            Key: { pk, sk },
            UpdateExpression: 'SET doc = :doc',
            ExpressionAttributeValues: { ':doc': { S: doc } },
          };
          await admin.send(new UpdateItemCommand(update));
        }
      },
      close: async () => admin.destroy(),
    };
  });
});

describe.skipIf(isPostgresMissing)(postgresTitle('PostgreSQL'), () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);

  afterAll(async () => {
    await server.stop();
  });

  const onServer = async (sql: string, ...values: readonly string[]): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(sql, [...values]).finally(() => client.end());
  };

  let places = 0;
  describeEvidenceStore('PostgresEvidenceStore', async (): Promise<EvidencePlace> => {
    places += 1;
    const schema = `place_${places}`;
    await onServer(`CREATE SCHEMA ${schema}`);
    const config = {
      url: `${server.url}?options=-c%20search_path%3D${schema}`,
      address: 'postgres://here',
    };
    return {
      open: (workspace = '') => postgresEvidence(config, workspace, parts),
      edit: async (doc) =>
        await onServer(`UPDATE ${schema}.model_rollback_evidence SET doc = $1`, doc),
      close: async () => await onServer(`DROP SCHEMA ${schema} CASCADE`),
    };
  });
});
