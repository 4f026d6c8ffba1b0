import type { DescribeAlarmHistoryCommandOutput } from '@aws-sdk/client-cloudwatch';
import * as v from 'valibot';
import type { ChangeToAlarm } from '../../domain/alarm/alarm.ts';
import { limits } from '../../domain/limits.ts';
import { attributesOf, epochMs, isState, triggeringChildren } from './cloudwatch-answer.ts';

/** The changes to ALARM in a page of history, of the alarm as a whole or of one series. */
export function changesToAlarm(
  { AlarmHistoryItems: items = [] }: DescribeAlarmHistoryCommandOutput,
  name: string,
  contributorId: string | null,
): readonly ChangeToAlarm[] {
  // A proxy may answer anything, and a text would be spread into its letters.
  if (!Array.isArray(items)) throw new TypeError('the history is not a list');
  return items.flatMap((item) => {
    const { AlarmName, AlarmContributorId, Timestamp, HistoryData, AlarmContributorAttributes } =
      item;
    const isOfSubject = AlarmName === name && (AlarmContributorId ?? null) === contributorId;
    const atMs = epochMs(Timestamp);
    const change = isOfSubject && atMs !== null ? changeOf(HistoryData ?? '') : null;
    if (change === null || atMs === null) return [];
    return [{ ...change, atMs, attributes: attributesOf(AlarmContributorAttributes) }];
  });
}

// ---------------------------------------------------------------------------------------------------

const historySchema = v.object({
  oldState: v.optional(v.object({ stateValue: v.optional(v.unknown()) })),
  newState: v.object({ stateValue: v.literal('ALARM'), stateReasonData: v.optional(v.unknown()) }),
});

/** Null when the item is about another change, or cannot be read. */
function changeOf(
  historyData: string,
): Pick<ChangeToAlarm, 'previousState' | 'childrenInAlarm'> | null {
  if (historyData.length > limits.alarmReasonDataLengthMax) return null;
  try {
    const { oldState, newState } = v.parse(historySchema, JSON.parse(historyData));
    const before = oldState?.stateValue;
    const reason = newState.stateReasonData ?? '';
    return {
      previousState: isState(before) ? before : null,
      // An object in the history, a text everywhere else.
      childrenInAlarm: triggeringChildren(
        typeof reason === 'string' ? reason : JSON.stringify(reason),
      ),
    };
  } catch {
    return null;
  }
}
