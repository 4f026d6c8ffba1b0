import { limits } from '../limits.ts';
import { pointerText, stagePointer } from '../registry/pointer.ts';
import type { ModelState, PointerState } from './model-state.ts';

/**
 * What is kept of each pointer of a model. The stage's part stands in the model's state itself, where release
 * 0.1.0 has it; the others stand beside it, by their text.
 */

/** What is kept of one pointer. @param pointer `stage:Production`, `alias:champion` */
export function pointerState(state: ModelState, pointer: string): PointerState {
  if (pointer === stageText) return state;
  return state.pointers?.[pointer] ?? newPointerState;
}

/** The state with another part for one pointer. */
export function withPointerState(
  state: ModelState,
  pointer: string,
  change: Partial<PointerState>,
): ModelState {
  if (pointer === stageText) return { ...state, ...change };
  const { [pointer]: part = newPointerState, ...others } = state.pointers ?? {};
  // The latest last: an item does not grow without bound.
  const kept = Object.entries(others).slice(1 - limits.pointersMax);
  return {
    ...state,
    pointers: { ...Object.fromEntries(kept), [pointer]: { ...part, ...change } },
  };
}

/** The state as if no rollback counted for the budget any more. */
export function withFreshBudget(state: ModelState): ModelState {
  return pointerStates(state).reduce(
    (fresh, [pointer]) => withPointerState(fresh, pointer, { recentCommits: [] }),
    state,
  );
}

/** The parts of all pointers that were ever moved. */
export function pointerStates(state: ModelState): readonly (readonly [string, PointerState])[] {
  return [[stageText, state], ...Object.entries(state.pointers ?? {})];
}

// ---------------------------------------------------------------------------------------------------

const stageText = pointerText(stagePointer);

const newPointerState: PointerState = {
  lastCommit: null,
  lastEnd: null,
  rollbackCount: 0,
  liveHistory: [],
  recentCommits: [],
};
