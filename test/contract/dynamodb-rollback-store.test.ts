import {
  type AttributeValue,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  TransactionCanceledException,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DynamoDBRollbackStore } from '../../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { dynamoDBStore } from '../../src/compose-aws.ts';
import { ConfigurationError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { afterPointerCheck } from '../../src/domain/protocol/follow-up.ts';
import { fail } from '../../src/domain/protocol/transition.ts';
import { modelNameOf, type StoreChange } from '../../src/domain/record/record.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import {
  type HttpProxy,
  type ProxiedRequest,
  type ProxyAct,
  startHttpProxy,
} from './http-proxy.ts';
import {
  type AnnouncedEnd,
  alarmClaim,
  alarmOf,
  announced,
  attemptAt,
  changed,
  committed,
  firstClaim,
  marked,
  NOON_MS,
  refused,
  timeAt,
  unclaimed,
} from './rollback-samples.ts';
import { describeRollbackStore } from './rollback-store.contract.ts';
import {
  type BackDoor,
  itemsOf,
  listRecords,
  NOTHING,
  readItems,
  type StoreData,
  type StoredItem,
  soon,
} from './rollback-store-place.ts';

const dynamodb = engine('dynamodb');
const tableName = uniqueName('state');
const admin = new DynamoDBClient(localClientConfig(dynamodb.url));

describe.skipIf(dynamodb.isMissing)(dynamodb.title('DynamoDB Local'), () => {
  beforeAll(async () => {
    await createTable(admin, tableName, systemClock);
  });

  describeRollbackStore('DynamoDBRollbackStore', openData, { hasColumns: true });

  describe('DynamoDBRollbackStore', () => {
    describe('an ambiguous write', describeAmbiguity);
    describe('an item', describeItems);
    describe('the difference of the clocks', describeClockSkew);
    describe('a trouble of the network', describeNetwork);
    describe('a table that is not ours', describeTables);
  });

  describe('createTable', describeCreateTable);
});

describe('DynamoDBRollbackStore with a client that fails', describeStubs);

// ---------------------------------------------------------------------------------------------------

