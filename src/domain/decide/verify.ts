import { commandText } from '../command-line.ts';
import { evidenceOf } from '../pointer/evidence.ts';
import {
  deletedStatus,
  findVersion,
  isOlder,
  type ModelVersion,
  type RegistrySnapshot,
} from '../registry/model.ts';
import type { Warning } from '../request/request.ts';
import type { Plan } from './plan.ts';

/**
 * MLflow has no compare-and-set: two promotions at once may leave two live versions, and both callers
 * get a success. So what happened is found out by reading the registry back.
 */
export type MoveJudgement =
  /** The live version is exactly the target, and our move explains it. */
  | { readonly kind: 'landed'; readonly displacedNewer: readonly string[] }
  /** Everything is as it was planned from. */
  | { readonly kind: 'not-landed' }
  | Contested;

/** The registry shows what neither the plan nor our move explains. */
export interface Contested {
  readonly kind: 'contested';
  /** Our move took effect before that, or seems to have. */
  readonly hasMoved: boolean;
  /** True when the registry confirmed our move: then `hasMoved` is certain. */
  readonly isAnswered: boolean;
}

/**
 * Judges the registry after a move.
 * @param isAnswered the registry answered our move with success; false when the answer was lost or when
 * somebody else's run is resumed
 */
export function judgeMove(
  plan: Plan,
  snapshot: RegistrySnapshot,
  isAnswered: boolean,
): MoveJudgement {
  const { to } = plan;
  const evidence = evidenceOf(snapshot.pointer);
  if (to === null) return { kind: 'contested', hasMoved: false, isAnswered };
  const toNow = findVersion(snapshot, to.version);
  const isOnlyTarget = snapshot.live.length === 1 && snapshot.live[0]?.version === to.version;
  // A move that leaves no trace is known by what the pointer names, and by nothing else.
  const hasTrace = !evidence.leavesTrace || (toNow !== undefined && evidence.isTouched(to, toNow));
  // An alias may be set on a version in the moment of its deletion, and then names what is gone.
  if (isOnlyTarget && toNow !== undefined && toNow.status !== deletedStatus && hasTrace) {
    const displaced = evidence.displacedBy(snapshot, toNow, plan.live).map((row) => row.version);
    const hasDisplacedFrom =
      !evidence.leavesTrace || plan.from === null || displaced.includes(plan.from.version);
    if (isAnswered || hasDisplacedFrom) {
      const displacedNewer = displaced.filter((version) => !plan.live.includes(version));
      return { kind: 'landed', displacedNewer };
    }
  }
  if (isAsPlanned(plan, snapshot)) {
    // The registry confirmed a move of which only the pointer itself could show something: it was moved back.
    const isMovedBack = isAnswered && !evidence.leavesTrace;
    return isMovedBack ? { kind: 'contested', hasMoved: true, isAnswered } : { kind: 'not-landed' };
  }
  return { kind: 'contested', hasMoved: isAnswered || wasLive(to, toNow, snapshot), isAnswered };
}

/** True when live versions, `from` and `to` are what the plan saw. */
export function isAsPlanned(plan: Plan, snapshot: RegistrySnapshot): boolean {
  return (
    isSameLive(plan.live, plan, snapshot) &&
    isUntouched(plan.from, snapshot) &&
    isUntouched(plan.to, snapshot)
  );
}

/** True when the same versions are live as in an earlier reading, which a plan was made from. */
export function isSameLive(
  known: readonly string[],
  plan: Plan,
  snapshot: RegistrySnapshot,
): boolean {
  const live = snapshot.live.map((row) => row.version);
  return (
    known.every((version) => live.includes(version)) && rivals(known, plan, snapshot).length === 0
  );
}

/** A move backwards puts `from` into quarantine; a move forwards says nothing against it. */
export function isBackwards(plan: Plan): boolean {
  return plan.from !== null && plan.to !== null && isOlder(plan.to.version, plan.from.version);
}

/**
 * How a contested end is described: exactly what is known.
 * @param found null when nothing was sent: then nothing of ours can have moved
 */
export function contestFacts(
  modelName: string,
  plan: Plan,
  snapshot: RegistrySnapshot,
  found: Contested | null,
): { message: string; hasMoved: boolean; liveVersions: string[] } {
  const liveVersions = snapshot.live.map((row) => row.version);
  const named = snapshot.live.map((row) =>
    row.status === deletedStatus ? `${row.version}, which was deleted` : row.version,
  );
  const live = named.length === 0 ? 'no version' : `version ${named.join(' and ')}`;
  const then =
    `Live now: ${live}. model-rollback does not move the pointer again by itself. Check the versions in ` +
    `MLflow. To see what a new rollback would do, run ${commandText('plan', [modelName], { pointer: askedPointer(plan) })}.`;
  return {
    message: `${whatIsKnown(plan, snapshot, found)} ${then}`,
    hasMoved: found?.hasMoved ?? false,
    liveVersions,
  };
}

/**
 * How a run ends whose move leaves no trace, may have been sent, and is not sent again: it is not known
 * whether it ever took effect.
 */
