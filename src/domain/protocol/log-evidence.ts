import { limits } from '../limits.ts';
import type { PlannedRecord } from '../record/record.ts';
import type { LiveLogEntry } from '../state/live-log.ts';

/** What the live log shows of the time of a run, where a move of the pointer leaves no trace in the registry. */

/**
 * Whether the pointer moved after a run took its claim: `moved` when it surely did, so a move that was perhaps
 * sent has landed, or somebody else is at work; `perhaps` when the times overlap.
 * @param claimedAtMs no move was sent before this (epoch ms)
 */
export function movedSince(
  entries: readonly LiveLogEntry[],
  pointer: string,
  claimedAtMs: number,
): 'no' | 'perhaps' | 'moved' {
  const later = changesOf(entries, pointer).filter(
    ({ atMs }) => atMs + limits.clockSkewMaxMs >= claimedAtMs,
  );
  const isSure = ({ notBeforeMs }: LiveLogEntry): boolean =>
    notBeforeMs !== null && notBeforeMs - limits.clockSkewMaxMs > claimedAtMs;
  if (later.some(isSure)) return 'moved';
  return later.length === 0 ? 'no' : 'perhaps';
}

/**
 * The version that somebody else moved the pointer to between the plan and the end of a rollback, which our
 * move replaced unseen; null when the log shows none.
 */
export function replacedUnseen(
  entries: readonly LiveLogEntry[],
  { plan, progress }: PlannedRecord,
): LiveLogEntry | null {
  if (progress.status === 'IN_PROGRESS' || plan.to === null) return null;
  const begin = plan.plannedAtMs - limits.clockSkewMaxMs;
  const end = progress.endedAtMs + limits.clockSkewMaxMs;
  const latest = changesOf(entries, plan.pointer)
    .filter(({ atMs, version }) => atMs >= begin && atMs <= end && version !== plan.to?.version)
    .toSorted((a, b) => b.atMs - a.atMs)[0];
  if (latest === undefined || latest.version === null) return null;
  return latest.version === plan.from?.version ? null : latest;
}

// ---------------------------------------------------------------------------------------------------

/** Changes by others; what was only seen may have been so for long. */
function changesOf(entries: readonly LiveLogEntry[], pointer: string): readonly LiveLogEntry[] {
  const isChange = ({ how }: LiveLogEntry): boolean => how === 'webhook' || how === 'observed';
  return entries.filter((entry) => entry.pointer === pointer && isChange(entry));
}