function describeAmbiguity(): void {
  const claimed = firstClaim('fraud', '1');
  const { record } = refused('fraud', '2');

  const loseFirst = (operation: string) => {
    let isLost = false;
    return (request: ProxiedRequest): ProxyAct => {
      if (isLost || !isCall(request, operation)) return { kind: 'pass' };
      isLost = true;
      return { kind: 'lose-answer' };
    };
  };
  /** The same, and the engine does not know the request token when the call comes again. */
  const loseForGood = (operation: string) => {
    const lose = loseFirst(operation);
    return (request: ProxiedRequest): ProxyAct => {
      const act = lose(request);
      if (act.kind !== 'pass' || !isCall(request, 'TransactWriteItems')) return act;
      const body = JSON.parse(request.body) as Record<string, unknown>;
      const forgotten = { ...body, ClientRequestToken: uniqueName('forgotten') };
      return { kind: 'pass', body: JSON.stringify(forgotten) };
    };
  };
  /** The first one does not arrive. */
  const resetFirst = (operation: string) => {
    let isLost = false;
    return (request: ProxiedRequest): ProxyAct => {
      if (isLost || !isCall(request, operation)) return { kind: 'pass' };
      isLost = true;
      return { kind: 'reset' };
    };
  };

  test('is written when the answer to a single put was lost and the SDK sent it again', async () => {
    const { store, proxy } = await throughProxy(loseFirst('PutItem'));
    expect(await store.write({ record }, soon())).toBe('written');
    expect(proxy.requests.filter((request) => isCall(request, 'PutItem'))).toHaveLength(2);
    expect(await listRecords(store, null)).toEqual([record]);
  });

  test('is written when it was an overwrite', async () => {
    const act = { current: (_: ProxiedRequest): ProxyAct => ({ kind: 'pass' }) };
    const { store, proxy } = await throughProxy((request) => act.current(request));
    await store.write({ record }, soon());
    act.current = loseFirst('PutItem');
    const later = changed(record);
    expect(await store.write({ record: later }, soon())).toBe('written');
    expect(proxy.requests.filter((request) => isCall(request, 'PutItem'))).toHaveLength(3);
    expect(await listRecords(store, null)).toEqual([later]);
  });

  test('is written when the answer to a transaction was lost', async () => {
    const { store, proxy } = await throughProxy(loseFirst('TransactWriteItems'));
    expect(await store.write(claimed, soon())).toBe('written');
    const sent = proxy.requests.filter((request) => isCall(request, 'TransactWriteItems'));
    expect(sent).toHaveLength(2);
    expect(await readItems(store, 'fraud', claimed.record.id)).toEqual(itemsOf(claimed));
    expect(await listRecords(store, null)).toEqual([claimed.record]);
  });

  const three = alarmClaim('fraud', '3');
  const { fleet } = three;
  const endOfAlarm = (): AnnouncedEnd => {
    const alarm = alarmOf('fraud');
    return announced(unclaimed(attemptAt('fraud', '4', { verdict: 'REFUSED', alarm }), 'REFUSED'));
  };
  const changes: readonly { title: string; operation: string; change: () => StoreChange }[] = [
    { title: 'a claim', operation: 'TransactWriteItems', change: () => claimed },
    { title: 'the fleet alone', operation: 'PutItem', change: () => ({ fleet }) },
    {
      title: 'a record with the fleet',
      operation: 'TransactWriteItems',
      change: () => ({ record, fleet }),
    },
    {
      title: 'a claim that takes a slot',
      operation: 'TransactWriteItems',
      change: () => three,
    },
    {
      title: 'a notice alone',
      operation: 'PutItem',
      change: () => ({ notice: endOfAlarm().notice }),
    },
    {
      title: 'an end with its notice',
      operation: 'TransactWriteItems',
      change: () => refused('fraud', '5'),
    },
    {
      title: 'an end with its notice, the state and the fleet',
      operation: 'TransactWriteItems',
      change: () => ({ ...endOfAlarm(), fleet }),
    },
  ];
  for (const { title, operation, change } of changes) {
    test(`is written when the answer to ${title} was lost, and its request token too`, async () => {
      const { store, proxy } = await throughProxy(loseForGood(operation));
      const written = change();
      expect(await store.write(written, soon())).toBe('written');
      expect(proxy.requests.filter((request) => isCall(request, operation))).toHaveLength(2);
      const id = written.record?.id ?? written.notice?.item.rollbackId ?? null;
      expect(await readItems(store, 'fraud', id)).toEqual(itemsOf(written));
    });
  }

  const overwrites: readonly {
    title: string;
    operation: string;
    change: (end: AnnouncedEnd) => StoreChange;
  }[] = [
    {
      title: 'the mark on a notice',
      operation: 'PutItem',
      change: ({ notice }) => ({ notice: marked(notice.item) }),
    },
    {
      title: 'a later end with its notice',
      operation: 'TransactWriteItems',
      change: (end) => ({ record: changed(end.record), notice: marked(end.notice.item) }),
    },
  ];
  for (const { title, operation, change } of overwrites) {
    test(`is written when the answer to ${title} was lost, and its request token too`, async () => {
      const act = { current: (_: ProxiedRequest): ProxyAct => ({ kind: 'pass' }) };
      const { store, proxy } = await throughProxy((request) => act.current(request));
      const end = endOfAlarm();
      await store.write(end, soon());
      const before = proxy.requests.length;
      act.current = loseForGood(operation);
      const written = change(end);
      expect(await store.write(written, soon())).toBe('written');
      expect(proxy.requests.slice(before)).toHaveLength(2);
      const stored = itemsOf({ ...end, ...written });
      expect(await readItems(store, 'fraud', end.record.id)).toEqual(stored);
    });
  }

  test('is a conflict when a rival overwrote the fleet in between', async () => {
    const workspace = uniqueName('rival');
    const rival = newStore(admin, workspace);
    const { store } = await throughProxy(resetFirst('TransactWriteItems'), workspace);
    const theirs = alarmClaim('churn', '1');
    await rival.write(theirs, soon());
    expect(await store.write(three, soon())).toBe('conflict');
    expect(await listRecords(store, null)).toEqual([theirs.record]);
    expect(await readItems(store, 'fraud', three.record.id)).toEqual({
      ...NOTHING,
      fleet: theirs.fleet,
    });
  });

  test('is a conflict when a rival overwrote one of the items in between', async () => {
    const workspace = uniqueName('rival');
    const rival = newStore(admin, workspace);
    const { store } = await throughProxy(resetFirst('TransactWriteItems'), workspace);
    await rival.write(firstClaim('fraud', 'rival'), soon());
    expect(await store.write(claimed, soon())).toBe('conflict');
    expect(await listRecords(store, null)).toHaveLength(1);
  });

  test.each(overwrites)(
    'is a conflict when another sender marked the notice before $title arrived',
    async ({ operation, change }) => {
      const workspace = uniqueName('rival');
      const rival = newStore(admin, workspace);
      const end = endOfAlarm();
      await rival.write(end, soon());
      const { store } = await throughProxy(resetFirst(operation), workspace);
      const theirs = marked(end.notice.item, NOON_MS + 7);
      await rival.write({ notice: theirs }, soon());
      expect(await store.write(change(end), soon())).toBe('conflict');
      expect(await readItems(store, 'fraud', end.record.id)).toEqual({
        ...itemsOf(end),
        notice: theirs.item,
      });
    },
  );
}

