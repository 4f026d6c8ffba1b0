import { limits } from '../limits.ts';
import type { ModelAlias } from '../registry/model.ts';
import { type ModelPointer, pointerText } from '../registry/pointer.ts';
import type { Head } from '../state/live-log.ts';
import type { LiveEntry, ModelState } from '../state/model-state.ts';
import { pointerState, withPointerState } from '../state/pointer-state.ts';
import { previousAliases } from './alias.ts';
import { evidenceOf } from './evidence.ts';

/** What the registry's list of models shows of the pointers of one. */
export interface ModelPointers {
  readonly modelName: string;
  readonly aliases: readonly ModelAlias[];
  /** The highest version in the stage `Production`; null when there is none. */
  readonly staged: string | null;
}

/** The pointers of a model that are observed: its own, and those that say what was live before. */
export function observedPointers(pointer: ModelPointer): readonly ModelPointer[] {
  const before = previousAliases(pointer).map((alias) => ({ kind: 'alias', alias }) as const);
  return [pointer, ...before];
}

/** What a pointer names; null for nothing. */
export function namedBy({ aliases, staged }: ModelPointers, pointer: ModelPointer): string | null {
  if (pointer.kind === 'stage') return staged;
  return aliases.find(({ alias }) => alias === pointer.alias)?.version ?? null;
}

/** A pointer that named one version, or none, at one reading and another at the next. */
export interface ObservedChange {
  readonly before: Head;
  readonly version: string | null;
  /** The end of the later reading (epoch ms). */
  readonly atMs: number;
  /** So much time lies between the two that others may have been live in between. */
  readonly hasGap: boolean;
}

/** True when a change is too long after the reading before it. @param roundMs time between two readings */
export function isGap(before: Head, atMs: number, roundMs: number): boolean {
  return atMs - before.atMs > limits.observeGapRounds * roundMs;
}

/** What the pointer named last: by the reading before, or by what was recorded since, as a move of ours. */
export function latestKnown(state: ModelState, pointer: ModelPointer, head: Head): Head {
  const last = pointerState(state, pointerText(pointer)).liveHistory.at(-1);
  if (last === undefined || last.atMs < head.atMs) return head;
  return { version: last.how === 'deleted' ? null : last.version, atMs: last.atMs };
}

/**
 * The state with a change that was observed. The times of a stage stand on its versions: an entry of it says
 * that it was seen, as release 0.1.0 writes it, and a change across a gap adds nothing to them.
 */
export function withObserved(
  state: ModelState,
  pointer: ModelPointer,
  { before, version, atMs, hasGap }: ObservedChange,
): ModelState {
  const named = version ?? before.version;
  const { leavesTrace } = evidenceOf(pointer);
  if (named === null || (leavesTrace && (hasGap || version === null))) return state;
  const { liveHistory } = pointerState(state, pointerText(pointer));
  const seen: LiveEntry[] =
    before.version === null || before.version === liveHistory.at(-1)?.version
      ? []
      : [{ version: before.version, atMs: before.atMs, how: 'seen' }];
  const interval = { notBeforeMs: before.atMs, ...(hasGap ? { hasGap } : {}) };
  const entry: LiveEntry = leavesTrace
    ? { version: named, atMs, how: 'seen' }
    : { version: named, atMs, ...interval, how: version === null ? 'deleted' : 'observed' };
  return withPointerState(state, pointerText(pointer), {
    liveHistory: [...liveHistory, ...seen, entry].slice(-limits.liveHistoryMax),
  });
}
