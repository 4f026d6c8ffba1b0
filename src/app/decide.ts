import { noFitness } from '../domain/decide/fitness.ts';
import type { ConfirmedPlan } from '../domain/decide/guard-answer.ts';
import type { Plan } from '../domain/decide/plan.ts';
import {
  needsEvidence,
  needsOlderVersions,
  type PlanFacts,
  planRollback,
} from '../domain/decide/plan.ts';
import { recordedBefore } from '../domain/decide/target.ts';
import type { SmokeResult } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import { previousAliases } from '../domain/pointer/alias.ts';
import { isTimeVoid } from '../domain/pointer/stage-evidence.ts';
import { TargetRule } from '../domain/pointer/target-rule.ts';
import {
  findVersion,
  type ModelVersion,
  type RegistrySnapshot,
  withRows,
} from '../domain/registry/model.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import type { RollbackRequest } from '../domain/request/request.ts';
import type { FleetState } from '../domain/state/fleet.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { readFitness } from './read-fitness.ts';

/** What was asked, and what was read of it so far. */
export interface Question {
  readonly request: RollbackRequest;
  readonly state: ModelState;
  readonly fleet: FleetState;
  readonly snapshot: RegistrySnapshot;
  readonly confirmed: ConfirmedPlan;
  /** When the alarm that asks went to ALARM (epoch ms); null when a person asks. */
  readonly alarmAtMs: number | null;
  /** Why CloudWatch could not confirm that alarm; null when it needs none, or has confirmed it. */
  readonly doubt: string | null;
}

/** A plan, and all that was read for it. */
export interface Decision {
  readonly plan: Plan;
  readonly snapshot: RegistrySnapshot;
  /** The plan once its smoke check was called. */
  withSmoke(smoke: SmokeResult): Plan;
}

/**
 * Plans from the first reading, and reads on where a better target may exist: first what changed together
 * with the live version, then the versions below it by number. Both are bounded; a plan that rests on less
 * than everything says so.
 * @throws RegistryRefusedError, RegistryUnavailableError, VersionNotFoundError
 */
export async function decide(
  deps: RollbackDeps,
  question: Question,
  deadline: Deadline,
): Promise<Decision> {
  const { modelName } = question.request;
  const facts: Facts = {
    ...question,
    settings: { ...deps.settings, registry: deps.registry.address },
    // Whether consumers use another pointer is worth a slow call only then.
    aliases:
      question.snapshot.live.length === 0
        ? await deps.registry.readAliases(modelName, deadline)
        : [],
    previous: null,
    unreadBelow: null,
  };
  const shown = await readEvidence(deps, await readNamed(deps, facts, deadline), deadline);
  const read = await readByNumber(deps, shown, deadline);
  const plain = planNow(deps, read);
  const about = { plan: plain, snapshot: read.snapshot };
  const fitness = await readFitness(deps, about, question.alarmAtMs !== null, deadline);
  return {
    plan: fitness === noFitness ? plain : planNow(deps, { ...read, fitness }),
    snapshot: read.snapshot,
    withSmoke: (smoke) => planNow(deps, { ...read, fitness: { ...fitness, smoke } }),
  };
}

// ---------------------------------------------------------------------------------------------------

type Facts = Omit<PlanFacts, 'nowMs'>;

function planNow(deps: RollbackDeps, facts: Facts): Plan {
  return planRollback({ ...facts, nowMs: deps.clock.nowMs() });
}

/**
 * What is known by name and may stand far below: the version that our log has before the live one, else the
 * one that the alias of the previous version names.
 */
async function readNamed(deps: RollbackDeps, facts: Facts, deadline: Deadline): Promise<Facts> {
  const { request, snapshot, state } = facts;
  const { modelName } = request;
  const [from] = snapshot.live;
  if (from === undefined || request.targetVersion !== null) return facts;
  const { liveHistory } = pointerState(state, pointerText(snapshot.pointer));
  const recorded = recordedBefore(from, liveHistory).map(({ version }) => version);
  const missing = recorded.filter((version) => findVersion(snapshot, version) === undefined);
  let rows: readonly ModelVersion[] = [];
  if (missing.length > 0 && !snapshot.isComplete) {
    const read = await deps.registry.read(modelName, missing, deadline, 1);
    rows = [...read.live, ...read.others];
  }
  const known = { ...facts, snapshot: withRows(snapshot, rows) };
  if (planNow(deps, known).rule === TargetRule.RECORDED) return known;
  for (const alias of previousAliases(snapshot.pointer)) {
    const previous = await deps.registry.readAlias(modelName, alias, deadline);
    if (previous === null) continue;
    const withPrevious = withRows(known.snapshot, [previous]);
    return { ...known, snapshot: withPrevious, previous: previous.version };
  }
  return known;
}

/** Until the rows are older than the live version's last change, or cannot prove anything any more. */
async function readEvidence(deps: RollbackDeps, facts: Facts, deadline: Deadline): Promise<Facts> {
  const plan = planNow(deps, facts);
  const [live] = facts.snapshot.live;
  if (live === undefined || !needsEvidence(plan, facts)) return facts;
  const isOlder = (row: ModelVersion): boolean => row.lastUpdatedAtMs < live.lastUpdatedAtMs;
  let { snapshot } = facts;
  let from: string | null = null;
  for (let page = 1; page <= limits.registryPagesMax; page += 1) {
    const { rows, next } = await deps.registry.readChangesBelow(
      facts.request.modelName,
      live.version,
      from,
      deadline,
    );
    snapshot = withRows(snapshot, rows);
    if (next === null || rows.some(isOlder) || isTimeVoid(snapshot, live)) {
      return { ...facts, snapshot: { ...snapshot, isEvidenceRead: true } };
    }
    from = next;
  }
  return { ...facts, snapshot };
}

/** Down from the live version, until no version that was not read can be a better target. */
async function readByNumber(deps: RollbackDeps, facts: Facts, deadline: Deadline): Promise<Facts> {
  const { request, settings } = facts;
  let { snapshot } = facts;
  let lowest: string | null = null;
  for (let page = 1; ; page += 1) {
    const plan = planNow(deps, { ...facts, snapshot });
    if (!needsOlderVersions(plan, request, snapshot, lowest)) return { ...facts, snapshot };
    if (page > limits.registryPagesMax) return { ...facts, snapshot, unreadBelow: lowest };
    // The last-good rules end below the live version; latest-archived may take any.
    const top = settings.targetRule === 'last-good' ? (plan.from?.version ?? null) : null;
    const rows = await deps.registry.readBelow(request.modelName, lowest ?? top, deadline);
    if (rows.length === 0) return { ...facts, snapshot };
    snapshot = withRows(snapshot, rows);
    lowest = rows.at(-1)?.version ?? null;
  }
}
