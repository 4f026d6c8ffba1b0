import { StateStoreUnavailableError } from '../domain/errors.ts';
import type { Attempt } from '../domain/protocol/attempt.ts';
import { type ClaimedRun, claim } from '../domain/protocol/transition.ts';
import type { FleetState } from '../domain/state/fleet.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { newLease } from './lease.ts';

/**
 * Takes the claim on the model.
 * @param fleet given when the run takes a slot of the blast radius in it
 * @returns null when another run was quicker
 */
export async function takeClaim(
  deps: RollbackDeps,
  { state, fleet }: { state: ModelState; fleet: FleetState | null },
  attempt: Attempt,
  deadline: Deadline,
): Promise<ClaimedRun | null> {
  const lease = newLease(deps, deadline);
  const { previousNotice: earlierNotice } = attempt;
  const claimed = claim(state, attempt, lease, { earlierNotice, fleet });
  try {
    const result = await deps.store.write(claimed, deadline);
    return result === 'written' ? claimed : null;
  } catch (error) {
    if (!(error instanceof StateStoreUnavailableError)) throw error;
    // Unclear whether it was written: the owner token shows it.
    const view = await deps.store.read(state.modelName, attempt.id, deadline);
    if (view.state?.active?.owner === lease.owner) return claimed;
    throw error;
  }
}
