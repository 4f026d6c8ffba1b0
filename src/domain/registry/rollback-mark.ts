import { limits } from '../limits.ts';
import type { ModelVersion } from './model.ts';

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

/** The row as it is stored: without run, source and what its tags show, which only a reading of the registry has. */
export function withoutTags<T extends ModelVersion | null>(row: T): T {
  if (row === null) return row;
  const { marks: _marks, isPrompt: _isPrompt, runId: _runId, source: _source, ...stored } = row;
  return stored as T;
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
