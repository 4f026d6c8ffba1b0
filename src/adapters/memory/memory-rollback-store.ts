import { StateCorruptError, StateStoreUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { compareDue, dueAtMs, noticeDueAtMs } from '../../domain/record/due.ts';
import { comparePositions, type ListPosition } from '../../domain/record/list-position.ts';
import { type NoticeTopic, noticeTopics } from '../../domain/record/notice-content.ts';
import { isSent, type OutboxNotice } from '../../domain/record/outbox.ts';
import { readEach, type Unreadable } from '../../domain/record/read-each.ts';
import {
  modelNameOf,
  type RollbackRecord,
  type StoreChange,
  shownAtMs,
} from '../../domain/record/record.ts';
import {
  decodeFleetState,
  decodeHeads,
  decodeLiveLogEntry,
  decodeModelState,
  decodeNotice,
  decodeRollbackRecord,
  encodeFleet,
  encodeHeads,
  encodeLiveLogEntry,
  encodeNotice,
  encodeRecord,
  encodeState,
} from '../../domain/record/stored-item.ts';
import type { FleetState } from '../../domain/state/fleet.ts';
import { type HeadsItem, type LiveLogEntry, liveLogName } from '../../domain/state/live-log.ts';
import type { ModelState } from '../../domain/state/model-state.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type {
  DueItem,
  DueKind,
  ListPage,
  LiveLogList,
  RecordList,
  RollbackStore,
  StoreView,
} from '../../ports/rollback-store.ts';

/**
 * The items of a memory store, by name. Text, as in the other stores: nobody can hold on to an item and
 * change it.
 */
export interface MemoryItems {
  readonly states: Map<string, string>;
  readonly records: Map<string, string>;
  readonly notices: Map<string, string>;
  /** One item, under an empty name. */
  readonly fleet: Map<string, string>;
  /** By the name of the model, then by that of the entry. */
  readonly live: Map<string, Map<string, string>>;
  readonly heads: Map<string, string>;
}

/** None yet. */
export function newMemoryItems(): MemoryItems {
  return {
    states: new Map(),
    records: new Map(),
    notices: new Map(),
    fleet: new Map(),
    live: new Map(),
    heads: new Map(),
  };
}

/** Keeps everything in this process: previews of the library, demos, simulations. */
export class MemoryRollbackStore implements RollbackStore {
  readonly #items: MemoryItems;
  /** What is due of an item, by its name, and the text that this was read from. */
  readonly #due = new Map<string, { readonly text: string; readonly due: readonly DueItem[] }>();

  /** @param items shared with another store @default none yet */
  constructor(items?: MemoryItems) {
    this.#items = items ?? newMemoryItems();
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    requireTime(deadline);
    return {
      state: this.#state(modelName),
      record: rollbackId === null ? undefined : this.#record(rollbackId),
      notice: rollbackId === null ? undefined : this.#notice(rollbackId, 'end'),
      fleet: this.#fleet(),
      clockSkewMs: null,
    };
  }

