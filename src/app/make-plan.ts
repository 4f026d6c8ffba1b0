import type { FleetState } from '../domain/fleet.ts';
import type { ConfirmedPlan } from '../domain/guard.ts';
import { limits } from '../domain/limits.ts';
import type { RegistrySnapshot } from '../domain/model.ts';
import { needsOlderVersions, planRollback } from '../domain/plan.ts';
import type { RollbackRequest } from '../domain/request.ts';
import type { ModelState, Plan } from '../domain/rollback.ts';
import type { AlarmTrigger } from '../domain/trigger.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** What of a run decides its plan. */
export interface PlannedRun {
  readonly request: RollbackRequest;
  readonly deadline: Deadline;
  /** What a person saw; see `RollbackCall.confirmed`. */
  readonly confirmed?: ConfirmedPlan | null;
  readonly alarm: AlarmTrigger | null;
  readonly isAutomatic: boolean;
  readonly doubt: string | null;
}

/** Decides what would be done. Older versions are read while the target may be among them. */
export async function makePlan(
  deps: RollbackDeps,
  run: PlannedRun,
  { state, fleet }: { state: ModelState; fleet: FleetState },
  firstLook: RegistrySnapshot,
): Promise<Plan> {
  const { request, deadline } = run;
  const settings = {
    ...deps.settings,
    pointer: deps.registry.pointer,
    registry: deps.registry.address,
  };
  const planFrom = (snapshot: RegistrySnapshot): Plan =>
    planRollback({
      request,
      snapshot,
      state,
      nowMs: deps.clock.nowMs(),
      settings,
      confirmed: run.confirmed ?? null,
      fleet,
      redAtMs: run.isAutomatic ? (run.alarm?.transition.atMs ?? null) : null,
      doubt: run.doubt,
    });
  let snapshot = firstLook;
  let plan = planFrom(snapshot);
  let lowest: string | null = null;
  for (let page = 1; page <= limits.registryPagesMax; page += 1) {
    if (!needsOlderVersions(plan, request, snapshot, lowest)) break;
    // The last-good rules end below the live version; latest-archived may take any.
    const top = deps.settings.targetRule === 'last-good' ? (plan.from?.version ?? null) : null;
    const rows = await deps.registry.readBelow(request.modelName, lowest ?? top, deadline);
    if (rows.length === 0) break;
    const known = new Set([...snapshot.live, ...snapshot.others].map((row) => row.version));
    const added = rows.filter((row) => !known.has(row.version));
    snapshot = { ...snapshot, others: [...snapshot.others, ...added] };
    lowest = rows.at(-1)?.version ?? null;
    plan = planFrom(snapshot);
  }
  return plan;
}
