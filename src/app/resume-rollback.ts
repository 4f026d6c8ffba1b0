import { assert } from '../domain/assert.ts';
import { commandText } from '../domain/command-line.ts';
import { ConfigurationError, StateCorruptError } from '../domain/errors.ts';
import { isStaleClaim } from '../domain/meeting.ts';
import { modelNameOf, type RollbackRecord } from '../domain/rollback.ts';
import { type ClaimedRun, renewLease } from '../domain/transition.ts';
import type { Deadline } from '../ports/deadline.ts';
import { aliasWarningsBeside } from './alias-warnings.ts';
import { carryOut, newLease } from './carry-out.ts';
import { registrySkewMs, requireClock } from './clock-skew.ts';
import type { RollbackDeps } from './deps.ts';
import type { RunEnd } from './end-run.ts';
import { readAlarmNow } from './read-alarm.ts';

/**
 * Resumes a run whose lease has expired, and finishes it from what the registry shows.
 * @returns how it ended, or null when another run was quicker (read again)
 */
export async function resumeRollback(
  deps: RollbackDeps,
  rollbackId: string,
  deadline: Deadline,
): Promise<RunEnd | null> {
  const { state, record, notice, fleet, clockSkewMs } = await deps.store.read(
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
  if (state.active.leaseEndsAtMs > deps.clock.nowMs()) return null;
  const { plan } = record;
  assert(plan !== null, 'a claimed run has a plan');
  requireClock(deps, [clockSkewMs, await registrySkewMs(deps, record.modelName, deadline)]);
  const isStale = isStaleClaim(record, deps.clock.nowMs());
  if (plan.registry !== deps.registry.address && !isStale) {
    throw new ConfigurationError(
      `The rollback ${rollbackId} was interrupted on the registry ${plan.registry}; this is ` +
        `${deps.registry.address}. Use one state table per registry. To finish that rollback, set ` +
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
  const whyStale = isStale
    ? 'it began more than 15 minutes ago'
    : await whyAlarmStale(deps, record, isPaused, deadline);
  const besides = aliasWarningsBeside(deps, record.modelName, plan, deadline);
  return await carryOut(deps, taken, deadline, { whyStale }, besides);
}

// ---------------------------------------------------------------------------------------------------

/** Nobody expects the rollback any more when its alarm is no longer in ALARM, or automation was stopped. */
async function whyAlarmStale(
  deps: RollbackDeps,
  { alarm, isAutomatic }: RollbackRecord,
  isPaused: boolean,
  deadline: Deadline,
): Promise<string | null> {
  if (alarm === null || !isAutomatic) return null;
  if (isPaused) return 'automation was paused in the meantime';
  const now = await readAlarmNow(deps, alarm.transition, deadline);
  return now === 'OK' || now === 'INSUFFICIENT_DATA' ? 'its alarm is no longer in ALARM' : null;
}