function describeItems(): void {
  const rawItem = async (
    workspace: string,
    sk: string,
  ): Promise<Record<string, AttributeValue> | undefined> => {
    const Key = { pk: { S: `MODEL#${workspace}/fraud` }, sk: { S: sk } };
    const { Item } = await admin.send(new GetItemCommand({ TableName: tableName, Key }));
    return Item;
  };
  // Whole seconds, never early.
  const expiresAt = (NOON_MS + limits.recordRetentionMs) / 1_000 + 1;

  test('expires when it ended without effect and nothing of it is due', async () => {
    const workspace = uniqueName('expiry');
    await setLayout(workspace, 'single');
    const store = newStore(admin, workspace);
    const { record } = refused('fraud', '1', NOON_MS + 1);
    // Release 0.1.0 left a notice in it.
    const due = { kind: 'pending', about: 'end', dueAtMs: NOON_MS, leaseEndsAtMs: 0 } as const;
    await store.write({ record: { ...record, notice: { ...due, attempts: 1 } } }, soon());
    const pending = await rawItem(workspace, 'ROLLBACK#fraud/1');
    expect(pending).toMatchObject({ due_pk: { S: `DUE#${workspace}` } });
    expect(pending).not.toHaveProperty('expires_at');

    await store.write({ record: changed(record) }, soon());
    const item = await rawItem(workspace, 'ROLLBACK#fraud/1');
    expect(item).toMatchObject({ expires_at: { N: String(expiresAt) } });
    expect(item).not.toHaveProperty('due_pk');
    expect(item).not.toHaveProperty('due_at_ms');
  });

  test('stays for good when it is a rollback, and while it is in progress', async () => {
    const workspace = uniqueName('expiry');
    const store = newStore(admin, workspace);
    const claimed = firstClaim('fraud', '1');
    await store.write(claimed, soon());
    expect(await rawItem(workspace, 'ROLLBACK#fraud/1')).not.toHaveProperty('expires_at');
    expect(await rawItem(workspace, 'STATE')).not.toHaveProperty('expires_at');
    const ended = committed(claimed);
    await store.write(ended, soon());
    const sent = marked(ended.notice.item);
    await store.write({ notice: sent }, soon());
    await store.write(
      afterPointerCheck(
        ended.record,
        { liveVersions: ['2'], lastMove: undefined, replaced: null },
        timeAt(NOON_MS),
      ),
      soon(),
    );
    const item = await rawItem(workspace, 'ROLLBACK#fraud/1');
    expect(item).toMatchObject({ revision: { N: '3' } });
    expect(item).not.toHaveProperty('due_pk');
    expect(item).not.toHaveProperty('expires_at');
    const notice = await rawItem(workspace, 'NOTICE#1#end');
    expect(notice).toMatchObject({ write_token: { S: sent.item.token } });
    expect(notice).not.toHaveProperty('due_pk');
    expect(notice).not.toHaveProperty('expires_at');
  });

  test('is a notice that is due by itself, and expires once it is sent', async () => {
    const workspace = uniqueName('expiry');
    await setLayout(workspace, 'single');
    const store = newStore(admin, workspace);
    const end = refused('fraud', '1', NOON_MS);
    await store.write(end, soon());
    const pending = await rawItem(workspace, 'NOTICE#1#end');
    expect(pending).toMatchObject({
      // The sweep of release 0.1.0 reads DUE#, and does not know what a notice is.
      due_pk: { S: `DUE-NOTICE#${workspace}` },
      due_at_ms: { N: String(NOON_MS + limits.noticeDueMs) },
      write_token: { S: end.notice.item.token },
    });
    expect(pending).not.toHaveProperty('expires_at');
    expect(pending).not.toHaveProperty('revision');
    expect(await rawItem(workspace, 'ROLLBACK#fraud/1')).not.toHaveProperty('due_pk');

    await store.write({ notice: marked(end.notice.item, NOON_MS + 1) }, soon());
    const sent = await rawItem(workspace, 'NOTICE#1#end');
    expect(sent).toMatchObject({ expires_at: { N: String(expiresAt) } });
    expect(sent).not.toHaveProperty('due_pk');
    expect(sent).not.toHaveProperty('due_at_ms');
    expect(sent?.['doc']?.S).not.toContain('Model Rollback');
  });

  test('shows a person what happened', async () => {
    const workspace = uniqueName('shown');
    await newStore(admin, workspace).write(firstClaim('fraud', '1'), soon());
    expect(await rawItem(workspace, 'ROLLBACK#fraud/1')).toMatchObject({
      model_name: { S: 'fraud' },
      outcome: { S: 'IN_PROGRESS' },
      from_version: { S: '3' },
      to_version: { S: '2' },
      timestamp: { S: new Date(NOON_MS).toISOString() },
    });
  });

  test('without its document gives StateCorruptError with its name', async () => {
    const workspace = uniqueName('bare');
    const store = newStore(admin, workspace);
    await store.write(firstClaim('fraud', '1'), soon());
    const Key = { pk: { S: `MODEL#${workspace}/fraud` }, sk: { S: 'STATE' } };
    await admin.send(
      new UpdateItemCommand({ TableName: tableName, Key, UpdateExpression: 'REMOVE doc' }),
    );
    await expect(store.read('fraud', null, soon())).rejects.toThrow(
      /MODEL#.*fraud \/ STATE.*field doc/,
    );
  });
}

