import { isOfCloudWatch } from '../domain/alarm/alarm.ts';
import { assert } from '../domain/assert.ts';
import { isSameLive } from '../domain/decide/verify.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { closeWatch, isApprovable, postponeWatch } from '../domain/protocol/watch.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { WatchEnd } from '../domain/record/trigger.ts';
import type { Deadline } from '../ports/deadline.ts';
import { type RollbackDeps, throughPointer } from './deps.ts';
import { attemptAlarm, judgeArrival } from './handle-alarm.ts';
import { readAlarmNow } from './read-alarm.ts';

/**
 * Checks an alarm that led to no rollback again, since CloudWatch does not repeat its events: closes it when
 * it is no longer in ALARM, else tries once more.
 * @returns true when there was something to do, false when another run was quicker
 */
export async function recheckAlarm(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<boolean> {
  assert(record.alarm !== null, 'a watched record has its alarm');
  const { transition } = record.alarm;
  const now = await readAlarmNow(deps, transition, deadline);
  const nowMs = deps.clock.nowMs();
  // Whoever may publish to a topic may have made it up: the attempt below records that.
  const isMadeUp = now === 'absent' && transition.unconfirmedFrom !== undefined;
  const isWaiting = record.progress.status === 'AWAITING_APPROVAL';
  // The last message of an alert said that it fires. A person may act on that; the sweep does not.
  if (now === 'unknown' && isWaiting && !isOfCloudWatch(transition.ref)) {
    return await recheckWaiting(deps, record, deadline);
  }
  if (now === 'unknown' || now === 'unreachable' || (now === 'absent' && !isMadeUp)) {
    return await save(deps, postponeWatch(record, nowMs, 'unreadable'), deadline);
  }
  if (now !== 'ALARM' && !isMadeUp) {
    return await save(deps, closeWatch(record, WatchEnd.RECOVERED, nowMs), deadline);
  }
  if (isWaiting) {
    return await recheckWaiting(deps, record, deadline);
  }
  if (record.progress.status === 'DEFERRED' && transition.isFromEventBus) {
    // CloudWatch may not have been asked yet whether it asks for anything.
    const arrival = await judgeArrival(deps, transition, deadline);
    if (arrival.kind === 'ignore') {
      return await save(deps, closeWatch(record, WatchEnd.IGNORED, nowMs), deadline);
    }
  }
  const response = await attemptAlarm(deps, transition, record.createdAtMs, deadline);
  const { record: after } = await deps.store.read(record.modelName, record.id, deadline);
  if (after === undefined || after.watch.kind !== 'pending') return true;
  if (record.subject === 'alarm' && response.rollback_id !== record.id) {
    const why = response.outcome === 'IGNORED' ? WatchEnd.IGNORED : WatchEnd.HANDED_ON;
    return await save(deps, closeWatch(after, why, nowMs), deadline);
  }
  // Whatever the result: not due again at once.
  const isStillDue = after.watch.dueAtMs <= deps.clock.nowMs();
  return isStillDue ? await save(deps, postponeWatch(after, nowMs, 'waiting'), deadline) : true;
}

// ---------------------------------------------------------------------------------------------------

/** A person may still approve while the alarm is in ALARM and about the live version. */
async function recheckWaiting(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<boolean> {
  const nowMs = deps.clock.nowMs();
  if (!isApprovable(record, nowMs)) {
    return await save(deps, closeWatch(record, WatchEnd.EXPIRED, nowMs), deadline);
  }
  const { plan } = record;
  assert(plan !== null, 'what waits for a person has a plan');
  let isSame: boolean;
  try {
    const { registry } = throughPointer(deps, plan.pointer);
    const snapshot = await registry.read(record.modelName, plan.live, deadline);
    isSame = isSameLive(plan.live, plan, snapshot);
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    return await save(deps, postponeWatch(record, nowMs, 'unreadable'), deadline);
  }
  const checked = isSame
    ? postponeWatch(record, nowMs, 'waiting')
    : closeWatch(record, WatchEnd.POINTER_MOVED, nowMs);
  return await save(deps, checked, deadline);
}

async function save(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<boolean> {
  if ((await deps.store.write({ record }, deadline)) === 'conflict') return false;
  if (record.watch.kind === 'closed') {
    deps.logger.log('info', 'alarm no longer checked', {
      rollback_id: record.id,
      why: record.watch.why,
    });
  }
  return true;
}
