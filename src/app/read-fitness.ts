import { type Fitness, fitnessOf, type Looked, noFitness } from '../domain/decide/fitness.ts';
import { movesPointer, Outcome } from '../domain/decide/outcome.ts';
import type { Plan } from '../domain/decide/plan.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { findVersion, type RegistrySnapshot } from '../domain/registry/model.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * Reads what a target was made of: is its run deleted, does it take what the live version takes? One round of calls,
 * bounded, and none for a version without a run. What cannot be read is no reason to refuse.
 * @param isAutomatic an alarm that is refused anyway asks for none of it
 */
export async function readFitness(
  { registry, clock }: RollbackDeps,
  { plan, snapshot }: { readonly plan: Plan; readonly snapshot: RegistrySnapshot },
  isAutomatic: boolean,
  deadline: Deadline,
): Promise<Fitness> {
  const isWanted = movesPointer(plan.verdict) || (plan.verdict === Outcome.REFUSED && !isAutomatic);
  const target = plan.to === null ? undefined : findVersion(snapshot, plan.to.version);
  if (!isWanted || target?.runId === undefined) return noFitness;
  const { modelName } = snapshot;
  const within = deadlineWithin(clock, limits.fitnessTimeMs, deadline);
  const live = plan.from === null ? undefined : findVersion(snapshot, plan.from.version);
  const [run, ofTarget, ofLive] = await Promise.all([
    look(registry.readRun(target.runId, within)),
    live?.runId && look(registry.readSignature(modelName, target.version, within)),
    live?.runId && look(registry.readSignature(modelName, live.version, within)),
  ]);
  const signatures = live && ofTarget && ofLive ? { live: live.version, ofLive, ofTarget } : null;
  return fitnessOf({ target: target.version, run, signatures });
}

// ---------------------------------------------------------------------------------------------------

/** Best effort: whatever goes wrong, also a bug, only leaves it unread. */
async function look<T>(reading: Promise<T>): Promise<Looked<T>> {
  try {
    return { kind: 'read', value: await reading };
  } catch (error) {
    return { kind: 'unread', why: messageOf(error).replace(/\.$/, '') };
  }
}
