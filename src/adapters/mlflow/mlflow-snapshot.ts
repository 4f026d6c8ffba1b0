import { limits } from '../../domain/limits.ts';
import {
  compareVersions,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/registry/model.ts';
import type { ModelPointer } from '../../domain/registry/pointer.ts';
import { together } from '../../domain/together.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { MLflowVersions } from './mlflow-versions.ts';

/** One reading of a registered model, for each kind of pointer. Every call may throw errors of ours. */

/** What `read` is asked for. */
interface WhatToRead {
  readonly modelName: string;
  readonly include: readonly string[];
  readonly rowsMax: number;
}

export const latestFirst = 'last_updated_timestamp DESC';

export async function readStage(
  versions: MLflowVersions,
  pointer: Extract<ModelPointer, { kind: 'stage' }>,
  { modelName, include, rowsMax }: WhatToRead,
  deadline: Deadline,
): Promise<RegistrySnapshot> {
  const isLive = (row: ModelVersion): boolean => row.stage === pointer.stage;
  const latest = { below: null, orderBy: latestFirst, rowsMax, token: '' } as const;
  const page = await versions.search(modelName, latest, deadline);
  const hasMore = page.nextToken !== '';
  if (page.rows.length === 0) await versions.explainNothing(modelName, { hasMore }, deadline);
  const rows = new Map(page.rows.map((row) => [row.version, row]));
  // What is not among the latest changes has not changed lately, and is read by itself.
  const missing = include.filter((version) => !rows.has(version));
  const found = await together(
    missing.map((version) => versions.find(modelName, version, deadline)),
  );
  for (const row of found) if (row !== null) rows.set(row.version, row);
  // Where one version has the tag of prompts, the search shows no other.
  const isPartial = page.rows.some((row) => row.isPrompt);
  if (isPartial || (hasMore && ![...rows.values()].some(isLive))) {
    const row = await versions.latestIn(modelName, pointer.stage, deadline);
    if (row !== null) rows.set(row.version, row);
  }
  const all = [...rows.values()].toSorted((a, b) => compareVersions(a.version, b.version));
  const live = all.filter(isLive);
  return {
    modelName,
    pointer,
    live,
    others: all.filter((row) => !isLive(row)),
    isComplete: !hasMore,
    isEvidenceRead: !hasMore || reachesPast(page.rows, live[0]),
    clockSkewMs: page.clockSkewMs,
  };
}

/** Two calls beside each other, whose cost does not grow with the versions; a recheck searches nothing. */
export async function readAliased(
  versions: Pick<MLflowVersions, 'named' | 'search' | 'find' | 'explainNothing'>,
  pointer: Extract<ModelPointer, { kind: 'alias' }>,
  { modelName, include, rowsMax }: WhatToRead,
  deadline: Deadline,
): Promise<RegistrySnapshot> {
  const latest = { below: null, orderBy: latestFirst, rowsMax, token: '' } as const;
  const isSearched = rowsMax >= limits.registryPageRows;
  const [{ row: named, clockSkewMs }, page, found] = await together([
    versions.named(modelName, pointer.alias, deadline),
    isSearched ? versions.search(modelName, latest, deadline) : null,
    together(include.map((version) => versions.find(modelName, version, deadline))),
  ]);
  const hasMore = page === null || page.nextToken !== '';
  if (page?.rows.length === 0) await versions.explainNothing(modelName, { hasMore }, deadline);
  const rows = [...(page?.rows ?? []), ...found.filter((row) => row !== null)];
  const others = new Map(rows.map((row) => [row.version, row]));
  if (named !== null) others.delete(named.version);
  return {
    modelName,
    pointer,
    live: named === null ? [] : [named],
    others: [...others.values()].toSorted((a, b) => compareVersions(a.version, b.version)),
    isComplete: !hasMore,
    // There is none to be read.
    isEvidenceRead: true,
    clockSkewMs: page === null ? clockSkewMs : page.clockSkewMs,
  };
}

// ---------------------------------------------------------------------------------------------------

/** True when each row that changed together with this one is among them: they are in the order of change. */
function reachesPast(rows: readonly ModelVersion[], row: ModelVersion | undefined): boolean {
  const last = rows.at(-1);
  return row !== undefined && last !== undefined && last.lastUpdatedAtMs < row.lastUpdatedAtMs;
}
