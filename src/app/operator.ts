import type { NoticeWrite } from '../domain/record/record.ts';
import { next } from '../domain/revision.ts';
import { type FleetState, newFleetState } from '../domain/state/fleet.ts';
import type { HeadsItem } from '../domain/state/live-log.ts';
import { type ModelState, newModelState } from '../domain/state/model-state.ts';
import { type OperatorAction, withAction } from '../domain/state/operator.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { StoreView } from '../ports/rollback-store.ts';
import type { RollbackDeps } from './deps.ts';
import { insisting } from './insisting.ts';

/** For the state of a model that has none yet: the address of the registry that it is about. */
export interface AtRegistry {
  readonly registry: Pick<RollbackDeps['registry'], 'address'>;
}

/** Who decides, and why. */
export interface Operator {
  /** Null where nobody said. */
  readonly by: string | null;
  readonly reason: string | null;
}

/** What a decision is about: a registered model, or all of them (null). */
export type Subject = string | null;

/** What is stored of a subject. */
export type SubjectState = ModelState | FleetState;

/** What a decision makes of the state. */
export interface Decision<Answer> {
  readonly answer: Answer;
  /** Null: nothing is to be done, and nothing is written. */
  readonly item: SubjectState | null;
  /** Written with it. */
  readonly notice?: NoticeWrite;
  readonly heads?: HeadsItem;
}

/**
 * Carries out what a person decided, and writes down who, when and why; once more on top of what others wrote
 * in between.
 * @param action the time in it is that of the call
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function decideByHand<Answer>(
  deps: Pick<RollbackDeps, 'store'> & AtRegistry,
  modelName: Subject,
  action: OperatorAction,
  deadline: Deadline,
  work: (item: SubjectState) => Decision<Answer> | Promise<Decision<Answer>>,
): Promise<Answer> {
  const { answer } = await insisting(`the state of ${subjectName(modelName)}`, async () => {
    const view = await readSubject(deps, modelName, deadline);
    const before = stateOf(view, modelName) ?? newStateOf(deps, modelName);
    const { answer, item, ...besides } = await work(before);
    if (item === null) return { answer };
    const noted = next(withAction(item, action));
    const change = { ...(isFleet(noted) ? { fleet: noted } : { state: noted }), ...besides };
    return (await deps.store.write(change, deadline)) === 'written' ? { answer } : null;
  });
  return answer;
}

/** The fleet comes with every reading, whichever model is read. */
export async function readSubject(
  { store }: Pick<RollbackDeps, 'store'>,
  modelName: Subject,
  deadline: Deadline,
): Promise<StoreView> {
  return await store.read(modelName ?? '-', null, deadline);
}

/** Undefined while nothing is stored of it. */
export function stateOf({ state, fleet }: StoreView, modelName: Subject): SubjectState | undefined {
  return modelName === null ? fleet : state;
}

export function isFleet(item: SubjectState): item is FleetState {
  return 'slots' in item;
}

export function subjectName(modelName: Subject): string {
  return modelName ?? 'all models';
}

// ---------------------------------------------------------------------------------------------------

function newStateOf({ registry }: AtRegistry, modelName: Subject): SubjectState {
  return modelName === null ? newFleetState : newModelState(modelName, registry.address);
}
