import { movesPointer } from '../domain/decide/outcome.ts';
import { ModelNotFoundError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { evidenceFor } from '../domain/pointer/evidence.ts';
import { afterPointerCheck } from '../domain/protocol/follow-up.ts';
import { replacedUnseen } from '../domain/protocol/log-evidence.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { deletedStatus } from '../domain/registry/model.ts';
import { lastMove } from '../domain/state/live-history.ts';
import type { LiveLogEntry } from '../domain/state/live-log.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { announce } from './announce.ts';
import { type RollbackDeps, throughPointer } from './deps.ts';

/**
 * Reads the pointer once more after an end: a write whose answer was lost may come late, and so may a
 * rival. A difference is announced.
 * @returns `busy` while another run holds the model: checked again later
 * @throws why the registry could not be read; checked again later
 */
export async function checkPointer(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<'as-left' | 'differs' | 'busy' | 'conflict'> {
  const pointer = record.plan?.pointer ?? null;
  let liveVersions: string[] | null = null;
  let failure: unknown;
  try {
    const { registry } = pointer === null ? deps : throughPointer(deps, pointer);
    const snapshot = await registry.read(record.modelName, [], deadline, limits.recheckRows);
    // Consumers of an alias that names a deleted version get an error.
    const live = snapshot.live.filter((row) => row.status !== deletedStatus);
    liveVersions = live.map((row) => row.version);
  } catch (error) {
    if (error instanceof ModelNotFoundError) liveVersions = [];
    else failure = error;
  }
  const { state } = await deps.store.read(record.modelName, null, deadline);
  // A run of ours is at work: what was read may be half of what it does.
  const isBusy = state?.active != null;
  if (isBusy) liveVersions = null;
  const time = { nowMs: deps.clock.nowMs(), token: deps.identity.random() };
  const latest = state && pointer !== null ? lastMove(pointerState(state, pointer)) : undefined;
  const replaced = liveVersions === null ? null : await readReplaced(deps, record, deadline);
  const change = afterPointerCheck(record, { liveVersions, lastMove: latest, replaced }, time);
  if ((await deps.store.write(change, deadline)) === 'conflict') return 'conflict';
  if (isBusy) return 'busy';
  if (liveVersions === null) throw failure;
  if (change.notice === undefined) return 'as-left';
  await announce(deps, change.notice.item, deadline);
  return change.record.pointerCheck.kind === 'differs' ? 'differs' : 'as-left';
}

// ---------------------------------------------------------------------------------------------------

/** A move that leaves no trace may have replaced a promotion unseen; a webhook has reported it by now. */
async function readReplaced(
  { store }: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<LiveLogEntry | null> {
  const { plan, modelName } = record;
  const hasMoved = movesPointer(record.progress.status);
  if (plan === null || !hasMoved || evidenceFor(plan.pointer).leavesTrace) return null;
  const { entries } = await store.listLive(modelName, deadline);
  return replacedUnseen(entries, { ...record, plan });
}
