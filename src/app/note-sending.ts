import { RollbackInProgressError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { evidenceFor } from '../domain/pointer/evidence.ts';
import { noteSend } from '../domain/protocol/sends.ts';
import type { ClaimedRun } from '../domain/protocol/transition.ts';
import { type Carried, letGo } from './end-run.ts';
import { jitterMs } from './jitter.ts';

/**
 * Writes into the record that a move is about to be sent, where the registry itself keeps no trace of one. The
 * write is conditional on the claim, so nobody has taken the run over.
 * @param hasSent an earlier move may have been sent already
 * @returns the run as it is stored then
 * @throws what ends the run here: the claim stays for a retry or the sweep
 */
export async function noteSending<Run extends Carried>(
  run: Run,
  { hasSent }: { readonly hasSent: boolean },
): Promise<Run> {
  const { deps, deadline, claimed } = run;
  const { id, modelName, plan } = claimed.record;
  if (evidenceFor(plan.pointer).leavesTrace) return run;
  const owner = claimed.state.active?.owner;
  let current: ClaimedRun = claimed;
  try {
    for (let attempt = 1; attempt <= limits.commitAttemptsMax; attempt += 1) {
      const noted = noteSend(current);
      if ((await deps.store.write(noted, deadline)) === 'written') {
        return { ...run, claimed: noted };
      }
      // An operator's verb came between: the claim is still ours.
      await deps.clock.sleep(jitterMs(deps, attempt));
      const view = await deps.store.read(modelName, id, deadline);
      const isOurs = view.state?.active?.owner === owner;
      if (!isOurs || view.state === undefined || view.record === undefined) break;
      current = { ...current, state: view.state, record: { ...view.record, plan } };
    }
  } catch (error) {
    return await letGo(run, error, { hasSent });
  }
  throw new RollbackInProgressError(`Another run resumed ${id}. Try again to see how it ended.`);
}
