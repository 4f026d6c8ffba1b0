import { type StatusAnswer, statusOf } from '../domain/answer/status.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { pointerAsked, type RollbackDeps, registryFor } from './deps.ts';

/** What is live of one model, in quarantine and in progress. */
export async function readStatus(
  deps: RollbackDeps,
  modelName: string,
  deadline: Deadline,
): Promise<StatusAnswer> {
  const registry = registryFor(deps, pointerAsked(deps, { modelName }));
  const [snapshot, view] = await Promise.all([
    registry.read(modelName, [], deadline),
    deps.store.read(modelName, null, deadline),
  ]);
  const state = view.state ?? newModelState(modelName, deps.registry.address);
  return statusOf(snapshot, state, view.fleet ?? newFleetState, deps.clock.nowMs());
}
