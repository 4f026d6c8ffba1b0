import { type ComparisonAnswer, compareModels, keptFor } from '../app/compare-models.ts';
import { clock } from '../assemble.ts';
import { lambdaLogger } from '../compose-lambda.ts';
import { composeLambdaComparison } from '../compose-lambda-compare.ts';
import { configFromEnv } from '../config/config-from-env.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { parseCompareRequest } from '../domain/request/compare-request.ts';
import { deadlineAfter } from '../ports/deadline.ts';
import { writeLine, writeText } from './write-line.ts';

/** The function compare-models (docs/reference/compare.md). An error of ours is answered with KEEP, never thrown. */
export async function handler(
  event: unknown,
  context?: { readonly awsRequestId?: string; getRemainingTimeInMillis?(): number },
): Promise<ComparisonAnswer> {
  const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
  const deadline = deadlineAfter(clock, remainingMs - limits.deadlineMarginMs);
  const log = logger.forInvocation(context?.awsRequestId ?? 'unknown');
  try {
    const { table, ...asked } = parseCompareRequest(event);
    const rows = table === null ? null : { table };
    composed ??= composeLambdaComparison(configFromEnv(process.env, 'lambda'), {
      logger,
      writeNotice: writeText,
    });
    const answer = await compareModels(await composed, { ...asked, rows }, () => deadline);
    const { model_name: model, decision, confidence, evidence_sha256: evidence } = answer;
    log.log('info', 'compared', { model, decision, confidence, evidence });
    return answer;
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    // What could not be set up is tried again by the next event.
    if (error.name === 'ConfigurationError') composed = null;
    const { name, code, message } = error;
    log.log('error', 'not compared, the champion stays', { error: name, code, why: message });
    return keptFor(error, namesIn(event));
  }
}

// ---------------------------------------------------------------------------------------------------

const logger = lambdaLogger(writeLine);
let composed: ReturnType<typeof composeLambdaComparison> | null = null;

/** As far as an event that may be wrong has them. */
function namesIn(event: unknown): Parameters<typeof keptFor>[1] {
  const fields: Readonly<Record<string, unknown>> =
    typeof event === 'object' && event !== null ? { ...event } : {};
  const text = (name: string): string | null => {
    const value = fields[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    modelName: text('model_name') ?? '',
    champion: text('champion_version'),
    challenger: text('challenger_version'),
  };
}
