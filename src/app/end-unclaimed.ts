import { type Attempt, endUnclaimed, type UnclaimedFacts } from '../domain/attempt.ts';
import { isSameVersions } from '../domain/model.ts';
import { type RollbackResponse, responseOf } from '../domain/response.ts';
import type { LastCommit, RollbackRecord } from '../domain/rollback.ts';
import { WatchEnd } from '../domain/trigger.ts';
import { closeWatch } from '../domain/watch.ts';
import type { Deadline } from '../ports/deadline.ts';
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
  deps.logger.log('info', 'ended without a move', {
    rollback_id: record.id,
    outcome: record.progress.status,
  });
  return answer;
}

/**
 * An alarm that was refused before speaks of the version that was live then.
 * @returns the answer of the closed record when another one is live now; undefined when the alarm still
 * stands; null when somebody else wrote the record meanwhile
 */
export async function closeIfMoved(
  deps: RollbackDeps,
  previous: RollbackRecord | undefined,
  now: { readonly liveVersions: readonly string[]; readonly lastCommit: LastCommit | null },
  deadline: Deadline,
): Promise<RollbackResponse | null | undefined> {
  if (previous === undefined || !previous.isAutomatic) return undefined;
  const bound = previous.alarm?.liveVersions ?? null;
  // It came while another run was at work: what that one moved to is not what the alarm speaks of.
  const hasMovedSince = (now.lastCommit?.atMs ?? 0) >= previous.createdAtMs;
  const isSame = bound === null ? !hasMovedSince : isSameVersions(bound, now.liveVersions);
  if (isSame) return undefined;
  const closed = closeWatch(previous, WatchEnd.POINTER_MOVED, deps.clock.nowMs());
  if ((await deps.store.write({ record: closed }, deadline)) === 'conflict') return null;
  deps.logger.log('info', 'the pointer moved since the alarm came; it is closed', {
    rollback_id: closed.id,
    live_then: bound?.join() ?? 'unknown',
    live_now: now.liveVersions.join(),
  });
  return responseOf(closed);
}
