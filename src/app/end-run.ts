import {
  isModelRollbackError,
  type ModelRollbackError,
  messageOf,
  RegistryUnavailableError,
  RollbackInProgressError,
  StateStoreUnavailableError,
} from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import {
  type ClaimedRun,
  type EndedRun,
  type EndTime,
  fail,
  renewLease,
} from '../domain/protocol/transition.ts';
import type { OutboxNotice } from '../domain/record/outbox.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import type { OnOff } from '../domain/request/setting-form.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { jitterMs } from './jitter.ts';

/** How a claimed run ends in the store: its end is recorded, or the claim is left to somebody else. */

export interface Carried {
  readonly deps: RollbackDeps;
  readonly claimed: ClaimedRun;
  readonly deadline: Deadline;
}

/** How a claimed run ended. */
export interface RunEnd {
  readonly record: RollbackRecord;
  /** Not sent yet; its writer holds the lease on it. Undefined when another process ended the run. */
  readonly notice: OutboxNotice | undefined;
  /** Why it failed for certain: what a caller who waits is to get. Null for every other end. */
  readonly error: ModelRollbackError | null;
  /** By the settings of the run: whether `NAME-previous` is set after a move of `alias:NAME`. */
  readonly previousAlias: OnOff;
}

/** Makes the end of a claimed run, at a time. */
type End = (claimed: ClaimedRun, time: EndTime) => EndedRun;

/**
 * Records an end. An operator's verb, or a sender of an earlier notice, may come between: then once more,
 * on top of it.
 */
export async function recordEnd(run: Carried, end: End): Promise<RunEnd> {
  const { deps, deadline } = run;
  const { id, modelName } = run.claimed.record;
  const owner = run.claimed.state.active?.owner;
  const rest = { error: null, previousAlias: deps.settings.previousAlias ?? 'off' } as const;
  const tokens: string[] = [];
  const seenAtMs = deps.clock.nowMs();
  const endThen: End = (now, time) => end(now, { ...time, seenAtMs });
  let claimed = run.claimed;
  for (let attempt = 1; attempt <= limits.commitAttemptsMax; attempt += 1) {
    const ended = await writeInsisting(run, claimed, endThen, tokens);
    if (ended !== null) {
      deps.logger.log('info', 'rollback ended', {
        rollback_id: id,
        outcome: ended.record.progress.status,
      });
      return { record: ended.record, notice: ended.notice.item, ...rest };
    }
    await deps.clock.sleep(jitterMs(deps, attempt));
    const view = await deps.store.read(modelName, id, deadline);
    if (view.record === undefined || view.state === undefined) break;
    if (view.record.progress.status !== 'IN_PROGRESS') {
      // Perhaps a try of ours whose answer was lost: then its notice is ours to send.
      const isOurs = tokens.includes(view.notice?.token ?? '');
      return { record: view.record, notice: isOurs ? view.notice : undefined, ...rest };
    }
    if (view.state.active?.owner !== owner) break;
    // Claims of other models write the fleet's item too: the last try leaves the slot to expire by itself.
    const isLast = attempt === limits.commitAttemptsMax - 1;
    const { plan } = run.claimed.record;
    claimed = {
      state: view.state,
      record: { ...view.record, plan },
      earlierNotice: view.notice,
      slotIn: claimed.slotIn === undefined || isLast ? undefined : view.fleet,
    };
  }
  throw new RollbackInProgressError(`Another run resumed ${id}. Try again to see how it ended.`);
}

/** The registry refused for certain: the record ends as FAILED, and the caller gets the error. */
export async function failWith(run: Carried, error: ModelRollbackError): Promise<RunEnd> {
  const ended = await recordEnd(run, (now, time) => fail(now, time, messageOf(error)));
  return { ...ended, error };
}

/**
 * Leaves the claim to a retry or the sweep. A sent write may still take effect, so the lease covers the
 * write horizon; with none sent, the next run may start at once.
 */
export async function letGo(
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
  const isWholeTruth = !hasSent || !isModelRollbackError(error) || error.isRetryable;
  if (isWholeTruth) throw error;
  // A refusal of a reading, or of a second try, says nothing about the move that was sent.
  throw new RegistryUnavailableError(
    `A move may have been sent, and its effect is not known: ${messageOf(error)} Try again to see how it ended.`,
    { cause: error },
  );
}

// ---------------------------------------------------------------------------------------------------

/**
 * The registry is changed by now: worth more than one try. Safe to repeat, since it is conditional; the
 * time is that of the try, since the cooldown counts from it.
 * @param tokens takes the token of each try
 * @returns null when the condition was lost
 */
async function writeInsisting(
  run: Carried,
  claimed: ClaimedRun,
  end: End,
  tokens: string[],
): Promise<EndedRun | null> {
  const { deps, deadline } = run;
  for (let attempt = 1; ; attempt += 1) {
    const token = deps.identity.random();
    tokens.push(token);
    const ended = end(claimed, { nowMs: deps.clock.nowMs(), token });
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
