import { commandText } from '../command-line.ts';
import {
  compareVersions,
  isOlder,
  type ModelVersion,
  type RegistrySnapshot,
} from '../registry/model.ts';
import { pointerText } from '../registry/pointer.ts';
import { withoutTags } from '../registry/rollback-mark.ts';
import { RefusalCode, type RollbackRequest } from '../request/request.ts';
import type { Candidate } from './candidate.ts';
import type { Fitness } from './fitness.ts';
import type { Refusal } from './guard.ts';
import type { ConfirmedPlan, GuardReport } from './guard-answer.ts';
import { Outcome } from './outcome.ts';
import type { Plan } from './plan.ts';

/** What a promotion makes live, and what speaks against it. Pure, as the plan of a rollback. */

/** Why a promotion was refused, besides the codes of `RefusalCode`. */
export const PromotionRefusal = {
  /** Nothing to promote was found. */
  NO_NEW_VERSION: 'NO_NEW_VERSION',
  /** The policy of the model wants the evidence of a comparison. */
  EVIDENCE_MISSING: 'EVIDENCE_MISSING',
} as const;

/** The alias of a version that is to be compared, and then promoted. */
export const challengerAlias = 'challenger';

/** What is promoted, where the request names no version. */
export interface NewVersion {
  /** Null: there is none; `why` says so. */
  readonly target: ModelVersion | null;
  readonly rule: string | null;
  readonly candidates: readonly Candidate[];
  /** A sentence that begins as the answer's `reason`; empty where there is a target. */
  readonly why: string;
}

/**
 * The latest version in Staging, or the one with the alias `challenger`; for a pointer that is an alias in the other
 * order. One that is older than the live version is passed over: after a promotion it would be the way back.
 * @param challenger what the alias names; null for nothing
 */
export function chooseNewVersion(
  snapshot: RegistrySnapshot,
  challenger: ModelVersion | null,
): NewVersion {
  const [live] = snapshot.live;
  const [staged] = [...snapshot.live, ...snapshot.others]
    .filter(({ stage }) => stage === 'Staging')
    .toSorted((a, b) => compareVersions(a.version, b.version));
  const found = [
    { row: staged, rule: 'latest-staging', what: 'it is the latest version in Staging' },
    {
      row: challenger ?? undefined,
      rule: 'challenger-alias',
      what: 'the alias challenger names it',
    },
  ];
  const named = (snapshot.pointer.kind === 'alias' ? found.toReversed() : found).flatMap(
    ({ row, ...how }) => (row === undefined ? [] : [{ row, ...how }]),
  );
  const isBehind = (row: ModelVersion): boolean =>
    live !== undefined && isOlder(row.version, live.version);
  const taken = named.find(({ row }) => !isBehind(row));
  const candidates = named.map(({ row, what }) => ({
    version: row.version,
    stage: row.stage,
    isTaken: row === taken?.row,
    why:
      row === taken?.row
        ? what
        : isBehind(row)
          ? `${what}, and it is older than the live version ${live?.version}`
          : `${what}; version ${taken?.row.version} comes first`,
  }));
  return {
    target: taken?.row ?? null,
    rule: taken?.rule ?? null,
    candidates,
    why: taken === undefined ? noneText(snapshot, candidates) : '',
  };
}

/** What its run and its signature say against a new version: only a deleted run is certain to do harm. */
export function fitnessFindings({ unfit, misfit, unchecked }: Fitness): {
  readonly refusals: readonly Refusal[];
  readonly warned: readonly GuardText[];
} {
  const code = RefusalCode.TARGET_UNFIT;
  return {
    refusals: unfit.map((message) => ({ code, message, clearsAtMs: null })),
    warned: [
      ...misfit.map((why) => ({
        code: 'SIGNATURE_DIFFERS',
        message: `${why} Consumers that go on sending the earlier input will get errors.`,
      })),
      ...(unchecked.length === 0 ? [] : [{ code, message: unchecked.join(' ') }]),
    ],
  };
}

/** A version that the request names. */
export function namedVersion(target: ModelVersion): NewVersion {
  const { version, stage } = target;
  const candidate = { version, stage, isTaken: true, why: 'the request names it' };
  return { target, rule: 'explicit', candidates: [candidate], why: '' };
}

/** What is said of one guard. */
export type GuardText = Pick<GuardReport, 'code' | 'message'>;

/** What a plan is made from, besides the new version. */
export interface PromotionFacts {
  readonly request: RollbackRequest;
  readonly snapshot: RegistrySnapshot;
  readonly registry: string;
  readonly nowMs: number;
  readonly confirmed: ConfirmedPlan;
  /** What `can-promote`, the smoke check and the policy say against it. */
  readonly refusals: readonly Refusal[];
  /** What is said, and refuses nothing. */
  readonly warned: readonly GuardText[];
  /** Of guards that passed, in words. */
  readonly passed: readonly GuardText[];
}

