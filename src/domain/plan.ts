import type { AlarmSettings } from './alarm-settings.ts';
import { assert, assertNever } from './assert.ts';
import { type Candidate, ruleText, TargetRule } from './candidate.ts';
import { commandText } from './command-line.ts';
import { VersionNotFoundError } from './errors.ts';
import type { FleetState } from './fleet.ts';
import { type ConfirmedPlan, type Refusal, refusalsOf, runGuards } from './guard.ts';
import {
  findVersion,
  isOlder,
  type ModelAlias,
  type ModelPointer,
  type ModelVersion,
  pointerText,
  type RegistrySnapshot,
} from './model.ts';
import type { RollbackRequest, Warning } from './request.ts';
import { type ModelState, Outcome, type Plan } from './rollback.ts';
import { versionsWithCopiedMarks, withoutMarks } from './rollback-mark.ts';
import { chooseTarget, type TargetChoice, type TargetRuleSetting } from './target.ts';

/** What a plan is made from. Pure: the same facts give the same plan. */
export interface PlanFacts {
  readonly request: RollbackRequest;
  readonly snapshot: RegistrySnapshot;
  readonly state: ModelState;
  readonly nowMs: number;
  readonly settings: PlanSettings;
  /** What a person confirmed; null when nobody was asked. */
  readonly confirmed: ConfirmedPlan | null;
  readonly fleet: FleetState;
  /** When the alarm that asks went to ALARM (epoch ms); null when a person asks. */
  readonly alarmAtMs: number | null;
  /** Why CloudWatch could not confirm that alarm; null when it needs none, or has confirmed it. */
  readonly doubt: string | null;
  /** All aliases of the registered model; empty where they were not read. */
  readonly aliases: readonly ModelAlias[];
  /** Given when a bound ended the search for a target. */
  readonly unreadBelow: string | null;
}

export interface PlanSettings {
  readonly pointer: ModelPointer;
  readonly registry: string;
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  readonly alarms: AlarmSettings;
}

/**
 * Decides what a request would do: target, guards, verdict.
 * @throws VersionNotFoundError when the request names a version that the snapshot does not hold; the
 * caller reads the snapshot so that an existing one is on it.
 */
export function planRollback(facts: PlanFacts): Plan {
  const { request, snapshot, state, nowMs, settings, fleet, alarmAtMs, doubt, unreadBelow } = facts;
  const pointer = pointerText(settings.pointer);
  const choice =
    request.targetVersion === null
      ? chooseTarget(snapshot, state, { setting: settings.targetRule, nowMs })
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
  });
  assert(target === null || findVersion(snapshot, target.version), 'a target was read');
  return {
    pointer,
    registry: settings.registry,
    plannedAtMs: nowMs,
    verdict: verdictOf(snapshot, target, refusalsOf(guards)),
    from: withoutMarks(from),
    to: withoutMarks(target),
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
  const isByNumber = isGuess(plan);
  if (plan.to === null || lowestRead === null) return plan.to === null || isByNumber;
  // The version that it displaced may stand anywhere below, and comes before any higher Archived one.
  if (plan.rule === TargetRule.ARCHIVED_BELOW && !snapshot.isEvidenceRead) return true;
  return isByNumber && isOlder(plan.to.version, lowestRead);
}

/** True when the target was taken by its number, without evidence that it was live before. */
export function isGuess({ rule }: Plan): boolean {
  return rule === TargetRule.ARCHIVED_BELOW || rule === TargetRule.LATEST_ARCHIVED;
}

/** Warnings that a plan gives rise to. */
export function planWarnings(
  plan: Plan,
  { state, snapshot }: Pick<PlanFacts, 'state' | 'snapshot'>,
): Warning[] {
  const guardWarnings = plan.guards
    .filter((guard) => guard.verdict === 'warning' || guard.verdict === 'overridden')
    .map((guard) => ({
      code: guard.verdict === 'warning' ? guard.code : `OVERRIDDEN_${guard.code}`,
      message: guard.message,
    }));
  const copied = versionsWithCopiedMarks([...snapshot.live, ...snapshot.others]);
  return [
    ...guardWarnings,
    ...(plan.unreadBelow === undefined
      ? []
      : [{ code: 'NOT_ALL_VERSIONS_READ', message: unreadText(plan.unreadBelow) }]),
    ...(copied.length === 0 ? [] : [{ code: 'COPIED_TAGS_IGNORED', message: copiedText(copied) }]),
    ...(state.registry === plan.registry
      ? []
      : [
          {
            code: 'REGISTRY_ADDRESS_CHANGED',
            message:
              `The state of this model was kept for the registry ${state.registry}; this is ${plan.registry}. ` +
              'Use one state table per registry.',
          },
        ]),
  ];
}

/** One sentence on what a plan means. */
export function planMessage(plan: Plan): string {
  switch (plan.verdict) {
    case Outcome.ROLLED_BACK:
      return moveText(plan);
    case Outcome.REFUSED:
      return refusalsOf(plan.guards)
        .map((refusal) => refusal.message)
        .join(' ');
    case Outcome.NO_TARGET:
      return noTargetMessage(plan);
    case Outcome.ALREADY_LIVE:
      return `Version ${plan.to?.version} is already the only live version. Nothing to do.`;
    default:
      return assertNever(plan.verdict);
  }
}

/** One sentence on what would be moved; a second one when better targets may not have been read. */
export function moveText(plan: Plan): string {
  const move = `${plan.pointer} would move from ${plan.from?.version ?? 'none'} to ${plan.to?.version}.`;
  return plan.unreadBelow === undefined ? move : `${move} ${unreadText(plan.unreadBelow)}`;
}

// ---------------------------------------------------------------------------------------------------

function unreadText(unreadBelow: string): string {
  return (
    `Not every version below ${unreadBelow} was read, so the version that was live before may be one of them. ` +
    'If you know it, pass it: --to VERSION (in a request: target_version).'
  );
}

function copiedText(versions: readonly string[]): string {
  const names = versions.slice(0, 5).join(', ');
  const more = versions.length > 5 ? ` and ${versions.length - 5} more` : '';
  return (
    `Tags that a rollback leaves (model_rollback.…) are on version ${names}${more}, and are older than the ` +
    'version: they were copied with it. They do not count.'
  );
}

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

/** What was passed over, and that a person may name it all the same. */
function noTargetMessage(plan: Plan): string {
  const names = plan.candidates.slice(0, 5).map((row) => `${row.version} (${row.why})`);
  const hint =
    names.length === 0
      ? 'The model has no other version.'
      : `Passed over: ${names.join('; ')}. To restore one of them all the same, pass it as target_version.`;
  const unread = plan.unreadBelow === undefined ? '' : ` ${unreadText(plan.unreadBelow)}`;
  return `No version may be restored in place of ${plan.from?.version ?? 'none'}. ${hint}${unread}`;
}

function explicitTarget(snapshot: RegistrySnapshot, version: string): TargetChoice {
  const target = findVersion(snapshot, version);
  if (target === undefined) {
    throw new VersionNotFoundError(
      `The registered model ${snapshot.modelName} has no version ${version} (or it was deleted). ` +
        `To see its versions, run ${commandText('plan', [snapshot.modelName])}.`,
    );
  }
  const rule = TargetRule.EXPLICIT;
  const candidate = { version, stage: target.stage, isTaken: true, why: ruleText(rule) };
  return { target, rule, candidates: [candidate], candidatesOmitted: 0 };
}
