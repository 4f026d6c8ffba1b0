/**
 * The function and the command inside the process of the test: for what is decided behind them. What a
 * process adds (its arguments, environment, streams and exit code) is for `startFunction` and `runCommand`.
 */

import type { RollbackDeps } from '../../src/app/deps.ts';
import { type Composed, clock } from '../../src/assemble.ts';
import { run } from '../../src/cli/run.ts';
import { composeLambda, lambdaLogger } from '../../src/compose-lambda.ts';
import { configFromEnv } from '../../src/config/config-from-env.ts';
import { isModelRollbackError } from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { serveEvent } from '../../src/lambda/serve-event.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { pipes } from '../fakes/terminal.ts';
import { type CommandResult, commandResult } from './command.ts';
import type { Env } from './function-process.ts';
import type { Answer, Reply } from './reply.ts';

/** One command line, as `runCommand` runs it. */
export async function runInside(args: readonly string[], env: Env): Promise<CommandResult> {
  const streams = { out: '', err: '' };
  const exitCode = await within(env, () => run(args, pipes(streams, { env })));
  return commandResult(exitCode, { stdout: streams.out, stderr: streams.err });
}

/**
 * The first event of a function with that environment, as `src/lambda/function.ts` serves it.
 * @param around puts something in front of its calls @default nothing
 */
export async function serveInside(
  env: Env,
  event: unknown,
  around: (deps: RollbackDeps) => RollbackDeps = (deps) => deps,
): Promise<Reply> {
  const logger = lambdaLogger(() => undefined);
  const serving = {
    invocationId: 'inside',
    deadline: deadlineAfter(clock, limits.defaultBudgetMs),
    logger,
    clock,
    write: () => undefined,
  };
  let composed: Composed | undefined;
  try {
    return await within(env, async () => {
      const config = configFromEnv(env, 'lambda');
      composed = await composeLambda(config, { logger, writeNotice: () => undefined });
      const answer = await serveEvent(around(composed.deps), event, serving);
      return JSON.parse(JSON.stringify(answer)) as Answer;
    });
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    const { name: errorType, message, code } = error;
    return { errorType, message, code };
  } finally {
    composed?.close();
  }
}

// ---------------------------------------------------------------------------------------------------

let last: Promise<unknown> = Promise.resolve();

/** With that environment, which the SDK reads by itself, and no other variable; one after the other. */
function within<T>(env: Env, act: () => Promise<T>): Promise<T> {
  const next = last.then(async () => {
    const saved = process.env;
    process.env = { ...env };
    return await act().finally(() => {
      process.env = saved;
    });
  });
  last = next.catch(() => undefined);
  return next;
}
