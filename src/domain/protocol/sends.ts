import { assert } from '../assert.ts';
import { next } from '../revision.ts';
import type { ClaimedRun } from './transition.ts';

/** What a run notes of its moves, where the registry itself keeps no trace of one. */

/**
 * Notes that a move is about to be sent. Where the registry keeps no trace of one, this is all that a later
 * run knows of it.
 */
export function noteSend(claimed: ClaimedRun): ClaimedRun {
  const { state, record, earlierNotice, slotIn } = claimed;
  const { progress } = record;
  assert(progress.status === 'IN_PROGRESS', 'only a run sends a move');
  const sends = (progress.sends ?? 0) + 1;
  return {
    earlierNotice,
    slotIn,
    state: next(state),
    record: next({ ...record, progress: { ...progress, sends } }),
  };
}

/** The run whose noted move was not sent after all; written with the next change. */
export function withoutSend(claimed: ClaimedRun): ClaimedRun {
  const { record } = claimed;
  if (record.progress.status !== 'IN_PROGRESS' || !record.progress.sends) return claimed;
  const progress = { ...record.progress, sends: record.progress.sends - 1 };
  return { ...claimed, record: { ...record, progress } };
}
