import {
  type AttributeValue,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ScanCommand,
  TransactionCanceledException,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DynamoDBRollbackStore } from '../../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { ConfigurationError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import { afterPointerCheck, withNotice } from '../../src/domain/follow-up.ts';
import { limits } from '../../src/domain/limits.ts';
import type { StoreChange } from '../../src/domain/rollback.ts';
import { fail } from '../../src/domain/transition.ts';
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
  alarmClaim,
  attemptAt,
  committed,
  firstClaim,
  NOON_MS,
  unclaimed,
} from './rollback-samples.ts';
import {
  describeRollbackStore,
  type ItemEdit,
  look,
  type StoreData,
  type StoredItem,
  soon,
} from './rollback-store.contract.ts';

const dynamodb = engine('dynamodb');
const tableName = uniqueName('state');
const admin = new DynamoDBClient(localClientConfig(dynamodb.url));
const SENT = { kind: 'sent', about: 'end', sentAtMs: NOON_MS, attempts: 1 } as const;

describe.skipIf(dynamodb.isMissing)(dynamodb.title('DynamoDB Local'), () => {
  beforeAll(async () => {
    await createTable(admin, tableName, systemClock);
  });

  describeRollbackStore('DynamoDBRollbackStore', openData, {
    isEditable: true,
    hasWorkspaces: true,
  });

  describe('DynamoDBRollbackStore', () => {
    describe('an ambiguous write', describeAmbiguity);
    describe('an item', describeItems);
    describe('the clock skew', describeClockSkew);
    describe('a trouble of the network', describeNetwork);
    describe('a table that is not ours', describeTables);
  });

  describe('createTable', describeCreateTable);
});

describe('DynamoDBRollbackStore with a client that fails', describeStubs);

// ---------------------------------------------------------------------------------------------------

