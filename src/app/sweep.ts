import { isModelRollbackError, ModelNotFoundError, messageOf } from '../domain/errors.ts';
import { afterPointerCheck } from '../domain/follow-up.ts';
import { limits } from '../domain/limits.ts';
import { dueAtMs, modelNameOf, type RollbackRecord } from '../domain/rollback.ts';
import type { Deadline } from '../ports/deadline.ts';
import { checkRecovery } from './check-recovery.ts';
import type { RollbackDeps } from './deps.ts';
import { finish, leaseAndAnnounce } from './finish.ts';
import { inParallel } from './in-parallel.ts';
import { lookAgain } from './look-again.ts';
import { resumeRollback } from './resume-rollback.ts';

/** What one sweep did. */
export interface SweepReport {
  readonly outcome: 'SWEPT';
  /** Records that were due when it began, up to a bound. */
  readonly due: number;
  /** Runs that were cut off, and are finished now. */
  readonly resumed: number;
  readonly notices_sent: number;
  readonly pointers_checked: number;
  /** Of these, how many were not what the commit left. */
  readonly pointers_differ: number;
  /** Alarms that asked in vain, and were looked at again. */
  readonly alarms_looked_at: number;
  /** Rollbacks whose alarm was read at the end of the bake time. */
  readonly recoveries_checked: number;
  /** Due records that another run was quicker with. */
  readonly skipped: number;
  readonly failed: readonly { readonly rollback_id: string; readonly error: string }[];
  /** True when there was more due than one sweep takes, or time ran out. */
  readonly has_more: boolean;
}

/**
 * Does what is due: runs whose lease is over, then notices, then looks at pointers and alarms. Bounded in
 * number and time; several sweeps at once do no harm, and one bad item does not stop the rest.
 * @throws StateStoreUnavailableError, ConfigurationError when the due records cannot be listed
 */
export async function sweep(deps: RollbackDeps, deadline: Deadline): Promise<SweepReport> {
  const listed = await deps.store.listDue(deps.clock.nowMs(), limits.sweepRecordsMax, deadline);
  const results: Result[] = [];
  const due: RollbackRecord[] = [];
  await inParallel(listed, deadline, async ({ id }) => {
    await guard(results, id, deps, async () => {
      const record = await readRecord(deps, id, deadline);
      if (record === undefined || !isDue(record, deps.clock.nowMs()))
        results.push({ kind: 'skipped' });
      else due.push(record);
    });
  });
  const isRun = (record: RollbackRecord): boolean => record.progress.status === 'IN_PROGRESS';
  let handled = 0;
  const handle = async (record: RollbackRecord): Promise<void> => {
    handled += 1;
    await guard(results, record.id, deps, async () => {
      results.push(await settleDue(deps, record, deadline));
    });
  };
  await inParallel(due.filter(isRun), deadline, handle);
  await inParallel(
    due.filter((record) => !isRun(record)),
    deadline,
    handle,
  );
  const count = (kind: Result['kind']): number =>
    results.filter((result) => result.kind === kind).length;
  return {
    outcome: 'SWEPT',
    due: listed.length,
    resumed: count('resumed'),
    notices_sent: count('sent'),
    pointers_checked: count('checked') + count('differs'),
    pointers_differ: count('differs'),
    alarms_looked_at: count('looked'),
    recoveries_checked: count('recovery'),
    skipped: count('skipped'),
    failed: results.flatMap((result) => (result.kind === 'failed' ? [result.failure] : [])),
    has_more: listed.length >= limits.sweepRecordsMax || handled < due.length,
  };
}

// ---------------------------------------------------------------------------------------------------

type Result =
  | {
      readonly kind: 'resumed' | 'sent' | 'checked' | 'differs' | 'looked' | 'recovery' | 'skipped';
    }
  | { readonly kind: 'failed'; readonly failure: SweepReport['failed'][number] };

async function settleDue(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<Result> {
  if (record.progress.status === 'IN_PROGRESS') {
    const ended = await resumeRollback(deps, record.id, deadline);
    if (ended === null) return { kind: 'skipped' };
    await finish(deps, ended, deadline);
    return { kind: 'resumed' };
  }
  if (record.notice.kind === 'pending') return await sendDue(deps, record, deadline);
  const nowMs = deps.clock.nowMs();
  const { pointerCheck, recovery } = record;
  if (pointerCheck.kind === 'pending' && pointerCheck.dueAtMs <= nowMs) {
    return await checkPointer(deps, record, deadline);
  }
  if (recovery.kind === 'pending' && recovery.dueAtMs <= nowMs) {
    const isDone = await checkRecovery(deps, record, deadline);
    return { kind: isDone ? 'recovery' : 'skipped' };
  }
  return { kind: (await lookAgain(deps, record, deadline)) ? 'looked' : 'skipped' };
}

async function sendDue(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<Result> {
  const told = await leaseAndAnnounce(deps, record, deadline);
  if (told === null) return { kind: 'skipped' };
  if (told.notice.kind === 'sent') return { kind: 'sent' };
  const error = 'the notice was not sent; the log says why';
  return { kind: 'failed', failure: { rollback_id: record.id, error } };
}

async function checkPointer(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<Result> {
  let liveVersions: string[] | null = null;
  let failure: unknown;
  try {
    // With what was left live, wherever it stands: a difference must not be one between two readings.
    const left = record.progress.status === 'IN_PROGRESS' ? [] : record.progress.liveVersions;
    const snapshot = await deps.registry.read(record.modelName, left, deadline);
    liveVersions = snapshot.live.map((row) => row.version);
  } catch (error) {
    if (error instanceof ModelNotFoundError) liveVersions = [];
    else failure = error;
  }
  const { state } = await deps.store.read(record.modelName, null, deadline);
  const lastCommit = state?.lastCommit ?? null;
  // A run of ours is at it: what we saw may be half of that. Later again.
  const isBusy = state?.active != null;
  if (isBusy) liveVersions = null;
  const checked = afterPointerCheck(record, liveVersions, lastCommit, deps.clock.nowMs());
  if ((await deps.store.write({ record: checked }, deadline)) === 'conflict')
    return { kind: 'skipped' };
  if (isBusy) return { kind: 'skipped' };
  if (liveVersions === null) throw failure;
  if (checked.pointerCheck.kind !== 'differs') return { kind: 'checked' };
  await leaseAndAnnounce(deps, checked, deadline);
  return { kind: 'differs' };
}

function isDue(record: RollbackRecord, nowMs: number): boolean {
  const due = dueAtMs(record);
  return due !== null && due <= nowMs;
}

async function readRecord(
  deps: RollbackDeps,
  id: string,
  deadline: Deadline,
): Promise<RollbackRecord | undefined> {
  return (await deps.store.read(modelNameOf(id), id, deadline)).record;
}

/** One bad item is reported, and the rest goes on. A bug of ours is no item: it goes up. */
async function guard(
  results: Result[],
  id: string,
  deps: RollbackDeps,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    deps.logger.log('error', 'a due record could not be settled', {
      rollback_id: id,
      error: messageOf(error),
    });
    results.push({ kind: 'failed', failure: { rollback_id: id, error: messageOf(error) } });
  }
}
