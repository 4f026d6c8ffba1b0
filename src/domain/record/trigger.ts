import { type AlarmTransition, alarmRefText } from '../alarm/alarm.ts';
import { isoTime } from '../registry/model.ts';

/** The alarm behind a rollback, and what is done about it later. Kept in the record. */

/** Where the name of the registered model came from, in the order of asking. */
export const ModelSource = {
  DIMENSION: 'dimension',
  CONTRIBUTOR: 'contributor',
  CHILDREN: 'children',
  TAG: 'tag',
  MAP: 'map',
} as const;
export type ModelSource = (typeof ModelSource)[keyof typeof ModelSource];

export interface AlarmTrigger {
  /** As it came, less what does not name a model. */
  readonly transition: AlarmTransition;
  /** A `ModelSource`, or one of a later release; null while nobody knows the model. */
  readonly modelSource: string | null;
  /**
   * Live when the alarm came: it is about these. Null while the registry could not be read.
   */
  readonly liveVersions: readonly string[] | null;
}

/** Why an alarm is not checked any more. */
export const WatchEnd = {
  /** CloudWatch says that it is not in ALARM. */
  RECOVERED: 'recovered',
  /** Another version is live than when it came. */
  POINTER_MOVED: 'pointer-moved',
  /** Another pointer is configured for its model than when it came. */
  POINTER_CHANGED: 'pointer-changed',
  APPROVED: 'approved',
  /** A person decided against the rollback that it waits for. */
  REJECTED: 'rejected',
  /** Nobody approved it in time. */
  EXPIRED: 'expired',
  /** It asks for nothing, as CloudWatch could say only later: its actions are disabled. */
  IGNORED: 'ignored',
  /** Its model became known; the rollback has a record of its own. */
  HANDED_ON: 'handed-on',
  /** CloudWatch did not know its state for days. */
  UNREADABLE: 'unreadable',
} as const;
export type WatchEnd = (typeof WatchEnd)[keyof typeof WatchEnd];

/** The sweep checks an alarm that led to no rollback again, since CloudWatch does not repeat its events. */
export type AlarmWatch =
  | { readonly kind: 'none' }
  | { readonly kind: 'pending'; readonly dueAtMs: number; readonly looks: number }
  /** `why`: a `WatchEnd`, or one of a later release. */
  | {
      readonly kind: 'closed';
      readonly atMs: number;
      readonly why: string;
      /** Who approved or rejected it, where a person did. */
      readonly by?: string | null;
      /** Why it was rejected, where somebody gave a reason. */
      readonly reason?: string;
    };

/** Who rejected a rollback, when and why, as a sentence; null where nobody did. */
export function rejectionText(watch: AlarmWatch): string | null {
  if (watch.kind !== 'closed' || watch.why !== WatchEnd.REJECTED) return null;
  const by = watch.by ? ` by ${watch.by}` : '';
  const reason = watch.reason === undefined ? '' : ` (reason: ${watch.reason})`;
  return `The rollback was rejected${by} at ${isoTime(watch.atMs)}${reason}.`;
}

/** What the alarm said at the end of the bake time. */
export const Recovery = {
  RECOVERED: 'recovered',
  NOT_RECOVERED: 'not-recovered',
  NO_DATA: 'no-data',
  /** The pointer was moved again before: the alarm says nothing about this rollback. */
  SUPERSEDED: 'superseded',
} as const;
export type Recovery = (typeof Recovery)[keyof typeof Recovery];

/** Did the rollback help? */
export type RecoveryCheck =
  | { readonly kind: 'none' }
  | { readonly kind: 'pending'; readonly dueAtMs: number; readonly looks: number }
  | { readonly kind: Recovery; readonly atMs: number };

/**
 * The idempotency key of an alarm: the same on every path, since CloudWatch gives each of them the same
 * instant. A new transition is a new key.
 */
export function alarmKey({ ref, atMs, contributor }: AlarmTransition): string {
  return `alarm:${alarmRefText(ref)}\n${atMs}\n${contributor?.id ?? ''}`;
}

/** The alarm behind a person's request: whether CloudWatch confirms it does not matter any more. */
export function approvedAlarm(alarm: AlarmTrigger | undefined): AlarmTrigger | null {
  if (alarm === undefined) return null;
  const { unconfirmedFrom: _, ...transition } = alarm.transition;
  return { ...alarm, transition };
}

/** Which alarm, whenever it went to ALARM: for counting its refusals. */
export function alarmIdentity({ ref, contributor }: AlarmTransition): string {
  return alarmRefText(ref) + (contributor === null ? '' : `#${contributor.id}`);
}
