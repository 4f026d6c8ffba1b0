import type { Plan } from '../domain/decide/plan.ts';
import { limits } from '../domain/limits.ts';
import { evidenceFor } from '../domain/pointer/evidence.ts';
import type { RegistrySnapshot } from '../domain/registry/model.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** What a reading showed, and when its answer came (epoch ms). */
export interface Seen {
  readonly kind: 'seen';
  readonly snapshot: RegistrySnapshot;
  readonly atMs: number;
}

/** A reading for a plan, or why there is none. */
export type Look = Seen | { readonly kind: 'unread'; readonly error: unknown };

/** Reads what the plan is about, before its move and after it. Never rejects. */
export async function look(
  { registry, clock }: RollbackDeps,
  modelName: string,
  plan: Plan,
  deadline: Deadline,
): Promise<Look> {
  // What a pointer without a trace names is in the answer already; whatever else was live shows nothing.
  const rows = evidenceFor(plan.pointer).leavesTrace ? [plan.from, plan.to] : [plan.to];
  const named = rows.flatMap((row) => (row === null ? [] : [row.version]));
  const include = [...new Set([...named, ...(rows.length > 1 ? plan.live : [])])];
  try {
    const snapshot = await registry.read(modelName, include, deadline, limits.recheckRows);
    return { kind: 'seen', snapshot, atMs: clock.nowMs() };
  } catch (error) {
    return { kind: 'unread', error };
  }
}

/**
 * The recheck beside the write of the claim: our own runs are kept out by the condition of the claim, and the
 * window for anybody else grows by the time of that write, within `limits.recheckAgeMaxMs`. Never rejects.
 * @returns null where a move leaves no trace: then the recheck comes after the claim
 */
export async function lookBesideClaim(
  deps: RollbackDeps,
  modelName: string,
  plan: Plan,
  deadline: Deadline,
): Promise<Look | null> {
  return evidenceFor(plan.pointer).leavesTrace ? await look(deps, modelName, plan, deadline) : null;
}
