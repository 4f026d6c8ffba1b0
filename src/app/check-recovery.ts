import { assert } from '../domain/assert.ts';
import { afterRecovery, postponeRecovery } from '../domain/protocol/watch.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { Recovery } from '../domain/record/trigger.ts';
import { lastPromotion } from '../domain/state/live-history.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { announce } from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import { type AlarmNow, readAlarmNow } from './read-alarm.ts';

/**
 * Did the rollback help? The alarm is read once at the end of the bake time. Still in ALARM: people are
 * notified, and automation of this model stops; never one version further back.
 * @param known what the last message of an alert says; null: CloudWatch is asked
 * @returns false when another run was quicker
 */
export async function checkRecovery(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
  known: AlarmNow | null = null,
): Promise<boolean> {
  assert(record.alarm !== null, 'a recovery check has its alarm');
  const now = known ?? (await readAlarmNow(deps, record.alarm.transition, deadline));
  const { state } = await deps.store.read(record.modelName, null, deadline);
  const nowMs = deps.clock.nowMs();
  if (now === 'unreachable') {
    const later = postponeRecovery(record, nowMs);
    return (await deps.store.write({ record: later }, deadline)) === 'written';
  }
  const isSuperseded = !isLastMove(state, record) || record.pointerCheck.kind === 'differs';
  const found = isSuperseded ? Recovery.SUPERSEDED : findings[now];
  const time = { nowMs, token: deps.identity.random() };
  const change = afterRecovery(record, state, found, time);
  if ((await deps.store.write(change, deadline)) === 'conflict') return false;
  if (change.notice !== undefined) await announce(deps, change.notice.item, deadline);
  return true;
}

// ---------------------------------------------------------------------------------------------------

/** Neither a later rollback nor a promotion of ours has moved the pointer since. */
function isLastMove(state: ModelState | undefined, { plan, id }: RollbackRecord): boolean {
  if (state === undefined || plan === null) return false;
  const part = pointerState(state, plan.pointer);
  return part.lastCommit?.rollbackId === id && lastPromotion(part) === null;
}

const findings = {
  OK: Recovery.RECOVERED,
  ALARM: Recovery.NOT_RECOVERED,
  INSUFFICIENT_DATA: Recovery.NO_DATA,
  absent: Recovery.NO_DATA,
  unknown: Recovery.NO_DATA,
} as const;
