import { type Composed, clock } from '../assemble.ts';
import { composeLambda, lambdaLogger } from '../compose-lambda.ts';
import { configFromEnv } from '../config/config-from-env.ts';
import { isModelRollbackError, type ModelRollbackError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { deadlineAfter } from '../ports/deadline.ts';
import type { Logger } from '../ports/logger.ts';
import type { EventAnswer } from './answer-event.ts';
import { type InitProblem, initProblemLine } from './metrics.ts';
import { isCallSlow, type RehearsedEvent, rehearse } from './rehearse.ts';
import { serveEvent } from './serve-event.ts';
import { writeLine, writeText } from './write-line.ts';

/** What we use of Lambda's context; a caller in a test may leave it out. */
export interface InvocationContext {
  readonly awsRequestId?: string;
  /** Names the account of the function, whatever account a topic or a queue is of. */
  readonly invokedFunctionArn?: string;
  getRemainingTimeInMillis?(): number;
}

/**
 * Answers one event: a request (docs/reference/request.md), an alarm in any of its forms
 * (docs/reference/alarms.md), or a sweep. What it writes to the log and the metrics is in
 * docs/reference/logs-and-metrics.md. Keeps no state of an invocation.
 */
export type Handler = (event: unknown, context?: InvocationContext) => Promise<EventAnswer>;

export interface StartedFunction {
  readonly handler: Handler;
  /** Why it is not set up and rehearsed; null when it is. */
  readonly failure: string | null;
}

/**
 * Everything before the first event, once per process.
 * @param options.problems of the init phase so far; the first call counts them, with those from here
 * @param options.rehearsed what is rehearsed where a call is slow
 */
export async function startFunction({
  problems = [],
  rehearsed = ['alarm'],
}: {
  readonly problems?: readonly InitProblem[];
  readonly rehearsed?: readonly RehearsedEvent[];
}): Promise<StartedFunction> {
  const logger = lambdaLogger(writeLine);
  // What is wrong shows in the log at start. It is thrown by the handler and not here, so that a state
  // machine sees the name ConfigurationError.
  const started = await compose(logger);
  const isRehearsed = !isModelRollbackError(started) && isCallSlow(process.env);
  const failure = isRehearsed ? await rehearse(started.deps.settings, rehearsed) : null;
  let uncounted = failure === null ? problems : [...problems, 'RehearsalFailed' as const];
  const handler: Handler = async (event, context) => {
    const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
    const deadline = deadlineAfter(clock, remainingMs - limits.deadlineMarginMs);
    for (const name of uncounted) writeLine(JSON.stringify(initProblemLine(name, clock.nowMs())));
    uncounted = [];
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
  };
  return { handler, failure: isModelRollbackError(started) ? started.message : failure };
}

// ---------------------------------------------------------------------------------------------------

async function compose(logger: Logger): Promise<Composed | ModelRollbackError> {
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
