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

/** In place of what it waited for, which is decided. Null while nothing is decided, and for every other record. */
export function endOfWait(record: RollbackRecord): string | null {
  const { watch, modelName, progress, id } = record;
  if (progress.status !== 'AWAITING_APPROVAL' || watch.kind !== 'closed') return null;
  // Its notice says that it is closed, and then the result before.
  if (watch.why === WatchEnd.POINTER_CHANGED) return null;
  const at = isoTime(watch.atMs);
  if (watch.why === WatchEnd.APPROVED) {
    const by = watch.by ? ` by ${watch.by}` : '';
    return `The rollback was approved${by} at ${at}. What it did has a record of its own.`;
  }
  const text =
    rejectionText(watch) ?? `${id} no longer waits for approval (closed: ${watch.why}, ${at}).`;
  return `${text} Nothing was moved. To see what a rollback would do now, run ${commandText('plan', [modelName])}.`;
}
