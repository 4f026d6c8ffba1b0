import type { AlarmPayload } from '../domain/alarm/alarm-payload.ts';
import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import { assert } from '../domain/assert.ts';
import {
  isModelRollbackError,
  messageOf,
  RollbackInProgressError,
  StateStoreUnavailableError,
} from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { isSettled } from '../domain/protocol/meeting.ts';
import { endWithoutPlan, type PlanlessEnd } from '../domain/protocol/planless-end.ts';
import { postponeWatch } from '../domain/protocol/watch.ts';
import { isSent } from '../domain/record/outbox.ts';
import type { RecordSubject, RollbackRecord } from '../domain/record/record.ts';
import { type AlarmTrigger, alarmKey } from '../domain/record/trigger.ts';
import { alarmRequest, requestBody } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import { announce, announceIfUnsent } from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import { answerEnd, answerOf } from './finish.ts';
import { rollbackIdOf } from './rollback-id.ts';

/** Ends of alarms for which no plan was made. Recorded and announced like every end. */

/** Under which name an alarm is recorded. */
export interface AlarmScope {
  readonly subject: RecordSubject;
  readonly name: string;
  readonly alarm: AlarmTrigger;
}

/** It cannot be handled now: the sweep tries again while it is in ALARM. */
export async function deferAlarm(
  deps: RollbackDeps,
  scope: AlarmScope,
  message: string,
  deadline: Deadline,
): Promise<RollbackResponse> {
  return await endScope(deps, scope, { outcome: 'DEFERRED', message }, deadline);
}

/** It cannot be handled, and a retry would not help. */
export async function failAlarm(
  deps: RollbackDeps,
  scope: AlarmScope,
  message: string,
  deadline: Deadline,
): Promise<RollbackResponse> {
  return await endScope(deps, scope, { outcome: 'FAILED', message }, deadline);
}

/**
 * What an error of a run means for its alarm.
 * @throws the error when a run holds the claim (its retry goes on), when nothing can be recorded now, and
 * when it is a bug
 */
export async function endAfterError(
  deps: RollbackDeps,
  scope: AlarmScope,
  error: unknown,
  deadline: Deadline,
): Promise<RollbackResponse> {
  if (!isModelRollbackError(error) || error instanceof StateStoreUnavailableError) throw error;
  const outcome = error.isRetryable ? 'DEFERRED' : 'FAILED';
  return await endScope(deps, scope, { outcome, message: messageOf(error), error }, deadline);
}

/** Nobody can act on it; people are notified once an hour for each source. */
export async function reportUnreadable(
  deps: RollbackDeps,
  payload: AlarmPayload & { readonly kind: 'unreadable' },
  source: string | null,
  deadline: Deadline,
): Promise<RollbackResponse> {
  // Whoever may publish there can write any ARN: people are notified once an hour for all of them.
  const name = source ?? payload.arn ?? payload.name ?? 'direct invocation';
  const hour = Math.floor(deps.clock.nowMs() / limits.unreadableAnnouncedMs);
  const request = alarmRequest(name, payload.name);
  const from = source === null ? '' : ` It came from ${source}.`;
  deps.logger.log('warn', 'an event cannot be read', { why: payload.why, source });
  const end: FirstEnd = {
    id: rollbackIdOf(deps, name, `unreadable:${hour}`),
    subject: source !== null || payload.arn === null ? 'source' : 'alarm',
    request,
    bodyHash: deps.identity.digest(requestBody(request)),
    alarm: null,
    outcome: 'FAILED',
    message: `${payload.why}${from} Nothing was done. Further ones within the hour are only logged.`,
    nowMs: deps.clock.nowMs(),
    token: deps.identity.random(),
  };
  return await orNotifyUnrecorded(deps, end, deadline, async () => {
    const { record } = await deps.store.read(name, end.id, deadline);
    if (record !== undefined) return responseOf(record, { isReplayed: true });
    return await writeEnd(deps, { ...end, ...noneBefore }, deadline);
  });
}

// ---------------------------------------------------------------------------------------------------

