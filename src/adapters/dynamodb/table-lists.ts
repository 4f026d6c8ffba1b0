import { limits } from '../../domain/limits.ts';
import { compareDue } from '../../domain/record/due.ts';
import {
  comparePositions,
  type ListPosition,
  positionText,
} from '../../domain/record/list-position.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import { together } from '../../domain/together.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { DueItem, DueKind, ListPage } from '../../ports/rollback-store.ts';
import { isIndexMissing } from './dynamodb-error.ts';
import {
  duePartitions,
  type IndexPartition,
  queryOf,
  rangeOf,
  timePartitions,
} from './index-entries.ts';
import { type Item, partition, readDueItem, recordPrefix } from './rollback-item.ts';
import type { QueryPage, TableCalls } from './table-calls.ts';

/** A record as an index knows it. */
interface Entry extends ListPosition {
  /** Of the record. */
  readonly key: Item;
}

export interface PageOfEntries {
  readonly entries: readonly Entry[];
  readonly next: ListPosition | undefined;
}

/**
 * The lists of a table: the shards of its indexes, and the one partition of release 0.1.0, merged into one
 * order. A page costs as much with a hundred thousand records as with a thousand.
 */
export class TableLists {
  readonly #calls: TableCalls;
  readonly #workspace: string;

  constructor(calls: TableCalls, workspace: string) {
    this.#calls = calls;
    this.#workspace = workspace;
  }

  /** The records of a page, of one model or of all. */
  async page(
    modelName: string | null,
    { limit = limits.historyRowsMax, before, isLatestOnly = false }: ListPage,
    deadline: Deadline,
  ): Promise<PageOfEntries> {
    // What is the latest of a model shows only from the top.
    const from = isLatestOnly ? undefined : before;
    const all =
      modelName === null
        ? this.#merged(limit, from, deadline)
        : this.#ofModel(modelName, { limit, before: from }, deadline);
    const seen = new Set<string>();
    const entries: Entry[] = [];
    for await (const entry of all) {
      // An entry that is being moved may be in both places.
      const name = (isLatestOnly ? entry.key['pk']?.S : undefined) ?? entry.id;
      if (seen.has(name)) continue;
      seen.add(name);
      if (before === undefined || comparePositions(before, entry) < 0) entries.push(entry);
      if (entries.length > limit) break;
    }
    const last = entries.length > limit ? entries[limit - 1] : undefined;
    return {
      entries: entries.slice(0, limit),
      next: last && { atMs: last.atMs, id: last.id },
    };
  }

