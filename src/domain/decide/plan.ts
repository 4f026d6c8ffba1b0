import type { AlarmSettings } from '../alarm/alarm-settings.ts';
import { assert } from '../assert.ts';
import { commandText } from '../command-line.ts';
import { VersionNotFoundError } from '../errors.ts';
import type { Hook } from '../hook.ts';
import { isGuess, ruleText, TargetRule } from '../pointer/target-rule.ts';
import {
  deletedStatus,
  findVersion,
  isOlder,
  type ModelAlias,
  type ModelVersion,
  type RegistrySnapshot,
} from '../registry/model.ts';
import { pointerText } from '../registry/pointer.ts';
import { withoutTags } from '../registry/rollback-mark.ts';
import type { RollbackRequest } from '../request/request.ts';
import type { TargetRuleSetting } from '../request/setting-form.ts';
import type { FleetState } from '../state/fleet.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Candidate } from './candidate.ts';
import { type Fitness, noFitness } from './fitness.ts';
import { type Refusal, refusalsOf, runGuards } from './guard.ts';
import type { ConfirmedPlan, GuardReport } from './guard-answer.ts';
import { Outcome } from './outcome.ts';
import { chooseTarget, type TargetChoice } from './target.ts';

/** What would be done and why, from one reading of the registry and the state. */
export interface Plan {
  /** `stage:Production` */
  readonly pointer: string;
  /** Address of the registry, without user info. */
  readonly registry: string;
  readonly plannedAtMs: number;
  /** What a request ends as, if the plan is carried out and nothing comes between. */
  readonly verdict: 'ROLLED_BACK' | 'PROMOTED' | 'REFUSED' | 'NO_TARGET' | 'ALREADY_LIVE';
  /** The live version (the highest, if several); null when there is none. */
  readonly from: ModelVersion | null;
  /** The version to restore; null when none may be. */
  readonly to: ModelVersion | null;
  /** Every live version at the time of the plan. */
  readonly live: readonly string[];
  /** A `TargetRule`, or one of a later release. */
  readonly rule: string | null;
  readonly guards: readonly GuardReport[];
  readonly candidates: readonly Candidate[];
  readonly candidatesOmitted: number;
  /**
   * Given when a bound ended the search for a target: not every version below this one was read, and a
   * better target may be among them.
   */
  readonly unreadBelow?: string;
}

/** What a plan is made from. Pure: the same facts give the same plan. */
export interface PlanFacts {
  readonly request: RollbackRequest;
  readonly snapshot: RegistrySnapshot;
  readonly state: ModelState;
  readonly nowMs: number;
  readonly settings: PlanSettings;
  readonly confirmed: ConfirmedPlan;
  readonly fleet: FleetState;
  /** When the alarm that asks went to ALARM (epoch ms); null when a person asks. */
  readonly alarmAtMs: number | null;
  /** Why CloudWatch could not confirm that alarm; null when it needs none, or has confirmed it. */
  readonly doubt: string | null;
  /** All aliases of the registered model; empty where they were not read. */
  readonly aliases: readonly ModelAlias[];
  /** What the alias `NAME-previous` names, for a pointer `alias:NAME`; null where it was not read. */
  readonly previous: string | null;
  /** Given when a bound ended the search for a target. */
  readonly unreadBelow: string | null;
  /** What was found out about the target. @default nothing */
  readonly fitness?: Fitness;
}

export interface PlanSettings {
  readonly registry: string;
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  readonly alarms: AlarmSettings;
  /** @default null: a target of any age */
  readonly targetMaxAgeMs?: number | null;
  /** @default null: none is called */
  readonly smokeCheck?: Hook | null;
}

/**
 * Decides what a request would do: target, guards, verdict.
 * @throws VersionNotFoundError when the request names a version that the snapshot does not hold; the
 * caller reads the snapshot so that an existing one is on it.
 */
