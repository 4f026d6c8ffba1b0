import type { RollbackDeps } from '../app/deps.ts';
import { handleAlarm } from '../app/handle-alarm.ts';
import { rollBack } from '../app/roll-back.ts';
import { type SweepReport, sweep } from '../app/sweep.ts';
import { type Composed, clock, jsonLogger } from '../assemble.ts';
import { composeLambda } from '../compose-lambda.ts';
import { configFromEnv } from '../config/config-from-env.ts';
import { assertNever } from '../domain/assert.ts';
import { isModelRollbackError, type ModelRollbackError, messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { parseRequest } from '../domain/request.ts';
import type { RollbackResponse } from '../domain/response.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import { parseEvent, type QueuedAlarm } from './event.ts';

/** What we use of Lambda's context; a caller in a test may leave it out. */
export interface InvocationContext {
  readonly awsRequestId?: string;
  getRemainingTimeInMillis?(): number;
}

const logger = jsonLogger((line) => process.stdout.write(`${line}\n`));

// Once per process, before the first event: what is wrong shows in the log at start. It is thrown by
// the handler and not here, so that a state machine sees the name ConfigurationError.
const started: Composed | ModelRollbackError = await start();

/** Topics: an answer for each message. */
export interface TopicAnswer {
  readonly results: readonly RollbackResponse[];
}

/** Queues: the messages to deliver again are exactly those that a retry can help. */
export interface QueueAnswer extends TopicAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/**
 * Answers one event: a request (docs/reference/request.md), an alarm in any of its forms
 * (docs/reference/alarms.md), or a sweep. Keeps no state of an invocation.
 */
export async function handler(
  event: unknown,
  context?: InvocationContext,
): Promise<RollbackResponse | SweepReport | TopicAnswer | QueueAnswer> {
  const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
  const deadline = deadlineAfter(clock, remainingMs - limits.deadlineMarginMs);
  try {
    if (isModelRollbackError(started)) throw started;
    const { deps } = started;
    const parsed = parseEvent(event);
    switch (parsed.kind) {
      case 'sweep':
        return await sweep(deps, deadline);
      case 'request': {
        const { request, warnings } = parseRequest(parsed.body);
        const invocationId = context?.awsRequestId ?? deps.identity.random();
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
  } catch (error) {
    logError(error);
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------------

async function start(): Promise<Composed | ModelRollbackError> {
  try {
    const config = configFromEnv(process.env, 'lambda');
    for (const warning of config.warnings)
      logger.log('warn', warning.message, { code: warning.code });
    return await composeLambda(config, {
      logger,
      writeNotice: (text) => process.stdout.write(text),
    });
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    logger.log('error', error.message, { error: error.name });
    return error;
  }
}

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
      logError(error);
      batchItemFailures.push({ itemIdentifier: id });
    }
  }
  return { batchItemFailures, results };
}

function logError(error: unknown): void {
  logger.log('error', messageOf(error), {
    error: error instanceof Error ? error.name : 'unknown',
    code: isModelRollbackError(error) ? error.code : null,
  });
}
