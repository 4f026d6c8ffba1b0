/** What the parts of the contract of state stores share: a place of data, and how they read it. */
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { limits } from '../../src/domain/limits.ts';
import type { NoticeTopic } from '../../src/domain/record/notice-content.ts';
import type { OutboxNotice } from '../../src/domain/record/outbox.ts';
import type { RollbackRecord, StoreChange } from '../../src/domain/record/record.ts';
import type { FleetState } from '../../src/domain/state/fleet.ts';
import type { ModelState } from '../../src/domain/state/model-state.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { DueItem, DueKind, RollbackStore } from '../../src/ports/rollback-store.ts';
import { NOON_MS } from './rollback-samples.ts';

/** One empty place of data, seen by any number of clients. */
export interface StoreData {
  /** Another client of the same data; the suite closes it. */
  open(workspace?: string): Promise<RollbackStore>;
  close(): Promise<void>;
  readonly backDoor: BackDoor;
}

/** The way to an item past the store. */
export interface BackDoor {
  /** Changes a stored item. */
  edit(item: StoredItem, change: ItemEdit): Promise<void>;
  /** Its text, as it is stored. */
  text(item: StoredItem): Promise<string>;
}

export type StoredItem =
  | { readonly kind: 'state'; readonly modelName: string }
  | { readonly kind: 'record'; readonly modelName: string; readonly rollbackId: string }
  | { readonly kind: 'notice'; readonly rollbackId: string; readonly topic: NoticeTopic }
  | { readonly kind: 'fleet' }
  | { readonly kind: 'live'; readonly modelName: string; readonly name: string };

/** What a person with a console, or another release, can do to an item. */
export interface ItemEdit {
  readonly doc?: string;
  /** The revision that conditions are on, where it stands beside the document. */
  readonly revision?: number;
  /** The same of a notice. */
  readonly token?: string;
}

/** The place of the test that runs now. */
export interface StoreContext {
  store(): RollbackStore;
  open(workspace?: string): Promise<RollbackStore>;
  backDoor(): BackDoor;
}

/** The items of one read. */
export interface StoredItems {
  readonly state: ModelState | undefined;
  readonly record: RollbackRecord | undefined;
  readonly notice: OutboxNotice | undefined;
  readonly fleet: FleetState | undefined;
}

/** What a read finds where nobody wrote. */
export const NOTHING: StoredItems = {
  state: undefined,
  record: undefined,
  notice: undefined,
  fleet: undefined,
};

/** A deadline that has passed. */
export const EXPIRED: Deadline = { leftMs: () => 0 };

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 30_000);
}

/** The items as they are stored, without what the answer says about clocks. */
export async function readItems(
  store: RollbackStore,
  modelName: string,
  rollbackId: string | null,
  deadline: Deadline = soon(),
): Promise<StoredItems> {
  const { clockSkewMs: _, ...items } = await store.read(modelName, rollbackId, deadline);
  return items;
}

/** What a read finds when exactly this change was written. */
export function itemsOf({ state, record, notice, fleet }: StoreChange): StoredItems {
  return { state, record, notice: notice?.item, fleet };
}

/** The records of a list in which everything can be read. */
export async function listRecords(
  store: RollbackStore,
  modelName: string | null,
): Promise<readonly RollbackRecord[]> {
  const { records, unreadable } = await store.list(modelName, soon());
  if (unreadable.length > 0) throw new Error(`unreadable: ${JSON.stringify(unreadable)}`);
  return records.map(({ record }) => record);
}

/** The first page of what is due by then. */
export async function listDue(
  store: RollbackStore,
  kind: DueKind,
  nowMs: number,
  limit = 10,
): Promise<readonly DueItem[]> {
  return await store.listDue(kind, nowMs, { limit, after: null }, soon());
}

/** What is due in the next weeks. */
export async function allDue(store: RollbackStore, kind: DueKind): Promise<readonly DueItem[]> {
  return await listDue(store, kind, NOON_MS + limits.recordRetentionMs, 1_000);
}

/** The error of a call that fails. */
export async function failure(call: Promise<unknown>): Promise<Error> {
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