function describeClockSkew(): void {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  /** The store as the command and the function compose it, and an engine with this clock. */
  const composed = async (date: () => string): Promise<RollbackStore> => {
    const body = JSON.stringify({ Responses: {} });
    const proxy = await startHttpProxy(null, () => ({
      kind: 'answer',
      status: 200,
      contentType: 'application/x-amz-json-1.0',
      headers: { date: date() },
      body,
    }));
    openProxies.push(proxy);
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', proxy.url);
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'any');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'any');
    return dynamoDBStore({ tableName, workspace: '' });
  };
  const setTime = (atMs: number): void => {
    vi.useFakeTimers({ toFake: ['Date'], now: atMs });
  };
  const httpDate = (atMs: number): string => new Date(atMs).toUTCString();

  test('is what the options say, and null without them', async () => {
    const parts = { clock: systemClock, identity: systemIdentity };
    const options = { tableName, workspace: uniqueName('time') };
    const known = new DynamoDBRollbackStore(admin, parts, { ...options, clockSkewMs: () => -7 });
    expect((await known.read('fraud', null, soon())).clockSkewMs).toBe(-7);
    const unknown = new DynamoDBRollbackStore(admin, parts, options);
    expect((await unknown.read('fraud', null, soon())).clockSkewMs).toBeNull();
  });

  test('is our clock less that of the answer', async () => {
    setTime(NOON_MS);
    let engineMs = NOON_MS;
    const store = await composed(() => httpDate(engineMs));
    expect((await store.read('fraud', null, soon())).clockSkewMs).toBe(0);
    engineMs = NOON_MS - 90_000;
    expect((await store.read('fraud', null, soon())).clockSkewMs).toBe(90_000);
    engineMs = NOON_MS + 90_000;
    expect((await store.read('fraud', null, soon())).clockSkewMs).toBe(-90_000);
    store.close();
  });

  test('is measured when the answer arrives, however long that takes', async () => {
    setTime(NOON_MS);
    const store = await composed(() => {
      // Both clocks go on while the engine works.
      setTime(Date.now() + 45_000);
      return httpDate(Date.now());
    });
    const { clockSkewMs } = await store.read('fraud', null, soon());
    setTime(Date.now() + 600_000);
    expect(clockSkewMs).toBe(0);
    expect((await store.read('fraud', null, soon())).clockSkewMs).toBe(0);
    store.close();
  });

  test('is null when the answer has no time that can be read', async () => {
    const store = await composed(() => 'noon');
    expect((await store.read('fraud', null, soon())).clockSkewMs).toBeNull();
    store.close();
  });
}

function describeNetwork(): void {
  const claimed = firstClaim('fraud', '1');
  const calls: Readonly<Record<string, (store: RollbackStore, ms: number) => Promise<unknown>>> = {
    read: (store, ms) => store.read('fraud', null, deadlineAfter(systemClock, ms)),
    'write of two items': (store, ms) => store.write(claimed, deadlineAfter(systemClock, ms)),
    'write of one item': (store, ms) =>
      store.write({ record: claimed.record }, deadlineAfter(systemClock, ms)),
    list: (store, ms) => store.list(null, deadlineAfter(systemClock, ms)),
    readNotice: (store, ms) => store.readNotice('fraud/1', 'end', deadlineAfter(systemClock, ms)),
    'write of a notice': (store, ms) =>
      store.write({ notice: refused('fraud', '1').notice }, deadlineAfter(systemClock, ms)),
    listDue: (store, ms) =>
      store.listDue('record', NOON_MS, firstPage, deadlineAfter(systemClock, ms)),
  };
  const awsError = (status: number, type: string): ProxyAct => ({
    kind: 'answer',
    status,
    contentType: 'application/x-amz-json-1.0',
    body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: type }),
  });
  const troubles: readonly { title: string; act: ProxyAct; ms: number }[] = [
    { title: 'a hang', act: { kind: 'hang' }, ms: 300 },
    { title: 'an answer that drips', act: { kind: 'drip', everyMs: 20 }, ms: 300 },
    { title: 'a reset', act: { kind: 'reset' }, ms: 5_000 },
    {
      title: 'throttling',
      act: awsError(400, 'ProvisionedThroughputExceededException'),
      ms: 5_000,
    },
    { title: 'the request limit', act: awsError(400, 'RequestLimitExceeded'), ms: 5_000 },
    { title: 'a 500', act: awsError(500, 'InternalServerError'), ms: 5_000 },
    { title: 'a 503 in HTML', act: { kind: 'answer', status: 503, body: '<html>' }, ms: 5_000 },
  ];
  for (const { title, act, ms } of troubles) {
    for (const [name, call] of Object.entries(calls)) {
      test(`makes a ${name} that meets ${title} StateStoreUnavailableError in time`, async () => {
        // One try: how often the SDK tries is its own affair, and takes its time.
        const { store } = await throughProxy(() => act, uniqueName('proxied'), { maxAttempts: 1 });
        const startMs = performance.now();
        const error = await call(store, ms).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(StateStoreUnavailableError);
        expect(performance.now() - startMs).toBeLessThan(ms + 2_000);
        expect(String(error)).toContain(`"${tableName}"`);
      });
    }
  }

  test('is bounded by the deadline while the SDK tries again', async () => {
    const { store } = await throughProxy(() => awsError(400, 'ThrottlingException'));
    const startMs = performance.now();
    const call = store.read('fraud', null, deadlineAfter(systemClock, 200));
    await expect(call).rejects.toBeInstanceOf(StateStoreUnavailableError);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  test('is no trouble when it passes', async () => {
    const { store, proxy } = await throughProxy(({ index }) =>
      index === 0 ? awsError(500, 'InternalServerError') : { kind: 'pass' },
    );
    expect(await store.write(claimed, soon())).toBe('written');
    // One of the layout, twice, and the write.
    expect(proxy.requests).toHaveLength(3);
  });

  test('is StateStoreUnavailableError when nobody listens', async () => {
    const proxy = await startHttpProxy(null, () => ({ kind: 'hang' }));
    await proxy.close();
    const store = newStore(new DynamoDBClient(localClientConfig(proxy.url)), 'any');
    const call = store.read('fraud', null, deadlineAfter(systemClock, 5_000));
    await expect(call).rejects.toBeInstanceOf(StateStoreUnavailableError);
  });
}

function describeTables(): void {
  const calls = (store: RollbackStore): readonly (() => Promise<unknown>)[] => [
    () => store.read('fraud', 'fraud/1', soon()),
    () => store.readNotice('fraud/1', 'end', soon()),
    () => store.write(firstClaim('fraud', '1'), soon()),
    () => store.write({ record: firstClaim('fraud', '1').record }, soon()),
    () => store.list('fraud', soon()),
    () => store.list(null, soon()),
    () => store.listDue('record', NOON_MS, firstPage, soon()),
    () => store.listDue('notice', NOON_MS, firstPage, soon()),
  ];

  test('because it is missing, is ConfigurationError that names it and create-table', async () => {
    const missing = uniqueName('missing');
    const store = newStore(admin, 'any', missing);
    for (const call of calls(store)) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(String(error)).toContain(`"${missing}"`);
      expect(String(error)).toContain('create-table');
    }
  });

  test('because its keys differ, is ConfigurationError that names it and create-table', async () => {
    const foreign = uniqueName('foreign');
    await makeTable(foreign, ['id']);
    const store = newStore(admin, 'any', foreign);
    for (const call of calls(store)) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(String(error)).toContain(`"${foreign}"`);
      expect(String(error)).toContain('create-table');
    }
  });

  test('because it lacks the indexes, is ConfigurationError where they are needed', async () => {
    const bare = uniqueName('bare');
    await makeTable(bare, ['pk', 'sk']);
    const store = newStore(admin, 'any', bare);
    for (const call of calls(store).slice(-3)) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(String(error)).toContain(`"${bare}"`);
      expect(String(error)).toContain('create-table');
    }
  });
}

