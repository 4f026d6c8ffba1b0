import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { StateCorruptError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { comparePositions, type ListPosition } from '../../domain/record/list-position.ts';
import type { NoticeTopic } from '../../domain/record/notice-content.ts';
import { isSent, type OutboxNotice } from '../../domain/record/outbox.ts';
import { readEach } from '../../domain/record/read-each.ts';
import {
  modelNameOf,
  type RollbackRecord,
  type StoreChange,
  shownAtMs,
} from '../../domain/record/record.ts';
import type { HeadsItem } from '../../domain/state/live-log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import type {
  DueItem,
  DueKind,
  ListPage,
  LiveLogList,
  RecordList,
  RollbackStore,
  StoreView,
} from '../../ports/rollback-store.ts';
import {
  fleetItem,
  fleetKey,
  headsItem,
  headsKey,
  type Item,
  isSameItem,
  liveItem,
  livePrefix,
  noticeItem,
  noticeKey,
  partition,
  readFleetItem,
  readHeadsItem,
  readLiveItem,
  readNoticeItem,
  readRecordItem,
  readStateItem,
  recordItem,
  recordKey,
  recordPrefix,
  stateItem,
  stateKey,
} from './rollback-item.ts';
import { type ConditionalPut, TableCalls } from './table-calls.ts';
import { TableLayout } from './table-layout.ts';
import { TableLists } from './table-lists.ts';

export interface DynamoDBRollbackStoreOptions {
  readonly tableName: string;
  /** Empty when MLflow has no workspaces. */
  readonly workspace: string;
  /** Our clock less that of the latest answer's `Date` (ms); absent where nobody asks. */
  readonly clockSkewMs?: () => number | null;
}

/**
 * State in one DynamoDB table. A change is one conditional write (or one transaction): each item only
 * over the one that was read.
 *
 *   read at revision 4 ── decide ── write revision 5 if stored is 4 ── lost answer ── SDK sends it again:
 *   stored is 5 by now, so the condition fails; the token on the stored item shows that the 5 is ours.
 */
export class DynamoDBRollbackStore implements RollbackStore {
  readonly #client: DynamoDBClient;
  readonly #calls: TableCalls;
  readonly #layout: TableLayout;
  readonly #lists: TableLists;
  readonly #identity: Identity;
  readonly #workspace: string;
  readonly #clockSkewMs: () => number | null;

