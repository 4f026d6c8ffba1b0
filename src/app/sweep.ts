import { adoptedNotice } from '../domain/answer/notice.ts';
import { assertNever } from '../domain/assert.ts';
import { isModelRollbackError, messageOf, StateCorruptError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { DueTask, dueAtMs, dueTasks } from '../domain/record/due.ts';
import type { NoticeTopic } from '../domain/record/notice-content.ts';
import { isSent, type OutboxNotice, openChannels } from '../domain/record/outbox.ts';
import { modelNameOf, type RollbackRecord } from '../domain/record/record.ts';
import { next } from '../domain/revision.ts';
import { together } from '../domain/together.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { DueItem, DueKind } from '../ports/rollback-store.ts';
import { leaseAndAnnounce } from './announce.ts';
import { checkPointer } from './check-pointer.ts';
import { checkRecovery } from './check-recovery.ts';
import type { RollbackDeps } from './deps.ts';
import { finish } from './finish.ts';
import { inParallel } from './in-parallel.ts';
import { type Observation, observe } from './observe.ts';
import { recheckAlarm } from './recheck-alarm.ts';
import { reloadIfDue } from './reload.ts';
import { resumeRollback } from './resume-rollback.ts';
import { reportOf, type SweepReport, type SweepResult } from './sweep-report.ts';

/**
 * Does what is due: resumes runs whose lease has expired, checks pointers, alarms and recoveries, and
 * beside that sends notices, so that neither waits for the other. Bounded in number and time; several
 * sweeps at once do no harm, and whatever is wrong with one item, the rest is done.
 * @throws StateStoreUnavailableError, ConfigurationError when the due work cannot be listed
 */
export async function sweep(deps: RollbackDeps, deadline: Deadline): Promise<SweepReport> {
  const nowMs = deps.clock.nowMs();
  const run: Sweep = { deps, deadline, nowMs, results: [], due: 0, observed: null };
  // Each ends by itself before an error goes up: a function that has answered is frozen as it is.
  const hasMore = await together([sweepRecords(run), sweepNotices(run)]);
  // After all due work: nobody waits for it.
  await guard(run, 'observing', async () => {
    run.observed = await observe(deps, deadline);
  });
  return reportOf(run, hasMore.includes(true));
}

// ---------------------------------------------------------------------------------------------------

interface Sweep {
  readonly deps: RollbackDeps;
  readonly deadline: Deadline;
  readonly nowMs: number;
  readonly results: SweepResult[];
  due: number;
  observed: Observation | null;
}

/** Runs that were cut off come first: they hold their models. */
async function sweepRecords(run: Sweep): Promise<boolean> {
  return await pageByPage(run, 'record', async (page) => {
    const records: RollbackRecord[] = [];
    await inParallel(page, run.deadline, async ({ id }) => {
      await guard(run, id, async () => {
        const record = await readRecord(run, id);
        if (record !== undefined && isDue(record, run.deps.clock.nowMs())) records.push(record);
        else run.results.push({ kind: 'skipped' });
      });
    });
    const isRun = (record: RollbackRecord): boolean => record.progress.status === 'IN_PROGRESS';
    const settle = (record: RollbackRecord): Promise<void> => settleDue(run, record);
    await inParallel(records.filter(isRun), run.deadline, settle);
    await inParallel(
      records.filter((record) => !isRun(record)),
      run.deadline,
      settle,
    );
    return true;
  });
}

/** Each channel by itself: one that is down is not used for the rest of the sweep. */
async function sweepNotices(run: Sweep): Promise<boolean> {
  const { deps, deadline } = run;
  const names = deps.notifiers.map(({ channel }) => channel);
  /** Failures in a row; each waits for its time limit. */
  const failures = new Map<string, number>();
  const isTried = (name: string): boolean => (failures.get(name) ?? 0) < limits.channelFailuresMax;
  const sendOne = async (id: string, topic: NoticeTopic): Promise<void> => {
    const notice = await readDueNotice(run, id, topic);
    const open = notice === undefined ? [] : openChannels(notice, names);
    // Open to none: each that did not take it is not set up any more, and the notice is done.
    const isWanted = notice !== undefined && (open.length === 0 || open.some(isTried));
    const sent = isWanted ? await leaseAndAnnounce(deps, notice, deadline, isTried) : null;
    if (sent === null) run.results.push({ kind: 'skipped' });
    else {
      for (const name of open) {
        const state = sent.channels[name];
        if (state === notice?.channels[name]) continue;
        failures.set(name, state?.kind === 'sent' ? 0 : (failures.get(name) ?? 0) + 1);
      }
      const isTouched = open.some((name) => sent.channels[name] !== notice?.channels[name]);
      const otherwise = isTouched ? unsent(id, topic) : ({ kind: 'skipped' } as const);
      run.results.push(isSent(sent) ? { kind: 'sent' } : otherwise);
    }
  };
  return await pageByPage(run, 'notice', async (page) => {
    await inParallel(page, deadline, async ({ id, topic }) => {
      if (topic !== null && names.some(isTried)) await guard(run, id, () => sendOne(id, topic));
    });
    return names.some(isTried);
  });
}

/** With its record, so that the log can say what it is about; without it where that cannot be read. */
async function readDueNotice(
  { deps, deadline }: Sweep,
  id: string,
  topic: NoticeTopic,
): Promise<OutboxNotice | undefined> {
  try {
    const { notice } = await deps.store.read(modelNameOf(id), id, deadline);
    if (topic === 'end') return notice;
  } catch (error) {
    if (!(error instanceof StateCorruptError)) throw error;
  }
  return await deps.store.readNotice(id, topic, deadline);
}

function unsent(id: string, topic: NoticeTopic): SweepResult {
  const error = `The notice (${topic}) was not sent; the log says why.`;
  return { kind: 'failed', failure: { rollback_id: id, error } };
}

/**
 * What is due, page by page: items that fail for ever fill a page, and the next one is read all the same.
 * @param work false ends it
 * @returns true when there is more, or when time ran out
 */
async function pageByPage(
  run: Sweep,
  kind: DueKind,
  work: (page: readonly DueItem[]) => Promise<boolean>,
): Promise<boolean> {
  const { deps, deadline, nowMs } = run;
  const limit = limits.sweepPageRows;
  let after: DueItem | null = null;
  for (let pages = 1; pages <= limits.sweepPagesMax; pages += 1) {
    const page: readonly DueItem[] = await deps.store.listDue(
      kind,
      nowMs,
      { limit, after },
      deadline,
    );
    run.due += page.length;
    const isGoingOn = await work(page);
    if (deadline.leftMs() <= 0 || !isGoingOn) return page.length > 0;
    if (page.length < limit) return false;
    after = page.at(-1) ?? null;
  }
  return true;
}

/** Does each thing that is due for a record by itself: one that fails does not keep the others. */
async function settleDue(run: Sweep, record: RollbackRecord): Promise<void> {
  let now = record;
  let isRead = true;
  for (const task of Object.values(DueTask)) {
    if (!isTaskDue(run, now, task)) continue;
    await guard(run, record.id, async () => {
      // Whatever was written since: the next task starts from it.
      if (!isRead) now = (await readRecord(run, record.id)) ?? now;
      isRead = false;
      if (isTaskDue(run, now, task)) run.results.push(await doTask(run, task, now));
    });
  }
}

function isTaskDue({ deps, deadline }: Sweep, record: RollbackRecord, task: DueTask): boolean {
  const nowMs = deps.clock.nowMs();
  const isDueNow = dueTasks(record).some(([due, atMs]) => due === task && atMs <= nowMs);
  return isDueNow && deadline.leftMs() > 0;
}

async function doTask(run: Sweep, task: DueTask, record: RollbackRecord): Promise<SweepResult> {
  const { deps, deadline } = run;
  switch (task) {
    case DueTask.RESUME: {
      const ended = await resumeRollback(deps, record.id, deadline);
      if (ended === null) return { kind: 'skipped' };
      await finish(deps, ended, deadline);
      return { kind: 'resumed' };
    }
    case DueTask.NOTICE:
      return await adoptNotice(run, record);
    case DueTask.POINTER: {
      const found = await checkPointer(deps, record, deadline);
      if (found === 'differs') return { kind: 'differs' };
      return { kind: found === 'as-left' ? 'checked' : 'skipped' };
    }
    case DueTask.SERVING:
      return { kind: (await reloadIfDue(deps, record, deadline)) ? 'reloaded' : 'skipped' };
    case DueTask.RECOVERY:
      return { kind: (await checkRecovery(deps, record, deadline)) ? 'recovery' : 'skipped' };
    case DueTask.ALARM:
      return { kind: (await recheckAlarm(deps, record, deadline)) ? 'rechecked' : 'skipped' };
    default:
      return assertNever(task);
  }
}

/** A notice that release 0.1.0 left in the record goes into the outbox, and is sent from there. */
async function adoptNotice(
  { deps, deadline }: Sweep,
  record: RollbackRecord,
): Promise<SweepResult> {
  const { notice: previous } = await deps.store.read(record.modelName, record.id, deadline);
  const facts = { previous, nowMs: deps.clock.nowMs(), token: deps.identity.random() };
  const notice = adoptedNotice(record, facts);
  if (notice === null) return { kind: 'skipped' };
  const without = next<RollbackRecord>({ ...record, notice: { kind: 'none' } });
  const result = await deps.store.write({ record: without, notice }, deadline);
  if (result === 'conflict') return { kind: 'skipped' };
  const sent = await leaseAndAnnounce(deps, notice.item, deadline);
  return { kind: sent !== null && isSent(sent) ? 'sent' : 'skipped' };
}

function isDue(record: RollbackRecord, nowMs: number): boolean {
  const due = dueAtMs(record);
  return due !== null && due <= nowMs;
}

async function readRecord(
  { deps, deadline }: Sweep,
  id: string,
): Promise<RollbackRecord | undefined> {
  return (await deps.store.read(modelNameOf(id), id, deadline)).record;
}

/** Whatever is wrong with one item, also a bug of ours, is named in the report, and the rest goes on. */
async function guard(
  { deps, results }: Sweep,
  id: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isBug = !isModelRollbackError(error);
    deps.logger.log('error', 'a due item could not be handled', {
      rollback_id: id,
      error: messageOf(error),
      ...(isBug && error instanceof Error ? { stack: error.stack ?? '' } : {}),
    });
    results.push({ kind: 'failed', failure: { rollback_id: id, error: messageOf(error) } });
  }
}
