import { messageOf } from '../domain/errors.ts';
import { afterNotice, leaseNotice } from '../domain/follow-up.ts';
import { limits } from '../domain/limits.ts';
import { noticeOf } from '../domain/notice.ts';
import type { Warning } from '../domain/request.ts';
import { type RollbackResponse, responseOf } from '../domain/response.ts';
import { Outcome, type RollbackRecord } from '../domain/rollback.ts';
import { MarkKind, markText } from '../domain/rollback-mark.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * What follows an end: the notice, then the tags. The notice was saved with the end, so whatever is cut
 * off here is found again, by a replay or by the sweep.
 */
export async function finish(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const told = await announce(deps, record, deadline);
  const warnings = [...noticeWarnings(told), ...(await annotate(deps, told, deadline))];
  return responseOf(told, { warnings });
}

/** Sends the pending notice of a record that we hold the lease on, and marks it. Never throws. */
export async function announce(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackRecord> {
  if (record.notice.kind !== 'pending' || deadline.leftMs() <= 0) return record;
  const result = await deps.notifier.send(noticeOf(record, deps.clock.nowMs()), deadline);
  if (result.kind === 'failed') {
    deps.logger.log('error', 'the notice was not sent', {
      rollback_id: record.id,
      error: result.message,
    });
  }
  const marked = afterNotice(record, result.kind === 'sent', deps.clock.nowMs());
  try {
    await deps.store.write({ record: marked }, deadline);
  } catch (error) {
    // At worst it is sent twice; it carries the rollback id.
    deps.logger.log('warn', 'the notice could not be marked', {
      rollback_id: record.id,
      error: messageOf(error),
    });
  }
  return marked;
}

/**
 * Takes a pending notice in hand, sends it and marks it.
 * @returns the record as it is then; null when another sender has it, or was quicker
 */
export async function leaseAndAnnounce(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackRecord | null> {
  const leased = leaseNotice(record, deps.clock.nowMs());
  if (leased === null) return null;
  if ((await deps.store.write({ record: leased }, deadline)) === 'conflict') return null;
  return await announce(deps, leased, deadline);
}

/**
 * The answer to an end that was just written: its notice is sent, unless it repeats an earlier end of the
 * same key, whose notice it then has.
 */
export async function answerEnd(
  deps: RollbackDeps,
  record: RollbackRecord,
  previous: RollbackRecord | undefined,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const isInherited = record.notice === previous?.notice;
  const told = isInherited
    ? await announceIfPending(deps, record.modelName, record.id, deadline)
    : await announce(deps, record, deadline);
  const ended = told ?? record;
  return responseOf(ended, { warnings: noticeWarnings(ended) });
}

/**
 * For a replay: sends the notice when nobody else has it in hand, and waits for whoever has. Returns the
 * record as it is then; null when it is gone.
 */
export async function announceIfPending(
  deps: RollbackDeps,
  modelName: string,
  rollbackId: string,
  deadline: Deadline,
): Promise<RollbackRecord | null> {
  for (;;) {
    const { record } = await deps.store.read(modelName, rollbackId, deadline);
    if (record === undefined) return null;
    const { notice } = record;
    if (notice.kind !== 'pending' || deadline.leftMs() <= limits.noticeTimeoutMs) return record;
    const nowMs = deps.clock.nowMs();
    const leased = leaseNotice(record, nowMs);
    if (leased === null) await deps.clock.sleep(Math.min(pollMs, notice.leaseEndsAtMs - nowMs));
    else if ((await deps.store.write({ record: leased }, deadline)) === 'written') {
      return await announce(deps, leased, deadline);
    }
  }
}

// ---------------------------------------------------------------------------------------------------

const pollMs = 250;

/** That people were not told is told to the caller, whatever the outcome. */
export function noticeWarnings(record: RollbackRecord): Warning[] {
  if (record.notice.kind !== 'pending') return [];
  const message = 'The notice is not sent yet. It is kept, and the sweep sends it.';
  return [{ code: 'NOTICE_NOT_SENT', message }];
}

/**
 * Tags both versions: in stage mode they are the only trace that MLflow's own pages show, and the only
 * thing that fires its webhooks. The rollback is done by now, so a failure is a warning.
 */
async function annotate(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<Warning[]> {
  const { plan, progress, modelName } = record;
  if (progress.status !== Outcome.ROLLED_BACK || plan?.to == null) return [];
  const { alarmName, requestedBy, reason } = record.request;
  const about = {
    atMs: progress.endedAtMs,
    reason,
    by: alarmName ?? requestedBy ?? 'manual',
    rollbackId: record.id,
    pointer: plan.pointer,
  };
  const [from, to] = [plan.from?.version ?? null, plan.to.version];
  const marks = [
    { version: to, mark: { ...about, kind: MarkKind.RESTORED, other: from } },
    ...(from === null
      ? []
      : [{ version: from, mark: { ...about, kind: MarkKind.ROLLED_BACK, other: to } }]),
  ];
  const results = await Promise.allSettled(
    marks.map(({ version, mark }) => {
      const tag = { key: mark.kind, value: markText(mark) };
      return deps.registry.annotate(modelName, version, tag, deadline);
    }),
  );
  return results.flatMap((result) =>
    result.status === 'fulfilled'
      ? []
      : [
          {
            code: 'TAG_NOT_WRITTEN',
            message: `A tag was not written: ${messageOf(result.reason)}`,
          },
        ],
  );
}
