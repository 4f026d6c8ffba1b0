import type { RegistrySnapshot } from '../domain/registry/model.ts';
import { type ModelPointer, pointerText } from '../domain/registry/pointer.ts';
import type { RollbackRequest } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { StoreView } from '../ports/rollback-store.ts';
import { depsFor, pointerAsked, type RollbackDeps, registryFor } from './deps.ts';

/** Registry and store for one model, by the pointer that counts for it: its policy may name one. */

/** The model as it is now, and the parts with the settings that count for it. */
export interface ModelReading {
  readonly deps: RollbackDeps;
  readonly snapshot: RegistrySnapshot;
  readonly view: StoreView;
}

/** Reads both at the same time; the registry once more where the state says that another pointer counts. */
export async function readModel(
  deps: RollbackDeps,
  { modelName, include = [] }: { readonly modelName: string; readonly include?: readonly string[] },
  deadline: Deadline,
): Promise<ModelReading> {
  const read = (pointer: ModelPointer): Promise<RegistrySnapshot> =>
    registryFor(deps, pointer).read(modelName, include, deadline);
  const guessed = pointerAsked(deps, { modelName });
  const early = read(guessed);
  // Where another pointer counts nobody needs it.
  early.catch(() => undefined);
  const view = await deps.store.read(modelName, null, deadline);
  const ownDeps = depsFor(deps, view.state);
  const pointer = pointerAsked(ownDeps, { modelName });
  const isGuessed = pointerText(pointer) === pointerText(guessed);
  return { deps: ownDeps, snapshot: await (isGuessed ? early : read(pointer)), view };
}

/** The pointer that a request is about: the one that it names, else that of the model. */
export async function pointerOf(
  deps: RollbackDeps,
  request: Pick<RollbackRequest, 'modelName' | 'pointer'>,
  deadline: Deadline,
): Promise<ModelPointer> {
  if (request.pointer !== undefined) return pointerAsked(deps, request);
  const { state } = await deps.store.read(request.modelName, null, deadline);
  return pointerAsked(depsFor(deps, state), request);
}
