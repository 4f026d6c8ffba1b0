import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresRollbackStore } from '../../src/adapters/postgres/postgres-rollback-store.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { ConfigurationError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import {
  isPostgresMissing,
  type PostgresServer,
  postgresTitle,
  startPostgres,
} from '../engines/postgres.ts';
import { startPostgresProxy } from '../engines/postgres-proxy.ts';
import { committed, firstClaim } from './rollback-samples.ts';
import { describeRollbackStore } from './rollback-store.contract.ts';
import {
  allDue,
  failure,
  type ItemEdit,
  itemsOf,
  listRecords,
  NOTHING,
  readItems,
  type StoreData,
  type StoredItem,
  soon,
} from './rollback-store-place.ts';

let server: PostgresServer;
let places = 0;

describe.skipIf(isPostgresMissing)(postgresTitle('PostgreSQL'), () => {
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);

  afterAll(async () => {
    await server.stop();
  });

  describeRollbackStore('PostgresRollbackStore', openData, { hasColumns: true });
  describe('PostgresRollbackStore', describeOwn);
});

function describeOwn(): void {
  let url: string;
  let schema: string;
  const stores: PostgresRollbackStore[] = [];

  beforeEach(async () => {
    ({ url, schema } = await newSchema());
  });

  afterEach(async () => {
    for (const store of stores.splice(0)) store.close();
    await onServer(`DROP SCHEMA ${schema} CASCADE`);
  });

  const open = (at = url): PostgresRollbackStore => {
    const store = storeAt(at);
    stores.push(store);
    return store;
  };

  test('makes no tables by reading', async () => {
    const store = open();
    expect(await readItems(store, 'fraud', 'fraud/1')).toEqual(NOTHING);
    expect(await listRecords(store, null)).toEqual([]);
    expect(await allDue(store, 'record')).toEqual([]);
    expect(await store.listLive('fraud', soon())).toEqual({ entries: [], unreadable: [] });
    expect(await tablesIn(schema)).toEqual([]);
  });

  test('makes the tables once, however many replicas start at the same moment', async () => {
    const claims = Array.from({ length: 8 }, (_, index) => firstClaim(`fraud-${index}`, '1'));
    const written = await Promise.all(claims.map((claim) => open().write(claim, soon())));
    expect(new Set(written)).toEqual(new Set(['written']));
    const versions = await onServer(`SELECT version FROM ${schema}.model_rollback_schema`);
    expect([...versions]).toEqual([{ version: 1 }, { version: 2 }]);
    expect(await listRecords(open(), null)).toHaveLength(8);
  });

  test('refuses the tables of a later release and leaves them alone', async () => {
    await open().write(firstClaim('fraud', '1'), soon());
    await onServer(`UPDATE ${schema}.model_rollback_schema SET version = 9`);
    const write = open().write(firstClaim('churn', '1'), soon());
    await expect(write).rejects.toThrow(/schema 9.*Update model-rollback/);
    expect(await listRecords(open(), 'churn')).toEqual([]);
  });

  test('knows a write of its own whose answer was lost, and one that never arrived', async () => {
    const proxy = await startPostgresProxy(url);
    const store = open(proxy.url);
    try {
      const first = firstClaim('fraud', '1');
      await store.write(firstClaim('other', '1'), soon());
      proxy.arm({ nth: 1, moment: 'after' });
      expect(await store.write(first, soon())).toBe('written');
      expect(await readItems(store, 'fraud', first.record.id)).toEqual(itemsOf(first));

      proxy.arm({ nth: 1, moment: 'before' });
      const second = committed(first);
      const lost = store.write(second, soon());
      await expect(lost).rejects.toThrow(StateStoreUnavailableError);
      await expect(lost).rejects.toThrow('nothing was written');
      expect(await store.write(second, soon())).toBe('written');
    } finally {
      await proxy.stop();
    }
  });

  test('waits for another writer no longer than its deadline, and still reads', async () => {
    const claim = firstClaim('fraud', '1');
    const store = open();
    await store.write(claim, soon());
    const holder = new Client({ connectionString: url });
    await holder.connect();
    try {
      await holder.query('BEGIN; SELECT * FROM model_rollback_state FOR UPDATE');
      const startMs = performance.now();
      const deadline = { leftMs: () => startMs + 400 - performance.now() };
      const write = store.write(committed(claim), deadline);
      await expect(write).rejects.toBeInstanceOf(StateStoreUnavailableError);
      expect(performance.now() - startMs).toBeLessThan(2_500);
      expect(await readItems(store, 'fraud', claim.record.id)).toEqual(itemsOf(claim));
    } finally {
      await holder.end();
    }
    expect(await store.write(committed(claim), soon())).toBe('written');
  });

  test('goes on after the database was away', async () => {
    const store = open();
    const claim = firstClaim('fraud', '1');
    await store.write(claim, soon());
    await onServer(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'model-rollback'",
    );
    await expect
      .poll(async () => await store.write(committed(claim), soon()).catch(() => 'unavailable'))
      .toBe('written');
  });

  test.each([
    [
      'a user that is not there',
      (at: string) => at.replace('mlflow@', 'nobody:s3cret@'),
      'Check the user',
    ],
    [
      'a database that is not there',
      (at: string) => at.replace('/postgres?', '/none?'),
      'Create the database',
    ],
  ])('names the setting for %s, and no password', async (_title, change, fix) => {
    const error = await failure(open(change(url)).read('fraud', null, soon()));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(`ROLLBACK_STORE names postgres://here, and the database refused`);
    expect(error.message).toContain(fix);
    expect(error.message).not.toContain('s3cret');
  });

  test('names the right that is missing', async () => {
    await onServer(`CREATE ROLE reader LOGIN`).catch(() => undefined);
    await onServer(`GRANT USAGE ON SCHEMA ${schema} TO reader`);
    const write = open(url.replace('mlflow@', 'reader@')).write(firstClaim('fraud', '1'), soon());
    await expect(write).rejects.toThrow(ConfigurationError);
    await expect(write).rejects.toThrow('CREATE on the schema');
  });

  test('is unavailable where nobody listens', async () => {
    const error = await failure(open('postgres://a@127.0.0.1:1/x').read('fraud', null, soon()));
    expect(error).toBeInstanceOf(StateStoreUnavailableError);
  });
}

