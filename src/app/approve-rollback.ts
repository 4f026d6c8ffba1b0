import { commandText } from '../domain/command-line.ts';
import { Outcome } from '../domain/decide/outcome.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { closeApprovedWatch, isApprovable } from '../domain/protocol/watch.ts';
import { modelNameOf, type RollbackRecord, shownAtMs } from '../domain/record/record.ts';
import { rejectionText } from '../domain/record/trigger.ts';
import { isoTime } from '../domain/registry/model.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import type { RollbackRequest } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import { decide } from './decide.ts';
import type { RollbackDeps } from './deps.ts';
import { insisting } from './insisting.ts';
import { explainRollback } from './operate.ts';
import { pointerOf } from './read-model.ts';
import type { RollbackCall } from './roll-back.ts';

/** A person approves a rollback for which an alarm waits. */
export interface Approval {
  readonly rollbackId: string;
  /** Null where that is not known. */
  readonly requestedBy: string | null;
  readonly overrides: RollbackRequest['overrides'];
}

/** The call that an approval stands for. */
export type ApprovedCall = Pick<RollbackCall, 'request' | 'warnings' | 'alarm' | 'decide'>;

/**
 * Rolls back what an alarm waits for, and marks it as approved once that is done.
 * @param run makes the rollback; it may ask a person first, so each step has a deadline of its own
 * @throws InvalidRequestError when the record is not there, or does not wait for approval
 */
export async function approveRollback<Answer extends { readonly isRolledBack: boolean }>(
  deps: RollbackDeps,
  { rollbackId, ...by }: Approval,
  run: (call: ApprovedCall) => Promise<Answer>,
  startDeadline: () => Deadline,
): Promise<Answer> {
  const { record } = await explainRollback(deps.store, rollbackId, startDeadline());
  const { modelName } = record;
  const pointer = pointerText(await pointerOf(deps, { modelName }, startDeadline()));
  const request = approvedRequest(record, by, deps.clock.nowMs(), pointer);
  const { alarm } = record;
  const answer = await run({
    request,
    warnings: [],
    ...(alarm === null ? {} : { alarm }),
    decide: async (at, question, deadline) => {
      // Read after the state: whoever rejects it from here on writes the state, and the claim fails.
      const { record: now } = await explainRollback(at.store, rollbackId, deadline);
      if (!isApprovable(now, at.clock.nowMs())) throw notWaitingError(now);
      return await decide(at, question, deadline);
    },
  });
  if (answer.isRolledBack) {
    await closeApproved(deps, record.id, by.requestedBy, startDeadline());
  }
  return answer;
}

/**
 * The request that an approval stands for: exactly the plan that the notice showed.
 * @param pointer the one that is configured for the model now
 * @throws InvalidRequestError when the record does not wait for approval, or not any more
 */
export function approvedRequest(
  record: RollbackRecord,
  by: Pick<RollbackRequest, 'overrides' | 'requestedBy'>,
  nowMs: number,
  pointer: string | undefined = record.plan?.pointer,
): RollbackRequest {
  const { plan, request } = record;
  if (!isApprovable(record, nowMs) || plan === null) throw notWaitingError(record);
  // Other overrides are another request: an approval that met the cooldown must not block the next one.
  const suffix = by.overrides.map((code) => `+${code}`).join('');
  return {
    ...request,
    ...by,
    // What the notice showed, also where another pointer is configured since.
    ...(plan.pointer === pointer ? {} : { pointer: plan.pointer }),
    targetVersion: plan.to?.version ?? null,
    expectedFromVersion: plan.from?.version ?? null,
    requestId: `${approvalKey(record.id)}${suffix}`,
  };
}

/** What the key of every approval of a record begins with. */
export function approvalKey(rollbackId: string): string {
  return `approve:${rollbackId}`;
}

/** The record does not wait for a person, or not any more. */
export function notWaitingError(record: RollbackRecord): InvalidRequestError {
  const { id, watch, progress, modelName } = record;
  const advice = `To roll back now, run ${commandText('apply', [modelName])}.`;
  const rejection = rejectionText(watch);
  if (rejection !== null) {
    return new InvalidRequestError(`${rejection} Nothing was done. ${advice}`);
  }
  const closed = watch.kind === 'closed' ? ` (closed: ${watch.why})` : '';
  const since = isoTime(shownAtMs(record));
  const why =
    progress.status === Outcome.AWAITING_APPROVAL
      ? `it was requested at ${since}, and an approval is possible for 12 h`
      : `it has been ${progress.status} since ${since}`;
  return new InvalidRequestError(`${id} does not wait for approval${closed}: ${why}. ${advice}`);
}

// ---------------------------------------------------------------------------------------------------

/**
 * Marks an alarm as approved, once its rollback is done.
 * @param by who approved it; null where that is not known
 */
async function closeApproved(
  deps: Pick<RollbackDeps, 'store' | 'clock'>,
  rollbackId: string,
  by: string | null,
  deadline: Deadline,
): Promise<void> {
  await insisting(`the record ${rollbackId}`, async () => {
    const { record } = await deps.store.read(modelNameOf(rollbackId), rollbackId, deadline);
    if (record === undefined || record.watch.kind === 'closed') return true;
    const closed = closeApprovedWatch(record, by, deps.clock.nowMs());
    return (await deps.store.write({ record: closed }, deadline)) === 'written' ? true : null;
  });
}
