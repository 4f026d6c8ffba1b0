import type { RollbackDeps } from '../app/deps.ts';
import { handleAlarm } from '../app/handle-alarm.ts';
import { rollBack } from '../app/roll-back.ts';
import { type SweepReport, sweep } from '../app/sweep.ts';
import { assertNever } from '../domain/assert.ts';
import { isModelRollbackError, messageOf } from '../domain/errors.ts';
import { parseRequest } from '../domain/request.ts';
import type { RollbackResponse } from '../domain/response.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { Logger } from '../ports/logger.ts';
import { parseEvent, type QueuedAlarm } from './event.ts';

/** Topics: an answer for each message. */
export interface TopicAnswer {
  readonly results: readonly RollbackResponse[];
}

/** Queues: the messages to deliver again are exactly those that a retry can help. */
export interface QueueAnswer extends TopicAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

export type EventAnswer = RollbackResponse | SweepReport | TopicAnswer | QueueAnswer;

/** What there is to know of an invocation beside its event. */
export interface Invocation {
  /** The key of a request that brings none. A caller's own retry repeats it. */
  readonly invocationId: string;
  readonly deadline: Deadline;
}

/**
 * Answers one event: a request (docs/reference/request.md), an alarm in any of its forms
 * (docs/reference/alarms.md), or a sweep.
 * @throws InvalidRequestError, what a request throws, and of alarms only what a retry can cure
 */
export async function answerEvent(
  deps: RollbackDeps,
  event: unknown,
  { invocationId, deadline }: Invocation,
): Promise<EventAnswer> {
  const parsed = parseEvent(event);
  switch (parsed.kind) {
    case 'sweep':
      return await sweep(deps, deadline);
    case 'request': {
      const { request, warnings } = parseRequest(parsed.body);
      return await rollBack(deps, { request, warnings, invocationId, deadline });
    }
    case 'alarm':
      return await handleAlarm(deps, parsed.payload, null, deadline);
    case 'sns':
      return { results: await answerTopic(deps, parsed.messages, deadline) };
    case 'sqs':
      return await answerQueue(deps, parsed.messages, deadline);
    default:
      return assertNever(parsed);
  }
}

/** Whatever was thrown, as one line of the log. */
export function logError(logger: Logger, error: unknown): void {
  logger.log('error', messageOf(error), {
    error: error instanceof Error ? error.name : 'unknown',
    code: isModelRollbackError(error) ? error.code : null,
  });
}

// ---------------------------------------------------------------------------------------------------

/** An error is one of the whole event: its retry finds the answered messages answered. */
async function answerTopic(
  deps: RollbackDeps,
  messages: readonly QueuedAlarm[],
  deadline: Deadline,
): Promise<RollbackResponse[]> {
  const results: RollbackResponse[] = [];
  for (const { payload, source } of messages) {
    results.push(await handleAlarm(deps, payload, source, deadline));
  }
  return results;
}

/** One bad message does not keep the others; what there is no time for comes again. */
async function answerQueue(
  deps: RollbackDeps,
  messages: readonly QueuedAlarm[],
  deadline: Deadline,
): Promise<QueueAnswer> {
  const results: RollbackResponse[] = [];
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { id, payload, source } of messages) {
    try {
      results.push(await handleAlarm(deps, payload, source, deadline));
    } catch (error) {
      logError(deps.logger, error);
      batchItemFailures.push({ itemIdentifier: id });
    }
  }
  return { batchItemFailures, results };
}
