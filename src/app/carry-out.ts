import { assert } from '../domain/assert.ts';
import { commandText } from '../domain/command-line.ts';
import {
  contestFacts,
  displacedWarning,
  isAsPlanned,
  judgeMove,
  type MoveJudgement,
  repeatedWarning,
  unknownMoveFacts,
} from '../domain/decide/verify.ts';
import {
  isModelRollbackError,
  ModelNotFoundError,
  type ModelRollbackError,
  messageOf,
  RegistryUnavailableError,
} from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { movedSince } from '../domain/protocol/log-evidence.ts';
import { isStaleClaim } from '../domain/protocol/meeting.ts';
import { withoutSend } from '../domain/protocol/sends.ts';
import { type ClaimedRun, commit, contest, fail } from '../domain/protocol/transition.ts';
import { isSameRegistry } from '../domain/registry/address.ts';
import type { RegistrySnapshot } from '../domain/registry/model.ts';
import type { Warning } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { type Carried, failWith, letGo, type RunEnd, recordEnd } from './end-run.ts';
import { type Look, look, type Seen } from './look.ts';
import { noteSending } from './note-sending.ts';

/**
 * The steps of a run that holds the claim: recheck, move, verify, commit. One registry write, and after
 * a failed one: read, then decide. A write is never repeated blindly, nor assumed not to have happened.
 */

/** Another owner's run that is resumed; its move may have happened. */
export interface Resumed {
  /** Whether a move that may have been sent, and shows no effect, may be sent once more. */
  readonly mayRepeat: boolean;
  /** Why the run stops unless its move has landed; null when it goes on. */
  readonly whyStale: string | null;
}

/** What was begun beside the claim. */
export interface BesideClaim {
  /** Warnings that something beside the run may find out; never rejects, and is not waited for. */
  readonly warnings?: Promise<readonly Warning[]> | undefined;
  /** What the registry showed. */
  readonly seen?: Look | null;
}

/**
 * Carries a claimed run to its end.
 * @param resumed null: the claim was taken a moment ago, by us
 * @throws what the registry or the store throws while the end is not known: the claim stays, with a
 * shortened lease, for a retry or the sweep
 */
export async function carryOut(
  deps: RollbackDeps,
  claimed: ClaimedRun,
  deadline: Deadline,
  resumed: Resumed | null,
  { warnings: besides = nothing, seen: before = null }: BesideClaim = {},
): Promise<RunEnd> {
  const run: Carrying = { deps, claimed, deadline, besides, isRepeat: false };
  if (resumed !== null && isUnrecoverable(run, null)) return await endUnrecovered(run, null);
  let seen: Reading;
  try {
    // The owner before us may have sent the move: then a failed reading proves nothing.
    seen = await recheck(run, { hasSent: resumed !== null }, before);
  } catch (error) {
    if (resumed !== null && isUnrecoverable(run, error)) return await endUnrecovered(run, error);
    throw error;
  }
  if (seen.kind === 'failed') return await failWith(run, seen.error);
  const { snapshot } = seen;
  const judgement = judgeMove(run.claimed.record.plan, snapshot, false);
  if (resumed !== null) return await settleResumed(run, seen, judgement, resumed);
  if (judgement.kind !== 'not-landed') return await endUnmoved(run, snapshot);
  return await move(run, seen, 'first');
}

// ---------------------------------------------------------------------------------------------------

/** A run, and what is found out beside it. */
interface Carrying extends Carried {
  readonly besides: Promise<readonly Warning[]>;
  /** The move was perhaps sent before, by a run that was cut off. */
  readonly isRepeat: boolean;
}

const nothing: Promise<readonly Warning[]> = Promise.resolve([]);

type Reading =
  | Seen
  /** The registry refuses to be read, and nothing was sent: the run has failed for certain. */
  | { readonly kind: 'failed'; readonly error: ModelRollbackError };

