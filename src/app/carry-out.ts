import { assert } from '../domain/assert.ts';
import {
  isModelRollbackError,
  ModelNotFoundError,
  type ModelRollbackError,
  messageOf,
  RegistryUnavailableError,
  RollbackInProgressError,
  StateStoreUnavailableError,
} from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { isStaleClaim } from '../domain/meeting.ts';
import type { RegistrySnapshot } from '../domain/model.ts';
import type { Warning } from '../domain/request.ts';
import type { RollbackRecord } from '../domain/rollback.ts';
import { type ClaimedRun, commit, contest, fail, renewLease } from '../domain/transition.ts';
import {
  contestFacts,
  displacedWarning,
  isAsPlanned,
  judgeMove,
  type MoveJudgement,
} from '../domain/verify.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { announce } from './finish.ts';

/**
 * The steps of a run that holds the claim: recheck, move, verify, commit. One registry write, and after
 * a failed one: read, then decide. A write is never repeated blindly, nor assumed not to have happened.
 */

/** Another owner's run, taken over; its move may have happened. */
export interface Resumed {
  /** Why it is not worth going on unless its move has landed; null when it is. */
  readonly whyStale: string | null;
}

/**
 * Carries a claimed run to its end and returns the ended record, its notice still pending.
 * @param resumed null: the claim was taken a moment ago, by us
 * @param besides warnings that something beside the run may find out; never rejects, and is not waited for
 * @throws what the registry or the store throws. Unless its own end was recorded, the claim stays, with
 * a shortened lease, for a retry or the sweep.
 */
export async function carryOut(
  deps: RollbackDeps,
  claimed: ClaimedRun,
  deadline: Deadline,
  resumed: Resumed | null,
  besides: Promise<readonly Warning[]> = nothing,
): Promise<RollbackRecord> {
  const run: Carried = { deps, claimed, deadline, besides };
  if (resumed !== null && isGivenUp(run, null)) return await giveUp(run, null);
  let snapshot: RegistrySnapshot;
  try {
    // The owner before us may have sent the move: then a failed look proves nothing.
    snapshot = await look(run, { hasSent: resumed !== null });
  } catch (error) {
    if (resumed !== null && isGivenUp(run, error)) return await giveUp(run, error);
    throw error;
  }
  const judgement = judgeMove(run.claimed.record.plan, snapshot, false);
  if (resumed !== null) return await settleResumed(run, snapshot, judgement, resumed);
  if (judgement.kind !== 'not-landed') return await endUnmoved(run, snapshot);
  return await move(run, 'first');
}

/** The lease of a claim: it outlives every write that this run may send. */
export function newLease(
  deps: RollbackDeps,
  deadline: Deadline,
): { owner: string; leaseEndsAtMs: number } {
  const leaseEndsAtMs = deps.clock.nowMs() + deadline.leftMs() + deps.settings.writeHorizonMs;
  return { owner: deps.identity.random(), leaseEndsAtMs: Math.round(leaseEndsAtMs) };
}

// ---------------------------------------------------------------------------------------------------

interface Carried {
  readonly deps: RollbackDeps;
  readonly claimed: ClaimedRun;
  readonly deadline: Deadline;
  readonly besides: Promise<readonly Warning[]>;
}

const nothing: Promise<readonly Warning[]> = Promise.resolve([]);

async function look(run: Carried, { hasSent }: { hasSent: boolean }): Promise<RegistrySnapshot> {
  const { plan, modelName } = run.claimed.record;
  const named = [plan.from, plan.to].flatMap((row) => (row === null ? [] : [row.version]));
  const include = [...new Set([...named, ...plan.live])];
  try {
    return await run.deps.registry.read(modelName, include, run.deadline, limits.recheckRows);
  } catch (error) {
    if (hasSent || !isModelRollbackError(error) || error.isRetryable) {
      return await letGo(run, error, { hasSent });
    }
    return await failThenThrow(run, error);
  }
}

