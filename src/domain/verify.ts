import { commandText } from './command-line.ts';
import {
  displacedBy,
  findVersion,
  isOlder,
  isSameVersions,
  type ModelVersion,
  type RegistrySnapshot,
} from './model.ts';
import type { Warning } from './request.ts';
import type { Plan } from './rollback.ts';

/**
 * MLflow has no compare-and-set: two promotions at once may leave two live versions, and both callers
 * are told that all is well. What happened is told by reading the registry back.
 */
export type MoveJudgement =
  /** The live version is exactly the target, and our move explains it. */
  | { readonly kind: 'landed'; readonly displacedNewer: readonly string[] }
  /** Everything is as it was planned from. */
  | { readonly kind: 'not-landed' }
  /** Somebody else moved the pointer. `hasMoved`: our move took effect before that. */
  | { readonly kind: 'contested'; readonly hasMoved: boolean };

/**
 * Judges the registry after a move.
 * @param isAnswered the registry answered our move with success; false when the answer was lost or when
 * somebody else's run is taken up.
 */
export function judgeMove(
  plan: Plan,
  snapshot: RegistrySnapshot,
  isAnswered: boolean,
): MoveJudgement {
  const { to } = plan;
  if (to === null) return { kind: 'contested', hasMoved: false };
  const toNow = findVersion(snapshot, to.version);
  const isOnlyTarget = snapshot.live.length === 1 && snapshot.live[0]?.version === to.version;
  if (isOnlyTarget && toNow !== undefined && isTouched(to, toNow)) {
    const displaced = displacedBy(snapshot, toNow).map((row) => row.version);
    const hasDisplacedFrom = plan.from === null || displaced.includes(plan.from.version);
    if (isAnswered || hasDisplacedFrom) {
      const displacedNewer = displaced.filter((version) => !plan.live.includes(version));
      return { kind: 'landed', displacedNewer };
    }
  }
  if (isAsPlanned(plan, snapshot)) return { kind: 'not-landed' };
  return { kind: 'contested', hasMoved: isAnswered || wasLive(to, toNow, snapshot) };
}

/** True when live versions, `from` and `to` carry exactly what the plan saw. */
export function isAsPlanned(plan: Plan, snapshot: RegistrySnapshot): boolean {
  const live = snapshot.live.map((row) => row.version);
  const isSameLive =
    live.length === plan.live.length && live.every((version) => plan.live.includes(version));
  return isSameLive && isUntouched(plan.from, snapshot) && isUntouched(plan.to, snapshot);
}

/** A move backwards puts `from` into quarantine; a move forwards says nothing against it. */
export function isBackwards(plan: Plan): boolean {
  return plan.from !== null && plan.to !== null && isOlder(plan.to.version, plan.from.version);
}

/** How a contested end is told. */
export function contestFacts(
  plan: Plan,
  snapshot: RegistrySnapshot,
  { hasMoved }: { hasMoved: boolean },
): { message: string; hasMoved: boolean; liveVersions: string[] } {
  const liveVersions = snapshot.live.map((row) => row.version);
  const live = liveVersions.length === 0 ? 'no version' : `version ${liveVersions.join(' and ')}`;
  const isSameLive = isSameVersions(liveVersions, plan.live);
  if (isSameLive && !hasMoved) {
    const message =
      `Version ${plan.from?.version ?? 'none'} or ${plan.to?.version} was changed or deleted since the plan was ` +
      `made. Nothing was moved. Live now: ${live}. ${checkFirst(snapshot.modelName)}`;
    return { message, hasMoved, liveVersions };
  }
  const ours = hasMoved
    ? `after we moved it from ${plan.from?.version ?? 'none'} to ${plan.to?.version}`
    : `while we were about to move it to ${plan.to?.version}; we moved nothing`;
  return {
    message: `Somebody else moved ${plan.pointer} ${ours}. Live now: ${live}. ${checkFirst(snapshot.modelName)}`,
    hasMoved,
    liveVersions,
  };
}

/** A version that our move archived without knowing it. */
export function displacedWarning(modelName: string, version: string): Warning {
  return {
    code: 'DISPLACED_NEWER',
    message:
      `Our move archived version ${version} too, which the plan did not know to be live: it was promoted in ` +
      'that moment, or was live for long beside the others. It is not quarantined. To bring it back, run ' +
      `${commandText('apply', [modelName], { to: version, override: ['COOLDOWN'] })}.`,
  };
}

// ---------------------------------------------------------------------------------------------------

/** The pointer stays where it is: a person decides. */
function checkFirst(modelName: string): string {
  return `To see what a rollback would do now, run ${commandText('plan', [modelName])}.`;
}

function isUntouched(planned: ModelVersion | null, snapshot: RegistrySnapshot): boolean {
  if (planned === null) return true;
  const now = findVersion(snapshot, planned.version);
  return now !== undefined && !isTouched(planned, now);
}

function isTouched(planned: ModelVersion, now: ModelVersion): boolean {
  return (
    now.lastUpdatedAtMs !== planned.lastUpdatedAtMs ||
    now.stage !== planned.stage ||
    now.status !== planned.status
  );
}

/** The target is live now, or was live when a promotion archived it: both mean that a move landed. */
function wasLive(
  planned: ModelVersion,
  now: ModelVersion | undefined,
  snapshot: RegistrySnapshot,
): boolean {
  if (now === undefined || !isTouched(planned, now)) return false;
  const isLive = snapshot.live.some((row) => row.version === now.version);
  const isDisplaced =
    now.stage === 'Archived' &&
    snapshot.live.some((row) => row.lastUpdatedAtMs === now.lastUpdatedAtMs);
  return isLive || isDisplaced;
}
