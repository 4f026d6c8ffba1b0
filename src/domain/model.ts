/** What the registry holds, in the words of MLflow. */

/** How consumers find the live version: the stage `Production`. */
export interface ModelPointer {
  readonly kind: 'stage';
  readonly stage: 'Production';
}

/** `stage:Production`, the form of the setting and of records. */
export function pointerText(pointer: ModelPointer): string {
  return `${pointer.kind}:${pointer.stage}`;
}

/** One version of a registered model. `version` is text; compare with `compareVersions` only. */
export interface ModelVersion {
  readonly version: string;
  /** `None`, `Staging`, `Production`, `Archived`. */
  readonly stage: string;
  /** Of the registration, not of serving; only `READY` may be restored. */
  readonly status: string;
  readonly createdAtMs: number;
  /** Moves with the stage and the description; tags leave it alone. */
  readonly lastUpdatedAtMs: number;
}

/** Picks registered models: each whose own tag, or whose live version's, has this key and value. */
export interface ModelTag {
  readonly of: 'model' | 'live-version';
  readonly key: string;
  readonly value: string;
}

/** One look at a registered model. */
export interface RegistrySnapshot {
  readonly modelName: string;
  /** What the pointer names, highest version first. Consumers load the first. */
  readonly live: readonly ModelVersion[];
  /** All other versions that were read, highest first. */
  readonly others: readonly ModelVersion[];
  /** False when the registered model has versions that were not read. */
  readonly isComplete: boolean;
  /** True when the live version is among the latest changes: then what it displaced is too. */
  readonly isLiveRecent: boolean;
  /** The registry's clock as it answered (epoch ms, to the second); null when it does not say. */
  readonly serverTimeMs: number | null;
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

/**
 * Versions that the same transaction archived when `promoted` went live: MLflow gives all rows that a
 * transition touches one `last_updated_timestamp`.
 */
export function displacedBy(
  snapshot: RegistrySnapshot,
  promoted: ModelVersion,
): readonly ModelVersion[] {
  return snapshot.others.filter(
    (row) => row.stage === 'Archived' && row.lastUpdatedAtMs === promoted.lastUpdatedAtMs,
  );
}

/** Epoch milliseconds as ISO 8601 in UTC, ending in `Z`. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
