import { assert } from './assert.ts';
import { pendingNotice } from './follow-up.ts';
import { refusalsOf } from './guard.ts';
import { limits } from './limits.ts';
import { planMessage } from './plan.ts';
import { addToQuarantine } from './quarantine.ts';
import { type RollbackRequest, requestBody, type Warning } from './request.ts';
import {
  type LiveEntry,
  type ModelState,
  next,
  Outcome,
  type Plan,
  type RollbackRecord,
} from './rollback.ts';
import { isBackwards } from './verify.ts';

/**
 * Every change of the stored state, as pure functions from what was read to what is written. A store
 * writes a change only if both items still have the revision that they were read at (the new one less
 * one), so a change that rests on stale facts cannot land.
 *
 *   (none | ended without effect) ──claim──> IN_PROGRESS ──commit──> ROLLED_BACK
 *                                             │  ^   └────end──────> CONTESTED, FAILED
 *                                             └──┘ renewLease
 */
export interface StoreChange {
  /** Absent when the model's own item stays as it is. */
  readonly state?: ModelState;
  /** Absent when only the model's own item changes (operators' verbs). */
  readonly record?: RollbackRecord;
}

/** A claimed run: both items, as they are stored now. */
export type ClaimedRun = Required<StoreChange>;

/** What a new attempt under a key starts from. */
export interface Attempt {
  readonly id: string;
  readonly request: RollbackRequest;
  readonly bodyHash: string;
  /** The record of an earlier attempt under the same key, if there is one. */
  readonly previous: RollbackRecord | undefined;
  readonly plan: Plan;
  readonly warnings: readonly Warning[];
  readonly nowMs: number;
}

/** Takes the claim on the model: at most one run has it. */
export function claim(
  state: ModelState,
  attempt: Attempt,
  lease: { owner: string; leaseEndsAtMs: number },
): ClaimedRun {
  assert(state.active === null, 'a claim needs a model that nobody holds');
  return {
    state: next({
      ...state,
      registry: attempt.plan.registry,
      active: { rollbackId: attempt.id, ...lease },
    }),
    record: recordOf(attempt, {
      status: 'IN_PROGRESS',
      claimedAtMs: attempt.nowMs,
      ...lease,
    }),
  };
}

/** Records an end that the plan itself is: refused, no target, already live. */
export function endUnclaimed(attempt: Attempt): RollbackRecord {
  const { plan } = attempt;
  assert(plan.verdict !== Outcome.ROLLED_BACK, 'a rollback needs a claim');
  const record = recordOf(attempt, {
    status: plan.verdict,
    message: shorten(planMessage(plan)),
    liveVersions: plan.live,
    endedAtMs: attempt.nowMs,
    hasMoved: false,
  });
  return isRepeated(attempt) ? { ...record, notice: attempt.previous.notice } : record;
}

/** The pointer was moved and read back. */
export function commit(
  claimed: ClaimedRun,
  nowMs: number,
  warnings: readonly Warning[],
): ClaimedRun {
  const { from, to } = claimed.record.plan;
  const move = from === null ? `to ${to?.version}` : `from ${from.version} to ${to?.version}`;
  return end(claimed, nowMs, {
    status: Outcome.ROLLED_BACK,
    message: `The registry changed: ${claimed.record.plan.pointer} moved ${move}.`,
    liveVersions: to === null ? [] : [to.version],
    hasMoved: true,
    warnings,
  });
}

/** Somebody else moved the pointer: we stop and say so. */
export function contest(
  claimed: ClaimedRun,
  nowMs: number,
  facts: { message: string; hasMoved: boolean; liveVersions: readonly string[] },
): ClaimedRun {
  return end(claimed, nowMs, { status: Outcome.CONTESTED, warnings: [], ...facts });
}

/** A definite failure before any effect; the cooldown is not touched. */
export function fail(claimed: ClaimedRun, nowMs: number, message: string): ClaimedRun {
  const liveVersions = claimed.record.plan.live;
  return end(claimed, nowMs, {
    status: Outcome.FAILED,
    message,
    liveVersions,
    hasMoved: false,
    warnings: [],
  });
}

/** Another owner for a claim whose lease is over, or another end for one's own lease. */
export function renewLease(
  claimed: ClaimedRun,
  lease: { owner: string; leaseEndsAtMs: number },
): ClaimedRun {
  const { state, record } = claimed;
  assert(state.active?.rollbackId === record.id, 'only the active rollback has a lease');
  assert(record.progress.status === 'IN_PROGRESS', 'only a run has a lease');
  return {
    state: next({ ...state, active: { ...state.active, ...lease } }),
    record: next({ ...record, progress: { ...record.progress, ...lease } }),
  };
}

