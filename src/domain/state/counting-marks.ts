import { limits } from '../limits.ts';
import { isOlder, type ModelVersion, versionNumber } from '../registry/model.ts';
import { MarkKind, type RollbackMark } from '../registry/rollback-mark.ts';
import { Reason } from '../request/request.ts';
import type { ModelState } from './model-state.ts';
import { pointerStates } from './pointer-state.ts';

/** What the tags of earlier rollbacks prove where our own state knows nothing of a version. */

/**
 * The mark that puts a version into quarantine, when our own state knows nothing of the version: after
 * a rename, or when somebody else works with another store.
 */
export function quarantineMark(
  row: ModelVersion,
  state: ModelState,
  nowMs: number,
): RollbackMark | null {
  const mark = countingMark(row, state, nowMs);
  return mark?.kind === MarkKind.ROLLED_BACK ? mark : null;
}

/** A version and what is marked on it. */
export interface MarkedVersion {
  readonly version: string;
  readonly mark: RollbackMark;
}

/** The latest rollback of a pointer that only marks show; null when there is none. */
export function latestMarked(
  rows: readonly ModelVersion[],
  state: ModelState,
  pointer: string,
  nowMs: number,
): MarkedVersion | null {
  const marked = rows.flatMap((row) => {
    const mark = countingMark(row, state, nowMs);
    return mark?.pointer === pointer ? [{ version: row.version, mark }] : [];
  });
  return marked.toSorted((a, b) => b.mark.atMs - a.mark.atMs)[0] ?? null;
}

/** Versions with a mark that is older than they are: it came with a copy, and proves nothing. */
export function versionsWithCopiedMarks(rows: readonly ModelVersion[]): string[] {
  return rows
    .filter((row) => (row.marks ?? []).some((mark) => isCopied(mark, row)))
    .map((row) => row.version);
}

// ---------------------------------------------------------------------------------------------------

/** The newest mark of a version, if it may be believed and our own state does not know better. */
function countingMark(row: ModelVersion, state: ModelState, nowMs: number): RollbackMark | null {
  if (row.marks === undefined || isKnown(row, state)) return null;
  const [newest] = row.marks
    .filter((mark) => !isCopied(mark, row) && mark.atMs <= nowMs + limits.clockSkewMaxMs)
    .toSorted((a, b) => b.atMs - a.atMs);
  if (newest === undefined) return null;
  const isReleased = state.released.some(
    ({ version, atMs }) => version === row.version && atMs >= newest.atMs,
  );
  return isReleased || !saysBad(newest, row) ? null : newest;
}

/** Release 0.1.0 marked every move: one forwards, at a person's request, says nothing against a version. */
function saysBad({ kind, other, reason }: RollbackMark, row: ModelVersion): boolean {
  if (reason !== Reason.MANUAL_REQUEST) return true;
  if (other === null) return false;
  return kind === MarkKind.ROLLED_BACK ? isOlder(other, row.version) : isOlder(row.version, other);
}

function isCopied(mark: RollbackMark, row: ModelVersion): boolean {
  return mark.atMs + limits.clockSkewMaxMs < row.createdAtMs;
}

function isKnown({ version }: ModelVersion, state: ModelState): boolean {
  const { quarantine, quarantineEarlier } = state;
  const number = versionNumber(version);
  return (
    quarantine.some((entry) => entry.version === version) ||
    quarantineEarlier.some(([low, high]) => low <= number && number <= high) ||
    pointerStates(state).some(
      ([, { liveHistory, lastCommit }]) =>
        liveHistory.some((entry) => entry.version === version) ||
        lastCommit?.from === version ||
        lastCommit?.to === version,
    )
  );
}
