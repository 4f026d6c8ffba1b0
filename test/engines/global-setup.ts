/**
 * Installs and starts the engines once per run, for all suites of the projects that use them.
 *
 * A missing interpreter lets the suites of that engine be skipped on a laptop, with a loud line. In
 * CI it fails the run: a skipped contract proves nothing there.
 */
import type { TestProject } from 'vitest/node';
import { MissingInterpreterError } from './install.ts';
import { chosenMLflow } from './mlflow-versions.ts';
import { startPostgresMLflow } from './postgres.ts';
import {
  GUARD_LOGIN,
  type RunningEngine,
  startDynamoDBLocal,
  startMiniStack,
  startMlflow,
} from './start.ts';

/** `guarded` is an MLflow that wants a login: GUARD_LOGIN, or one of a user that a suite creates. */
export type ServerName = 'mlflow' | 'dynamodb' | 'ministack' | 'guarded';

export type EngineState = { readonly url: string } | { readonly missing: string };

export type Engines = Readonly<Record<ServerName, EngineState>>;

declare module 'vitest' {
  export interface ProvidedContext {
    engines: Engines;
  }
}

const STARTERS: Readonly<Record<ServerName, () => Promise<RunningEngine>>> = {
  mlflow: startChosenMLflow,
  guarded: () => startMlflow({ basicAuth: GUARD_LOGIN }),
  dynamodb: startDynamoDBLocal,
  ministack: startMiniStack,
};

/** Of the whole run: each project that has this set-up loads a copy of this file. */
interface Run {
  readonly running: RunningEngine[];
  engines?: Promise<Engines>;
}
const RUN_KEY = Symbol.for('model-rollback: engines of this run');
const shared = globalThis as { [RUN_KEY]?: Run };
shared[RUN_KEY] ??= { running: [] };
const run = shared[RUN_KEY];

/** Starts all engines at once, for the first project that needs them; hands their URLs to its tests. */
export async function setup(project: TestProject): Promise<void> {
  run.engines ??= startAll();
  project.provide('engines', await run.engines);
}

/** Ends the engines that were started; the run calls it when the last project is done. */
export async function teardown(): Promise<void> {
  await Promise.all(run.running.splice(0).map((engine) => engine.stop()));
}

// ---------------------------------------------------------------------------------------------------

function startChosenMLflow(): Promise<RunningEngine> {
  const { version, database } = chosenMLflow();
  return database === 'postgresql' ? startPostgresMLflow() : startMlflow({ version });
}

async function startAll(): Promise<Engines> {
  const names = Object.keys(STARTERS) as ServerName[];
  const results = await Promise.allSettled(names.map(startOne));
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
  return Object.fromEntries(states) as Engines;
}

async function startOne(name: ServerName): Promise<[ServerName, EngineState]> {
  try {
    const startMs = performance.now();
    const engine = await STARTERS[name]();
    run.running.push(engine);
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
