import type { AlarmTransition } from '../domain/alarm/alarm.ts';
import type { AlertGroup, AlertPayload } from '../domain/alarm/alert-payload.ts';
import { ignoredResponse, type RollbackResponse } from '../domain/answer/response.ts';
import { assertNever } from '../domain/assert.ts';
import { closeWatch } from '../domain/protocol/watch.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { alarmKey, WatchEnd } from '../domain/record/trigger.ts';
import type { Deadline } from '../ports/deadline.ts';
import { alarmScope } from './act-on-alarm.ts';
import { checkRecovery } from './check-recovery.ts';
import type { RollbackDeps } from './deps.ts';
import { reportUnreadable } from './end-alarm.ts';
import { handleAlarm } from './handle-alarm.ts';
import { insisting } from './insisting.ts';
import { resolveModel } from './resolve-model.ts';
import { rollbackIdOf } from './rollback-id.ts';

/**
 * Answers one alert of Alertmanager or Grafana. Nobody can be asked what it is now, so its last message counts:
 * one that fires is an alarm that is in ALARM now, however long ago it began, and one that is resolved ends
 * what waits for it. The sweep never acts on an alert by itself; the sender repeats what still fires.
 * @throws what an alarm throws (handleAlarm): a retry can cure it
 */
export async function handleAlert(
  deps: RollbackDeps,
  alert: AlertPayload,
  source: AlertGroup['source'],
  deadline: Deadline,
): Promise<RollbackResponse> {
  switch (alert.kind) {
    case 'firing': {
      const { transition } = alert;
      return await handleAlarm(deps, { kind: 'transition', transition }, null, deadline);
    }
    case 'resolved':
      return await endAlert(deps, alert.transition, deadline);
    case 'unreadable':
      return await reportUnreadable(deps, alert, source, deadline);
    default:
      return assertNever(alert);
  }
}

// ---------------------------------------------------------------------------------------------------

async function endAlert(
  deps: RollbackDeps,
  transition: AlarmTransition,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const model = await resolveModel(deps, transition, deadline);
  const name = model.kind === 'model' ? model.name : alarmScope(deps, transition).name;
  const id = rollbackIdOf(deps, name, alarmKey(transition));
  const why = await insisting(`the record ${id}`, async () => {
    const { record } = await deps.store.read(name, id, deadline);
    if (record === undefined) return 'The alert is resolved. Nothing is on record about it.';
    return await endRecord(deps, record, deadline);
  });
  deps.logger.log('info', 'alert resolved', { why, alarm_name: transition.ref.name });
  return ignoredResponse(why, transition.ref.name, deps.clock.nowMs());
}

/** What waits for the alert ends. Null: another run was quicker. */
async function endRecord(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<string | null> {
  const { id, watch, recovery } = record;
  if (watch.kind === 'pending') {
    const closed = closeWatch(record, WatchEnd.RECOVERED, deps.clock.nowMs());
    const result = await deps.store.write({ record: closed }, deadline);
    return result === 'conflict' ? null : `The alert is resolved; ${id} no longer waits for it.`;
  }
  if (recovery.kind === 'pending') {
    const isWritten = await checkRecovery(deps, record, deadline, 'OK');
    return isWritten ? `The alert is resolved after the rollback ${id}.` : null;
  }
  return `The alert is resolved. Nothing of ${id} waits for it.`;
}
