import { limits } from './limits.ts';
import { isOlder, type ModelVersion, versionNumber } from './model.ts';
import { Reason } from './request.ts';
import type { ModelState } from './rollback.ts';

/**
 * The two tags that a rollback leaves on its versions, and what they prove. They stay with the versions
 * when the registered model is renamed, and they show what somebody with another state store did.
 */

export const MarkKind = {
  /** On the version that the pointer left. */
  ROLLED_BACK: 'model_rollback.rolled_back',
  /** On the version that was restored. */
  RESTORED: 'model_rollback.restored',
} as const;
/** Also the key of the tag. */
export type MarkKind = (typeof MarkKind)[keyof typeof MarkKind];

export interface RollbackMark {
  readonly kind: MarkKind;
  /** The version at the other end of the move; null when none was live. */
  readonly other: string | null;
  readonly atMs: number;
  readonly reason: string;
  /** Who or what asked. */
  readonly by: string;
  readonly rollbackId: string;
  /** `stage:Production` */
  readonly pointer: string;
}

/** The value of the tag. */
export function markText({ kind, ...mark }: RollbackMark): string {
  const word = kind === MarkKind.ROLLED_BACK ? 'to' : 'from';
  const at = new Date(mark.atMs).toISOString();
  return `${word} ${mark.other ?? 'none'}, ${at}, ${mark.reason}, by ${mark.by}, ${mark.rollbackId}, ${mark.pointer}`;
}

/** @returns null for a tag that is none of ours, or that somebody edited */
export function parseMark(kind: string, text: string): RollbackMark | null {
  if (kind !== MarkKind.ROLLED_BACK && kind !== MarkKind.RESTORED) return null;
  if (text.length > limits.markLengthMax) return null;
  const [, word, other, time = '', reason = '', by = '', rollbackId = '', pointer] =
    markPattern.exec(text) ?? [];
  const atMs = Date.parse(time);
  const isOwnWord = word === (kind === MarkKind.ROLLED_BACK ? 'to' : 'from');
  if (other === undefined || !isOwnWord || Number.isNaN(atMs)) return null;
  return {
    kind,
    other: other === 'none' ? null : other,
    atMs,
    reason,
    by,
    rollbackId,
    // Release 0.1.0 knew no other pointer, and did not name it.
    pointer: pointer ?? 'stage:Production',
  };
}

/** The marks among the tags of a version, as a field of its row; nothing when there are none. */
export function marksIn(
  tags: Iterable<{ readonly key: string; readonly value: string }>,
): Pick<ModelVersion, 'marks'> {
  const marks = [...tags].flatMap(({ key, value }) => parseMark(key, value) ?? []);
  return marks.length === 0 ? {} : { marks };
}

/** The row as it is stored: without its marks, which only a reading of the registry has. */
export function withoutMarks<T extends ModelVersion | null>(row: T): T {
  if (row?.marks === undefined) return row;
  const { marks: _marks, ...stored } = row;
  return stored as T;
}

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

/**
 * `to 2, 2026-01-01T02:47:00.000Z, DRIFT_SEVERE, by ada, m/0123456789abcdef, stage:Production`. Whoever
 * asked, and the name of a model, may hold commas; release 0.1.0 wrote no pointer.
 */
const markPattern = new RegExp(
  [
    '^(to|from) ([1-9][0-9]{0,14}|none)',
    String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)`,
    '([A-Z_]{1,64})',
    'by (.*)',
    String.raw`([^\p{Cc}]+\/[0-9a-f]{16})(?:, (stage:Production|alias:[\w-]+))?$`,
  ].join(', '),
  'su',
);

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
  const { quarantine, quarantineEarlier, liveHistory, lastCommit } = state;
  const number = versionNumber(version);
  return (
    quarantine.some((entry) => entry.version === version) ||
    quarantineEarlier.some(([low, high]) => low <= number && number <= high) ||
    liveHistory.some((entry) => entry.version === version) ||
    lastCommit?.from === version ||
    lastCommit?.to === version
  );
}
