import { InvalidRequestError } from '../domain/errors.ts';
import { latestKnown } from '../domain/pointer/observe.ts';
import { type ModelPointer, pointerText } from '../domain/registry/pointer.ts';
import { next } from '../domain/revision.ts';
import { withPromotion } from '../domain/state/live-history.ts';
import { logEntries } from '../domain/state/live-log.ts';
import { newModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { type RollbackDeps, registryFor } from './deps.ts';
import { insisting } from './insisting.ts';
import { recentHead } from './observe-model.ts';

/** What somebody promoted, outside of this tool. */
export interface Promotion {
  readonly modelName: string;
  readonly version: string;
  /** What was live before; null where that is not known. */
  readonly replaced: string | null;
  readonly pointer: ModelPointer;
}

/**
 * Records what a promotion put in the place of what. MLflow keeps neither for an alias, so a rollback then
 * knows its target, and an alarm may act on it.
 * @returns false when it was on record already
 * @throws InvalidRequestError when the pointer names another version, ModelNotFoundError,
 * RegistryRefusedError, RegistryUnavailableError, RollbackInProgressError
 */
export async function reportPromotion(
  deps: RollbackDeps,
  { modelName, version, replaced, pointer }: Promotion,
  deadline: Deadline,
): Promise<boolean> {
  const registry = registryFor(deps, pointer);
  const { live } = await registry.read(modelName, [], deadline);
  if (live[0]?.version !== version) {
    const named = live[0] === undefined ? 'no version' : `version ${live[0].version}`;
    throw new InvalidRequestError(
      `${pointerText(pointer)} of ${modelName} names ${named}, not ${version}. Report a promotion after the pointer was moved. Nothing was recorded.`,
    );
  }
  if (replaced === version) {
    throw new InvalidRequestError('--replaced must be another version than the promoted one.');
  }
  const text = pointerText(pointer);
  const reading = { modelName, pointer: text, atMs: deps.clock.nowMs() };
  const head = replaced === null ? await recentHead(deps, reading, deadline) : null;
  const { isNew } = await insisting(`the state of ${modelName}`, async () => {
    const view = await deps.store.read(modelName, null, deadline);
    const state = view.state ?? newModelState(modelName, registry.address);
    const known = head === null ? null : latestKnown(state, pointer, head).version;
    const before = known === version ? null : known;
    const promotion = { version, replaced: replaced ?? before, pointer: text };
    const reported = withPromotion(state, promotion, deps.clock.nowMs());
    if (reported === state) return { isNew: false };
    const [old, now] = [state, reported].map((one) => pointerState(one, text).liveHistory);
    const entries = logEntries({ modelName, pointer: text }, old ?? [], now ?? [], null);
    const change = { state: next(reported), live: entries };
    const result = await deps.store.write(change, deadline);
    return result === 'written' ? { isNew: true } : null;
  });
  return isNew;
}
