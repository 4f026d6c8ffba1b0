import { limits } from '../limits.ts';
import { type ModelVersion, versionNumber } from '../registry/model.ts';
import type { ModelState, QuarantineEntry } from './model-state.ts';

/**
 * Versions that a rollback moved away from. Right after a rollback the highest Archived version *is* the
 * bad one: this list keeps it from being restored.
 */

type Interval = readonly [number, number];
type QuarantineState = Pick<ModelState, 'quarantine' | 'quarantineEarlier'>;
type ReleaseState = Pick<ModelState, 'released'>;

/**
 * @param row a version that was made after its entry belongs to another registered model of the same
 * name, deleted and made again
 */
export function isQuarantined(
  state: QuarantineState,
  row: Pick<ModelVersion, 'version' | 'createdAtMs'>,
): boolean {
  const number = versionNumber(row.version);
  const isSame = (entry: QuarantineEntry): boolean =>
    entry.version === row.version && row.createdAtMs <= entry.atMs + limits.clockSkewMaxMs;
  return (
    state.quarantine.some(isSame) ||
    state.quarantineEarlier.some(([low, high]) => low <= number && number <= high)
  );
}

/** Why a version is in quarantine, as the end of a sentence. */
export function quarantineCause(state: QuarantineState, { version }: { version: string }): string {
  const byHand = state.quarantine.find((entry) => entry.version === version)?.byHand;
  if (byHand === undefined) return 'an earlier rollback moved away from it';
  return `${byHand.by ?? 'somebody'} put it there: ${byHand.reason}`;
}

/**
 * Adds an entry, which names every rollback from that version; what no longer fits is kept without its
 * details, so the item stays small.
 */
export function addToQuarantine(
  state: QuarantineState,
  entry: Pick<QuarantineEntry, 'version' | 'atMs' | 'rollbackId' | 'byHand'>,
): QuarantineState {
  const old = state.quarantine.find(({ version }) => version === entry.version);
  const others = state.quarantine.filter((one) => one !== old);
  const entries = [...others, old === undefined ? entry : { ...entry, ...causesBefore(old) }];
  const surplus = entries.slice(0, -limits.quarantineRecentMax);
  return {
    quarantine: entries.slice(-limits.quarantineRecentMax),
    quarantineEarlier: surplus.reduce(
      (intervals, old) => addToIntervals(intervals, versionNumber(old.version)),
      state.quarantineEarlier,
    ),
  };
}

/**
 * Takes a version out, whatever put it there, so that it may be restored again. The state remembers it:
 * older signs against the version, such as tags in the registry, do not count any more.
 */
export function releaseFromQuarantine<State extends QuarantineState & ReleaseState>(
  state: State,
  version: string,
  nowMs: number,
): State {
  const number = versionNumber(version);
  const others = state.released.filter((entry) => entry.version !== version);
  return {
    ...state,
    quarantine: state.quarantine.filter((entry) => entry.version !== version),
    quarantineEarlier: state.quarantineEarlier.flatMap(([low, high]): Interval[] => {
      if (number < low || number > high) return [[low, high]];
      const parts: Interval[] = [
        [low, number - 1],
        [number + 1, high],
      ];
      return parts.filter(([start, end]) => start <= end);
    }),
    released: [...others, { version, atMs: nowMs }].slice(-limits.releasedVersionsMax),
  };
}

/** Takes away what one rollback did: its version is released, unless others moved away from it too. */
export function undoQuarantine<State extends QuarantineState & ReleaseState>(
  state: State,
  { version, rollbackId }: Pick<QuarantineEntry, 'version' | 'rollbackId'>,
  nowMs: number,
): State {
  const entry = state.quarantine.find((one) => one.version === version);
  if (entry === undefined) return state;
  const model = rollbackId.slice(0, rollbackId.lastIndexOf('/'));
  const causes = [
    ...(entry.earlierRollbacks ?? []).map((id) => (id === '' ? id : `${model}/${id}`)),
    entry.rollbackId,
  ];
  const others = causes.filter((id) => id !== rollbackId);
  const latest = others.pop();
  if (latest === undefined) return releaseFromQuarantine(state, version, nowMs);
  const earlierRollbacks = others.map(lastPart);
  const kept = { ...entry, rollbackId: latest, earlierRollbacks };
  return { ...state, quarantine: state.quarantine.map((one) => (one === entry ? kept : one)) };
}

// ---------------------------------------------------------------------------------------------------

function causesBefore(old: QuarantineEntry): Pick<QuarantineEntry, 'earlierRollbacks'> {
  const earlier = [...(old.earlierRollbacks ?? []), lastPart(old.rollbackId)];
  return { earlierRollbacks: earlier.slice(-limits.quarantineCausesMax) };
}

/** Of an id, without the model. */
function lastPart(rollbackId: string): string {
  return rollbackId.slice(rollbackId.lastIndexOf('/') + 1);
}

function addToIntervals(intervals: readonly Interval[], number: number): readonly Interval[] {
  const sorted = [...intervals, [number, number] as const].toSorted((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  if (merged.length <= limits.quarantineIntervalsMax) return merged;
  // Beyond any real use. Joining the two oldest quarantines the versions between them too: the safe side.
  const [first, second, ...rest] = merged;
  return first && second ? [[first[0], second[1]], ...rest] : merged;
}