/** An end, before it is known what an earlier attempt left. */
export type FirstEnd = Omit<PlanlessEnd, 'previous' | 'previousNotice'>;

export const noneBefore = { previous: undefined, previousNotice: undefined } as const;

interface End {
  readonly outcome: 'FAILED' | 'DEFERRED';
  readonly message: string;
  /** What a run threw; absent when none was begun. */
  readonly error?: Error;
}

async function endScope(
  deps: RollbackDeps,
  { subject, name, alarm }: AlarmScope,
  { outcome, message, error }: End,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const request = alarmRequest(name, alarm.transition.ref.name);
  const base: FirstEnd = {
    id: rollbackIdOf(deps, name, alarmKey(alarm.transition)),
    subject,
    request,
    bodyHash: deps.identity.digest(requestBody(request)),
    alarm,
    outcome,
    message,
    nowMs: deps.clock.nowMs(),
    token: deps.identity.random(),
  };
  return await orNotifyUnrecorded(deps, base, deadline, async () => {
    for (let attempt = 1; attempt <= limits.planAttemptsMax; attempt += 1) {
      const { record, notice } = await deps.store.read(name, base.id, deadline);
      if (record?.progress.status === 'IN_PROGRESS') {
        throw error ?? new RollbackInProgressError(`${record.id} is in progress. Try again.`);
      }
      if (record !== undefined && isSettled(record)) return await replay(deps, record, deadline);
      const response =
        record !== undefined && outcome === 'DEFERRED'
          ? await postpone(deps, record, deadline)
          : await writeEnd(deps, { ...base, previous: record, previousNotice: notice }, deadline);
      if (response !== null) return response;
    }
    return null;
  });
}

/** Its end is final. Whoever wrote it may still be sending its notice. */
async function replay(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const found = await announceIfUnsent(deps, record.modelName, record.id, deadline);
  const answer = answerOf(found ?? { record, notice: undefined });
  return { ...answer, replayed: true };
}

/** Its earlier end stands; only the time of the next check changes. */
async function postpone(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackResponse | null> {
  const postponed = postponeWatch(record, deps.clock.nowMs(), 'unreadable');
  const result = await deps.store.write({ record: postponed }, deadline);
  return result === 'conflict' ? null : responseOf(postponed);
}

/** Null when somebody else wrote the record meanwhile. */
export async function writeEnd(
  deps: RollbackDeps,
  end: PlanlessEnd,
  deadline: Deadline,
): Promise<RollbackResponse | null> {
  const change = endWithoutPlan(end);
  const { record } = change;
  if ((await deps.store.write(change, deadline)) === 'conflict') return null;
  deps.logger.log('warn', 'an alarm was not handled', {
    rollback_id: record.id,
    outcome: end.outcome,
    why: end.message,
  });
  return await answerEnd(deps, record, change.notice, deadline);
}

/**
 * A store that can never take the record (corrupt item, missing table) must not keep people from being
 * notified. @throws the store's error when no channel takes the notice either
 */
export async function orNotifyUnrecorded(
  deps: RollbackDeps,
  end: FirstEnd,
  deadline: Deadline,
  work: () => Promise<RollbackResponse | null>,
): Promise<RollbackResponse> {
  try {
    const response = await work();
    if (response !== null) return response;
    throw new RollbackInProgressError(`Others are writing the record ${end.id}. Try again.`);
  } catch (error) {
    if (!isModelRollbackError(error) || error.isRetryable) throw error;
    const message = `${end.message} It could not be recorded: ${messageOf(error)}`;
    const unrecorded = { ...end, ...noneBefore, message, outcome: 'FAILED' as const };
    const { record, notice } = endWithoutPlan(unrecorded);
    assert(notice !== undefined, 'a first end has a notice');
    // The mark on it cannot be written either, which is logged; it was sent all the same.
    const sent = await announce(deps, notice.item, deadline);
    const isTaken = Object.values(sent.channels).some(({ kind }) => kind === 'sent');
    if (!isTaken) throw error;
    const warnings = [{ code: 'NOT_RECORDED', message: messageOf(error) }];
    return responseOf(record, { isNotified: isSent(sent), warnings });
  }
}
