/**
 * One execution environment of Lambda: a process that runs a built function on a Runtime API, frozen
 * between its invocations, and killed at the timeout.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './processes.ts';
import { type PostedError, type RuntimeApi, startRuntimeApi } from './runtime-api.ts';

export interface LambdaOptions {
  /** Folder with `index.mjs`, which exports `handler`. */
  readonly taskRoot: string;
  /** The process gets these variables, those that Lambda itself sets, and no other. */
  readonly env: Readonly<Record<string, string>>;
}

export interface LambdaInvocation {
  /** Lambda's own retries repeat it. @default a new one */
  readonly requestId?: string;
  /** @default 120 s, the timeout that the product asks for */
  readonly timeoutMs?: number;
  readonly traceId?: string;
  /** Called when the answer has come, at the moment of the freeze. */
  readonly onPosted?: () => void;
}

/** What the caller of an invocation sees. */
export type LambdaEnd =
  | { readonly kind: 'response'; readonly body: unknown }
  /** `errorType` is the error's name; `Sandbox.Timedout` or `Runtime.ExitError` when none was told. */
  | { readonly kind: 'error'; readonly error: PostedError };

export interface LambdaProcess {
  /** From the start of the process until it asked for its first event. */
  readonly initMs: number;
  /**
   * Thaws the process, gives it an event, and freezes it again as soon as it has posted its answer:
   * before it could do anything more.
   */
  invoke(event: unknown, invocation?: LambdaInvocation): Promise<LambdaEnd>;
  /** The process gets no more time, in the middle of whatever it does. */
  freeze(): void;
  /** Whatever the function left unfinished goes on. */
  thaw(): void;
  /**
   * Thaws it without an event, and waits until it ends because nothing is left to do: `exit code 0`.
   * What the function did not wait for is done by then.
   */
  drain(timeoutMs?: number): Promise<string>;
  /** What it has logged so far. */
  log(): string;
  /** SIGKILL, and everything of it goes away. */
  close(): Promise<void>;
}

/** The init phase failed; Lambda would try again, and tell the caller this. */
export class InitError extends Error {
  override readonly name = 'InitError';
  readonly posted: PostedError;

  constructor(posted: PostedError) {
    super(`${posted.errorType}: ${posted.errorMessage}`);
    this.posted = posted;
  }
}

const INIT_TIMEOUT_MS = 10_000;
const TIMEOUT_MS = 120_000;
const DRAIN_TIMEOUT_MS = 10_000;
const POLL_MS = 5;
export const LAMBDA_BOOTSTRAP: string = fileURLToPath(
  new URL('./lambda-bootstrap.mjs', import.meta.url),
);

/**
 * Starts a process and waits for the end of its init phase.
 * @throws InitError when the function could not be loaded
 */
export async function startLambda({ taskRoot, env }: LambdaOptions): Promise<LambdaProcess> {
  const api = await startRuntimeApi();
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-lambda-'));
  const logFile = join(folder, 'log');
  const startedAtMs = performance.now();
  const child = await startChild({
    command: process.execPath,
    args: [LAMBDA_BOOTSTRAP],
    cwd: taskRoot,
    env: { ...env, ...lambdaEnvironment(taskRoot, api.address) },
    logFile,
    ownFolder: folder,
  });
  const ended = endOf(child);
  const log = (): string => readFileSync(logFile, 'utf8');
  const close = async (): Promise<void> => {
    // At once: a frozen process would not notice anything milder.
    signal(child, 'SIGKILL');
    await child.stop();
    await api.close();
  };
  const init = await Promise.race([api.init, ended, patience(INIT_TIMEOUT_MS)]);
  if (typeof init === 'string') {
    const error = new Error(`the init phase ended (${init})\n${log()}`);
    await close();
    throw error;
  }
  if (init.kind === 'error') {
    await close();
    throw new InitError(init.error);
  }
  return {
    initMs: init.atMs - startedAtMs,
    invoke: async (event, invocation = {}) => {
      if (child.ended() !== null) throw new Error(`the process has ended: ${child.ended()}`);
      return await invoke({ api, child, ended }, event, invocation);
    },
    freeze: () => signal(child, 'SIGSTOP'),
    thaw: () => signal(child, 'SIGCONT'),
    drain: async (timeoutMs = DRAIN_TIMEOUT_MS) => {
      api.finish();
      signal(child, 'SIGCONT');
      return await Promise.race([ended, patience(timeoutMs)]);
    },
    log,
    close,
  };
}

/** What Lambda sets, beside what the owner of a function may set. */
export function lambdaEnvironment(taskRoot: string, address: string): Record<string, string> {
  return {
    AWS_LAMBDA_RUNTIME_API: address,
    LAMBDA_TASK_ROOT: taskRoot,
    _HANDLER: 'index.handler',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: 'model-rollback',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/model-rollback',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0123456789abcdef',
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
  };
}

// ---------------------------------------------------------------------------------------------------

const FUNCTION_ARN = 'arn:aws:lambda:eu-west-1:000000000000:function:model-rollback';

interface Parts {
  readonly api: RuntimeApi;
  readonly child: Child;
  /** How the process ended. */
  readonly ended: Promise<string>;
}

async function invoke(
  { api, child, ended }: Parts,
  event: unknown,
  { requestId = randomUUID(), timeoutMs = TIMEOUT_MS, traceId, onPosted }: LambdaInvocation,
): Promise<LambdaEnd> {
  signal(child, 'SIGCONT');
  const served = {
    requestId,
    event,
    deadlineMs: Date.now() + timeoutMs,
    functionArn: FUNCTION_ARN,
    ...(traceId === undefined ? {} : { traceId }),
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    signal(child, 'SIGKILL');
  }, timeoutMs);
  const posted = api.serve(served, () => {
    signal(child, 'SIGSTOP');
    onPosted?.();
  });
  const end = await Promise.race([posted, ended]).finally(() => clearTimeout(timer));
  if (typeof end !== 'string') return end;
  const what = isLate
    ? failure('Sandbox.Timedout', `Task timed out after ${(timeoutMs / 1_000).toFixed(2)} seconds`)
    : failure('Runtime.ExitError', `Runtime exited: ${end}`);
  return {
    kind: 'error',
    error: { ...what, errorMessage: `RequestId: ${requestId} Error: ${what.errorMessage}` },
  };
}

function failure(errorType: string, errorMessage: string): PostedError {
  return { errorType, errorMessage, trace: [] };
}

async function endOf(child: Child): Promise<string> {
  for (;;) {
    const end = child.ended();
    if (end !== null) return end;
    await delay(POLL_MS);
  }
}

function patience(ms: number): Promise<string> {
  return delay(ms, `still at it after ${ms} ms`, { ref: false });
}

function signal(child: Child, name: NodeJS.Signals): void {
  if (child.ended() !== null) return;
  try {
    process.kill(child.pid, name);
  } catch (error) {
    // It has just ended, and nobody has told us yet.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
