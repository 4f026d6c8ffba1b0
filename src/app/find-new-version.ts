import { challengerAlias, chooseNewVersion, type NewVersion } from '../domain/decide/promotion.ts';
import { limits } from '../domain/limits.ts';
import {
  findVersion,
  isOlder,
  type ModelVersion,
  type RegistrySnapshot,
  withRows,
} from '../domain/registry/model.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** The new version of a model, where nobody names one, with all that was read for it. */
export interface FoundVersion {
  readonly snapshot: RegistrySnapshot;
  readonly choice: NewVersion;
}

/**
 * What is compared, and then promoted, where the caller names no version: the same for both.
 * @throws RegistryRefusedError, RegistryUnavailableError
 */
export async function findNewVersion(
  { registry }: Pick<RollbackDeps, 'registry'>,
  snapshot: RegistrySnapshot,
  deadline: Deadline,
): Promise<FoundVersion> {
  const read = await readAboveLive(registry, snapshot, deadline);
  const challenger = await registry.readAlias(snapshot.modelName, challengerAlias, deadline);
  const whole = challenger === null ? read : withRows(read, [challenger]);
  const row = challenger === null ? null : (findVersion(whole, challenger.version) ?? null);
  return { snapshot: whole, choice: chooseNewVersion(whole, row) };
}

// ---------------------------------------------------------------------------------------------------

/** All versions above the live one, as far as the bound on reading allows: one of them may be in Staging. */
async function readAboveLive(
  registry: RollbackDeps['registry'],
  snapshot: RegistrySnapshot,
  deadline: Deadline,
): Promise<RegistrySnapshot> {
  const [live] = snapshot.live;
  let read = snapshot;
  let lowest: string | null = null;
  for (let page = 1; page <= limits.registryPagesMax && !snapshot.isComplete; page += 1) {
    const rows: readonly ModelVersion[] = await registry.readBelow(
      snapshot.modelName,
      lowest,
      deadline,
    );
    lowest = rows.at(-1)?.version ?? null;
    read = withRows(read, rows);
    if (lowest === null || (live !== undefined && !isOlder(live.version, lowest))) break;
  }
  return read;
}
