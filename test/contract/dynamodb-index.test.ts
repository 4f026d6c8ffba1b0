/** The indexes of the state table: a table of release 0.1.0, one of this release, and one on its way. */
import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DynamoDBRollbackStore } from '../../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import type { IndexLayout } from '../../src/adapters/dynamodb/index-entries.ts';
import { type ReindexReport, reindex } from '../../src/adapters/dynamodb/reindex.ts';
import type { Item } from '../../src/adapters/dynamodb/rollback-item.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { ConfigurationError } from '../../src/domain/errors.ts';
import type { ListPosition } from '../../src/domain/record/list-position.ts';
import type { DueItem, DueKind, RollbackStore } from '../../src/ports/rollback-store.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { type RunningEngine, startDynamoDBLocal } from '../engines/start.ts';
import { firstTable } from '../fakes/first-table.ts';
import { changed, NOON_MS, refused } from './rollback-samples.ts';
import { listRecords, soon } from './rollback-store-place.ts';

const dynamodb = engine('dynamodb');
let own: RunningEngine | undefined;
let client: DynamoDBClient;
const tableName = uniqueName('index');
/** The keys of the partitions that all models share. */
const oldKeys = /^(ROLLBACKS|DUE|DUE-NOTICE)#[^/]*$/;

describe.skipIf(dynamodb.isMissing)(dynamodb.title('the indexes on DynamoDB Local'), () => {
  beforeAll(async () => {
    // Of its own: the shared one, busy with other suites, takes minutes to add an index.
    own = await startDynamoDBLocal();
    client = new DynamoDBClient(localClientConfig(own.url));
    await createTable(client, tableName, systemClock);
  });
  afterAll(() => own?.stop());

  describe('the layout', describeLayout);
  describe('reindex', describeReindex);
  describe('lists of entries in both places', describeLists);
});

// ---------------------------------------------------------------------------------------------------

function describeLayout(): void {
  test('of a new table is sharded from the first write', async () => {
    const workspace = uniqueName('new');
    await writeSome(newStore(workspace));
    expect((await partitionsOf(workspace)).some((key) => oldKeys.test(key))).toBe(false);
  });

  test('of a table with entries of 0.1.0 stays, also when the index is added', async () => {
    const workspace = uniqueName('old');
    await setLayout(workspace, 'single');
    await writeSome(newStore(workspace));
    await setLayout(workspace, null);
    await newStore(workspace).write(refused('late', '1'), soon());
    expect((await partitionsOf(workspace)).every((key) => oldKeys.test(key))).toBe(true);
  });

  test('of a table that lacks the index is that of 0.1.0, and lists work', async () => {
    const name = uniqueName('first');
    await client.send(new CreateTableCommand(firstTable(name)));
    const store = newStore('', name);
    const ends = await writeSome(store);
    expect((await partitionsOf('', name)).every((key) => oldKeys.test(key))).toBe(true);
    expect((await listRecords(store, null)).map(({ id }) => id)).toEqual(ends.toReversed());
    await expect(move('sharded', '', { table: name })).rejects.toThrow(
      /`model-rollback create-table`/,
    );
    await expect(move('sharded', '', { table: name })).rejects.toBeInstanceOf(ConfigurationError);

    const { isNew, isIndexAdded } = await createTable(client, name, systemClock);
    expect({ isNew, isIndexAdded }).toEqual({ isNew: false, isIndexAdded: true });
    expect((await createTable(client, name, systemClock)).isIndexAdded).toBe(false);
    const { Table: table } = await client.send(new DescribeTableCommand({ TableName: name }));
    const added = table?.GlobalSecondaryIndexes?.find(
      ({ IndexName }) => IndexName === 'by-time-sharded',
    );
    expect(added?.Projection).toEqual({ ProjectionType: 'KEYS_ONLY' });
    // Others may still work with it.
    await store.write(refused('late', '1'), soon());
    expect((await partitionsOf('', name)).every((key) => oldKeys.test(key))).toBe(true);
    expect(await move('sharded', '', { table: name })).toMatchObject({ isComplete: true });
    expect((await partitionsOf('', name)).some((key) => oldKeys.test(key))).toBe(false);
  });

  test('is followed by a client that is at work when it changes', async () => {
    const workspace = uniqueName('follow');
    await setLayout(workspace, 'single');
    const store = newStore(workspace);
    await writeSome(store);
    await move('sharded', workspace);
    await store.read('fraud', null, soon());
    await store.write(refused('fraud', 'later'), soon());
    expect((await partitionsOf(workspace)).some((key) => oldKeys.test(key))).toBe(false);
  });
}

