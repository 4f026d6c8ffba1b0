import { type StatusAnswer, statusOf } from '../domain/answer/status.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { readModel } from './read-model.ts';

/** What is live of one model, in quarantine and in progress. */
export async function readStatus(
  deps: RollbackDeps,
  modelName: string,
  deadline: Deadline,
): Promise<StatusAnswer> {
  const { snapshot, view } = await readModel(deps, { modelName }, deadline);
  const state = view.state ?? newModelState(modelName, deps.registry.address);
  return statusOf(snapshot, state, view.fleet ?? newFleetState, deps.clock.nowMs());
}
