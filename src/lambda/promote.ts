import type { PromotionDeps } from '../app/promote.ts';
import { clock } from '../assemble.ts';
import { lambdaLogger } from '../compose-lambda.ts';
import { composePromotion } from '../compose-promotion.ts';
import { configFromEnv } from '../config/config-from-env.ts';
import type { PromotionResponse } from '../domain/answer/promotion.ts';
import { isModelRollbackError, type ModelRollbackError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { deadlineAfter } from '../ports/deadline.ts';
import { answerPromotion } from './answer-promotion.ts';
import type { InvocationContext } from './function.ts';
import { metricsOf } from './metrics.ts';
import { type CallReport, logError } from './serve-call.ts';
import { writeLine, writeText } from './write-line.ts';

const logger = lambdaLogger(writeLine);
// Thrown by the handler and not here, so that a state machine sees the name ConfigurationError.
const started = await compose();

/**
 * The entry of the function that promotes (docs/reference/promote.md). It is a bundle of its own, so that nothing of
 * it is loaded where a rollback is waited for. Keeps no state of an invocation.
 */
export async function handler(
  event: unknown,
  context?: InvocationContext,
): Promise<PromotionResponse> {
  const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
  const deadline = deadlineAfter(clock, remainingMs - limits.deadlineMarginMs);
  const reports: CallReport[] = [];
  const invocationId = context?.awsRequestId ?? 'unknown';
  const log = logger.forInvocation(invocationId);
  try {
    if (isModelRollbackError(started)) throw started;
    const deps = { ...started, logger: log };
    const report = (one: CallReport): void => void reports.push(one);
    return await answerPromotion(deps, event, { invocationId, deadline, report });
  } catch (error) {
    if (reports.length === 0) logError(log, error);
    throw error;
  } finally {
    const properties = { function_request_id: invocationId };
    for (const line of metricsOf(reports, clock.nowMs(), properties)) {
      writeLine(JSON.stringify(line));
    }
  }
}

// ---------------------------------------------------------------------------------------------------

async function compose(): Promise<PromotionDeps | ModelRollbackError> {
  try {
    const config = configFromEnv(process.env, 'lambda');
    for (const { code, message } of config.warnings) logger.log('warn', message, { code });
    return await composePromotion(config, { logger, writeNotice: writeText });
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    logger.log('error', error.message, { error: error.name });
    return error;
  }
}