function describeReindex(): void {
  test.each(['sharded', 'single'] as const)(
    'moves every entry to %s, and changes nothing else',
    async (to) => {
      const workspace = uniqueName('move');
      await setLayout(workspace, to === 'sharded' ? 'single' : 'sharded');
      const store = newStore(workspace);
      await writeSome(store, 30);
      const before = await seen(store);
      const docs = await documentsOf(workspace);

      const report = await move(to, workspace);

      expect(report).toMatchObject({ layout: to, isComplete: true });
      // A record has a place in the list, and its notice is due.
      expect(report.moved).toBe(60);
      const keys = await partitionsOf(workspace);
      expect(keys.filter((key) => oldKeys.test(key))).toHaveLength(to === 'single' ? 60 : 0);
      expect(await seen(store)).toEqual(before);
      expect(await documentsOf(workspace)).toEqual(docs);
      expect(await move(to, workspace)).toMatchObject({ moved: 0, isComplete: true });
    },
  );

  test('lets a run that read before write after', async () => {
    const workspace = uniqueName('beside');
    await setLayout(workspace, 'single');
    const store = newStore(workspace);
    const { record } = refused('fraud', '1');
    await store.write({ record }, soon());
    await move('sharded', workspace);
    expect(await store.write({ record: changed(record) }, soon())).toBe('written');
  });

  test('goes on where it was stopped, and two at once do no harm', async () => {
    const workspace = uniqueName('stopped');
    await setLayout(workspace, 'single');
    const store = newStore(workspace);
    await writeSome(store, 30);
    const before = await seen(store);
    const onProgress = (): void => {
      throw new Error('stopped');
    };
    const stopped = move('sharded', workspace, { onProgress });
    await expect(stopped).rejects.toThrow('stopped');
    expect(await seen(store)).toEqual(before);
    const [one, two] = await Promise.all([move('sharded', workspace), move('sharded', workspace)]);
    expect(one.isComplete && two.isComplete).toBe(true);
    expect(await seen(store)).toEqual(before);
    expect((await partitionsOf(workspace)).some((key) => oldKeys.test(key))).toBe(false);
  });

  test('reports entries that an older function goes on to write', async () => {
    const workspace = uniqueName('older');
    await setLayout(workspace, 'single');
    await writeSome(newStore(workspace));
    let count = 0;
    const beside = {
      send: async (command: PutItemCommand): Promise<unknown> => {
        count += 1;
        if (command.constructor.name === 'UpdateItemCommand') await putOld(workspace, `${count}`);
        return await client.send(command);
      },
    } as unknown as DynamoDBClient;
    const { isComplete, moved } = await move('sharded', workspace, { client: beside });
    expect(isComplete).toBe(false);
    expect(moved).toBeGreaterThan(12);
  });
}

function describeLists(): void {
  test('page in order, and lose and repeat nothing', async () => {
    const { store, ids } = await mixed();
    for (const limit of [1, 7, 50, 1_000]) {
      expect({ limit, ids: await pagesOf(store, limit) }).toEqual({ limit, ids });
    }
  });

  test('give of each model its latest record, page by page', async () => {
    const { store, ids } = await mixed();
    const latest = ids.filter((id, index) => {
      const model = id.split('/')[0];
      return ids.findIndex((other) => other.split('/')[0] === model) === index;
    });
    for (const limit of [1, 3, 50]) {
      expect({ limit, ids: await pagesOf(store, limit, true) }).toEqual({ limit, ids: latest });
    }
  });

  test.each(['record', 'notice'] as const)('page what is due of a %s', async (kind) => {
    const { store, due } = await mixed();
    for (const limit of [1, 7, 1_000]) {
      expect({ limit, due: await duePages(store, kind, limit) }).toEqual({
        limit,
        due: kind === 'notice' ? due : [],
      });
    }
  });

  test.each([
    'The table does not have the specified index: by-time-sharded',
    'Cannot read from backfilling global secondary index: by-time-sharded',
  ])('are those of 0.1.0 while the index is being made: %s', async (message) => {
    const workspace = uniqueName('making');
    await setLayout(workspace, 'single');
    const [id] = await writeSome(newStore(workspace), 1);
    const making = {
      send: async (command: { input: { IndexName?: string } }): Promise<unknown> => {
        if (command.input.IndexName !== 'by-time-sharded') {
          return await client.send(command as unknown as PutItemCommand);
        }
        throw Object.assign(new Error(message), { name: 'ValidationException' });
      },
    } as unknown as DynamoDBClient;
    const parts = { clock: systemClock, identity: systemIdentity };
    const store = new DynamoDBRollbackStore(making, parts, { tableName, workspace });
    expect((await listRecords(store, null)).map((record) => record.id)).toEqual([id]);
    await expect(move('sharded', workspace, { client: making })).rejects.toThrow(
      /still being made.*`model-rollback create-table`/,
    );
    expect(await move('single', workspace, { client: making })).toMatchObject({ moved: 0 });
  });

  test('hold an entry once that is in both places for a moment', async () => {
    const workspace = uniqueName('twice');
    await setLayout(workspace, 'sharded');
    const store = newStore(workspace);
    const { record } = refused('fraud', '1');
    await store.write({ record }, soon());
    const [item = {}] = await itemsOf(workspace);
    const both = { ...item, by_time_pk: { S: `ROLLBACKS#${workspace}` } };
    await client.send(new PutItemCommand({ TableName: tableName, Item: both }));
    expect(await listRecords(store, null)).toEqual([record]);
  });
}

