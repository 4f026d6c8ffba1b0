import { isoTime } from '../registry/model.ts';
import type { LiveLogEntry } from '../state/live-log.ts';

/** A time in which a pointer named a version, as callers get it. Times are ISO 8601 in UTC. */
export interface LiveSpan {
  readonly pointer: string;
  /** Null: it named nothing. */
  readonly version: string | null;
  /** It began after this; null where that is not known. */
  readonly began_after: string | null;
  /** It had begun by this. */
  readonly began_by: string;
  /** The next one had begun by this; null: it is the latest that is known. */
  readonly ended_by: string | null;
  /** How we know: made by us, promoted as reported, observed, seen, baseline, webhook. */
  readonly how: string;
  /** Another version may have been live unseen just before it. */
  readonly has_gap: boolean;
  /** The rollback or promotion of ours that made it so; null for every other change. */
  readonly rollback_id: string | null;
}

/**
 * What each pointer named when.
 * @param entries the live log of one model, newest first
 * @returns newest first; an entry that repeats what was known already is left out
 */
export function liveTimeline(entries: readonly LiveLogEntry[]): readonly LiveSpan[] {
  const spans: LiveSpan[] = [];
  const latest = new Map<string, number>();
  for (const entry of entries.toReversed()) {
    const before = latest.get(entry.pointer);
    const last = before === undefined ? undefined : spans[before];
    if (last !== undefined && last.version === entry.version) continue;
    const beganBy = isoTime(entry.atMs);
    if (last !== undefined && before !== undefined) spans[before] = { ...last, ended_by: beganBy };
    latest.set(entry.pointer, spans.length);
    spans.push({
      pointer: entry.pointer,
      version: entry.version,
      began_after: entry.notBeforeMs === null ? null : isoTime(entry.notBeforeMs),
      began_by: beganBy,
      ended_by: null,
      how: entry.how,
      has_gap: entry.hasGap,
      rollback_id: isOurs(entry) ? entry.source : null,
    });
  }
  return spans.toReversed();
}

// ---------------------------------------------------------------------------------------------------

/** A promotion that somebody reports has no source. */
function isOurs({ how }: LiveLogEntry): boolean {
  return how === 'made' || how === 'promoted';
}
