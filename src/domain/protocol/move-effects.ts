import { assert } from '../assert.ts';
import { isBackwards } from '../decide/verify.ts';
import { limits } from '../limits.ts';
import type { PlannedRecord } from '../record/record.ts';
import { Reason } from '../request/request.ts';
import { withMove } from '../state/live-history.ts';
import type { ModelState } from '../state/model-state.ts';
import { pointerState, withPointerState } from '../state/pointer-state.ts';
import { addToQuarantine, undoQuarantine } from '../state/quarantine.ts';

/** What a move of ours leaves in the state of its model. */
export function afterMove(
  state: ModelState,
  record: PlannedRecord,
  { nowMs, seenAtMs = nowMs }: { readonly nowMs: number; readonly seenAtMs?: number },
): ModelState {
  const { plan, id: rollbackId } = record;
  const { from, to } = plan;
  assert(to !== null, 'a move has a target');
  const { reason, undoes, promotes } = record.request;
  const part = pointerState(state, plan.pointer);
  const liveHistory = withMove(part.liveHistory, {
    from: from?.version ?? null,
    to: to.version,
    seenAtMs: plan.plannedAtMs,
    // Others may have moved it between then and the commit.
    atMs: Math.max(seenAtMs, part.liveHistory.at(-1)?.atMs ?? 0),
  });
  // A promotion finds no fault with what it replaces, and is no rollback for cooldown, budget and undo.
  if (promotes) return withPointerState(state, plan.pointer, { liveHistory });
  const isUndo = undoes !== undefined;
  const isBad = !isUndo && (isBackwards(plan) || reason !== Reason.MANUAL_REQUEST);
  const bad = from !== null && isBad ? from.version : null;
  const quarantine =
    bad === null ? {} : addToQuarantine(state, { version: bad, atMs: nowMs, rollbackId });
  const free = isUndo
    ? undoQuarantine(state, { version: to.version, rollbackId: undoes }, nowMs)
    : { ...state, ...quarantine };
  return withPointerState(free, plan.pointer, {
    rollbackCount: part.rollbackCount + 1,
    lastCommit: {
      rollbackId,
      atMs: nowMs,
      from: from?.version ?? null,
      to: to.version,
    },
    liveHistory,
    recentCommits: isUndo
      ? part.recentCommits
      : [...part.recentCommits, nowMs].slice(-limits.recentCommitsMax),
  });
}

/**
 * What somebody else made live after our move: it went live at some time since the claim, and not since the time
 * at which we learned of it.
 */
export function withRival(
  state: ModelState,
  { plan, progress }: PlannedRecord,
  liveVersions: readonly string[],
  { nowMs }: { readonly nowMs: number },
): ModelState {
  const [version, ...others] = liveVersions;
  if (version === undefined || others.length > 0 || version === plan.to?.version) return state;
  const notBeforeMs = progress.status === 'IN_PROGRESS' ? progress.claimedAtMs : plan.plannedAtMs;
  const { liveHistory } = pointerState(state, plan.pointer);
  const rival = { version, atMs: nowMs, notBeforeMs, how: 'seen' };
  return withPointerState(state, plan.pointer, {
    liveHistory: [...liveHistory, rival].slice(-limits.liveHistoryMax),
  });
}
