import { rollBack } from '../app/roll-back.ts';
import { type SweepReport, sweep } from '../app/sweep.ts';
import { type Composed, clock, jsonLogger } from '../assemble.ts';
import { composeLambda } from '../compose-lambda.ts';
import { configFromEnv } from '../config/config-from-env.ts';
import { isModelRollbackError, type ModelRollbackError, messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { parseRequest } from '../domain/request.ts';
import type { RollbackResponse } from '../domain/response.ts';
import { deadlineAfter } from '../ports/deadline.ts';

/** What we use of Lambda's context; a caller in a test may leave it out. */
export interface InvocationContext {
  readonly awsRequestId?: string;
  getRemainingTimeInMillis?(): number;
}

const logger = jsonLogger((line) => process.stdout.write(`${line}\n`));

// Once per process, before the first event: what is wrong shows in the log at start. It is thrown by
// the handler and not here, so that a state machine sees the name ConfigurationError.
const started: Composed | ModelRollbackError = await start();

/** Answers one request (docs/reference/request.md). Keeps no state of an invocation. */
export async function handler(
  event: unknown,
  context?: InvocationContext,
): Promise<RollbackResponse | SweepReport> {
  const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
  const deadline = deadlineAfter(clock, remainingMs - limits.deadlineMarginMs);
  try {
    if (isModelRollbackError(started)) throw started;
    if (isSweep(event)) return await sweep(started.deps, deadline);
    const { request, warnings } = parseRequest(event);
    const invocationId = context?.awsRequestId ?? started.deps.identity.random();
    return await rollBack(started.deps, { request, warnings, invocationId, deadline });
  } catch (error) {
    logger.log('error', messageOf(error), {
      error: error instanceof Error ? error.name : 'unknown',
      code: isModelRollbackError(error) ? error.code : null,
    });
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

/** The input of the schedule. */
function isSweep(event: unknown): boolean {
  const isObject = typeof event === 'object' && event !== null;
  return isObject && 'sweep' in event && event.sweep === true && !('model_name' in event);
}