/** @param seen what was read for it already */
async function recheck(
  run: Carrying,
  { hasSent }: { hasSent: boolean },
  seen: Look | null = null,
): Promise<Reading> {
  const { plan, modelName } = run.claimed.record;
  const answer = seen ?? (await look(run.deps, modelName, plan, run.deadline));
  if (answer.kind === 'seen') return answer;
  const { error } = answer;
  if (hasSent || !isModelRollbackError(error) || error.isRetryable) {
    return await letGo(run, error, { hasSent });
  }
  return { kind: 'failed', error };
}

async function settleResumed(
  run: Carrying,
  seen: Seen,
  judgement: MoveJudgement,
  { whyStale, mayRepeat }: Resumed,
): Promise<RunEnd> {
  const { snapshot } = seen;
  if (judgement.kind !== 'not-landed') return await settle(run, snapshot, judgement);
  const { plan, modelName } = run.claimed.record;
  // Where a move leaves a trace, none shows that none was made.
  const sends = sendsOf(run);
  const isAllowed =
    sends === 0 || (mayRepeat && sends < limits.sendsMax && !(await hasLanded(run)));
  if (whyStale === null && isAllowed) {
    return await move({ ...run, isRepeat: sends > 0 }, seen, 'first');
  }
  if (sends > 0) {
    const facts = unknownMoveFacts(modelName, plan, snapshot);
    return await recordEnd(run, (now, time) => contest(now, time, facts));
  }
  const message = `The run was interrupted and not continued, because ${whyStale}. Nothing was moved.`;
  return await recordEnd(run, (now, time) => fail(now, time, message));
}

/** True when the live log shows, or for an alarm when it may show, that the pointer moved after the claim. */
async function hasLanded({ deps, claimed, deadline }: Carrying): Promise<boolean> {
  const { modelName, plan, progress, isAutomatic } = claimed.record;
  if (progress.status !== 'IN_PROGRESS') return false;
  const { entries } = await deps.store.listLive(modelName, deadline);
  const moved = movedSince(entries, plan.pointer, progress.claimedAtMs);
  return moved === 'moved' || (moved === 'perhaps' && isAutomatic);
}

/** Something changed between plan and recheck; nothing of ours was moved. */
async function endUnmoved(run: Carrying, snapshot: RegistrySnapshot): Promise<RunEnd> {
  const { plan, modelName } = run.claimed.record;
  if (isAsPlanned({ ...plan, to: null }, snapshot)) {
    const message = `Version ${plan.to?.version} was changed or deleted after the plan was made. Nothing was moved.`;
    return await recordEnd(run, (now, time) => fail(now, time, message));
  }
  return await recordEnd(run, (now, time) =>
    contest(now, time, contestFacts(modelName, plan, snapshot, null)),
  );
}

/** @param attempt a second one follows an answer that said "not now", seen to have moved nothing */
async function move(ready: Carrying, seen: Seen, attempt: 'first' | 'second'): Promise<RunEnd> {
  const { deps, deadline } = ready;
  const { plan, modelName } = ready.claimed.record;
  assert(plan.to !== null, 'a run has a target');
  // A first one was sent before the second: a proxy that stopped waiting may still deliver it.
  const hasSent = attempt === 'second' || ready.isRepeat;
  const run = hasTimeToMove(ready) ? await noteSending(ready, { hasSent }) : ready;
  for (let latest = seen; ; ) {
    if (!hasTimeToMove(run)) {
      const late = new RegistryUnavailableError(
        'Too little time was left to move the pointer safely. Try again.',
      );
      return await letGo(run === ready ? run : unsent(run), late, { hasSent });
    }
    if (deps.clock.nowMs() - latest.atMs <= limits.recheckAgeMaxMs) break;
    const again = await recheck(run, { hasSent });
    if (again.kind === 'failed') return await failWith(run, again.error);
    const judged = judgeMove(plan, again.snapshot, false);
    if (judged.kind !== 'not-landed') {
      return hasSent
        ? await settle(run, again.snapshot, judged)
        : await endUnmoved(run, again.snapshot);
    }
    latest = again;
  }
  const answer = await deps.registry.movePointer(modelName, plan.to.version, deadline);
  if (answer.kind === 'refused') {
    return hasSent
      ? await letGo(run, answer.error, { hasSent })
      : await failWith(run, answer.error);
  }
  const after = await recheck(run, { hasSent: true });
  assert(after.kind === 'seen', 'after a move nothing fails for certain');
  const { snapshot } = after;
  const judgement = judgeMove(plan, snapshot, answer.kind === 'moved');
  if (judgement.kind !== 'not-landed') return await settle(run, snapshot, judgement);
  const mayFollow = attempt === 'first' && sendsOf(run) < limits.sendsMax;
  if (answer.kind === 'unknown' && answer.isAnswered && mayFollow) {
    return await move(run, after, 'second');
  }
  const unclear =
    answer.kind === 'unknown'
      ? answer.error
      : new RegistryUnavailableError(
          `The registry answered that ${plan.pointer} was moved, but still shows ${plan.from?.version}.`,
        );
  return await letGo(run, unclear, { hasSent: true });
}

