import { messageOf } from '../domain/errors.ts';
import type { OutboxNotice } from '../domain/outbox.ts';
import type { Warning } from '../domain/request.ts';
import { type RollbackResponse, responseOf } from '../domain/response.ts';
import { type NoticeWrite, Outcome, type RollbackRecord } from '../domain/rollback.ts';
import { MarkKind, markText } from '../domain/rollback-mark.ts';
import type { Deadline } from '../ports/deadline.ts';
import {
  announce,
  announceIfUnsent,
  isNotified,
  noticeWarnings,
  type RecordWithNotice,
} from './announce.ts';
import type { RollbackDeps } from './deps.ts';

/** What follows the end of a run: its notice, which was saved with it, then the tags. */
export async function finish(
  deps: RollbackDeps,
  record: RollbackRecord,
  notice: OutboxNotice | undefined,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const sent = notice === undefined ? undefined : await announce(deps, notice, deadline);
  return answerOf({ record, notice: sent }, await annotate(deps, record, deadline));
}

/**
 * The answer to an end that was just written: its notice is sent, unless it repeats an earlier end of the
 * same key, whose notice it then has.
 */
export async function answerEnd(
  deps: RollbackDeps,
  record: RollbackRecord,
  written: NoticeWrite | undefined,
  deadline: Deadline,
): Promise<RollbackResponse> {
  if (written === undefined) {
    const found = await announceIfUnsent(deps, record.modelName, record.id, deadline);
    return answerOf(found ?? { record, notice: undefined });
  }
  return answerOf({ record, notice: await announce(deps, written.item, deadline) });
}

/** What a record and its notice stand for. */
export function answerOf(
  found: RecordWithNotice,
  warnings: readonly Warning[] = [],
): RollbackResponse {
  return responseOf(found.record, {
    isNotified: isNotified(found),
    warnings: [...noticeWarnings(found), ...warnings],
  });
}

// ---------------------------------------------------------------------------------------------------

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
