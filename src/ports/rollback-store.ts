import type { FleetState } from '../domain/fleet.ts';
import type { ModelState, RollbackRecord, StoreChange } from '../domain/rollback.ts';
import type { Deadline } from './deadline.ts';

/** One consistent look at a model's state, at one record and at the fleet. */
export interface StoreView {
  /** Undefined when the model was never touched. */
  readonly state: ModelState | undefined;
  /** Undefined when this key was never seen. */
  readonly record: RollbackRecord | undefined;
  /** What all models share; undefined while nothing ever did. */
  readonly fleet: FleetState | undefined;
  /** Our clock less the store's at the moment of its answer (ms); null when it has none of its own. */
  readonly clockSkewMs: number | null;
}

/** A record that wants to be looked at. */
export interface DueRecord {
  readonly id: string;
  readonly dueAtMs: number;
}

/**
 * Keeps state and records. It knows revisions, not rules: each item of a change is written only if it
 * is stored with the revision before (or not at all, for revision 1), and all items or none are.
 *
 * Every call may throw StateStoreUnavailableError (retry), ConfigurationError (missing table, no
 * permission) or StateCorruptError (an item that cannot be read).
 */
export interface RollbackStore {
  /** @param rollbackId null reads the state alone */
  read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView>;
  /**
   * Writes all items of a change or none. A write that was applied although its answer was lost is
   * recognised by its token on the items, and is `written`.
   */
  write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'>;
  /** Records, newest first; of one model or of all. At most `limits.historyRowsMax`. */
  list(modelName: string | null, deadline: Deadline): Promise<readonly RollbackRecord[]>;
  /** Records whose due time has come, the longest due first. */
  listDue(nowMs: number, limit: number, deadline: Deadline): Promise<readonly DueRecord[]>;
  /** Frees what the store holds (files, sockets). */
  close(): void;
}
