import { commandText } from '../domain/command-line.ts';
import { Outcome } from '../domain/decide/outcome.ts';
import { moveText } from '../domain/decide/plan-text.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { type RollbackRecord, shownAtMs } from '../domain/record/record.ts';
import { isoTime } from '../domain/registry/model.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import {
  parseModelName,
  Reason,
  RefusalCode,
  type RollbackRequest,
} from '../domain/request/request.ts';
import { isRollbackId } from '../domain/request/rollback-operation.ts';
import { lastPromotion } from '../domain/state/live-history.ts';
import type { PointerState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { depsFor, pointerAsked, type RollbackDeps } from './deps.ts';
import { explainRollback } from './operate.ts';
import { rollbackIdOf, undoKey } from './rollback-id.ts';

/** A person wants a rollback undone. */
export interface Undo {
  /** A registered model, for its latest rollback; or the id of a rollback. */
  readonly what: string;
  /** Of the model, where its latest rollback is meant; undefined: the configured one. */
  readonly pointer?: string | undefined;
  /** Guards to pass beside those that an undo passes anyway. */
  readonly overrides: RollbackRequest['overrides'];
  readonly requestedBy: string | null;
}

/**
 * The request that brings back what a rollback moved away from. It is a rollback itself, with a record and a
 * notice of its own, under a key that the undone rollback names: whoever asks, it is done once. It passes the
 * cooldown and the quarantine of its target, and acts only while the version that the rollback restored is live.
 * @throws InvalidRequestError for what cannot be undone, with what to do in its message; ModelNotFoundError,
 * StateStoreUnavailableError
 */
export async function undoRequest(
  deps: RollbackDeps,
  { what, pointer, overrides, requestedBy }: Undo,
  deadline: Deadline,
): Promise<RollbackRequest> {
  const id = isRollbackId(what) ? what : await latestRollback(deps, what, pointer, deadline);
  const { record } = await explainRollback(deps.store, id, deadline);
  const { modelName, plan } = record;
  const undoId = rollbackIdOf(deps, modelName, undoKey(id));
  const view = await deps.store.read(modelName, undoId, deadline);
  // Done already, or tried: the same key goes on from there.
  if (view.record === undefined) requireUndoable(record);
  const part = view.state && plan ? pointerState(view.state, plan.pointer) : null;
  if (view.record === undefined && part !== null) requireNoPromotion(modelName, plan, part);
  const last = part?.lastCommit ?? null;
  const isLast = last === null || last.rollbackId === id;
  if (view.record === undefined && !isLast) {
    throw new InvalidRequestError(
      `${plan?.pointer} of ${escapeText(modelName)} was moved again after ${id}, from ${last.from ?? 'none'} to ` +
        `${last.to} at ${isoTime(last.atMs)}. To undo that one first, run ${commandText('undo', [last.rollbackId])}.`,
    );
  }
  const passed = [RefusalCode.COOLDOWN, RefusalCode.QUARANTINED, ...overrides];
  return {
    modelName,
    targetVersion: plan?.from?.version ?? null,
    reason: Reason.MANUAL_REQUEST,
    alarmName: null,
    isDryRun: false,
    requestId: null,
    expectedFromVersion: plan?.to?.version ?? null,
    overrides: [...new Set(passed)],
    requestedBy,
    ...(plan === null ? {} : { pointer: plan.pointer }),
    undoes: id,
  };
}

// ---------------------------------------------------------------------------------------------------

async function latestRollback(
  deps: RollbackDeps,
  what: string,
  named: string | undefined,
  deadline: Deadline,
): Promise<string> {
  const modelName = parseModelName(what);
  const { state } = await deps.store.read(modelName, null, deadline);
  const asked = { modelName, ...(named === undefined ? {} : { pointer: named }) };
  const pointer = pointerText(pointerAsked(depsFor(deps, state), asked));
  const part = state && pointerState(state, pointer);
  if (part !== undefined) requireNoPromotion(modelName, { pointer }, part);
  const last = part?.lastCommit ?? null;
  if (last !== null) return last.rollbackId;
  throw new InvalidRequestError(
    `No rollback of ${pointer} of ${escapeText(modelName)} is on record, so there is nothing to undo. ` +
      `To list the rollbacks of all models, run ${commandText('history')}.`,
  );
}

/** @throws InvalidRequestError when the latest move of the pointer is a promotion */
function requireNoPromotion(
  modelName: string,
  plan: { readonly pointer: string } | null,
  part: PointerState,
): void {
  const promotion = lastPromotion(part);
  if (promotion === null || plan === null) return;
  const { pointer } = plan;
  throw goBack(modelName, pointer, promotion.replaced, `The latest move of ${pointer}`);
}

/** A promotion is no rollback: whoever wants to go back rolls back, so that nobody promotes the version again. */
function goBack(
  modelName: string,
  pointer: string,
  to: string | null,
  what: string,
): InvalidRequestError {
  const command = commandText('apply', [modelName], { to: to ?? undefined, pointer });
  return new InvalidRequestError(`${what} is a promotion. To go back, run ${command}.`);
}

/** @throws InvalidRequestError for a record that no undo fits */
function requireUndoable(record: RollbackRecord): void {
  const { id, modelName, plan, progress, request } = record;
  if (request.promotes && plan !== null) {
    throw goBack(modelName, plan.pointer, plan.from?.version ?? null, id);
  }
  if (request.undoes !== undefined) {
    throw new InvalidRequestError(
      `${id} is itself an undo. To roll back again, run ${commandText('apply', [modelName], {
        to: plan?.to?.version,
        pointer: plan?.pointer,
      })}, with the version that you want.`,
    );
  }
  if (progress.status !== Outcome.ROLLED_BACK || plan === null) {
    throw new InvalidRequestError(
      `${id} moved nothing: it is ${progress.status} since ${isoTime(shownAtMs(record))}. There is nothing to undo.`,
    );
  }
  if (plan.from === null) {
    throw new InvalidRequestError(
      `Before ${id}, ${plan.pointer} of ${escapeText(modelName)} named no version (${moveText(plan)}), so there is ` +
        'nothing to bring back.',
    );
  }
}
