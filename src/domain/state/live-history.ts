import { limits } from '../limits.ts';
import type { ModelVersion } from '../registry/model.ts';
import type { LiveEntry, ModelState, PointerState } from './model-state.ts';
import { pointerState, withPointerState } from './pointer-state.ts';

/** What was live under a pointer, and when, as far as we learned of it. */

/**
 * True when an entry is about this version, and not about one of an earlier registered model of the same
 * name: that one was there before the entry.
 */
export function isAbout(
  { version, atMs }: Pick<LiveEntry, 'version' | 'atMs'>,
  row: Pick<ModelVersion, 'version' | 'createdAtMs'>,
): boolean {
  return version === row.version && row.createdAtMs <= atMs + limits.clockSkewMaxMs;
}

/** When the pointer ceased to name a version (epoch ms), if that is the latest that is known; else null. */
export function deletedAtMs(history: readonly LiveEntry[]): number | null {
  const latest = history.at(-1);
  return latest?.how === 'deleted' ? latest.atMs : null;
}

/** The latest move of ours, a rollback or a promotion; undefined where none is kept. */
export function lastMove({
  liveHistory,
}: Pick<PointerState, 'liveHistory'>): LiveEntry | undefined {
  return liveHistory.findLast(({ how }) => how === 'made');
}

/** The latest move of ours, if it was a promotion, with what it replaced; null for any other. */
export function lastPromotion({
  liveHistory,
  lastCommit,
}: PointerState): (LiveEntry & { readonly replaced: string | null }) | null {
  const index = liveHistory.findLastIndex(({ how }) => how === 'made');
  const move = liveHistory[index];
  const isRollback =
    move?.version === lastCommit?.to && (move?.atMs ?? 0) <= (lastCommit?.atMs ?? 0);
  if (move === undefined || isRollback) return null;
  return { ...move, replaced: liveHistory[index - 1]?.version ?? null };
}

/** A move of ours. */
interface Move {
  readonly from: string | null;
  readonly to: string;
  /** When `from` was seen live (epoch ms). */
  readonly seenAtMs: number;
  /** When `to` was made live (epoch ms). */
  readonly atMs: number;
}

/** The history after a move of ours, which began with what was live. */
export function withMove(
  history: readonly LiveEntry[],
  { from, to, seenAtMs, atMs }: Move,
): readonly LiveEntry[] {
  const seen: LiveEntry[] =
    from === null || history.at(-1)?.version === from
      ? []
      : [{ version: from, atMs: seenAtMs, how: 'seen' }];
  return [...history, ...seen, { version: to, atMs, how: 'made' }].slice(-limits.liveHistoryMax);
}

/** A promotion that somebody reports. */
interface Promotion {
  readonly version: string;
  /** Null where it is not known. */
  readonly replaced: string | null;
  readonly pointer: string;
}

/** The state that knows of a promotion; the same one when it knew. */
export function withPromotion(
  state: ModelState,
  { version, replaced, pointer }: Promotion,
  nowMs: number,
): ModelState {
  const { liveHistory } = pointerState(state, pointer);
  const [before, last] = [liveHistory.at(-2), liveHistory.at(-1)];
  const isLast = last?.version === version;
  if (isLast && (replaced === null || before?.version === replaced)) return state;
  // What was live before is known better now: the entry of the live version moves behind it, and what an
  // earlier report of the same promotion said goes.
  const isReported = isLast && last.how === 'promoted';
  const isCorrected = isReported && before?.how === 'seen' && before.atMs === last.atMs;
  const known = isLast ? liveHistory.slice(0, isCorrected ? -2 : -1) : liveHistory;
  const seen: LiveEntry[] =
    replaced === null || known.at(-1)?.version === replaced
      ? []
      : [{ version: replaced, atMs: isLast ? last.atMs : nowMs, how: 'seen' }];
  const promoted: LiveEntry = isLast ? last : { version, atMs: nowMs, how: 'promoted' };
  return withPointerState(state, pointer, {
    liveHistory: [...known, ...seen, promoted].slice(-limits.liveHistoryMax),
  });
}
