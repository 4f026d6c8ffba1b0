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
  /** The pointer that the registry was read for. */
  readonly pointer: ModelPointer;
  readonly snapshot: Promise<RegistrySnapshot>;
  readonly view: Promise<StoreView>;
}

/** Reads the registry and the store at the same time. A rejection is only seen by who awaits it. */
export function beginReads(
  deps: Pick<RollbackDeps, 'registry' | 'store'>,
  { modelName, targetVersion }: Pick<RollbackRequest, 'modelName' | 'targetVersion'>,
  { id, pointer }: Pick<FirstReads, 'id' | 'pointer'>,
  deadline: Deadline,
): FirstReads {
  const { store } = deps;
  const registry = registryFor(deps, pointer);
  const include = targetVersion === null ? [] : [targetVersion];
  const snapshot = registry.read(modelName, include, deadline);
  const view = store.read(modelName, id, deadline);
  // A replay is answered although the registry is down; reads that nobody needs are dropped.
  snapshot.catch(() => undefined);
  view.catch(() => undefined);
  return { id, pointer, snapshot, view };
}
