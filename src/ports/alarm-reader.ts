import type { AlarmDescription, ChangeToAlarm, ContributorInAlarm } from '../domain/alarm/alarm.ts';
import type { Deadline } from './deadline.ts';

/**
 * What CloudWatch answered. `silent`: it does not know, or refuses (4xx); asking again does not help,
 * and the caller goes on with what it has. `unreachable`: asking later may help.
 */
export type AlarmAnswer<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'silent' | 'unreachable'; readonly message: string };

/** A part of the history of an alarm, both ends included (epoch ms). */
export interface HistorySpan {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of this series; null: of the alarm as a whole. */
  readonly contributorId: string | null;
}

/** Reads alarms, in the account of this function and in each alarm's own region. Never throws. */
export interface AlarmReader {
  /** Those of `arns` that exist, as they are now. An alarm of the same name elsewhere is another alarm. */
  read(
    arns: readonly string[],
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly AlarmDescription[]>>;
  /** ARNs of the children of a composite alarm that are in ALARM now. */
  readChildrenInAlarm(arn: string, deadline: Deadline): Promise<AlarmAnswer<readonly string[]>>;
  /** The series of an alarm that are in ALARM now. */
  readContributors(
    arn: string,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly ContributorInAlarm[]>>;
  /** The changes to ALARM within a time, oldest first. */
  readChangesToAlarm(
    arn: string,
    of: HistorySpan,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly ChangeToAlarm[]>>;
  /** The value of a tag on the alarm; null when it has no such tag. */
  readTag(arn: string, key: string, deadline: Deadline): Promise<AlarmAnswer<string | null>>;
  /** Frees what the reader holds (sockets). */
  close(): void;
}
