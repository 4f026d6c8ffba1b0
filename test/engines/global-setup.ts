/**
 * Installs and starts the engines once per run of the `engines` project, for all its suites.
 *
 * A missing interpreter lets the suites of that engine be skipped on a laptop, with a loud line. In
 * CI it fails the run: a skipped contract proves nothing there.
 */
import type { TestProject } from 'vitest/node';
import { ENGINE_NAMES, type EngineName, MissingInterpreterError } from './install.ts';
import { type RunningEngine, startDynamoDBLocal, startMiniStack, startMlflow } from './start.ts';

export type EngineState = { readonly url: string } | { readonly missing: string };

export type Engines = Readonly<Record<EngineName, EngineState>>;

declare module 'vitest' {
  export interface ProvidedContext {
    engines: Engines;
  }
}

const STARTERS: Readonly<Record<EngineName, () => Promise<RunningEngine>>> = {
  mlflow: startMlflow,
  dynamodb: startDynamoDBLocal,
  ministack: startMiniStack,
};

const running: RunningEngine[] = [];

/** Starts all engines at once and hands their URLs to the tests. */
export async function setup(project: TestProject): Promise<void> {
  const results = await Promise.allSettled(ENGINE_NAMES.map(startOne));
  const reasons = results
    .filter((result) => result.status === 'rejected')
    .map((result) => result.reason);
  if (reasons.length > 0) {
    await teardown();
    throw new AggregateError(reasons, reasons.map(String).join('\n'));
  }
  const states = results
    .filter((result) => result.status === 'fulfilled')
    .map((result) => result.value);
  project.provide('engines', Object.fromEntries(states) as Engines);
}

/** Ends the engines that were started. */
export async function teardown(): Promise<void> {
  await Promise.all(running.splice(0).map((engine) => engine.stop()));
}

async function startOne(name: EngineName): Promise<[EngineName, EngineState]> {
  try {
    const startMs = performance.now();
    const engine = await STARTERS[name]();
    running.push(engine);
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    console.error(`engines: ${name} at ${engine.url} after ${seconds} s`);
    return [name, { url: engine.url }];
  } catch (error) {
    if (!(error instanceof MissingInterpreterError) || process.env['CI'] === 'true') {
      throw error;
    }
    console.error(`\n*** SKIPPED: every suite that needs ${name}: ${error.message} ***\n`);
    return [name, { missing: error.message }];
  }
}
