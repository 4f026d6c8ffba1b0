import { commandText } from '../domain/command-line.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { inProgressError } from '../domain/protocol/meeting.ts';
import { closeRejected, isApprovable } from '../domain/protocol/watch.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { rejectionText } from '../domain/record/trigger.ts';
import { isoTime } from '../domain/registry/model.ts';
import { next } from '../domain/revision.ts';
import { type ModelState, newModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { approvalKey, notWaitingError } from './approve-rollback.ts';
import type { RollbackDeps } from './deps.ts';
import { answerEnd } from './finish.ts';
import { insisting } from './insisting.ts';
import { explainRollback } from './operate.ts';
import type { Operator } from './operator.ts';
import type { OperationAnswer } from './run-operation.ts';

/** A person decides against a rollback for which an alarm waits. */
export interface Rejection extends Operator {
  readonly rollbackId: string;
}

/**
 * Ends the wait of an alarm: nothing is moved, and nobody can approve it any more. The state of the model is
 * written with the record, as the claim of an approval is: of the two at the same time, one fails.
 * @throws InvalidRequestError when the record is not there or does not wait for approval, RollbackInProgressError
 * while a run, which may be its approval, holds the model
 */
export async function rejectRollback(
  deps: RollbackDeps,
  { rollbackId, by, reason }: Rejection,
  deadline: Deadline,
): Promise<OperationAnswer> {
  const done = await insisting(`the record ${rollbackId}`, async () => {
    const { record, notice, state } = await explainRollback(deps.store, rollbackId, deadline);
    const { modelName } = record;
    const earlier = rejectionText(record.watch);
    if (earlier !== null) {
      return { modelName, changed: false, message: `${earlier} Nothing was done.` };
    }
    await requireWaiting(deps, record, state, deadline);
    const facts = { previous: notice, nowMs: deps.clock.nowMs(), token: deps.identity.random() };
    const change = closeRejected(record, { by, reason }, facts);
    const before = state ?? newModelState(modelName, deps.registry.address);
    const result = await deps.store.write({ ...change, state: next(before) }, deadline);
    if (result === 'conflict') return null;
    deps.logger.log('info', 'alarm no longer checked', { rollback_id: record.id, why: 'rejected' });
    const { message } = await answerEnd(deps, change.record, change.notice, deadline);
    return { modelName, changed: true, message };
  });
  return {
    operation: 'reject',
    rollback_id: rollbackId,
    model_name: done.modelName,
    fleet: false,
    version: null,
    until: null,
    changed: done.changed,
    message: done.message,
    requested_by: by,
    reason,
    timestamp: isoTime(deps.clock.nowMs()),
  };
}

// ---------------------------------------------------------------------------------------------------

async function requireWaiting(
  deps: RollbackDeps,
  record: RollbackRecord,
  state: ModelState | undefined,
  deadline: Deadline,
): Promise<void> {
  const { plan, modelName, id } = record;
  if (
    !isApprovable(record, deps.clock.nowMs()) ||
    plan === null ||
    record.watch.kind === 'closed'
  ) {
    throw notWaitingError(record);
  }
  if (state === undefined) return;
  if (state.active !== null) throw inProgressError(modelName, state.active);
  const { lastCommit } = pointerState(state, plan.pointer);
  if (lastCommit === null) return;
  // An approval marks the record after its move, and may be cut off in between.
  const last = await deps.store.read(modelName, lastCommit.rollbackId, deadline);
  if (last.record?.request.requestId?.startsWith(approvalKey(id)) !== true) return;
  throw new InvalidRequestError(
    `${id} was approved: ${lastCommit.rollbackId} moved ${plan.pointer} to version ${lastCommit.to} at ` +
      `${isoTime(lastCommit.atMs)}. Nothing was done. To undo that, run ${commandText('undo', [lastCommit.rollbackId])}.`,
  );
}