// ---------------------------------------------------------------------------------------------------

interface End {
  readonly status: Outcome;
  readonly message: string;
  readonly liveVersions: readonly string[];
  readonly hasMoved: boolean;
  readonly warnings: readonly Warning[];
}

function end(claimed: ClaimedRun, nowMs: number, facts: End): ClaimedRun {
  const { state, record } = claimed;
  assert(state.active?.rollbackId === record.id, 'only the active rollback ends its claim');
  const { warnings, ...ended } = facts;
  const endedRecord: RollbackRecord = {
    ...record,
    warnings: [...record.warnings, ...warnings],
    progress: {
      ...ended,
      message: shorten(ended.message),
      endedAtMs: nowMs,
    },
    notice: pendingNotice(nowMs),
    pointerCheck:
      facts.status === Outcome.FAILED
        ? record.pointerCheck
        : { kind: 'pending', dueAtMs: nowMs + limits.pointerCheckMs },
  };
  const isFinalEnd = facts.status !== Outcome.FAILED;
  const lastEnd = { rollbackId: record.id, atMs: nowMs, bodyHash: record.bodyHash };
  const freed: ModelState = { ...state, active: null, ...(isFinalEnd ? { lastEnd } : {}) };
  return {
    state: next(facts.hasMoved ? afterMove(freed, endedRecord, nowMs) : freed),
    record: next(endedRecord),
  };
}

function afterMove(state: ModelState, record: RollbackRecord, nowMs: number): ModelState {
  const { plan, id: rollbackId } = record;
  const { from, to } = plan;
  assert(to !== null, 'a move has a target');
  const bad = from !== null && isBackwards(plan) ? from.version : null;
  const quarantine =
    bad === null ? {} : addToQuarantine(state, { version: bad, atMs: nowMs, rollbackId });
  return {
    ...state,
    ...quarantine,
    rollbackCount: state.rollbackCount + 1,
    lastCommit: {
      rollbackId,
      atMs: nowMs,
      from: from?.version ?? null,
      to: to.version,
    },
    liveHistory: liveHistoryAfter(state.liveHistory, plan, nowMs),
  };
}

function liveHistoryAfter(
  history: readonly LiveEntry[],
  plan: Plan,
  nowMs: number,
): readonly LiveEntry[] {
  const { from, to } = plan;
  const seen: LiveEntry[] =
    from === null || history.at(-1)?.version === from.version
      ? []
      : [{ version: from.version, atMs: plan.plannedAtMs, how: 'seen' }];
  const made: LiveEntry[] = to === null ? [] : [{ version: to.version, atMs: nowMs, how: 'made' }];
  return [...history, ...seen, ...made].slice(-limits.liveHistoryMax);
}

function recordOf(attempt: Attempt, progress: RollbackRecord['progress']): RollbackRecord {
  const { previous } = attempt;
  assert(
    previous === undefined || requestBody(previous.request) === requestBody(attempt.request),
    'one key has one body',
  );
  return {
    schema: 1,
    revision: (previous?.revision ?? 0) + 1,
    id: attempt.id,
    modelName: attempt.request.modelName,
    request: attempt.request,
    bodyHash: attempt.bodyHash,
    createdAtMs: previous?.createdAtMs ?? attempt.nowMs,
    attempts: (previous?.attempts ?? 0) + 1,
    plan: attempt.plan,
    warnings: attempt.warnings,
    progress,
    notice: progress.status === 'IN_PROGRESS' ? { kind: 'none' } : pendingNotice(attempt.nowMs),
    pointerCheck: { kind: 'none' },
  };
}

/** The same key ended again for the same reasons was announced already; it is counted instead. */
function isRepeated(attempt: Attempt): attempt is Attempt & { previous: RollbackRecord } {
  const { previous, plan } = attempt;
  const codes = (of: Plan): string =>
    refusalsOf(of.guards)
      .map((refusal) => refusal.code)
      .join();
  return (
    previous !== undefined &&
    previous.progress.status === plan.verdict &&
    codes(previous.plan) === codes(plan)
  );
}

function shorten(text: string): string {
  return text.length <= limits.messageLengthMax
    ? text
    : `${text.slice(0, limits.messageLengthMax)}…`;
}
