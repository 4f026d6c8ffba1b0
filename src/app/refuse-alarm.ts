import { type AlarmTransition, alarmRefText } from '../domain/alarm/alarm.ts';
import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import { isModelRollbackError, messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { alarmRequest, requestBody } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import {
  type AlarmScope,
  type FirstEnd,
  noneBefore,
  orNotifyUnrecorded,
  writeEnd,
} from './end-alarm.ts';
import { rollbackIdOf } from './rollback-id.ts';

/** What there is to record about an alarm that CloudWatch does not confirm. */
export interface UnconfirmedAlarm {
  readonly transition: AlarmTransition;
  /** ARN of the topic or queue that brought it. */
  readonly source: string;
  /** A sentence. */
  readonly why: string;
  /** Where an alarm that exists is recorded; null for one that CloudWatch does not know. */
  readonly scope: AlarmScope | null;
}

/**
 * Records an alarm that CloudWatch does not confirm. People are notified once an hour for each topic or
 * queue, and what does not exist has no record of its own: whoever may publish there must not be able to
 * send people a notice with every message, nor to fill the table. An alarm that exists has one, which the
 * sweep checks again, in case CloudWatch was late.
 */
export async function refuseAlarm(
  deps: RollbackDeps,
  { transition, source, why, scope }: UnconfirmedAlarm,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const { ref } = transition;
  const { name } = ref;
  deps.logger.log('warn', 'an alarm is not confirmed', {
    alarm_arn: alarmRefText(ref),
    source,
    why,
  });
  const announced = endOf(deps, { subject: 'source', name: source, alarm: null }, name, {
    message:
      `${why} The message came from ${source}. Nothing was done. Check who may publish there. ` +
      'Further messages that are not confirmed are only logged for the rest of this hour.',
  });
  const answer = await orNotifyUnrecorded(deps, announced, deadline, async () => {
    for (let attempt = 1; attempt <= limits.planAttemptsMax; attempt += 1) {
      const { record } = await deps.store.read(source, announced.id, deadline);
      if (record !== undefined) return responseOf(record, { isReplayed: true });
      const written = await writeEnd(deps, { ...announced, ...noneBefore }, deadline);
      if (written !== null) return written;
    }
    return null;
  });
  const message = `${why} The message came from ${source}. Nothing was done.`;
  if (scope === null) return aboutThis(answer, name, message);
  const watched = endOf(deps, scope, name, { message, isAnnounced: true });
  const recorded = await recordBeside(deps, watched, deadline);
  return recorded ?? aboutThis(answer, name, message);
}

// ---------------------------------------------------------------------------------------------------

function endOf(
  deps: RollbackDeps,
  { subject, name, alarm }: Pick<FirstEnd, 'subject' | 'alarm'> & { readonly name: string },
  alarmName: string,
  texts: Pick<FirstEnd, 'message' | 'isAnnounced'>,
): FirstEnd {
  const nowMs = deps.clock.nowMs();
  const hour = Math.floor(nowMs / limits.unreadableAnnouncedMs);
  const request = alarmRequest(name, alarmName);
  return {
    id: rollbackIdOf(deps, name, `unconfirmed:${hour}`),
    subject,
    request,
    bodyHash: deps.identity.digest(requestBody(request)),
    alarm,
    outcome: 'REFUSED',
    nowMs,
    token: deps.identity.random(),
    ...texts,
  };
}

/** The record of the source may be about an earlier message of this hour, which this one is no copy of. */
function aboutThis(answer: RollbackResponse, alarmName: string, message: string): RollbackResponse {
  const refusals = answer.refusals.map((refusal) => ({ ...refusal, message }));
  return { ...answer, alarm_name: alarmName, message, refusals, replayed: false };
}

/** Null when it could not be recorded: the record of the source has been written by then. */
async function recordBeside(
  deps: RollbackDeps,
  end: FirstEnd,
  deadline: Deadline,
): Promise<RollbackResponse | null> {
  try {
    const { record, notice } = await deps.store.read(end.request.modelName, end.id, deadline);
    return await writeEnd(deps, { ...end, previous: record, previousNotice: notice }, deadline);
  } catch (error) {
    if (!isModelRollbackError(error) || error.isRetryable) throw error;
    deps.logger.log('error', 'an alarm could not be recorded', {
      rollback_id: end.id,
      error: messageOf(error),
    });
    return null;
  }
}