function describeCreateTable(): void {
  test('makes a table once, and then finds it there', async () => {
    const name = uniqueName('made');
    const first = await createTable(admin, name, systemClock);
    const second = await createTable(admin, name, systemClock);
    expect([first.isNew, second.isNew]).toEqual([true, false]);
    // DynamoDB Local has no backups, and says so; the expiry was set, which is no trouble twice.
    for (const { warnings } of [first, second]) {
      expect(warnings).toEqual([
        expect.stringMatching(/^Could not switch on point-in-time recovery: ./),
      ]);
    }
    expect(await newStore(admin, '', name).write(firstClaim('fraud', '1'), soon())).toBe('written');
  });

  test('lets several make it at once', async () => {
    const name = uniqueName('together');
    const made = await Promise.all(
      Array.from({ length: 4 }, () => createTable(admin, name, systemClock)),
    );
    expect(made.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(await listRecords(newStore(admin, '', name), null)).toEqual([]);
  });

  const table = (status: string, index: string): object => ({
    Table: {
      TableStatus: status,
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: ['by-time', 'due', 'by-time-sharded'].map((name) => ({
        IndexName: name,
        IndexStatus: index,
      })),
    },
  });

  test('waits until table and indexes are active', async () => {
    const answers = [
      table('ACTIVE', 'ACTIVE'),
      table('CREATING', 'CREATING'),
      table('ACTIVE', 'CREATING'),
      ...Array.from({ length: 3 }, () => table('ACTIVE', 'ACTIVE')),
    ];
    const { client } = stubClient(async (command) =>
      command === 'DescribeTableCommand' ? answers.shift() : {},
    );
    const clock = skippingClock();
    expect(await createTable(client, 'state', clock)).toEqual({
      isNew: false,
      isIndexAdded: false,
      warnings: [],
    });
    expect(answers).toEqual([]);
    expect(clock.monotonicMs()).toBeGreaterThan(0);
  });

  test('is a ConfigurationError for a table that is there for something else', async () => {
    const other = { Table: { TableStatus: 'ACTIVE', KeySchema: [{ AttributeName: 'id' }] } };
    const { client } = stubClient(async () => other);
    await expect(createTable(client, 'orders', skippingClock())).rejects.toThrow(
      /"orders" exists with other keys or indexes.*ROLLBACK_STATE_TABLE/,
    );
  });

  test('gives up on a table that does not become active', async () => {
    const { client } = stubClient(async () => table('CREATING', 'CREATING'));
    await expect(createTable(client, 'state', skippingClock())).rejects.toBeInstanceOf(
      StateStoreUnavailableError,
    );
  });
}

function describeStubs(): void {
  const claimed = firstClaim('fraud', '1');
  const response = { $metadata: {} };
  const canceled = (reasons: readonly { Code: string; Item?: object }[]): Error =>
    new TransactionCanceledException({
      ...response,
      message: 'Transaction cancelled, please refer cancellation reasons',
      CancellationReasons: reasons as never,
    });
  const named = (name: string, message = 'no'): Error =>
    Object.assign(new Error(message), { name });

  const conflicts: readonly { title: string; error: Error }[] = [
    {
      title: 'a transaction that meets another one',
      error: canceled([{ Code: 'TransactionConflict' }, { Code: 'None' }]),
    },
    {
      title: 'a conflict of transactions without reasons',
      error: named('TransactionConflictException'),
    },
    {
      title: 'a condition that was lost to somebody else',
      error: canceled([
        { Code: 'ConditionalCheckFailed', Item: { write_token: { S: 'other' } } },
        { Code: 'None' },
      ]),
    },
    {
      title: 'a condition that was lost to nothing',
      error: canceled([{ Code: 'ConditionalCheckFailed' }, { Code: 'None' }]),
    },
    {
      title: 'a lost condition beside throttling',
      error: canceled([{ Code: 'ThrottlingError' }, { Code: 'ConditionalCheckFailed' }]),
    },
  ];
  for (const { title, error } of conflicts) {
    test(`calls ${title} a conflict`, async () => {
      const { client } = stubClient(() => Promise.reject(error));
      expect(await newStore(client, '').write(claimed, soon())).toBe('conflict');
    });
  }

  test('calls a single put that meets a transaction a conflict', async () => {
    const { client } = stubClient(() => Promise.reject(named('TransactionConflictException')));
    const { record } = claimed;
    expect(await newStore(client, '').write({ record }, soon())).toBe('conflict');
  });

  const tokenOf = (input: object): string => {
    const { TransactItems } = input as { TransactItems: { Put: { Item: Tokened } }[] };
    return TransactItems[0]?.Put.Item.write_token.S ?? '';
  };

  test('knows its own token on all items that stand in the way', async () => {
    const { client } = stubClient((_, input) => {
      const ours = { Code: 'ConditionalCheckFailed', Item: { write_token: { S: tokenOf(input) } } };
      return Promise.reject(canceled([ours, ours]));
    });
    expect(await newStore(client, '').write(claimed, soon())).toBe('written');
  });

  test('calls it a conflict when its token is on one item and another on the other', async () => {
    const { client } = stubClient((_, input) => {
      const item = (token: string): object => ({
        Code: 'ConditionalCheckFailed',
        Item: { write_token: { S: token } },
      });
      return Promise.reject(canceled([item(tokenOf(input)), item('other')] as never));
    });
    expect(await newStore(client, '').write(claimed, soon())).toBe('conflict');
  });

  test('knows its own token on a single item', async () => {
    const { client } = stubClient((_, input) => {
      const { Item } = input as { Item: Record<string, AttributeValue> };
      const lost = { ...response, message: 'The conditional request failed', Item };
      return Promise.reject(new ConditionalCheckFailedException(lost));
    });
    expect(await newStore(client, '').write({ record: claimed.record }, soon())).toBe('written');
  });

  const retryable = [
    canceled([{ Code: 'ThrottlingError' }, { Code: 'None' }]),
    canceled([{ Code: 'ProvisionedThroughputExceeded' }, { Code: 'None' }]),
    named('TransactionInProgressException'),
    named('ThrottlingException'),
    named('TimeoutError'),
    named('AbortError'),
    named('InternalServerError'),
  ];
  test.each(retryable)('calls %s unavailable', async (error) => {
    const { client } = stubClient(() => Promise.reject(error));
    const write = newStore(client, '').write(claimed, soon());
    await expect(write).rejects.toBeInstanceOf(StateStoreUnavailableError);
  });

  const misconfigured = [
    named('UnrecognizedClientException', 'The security token included in the request is invalid.'),
    named('AccessDeniedException', 'User is not authorized to perform: dynamodb:PutItem'),
    named('ExpiredTokenException'),
    named('InvalidSignatureException'),
    named('MissingAuthenticationTokenException'),
    named('CredentialsProviderError', 'Could not load credentials from any providers'),
  ];
  test.each(misconfigured)('calls %s a matter of configuration', async (error) => {
    const { client } = stubClient(() => Promise.reject(error));
    const store = newStore(client, '');
    for (const call of [
      () => store.write(claimed, soon()),
      () => store.read('fraud', null, soon()),
    ]) {
      const reason: unknown = await call().catch((thrown: unknown) => thrown);
      expect(reason).toBeInstanceOf(ConfigurationError);
      expect(String(reason)).toContain(`"${tableName}"`);
      expect(String(reason)).toContain('credentials');
    }
  });

  test('names the region when it is missing', async () => {
    const { client } = stubClient(() => Promise.reject(new Error('Region is missing')));
    const error: unknown = await newStore(client, '')
      .read('fraud', null, soon())
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toContain('AWS_REGION');
  });

  test('asks again for what the engine left unprocessed, after a pause', async () => {
    const kept = new Map<string, object>();
    const placeOf = (item?: KeyedItem): string => `${item?.pk.S} / ${item?.sk.S}`;
    const asked: number[] = [];
    const { client } = stubClient(async (command, input) => {
      if (command === 'TransactWriteItemsCommand') {
        const { TransactItems } = input as { TransactItems: { Put: { Item: KeyedItem } }[] };
        for (const { Put } of TransactItems) kept.set(placeOf(Put.Item), Put.Item);
        return {};
      }
      const { RequestItems } = input as {
        RequestItems: Record<string, { Keys: KeyedItem[]; ConsistentRead: boolean }>;
      };
      const wanted = RequestItems[tableName];
      const [first, ...rest] = wanted?.Keys ?? [];
      expect(wanted?.ConsistentRead).toBe(true);
      asked.push(rest.length + 1);
      return {
        Responses: { [tableName]: [kept.get(placeOf(first))].filter((item) => item) },
        UnprocessedKeys: rest.length === 0 ? {} : { [tableName]: { ...wanted, Keys: rest } },
      };
    });
    const { clock, pausesMs } = pausingClock();
    const store = newStore(client, '', tableName, clock);
    const three = alarmClaim('fraud', '1');
    await store.write(three, soon());
    expect(pausesMs).toEqual([]);
    expect(await readItems(store, 'fraud', three.record.id)).toEqual(itemsOf(three));
    // Without a notice: it is asked for like the others, and the layout of the indexes comes last.
    expect(asked).toEqual([5, 4, 3, 2]);
    expectBackoff(pausesMs, 4);
  });

  test('asks no other key again, and none twice', async () => {
    const asked: string[][] = [];
    const { client } = stubClient(async (_, input) => {
      const { RequestItems } = input as { RequestItems: Record<string, { Keys: KeyedItem[] }> };
      const wanted = RequestItems[tableName];
      const keys = wanted?.Keys ?? [];
      asked.push(keys.map(({ sk }) => sk.S));
      const left = asked.length === 1 ? keys.slice(2) : [];
      return left.length === 0
        ? { Responses: {} }
        : { Responses: {}, UnprocessedKeys: { [tableName]: { ...wanted, Keys: left } } };
    });
    await newStore(client, '', tableName, pausingClock().clock).read('fraud', 'fraud/1', soon());
    expect(asked[0]).toHaveLength(5);
    expect(asked.slice(1)).toEqual([asked[0]?.slice(2)]);
  });

  const throttled = (): ReturnType<typeof stubClient> =>
    stubClient(async (_, input) => {
      const { RequestItems } = input as { RequestItems: object };
      return { Responses: {}, UnprocessedKeys: RequestItems };
    });

  test('calls keys that stay unprocessed unavailable, after a bounded number of reads', async () => {
    const { client, calls } = throttled();
    const { clock, pausesMs } = pausingClock();
    const error: unknown = await newStore(client, '', tableName, clock)
      .read('fraud', null, soon())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StateStoreUnavailableError);
    expect(String(error)).toContain(`"${tableName}" is throttled`);
    expect(calls()).toBe(limits.unprocessedAttemptsMax);
    expectBackoff(pausesMs, limits.unprocessedAttemptsMax - 1);
  });

  test('asks a throttled table no more once the deadline has passed', async () => {
    const { client, calls } = throttled();
    const { clock } = pausingClock();
    const deadline = deadlineAfter(clock, limits.unprocessedBackoffMs * 2);
    const read = newStore(client, '', tableName, clock).read('fraud', null, deadline);
    await expect(read).rejects.toBeInstanceOf(StateStoreUnavailableError);
    expect(calls()).toBeGreaterThan(1);
    expect(calls()).toBeLessThan(limits.unprocessedAttemptsMax);
  });

  test('sends nothing when no time is left', async () => {
    const { client, calls } = stubClient(async () => ({}));
    const over = { leftMs: () => 0 };
    const write = newStore(client, '').write(fail(claimed, timeAt(NOON_MS), 'no'), over);
    await expect(write).rejects.toBeInstanceOf(StateStoreUnavailableError);
    expect(calls()).toBe(0);
  });
}