async function settleResumed(
  run: Carried,
  snapshot: RegistrySnapshot,
  judgement: MoveJudgement,
  { whyStale }: Resumed,
): Promise<RollbackRecord> {
  if (judgement.kind !== 'not-landed') return await settle(run, snapshot, judgement);
  if (whyStale === null) return await move(run, 'first');
  const message = `The run was cut off and is stale (${whyStale}); nothing was moved.`;
  return await record(run, (now, nowMs) => fail(now, nowMs, message));
}

/** Between plan and recheck something changed; we have not moved anything. */
async function endUnmoved(run: Carried, snapshot: RegistrySnapshot): Promise<RollbackRecord> {
  const { plan, modelName } = run.claimed.record;
  if (isAsPlanned({ ...plan, to: null }, snapshot)) {
    const message = `Version ${plan.to?.version} changed or vanished after the plan was made. Nothing was moved.`;
    return await record(run, (now, nowMs) => fail(now, nowMs, message));
  }
  return await record(run, (now, nowMs) =>
    contest(now, nowMs, contestFacts(modelName, plan, snapshot, null)),
  );
}

/** @param attempt a second one follows an answer that said "not now", seen to have moved nothing */
async function move(run: Carried, attempt: 'first' | 'second'): Promise<RollbackRecord> {
  const { deps, deadline, claimed } = run;
  const { plan, modelName } = claimed.record;
  assert(plan.to !== null, 'a run has a target');
  // Before the second one a first was sent: a proxy that gave up on it may still deliver it.
  const hasSent = attempt === 'second';
  if (!hasTimeToMove(run)) {
    const late = new RegistryUnavailableError(
      'Too little time was left to move the pointer safely. Try again.',
    );
    return await letGo(run, late, { hasSent });
  }
  const answer = await deps.registry.movePointer(modelName, plan.to.version, deadline);
  if (answer.kind === 'refused') {
    return hasSent
      ? await letGo(run, answer.error, { hasSent })
      : await failThenThrow(run, answer.error);
  }
  const snapshot = await look(run, { hasSent: true });
  const judgement = judgeMove(plan, snapshot, answer.kind === 'moved');
  if (judgement.kind !== 'not-landed') return await settle(run, snapshot, judgement);
  if (answer.kind === 'unknown' && answer.isAnswered && attempt === 'first') {
    return await move(run, 'second');
  }
  const unclear =
    answer.kind === 'unknown'
      ? answer.error
      : new RegistryUnavailableError(
          `The registry answered that ${plan.pointer} was moved, but still shows ${plan.from?.version}.`,
        );
  return await letGo(run, unclear, { hasSent: true });
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
function isGivenUp({ deps, claimed }: Carried, error: unknown): boolean {
  const isStale = isStaleClaim(claimed.record, deps.clock.nowMs());
  if (error === null) return isStale && claimed.record.plan.registry !== deps.registry.address;
  // letGo() wraps what it was given.
  const cause = error instanceof RegistryUnavailableError && error.cause ? error.cause : error;
  if (cause instanceof ModelNotFoundError) return true;
  return isStale && isModelRollbackError(cause) && !cause.isRetryable;
}

async function giveUp(run: Carried, error: unknown): Promise<RollbackRecord> {
  const why =
    error === null
      ? `it was begun on the registry ${run.claimed.record.plan.registry}`
      : `the registry cannot be read: ${messageOf(error)}`;
  const message = `The run was cut off and cannot be settled, because ${why}. Please look.`;
  return await record(run, (now, nowMs) =>
    contest(now, nowMs, { message, hasMoved: false, liveVersions: [] }),
  );
}

async function settle(
  run: Carried,
  snapshot: RegistrySnapshot,
  judgement: Exclude<MoveJudgement, { kind: 'not-landed' }>,
): Promise<RollbackRecord> {
  const { plan, modelName } = run.claimed.record;
  if (judgement.kind === 'contested') {
    return await record(run, (now, nowMs) =>
      contest(now, nowMs, contestFacts(modelName, plan, snapshot, judgement)),
    );
  }
  const warnings = [
    ...judgement.displacedNewer.map((version) => displacedWarning(modelName, version)),
    ...(await Promise.race([run.besides, nothing])),
  ];
  const { alarms } = run.deps.settings;
  return await record(run, (now, nowMs) => commit(now, nowMs, warnings, alarms));
}

/** Makes the end of a claimed run, at a time. */
type End = (claimed: ClaimedRun, nowMs: number) => ClaimedRun;

/** Records an end. An operator's verb on the same item may come between: then once more, on top of it. */
async function record(run: Carried, end: End): Promise<RollbackRecord> {
  const { deps, deadline } = run;
  const { id, modelName } = run.claimed.record;
  const owner = run.claimed.state.active?.owner;
  let claimed = run.claimed;
  for (let attempt = 1; attempt <= limits.commitAttemptsMax; attempt += 1) {
    const ended = await writeInsisting(run, claimed, end);
    if (ended !== null) {
      deps.logger.log('info', 'ended', { rollback_id: id, outcome: ended.record.progress.status });
      return ended.record;
    }
    const view = await deps.store.read(modelName, id, deadline);
    if (view.record === undefined || view.state === undefined) break;
    if (view.record.progress.status !== 'IN_PROGRESS') return view.record;
    if (view.state.active?.owner !== owner) break;
    const { plan } = run.claimed.record;
    claimed = { state: view.state, record: { ...view.record, plan } };
  }
  throw new RollbackInProgressError(
    `Another run took ${id} over. Try again to learn how it ended.`,
  );
}

/**
 * The registry is changed by now: worth more than one try. Safe to repeat, since it is conditional; the
 * time is that of the try, since the cooldown counts from it. Null when the condition was lost.
 */
async function writeInsisting(
  run: Carried,
  claimed: ClaimedRun,
  end: End,
): Promise<ClaimedRun | null> {
  const { deps, deadline } = run;
  for (let attempt = 1; ; attempt += 1) {
    const ended = end(claimed, deps.clock.nowMs());
    try {
      return (await deps.store.write(ended, deadline)) === 'written' ? ended : null;
    } catch (error) {
      const isWorthIt =
        error instanceof StateStoreUnavailableError &&
        attempt < limits.commitAttemptsMax &&
        deadline.leftMs() > limits.commitBackoffMs;
      if (!isWorthIt) throw error;
      await deps.clock.sleep(limits.commitBackoffMs);
    }
  }
}

/** A certain no: the record ends as FAILED, people are told, the caller gets the error. */
async function failThenThrow(run: Carried, error: ModelRollbackError): Promise<never> {
  const ended = await record(run, (now, nowMs) => fail(now, nowMs, messageOf(error)));
  await announce(run.deps, ended, run.deadline);
  throw error;
}

/**
 * Leaves the claim to a retry or the sweep. A sent write may still take effect, so the lease covers the
 * write horizon; with none sent, the next run may start at once.
 */
async function letGo(
  run: Carried,
  error: unknown,
  { hasSent }: { hasSent: boolean },
): Promise<never> {
  const { deps, claimed, deadline } = run;
  const { active } = claimed.state;
  if (active !== null && deadline.leftMs() > 0) {
    const nowMs = deps.clock.nowMs();
    const leaseEndsAtMs = hasSent ? nowMs + deps.settings.writeHorizonMs : nowMs;
    try {
      await deps.store.write(renewLease(claimed, { owner: active.owner, leaseEndsAtMs }), deadline);
    } catch (storeError) {
      deps.logger.log('warn', 'the lease could not be shortened', {
        rollback_id: claimed.record.id,
        error: messageOf(storeError),
      });
    }
  }
  const isTrue = !hasSent || !isModelRollbackError(error) || error.isRetryable;
  if (isTrue) throw error;
  // The registry's no to a look, or to a second try, says nothing of the move that was sent.
  throw new RegistryUnavailableError(
    `A move may have been sent, and its effect is unknown: ${messageOf(error)} Try again to learn how it ended.`,
    { cause: error },
  );
}
