import { Outcome } from '../domain/decide/outcome.ts';
import { messageOf } from '../domain/errors.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { deletedStatus } from '../domain/registry/model.ts';
import { MarkKind, markText } from '../domain/registry/rollback-mark.ts';
import type { Warning } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * Tags both versions: in stage mode they are the only trace that MLflow's own pages show, and the only
 * thing that fires its webhooks. The rollback is done by now, so a failure is a warning.
 */
export async function annotate(
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
  // An undo finds no fault with the version that it moves away from.
  const isMarked = plan.from !== null && record.request.undoes === undefined;
  const isFromThere = isMarked && plan.from?.status !== deletedStatus;
  const marks = [
    { version: to, mark: { ...about, kind: MarkKind.RESTORED, other: from } },
    ...(from !== null && isFromThere
      ? [{ version: from, mark: { ...about, kind: MarkKind.ROLLED_BACK, other: to } }]
      : []),
  ];
  const results = await Promise.allSettled(
    marks.map(({ version, mark }) => {
      const tag = { key: mark.kind, value: markText(mark) };
      return deps.registry.annotate(modelName, version, tag, deadline);
    }),
  );
  const failures = results.flatMap((result) =>
    result.status === 'fulfilled' ? [] : [messageOf(result.reason)],
  );
  return [...new Set(failures)].map((failure) => ({
    code: 'TAG_NOT_WRITTEN',
    message: `A tag was not written: ${failure}`,
  }));
}
