import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { commandText } from '../../domain/command-line.ts';
import { ConfigurationError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineAfter } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import { storeError } from './dynamodb-error.ts';
import {
  duePartition,
  duePartitions,
  type IndexLayout,
  type IndexPartition,
  queryOf,
  timePartition,
  timePartitions,
} from './index-entries.ts';
import { type Item, readDueItem, recordPrefix } from './rollback-item.ts';
import { type QueryPage, TableCalls } from './table-calls.ts';
import { TableLayout } from './table-layout.ts';

export interface ReindexReport {
  readonly layout: IndexLayout;
  /** Entries that this run moved. */
  readonly moved: number;
  /** False: an older function writes entries where they came from, so that there are always more. */
  readonly isComplete: boolean;
}

export interface ReindexOptions {
  readonly tableName: string;
  readonly workspace: string;
  readonly layout: IndexLayout;
  /** Called now and then. @param moved so far */
  readonly onProgress: (moved: number) => void;
}

/**
 * Moves the entries of the indexes into another layout, and lets everybody write them there from now on. One
 * entry is one write that exchanges attributes of an item and touches nothing else of it, so it can be stopped
 * and begun again at any time, beside functions at work: whoever reads finds an entry in either place.
 * @throws ConfigurationError when the table lacks the index, StateStoreUnavailableError
 */
export async function reindex(
  client: DynamoDBClient,
  { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
  { tableName, workspace, layout, onProgress }: ReindexOptions,
): Promise<ReindexReport> {
  const calls = new TableCalls(client, tableName, clock, identity);
  const table = new TableLayout(calls, workspace);
  const soon = (): Deadline => deadlineAfter(clock, limits.storeTimeoutMs);
  const hasShards = await table.hasShards(soon());
  if (layout === 'sharded' && !hasShards) {
    throw new ConfigurationError(
      `The table ${tableName} has no index by-time-sharded, or it is still being made. To make it, ` +
        `or to see how far it is, run ${commandText('create-table')}; then run ${commandText('reindex')} again.`,
    );
  }
  await table.set(layout, soon());
  const mover = new Mover(client, calls, clock, tableName);
  const moves = movesTo(layout, workspace).filter(({ from }) => hasShards || isOfOld(from));
  let isComplete = false;
  for (let pass = 1; pass <= limits.reindexPassesMax && !isComplete; pass += 1) {
    const before = mover.found;
    for (const move of moves) await mover.moveAll(move, () => onProgress(mover.moved));
    // Runs that began before write where they began, so the last pass is one that finds nothing.
    isComplete = mover.found === before;
  }
  return { layout, moved: mover.moved, isComplete };
}

// ---------------------------------------------------------------------------------------------------

/** The entries of one partition, and where each belongs. */
interface Move {
  readonly from: IndexPartition;
  readonly to: (item: Item) => IndexPartition | undefined;
}

/** What is due first: 0.1.0 and this release must not leave it waiting. */
function movesTo(layout: IndexLayout, workspace: string): readonly Move[] {
  const other = layout === 'sharded' ? 'single' : 'sharded';
  const kinds = ['record', 'notice'] as const;
  const due = kinds.flatMap((kind) =>
    duePartitions(other, kind, workspace).map((from): Move => {
      const to = (item: Item): IndexPartition | undefined => {
        const id = readDueItem(item, workspace)?.id;
        return id === undefined ? undefined : duePartition(layout, kind, workspace, id);
      };
      return { from, to };
    }),
  );
  const time = timePartitions(other, workspace).map((from): Move => {
    const to = (item: Item): IndexPartition =>
      timePartition(layout, workspace, (item['sk']?.S ?? '').slice(recordPrefix.length));
    return { from, to };
  });
  return [...due, ...time];
}

/** In an index that every table has. */
function isOfOld({ indexName }: IndexPartition): boolean {
  return indexName !== tableShape.byTimeSharded.name;
}

class Mover {
  moved = 0;
  /** Those that were in the wrong place: moved, or in a transaction of somebody else. */
  found = 0;
  readonly #client: DynamoDBClient;
  readonly #calls: TableCalls;
  readonly #clock: Clock;
  readonly #tableName: string;

  constructor(client: DynamoDBClient, calls: TableCalls, clock: Clock, tableName: string) {
    this.#client = client;
    this.#calls = calls;
    this.#clock = clock;
    this.#tableName = tableName;
  }

  async moveAll({ from, to }: Move, onPage: () => void): Promise<void> {
    let page: QueryPage = { items: [], next: undefined };
    do {
      const input = { ...queryOf(from), ExclusiveStartKey: page.next };
      const deadline = deadlineAfter(this.#clock, limits.storeTimeoutMs);
      page = await this.#calls.queryPage(input, limits.reindexRows, deadline);
      const startedMs = this.#clock.monotonicMs();
      await Promise.all(page.items.map((item) => this.#move(item, from, to(item))));
      if (page.items.length > 0) onPage();
      // The partition that they leave takes 1,000 units a second, and functions at work need some of them.
      const spentMs = this.#clock.monotonicMs() - startedMs;
      if (page.next !== undefined) {
        await this.#clock.sleep(Math.max(0, limits.reindexPageMs - spentMs));
      }
    } while (page.next !== undefined);
  }

  /** Nothing when the item was written over since: then its entry is where its writer put it. */
  async #move(item: Item, from: IndexPartition, to: IndexPartition | undefined): Promise<void> {
    const { pk, sk } = item;
    if (to === undefined || pk === undefined || sk === undefined) return;
    const isSame = from.attribute === to.attribute;
    const update = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: { pk, sk },
      UpdateExpression: isSame ? 'SET #to = :to' : 'SET #to = :to REMOVE #from',
      ConditionExpression: '#from = :from',
      ExpressionAttributeNames: { '#to': to.attribute, '#from': from.attribute },
      ExpressionAttributeValues: { ':to': { S: to.value }, ':from': { S: from.value } },
    });
    try {
      await this.#client.send(update);
      this.found += 1;
      this.moved += 1;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return;
      const isBusy = error instanceof Error && error.name === 'TransactionConflictException';
      if (!isBusy) throw storeError(error, this.#tableName);
      this.found += 1;
    }
  }
}