// ---------------------------------------------------------------------------------------------------

interface Tokened {
  readonly write_token: { readonly S: string };
}

interface KeyedItem {
  readonly pk: { readonly S: string };
  readonly sk: { readonly S: string };
}

const firstPage = { limit: 10, after: null };

/** Doubling, and by chance between half and all of it. */
function expectBackoff(pausesMs: readonly number[], count: number): void {
  expect(pausesMs).toHaveLength(count);
  for (const [index, pauseMs] of pausesMs.entries()) {
    const mostMs = limits.unprocessedBackoffMs * 2 ** index;
    expect(pauseMs).toBeGreaterThanOrEqual(mostMs / 2);
    expect(pauseMs).toBeLessThanOrEqual(mostMs);
  }
}

const openProxies: HttpProxy[] = [];

afterEach(async () => {
  await Promise.all(openProxies.splice(0).map((proxy) => proxy.close()));
});

async function openData(): Promise<StoreData> {
  const place = uniqueName('place');
  const workspaceOf = (workspace = 'main'): string => `${place}-${workspace}`;
  return {
    open: async (workspace) =>
      // As when composed: each client has its own connections.
      newStore(new DynamoDBClient(localClientConfig(dynamodb.url)), workspaceOf(workspace)),
    close: async () => undefined,
    backDoor: backDoorOf(workspaceOf()),
  };
}

