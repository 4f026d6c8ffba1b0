import { assert } from '../domain/assert.ts';
import { commandText } from '../domain/command-line.ts';
import { ConfigurationError, StateCorruptError } from '../domain/errors.ts';
import { isStaleClaim } from '../domain/protocol/meeting.ts';
import { type ClaimedRun, renewLease } from '../domain/protocol/transition.ts';
import { modelNameOf, type RollbackRecord } from '../domain/record/record.ts';
import { isSameRegistry } from '../domain/registry/address.ts';
import { RefusalCode } from '../domain/request/request.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { type Decided, freezeNow } from '../domain/state/operator.ts';
import type { Deadline } from '../ports/deadline.ts';
import { aliasWarningsBeside } from './alias-warnings.ts';
import { carryOut } from './carry-out.ts';
import { registrySkewMs, requireClock } from './clock-skew.ts';
import { depsFor, type RollbackDeps, throughPointer } from './deps.ts';
import type { RunEnd } from './end-run.ts';
import { newLease } from './lease.ts';
import { type AlarmNow, readAlarmNow } from './read-alarm.ts';

/**
 * Resumes a run whose lease has expired, and finishes it from what the registry shows.
 * @param mayRepeat the caller that asked for the rollback asks again: a move that may have been sent, and
 * shows no effect, may then be sent once more. An alarm may do so only while it is in ALARM.
 * @returns how it ended, or null when another run was quicker (read again)
 */
export async function resumeRollback(
  allDeps: RollbackDeps,
  rollbackId: string,
  deadline: Deadline,
  { mayRepeat = false }: { readonly mayRepeat?: boolean } = {},
): Promise<RunEnd | null> {
  const { state, record, notice, fleet, clockSkewMs } = await allDeps.store.read(
    modelNameOf(rollbackId),
    rollbackId,
    deadline,
  );
  if (state?.active?.rollbackId !== rollbackId) return null;
  if (record === undefined) {
    throw new StateCorruptError(
      `The state of ${state.modelName} names the active rollback ${rollbackId}, but its record is gone. ` +
        'Nothing was written. Restore the record, or remove the field "active" from the state item.',
    );
  }
  if (record.progress.status !== 'IN_PROGRESS') return null;
  if (state.active.leaseEndsAtMs > allDeps.clock.nowMs()) return null;
  const { plan } = record;
  assert(plan !== null, 'a claimed run has a plan');
  const deps = throughPointer(depsFor(allDeps, state), plan.pointer);
  requireClock(deps, [clockSkewMs, await registrySkewMs(deps, record.modelName, deadline)]);
  const isStale = isStaleClaim(record, deps.clock.nowMs());
  const { address } = deps.registry;
  if (!isSameRegistry(plan.registry, address) && !isStale) {
    throw new ConfigurationError(
      `The rollback ${rollbackId} was interrupted on the registry ${plan.registry}; this is ` +
        `${address}. Use one state table per registry. To finish that rollback, set ` +
        `MLFLOW_TRACKING_URI to its registry and run ${commandText('sweep')}.`,
    );
  }
  const claimed: ClaimedRun = {
    state,
    record: { ...record, plan },
    earlierNotice: notice,
    slotIn: record.isAutomatic ? fleet : undefined,
  };
  const taken = renewLease(claimed, newLease(deps, deadline));
  if ((await deps.store.write(taken, deadline)) === 'conflict') return null;
  deps.logger.log('warn', 'resumed a run that was interrupted', { rollback_id: rollbackId });
  const isPaused = state.pause !== null || (fleet?.pause ?? null) !== null;
  const isFrozen = isFrozenFor(record, [state, fleet ?? newFleetState], deps.clock.nowMs());
  const isStopped = isStale || isPaused || isFrozen;
  const alarmNow = isStopped ? null : await readOwnAlarm(deps, record, deadline);
  const whyStale = isStale
    ? 'it began more than 15 minutes ago'
    : isFrozen
      ? 'the model was frozen in the meantime'
      : whyAlarmStale(record, isPaused, alarmNow);
  const warnings = aliasWarningsBeside(deps, { ...record, plan, snapshot: null }, deadline);
  const resumed = { whyStale, mayRepeat: mayRepeat || alarmNow === 'ALARM' };
  return await carryOut(deps, taken, deadline, resumed, { warnings });
}

// ---------------------------------------------------------------------------------------------------

/** True when somebody froze the model, or all, and the request does not pass that. */
function isFrozenFor(
  { request }: RollbackRecord,
  decided: readonly Decided[],
  nowMs: number,
): boolean {
  const isPassed = request.overrides.includes(RefusalCode.FROZEN);
  return !isPassed && decided.some((one) => freezeNow(one, nowMs) !== null);
}

/** The state of the alarm that asks for the rollback by itself; null when none does. */
async function readOwnAlarm(
  deps: RollbackDeps,
  { alarm, isAutomatic }: RollbackRecord,
  deadline: Deadline,
): Promise<AlarmNow | null> {
  if (alarm === null || !isAutomatic) return null;
  return await readAlarmNow(deps, alarm.transition, deadline);
}

/** Nobody expects the rollback any more when its alarm is no longer in ALARM, or automation was stopped. */
function whyAlarmStale(
  { alarm, isAutomatic }: RollbackRecord,
  isPaused: boolean,
  now: AlarmNow | null,
): string | null {
  if (alarm === null || !isAutomatic) return null;
  if (isPaused) return 'automation was paused in the meantime';
  return now === 'OK' || now === 'INSUFFICIENT_DATA' ? 'its alarm is no longer in ALARM' : null;
}
