import { type Composed, clock } from '../assemble.ts';
import { composeLambda, lambdaLogger } from '../compose-lambda.ts';
import { configFromEnv } from '../config/config-from-env.ts';
import { isModelRollbackError, type ModelRollbackError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { deadlineAfter } from '../ports/deadline.ts';
import type { EventAnswer } from './answer-event.ts';
import { rehearsalFailure } from './metrics.ts';
import { isCallSlow, rehearse } from './rehearse.ts';
import { serveEvent } from './serve-event.ts';
import { writeLine, writeText } from './write-line.ts';

/** What we use of Lambda's context; a caller in a test may leave it out. */
export interface InvocationContext {
  readonly awsRequestId?: string;
  /** Names the account of the function, whatever account a topic or a queue is of. */
  readonly invokedFunctionArn?: string;
  getRemainingTimeInMillis?(): number;
}

const logger = lambdaLogger(writeLine);

// Once per process, before the first event: what is wrong shows in the log at start. It is thrown by
// the handler and not here, so that a state machine sees the name ConfigurationError.
const started: Composed | ModelRollbackError = await start();
/** Why the rehearsal went wrong, until that is counted; null when nothing is to be counted. */
let rehearsalProblem =
  isModelRollbackError(started) || !isCallSlow(process.env)
    ? null
    : await rehearse(started.deps.settings);

/**
 * Answers one event: a request (docs/reference/request.md), an alarm in any of its forms
 * (docs/reference/alarms.md), or a sweep. What it writes to the log and the metrics is in
 * docs/reference/logs-and-metrics.md. Keeps no state of an invocation.
 */
export async function handler(event: unknown, context?: InvocationContext): Promise<EventAnswer> {
  const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
  const deadline = deadlineAfter(clock, remainingMs - limits.deadlineMarginMs);
  if (rehearsalProblem !== null) {
    rehearsalProblem = null;
    writeLine(JSON.stringify(rehearsalFailure(clock.nowMs())));
  }
  const ready = isModelRollbackError(started) ? started : started.deps;
  const invocationId =
    context?.awsRequestId ?? ('identity' in ready ? ready.identity.random() : 'unknown');
  return await serveEvent(ready, event, {
    invocationId,
    ownAccount: context?.invokedFunctionArn?.split(':')[4] || null,
    deadline,
    logger: logger.forInvocation(invocationId),
    clock,
    write: writeLine,
  });
}

// ---------------------------------------------------------------------------------------------------

async function start(): Promise<Composed | ModelRollbackError> {
  try {
    const config = configFromEnv(process.env, 'lambda');
    for (const warning of config.warnings)
      logger.log('warn', warning.message, { code: warning.code });
    return await composeLambda(config, { logger, writeNotice: writeText });
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    logger.log('error', error.message, { error: error.name });
    return error;
  }
}