  async readNotice(
    rollbackId: string,
    topic: NoticeTopic,
    deadline: Deadline,
  ): Promise<OutboxNotice | undefined> {
    requireTime(deadline);
    return this.#notice(rollbackId, topic);
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    requireTime(deadline);
    const { state, record, fleet, notice, live = [], heads } = change;
    if (this.#isStale(change)) return 'conflict';
    const { states, records, fleet: fleetItem, notices } = this.#items;
    if (state !== undefined) states.set(state.modelName, encodeState(state));
    if (record !== undefined) records.set(record.id, encodeRecord(record));
    if (fleet !== undefined) fleetItem.set('', encodeFleet(fleet));
    if (notice !== undefined) {
      const { item } = notice;
      notices.set(noticeKey(item.rollbackId, item.topic), encodeNotice(item));
    }
    for (const entry of live) this.#log(entry);
    if (heads !== undefined) this.#items.heads.set(heads.part, encodeHeads(heads));
    return 'written';
  }

  async list(
    modelName: string | null,
    deadline: Deadline,
    { limit = limits.historyRowsMax, before, isLatestOnly = false }: ListPage = {},
  ): Promise<RecordList> {
    requireTime(deadline);
    const { records, unreadable } = this.#all();
    const seen = new Set<string>();
    const behind = records
      .filter((record) => modelName === null || record.modelName === modelName)
      .toSorted((a, b) => comparePositions(positionOf(a), positionOf(b)))
      .filter((record) => !isLatestOnly || isFirstOf(seen, record.modelName))
      .filter((record) => !before || comparePositions(before, positionOf(record)) < 0);
    const listed = behind
      .slice(0, limit)
      .map((record) => ({ record, isNotified: this.#isNotified(record) }));
    // Nothing says where in the list they stand.
    const named = unreadable.filter(
      ({ id }) => !before && (modelName === null || modelNameOf(id) === modelName),
    );
    const last = behind.length > limit ? behind[limit - 1] : undefined;
    return { records: listed, unreadable: named, next: last && positionOf(last) };
  }

  async listDue(
    kind: DueKind,
    nowMs: number,
    { limit, after }: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    requireTime(deadline);
    const all = kind === 'record' ? this.#dueRecords() : this.#dueNotices();
    return all
      .filter((item) => item.dueAtMs <= nowMs && (after === null || compareDue(after, item) < 0))
      .toSorted(compareDue)
      .slice(0, limit);
  }

  async readHeads(parts: readonly string[], deadline: Deadline): Promise<readonly HeadsItem[]> {
    requireTime(deadline);
    return parts.flatMap((part) => this.#headsItem(part) ?? []);
  }

  async listLive(modelName: string, deadline: Deadline): Promise<LiveLogList> {
    requireTime(deadline);
    const items = [...(this.#items.live.get(modelName) ?? [])]
      .toSorted(([a], [b]) => (a < b ? 1 : -1))
      .slice(0, limits.liveLogRowsMax)
      .map(([name, text]) => ({ id: `${modelName}/LIVE#${name}`, text }));
    const { read: entries, unreadable } = readEach(items, ({ id, text }) =>
      decodeLiveLogEntry(text, id),
    );
    return { entries, unreadable };
  }

  close(): void {}

  #log(entry: LiveLogEntry): void {
    const log = this.#items.live.get(entry.modelName) ?? new Map<string, string>();
    this.#items.live.set(entry.modelName, log.set(liveLogName(entry), encodeLiveLogEntry(entry)));
  }

  #headsItem(part: string): HeadsItem | undefined {
    const text = this.#items.heads.get(part);
    return text === undefined ? undefined : decodeHeads(text, `HEADS#${part}`);
  }

  #isStale({ state, record, fleet, notice, heads }: StoreChange): boolean {
    return (
      (heads !== undefined &&
        (this.#headsItem(heads.part)?.revision ?? 0) !== heads.revision - 1) ||
      (state !== undefined &&
        (this.#state(state.modelName)?.revision ?? 0) !== state.revision - 1) ||
      (record !== undefined && (this.#record(record.id)?.revision ?? 0) !== record.revision - 1) ||
      (fleet !== undefined && (this.#fleet()?.revision ?? 0) !== fleet.revision - 1) ||
      (notice !== undefined &&
        (this.#notice(notice.item.rollbackId, notice.item.topic)?.token ?? null) !== notice.over)
    );
  }

  /** A notice that cannot be read keeps its record off no list. */
  #isNotified({ id, notice }: RollbackRecord): boolean {
    return notice.kind === 'sent' || isSent(readable(() => this.#notice(id, 'end')));
  }

  #all(): {
    readonly records: readonly RollbackRecord[];
    readonly unreadable: readonly Unreadable[];
  } {
    const items = [...this.#items.records].map(([id, text]) => ({ id, text }));
    const { read: records, unreadable } = readEach(items, ({ id, text }) =>
      decodeRollbackRecord(text, id),
    );
    return { records, unreadable };
  }

  #dueRecords(): DueItem[] {
    return [...this.#items.records].flatMap(([id, text]) =>
      this.#dueOf({ id, topic: null }, text, () => dueAtMs(decodeRollbackRecord(text, id))),
    );
  }

  #dueNotices(): DueItem[] {
    return [...this.#items.notices].flatMap(([key, text]) => {
      const end = key.lastIndexOf('#');
      const topic = noticeTopics.find((known) => known === key.slice(end + 1));
      // Of a later release, which sends it.
      if (topic === undefined) return [];
      const item = { id: key.slice(0, end), topic };
      return this.#dueOf(item, text, () => noticeDueAtMs(decodeNotice(text, key)));
    });
  }

  /** Read once, as the index of the other stores is; what cannot be read is due at all times. */
  #dueOf(
    item: Pick<DueItem, 'id' | 'topic'>,
    text: string,
    readDueAtMs: () => number | null,
  ): readonly DueItem[] {
    const known = this.#due.get(nameOf(item));
    if (known?.text === text) return known.due;
    const atMs = readable(readDueAtMs);
    const due = atMs === null ? [] : [{ ...item, dueAtMs: atMs ?? 0 }];
    this.#due.set(nameOf(item), { text, due });
    return due;
  }

  #state(modelName: string): ModelState | undefined {
    const text = this.#items.states.get(modelName);
    return text === undefined ? undefined : decodeModelState(text, `${modelName}/STATE`);
  }

  #fleet(): FleetState | undefined {
    const text = this.#items.fleet.get('');
    return text === undefined ? undefined : decodeFleetState(text, 'FLEET');
  }

  #record(id: string): RollbackRecord | undefined {
    const text = this.#items.records.get(id);
    return text === undefined ? undefined : decodeRollbackRecord(text, id);
  }

  #notice(id: string, topic: NoticeTopic): OutboxNotice | undefined {
    const key = noticeKey(id, topic);
    const text = this.#items.notices.get(key);
    return text === undefined ? undefined : decodeNotice(text, key);
  }
}

// ---------------------------------------------------------------------------------------------------

function noticeKey(rollbackId: string, topic: NoticeTopic): string {
  return `${rollbackId}#${topic}`;
}

function positionOf(record: RollbackRecord): ListPosition {
  return { atMs: shownAtMs(record), id: record.id };
}

/** True the first time that it is asked about a name. */
function isFirstOf(seen: Set<string>, name: string): boolean {
  const isFirst = !seen.has(name);
  seen.add(name);
  return isFirst;
}

function nameOf({ id, topic }: Pick<DueItem, 'id' | 'topic'>): string {
  return topic === null ? id : noticeKey(id, topic);
}

/** Undefined where an item cannot be read. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof StateCorruptError) return undefined;
    throw error;
  }
}

function requireTime(deadline: Deadline): void {
  if (deadline.leftMs() <= 0) throw new StateStoreUnavailableError('No time was left. Try again.');
}