function backDoorOf(workspace: string): BackDoor {
  return {
    edit: async (item, { doc, revision, token }) => {
      const sets = [
        ...(doc === undefined ? [] : [{ name: 'doc', value: { S: doc } }]),
        ...(revision === undefined ? [] : [{ name: 'revision', value: { N: String(revision) } }]),
        ...(token === undefined ? [] : [{ name: 'write_token', value: { S: token } }]),
      ];
      for (const { name, value } of sets) {
        await admin.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: keyOf(workspace, item),
            UpdateExpression: 'SET #name = :value',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeNames: { '#name': name },
            ExpressionAttributeValues: { ':value': value },
          }),
        );
      }
    },
    text: async (item) => {
      const Key = keyOf(workspace, item);
      const { Item } = await admin.send(new GetItemCommand({ TableName: tableName, Key }));
      return Item?.['doc']?.S ?? '';
    },
  };
}

function keyOf(workspace: string, item: StoredItem): Record<string, AttributeValue> {
  const of = (modelName: string): AttributeValue => ({ S: `MODEL#${workspace}/${modelName}` });
  switch (item.kind) {
    case 'fleet':
      return { pk: { S: `FLEET#${workspace}` }, sk: { S: 'STATE' } };
    case 'live':
      return { pk: of(item.modelName), sk: { S: `LIVE#${item.name}` } };
    case 'state':
      return { pk: of(item.modelName), sk: { S: 'STATE' } };
    case 'record':
      return { pk: of(item.modelName), sk: { S: `ROLLBACK#${item.rollbackId}` } };
    case 'notice': {
      const modelName = modelNameOf(item.rollbackId);
      const suffix = item.rollbackId.slice(modelName.length + 1);
      return { pk: of(modelName), sk: { S: `NOTICE#${suffix}#${item.topic}` } };
    }
    default:
      return item satisfies never;
  }
}

