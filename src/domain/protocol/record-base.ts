import { limits } from '../limits.ts';
import type { RecordSubject, RollbackRecord } from '../record/record.ts';
import type { AlarmTrigger } from '../record/trigger.ts';
import type { RollbackRequest } from '../request/request.ts';

/** Which attempt a record is about. */
export interface RecordFacts {
  readonly id: string;
  readonly subject: RecordSubject;
  readonly request: RollbackRequest;
  readonly bodyHash: string;
  /** The record of an earlier attempt under the same key, if there is one. */
  readonly previous: RollbackRecord | undefined;
  readonly nowMs: number;
}

type RecordBase = Pick<
  RollbackRecord,
  | 'revision'
  | 'id'
  | 'subject'
  | 'modelName'
  | 'request'
  | 'bodyHash'
  | 'createdAtMs'
  | 'attempts'
  | 'notice'
  | 'pointerCheck'
  | 'recovery'
>;

/**
 * What every record of a key begins with, whatever the attempt ends as. Fields of a later release, which
 * this one does not know, come along from the earlier attempt.
 */
export function baseOf(of: RecordFacts): RecordBase {
  const { previous } = of;
  return {
    ...previous,
    revision: (previous?.revision ?? 0) + 1,
    id: of.id,
    subject: of.subject,
    modelName: of.request.modelName,
    request: of.request,
    bodyHash: of.bodyHash,
    createdAtMs: previous?.createdAtMs ?? of.nowMs,
    attempts: (previous?.attempts ?? 0) + 1,
    pointerCheck: { kind: 'none' },
    notice: { kind: 'none' },
    recovery: { kind: 'none' },
  };
}

/** An alarm is about what was live when it came first. */
export function boundAlarm(
  alarm: AlarmTrigger,
  previous: RollbackRecord | undefined,
  live: readonly string[] | null,
): AlarmTrigger {
  return { ...alarm, liveVersions: previous?.alarm?.liveVersions ?? live };
}

/** A text that is stored and sent on, cut with a mark. */
export function shorten(text: string): string {
  return text.length <= limits.messageLengthMax
    ? text
    : `${text.slice(0, limits.messageLengthMax)}…`;
}
