import { StateStoreUnavailableError } from '../../domain/errors.ts';
import type { FleetState } from '../../domain/fleet.ts';
import { limits } from '../../domain/limits.ts';
import {
  dueAtMs,
  type ModelState,
  type RollbackRecord,
  type StoreChange,
  shownAtMs,
} from '../../domain/rollback.ts';
import {
  decodeFleetState,
  decodeModelState,
  decodeRollbackRecord,
  encodeItem,
} from '../../domain/stored-item.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { DueRecord, RollbackStore, StoreView } from '../../ports/rollback-store.ts';

/** Keeps everything in this process: previews of the library, demos, simulations. */
export class MemoryRollbackStore implements RollbackStore {
  // Text, as in the other stores: nobody can hold on to an item and change it.
  readonly #states = new Map<string, string>();
  readonly #records = new Map<string, string>();
  #fleetText: string | undefined;

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    requireTime(deadline);
    return {
      state: this.#state(modelName),
      record: rollbackId === null ? undefined : this.#record(rollbackId),
      fleet: this.#fleet(),
      clockSkewMs: null,
    };
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    requireTime(deadline);
    const { state, record, fleet } = change;
    const isStale =
      (state !== undefined &&
        (this.#state(state.modelName)?.revision ?? 0) !== state.revision - 1) ||
      (record !== undefined && (this.#record(record.id)?.revision ?? 0) !== record.revision - 1) ||
      (fleet !== undefined && (this.#fleet()?.revision ?? 0) !== fleet.revision - 1);
    if (isStale) return 'conflict';
    if (state !== undefined) this.#states.set(state.modelName, encodeItem(state));
    if (record !== undefined) this.#records.set(record.id, encodeItem(record));
    if (fleet !== undefined) this.#fleetText = encodeItem(fleet);
    return 'written';
  }

  async list(modelName: string | null, deadline: Deadline): Promise<readonly RollbackRecord[]> {
    requireTime(deadline);
    return this.#all()
      .filter((record) => modelName === null || record.modelName === modelName)
      .toSorted((a, b) => shownAtMs(b) - shownAtMs(a))
      .slice(0, limits.historyRowsMax);
  }

  async listDue(nowMs: number, limit: number, deadline: Deadline): Promise<readonly DueRecord[]> {
    requireTime(deadline);
    return this.#all()
      .flatMap((record) => {
        const due = dueAtMs(record);
        return due === null || due > nowMs ? [] : [{ id: record.id, dueAtMs: due }];
      })
      .toSorted((a, b) => a.dueAtMs - b.dueAtMs)
      .slice(0, limit);
  }

  close(): void {
    // Nothing is held.
  }

  #all(): RollbackRecord[] {
    return [...this.#records].map(([id, text]) => decodeRollbackRecord(text, id));
  }

  #state(modelName: string): ModelState | undefined {
    const text = this.#states.get(modelName);
    return text === undefined ? undefined : decodeModelState(text, `${modelName}/STATE`);
  }

  #fleet(): FleetState | undefined {
    return this.#fleetText === undefined ? undefined : decodeFleetState(this.#fleetText, 'FLEET');
  }

  #record(id: string): RollbackRecord | undefined {
    const text = this.#records.get(id);
    return text === undefined ? undefined : decodeRollbackRecord(text, id);
  }
}

// ---------------------------------------------------------------------------------------------------

function requireTime(deadline: Deadline): void {
  if (deadline.leftMs() <= 0) throw new StateStoreUnavailableError('No time was left. Try again.');
}