/** Generated records have any time: none of them expires by surprise. */
const fixedClock = { ...systemClock, nowMs: () => 0 };

async function newSchema(): Promise<{ readonly schema: string; readonly url: string }> {
  places += 1;
  const schema = `place_${places}`;
  await onServer(`CREATE SCHEMA ${schema}`);
  return { schema, url: `${server.url}?options=-c%20search_path%3D${schema}` };
}

function storeAt(url: string, workspace = ''): PostgresRollbackStore {
  const database = new PostgresDatabase(url, 'postgres://here', systemClock);
  const parts = { clock: fixedClock, identity: systemIdentity };
  return new PostgresRollbackStore(database, workspace, parts);
}

async function openData(): Promise<StoreData> {
  const { schema, url } = await newSchema();
  return {
    open: async (workspace = '') => storeAt(url, workspace),
    close: async () => {
      await onServer(`DROP SCHEMA ${schema} CASCADE`);
    },
    backDoor: {
      edit: async (item, change) => editRow(schema, item, change),
      text: async (item) => {
        const { table, where, keys } = rowOf(item);
        const rows = await onServer(`SELECT doc FROM ${schema}.${table} WHERE ${where}`, keys);
        return String(rows[0]?.['doc']);
      },
    },
  };
}

async function tablesIn(schema: string): Promise<readonly unknown[]> {
  return [...(await onServer('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema]))];
}

async function onServer(sql: string, values: readonly unknown[] = []) {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    const { rows, rowCount } = await client.query<Record<string, unknown>>(sql, [...values]);
    return Object.assign(rows, { touched: rowCount ?? 0 });
  } finally {
    await client.end();
  }
}

async function editRow(schema: string, item: StoredItem, change: ItemEdit): Promise<void> {
  const { table, where, keys } = rowOf(item);
  for (const [name, value] of Object.entries(change)) {
    const column = name === 'token' ? 'write_token' : name;
    const sql = `UPDATE ${schema}.${table} SET ${column} = $${keys.length + 1} WHERE ${where}`;
    expect((await onServer(sql, [...keys, value])).touched).toBe(1);
  }
}

/** Where the row of an item is. */
function rowOf(item: StoredItem): { table: string; where: string; keys: readonly string[] } {
  const row = (table: string, columns: readonly string[], keys: readonly string[]) => ({
    table: `model_rollback_${table}`,
    where: columns.map((column, index) => `${column} = $${index + 1}`).join(' AND '),
    keys,
  });
  switch (item.kind) {
    case 'state':
      return row('state', ['model_name'], [item.modelName]);
    case 'fleet':
      return row('state', ['model_name'], ['']);
    case 'live':
      return row('live_log', ['model_name', 'name'], [item.modelName, item.name]);
    case 'record':
      return row('record', ['id'], [item.rollbackId]);
    case 'notice':
      return row('notice', ['rollback_id', 'topic'], [item.rollbackId, item.topic]);
    default:
      return item satisfies never;
  }
}
