import type { ModelVersion, RegistrySnapshot } from '../registry/model.ts';
import type { PointerEvidence } from './pointer-evidence.ts';
import { TargetRule } from './target-rule.ts';

/**
 * What one promotion leaves behind: MLflow gives all rows that a transition touches one
 * `last_updated_timestamp`. A rename of the registered model does the same to every row, and then the
 * shared time proves nothing.
 */

export const stageEvidence: PointerEvidence = {
  leavesTrace: true,
  rules: [
    TargetRule.ALSO_LIVE,
    TargetRule.DISPLACED,
    TargetRule.RECORDED,
    TargetRule.ARCHIVED_BELOW,
  ],
  mayHaveBeenLive: (row, live) => row.stage === 'Archived' || row.stage === live.stage,
  displacedBy,
  isTouched: (earlier, now) =>
    now.lastUpdatedAtMs !== earlier.lastUpdatedAtMs ||
    now.stage !== earlier.stage ||
    now.status !== earlier.status,
  isLiveUnchangedSince: (row, atMs) => row.lastUpdatedAtMs <= atMs,
};

/** True when rows that no promotion touches share the time of `promoted`: it proves nothing, whatever else is read. */
export function isTimeVoid(snapshot: RegistrySnapshot, promoted: ModelVersion): boolean {
  return !isOnePromotion(touchedWith(snapshot, promoted));
}

// ---------------------------------------------------------------------------------------------------

/**
 * Versions that the same transaction archived when `promoted` went live.
 * @param wereLive versions that are known to have been live before it
 */
function displacedBy(
  snapshot: RegistrySnapshot,
  promoted: ModelVersion,
  wereLive: readonly string[] = [],
): readonly ModelVersion[] {
  const touched = touchedWith(snapshot, promoted);
  if (!isOnePromotion(touched)) return [];
  // One version, or those that are known to have been live: nothing is left to explain.
  const unexplained = touched.filter((row) => !wereLive.includes(row.version));
  // Several were live at once, or the model was renamed. A rename leaves no row as it was before.
  const isRename = unexplained.length > 1 && !hasOlderRow(snapshot, promoted);
  return isRename ? [] : touched;
}

function touchedWith(snapshot: RegistrySnapshot, promoted: ModelVersion): readonly ModelVersion[] {
  return [...snapshot.live, ...snapshot.others].filter(
    (row) =>
      row.version !== promoted.version &&
      row.lastUpdatedAtMs === promoted.lastUpdatedAtMs &&
      !isJustRegistered(row),
  );
}

/** A promotion archives what was live, and leaves one row live. */
function isOnePromotion(touched: readonly ModelVersion[]): boolean {
  return touched.every((row) => row.stage === 'Archived');
}

/** Registered in that very millisecond, and not touched since. */
function isJustRegistered(row: ModelVersion): boolean {
  return row.stage === 'None' && row.createdAtMs === row.lastUpdatedAtMs;
}

function hasOlderRow(snapshot: RegistrySnapshot, promoted: ModelVersion): boolean {
  return [...snapshot.live, ...snapshot.others].some(
    (row) => row.lastUpdatedAtMs < promoted.lastUpdatedAtMs,
  );
}
