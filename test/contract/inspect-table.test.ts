import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  PutItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import { inspectTable } from '../../src/adapters/dynamodb/inspect-table.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Check } from '../../src/domain/answer/check.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const dynamodb = engine('dynamodb');
const ministack = engine('ministack');

const named = (tableName: string): { tableName: string; workspace: string } => ({
  tableName,
  workspace: '',
});

/** What release 0.1.0 made. */
const sound = {
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
    { AttributeName: 'by_time_pk', AttributeType: 'S' },
    { AttributeName: 'by_time_sk', AttributeType: 'S' },
    { AttributeName: 'due_pk', AttributeType: 'S' },
    { AttributeName: 'due_at_ms', AttributeType: 'N' },
  ],
  KeySchema: keys('pk', 'sk'),
} satisfies Partial<CreateTableCommandInput>;
const byTime = index('by-time', keys('by_time_pk', 'by_time_sk'), 'ALL');
const due = index('due', keys('due_pk', 'due_at_ms'), 'KEYS_ONLY');

describe.skipIf(dynamodb.isMissing)(dynamodb.title('inspectTable on DynamoDB Local'), () => {
  const client = new DynamoDBClient(localClientConfig(dynamodb.url));
  const inspected = async (
    input: Partial<CreateTableCommandInput>,
  ): Promise<Readonly<Record<string, Check>>> => {
    const TableName = uniqueName('table');
    await client.send(new CreateTableCommand({ ...sound, TableName, ...input }));
    return byName(await inspectTable(client, named(TableName), soon()));
  };

  test('finds what create-table made in order; this engine knows no backups', async () => {
    const tableName = uniqueName('table');
    await createTable(client, tableName, systemClock);
    expect(byName(await inspectTable(client, named(tableName), soon()))).toMatchObject({
      table: { verdict: 'ok', message: `The table ${tableName} has its keys and indexes.` },
      expiry: { verdict: 'ok' },
      backup: { verdict: 'warning', message: expect.stringContaining('UnknownOperation') },
    });
  });

  test('names the index that a table of release 0.1.0 lacks, and the commands that make it', async () => {
    const found = await inspected({ GlobalSecondaryIndexes: [byTime, due] });
    expect(found).toMatchObject({ table: { verdict: 'ok' }, index: { verdict: 'warning' } });
    expect(found['index']?.message).toContain('has no index by-time-sharded');
    expect(found['index']?.fix).toMatch(/`model-rollback create-table`.*`model-rollback reindex`/);
  });

  test.each([
    { by_time_pk: { S: 'ROLLBACKS#' }, by_time_sk: { S: '2026' } },
    { due_pk: { S: 'DUE#' }, due_at_ms: { N: '1' } },
    { due_pk: { S: 'DUE-NOTICE#' }, due_at_ms: { N: '1' } },
  ])('reports an entry that is where 0.1.0 puts it: %o', async (entry) => {
    const tableName = uniqueName('table');
    await createTable(client, tableName, systemClock);
    const spread = byName(await inspectTable(client, named(tableName), soon()));
    expect(spread['index']).toMatchObject({ verdict: 'ok' });
    const Item = { pk: { S: 'MODEL#/m' }, sk: { S: 'ROLLBACK#m/1' }, ...entry };
    await client.send(new PutItemCommand({ TableName: tableName, Item }));
    const found = byName(await inspectTable(client, named(tableName), soon()));
    expect(found['index']).toMatchObject({
      verdict: 'warning',
      fix: expect.stringContaining('`model-rollback reindex`'),
    });
  });

  test('leaves a table that is missing to who reads it', async () => {
    expect(await inspectTable(client, named(uniqueName('missing')), soon())).toEqual([]);
  });

  test('warns when nothing expires, or by another attribute', async () => {
    const tableName = uniqueName('table');
    const input = { ...sound, GlobalSecondaryIndexes: [byTime, due], TableName: tableName };
    await client.send(new CreateTableCommand(input));
    expect(byName(await inspectTable(client, named(tableName), soon()))).toMatchObject({
      table: { verdict: 'ok' },
      expiry: { verdict: 'warning', fix: expect.stringContaining('create-table') },
    });
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: tableName,
        TimeToLiveSpecification: { AttributeName: 'other', Enabled: true },
      }),
    );
    expect(byName(await inspectTable(client, named(tableName), soon()))['expiry']?.verdict).toBe(
      'warning',
    );
  });

  const without = (...names: readonly string[]): typeof sound.AttributeDefinitions =>
    sound.AttributeDefinitions.filter(({ AttributeName }) => !names.includes(AttributeName));
  const wrong: readonly [string, Partial<CreateTableCommandInput>, string][] = [
    [
      'no index',
      { AttributeDefinitions: without('by_time_pk', 'by_time_sk', 'due_pk', 'due_at_ms') },
      'index by-time: missing, not by_time_pk S, by_time_sk S; index due: missing',
    ],
    [
      'an index of other keys',
      {
        GlobalSecondaryIndexes: [byTime, index('due', keys('due_pk', 'sk'), 'KEYS_ONLY')],
        AttributeDefinitions: without('due_at_ms'),
      },
      'index due: due_pk S, sk S, not due_pk S, due_at_ms N',
    ],
    [
      'an index of another type',
      {
        GlobalSecondaryIndexes: [byTime, due],
        AttributeDefinitions: [
          ...without('due_at_ms'),
          { AttributeName: 'due_at_ms', AttributeType: 'S' },
        ],
      },
      'index due: due_pk S, due_at_ms S, not due_pk S, due_at_ms N',
    ],
    [
      'an index that holds keys only',
      {
        GlobalSecondaryIndexes: [
          index('by-time', keys('by_time_pk', 'by_time_sk'), 'KEYS_ONLY'),
          due,
        ],
      },
      'index by-time: projects KEYS_ONLY, not ALL',
    ],
    [
      'other keys',
      {
        KeySchema: keys('sk', 'pk'),
        GlobalSecondaryIndexes: [byTime, due],
      },
      'keys: sk S, pk S, not pk S, sk S',
    ],
  ];
  test.each(wrong)('tells a table with %s', async (_, input, message) => {
    const { table } = await inspected(input);
    expect(table).toMatchObject({ verdict: 'problem', message: expect.stringContaining(message) });
    expect(table?.fix).toContain('ROLLBACK_STATE_TABLE');
  });
});