export function unknownMoveFacts(
  modelName: string,
  plan: Plan,
  snapshot: RegistrySnapshot,
): { message: string; hasMoved: boolean; liveVersions: string[] } {
  const from = plan.from?.version ?? 'none';
  return {
    message:
      `It is not known whether the move of ${plan.pointer} from ${from} to ${plan.to?.version} took effect: the run ` +
      `was cut off when the move may have been sent, and ${plan.pointer} names version ${from} now. Either the move ` +
      'never arrived, or somebody moved it back. model-rollback does not send it again by itself. To see what a ' +
      `new rollback would do, run ${commandText('plan', [modelName], { pointer: askedPointer(plan) })}.`,
    hasMoved: false,
    liveVersions: snapshot.live.map((row) => row.version),
  };
}

/** A move that was sent a second time, since the first one shows no effect. */
export function repeatedWarning({ pointer, from, to }: Plan): Warning {
  return {
    code: 'MOVE_REPEATED',
    message:
      `The move of ${pointer} to version ${to?.version} was sent a second time: a first one may have been sent by ` +
      `a run that was cut off, and ${pointer} named version ${from?.version ?? 'none'}. If somebody had moved it back ` +
      'by hand, that was undone.',
  };
}

/** A version that our move archived without knowing it. */
export function displacedWarning(modelName: string, version: string): Warning {
  const command = commandText('apply', [modelName], { to: version, override: ['COOLDOWN'] });
  return {
    code: 'DISPLACED_NEWER',
    message:
      `The move archived version ${version} as well, which was not live in the plan: it was promoted at the ` +
      'same time, or was live beside the others for a long time. It is not in quarantine. To restore ' +
      `it, run ${command}.`,
  };
}

/** A version that our move of an alias replaced: it was set between plan and move, which only a webhook shows. */
export function replacedWarning(modelName: string, pointer: string, version: string): Warning {
  const command = commandText('apply', [modelName], {
    to: version,
    override: ['COOLDOWN'],
    pointer,
  });
  return {
    code: 'DISPLACED_NEWER',
    message:
      `Somebody set ${pointer} to version ${version} while this run was at work, and its move replaced that. ` +
      `It is not in quarantine. To restore it, run ${command}.`,
  };
}

// ---------------------------------------------------------------------------------------------------

/** A command without it moves what the settings say. */
function askedPointer({ pointer }: Plan): string | undefined {
  return pointer === 'stage:Production' ? undefined : pointer;
}

function whatIsKnown(plan: Plan, snapshot: RegistrySnapshot, found: Contested | null): string {
  const { pointer } = plan;
  const move = `from ${plan.from?.version ?? 'none'} to ${plan.to?.version}`;
  if (found === null) {
    const what = isSameLive(plan.live, plan, snapshot)
      ? `Version ${plan.from?.version ?? 'none'} or ${plan.to?.version} was changed or deleted`
      : `Somebody else moved ${pointer}`;
    return `${what} after the plan to move ${pointer} ${move} was made. model-rollback moved nothing.`;
  }
  if (found.isAnswered && snapshot.live[0]?.status === deletedStatus) {
    return (
      `Somebody deleted version ${snapshot.live[0].version} while model-rollback moved ${pointer} ${move}: consumers ` +
      'that load it get an error.'
    );
  }
  if (found.isAnswered) {
    return `Somebody else changed what ${pointer} names right after model-rollback moved it ${move}.`;
  }
  const trace = found.hasMoved
    ? `Version ${plan.to?.version} was made live since the plan, by this move or by somebody else, so the ` +
      'move counts for the cooldown.'
    : 'Nothing in the registry shows that it did.';
  return (
    'The registry is not as the plan saw it, and it is not known whether the move of ' +
    `${pointer} ${move} took effect: its answer was lost, or the run was interrupted. ${trace}`
  );
}

/**
 * Versions that are live now and were not in an earlier reading. One that last changed before what the
 * plan saw was live then, too: the reading did not get to it, and it is no rival.
 */
function rivals(
  known: readonly string[],
  plan: Plan,
  snapshot: RegistrySnapshot,
): readonly ModelVersion[] {
  const seenMs = Math.max(plan.from?.lastUpdatedAtMs ?? 0, plan.to?.lastUpdatedAtMs ?? 0);
  const { isLiveUnchangedSince } = evidenceOf(snapshot.pointer);
  return snapshot.live.filter(
    (row) => !known.includes(row.version) && !isLiveUnchangedSince(row, seenMs - 1),
  );
}

function isUntouched(planned: ModelVersion | null, snapshot: RegistrySnapshot): boolean {
  if (planned === null) return true;
  const now = findVersion(snapshot, planned.version);
  return now !== undefined && !evidenceOf(snapshot.pointer).isTouched(planned, now);
}

/** The target is live now, or was live when a promotion archived it: both mean that a move landed. */
function wasLive(
  planned: ModelVersion,
  now: ModelVersion | undefined,
  snapshot: RegistrySnapshot,
): boolean {
  const { isTouched, displacedBy } = evidenceOf(snapshot.pointer);
  if (now === undefined || !isTouched(planned, now)) return false;
  const isLive = snapshot.live.some((row) => row.version === now.version);
  return (
    isLive || snapshot.live.some((row) => displacedBy(snapshot, row, [now.version]).includes(now))
  );
}
