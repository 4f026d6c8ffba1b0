import type { RollbackRecord } from '../domain/record/record.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import { freezeNow } from '../domain/state/operator.ts';
import type { AppliedChange, SimulatedWorld } from './simulated-world.ts';

/** A claim, with the state that it was written with: what people had decided by then. */
type Claim = AppliedChange & { readonly record: RollbackRecord; readonly state: ModelState };

/** No claim is taken in spite of what a person decided about the model. */
export function brokenDecisions(world: SimulatedWorld): string[] {
  return world.applied.flatMap((change, index) => {
    const before = world.applied.slice(0, index);
    return isClaim(change) && !isTakeover(change, before) ? inSpite(change, before, world) : [];
  });
}

/** The cooldown that counted for a commit, by the state that its claim was taken with. */
export function cooldownMsAt(
  { applied, settings }: SimulatedWorld,
  { record: { id } }: Pick<Claim, 'record'>,
): number {
  const claim = applied.find(
    (change): change is Claim =>
      isClaim(change) &&
      change.record.id === id &&
      !isTakeover(change, applied.slice(0, applied.indexOf(change))),
  );
  const hours = claim?.state.policy?.cooldown_hours;
  return hours === undefined ? settings.cooldownMs : Number(hours) * 3_600_000;
}

/** True when the owner of the claim took it while the model was frozen, and nothing passes the freeze. */
export function isTakenFrozen({ applied }: SimulatedWorld, owner: string): boolean {
  const taken = applied.find(({ state }) => state?.active?.owner === owner);
  if (taken === undefined || !isClaim(taken)) return false;
  const { record, state, atMs } = taken;
  // The clocks of two processes are up to 30 s apart.
  const isFrozen = freezeNow(state, atMs + 30_000) !== null;
  return isFrozen && !record.request.overrides.includes('FROZEN');
}

// ---------------------------------------------------------------------------------------------------

function isClaim(change: AppliedChange): change is Claim {
  const { record, state } = change;
  return record?.progress.status === 'IN_PROGRESS' && state !== undefined && state.active !== null;
}

/** Whoever resumes a run, or renews its lease, finds it in progress. */
function isTakeover({ record }: Claim, before: readonly AppliedChange[]): boolean {
  const last = before.findLast((change) => change.record?.id === record.id);
  return last?.record?.progress.status === 'IN_PROGRESS';
}

function inSpite(
  { record, state }: Claim,
  before: readonly AppliedChange[],
  { registry }: SimulatedWorld,
): string[] {
  const { id, plan, progress, request, isAutomatic } = record;
  const { policy = {} } = state;
  const problems: string[] = [];
  const atMs = progress.status === 'IN_PROGRESS' ? progress.claimedAtMs : 0;
  if (freezeNow(state, atMs) !== null && !request.overrides.includes('FROZEN')) {
    problems.push(`${id} was claimed while the model was frozen`);
  }
  if (isAutomatic && (policy.mode ?? 'act') !== 'act') {
    problems.push(`${id} was claimed although the mode of the policy is ${policy.mode}`);
  }
  // A person's key keeps the pointer of its first attempt.
  const isKept = !isAutomatic && before.some((change) => change.record?.id === id);
  const pointer = policy.pointer ?? pointerText(registry.pointer);
  if (plan?.pointer !== pointer && request.pointer === undefined && !isKept) {
    problems.push(`I11: ${id} moves ${plan?.pointer}; the policy says ${pointer}`);
  }
  return problems;
}