describe.skipIf(ministack.isMissing)(ministack.title('inspectTable on MiniStack'), () => {
  const client = new DynamoDBClient(localClientConfig(ministack.url));

  test('sees whether backups are on', async () => {
    const tableName = uniqueName('table');
    const input = { ...sound, GlobalSecondaryIndexes: [byTime, due], TableName: tableName };
    await client.send(new CreateTableCommand(input));
    const before = byName(await inspectTable(client, named(tableName), soon()));
    expect(before['backup']).toMatchObject({
      verdict: 'warning',
      message: 'Point-in-time recovery is off.',
    });
    await createTable(client, tableName, systemClock);
    const after = byName(await inspectTable(client, named(tableName), soon()));
    expect(Object.values(after).map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });
});

describe('inspectTable', () => {
  test.each([
    ['a role without the rights', 400, 'AccessDeniedException', 'AccessDeniedException: no'],
    ['an outage', 500, 'InternalServerError', 'InternalServerError: no'],
  ])('warns of %s, with the permission', async (_, status, __type, message) => {
    const body = JSON.stringify({ __type, message: 'no' });
    const proxy = await startHttpProxy(null, () => ({ kind: 'answer', status, body }));
    const client = new DynamoDBClient(localClientConfig(proxy.url));
    const checks = await inspectTable(client, named('table'), soon());
    expect(checks.map(({ verdict }) => verdict)).toEqual(Array(4).fill('warning'));
    for (const check of checks) {
      expect(check.message).toContain(message);
      expect(check.fix).toMatch(/dynamodb:(Describe|Query)/);
    }
    await proxy.close();
  });

  test('ends within its deadline', async () => {
    const proxy = await startHttpProxy(null, () => ({ kind: 'hang' }));
    const client = new DynamoDBClient(localClientConfig(proxy.url));
    const startMs = performance.now();
    const checks = await inspectTable(client, named('table'), deadlineAfter(systemClock, 300));
    expect(checks).toHaveLength(4);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await proxy.close();
  });
});

// ---------------------------------------------------------------------------------------------------

function byName(checks: readonly Check[]): Readonly<Record<string, Check>> {
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

function keys(hash: string, range: string): { AttributeName: string; KeyType: 'HASH' | 'RANGE' }[] {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
}

function index(
  IndexName: string,
  KeySchema: ReturnType<typeof keys>,
  ProjectionType: 'ALL' | 'KEYS_ONLY',
): NonNullable<CreateTableCommandInput['GlobalSecondaryIndexes']>[number] {
  return { IndexName, KeySchema, Projection: { ProjectionType } };
}