  constructor(
    client: DynamoDBClient,
    { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
    options: DynamoDBRollbackStoreOptions,
  ) {
    this.#client = client;
    this.#calls = new TableCalls(client, options.tableName, clock, identity);
    this.#identity = identity;
    this.#workspace = options.workspace;
    this.#layout = new TableLayout(this.#calls, options.workspace);
    this.#lists = new TableLists(this.#calls, options.workspace);
    this.#clockSkewMs = options.clockSkewMs ?? (() => null);
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    const keys = {
      state: stateKey(this.#workspace, modelName),
      fleet: fleetKey(this.#workspace),
      ...(rollbackId === null
        ? {}
        : {
            record: recordKey(this.#workspace, modelNameOf(rollbackId), rollbackId),
            notice: noticeKey(this.#workspace, rollbackId, 'end'),
          }),
    };
    const items = await this.#get(Object.values(keys), deadline);
    const find = (key: Item | undefined): Item | undefined =>
      key && items.find((item) => isSameItem(item, key));
    const [state, fleet] = [find(keys.state), find(keys.fleet)];
    const [record, notice] = [find(keys.record), find(keys.notice)];
    return {
      state: state && readStateItem(state),
      record: record && readRecordItem(record),
      notice: notice && readNoticeItem(notice),
      fleet: fleet && readFleetItem(fleet),
      clockSkewMs: this.#clockSkewMs(),
    };
  }

  async readNotice(
    rollbackId: string,
    topic: NoticeTopic,
    deadline: Deadline,
  ): Promise<OutboxNotice | undefined> {
    const key = noticeKey(this.#workspace, rollbackId, topic);
    const [item] = await this.#get([key], deadline);
    return item && readNoticeItem(item);
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    const { state, record, fleet, notice, live = [], heads } = change;
    const token = notice?.item.token ?? this.#identity.random();
    const workspace = this.#workspace;
    const isIndexed = record !== undefined || notice !== undefined;
    const layout = isIndexed ? await this.#layout.forWriting(deadline) : 'single';
    const puts: ConditionalPut[] = [];
    if (state !== undefined) {
      puts.push({ item: stateItem(state, workspace, token), over: before(state) });
    }
    if (record !== undefined) {
      puts.push({ item: recordItem(record, { workspace, layout }, token), over: before(record) });
    }
    if (fleet !== undefined) {
      puts.push({ item: fleetItem(fleet, workspace, token), over: before(fleet) });
    }
    if (notice !== undefined) {
      const over =
        notice.over === null
          ? null
          : ({ attribute: 'write_token', value: { S: notice.over } } as const);
      puts.push({ item: noticeItem(notice.item, { workspace, layout }), over });
    }
    for (const entry of live) {
      puts.push({ item: liveItem(entry, workspace, token), over: 'anything' });
    }
    if (heads !== undefined) {
      puts.push({ item: headsItem(heads, workspace, token), over: before(heads) });
    }
    return await this.#calls.put(puts, token, deadline);
  }

  async list(
    modelName: string | null,
    deadline: Deadline,
    page: ListPage = {},
  ): Promise<RecordList> {
    const { entries, next } = await this.#lists.page(modelName, page, deadline);
    const keys = entries.map(({ key }) => key);
    const items = await this.#calls.get(keys, deadline);
    const named = items.map((item) => ({
      id: (item['sk']?.S ?? '').slice(recordPrefix.length),
      item,
    }));
    const { read: records, unreadable } = readEach(named, ({ item }) => readRecordItem(item));
    const newest = records.toSorted((a, b) => comparePositions(placeOf(a), placeOf(b)));
    const notified = await this.#notified(newest, deadline);
    const listed = newest.map((record) => ({ record, isNotified: notified.has(record.id) }));
    return { records: listed, unreadable, next };
  }

  async listDue(
    kind: DueKind,
    nowMs: number,
    page: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    return await this.#lists.due(kind, nowMs, page, deadline);
  }

  async readHeads(parts: readonly string[], deadline: Deadline): Promise<readonly HeadsItem[]> {
    const keys = parts.map((part) => headsKey(this.#workspace, part));
    return (await this.#get(keys, deadline)).map(readHeadsItem);
  }

  async listLive(modelName: string, deadline: Deadline): Promise<LiveLogList> {
    const items = await this.#calls.query(
      {
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: {
          ':pk': { S: partition(this.#workspace, modelName) },
          ':prefix': { S: livePrefix },
        },
        ScanIndexForward: false,
      },
      { limit: limits.liveLogRowsMax, read: (item) => item },
      deadline,
    );
    const named = items.map((item) => ({ id: `${modelName}/${item['sk']?.S}`, item }));
    const { read: entries, unreadable } = readEach(named, ({ item }) => readLiveItem(item));
    return { entries, unreadable };
  }

  close(): void {
    this.#client.destroy();
  }

  /** What exists of it; the layout of the indexes comes with it. */
  async #get(keys: readonly Item[], deadline: Deadline): Promise<Item[]> {
    const items = await this.#calls.get([...keys, this.#layout.key], deadline);
    this.#layout.note(items);
    return items.filter((item) => !isSameItem(item, this.#layout.key));
  }

  /** Ids of those whose notice every channel took. */
  async #notified(
    records: readonly RollbackRecord[],
    deadline: Deadline,
  ): Promise<ReadonlySet<string>> {
    const keys = records.map(({ id }) => noticeKey(this.#workspace, id, 'end'));
    const items = await this.#calls.get(keys, deadline);
    const notices = items.flatMap((item) => attempt(() => readNoticeItem(item)) ?? []);
    return new Set([
      ...notices.flatMap((notice) => (isSent(notice) ? [notice.rollbackId] : [])),
      ...records.flatMap(({ id, notice }) => (notice.kind === 'sent' ? [id] : [])),
    ]);
  }
}

// ---------------------------------------------------------------------------------------------------

function placeOf(record: RollbackRecord): ListPosition {
  return { atMs: shownAtMs(record), id: record.id };
}

/** A write is conditional on the revision before; the first one on there being nothing. */
function before({ revision }: { readonly revision: number }): ConditionalPut['over'] {
  if (revision === 1) return null;
  return { attribute: 'revision', value: { N: String(revision - 1) } };
}

/** A list goes on without what cannot be read. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof StateCorruptError) return undefined;
    throw error;
  }
}
