import { observedPointers } from '../domain/pointer/observe.ts';
import { type AliasChange, withAliasChange } from '../domain/pointer/webhook.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import { next } from '../domain/revision.ts';
import type { LiveLogEntry } from '../domain/state/live-log.ts';
import { newModelState } from '../domain/state/model-state.ts';
import { pointerState, withPointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { insisting } from './insisting.ts';
import { recentHead } from './observe-model.ts';
import { pointerOf } from './read-model.ts';

/**
 * Adds what a webhook of MLflow reports to the live log. It never rolls back. While a run holds the model only
 * the log gets it: what the run does is not finished.
 * @returns `ignored` for an alias that is no pointer of the model
 * @throws StateStoreUnavailableError, ConfigurationError, StateCorruptError, RollbackInProgressError
 */
export async function noteAliasChange(
  deps: RollbackDeps,
  change: AliasChange,
  deadline: Deadline,
): Promise<'noted' | 'known' | 'ignored'> {
  const { modelName, alias, version, atMs, deliveryId } = change;
  const own = await pointerOf(deps, { modelName }, deadline);
  const text = pointerText({ kind: 'alias', alias });
  if (!observedPointers(own).some((pointer) => pointerText(pointer) === text)) return 'ignored';
  const entry: LiveLogEntry = {
    modelName,
    pointer: text,
    version,
    atMs,
    notBeforeMs: atMs,
    how: 'webhook',
    hasGap: false,
    source: deliveryId,
  };
  const head = await recentHead(deps, { modelName, pointer: text, atMs }, deadline);
  const { result } = await insisting(`the state of ${modelName}`, async () => {
    const { state: stored } = await deps.store.read(modelName, null, deadline);
    const state = stored ?? newModelState(modelName, deps.registry.address);
    const { liveHistory } = pointerState(state, text);
    const isOwn = pointerText(own) === text;
    const after = isOwn ? withAliasChange(liveHistory, change, head) : liveHistory;
    const isKnown = isOwn && after === liveHistory;
    // Our own move is reported too, and is on record with more.
    if (isKnown && state.active === null) return { result: 'known' } as const;
    const isFree = state.active === null && after !== liveHistory;
    const changed = isFree
      ? { state: next(withPointerState(state, text, { liveHistory: after })) }
      : {};
    const written = await deps.store.write({ ...changed, live: [entry] }, deadline);
    return written === 'written' ? ({ result: 'noted' } as const) : null;
  });
  return result;
}
