import { commandText } from '../domain/command-line.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { isRollbackId, modelNameOf } from '../domain/record/record.ts';
import { next } from '../domain/revision.ts';
import { type Pause, resumeFleet } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import { withFreshBudget } from '../domain/state/pointer-state.ts';
import { isQuarantined, releaseFromQuarantine } from '../domain/state/quarantine.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';
import type { RecordWithNotice } from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import { insisting } from './insisting.ts';

/** Operators' verbs on stored state. */

/**
 * One record by its id, with its notice.
 * @throws InvalidRequestError when the id has not the form of one, or is not on record
 */
export async function explainRollback(
  store: RollbackStore,
  rollbackId: string,
  deadline: Deadline,
): Promise<RecordWithNotice> {
  const modelName = modelNameOf(rollbackId);
  if (!isRollbackId(rollbackId)) {
    throw new InvalidRequestError(
      `${JSON.stringify(rollbackId)} is not a rollback id, which has the form "NAME/0123456789abcdef". ` +
        `To see them, run ${commandText('history')}.`,
    );
  }
  const { record, notice } = await store.read(modelName, rollbackId, deadline);
  if (record !== undefined) return { record, notice };
  throw new InvalidRequestError(
    `There is no record of ${escapeText(rollbackId)}. To list the records, run ${commandText('history')}.`,
  );
}

/**
 * Takes a version out of quarantine. The state remembers it, so that an older tag in the registry does not
 * count either.
 * @param registry address, for the state of a model that has none yet
 * @returns false when the version was not in the quarantine of the state
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function releaseVersion(
  { store, clock }: Pick<RollbackDeps, 'store' | 'clock'>,
  { modelName, version, registry }: Record<'modelName' | 'version' | 'registry', string>,
  deadline: Deadline,
): Promise<boolean> {
  const { wasIn } = await insisting(`the state of ${modelName}`, async () => {
    const view = await store.read(modelName, null, deadline);
    const state = view.state ?? newModelState(modelName, registry);
    const wasIn = isQuarantined(state, { version, createdAtMs: 0 });
    const released = releaseFromQuarantine(state, version, clock.nowMs());
    const result = await store.write({ state: next(released) }, deadline);
    return result === 'written' ? { wasIn } : null;
  });
  return wasIn;
}

/**
 * Lets alarms roll a model back again, with a fresh budget.
 * @returns what had stopped them; null when nothing had
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function resumeModelAutomation(
  store: RollbackStore,
  modelName: string,
  deadline: Deadline,
): Promise<Pause | null> {
  const resumed = await insisting(`the state of ${modelName}`, async () => {
    const { state } = await store.read(modelName, null, deadline);
    if (state === undefined || state.pause === null) return { pause: null };
    const written = next({ ...withFreshBudget(state), pause: null });
    const result = await store.write({ state: written }, deadline);
    return result === 'written' ? { pause: state.pause } : null;
  });
  return resumed.pause;
}

/** The same for all models together, with a fresh blast radius. */
export async function resumeFleetAutomation(
  store: RollbackStore,
  deadline: Deadline,
): Promise<Pause | null> {
  const resumed = await insisting('the state of the fleet', async () => {
    // The fleet comes with every reading, whichever model is read.
    const { fleet } = await store.read('-', null, deadline);
    if (fleet === undefined || fleet.pause === null) return { pause: null };
    const result = await store.write({ fleet: resumeFleet(fleet) }, deadline);
    return result === 'written' ? { pause: fleet.pause } : null;
  });
  return resumed.pause;
}