  /** What is due of a kind, the longest due first. */
  async due(
    kind: DueKind,
    nowMs: number,
    { limit, after }: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    const of = [
      ...duePartitions('single', kind, this.#workspace),
      ...duePartitions('sharded', kind, this.#workspace),
    ];
    const found: DueItem[] = [];
    await fewAtATime(of, async (one) => {
      const values = {
        ':from': number(Math.min(after?.dueAtMs ?? 0, nowMs)),
        ':now': number(nowMs),
      };
      const query = rangeOf(one, '#at BETWEEN :from AND :now', values);
      found.push(...(await this.#dueOf(query, { limit, after }, deadline)));
    });
    const inOrder = found.toSorted(compareDue);
    const isSame = (a: DueItem, b: DueItem | undefined): boolean =>
      b !== undefined && a.id === b.id && a.topic === b.topic;
    return inOrder.filter((item, index) => !isSame(item, inOrder[index - 1])).slice(0, limit);
  }

  /**
   * Of one partition: at least the first `limit` behind `after`. The index has no order among entries of one
   * time, so all of that time are read.
   */
  async #dueOf(
    query: ReturnType<typeof rangeOf>,
    { limit, after }: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    const found: DueItem[] = [];
    let page: QueryPage = { items: [], next: undefined };
    do {
      const input = { ...query, ExclusiveStartKey: page.next };
      page = await this.#calls.queryPage(input, limit + 1, deadline);
      const items = page.items.flatMap((item) => readDueItem(item, this.#workspace) ?? []);
      found.push(...items.filter((item) => after === null || compareDue(after, item) < 0));
      const [last, full] = [found.at(-1), found[limit - 1]];
      if (last && full && last.dueAtMs > full.dueAtMs) break;
    } while (page.next !== undefined);
    return found;
  }

  /** Of all models, newest first. */
  async *#merged(
    limit: number,
    before: ListPosition | undefined,
    deadline: Deadline,
  ): AsyncGenerator<Entry> {
    const perShard = Math.ceil((1.5 * limit) / limits.indexShards) + 4;
    const sources = [
      ...timePartitions('single', this.#workspace).map((one) => ({ one, rows: limit + 1 })),
      ...timePartitions('sharded', this.#workspace).map((one) => ({ one, rows: perShard })),
    ].map(({ one, rows }) => this.#entriesOf(one, { rows, before }, deadline));
    const heads = new Map<AsyncGenerator<Entry>, Entry>();
    const advance = async (source: AsyncGenerator<Entry>): Promise<void> => {
      const { done, value } = await source.next();
      if (done) heads.delete(source);
      else heads.set(source, value);
    };
    await fewAtATime(sources, advance);
    while (heads.size > 0) {
      const [source, entry] = [...heads].reduce((first, other) =>
        comparePositions(first[1], other[1]) <= 0 ? first : other,
      );
      yield entry;
      await advance(source);
    }
  }

  /** Of one partition, newest first, in pages that grow; none where the index is missing. */
  async *#entriesOf(
    one: IndexPartition,
    { rows, before }: { readonly rows: number; readonly before: ListPosition | undefined },
    deadline: Deadline,
  ): AsyncGenerator<Entry> {
    const query =
      before === undefined
        ? queryOf(one)
        : rangeOf(one, '#at < :before', { ':before': { S: positionText(before) } });
    let size = Math.min(rows, limits.shardPageRows);
    let page: QueryPage = { items: [], next: undefined };
    do {
      const input = { ...query, ScanIndexForward: false, ExclusiveStartKey: page.next };
      page = await this.#calls
        .queryPage(keysOf(input), size, deadline)
        .catch((error: unknown) => nothingWhenMissing(error, one));
      size = Math.min(2 * size, limits.shardPageRows);
      yield* page.items.map(entryOf);
    } while (page.next !== undefined);
  }

  /** Of one model: its keys are not in the order of time, so all are read, and the newest kept. */
  async *#ofModel(
    modelName: string,
    { limit, before }: { readonly limit: number; readonly before: ListPosition | undefined },
    deadline: Deadline,
  ): AsyncGenerator<Entry> {
    const query = {
      ConsistentRead: true,
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: {
        ':pk': { S: partition(this.#workspace, modelName) },
        ':prefix': { S: recordPrefix },
      },
    };
    let newest: Entry[] = [];
    let page: QueryPage = { items: [], next: undefined };
    do {
      const input = { ...query, ExclusiveStartKey: page.next };
      page = await this.#calls.queryPage(keysOf(input), undefined, deadline);
      newest = [...newest, ...page.items.map(entryOf)]
        .filter((entry) => before === undefined || comparePositions(before, entry) < 0)
        .toSorted(comparePositions)
        .slice(0, limit + 1);
    } while (page.next !== undefined);
    yield* newest;
  }
}

// ---------------------------------------------------------------------------------------------------

/** Not all at once: a function would open a connection for each. */
async function fewAtATime<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await together(Array.from({ length: limits.shardsAtOnce }, worker));
}

/** Of an index that holds whole records, only what says which they are. */
function keysOf<T extends object>(
  query: T & { ExpressionAttributeNames?: Record<string, string> },
) {
  return {
    ...query,
    ProjectionExpression: 'pk, sk, #time',
    ExpressionAttributeNames: {
      ...query.ExpressionAttributeNames,
      '#time': tableShape.byTimeSharded.sortKey,
    },
  };
}

/** A table of release 0.1.0 lacks the sharded index, or makes it at this moment. */
function nothingWhenMissing(error: unknown, { indexName }: IndexPartition): QueryPage {
  const isAllowed = indexName === tableShape.byTimeSharded.name && isIndexMissing(error);
  if (isAllowed) return { items: [], next: undefined };
  throw error;
}

function entryOf(item: Item): Entry {
  const { pk, sk } = item;
  const at = item[tableShape.byTimeSharded.sortKey]?.S ?? '';
  const atMs = Date.parse(at.slice(0, at.indexOf('#')));
  return {
    // What was edited by hand stands at the end.
    atMs: Number.isNaN(atMs) ? 0 : atMs,
    id: (sk?.S ?? '').slice(recordPrefix.length),
    key: { ...(pk && { pk }), ...(sk && { sk }) },
  };
}

function number(value: number): { readonly N: string } {
  return { N: String(value) };
}
