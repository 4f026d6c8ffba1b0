import type { Candidate } from './candidate.ts';
import type { FleetState, Pause } from './fleet.ts';
import type { ModelVersion } from './model.ts';
import type { NoticeTopic } from './notice-content.ts';
import type { OutboxNotice } from './outbox.ts';
import type { RollbackRequest, Warning } from './request.ts';
import type { AlarmTrigger, AlarmWatch, RecoveryCheck } from './trigger.ts';

/** How a request can end. Expected ends are values; errors.ts holds what is thrown. */
export const Outcome = {
  ROLLED_BACK: 'ROLLED_BACK',
  REFUSED: 'REFUSED',
  NO_TARGET: 'NO_TARGET',
  ALREADY_LIVE: 'ALREADY_LIVE',
  CONTESTED: 'CONTESTED',
  FAILED: 'FAILED',
  /** An alarm that could not be handled now; the sweep tries again while it is in ALARM. */
  DEFERRED: 'DEFERRED',
  /** An alarm that waits for a person's approval. */
  AWAITING_APPROVAL: 'AWAITING_APPROVAL',
  /** Mode `observe`: an alarm would have rolled back. */
  OBSERVED: 'OBSERVED',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** What is stored: an outcome, or `IN_PROGRESS`. */
export type RollbackStatus = Outcome | 'IN_PROGRESS';

/** What would be done and why, from one reading of the registry and the state. */
export interface Plan {
  /** `stage:Production` */
  readonly pointer: string;
  /** Address of the registry, without user info. */
  readonly registry: string;
  readonly plannedAtMs: number;
  /** What a request ends as, if the plan is carried out and nothing comes between. */
  readonly verdict: 'ROLLED_BACK' | 'REFUSED' | 'NO_TARGET' | 'ALREADY_LIVE';
  /** The live version (the highest, if several); null when there is none. */
  readonly from: ModelVersion | null;
  /** The version to restore; null when none may be. */
  readonly to: ModelVersion | null;
  /** Every live version at the time of the plan. */
  readonly live: readonly string[];
  /** A `TargetRule`, or one of a later release. */
  readonly rule: string | null;
  readonly guards: readonly GuardReport[];
  readonly candidates: readonly Candidate[];
  readonly candidatesOmitted: number;
  /**
   * Given when a bound ended the search for a target: not every version below this one was read, and a
   * better target may be among them.
   */
  readonly unreadBelow?: string;
}

/** One guard's answer within a plan. A later release may have stored a code that this one does not know. */
export interface GuardReport {
  readonly code: string;
  readonly verdict: 'passed' | 'warning' | 'overridden' | 'refused';
  readonly message: string;
  readonly clearsAtMs: number | null;
}

/** A run that holds the claim on its registered model until its lease ends. */
export interface InProgress {
  readonly status: 'IN_PROGRESS';
  readonly owner: string;
  readonly claimedAtMs: number;
  readonly leaseEndsAtMs: number;
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
      readonly about: NoticeTopic;
      readonly dueAtMs: number;
      readonly leaseEndsAtMs: number;
      readonly attempts: number;
    }
  | {
      readonly kind: 'sent';
      readonly about: NoticeTopic;
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
}

/** A record that has a plan, as every claimed run has. */
export type PlannedRecord = RollbackRecord & { readonly plan: Plan };

/** A version that a rollback moved away from, and that must not be restored by itself. */
export interface QuarantineEntry {
  readonly version: string;
  /** Of the latest rollback from it. */
  readonly atMs: number;
  /** The latest rollback from it. */
  readonly rollbackId: string;
  /**
   * The rollbacks from it before that, newest last: each of them keeps it in quarantine by itself. Only the
   * last part of each id: the model's name is the same in all, and may be long.
   */
  readonly earlierRollbacks?: readonly string[];
}

/** A version that a person took out of quarantine: older signs against it do not count any more. */
export interface ReleasedVersion {
  readonly version: string;
  readonly atMs: number;
}

/** A version that we saw live, or made live. */
export interface LiveEntry {
  readonly version: string;
  readonly atMs: number;
  /** `seen`, `made`, or a word of a later release. */
  readonly how: string;
}

/** The last move of the pointer by us. */
export interface LastCommit {
  readonly rollbackId: string;
  readonly atMs: number;
  readonly from: string | null;
  readonly to: string;
}

/** The last end that the same request must get again: rolled back, or contested. */
export interface LastEnd {
  readonly rollbackId: string;
  readonly atMs: number;
  readonly bodyHash: string;
}

/** A refusal of an alarm that was announced: the next equal one is only recorded. */
export interface AnnouncedRefusal {
  readonly alarm: string;
  readonly codes: string;
  readonly atMs: number;
}

/** The state of one registered model. */
export interface ModelState {
  readonly revision: number;
  readonly modelName: string;
  /** Address of the registry that this state is about. */
  readonly registry: string;
  /** Who holds the claim; null when nobody does. */
  readonly active: {
    readonly rollbackId: string;
    readonly owner: string;
    readonly leaseEndsAtMs: number;
  } | null;
  readonly lastCommit: LastCommit | null;
  readonly lastEnd: LastEnd | null;
  readonly rollbackCount: number;
  /** Newest last. */
  readonly quarantine: readonly QuarantineEntry[];
  /** Older entries, as intervals of version numbers, both ends included. */
  readonly quarantineEarlier: readonly (readonly [number, number])[];
  /** Newest last. */
  readonly liveHistory: readonly LiveEntry[];
  /** Automation of this model is stopped; null when it is not. */
  readonly pause: Pause | null;
  /** Times of the latest commits (epoch ms), newest last: for the budget. */
  readonly recentCommits: readonly number[];
  /** Newest last. */
  readonly announcedRefusals: readonly AnnouncedRefusal[];
  /** Newest last. */
  readonly released: readonly ReleasedVersion[];
}

/** What is written together: each item only over the one that was read, all or none. */
export interface StoreChange {
  /** Absent when the model's own item stays as it is. */
  readonly state?: ModelState;
  /** Absent when only the model's own item changes (operators' verbs). */
  readonly record?: RollbackRecord;
  /** What all models share; absent when it stays as it is. */
  readonly fleet?: FleetState;
  readonly notice?: NoticeWrite;
}

/** A notice, and the token of the one that it is written over; null when there must be none. */
export interface NoticeWrite {
  readonly item: OutboxNotice;
  readonly over: string | null;
}

/** The state of a registered model that was never touched. `revision` 0 means: not stored yet. */
export function newModelState(modelName: string, registry: string): ModelState {
  return {
    revision: 0,
    modelName,
    registry,
    active: null,
    lastCommit: null,
    lastEnd: null,
    rollbackCount: 0,
    quarantine: [],
    quarantineEarlier: [],
    liveHistory: [],
    pause: null,
    recentCommits: [],
    announcedRefusals: [],
    released: [],
  };
}

/**
 * True when the same key must get this same answer again: the pointer moved, or somebody else moved it.
 * Other ends had no effect, and the key may try again.
 */
export function isFinal(record: RollbackRecord): boolean {
  const { status } = record.progress;
  return status === Outcome.ROLLED_BACK || status === Outcome.CONTESTED;
}

/** The registered model that a rollback id is about. */
export function modelNameOf(rollbackId: string): string {
  return rollbackId.slice(0, rollbackId.lastIndexOf('/'));
}

/** The time that an answer shows (epoch ms): of the end, or of the claim while it runs. */
export function shownAtMs({ progress }: RollbackRecord): number {
  return progress.status === 'IN_PROGRESS' ? progress.claimedAtMs : progress.endedAtMs;
}