/** The plan of a promotion: the same form as that of a rollback, and carried out in the same way. */
export function planPromotion(
  { target, rule, candidates, why }: NewVersion,
  facts: PromotionFacts,
): Plan {
  const { request, snapshot, refusals, warned, passed } = facts;
  const [from = null] = snapshot.live.filter(({ version }) => version !== target?.version);
  const none: Refusal[] =
    target === null
      ? [
          {
            code: PromotionRefusal.NO_NEW_VERSION,
            message: noneAdvice(why, request),
            clearsAtMs: null,
          },
        ]
      : [];
  const found = [...none, ...changedSince(target, facts), ...refusals];
  const [live, ...others] = snapshot.live;
  const isLive = live !== undefined && others.length === 0 && live.version === target?.version;
  const isUnseen = facts.confirmed.kind === 'no-move' && found.length === 0 && !isLive;
  const refused = isUnseen ? [unseen(request)] : found;
  return {
    pointer: pointerText(snapshot.pointer),
    registry: facts.registry,
    plannedAtMs: facts.nowMs,
    verdict: isLive
      ? Outcome.ALREADY_LIVE
      : target === null
        ? Outcome.NO_TARGET
        : refused.length > 0
          ? Outcome.REFUSED
          : Outcome.PROMOTED,
    from: withoutTags(isLive ? target : from),
    to: withoutTags(target),
    live: snapshot.live.map(({ version }) => version),
    rule,
    guards: [
      ...refused.map((refusal) => ({ ...refusal, verdict: 'refused' as const })),
      ...warned.map((guard) => ({ ...guard, verdict: 'warning' as const, clearsAtMs: null })),
      ...passed
        .filter(({ code }) => ![...refused, ...warned].some((said) => said.code === code))
        .map((guard) => ({ ...guard, verdict: 'passed' as const, clearsAtMs: null })),
      ...severalLive(snapshot),
    ],
    candidates,
    candidatesOmitted: 0,
  };
}

// ---------------------------------------------------------------------------------------------------

function noneText({ live: [live] }: RegistrySnapshot, candidates: readonly Candidate[]): string {
  const newer = live === undefined ? '' : ` that is newer than the live version ${live.version}`;
  const found = candidates.map(({ version, why }) => `${version} (${why})`).join('; ');
  return candidates.length === 0
    ? `No Staging version found. The alias ${challengerAlias} names no version either.`
    : `No Staging version found${newer}. Not chosen: ${found}.`;
}

function noneAdvice(why: string, { modelName, pointer }: RollbackRequest): string {
  return `${why} To name the version, run ${commandText('promote', [modelName, 'VERSION'], { pointer })}.`;
}

/** Another version is live than the requester knows of, or was shown. */
function changedSince(
  target: ModelVersion | null,
  { request, snapshot, confirmed }: PromotionFacts,
): Refusal[] {
  const { modelName, pointer, expectedFromVersion: expected, targetVersion } = request;
  const live = snapshot.live[0]?.version ?? null;
  const wasShown = confirmed.kind === 'move' ? confirmed : null;
  const isOther = wasShown !== null && (wasShown.live !== live || wasShown.to !== target?.version);
  if (!isOther && (expected === null || expected === live)) return [];
  const known = wasShown !== null && isOther ? wasShown.live : expected;
  const command = commandText('promote', [modelName, targetVersion ?? undefined], { pointer });
  return [
    {
      code: RefusalCode.LIVE_VERSION_CHANGED,
      message:
        `Version ${known ?? 'none'} was to be replaced, by version ${wasShown?.to ?? target?.version ?? 'none'}; now ` +
        `version ${live ?? 'none'} is live. To see what would be done now and decide, run ${command}.`,
      clearsAtMs: null,
    },
  ];
}

/** What a person was shown moved nothing, and so nobody was asked. */
function unseen({ modelName, targetVersion, pointer }: RollbackRequest): Refusal {
  const command = commandText('promote', [modelName, targetVersion ?? undefined], { pointer });
  const message = `The plan that was shown moved nothing, but the promotion would now move the pointer. To see the plan and decide, run ${command}.`;
  return { code: RefusalCode.LIVE_VERSION_CHANGED, message, clearsAtMs: null };
}

function severalLive({ live }: RegistrySnapshot): GuardReport[] {
  if (live.length < 2) return [];
  const message = `${live.length} versions are live (${live.map(({ version }) => version).join(', ')}); the move archives all but the new one.`;
  return [{ code: 'SEVERAL_LIVE_VERSIONS', verdict: 'warning', message, clearsAtMs: null }];
}