function describeAmbiguity(): void {
  const claimed = firstClaim('fraud', '1');
  const { record } = unclaimed(attemptAt('fraud', '2', { verdict: 'REFUSED' }), 'REFUSED');

  const loseFirst = (operation: string) => {
    let isLost = false;
    return (request: ProxiedRequest): ProxyAct => {
      if (isLost || !isCall(request, operation)) return { kind: 'pass' };
      isLost = true;
      return { kind: 'lose-answer' };
    };
  };

  test('is written when the answer to a single put was lost and the SDK sent it again', async () => {
    const { store, proxy } = await throughProxy(loseFirst('PutItem'));
    expect(await store.write({ record }, soon())).toBe('written');
    expect(proxy.requests.filter((request) => isCall(request, 'PutItem'))).toHaveLength(2);
    expect(await store.list(null, soon())).toEqual([record]);
  });

  test('is written when it was an overwrite', async () => {
    const act = { current: (_: ProxiedRequest): ProxyAct => ({ kind: 'pass' }) };
    const { store, proxy } = await throughProxy((request) => act.current(request));
    await store.write({ record }, soon());
    act.current = loseFirst('PutItem');
    const sent = withNotice(record, SENT);
    expect(await store.write({ record: sent }, soon())).toBe('written');
    expect(proxy.requests.filter((request) => isCall(request, 'PutItem'))).toHaveLength(3);
    expect(await store.list(null, soon())).toEqual([sent]);
  });

  test('is written when the answer to a transaction was lost', async () => {
    const { store, proxy } = await throughProxy(loseFirst('TransactWriteItems'));
    expect(await store.write(claimed, soon())).toBe('written');
    const sent = proxy.requests.filter((request) => isCall(request, 'TransactWriteItems'));
    expect(sent).toHaveLength(2);
    expect(await look(store, 'fraud', claimed.record.id, soon())).toEqual(claimed);
    expect(await store.list(null, soon())).toEqual([claimed.record]);
  });

  test('is written when the engine has forgotten the request token of the transaction', async () => {
    const lose = loseFirst('TransactWriteItems');
    const { store } = await throughProxy((request) => {
      const act = lose(request);
      if (act.kind !== 'pass' || !isCall(request, 'TransactWriteItems')) return act;
      const body = JSON.parse(request.body) as Record<string, unknown>;
      const forgotten = { ...body, ClientRequestToken: uniqueName('forgotten') };
      return { kind: 'pass', body: JSON.stringify(forgotten) };
    });
    expect(await store.write(claimed, soon())).toBe('written');
    expect(await look(store, 'fraud', claimed.record.id, soon())).toEqual(claimed);
  });

  const three = alarmClaim('fraud', '3');
  const { fleet } = three;
  const changes: readonly { title: string; operation: string; change: StoreChange }[] = [
    { title: 'the fleet alone', operation: 'PutItem', change: { fleet } },
    {
      title: 'a record with the fleet',
      operation: 'TransactWriteItems',
      change: { record, fleet },
    },
    {
      title: 'a claim that takes a slot',
      operation: 'TransactWriteItems',
      change: three,
    },
  ];
  for (const { title, operation, change } of changes) {
    test(`is written when the answer to ${title} was lost, and its request token too`, async () => {
      const lose = loseFirst(operation);
      const { store, proxy } = await throughProxy((request) => {
        const act = lose(request);
        if (act.kind !== 'pass' || !isCall(request, 'TransactWriteItems')) return act;
        const body = JSON.parse(request.body) as Record<string, unknown>;
        const forgotten = { ...body, ClientRequestToken: uniqueName('forgotten') };
        return { kind: 'pass', body: JSON.stringify(forgotten) };
      });
      expect(await store.write(change, soon())).toBe('written');
      expect(proxy.requests.filter((request) => isCall(request, operation))).toHaveLength(2);
      const id = change.record?.id ?? null;
      expect(await look(store, 'fraud', id)).toEqual({
        state: undefined,
        record: undefined,
        ...change,
      });
    });
  }

  test('is a conflict when a rival overwrote the fleet in between', async () => {
    const workspace = uniqueName('rival');
    const rival = newStore(admin, workspace);
    let isLost = false;
    const { store } = await throughProxy((request) => {
      if (isLost || !isCall(request, 'TransactWriteItems')) return { kind: 'pass' };
      isLost = true;
      return { kind: 'reset' };
    }, workspace);
    const theirs = alarmClaim('churn', '1');
    await rival.write(theirs, soon());
    expect(await store.write(three, soon())).toBe('conflict');
    expect(await store.list(null, soon())).toEqual([theirs.record]);
    expect(await look(store, 'fraud', three.record.id)).toEqual({
      state: undefined,
      record: undefined,
      fleet: theirs.fleet,
    });
  });

  test('is a conflict when a rival overwrote one of the items in between', async () => {
    const workspace = uniqueName('rival');
    const rival = newStore(admin, workspace);
    let isLost = false;
    const { store } = await throughProxy((request) => {
      if (isLost || !isCall(request, 'TransactWriteItems')) return { kind: 'pass' };
      isLost = true;
      return { kind: 'reset' };
    }, workspace);
    await rival.write(firstClaim('fraud', 'rival'), soon());
    expect(await store.write(claimed, soon())).toBe('conflict');
    expect(await store.list(null, soon())).toHaveLength(1);
  });
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

  test('expires when it ended without effect and nothing of it is due', async () => {
    const workspace = uniqueName('expiry');
    const store = newStore(admin, workspace);
    const attempt = attemptAt('fraud', '1', { verdict: 'REFUSED', nowMs: NOON_MS + 1 });
    const refused = unclaimed(attempt, 'REFUSED').record;
    await store.write({ record: refused }, soon());
    const pending = await rawItem(workspace, 'ROLLBACK#fraud/1');
    expect(pending).toMatchObject({ due_pk: { S: `DUE#${workspace}` } });
    expect(pending).not.toHaveProperty('expires_at');

    const sent = withNotice(refused, SENT);
    await store.write({ record: sent }, soon());
    const item = await rawItem(workspace, 'ROLLBACK#fraud/1');
    // Whole seconds, never early.
    const expiresAt = (NOON_MS + limits.recordRetentionMs) / 1_000 + 1;
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
    const announced = withNotice(ended.record, SENT);
    await store.write({ record: announced }, soon());
    await store.write({ record: afterPointerCheck(announced, ['2'], null, NOON_MS) }, soon());
    const item = await rawItem(workspace, 'ROLLBACK#fraud/1');
    expect(item).toMatchObject({ revision: { N: '4' } });
    expect(item).not.toHaveProperty('due_pk');
    expect(item).not.toHaveProperty('expires_at');
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
  test('is what the options tell, and null without them', async () => {
    const options = { tableName, workspace: uniqueName('time') };
    const told = new DynamoDBRollbackStore(admin, systemIdentity, {
      ...options,
      clockSkewMs: () => 1_500,
    });
    expect((await told.read('fraud', null, soon())).clockSkewMs).toBe(1_500);
    const untold = new DynamoDBRollbackStore(admin, systemIdentity, options);
    expect((await untold.read('fraud', null, soon())).clockSkewMs).toBeNull();
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
    listDue: (store, ms) => store.listDue(NOON_MS, 10, deadlineAfter(systemClock, ms)),
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
    expect(proxy.requests).toHaveLength(2);
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
    () => store.write(firstClaim('fraud', '1'), soon()),
    () => store.write({ record: firstClaim('fraud', '1').record }, soon()),
    () => store.list('fraud', soon()),
    () => store.list(null, soon()),
    () => store.listDue(NOON_MS, 10, soon()),
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
    for (const call of calls(store).slice(-2)) {
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
      expect(warnings).toEqual([expect.stringMatching(/^No point-in-time recovery: ./)]);
    }
    expect(await newStore(admin, '', name).write(firstClaim('fraud', '1'), soon())).toBe('written');
  });

  test('lets several make it at once', async () => {
    const name = uniqueName('together');
    const made = await Promise.all(
      Array.from({ length: 4 }, () => createTable(admin, name, systemClock)),
    );
    expect(made.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(await newStore(admin, '', name).list(null, soon())).toEqual([]);
  });

  const table = (status: string, index: string): object => ({
    Table: {
      TableStatus: status,
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: ['by-time', 'due'].map((name) => ({
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
      table('ACTIVE', 'ACTIVE'),
    ];
    const { client } = stubClient(async (command) =>
      command === 'DescribeTableCommand' ? answers.shift() : {},
    );
    const clock = skippingClock();
    expect(await createTable(client, 'state', clock)).toEqual({ isNew: false, warnings: [] });
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

  test('reads again what the engine left unprocessed', async () => {
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
        Responses: { [tableName]: [kept.get(placeOf(first))] },
        UnprocessedKeys: rest.length === 0 ? {} : { [tableName]: { ...wanted, Keys: rest } },
      };
    });
    const store = newStore(client, '');
    const three = alarmClaim('fraud', '1');
    await store.write(three, soon());
    expect(await look(store, 'fraud', three.record.id, soon())).toEqual(three);
    expect(asked).toEqual([3, 2, 1]);
  });

  test('calls keys that stay unprocessed unavailable, after a bounded number of reads', async () => {
    const { client, calls } = stubClient(async (_, input) => {
      const { RequestItems } = input as { RequestItems: object };
      return { Responses: {}, UnprocessedKeys: RequestItems };
    });
    await expect(newStore(client, '').read('fraud', null, soon())).rejects.toBeInstanceOf(
      StateStoreUnavailableError,
    );
    expect(calls()).toBe(limits.readAttemptsMax);
  });

  test('sends nothing when no time is left', async () => {
    const { client, calls } = stubClient(async () => ({}));
    const over = { leftMs: () => 0 };
    const write = newStore(client, '').write(fail(claimed, NOON_MS, 'no'), over);
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
    edit: async (item, change) => await editItem(workspaceOf(), item, change),
  };
}

async function editItem(
  workspace: string,
  item: StoredItem,
  { doc, revision }: ItemEdit,
): Promise<void> {
  const sets = [
    ...(doc === undefined ? [] : [{ name: 'doc', value: { S: doc } }]),
    ...(revision === undefined ? [] : [{ name: 'revision', value: { N: String(revision) } }]),
  ];
  for (const { name, value } of sets) {
    await admin.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: {
          pk: {
            S:
              item.kind === 'fleet' ? `FLEET#${workspace}` : `MODEL#${workspace}/${item.modelName}`,
          },
          sk: { S: item.kind === 'record' ? `ROLLBACK#${item.rollbackId}` : 'STATE' },
        },
        UpdateExpression: 'SET #name = :value',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeNames: { '#name': name },
        ExpressionAttributeValues: { ':value': value },
      }),
    );
  }
}

function newStore(
  client: DynamoDBClient,
  workspace: string,
  table: string = tableName,
): DynamoDBRollbackStore {
  return new DynamoDBRollbackStore(client, systemIdentity, { tableName: table, workspace });
}

async function throughProxy(
  act: (request: ProxiedRequest) => ProxyAct,
  workspace: string = uniqueName('proxied'),
  config: { readonly maxAttempts?: number } = {},
): Promise<{ store: DynamoDBRollbackStore; proxy: HttpProxy }> {
  const proxy = await startHttpProxy(dynamodb.url, act);
  openProxies.push(proxy);
  const store = newStore(
    new DynamoDBClient({ ...localClientConfig(proxy.url), ...config }),
    workspace,
  );
  return { store, proxy };
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

/** A client that answers as told, by the name of the command. */
function stubClient(answer: (command: string, input: object) => Promise<unknown>): {
  client: DynamoDBClient;
  calls: () => number;
} {
  let calls = 0;
  const stub = {
    send: async (command: { input: object }) => {
      calls += 1;
      return await answer(command.constructor.name, command.input);
    },
    destroy: () => undefined,
  };
  return { client: stub as unknown as DynamoDBClient, calls: () => calls };
}

/** Time passes only by sleeping, and at once. */
function skippingClock(): typeof systemClock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}
