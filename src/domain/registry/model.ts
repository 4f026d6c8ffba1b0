import type { ModelPointer } from './pointer.ts';
import type { RollbackMark } from './rollback-mark.ts';

/** What the registry holds, in the words of MLflow. */

/** One version of a registered model. `version` is text; compare with `compareVersions` only. */
export interface ModelVersion {
  readonly version: string;
  /** `None`, `Staging`, `Production`, `Archived`. */
  readonly stage: string;
  /** Of the registration, not of serving; only `READY` may be restored. `deletedStatus`: see there. */
  readonly status: string;
  readonly createdAtMs: number;
  /** Moves with the stage and the description, and with a rename of the model; tags leave it alone. */
  readonly lastUpdatedAtMs: number;
  /** What earlier rollbacks left on it; absent when nothing, and always in a stored plan. */
  readonly marks?: readonly RollbackMark[];
  /** A prompt is a registered model too; absent when it is none, and always in a stored plan. */
  readonly isPrompt?: true;
  /** The run that logged it; absent when it was registered without one, and always in a stored plan. */
  readonly runId?: string;
  /** Where its files are; absent where the registry does not say, and always in a stored plan. */
  readonly source?: string;
}

/** Our word, not MLflow's: an alias still names this version, and it was deleted. */
export const deletedStatus = 'DELETED';

/** The row of a version that an alias names although it was deleted: only its number is known. */
export function deletedVersion(version: string): ModelVersion {
  return { version, stage: 'None', status: deletedStatus, createdAtMs: 0, lastUpdatedAtMs: 0 };
}

/** A mutable name for one version. */
export interface ModelAlias {
  readonly alias: string;
  readonly version: string;
}

/** Picks registered models: each whose own tag, or whose live version's, has this key and value. */
export interface ModelTag {
  readonly of: 'model' | 'live-version';
  readonly key: string;
  readonly value: string;
}

/** One reading of a registered model. */
export interface RegistrySnapshot {
  readonly modelName: string;
  /** The pointer that this reading is about. */
  readonly pointer: ModelPointer;
  /** What the pointer names, highest version first. Consumers load the first. */
  readonly live: readonly ModelVersion[];
  /** All other versions that were read, highest first. */
  readonly others: readonly ModelVersion[];
  /** False when the registered model has versions that were not read. */
  readonly isComplete: boolean;
  /** True when each version that changed together with the live one was read: what it displaced is among them. */
  readonly isEvidenceRead: boolean;
  /** Our clock less the registry's at the moment of its answer (ms); null when it does not say. */
  readonly clockSkewMs: number | null;
}

/** The number in a version. The only place where a version is a number. */
export function versionNumber(version: string): number {
  return Number(version);
}

/** Newest first: `"10"` before `"9"`. */
export function compareVersions(a: string, b: string): number {
  return versionNumber(b) - versionNumber(a);
}

/** True when `a` is an older version than `b`. */
export function isOlder(a: string, b: string): boolean {
  return versionNumber(a) < versionNumber(b);
}

/** True when both name the same versions, in any order. */
export function isSameVersions(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}

/** The row of one version in a snapshot, if it was read. */
export function findVersion(snapshot: RegistrySnapshot, version: string): ModelVersion | undefined {
  return (
    snapshot.live.find((row) => row.version === version) ??
    snapshot.others.find((row) => row.version === version)
  );
}

/** The snapshot with more rows of the same registered model; those that it has stay as they are. */
export function withRows(
  snapshot: RegistrySnapshot,
  rows: readonly ModelVersion[],
): RegistrySnapshot {
  const { pointer } = snapshot;
  // A version that stands in the pointer's stage is live, whichever of our reads found it.
  const isLive = (row: ModelVersion): boolean =>
    pointer.kind === 'stage' && row.stage === pointer.stage;
  const added = rows.filter((row) => findVersion(snapshot, row.version) === undefined);
  const sort = (versions: readonly ModelVersion[]): readonly ModelVersion[] =>
    versions.toSorted((a, b) => compareVersions(a.version, b.version));
  return {
    ...snapshot,
    live: sort([...snapshot.live, ...added.filter(isLive)]),
    others: sort([...snapshot.others, ...added.filter((row) => !isLive(row))]),
  };
}

/** Epoch milliseconds as ISO 8601 in UTC, ending in `Z`. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
