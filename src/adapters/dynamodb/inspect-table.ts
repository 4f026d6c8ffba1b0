import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  QueryCommand,
  ResourceNotFoundException,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { type Check, ok, problem, Verdict, warning } from '../../domain/answer/check.ts';
import { commandText } from '../../domain/command-line.ts';
import { messageOf } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { duePartitions, type IndexPartition, queryOf, timePartitions } from './index-entries.ts';

/**
 * The shape and the settings of the state table, which reading its items does not show; nothing where
 * there is no table, which reading shows. Never throws: a role may lack these rights, and roll back all
 * the same.
 */
export async function inspectTable(
  client: DynamoDBClient,
  { tableName, workspace }: { readonly tableName: string; readonly workspace: string },
  deadline: Deadline,
): Promise<readonly Check[]> {
  const abortSignal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
  const name = { TableName: tableName };
  const to = { abortSignal };
  const checks = await Promise.all([
    checkPart('table', 'the shape of the table', 'dynamodb:DescribeTable', async () => {
      const { Table: table } = await client.send(new DescribeTableCommand(name), to);
      return judgeShape(table ?? {}, tableName);
    }),
    checkPart('index', 'the index of lists and of due work', 'dynamodb:Query', async () => {
      const { Table: table } = await client.send(new DescribeTableCommand(name), to);
      const isLeft = await Promise.all(
        oldPartitions(workspace).map(async (partition) => {
          const query = { ...name, ...queryOf(partition), Limit: 1 };
          return (await client.send(new QueryCommand(query), to)).Items?.length === 1;
        }),
      );
      return judgeIndex(table ?? {}, isLeft.includes(true));
    }),
    checkPart('expiry', 'expiry (TTL)', 'dynamodb:DescribeTimeToLive', async () => {
      const { TimeToLiveDescription: ttl } = await client.send(
        new DescribeTimeToLiveCommand(name),
        to,
      );
      const isOn = ['ENABLED', 'ENABLING'].includes(ttl?.TimeToLiveStatus ?? '');
      return isOn && ttl?.AttributeName === tableShape.ttlAttribute
        ? ok('expiry', `Records without effect expire (TTL on ${tableShape.ttlAttribute}).`)
        : warning('expiry', 'Records without effect are kept for ever (TTL is off).', switchOn);
    }),
    checkPart('backup', 'backups', 'dynamodb:DescribeContinuousBackups', async () => {
      const { ContinuousBackupsDescription: backups } = await client.send(
        new DescribeContinuousBackupsCommand(name),
        to,
      );
      const { PointInTimeRecoveryStatus: status } = backups?.PointInTimeRecoveryDescription ?? {};
      return status === 'ENABLED'
        ? ok('backup', 'Point-in-time recovery is on.')
        : warning('backup', 'Point-in-time recovery is off.', switchOn);
    }),
  ]);
  const [shape] = checks;
  if (shape === null) return [];
  const isOurs = shape.verdict !== Verdict.PROBLEM;
  return checks
    .filter((check) => check !== null)
    .filter(({ name: of }) => isOurs || of !== 'index');
}

// ---------------------------------------------------------------------------------------------------

const switchOn = `To switch it on, run ${commandText('create-table')}; it also works on an existing table.`;

async function checkPart(
  name: string,
  what: string,
  action: string,
  ask: () => Promise<Check>,
): Promise<Check | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return null;
    const [line] = messageOf(error).split('\n', 1);
    const why = `${error instanceof Error ? error.name : 'Error'}: ${line}`;
    return warning(
      name,
      `Could not read ${what} (${why}).`,
      `Check that the table can be reached, and the permission ${action}.`,
    );
  }
}

/** What of the layout of release 0.1.0 is left. */
function oldPartitions(workspace: string): readonly IndexPartition[] {
  return [
    ...timePartitions('single', workspace),
    ...duePartitions('single', 'record', workspace),
    ...duePartitions('single', 'notice', workspace),
  ];
}

/** Whether a thousand models at once would be throttled. */
function judgeIndex(
  { GlobalSecondaryIndexes: indexes = [] }: TableDescription,
  isLeft: boolean,
): Check {
  const { name } = tableShape.byTimeSharded;
  const index = indexes.find(({ IndexName: known }) => known === name);
  const slow = 'Many rollbacks at once may be throttled until then.';
  if (index === undefined) {
    return warning(
      'index',
      `The table has no index ${name}, as one of release 0.1.0: all models share one partition of its indexes. ${slow}`,
      `To add it, run ${commandText('create-table')}; then run ${commandText('reindex')}.`,
    );
  }
  if (index.IndexStatus === 'CREATING') {
    return warning(
      'index',
      `The index ${name} is still being made. ${slow}`,
      `When this check says that it is ready, run ${commandText('reindex')}.`,
    );
  }
  return isLeft
    ? warning(
        'index',
        `Entries are in the one partition that release 0.1.0 keeps for all models. ${slow}`,
        `When no function of 0.1.0 uses the table any more, run ${commandText('reindex')}.`,
      )
    : ok('index', `The entries of the indexes are spread over ${limits.indexShards} partitions.`);
}

function judgeShape(table: TableDescription, tableName: string): Check {
  const { partitionKey, sortKey, byTime, due } = tableShape;
  const types = new Map(
    (table.AttributeDefinitions ?? []).map((one) => [one.AttributeName, one.AttributeType]),
  );
  const keyOf = (keys: readonly KeySchemaElement[] = []): string =>
    keys.map((key) => `${key.AttributeName} ${types.get(key.AttributeName)}`).join(', ');
  const indexes = new Map(
    (table.GlobalSecondaryIndexes ?? []).map((index) => [index.IndexName, index]),
  );
  const wrong: string[] = [];
  const expect = (what: string, found: string | undefined, wanted: string): void => {
    if (found !== wanted) wrong.push(`${what}: ${found || 'missing'}, not ${wanted}`);
  };
  expect('keys', keyOf(table.KeySchema), `${partitionKey} S, ${sortKey} S`);
  for (const [index, keys, projection] of [
    [byTime, `${byTime.partitionKey} S, ${byTime.sortKey} S`, ['ALL']],
    [due, `${due.partitionKey} S, ${due.sortKey} N`, ['KEYS_ONLY', 'ALL']],
  ] as const) {
    const found = indexes.get(index.name);
    expect(`index ${index.name}`, found && keyOf(found.KeySchema), keys);
    const type = found?.Projection?.ProjectionType ?? '';
    const isEnough = found === undefined || projection.some((one) => one === type);
    if (!isEnough) wrong.push(`index ${index.name}: projects ${type}, not ${projection[0]}`);
  }
  if (wrong.length > 0) {
    const message = `The table ${tableName} is not a state table (${wrong.join('; ')}).`;
    const fix = `To create one, set ROLLBACK_STATE_TABLE to another name and run ${commandText('create-table')}.`;
    return problem('table', message, fix);
  }
  // That it is still being made has a check of its own.
  indexes.delete(tableShape.byTimeSharded.name);
  const statuses = [table.TableStatus, ...[...indexes.values()].map((index) => index.IndexStatus)];
  const busy = statuses.find((status) => !['ACTIVE', 'UPDATING'].includes(status ?? ''));
  return busy === undefined
    ? ok('table', `The table ${tableName} has its keys and indexes.`)
    : problem(
        'table',
        `The table ${tableName}, or an index, is ${busy}.`,
        'Wait until it is active.',
      );
}
