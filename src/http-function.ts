import { AsyncLocalStorage } from 'node:async_hooks';
import { Hono } from 'hono';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { clock } from './assemble.ts';
import { lambdaLogger } from './compose-lambda.ts';
import { composeLambdaHttp, type HttpParts } from './compose-lambda-http.ts';
import { configFromEnv } from './config/config-from-env.ts';
import { httpSecretFromEnv } from './config/http-secret-setting.ts';
import { RegistryUnavailableError } from './domain/errors.ts';
import { limits } from './domain/limits.ts';
import type { HandOver } from './http/http-call.ts';
import { errorAnswer } from './http/http-error.ts';
import { httpLimits } from './http/http-limits.ts';
import { type HttpSecret, parseHttpSecret } from './http/http-secret.ts';
import { makeService, type Service } from './http/service.ts';
import type { InvocationContext } from './lambda/function.ts';
import { metricsOf } from './lambda/metrics.ts';
import { type CallReport, logError } from './lambda/serve-call.ts';
import { writeLine, writeText } from './lambda/write-line.ts';
import { type Deadline, deadlineAfter } from './ports/deadline.ts';
import type { Logger } from './ports/logger.ts';

/**
 * The entry of the function behind a URL (docs/deploy/function-url.md). It answers what `serve` answers. Lambda stops
 * the process after an answer, so an alert and a webhook are handed over: as an asynchronous invocation of the same
 * function, which Lambda repeats when it throws.
 * @throws what a retry can cure, for what was handed over; nothing for a request
 */
export async function handler(event: unknown, context?: InvocationContext): Promise<unknown> {
  const remainingMs = context?.getRemainingTimeInMillis?.() ?? limits.defaultBudgetMs;
  const invocationId = context?.awsRequestId ?? 'unknown';
  const call: Call = {
    deadline: deadlineAfter(clock, remainingMs - limits.deadlineMarginMs),
    reports: [],
    functionName: context?.invokedFunctionArn ?? process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? '',
    logger: logger.forInvocation(invocationId),
  };
  try {
    return await calls.run(call, () => answer(event));
  } finally {
    const properties = { function_request_id: invocationId };
    for (const line of metricsOf(call.reports, clock.nowMs(), properties)) {
      writeLine(JSON.stringify(line));
    }
  }
}

// ---------------------------------------------------------------------------------------------------

interface Call {
  readonly deadline: Deadline;
  readonly reports: CallReport[];
  /** With the version or alias that the URL belongs to. */
  readonly functionName: string;
  readonly logger: Logger;
}

/** What is known of the event that is answered. */
const calls = new AsyncLocalStorage<Call>();
const logger = lambdaLogger(writeLine);
/** To the invocation that it belongs to. */
const callLogger: Logger = {
  log: (...line) => (calls.getStore()?.logger ?? logger).log(...line),
};
const newDeadline = (): Deadline =>
  calls.getStore()?.deadline ?? deadlineAfter(clock, limits.defaultBudgetMs);

interface Host {
  readonly service: Service;
  /** Answers the event of a request. */
  readonly request: ReturnType<typeof handle>;
}

/** What the function works with; made by the first event, and again by the next one where that failed. */
let parts: HttpParts | null = null;
let known: {
  readonly host: Host;
  readonly secret: string;
  readonly readAtMs: number;
} | null = null;

async function answer(event: unknown): Promise<unknown> {
  const isRequest = isHttp(event);
  try {
    const { request, service } = await hostNow();
    return isRequest ? await request(event) : await service.doHanded(event);
  } catch (error) {
    logError(callLogger, error);
    if (!isRequest) throw error;
    // A caller learns that it must come again, and no more: it has not shown a token yet.
    const why = new RegistryUnavailableError('The function is not set up. Its log says why.');
    const { error: shown } = errorAnswer(why);
    const headers = { 'content-type': 'application/json; charset=utf-8', 'retry-after': '5' };
    return { statusCode: 503, headers, body: `${JSON.stringify({ error: shown })}\n` };
  }
}

/** As Function URLs and HTTP APIs send them. */
function isHttp(event: unknown): event is LambdaEvent {
  if (typeof event !== 'object' || event === null) return false;
  return Object.hasOwn(event, 'rawPath') && Object.hasOwn(event, 'requestContext');
}

/** A token that is taken out of the secret is refused a little later. */
async function hostNow(): Promise<Host> {
  const age = clock.monotonicMs() - (known?.readAtMs ?? 0);
  if (known !== null && age < httpLimits.secretAgeMaxMs) return known.host;
  parts ??= await open();
  const readAtMs = clock.monotonicMs();
  try {
    const secret = await parts.readSecret(newDeadline());
    if (known?.secret !== secret) {
      known = { host: hostOf(serve(parts, parseHttpSecret(secret))), secret, readAtMs };
    }
  } catch (error) {
    if (known === null) throw error;
    logError(callLogger, error);
  }
  known = { ...known, readAtMs };
  return known.host;
}

async function open(): Promise<HttpParts> {
  const config = configFromEnv(process.env, 'lambda');
  const secretId = httpSecretFromEnv(process.env);
  for (const { code, message } of config.warnings) callLogger.log('warn', message, { code });
  return await composeLambdaHttp(config, secretId, { logger: callLogger, writeNotice: writeText });
}

function hostOf(service: Service): Host {
  const app = new Hono().all('*', ({ req: { raw } }) => service.fetch(raw));
  return { service, request: handle(app) };
}

function serve({ deps, evidence, workspace, invoke }: HttpParts, secret: HttpSecret): Service {
  const { tokens, grafanaSecret, mlflowSecret } = secret;
  const handOver: HandOver = async (handed, deadline) => {
    const functionName = calls.getStore()?.functionName ?? '';
    await invoke(functionName, JSON.stringify({ handed_over: handed }), deadline);
  };
  return makeService({
    deps,
    evidence,
    access: { kind: 'tokens', tokens },
    grafanaSecret,
    mlflow: mlflowSecret === null ? null : { secret: mlflowSecret, workspace },
    handOver,
    newDeadline,
    report: (report) => calls.getStore()?.reports.push(report),
  });
}