/** The run whose noted move was not sent after all. */
function unsent(run: Carrying): Carrying {
  return { ...run, claimed: withoutSend(run.claimed) };
}

/** Moves that may have been sent by this run, or by one before it; 0 where the registry itself shows them. */
function sendsOf({ claimed }: Carried): number {
  const { progress } = claimed.record;
  return progress.status === 'IN_PROGRESS' ? (progress.sends ?? 0) : 0;
}

/** By the monotonic clock, and by the wall clock too: the first may stand still while a machine sleeps. */
function hasTimeToMove({ deps, deadline, claimed }: Carried): boolean {
  const leaseEndsAtMs = claimed.state.active?.leaseEndsAtMs ?? 0;
  const isAwake = deps.clock.nowMs() <= leaseEndsAtMs - deps.settings.writeHorizonMs;
  return deadline.leftMs() >= limits.writeTimeoutMinMs && isAwake;
}

/**
 * A resumed run that can never be settled ends, so that its model is not held for ever: the registered
 * model is gone, or the claim is stale and the registry refuses to be read or is another one.
 */
function isUnrecoverable({ deps, claimed }: Carried, error: unknown): boolean {
  const isStale = isStaleClaim(claimed.record, deps.clock.nowMs());
  if (error === null) {
    return isStale && !isSameRegistry(claimed.record.plan.registry, deps.registry.address);
  }
  const cause = causeOf(error);
  if (cause instanceof ModelNotFoundError) return true;
  return isStale && isModelRollbackError(cause) && !cause.isRetryable;
}

/** letGo() wraps what it was given. */
function causeOf(error: unknown): unknown {
  return error instanceof RegistryUnavailableError && error.cause ? error.cause : error;
}

async function endUnrecovered(run: Carrying, error: unknown): Promise<RunEnd> {
  const { plan, modelName } = run.claimed.record;
  const why =
    error === null
      ? `it began on the registry ${plan.registry}, and this is ${run.deps.registry.address}.`
      : `the registry cannot be read: ${messageOf(causeOf(error))}`;
  const message =
    `The run was interrupted, and it is not known whether its move took effect, because ${why} ` +
    `To see what is live, run ${commandText('status', [modelName])}.`;
  return await recordEnd(run, (now, time) =>
    contest(now, time, { message, hasMoved: false, liveVersions: [] }),
  );
}

async function settle(
  run: Carrying,
  snapshot: RegistrySnapshot,
  judgement: Exclude<MoveJudgement, { kind: 'not-landed' }>,
): Promise<RunEnd> {
  const { plan, modelName } = run.claimed.record;
  if (judgement.kind === 'contested') {
    return await recordEnd(run, (now, time) =>
      contest(now, time, contestFacts(modelName, plan, snapshot, judgement)),
    );
  }
  const warnings = [
    ...judgement.displacedNewer.map((version) => displacedWarning(modelName, version)),
    ...(run.isRepeat ? [repeatedWarning(plan)] : []),
    ...(await Promise.race([run.besides, nothing])),
  ];
  const { alarms, reload = null } = run.deps.settings;
  const asked = { asksServing: reload !== null };
  return await recordEnd(run, (now, time) => commit(now, time, warnings, alarms, asked));
}
