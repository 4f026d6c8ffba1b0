import { movesPointer, Outcome } from '../decide/outcome.ts';
import type { Plan } from '../decide/plan.ts';
import type { RollbackRequest, Warning } from '../request/request.ts';
import type { FleetState } from '../state/fleet.ts';
import type { HeadsItem, LiveLogEntry } from '../state/live-log.ts';
import type { ModelState } from '../state/model-state.ts';
import type { EmbeddedTopic } from './notice-content.ts';
import type { OutboxNotice } from './outbox.ts';
import type { Serving } from './serving.ts';
import type { AlarmTrigger, AlarmWatch, RecoveryCheck } from './trigger.ts';

/** What is stored: an outcome, or `IN_PROGRESS`. */
export type RollbackStatus = Outcome | 'IN_PROGRESS';

/** A run that holds the claim on its registered model until its lease ends. */
export interface InProgress {
  readonly status: 'IN_PROGRESS';
  readonly owner: string;
  readonly claimedAtMs: number;
  readonly leaseEndsAtMs: number;
  /** Moves that may have been sent; counted only for a pointer whose moves leave no trace. */
  readonly sends?: number;
}

/** A run that ended. */
export interface Ended {
  readonly status: Outcome;
  readonly endedAtMs: number;
  readonly message: string;
  /** What was live when it ended, as far as we know. */
  readonly liveVersions: readonly string[];
  /** True when the pointer was moved by us: consumes the cooldown. */
  readonly hasMoved: boolean;
}

/**
 * The notice within a record, as release 0.1.0 keeps it. This release keeps notices beside their record
 * (outbox.ts) and writes `none`; one that is pending here is taken over into the outbox.
 */
export type EmbeddedNotice =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'pending';
      readonly about: EmbeddedTopic;
      readonly dueAtMs: number;
      readonly leaseEndsAtMs: number;
      readonly attempts: number;
    }
  | {
      readonly kind: 'sent';
      readonly about: EmbeddedTopic;
      readonly sentAtMs: number;
      readonly attempts: number;
    };

/**
 * One more check of the pointer, two minutes after an end: a write whose answer was lost may come late,
 * and so may a rival.
 */
export type PointerCheck =
  | { readonly kind: 'none' }
  | { readonly kind: 'pending'; readonly dueAtMs: number }
  | { readonly kind: 'as-left'; readonly atMs: number }
  | { readonly kind: 'differs'; readonly atMs: number; readonly liveVersions: readonly string[] };

/**
 * What the name in a record names: nearly always a registered model; the ARN of an alarm that names no
 * model; or where something came from that nobody can read.
 */
export type RecordSubject = 'model' | 'alarm' | 'source';

/** Everything about one rollback. Its id is derived from the idempotency key. */
export interface RollbackRecord {
  /** Grows by one with every write; a write is conditional on it. */
  readonly revision: number;
  readonly id: string;
  readonly subject: RecordSubject;
  /** The registered model, or what `subject` says. */
  readonly modelName: string;
  readonly request: RollbackRequest;
  readonly bodyHash: string;
  /** When this key was first seen. */
  readonly createdAtMs: number;
  /** Attempts under this key, the present one included. */
  readonly attempts: number;
  /** The alarm behind it; null when a person or a workflow asked. */
  readonly alarm: AlarmTrigger | null;
  /** True when no person asked: the rules for alarms hold. */
  readonly isAutomatic: boolean;
  /** Null when it ended before one could be made. */
  readonly plan: Plan | null;
  readonly warnings: readonly Warning[];
  readonly progress: InProgress | Ended;
  readonly notice: EmbeddedNotice;
  readonly pointerCheck: PointerCheck;
  readonly watch: AlarmWatch;
  readonly recovery: RecoveryCheck;
  /** Absent where nothing makes servers reload, as in every record of release 0.1.0. */
  readonly serving?: Serving;
}

/** A record that has a plan, as every claimed run has. */
export type PlannedRecord = RollbackRecord & { readonly plan: Plan };

/** What is written together: each item only over the one that was read, all or none. */
export interface StoreChange {
  /** Absent when the model's own item stays as it is. */
  readonly state?: ModelState;
  /** Absent when only the model's own item changes (operators' verbs). */
  readonly record?: RollbackRecord;
  /** What all models share; absent when it stays as it is. */
  readonly fleet?: FleetState;
  readonly notice?: NoticeWrite;
  /** Added to the live log, whatever is there: an equal one is written over itself. */
  readonly live?: readonly LiveLogEntry[];
  readonly heads?: HeadsItem;
}

/** A notice, and the token of the one that it is written over; null when there must be none. */
export interface NoticeWrite {
  readonly item: OutboxNotice;
  readonly over: string | null;
}

/**
 * True when the same key must get this same answer again: the pointer moved, or somebody else moved it.
 * Other ends had no effect, and the key may try again.
 */
export function isFinal(record: RollbackRecord): boolean {
  const { status } = record.progress;
  return movesPointer(status) || status === Outcome.CONTESTED;
}

/** The registered model that a rollback id is about. */
export function modelNameOf(rollbackId: string): string {
  return rollbackId.slice(0, rollbackId.lastIndexOf('/'));
}

/** The time that an answer shows (epoch ms): of the end, or of the claim while it runs. */
export function shownAtMs({ progress }: RollbackRecord): number {
  return progress.status === 'IN_PROGRESS' ? progress.claimedAtMs : progress.endedAtMs;
}