/** Records of a few models, half of them where 0.1.0 puts them; some share a millisecond. */
async function mixed(): Promise<{ store: RollbackStore; ids: string[]; due: string[] }> {
  const workspace = uniqueName('mixed');
  const ends = Array.from({ length: 90 }, (_, index) =>
    refused(`m${index % 11}`, `k${(index * 37) % 90}`, NOON_MS + Math.floor(index / 3) * 1_000),
  );
  for (const layout of ['single', 'sharded'] as const) {
    await setLayout(workspace, layout);
    const store = newStore(workspace);
    const half = ends.filter((_, index) => (index % 2 === 0) === (layout === 'single'));
    await Promise.all(half.map((end) => store.write(end, soon())));
  }
  const rows = ends.map(({ record: { id, progress } }) => ({
    id,
    atMs: progress.status === 'IN_PROGRESS' ? 0 : progress.endedAtMs,
  }));
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  return {
    store: newStore(workspace),
    ids: rows.toSorted((a, b) => b.atMs - a.atMs || -byId(a, b)).map(({ id }) => id),
    due: rows.toSorted((a, b) => a.atMs - b.atMs || byId(a, b)).map(({ id }) => id),
  };
}

async function pagesOf(
  store: RollbackStore,
  limit: number,
  isLatestOnly = false,
): Promise<string[]> {
  const ids: string[] = [];
  let before: ListPosition | undefined;
  do {
    const page = await store.list(null, soon(), { limit, before, isLatestOnly });
    ids.push(...page.records.map(({ record }) => record.id));
    before = page.next;
  } while (before !== undefined);
  return ids;
}

async function duePages(store: RollbackStore, kind: DueKind, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let after: DueItem | null = null;
  for (;;) {
    const page: readonly DueItem[] = await store.listDue(
      kind,
      NOON_MS + 3_600_000,
      { limit, after },
      soon(),
    );
    ids.push(...page.map(({ id }) => id));
    if (page.length < limit) return ids;
    after = page.at(-1) ?? null;
  }
}

/** Ends with their notices; the ids, oldest first. */
async function writeSome(store: RollbackStore, count = 6): Promise<string[]> {
  const ends = Array.from({ length: count }, (_, index) =>
    refused(`m${index}`, '1', NOON_MS + index * 1_000),
  );
  for (const end of ends) await store.write(end, soon());
  return ends.map(({ record }) => record.id);
}

/** All that the lists say. */
async function seen(store: RollbackStore): Promise<unknown> {
  return {
    records: await store.list(null, soon()),
    latest: await store.list(null, soon(), { isLatestOnly: true }),
    due: await duePages(store, 'notice', 7),
  };
}

async function move(
  layout: IndexLayout,
  workspace: string,
  options: {
    readonly table?: string;
    readonly client?: DynamoDBClient;
    readonly onProgress?: () => void;
  } = {},
): Promise<ReindexReport> {
  const { table = tableName, onProgress = () => undefined } = options;
  const parts = {
    clock: { ...systemClock, sleep: async () => undefined },
    identity: systemIdentity,
  };
  const of = { tableName: table, workspace, layout, onProgress };
  return await reindex(options.client ?? client, parts, of);
}

async function setLayout(workspace: string, layout: IndexLayout | null): Promise<void> {
  const key = { pk: { S: `INDEX#${workspace}` }, sk: { S: 'STATE' } };
  if (layout === null) {
    await client.send(new DeleteItemCommand({ TableName: tableName, Key: key }));
    return;
  }
  const Item = { ...key, layout: { S: layout } };
  await client.send(new PutItemCommand({ TableName: tableName, Item }));
}

/** As release 0.1.0 would: nothing but its own partitions. */
async function putOld(workspace: string, id: string): Promise<void> {
  const Item = {
    pk: { S: `MODEL#${workspace}/old` },
    sk: { S: `ROLLBACK#old/${id}` },
    by_time_pk: { S: `ROLLBACKS#${workspace}` },
    by_time_sk: { S: `2026-01-01T00:00:00.000Z#old/${id}` },
  };
  await client.send(new PutItemCommand({ TableName: tableName, Item }));
}

async function itemsOf(workspace: string, table: string = tableName): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of paginateScan({ client }, { TableName: table })) {
    items.push(...(page.Items ?? []));
  }
  return items.filter(({ pk }) => pk?.S?.startsWith(`MODEL#${workspace}/`));
}

/** The partitions of the indexes that the items of a workspace are in. */
async function partitionsOf(workspace: string, table?: string): Promise<string[]> {
  const items = await itemsOf(workspace, table);
  return items.flatMap((item) =>
    ['by_time_pk', 'by_time_shard', 'due_pk'].flatMap((name) => item[name]?.S ?? []),
  );
}

async function documentsOf(workspace: string): Promise<unknown> {
  const items = await itemsOf(workspace);
  const index = ['by_time_pk', 'by_time_shard', 'due_pk'];
  return items
    .map((item) =>
      Object.entries(item)
        .filter(([name]) => !index.includes(name))
        .toSorted(),
    )
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function newStore(workspace: string, table: string = tableName): DynamoDBRollbackStore {
  const parts = { clock: systemClock, identity: systemIdentity };
  return new DynamoDBRollbackStore(client, parts, { tableName: table, workspace });
}
