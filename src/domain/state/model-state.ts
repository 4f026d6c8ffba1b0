import type { WithPolicy } from '../request/policy.ts';
import type { Pause } from './fleet.ts';
import type { Decided } from './operator.ts';

/** A version that a rollback moved away from, or that a person named; it must not be restored by itself. */
export interface QuarantineEntry {
  readonly version: string;
  /** Of the latest rollback from it. */
  readonly atMs: number;
  /** The latest rollback from it; empty when a person put it there. */
  readonly rollbackId: string;
  /**
   * The rollbacks from it before that, newest last: each of them keeps it in quarantine by itself. Only the
   * last part of each id: the model's name is the same in all, and may be long.
   */
  readonly earlierRollbacks?: readonly string[];
  /** Given when a person put it there: who, and why. */
  readonly byHand?: { readonly by: string | null; readonly reason: string };
}

/** A version that a person took out of quarantine: older signs against it do not count any more. */
export interface ReleasedVersion {
  readonly version: string;
  readonly atMs: number;
}

/** A version that was live under a pointer, as far as we learned of it. */
export interface LiveEntry {
  readonly version: string;
  /** The first moment that it is known to have been live (epoch ms). */
  readonly atMs: number;
  /** It went live after this (epoch ms): the pointer named another version then. Absent: not known. */
  readonly notBeforeMs?: number;
  /** So much time lies between the two that others may have been live after the entry before. */
  readonly hasGap?: true;
  /**
   * `seen`, `made` by us, `promoted` as somebody reported, `observed` and `webhook` as the registry showed,
   * `deleted` when the pointer ceased to name it, or a word of a later release.
   */
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

/** What is kept of one pointer of a model. */
export interface PointerState {
  readonly lastCommit: LastCommit | null;
  readonly lastEnd: LastEnd | null;
  readonly rollbackCount: number;
  /** Newest last. */
  readonly liveHistory: readonly LiveEntry[];
  /** Times of the latest commits (epoch ms), newest last: for the budget. */
  readonly recentCommits: readonly number[];
}

/** The state of one registered model; what it has of a PointerState is the part of `stage:Production`. */
export interface ModelState extends PointerState, Decided, WithPolicy {
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
  /** Other pointers, by their text; absent while there are none. */
  readonly pointers?: Readonly<Record<string, PointerState>>;
  /** Newest last. */
  readonly quarantine: readonly QuarantineEntry[];
  /** Older entries, as intervals of version numbers, both ends included. */
  readonly quarantineEarlier: readonly (readonly [number, number])[];
  /** Automation of this model is stopped; null when it is not. */
  readonly pause: Pause | null;
  /** Newest last. */
  readonly announcedRefusals: readonly AnnouncedRefusal[];
  /** Newest last. */
  readonly released: readonly ReleasedVersion[];
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
