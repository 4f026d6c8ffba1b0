import { Outcome } from '../decide/outcome.ts';
import { InvalidRequestError, RollbackInProgressError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isFinal, type RollbackRecord } from '../record/record.ts';
import { isSameBody, type RollbackRequest, type Warning } from '../request/request.ts';
import type { ModelState } from '../state/model-state.ts';
import { pointerState } from '../state/pointer-state.ts';

/** What a request meets in the store: itself, another run, or nothing. */
export type Meeting =
  /** Nothing stands in the way / the two items do not belong together: read again. */
  | { readonly kind: 'go' | 'again' }
  | { readonly kind: 'resume'; readonly rollbackId: string }
  | { readonly kind: 'replay'; readonly rollbackId: string; readonly warnings: readonly Warning[] };

interface Incoming {
  readonly request: RollbackRequest;
  readonly bodyHash: string;
  /** `stage:Production`, `alias:champion` */
  readonly pointer: string;
  /** An alarm: a new transition is a new request, however equal. */
  readonly isAutomatic: boolean;
}

/** @throws InvalidRequestError for one key with two bodies, RollbackInProgressError for a live lease */
export function meet(
  found: { readonly state: ModelState | undefined; readonly record: RollbackRecord | undefined },
  incoming: Incoming,
  nowMs: number,
): Meeting {
  const { record, state } = found;
  if (record !== undefined && !isSameBody(record.request, incoming.request)) {
    throw new InvalidRequestError(
      `The key of this request was used before for a different request (${record.id}). ` +
        'Use a new request_id for a new request.',
    );
  }
  if (record !== undefined && isSettled(record)) {
    return { kind: 'replay', rollbackId: record.id, warnings: [] };
  }
  const active = state?.active ?? null;
  if (active !== null) {
    if (active.leaseEndsAtMs > nowMs) throw inProgressError(incoming.request.modelName, active);
    return { kind: 'resume', rollbackId: active.rollbackId };
  }
  // The two items were not read at the same instant: the run ended in between.
  if (record?.progress.status === 'IN_PROGRESS') return { kind: 'again' };
  return meetEqualRequest(state, incoming, nowMs) ?? { kind: 'go' };
}

/**
 * True when the same key gets this record's answer again: its end is final, or it is an alarm that a
 * person decides on, or that was closed.
 */
export function isSettled(record: RollbackRecord): boolean {
  const { status } = record.progress;
  return (
    isFinal(record) ||
    status === Outcome.AWAITING_APPROVAL ||
    status === Outcome.OBSERVED ||
    record.watch.kind === 'closed'
  );
}

/** True for a run that began so long ago that nobody expects its rollback any more. */
export function isStaleClaim({ progress }: RollbackRecord, nowMs: number): boolean {
  return progress.status === 'IN_PROGRESS' && nowMs - progress.claimedAtMs > limits.staleClaimMs;
}

/** Another run holds the model, or was quicker several times. */
export function inProgressError(
  modelName: string,
  active?: { readonly rollbackId: string; readonly leaseEndsAtMs: number },
): RollbackInProgressError {
  const who =
    active === undefined
      ? 'other runs claimed it first'
      : `${active.rollbackId} holds it until ${new Date(active.leaseEndsAtMs).toISOString()} at the latest`;
  return new RollbackInProgressError(
    `A rollback or promotion of ${modelName} is in progress (${who}). Try again; retries should span 300 s.`,
  );
}

/**
 * Leases and cooldowns compare clocks: one that is far off would break them.
 * @param skews our clock less that of registry and store (ms), each measured as it answered; null where
 * it does not say
 * @param maxMs null where somebody else keeps the clock right (Lambda)
 * @returns what is wrong and the fix, or null
 */
export function clockSkewProblem(
  skews: readonly (number | null)[],
  maxMs: number | null,
): string | null {
  if (maxMs === null) return null;
  const skewMs = skews.find((skew) => skew !== null && Math.abs(skew) > maxMs) ?? null;
  if (skewMs === null) return null;
  const side = skewMs > 0 ? 'ahead of' : 'behind';
  return (
    `The clock of this machine is ${Math.round(Math.abs(skewMs) / 1000)} s ${side} the server's; ` +
    `at most ${maxMs / 1000} s are allowed. Nothing was written. Set the clock (NTP), then try again.`
  );
}

// ---------------------------------------------------------------------------------------------------

/** A Step Functions Retry is a new invocation: an equal body soon after a commit is the same request. */
function meetEqualRequest(
  state: ModelState | undefined,
  { request, bodyHash, isAutomatic, pointer }: Incoming,
  nowMs: number,
): Meeting | null {
  const last = state === undefined ? null : pointerState(state, pointer).lastEnd;
  const isEqual =
    request.requestId === null &&
    !isAutomatic &&
    last !== null &&
    last.bodyHash === bodyHash &&
    nowMs - last.atMs < limits.equalRequestMs;
  if (!isEqual) return null;
  const message =
    'An equal request ended less than 15 minutes ago; this is its result. ' +
    'To make a separate request, use a request_id.';
  return {
    kind: 'replay',
    rollbackId: last.rollbackId,
    warnings: [{ code: 'EQUAL_REQUEST_REPLAYED', message }],
  };
}
