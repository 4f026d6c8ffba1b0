import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import { type StatusAnswer, statusOf } from '../domain/answer/status.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { ListedRecord, RecordList, RollbackStore } from '../ports/rollback-store.ts';
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
  return statusOf(snapshot, state, view.fleet ?? newFleetState);
}

/** The latest attempt of each model on record, newest first, and what of the list cannot be read. */
export async function readLatest(
  store: RollbackStore,
  deadline: Deadline,
): Promise<Pick<RecordList, 'unreadable'> & { readonly answers: readonly RollbackResponse[] }> {
  const { records, unreadable } = await store.list(null, deadline);
  // Newest first, so the first record of each model is its latest.
  const latest = new Map<string, ListedRecord>();
  for (const listed of records) {
    if (!latest.has(listed.record.modelName)) latest.set(listed.record.modelName, listed);
  }
  const answers = [...latest.values()].map(({ record, isNotified }) =>
    responseOf(record, { isNotified }),
  );
  return { answers, unreadable };
}
