import type { CannedAnswer, CannedRequest } from './canned-agent.ts';

/** What a small registry, table, topic and CloudWatch would answer: just enough for a rollback and an alarm. */

/**
 * A registry whose models have two versions; the second one is live until it is moved, by whatever pointer. An alias
 * of the previous version names the first one.
 */
export function cannedRegistry(): (request: CannedRequest) => CannedAnswer {
  const liveOf = new Map<string, string>();
  return ({ method, path, body }) => {
    const url = new URL(path, 'http://canned.invalid');
    const sent = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
    const name = String(sent['name'] ?? nameIn(url.searchParams));
    const call = url.pathname.split('/').at(-1) ?? '';
    if (method === 'POST' && call !== 'set-tag') liveOf.set(name, String(sent['version']));
    return json(registryAnswer(call, { name, live: liveOf.get(name) ?? '2' }, url.searchParams));
  };
}

/** A table that keeps what is put into it. Whether its indexes have shards was decided long ago, as it mostly was. */
export function cannedTable(): (request: CannedRequest) => CannedAnswer {
  const items = new Map<string, Item>();
  const keyOf = ({ pk, sk }: Item): string => JSON.stringify([pk, sk]);
  const layout = { pk: { S: 'INDEX#' }, sk: { S: 'STATE' }, layout: { S: 'sharded' } };
  items.set(keyOf(layout), layout);
  return ({ headers, body }) => {
    const input = JSON.parse(body) as TableInput;
    const operation = headers['x-amz-target']?.split('.').at(-1);
    const puts = [input, ...(input.TransactItems ?? []).map(({ Put }) => Put)];
    for (const { Item: item } of puts) if (item !== undefined) items.set(keyOf(item), item);
    if (operation !== 'BatchGetItem') return json({ Items: [] }, 'application/x-amz-json-1.0');
    const found = Object.entries(input.RequestItems ?? {}).map(([table, { Keys }]) => [
      table,
      Keys.flatMap((key) => items.get(keyOf(key)) ?? []),
    ]);
    const answer = { Responses: Object.fromEntries(found), UnprocessedKeys: {} };
    return json(answer, 'application/x-amz-json-1.0');
  };
}

export function cannedTopic(): CannedAnswer {
  const id = '00000000-0000-0000-0000-000000000000';
  const body =
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>' +
    `<MessageId>${id}</MessageId></PublishResult><ResponseMetadata><RequestId>${id}</RequestId>` +
    '</ResponseMetadata></PublishResponse>';
  return { contentType: 'text/xml', body };
}

/** CloudWatch knows no alarm, and says so. */
export function cannedAlarms(): CannedAnswer {
  const answer = { MetricAlarms: [], CompositeAlarms: [], AlarmHistoryItems: [], Tags: [] };
  return json(answer, 'application/x-amz-json-1.0');
}

// ---------------------------------------------------------------------------------------------------

type Item = Readonly<Record<string, unknown>>;

interface TableInput {
  readonly Item?: Item;
  readonly TransactItems?: readonly { readonly Put: { readonly Item?: Item } }[];
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly Item[] }>>;
}

function json(value: unknown, contentType = 'application/json'): CannedAnswer {
  return { contentType, body: JSON.stringify(value) };
}

function nameIn(query: URLSearchParams): string {
  return query.get('name') ?? /name = '([^']*)'/.exec(query.get('filter') ?? '')?.[1] ?? '';
}

function registryAnswer(
  call: string,
  { name, live }: { readonly name: string; readonly live: string },
  query: URLSearchParams,
): unknown {
  const row = (version: string): object => ({
    name,
    version,
    creation_timestamp: Number(version),
    last_updated_timestamp: 1_000 + Number(live === '1'),
    current_stage: version === live ? 'Production' : 'Archived',
    status: 'READY',
    tags: [],
    aliases: [],
  });
  switch (call) {
    case 'search':
      return { model_versions: [row('2'), row('1')] };
    case 'alias':
      return { model_version: row(/previous/.test(query.get('alias') ?? '') ? '1' : live) };
    case 'get':
      return query.has('version')
        ? { model_version: row(query.get('version') ?? '1') }
        : { registered_model: { name, latest_versions: [row(live)], aliases: [] } };
    default:
      return { model_version: row(live) };
  }
}
