import { alarmRefText } from '../alarm/alarm.ts';
import { commandText } from '../command-line.ts';
import type { AlarmSummary } from '../record/notice-content.ts';
import type { RollbackRecord } from '../record/record.ts';
import { type AlarmTrigger, rejectionText, WatchEnd } from '../record/trigger.ts';
import { isoTime } from '../registry/model.ts';

/** What answers and notices say of the alarm behind a rollback. */
export function alarmSummary(
  { watch, recovery, isAutomatic }: Pick<RollbackRecord, 'watch' | 'recovery' | 'isAutomatic'>,
  alarm: AlarmTrigger,
): AlarmSummary {
  const { transition, modelSource } = alarm;
  const person = watch.kind === 'closed' ? (watch.by ?? null) : null;
  const isRejected = watch.kind === 'closed' && watch.why === WatchEnd.REJECTED;
  return {
    arn: alarmRefText(transition.ref),
    red_since: isoTime(transition.atMs),
    contributor_id: transition.contributor?.id ?? null,
    model_source: modelSource,
    automatic: isAutomatic,
    watch: watch.kind === 'closed' ? watch.why : watch.kind,
    approved_by: isRejected ? null : person,
    ...(isRejected && { rejected_by: person }),
    next_look_at: watch.kind === 'pending' ? isoTime(watch.dueAtMs) : null,
    recovery: recovery.kind,
  };
}

/** In place of what it waited for: that can no longer be approved. Null where nobody rejected it. */
export function rejectedMessage({ watch, modelName }: RollbackRecord): string | null {
  const text = rejectionText(watch);
  if (text === null) return null;
  return `${text} Nothing was moved. To see what a rollback would do now, run ${commandText('plan', [modelName])}.`;
}
