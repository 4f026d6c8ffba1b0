import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import { type StatusAnswer, statusOf } from '../domain/answer/status.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { ListPage, RecordList, RollbackStore } from '../ports/rollback-store.ts';
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

/** The latest attempt of each model on record, newest first, and what of the page cannot be read. */
export async function readLatest(
  store: RollbackStore,
  deadline: Deadline,
  page: ListPage = {},
): Promise<Omit<RecordList, 'records'> & { readonly answers: readonly RollbackResponse[] }> {
  const { records, ...list } = await store.list(null, deadline, { ...page, isLatestOnly: true });
  const answers = records.map(({ record, isNotified }) => responseOf(record, { isNotified }));
  return { answers, ...list };
}
