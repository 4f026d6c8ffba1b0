import type { ListPosition } from '../domain/record/list-position.ts';
import type { NoticeTopic } from '../domain/record/notice-content.ts';
import type { OutboxNotice } from '../domain/record/outbox.ts';
import type { Unreadable } from '../domain/record/read-each.ts';
import type { RollbackRecord, StoreChange } from '../domain/record/record.ts';
import type { FleetState } from '../domain/state/fleet.ts';
import type { HeadsItem, LiveLogEntry } from '../domain/state/live-log.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Deadline } from './deadline.ts';

/** One consistent read of a model's state, of one record with the notice of its end, and of the fleet. */
export interface StoreView {
  /** Undefined when the model was never touched. */
  readonly state: ModelState | undefined;
  /** Undefined when this key was never seen. */
  readonly record: RollbackRecord | undefined;
  /** The notice of the record's end; undefined when it never had one. */
  readonly notice: OutboxNotice | undefined;
  /** What all models share; undefined while nothing ever did. */
  readonly fleet: FleetState | undefined;
  /** Our clock less the store's, as it answered (ms, to the second); null when it has none of its own. */
  readonly clockSkewMs: number | null;
}

/** A record of a list, and whether people were notified of its end. */
export interface ListedRecord {
  readonly record: RollbackRecord;
  readonly isNotified: boolean;
}

export interface RecordList {
  /** Newest first. */
  readonly records: readonly ListedRecord[];
  readonly unreadable: readonly Unreadable[];
  /** Where the next page begins; undefined on the last one. */
  readonly next?: ListPosition | undefined;
}

/** Which part of a list is read. */
export interface ListPage {
  /** At most so many records. @default limits.historyRowsMax */
  readonly limit?: number;
  /** Only what stands behind it. @default the newest */
  readonly before?: ListPosition | undefined;
  /** Of each model its latest record, and nothing else. */
  readonly isLatestOnly?: boolean;
}

export interface LiveLogList {
  /** Newest first. */
  readonly entries: readonly LiveLogEntry[];
  readonly unreadable: readonly Unreadable[];
}

/** Something that is due: a record by its id, or one of its notices. */
export interface DueItem {
  /** Of the record. */
  readonly id: string;
  /** Given for a notice. */
  readonly topic: NoticeTopic | null;
  readonly dueAtMs: number;
}

/** Records and notices are listed apart: those that fail for ever do not stand in the other's way. */
export type DueKind = 'record' | 'notice';

/**
 * Keeps state, records and notices. It knows revisions, not rules: each item of a change is written only
 * if it is stored as it was read (with the revision before, or not at all for revision 1; a notice with its
 * token; an entry of the live log always), and all items or none are.
 *
 * Every call may throw StateStoreUnavailableError (retry), ConfigurationError (missing table, no
 * permission) or StateCorruptError (an item that cannot be read).
 */
export interface RollbackStore {
  /** @param rollbackId null reads the state alone */
  read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView>;
  /** Undefined when there is none of this topic. */
  readNotice(
    rollbackId: string,
    topic: NoticeTopic,
    deadline: Deadline,
  ): Promise<OutboxNotice | undefined>;
  /**
   * Writes all items of a change or none. A write that was applied although its answer was lost is
   * recognised by its token on the items, and is `written`.
   */
  write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'>;
  /**
   * A page of the records of one model or of all, newest first. What cannot be read is named, not thrown. A
   * record that ends while the pages are read moves to the top of the list.
   */
  list(modelName: string | null, deadline: Deadline, page?: ListPage): Promise<RecordList>;
  /**
   * What is due, the longest due first.
   * @param after the last one of the page before; null for the first page
   */
  listDue(
    kind: DueKind,
    nowMs: number,
    { limit, after }: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]>;
  /** Those of the parts of the observed heads that were ever written. */
  readHeads(parts: readonly string[], deadline: Deadline): Promise<readonly HeadsItem[]>;
  /**
   * The latest of the live log of a model; at most `limits.liveLogRowsMax`. What cannot be read is named,
   * not thrown.
   */
  listLive(modelName: string, deadline: Deadline): Promise<LiveLogList>;
  /** Frees what the store holds (files, sockets). */
  close(): void;
}
