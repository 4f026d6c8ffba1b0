import { type AlarmTransition, arnOf, isOfCloudWatch } from '../domain/alarm/alarm.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * What an alarm is now. `absent`: there is no such alarm. `unknown`: CloudWatch refuses to say, or nobody can
 * say it: where Alertmanager cannot be asked, an alert is known by its messages alone.
 */
export type AlarmNow = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA' | 'absent' | 'unknown' | 'unreachable';

/** The state of an alarm now; of one series, where the alarm is on several. */
export async function readAlarmNow(
  deps: RollbackDeps,
  alarm: AlarmTransition,
  deadline: Deadline,
): Promise<AlarmNow> {
  const { ref, contributor } = alarm;
  if (!isOfCloudWatch(ref)) return (await deps.alerts?.read(alarm, deadline)) ?? 'unknown';
  const arn = arnOf(ref);
  const answer = await deps.alarms.read([arn], deadline);
  if (answer.kind !== 'answer') return answer.kind === 'silent' ? 'unknown' : 'unreachable';
  const state = answer.value[0]?.state ?? 'absent';
  if (state !== 'ALARM' || contributor === null) return state;
  const series = await deps.alarms.readContributors(arn, deadline);
  if (series.kind !== 'answer') return series.kind === 'silent' ? state : 'unreachable';
  return series.value.some(({ id }) => id === contributor.id) ? 'ALARM' : 'OK';
}
