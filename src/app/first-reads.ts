import type { RegistrySnapshot } from '../domain/registry/model.ts';
import type { ModelPointer } from '../domain/registry/pointer.ts';
import type { RollbackRequest } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { StoreView } from '../ports/rollback-store.ts';
import { type RollbackDeps, registryFor } from './deps.ts';

/** What every attempt of a rollback begins with. */
export interface FirstReads {
  /** The rollback that they are for: its model and its key. */
  readonly id: string;
  /** The pointer that the registry is read for. */
  readonly pointer: ModelPointer;
  /** Read once, however often it is called. */
  readonly snapshot: () => Promise<RegistrySnapshot>;
  readonly view: Promise<StoreView>;
}

/**
 * Reads the registry and the store at the same time. A rejection is only seen by who awaits it.
 * @param about `isRepeatLikely`: the registry is read when it is needed, which it is not for what is on record. The
 * sender of an alert sends it again and again, and the registry must not answer for each.
 */
export function beginReads(
  deps: Pick<RollbackDeps, 'registry' | 'store'>,
  { modelName, targetVersion }: Pick<RollbackRequest, 'modelName' | 'targetVersion'>,
  { id, pointer, isRepeatLikely = false }: ReadsAbout,
  deadline: Deadline,
): FirstReads {
  const include = targetVersion === null ? [] : [targetVersion];
  let reading: Promise<RegistrySnapshot> | null = null;
  const snapshot = (): Promise<RegistrySnapshot> => {
    reading ??= registryFor(deps, pointer).read(modelName, include, deadline);
    return reading;
  };
  // A replay is answered although the registry is down; reads that nobody needs are dropped.
  if (!isRepeatLikely) snapshot().catch(() => undefined);
  const view = deps.store.read(modelName, id, deadline);
  view.catch(() => undefined);
  return { id, pointer, snapshot, view };
}

type ReadsAbout = Pick<FirstReads, 'id' | 'pointer'> & { readonly isRepeatLikely?: boolean };