export function planRollback(facts: PlanFacts): Plan {
  const { request, snapshot, state, nowMs, settings, fleet, alarmAtMs, doubt, unreadBelow } = facts;
  const pointer = pointerText(snapshot.pointer);
  const choice =
    request.targetVersion === null
      ? chooseTarget(snapshot, state, {
          setting: settings.targetRule,
          nowMs,
          previous: facts.previous,
        })
      : explicitTarget(snapshot, request.targetVersion);
  const target = choice.target;
  // With several live versions, what consumers load and what is not the target is what we roll back from.
  const from =
    snapshot.live.find((row) => row.version !== target?.version) ?? snapshot.live[0] ?? null;
  const guards = runGuards({
    request,
    state,
    snapshot,
    target,
    nowMs,
    cooldownMs: settings.cooldownMs,
    confirmed: facts.confirmed,
    fleet,
    automatic: alarmAtMs === null ? null : { alarmAtMs, doubt, settings: settings.alarms },
    pointer,
    aliases: facts.aliases,
    fitness: facts.fitness ?? noFitness,
    targetMaxAgeMs: settings.targetMaxAgeMs ?? null,
    smokeCheck: settings.smokeCheck ?? null,
  });
  assert(target === null || findVersion(snapshot, target.version), 'a target was read');
  return {
    pointer,
    registry: settings.registry,
    plannedAtMs: nowMs,
    verdict: verdictOf(snapshot, target, refusalsOf(guards)),
    from: withoutTags(from),
    to: withoutTags(target),
    live: snapshot.live.map((row) => row.version),
    rule: choice.rule,
    guards,
    candidates:
      unreadBelow === null
        ? choice.candidates
        : choice.candidates.map((row) => (row.isTaken ? asGuess(row, unreadBelow) : row)),
    candidatesOmitted: choice.candidatesOmitted,
    ...(unreadBelow === null ? {} : { unreadBelow }),
  };
}

/**
 * True when what the promotion of the live version displaced was not read, and would come before the
 * target. It stands beside the live version in the order of change, however many versions came since.
 */
export function needsEvidence(
  plan: Plan,
  { request, snapshot, settings }: Pick<PlanFacts, 'request' | 'snapshot' | 'settings'>,
): boolean {
  if (snapshot.isComplete || snapshot.isEvidenceRead) return false;
  if (plan.from === null || request.targetVersion !== null) return false;
  return settings.targetRule === 'last-good' && plan.rule !== TargetRule.ALSO_LIVE;
}

/**
 * True when a better target may exist that was not read. Rules that rest on recent changes are sure on
 * any snapshot; the highest Archived version is sure only down to where versions were read by number.
 * @param lowestRead lowest version of the walk down so far; null before it began
 */
export function needsOlderVersions(
  plan: Plan,
  request: RollbackRequest,
  snapshot: RegistrySnapshot,
  lowestRead: string | null,
): boolean {
  if (snapshot.isComplete || request.targetVersion !== null || plan.from === null) return false;
  const isByNumber = isGuess(plan.rule);
  if (plan.to === null || lowestRead === null) return plan.to === null || isByNumber;
  // The version that it displaced may stand anywhere below, and comes before any higher Archived one.
  if (plan.rule === TargetRule.ARCHIVED_BELOW && !snapshot.isEvidenceRead) return true;
  return isByNumber && isOlder(plan.to.version, lowestRead);
}

/**
 * A version that was asked for by its number.
 * @throws VersionNotFoundError when the model has none such, or it was deleted
 */
export function requireVersion(snapshot: RegistrySnapshot, version: string): ModelVersion {
  const row = findVersion(snapshot, version);
  if (row !== undefined && row.status !== deletedStatus) return row;
  throw new VersionNotFoundError(
    `The registered model ${snapshot.modelName} has no version ${version} (or it was deleted). ` +
      `To see its versions, run ${commandText('plan', [snapshot.modelName])}.`,
  );
}

// ---------------------------------------------------------------------------------------------------

function asGuess(row: Candidate, unreadBelow: string): Candidate {
  return {
    ...row,
    why: `${row.why}, of those that were read; not every version below ${unreadBelow} was`,
  };
}

function verdictOf(
  snapshot: RegistrySnapshot,
  target: ModelVersion | null,
  refusals: readonly Refusal[],
): Plan['verdict'] {
  const isLive = snapshot.live.length === 1 && snapshot.live[0] === target;
  if (isLive) return Outcome.ALREADY_LIVE;
  if (refusals.length > 0) return Outcome.REFUSED;
  return target === null ? Outcome.NO_TARGET : Outcome.ROLLED_BACK;
}

function explicitTarget(snapshot: RegistrySnapshot, version: string): TargetChoice {
  const target = requireVersion(snapshot, version);
  const rule = TargetRule.EXPLICIT;
  const candidate = { version, stage: target.stage, isTaken: true, why: ruleText(rule) };
  return { target, rule, candidates: [candidate], candidatesOmitted: 0 };
}