function newStore(
  client: DynamoDBClient,
  workspace: string,
  table: string = tableName,
  clock: Clock = systemClock,
): DynamoDBRollbackStore {
  const parts = { clock, identity: systemIdentity };
  return new DynamoDBRollbackStore(client, parts, { tableName: table, workspace });
}

async function throughProxy(
  act: (request: ProxiedRequest) => ProxyAct,
  workspace: string = uniqueName('proxied'),
  config: { readonly maxAttempts?: number } = {},
): Promise<{ store: DynamoDBRollbackStore; proxy: HttpProxy }> {
  // Else the first write would decide the layout of the indexes too.
  await setLayout(workspace, 'sharded');
  const proxy = await startHttpProxy(dynamodb.url, act);
  openProxies.push(proxy);
  const store = newStore(
    new DynamoDBClient({ ...localClientConfig(proxy.url), ...config }),
    workspace,
  );
  return { store, proxy };
}

async function setLayout(workspace: string, layout: 'single' | 'sharded'): Promise<void> {
  const Item = { pk: { S: `INDEX#${workspace}` }, sk: { S: 'STATE' }, layout: { S: layout } };
  await admin.send(new PutItemCommand({ TableName: tableName, Item }));
}

function isCall({ headers }: ProxiedRequest, operation: string): boolean {
  return String(headers['x-amz-target']).endsWith(`.${operation}`);
}

async function makeTable(name: string, keys: readonly string[]): Promise<void> {
  await admin.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: 'S' })),
      KeySchema: keys.map((key, index) => ({
        AttributeName: key,
        KeyType: index === 0 ? 'HASH' : 'RANGE',
      })),
    }),
  );
  await admin.send(new ScanCommand({ TableName: name }));
}

/** To a read of the layout of the indexes alone, which a write makes that no read came before. */
function layoutAnswer(input: object): object | null {
  const { RequestItems: of = {} } = input as {
    RequestItems?: Record<string, { Keys: KeyedItem[] }>;
  };
  const [[table = '', { Keys: keys }] = ['', { Keys: [] }]] = Object.entries(of);
  const [key, ...others] = keys;
  if (!key?.pk.S.startsWith('INDEX#') || others.length > 0) return null;
  return { Responses: { [table]: [{ ...key, layout: { S: 'sharded' } }] } };
}

/** A client that answers by the name of the command. */
function stubClient(answer: (command: string, input: object) => Promise<unknown>): {
  client: DynamoDBClient;
  calls: () => number;
} {
  let calls = 0;
  const stub = {
    send: async (command: { input: object }) => {
      const layout = layoutAnswer(command.input);
      if (layout !== null) return layout;
      calls += 1;
      return await answer(command.constructor.name, command.input);
    },
    destroy: () => undefined,
  };
  return { client: stub as unknown as DynamoDBClient, calls: () => calls };
}

/** Time passes only by sleeping, and at once. */
function skippingClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}

/** The same, and what the pauses were. */
function pausingClock(): { readonly clock: Clock; readonly pausesMs: readonly number[] } {
  const pausesMs: number[] = [];
  const clock = skippingClock();
  const sleep = async (ms: number): Promise<void> => {
    pausesMs.push(ms);
    await clock.sleep(ms);
  };
  return { clock: { ...clock, sleep }, pausesMs };
}
