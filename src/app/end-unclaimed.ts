import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import { isSameLive } from '../domain/decide/verify.ts';
import { type Attempt, endUnclaimed, type UnclaimedFacts } from '../domain/protocol/attempt.ts';
import { closeForOtherPointer, closeWatch } from '../domain/protocol/watch.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { WatchEnd } from '../domain/record/trigger.ts';
import { findVersion, type RegistrySnapshot, withRows } from '../domain/registry/model.ts';
import { lastMove } from '../domain/state/live-history.ts';
import type { PointerState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { StoreView } from '../ports/rollback-store.ts';
import type { RollbackDeps } from './deps.ts';
import { answerEnd } from './finish.ts';

/** Records and announces an end that moves nothing. Null: what it rests on changed; read again. */
export async function endWithoutClaim(
  deps: RollbackDeps,
  attempt: Attempt,
  facts: UnclaimedFacts,
  deadline: Deadline,
): Promise<RollbackResponse | null> {
  // State and registry were not read at the same instant: a run in between makes the verdict untrue.
  const now = await deps.store.read(facts.state.modelName, null, deadline);
  if ((now.state?.revision ?? 0) !== facts.state.revision) return null;
  const change = endUnclaimed(attempt, facts);
  const { record } = change;
  if ((await deps.store.write(change, deadline)) === 'conflict') return null;
  const answer = await answerEnd(deps, record, change.notice, deadline);
  deps.logger.log('info', 'rollback ended without a move', {
    rollback_id: record.id,
    outcome: record.progress.status,
  });
  return answer;
}

/**
 * An alarm that was refused before is about the version that was live then.
 * @returns the answer of the closed record when another one is live now; undefined when the alarm still
 * stands; null when somebody else wrote the record meanwhile
 */
export async function closeIfMoved(
  deps: RollbackDeps,
  previous: RollbackRecord | undefined,
  now: { readonly snapshot: RegistrySnapshot; readonly part: PointerState },
  deadline: Deadline,
): Promise<RollbackResponse | null | undefined> {
  if (previous === undefined || !previous.isAutomatic) return undefined;
  const bound = previous.alarm?.liveVersions ?? null;
  // It came while another run was at work: the alarm is not about the version that this run moved to.
  const { lastCommit } = now.part;
  const movedAtMs = Math.max(lastCommit?.atMs ?? 0, lastMove(now.part)?.atMs ?? 0);
  const hasMovedSince = movedAtMs >= previous.createdAtMs;
  const { plan } = previous;
  const snapshot = await withVersions(deps, now.snapshot, bound ?? [], deadline);
  const isSame =
    bound === null || plan === null ? !hasMovedSince : isSameLive(bound, plan, snapshot);
  if (isSame) return undefined;
  const closed = closeWatch(previous, WatchEnd.POINTER_MOVED, deps.clock.nowMs());
  if ((await deps.store.write({ record: closed }, deadline)) === 'conflict') return null;
  deps.logger.log('info', 'alarm closed: the pointer moved after it came', {
    rollback_id: closed.id,
    live_then: bound?.join() ?? 'unknown',
    live_now: snapshot.live.map((row) => row.version).join(),
  });
  return responseOf(closed);
}

/**
 * An alarm that was refused before is about the pointer that was configured then. Closing it is announced:
 * what it asked for is not done any more, and nobody moved anything.
 * @returns as `closeIfMoved` does
 */
export async function closeIfOtherPointer(
  deps: RollbackDeps,
  { record: previous, notice: announced }: Pick<StoreView, 'record' | 'notice'>,
  pointer: string,
  deadline: Deadline,
): Promise<RollbackResponse | null | undefined> {
  const planned = previous?.plan?.pointer;
  if (previous === undefined || planned === undefined || planned === pointer) return undefined;
  const time = { nowMs: deps.clock.nowMs(), token: deps.identity.random() };
  const change = closeForOtherPointer(previous, announced, time);
  if ((await deps.store.write(change, deadline)) === 'conflict') return null;
  deps.logger.log('warn', 'alarm closed: another pointer is configured for its model since', {
    rollback_id: previous.id,
    pointer_then: planned,
    pointer_now: pointer,
  });
  return await answerEnd(deps, change.record, change.notice, deadline);
}

// ---------------------------------------------------------------------------------------------------

/** The snapshot with these versions on it, so that a difference is never one between two readings of ours. */
async function withVersions(
  { registry }: RollbackDeps,
  snapshot: RegistrySnapshot,
  versions: readonly string[],
  deadline: Deadline,
): Promise<RegistrySnapshot> {
  const missing = versions.filter((version) => findVersion(snapshot, version) === undefined);
  if (missing.length === 0 || snapshot.isComplete) return snapshot;
  const { live, others } = await registry.read(snapshot.modelName, missing, deadline, 1);
  return withRows(snapshot, [...live, ...others]);
}
