/** A real MLflow server on a private PostgreSQL cluster: other locks than SQLite's, so other races. */
import { chownSync, existsSync, globSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { engineFolder, installEngine, LOG_FOLDER } from './install.ts';
import { type Child, canRun, freePort, logTail, runToEnd, startChild } from './processes.ts';
import { type RunningEngine, startMlflow } from './start.ts';

const DRIVER = 'psycopg2-binary==2.9.13';
/** PostgreSQL refuses to run as root; these need not be anybody's own. */
const UNPRIVILEGED_ID = 65_534;
const STEP_TIMEOUT_MS = 120_000;
const READY_TIMEOUT_MS = 90_000;

export interface PostgresServer {
  /** With the only login. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** The folder with `initdb` and `postgres`, or null when this machine has none. */
export const postgresFolder: string | null = findFolder();

/** With CI=true a missing engine fails the run. */
export const isPostgresMissing: boolean = postgresFolder === null && process.env['CI'] !== 'true';

/** The title of a suite, with the reason when it is skipped. */
export function postgresTitle(text: string): string {
  return isPostgresMissing ? `${text} (skipped: no initdb and postgres on this machine)` : text;
}

/** Makes a cluster in a temporary folder, and starts PostgreSQL and MLflow on free loopback ports. */
export async function startPostgresMLflow(): Promise<RunningEngine> {
  await installEngine('mlflow');
  const python = join(engineFolder('mlflow'), 'bin', 'python');
  if (!canRun(python, ['-c', 'import psycopg2'])) {
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check'];
    await run('install-psycopg2', python, [...pip, DRIVER], engineFolder('mlflow'));
  }
  const database = await startPostgres();
  try {
    const databaseUri = database.url.replace('postgres:', 'postgresql+psycopg2:');
    const server = await startMlflow({ databaseUri, workers: 2 });
    const stop = async (): Promise<void> => {
      await server.stop();
      await database.stop();
    };
    return { ...server, stop };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/** A private cluster on a free loopback port, without a password. */
export async function startPostgres(): Promise<PostgresServer> {
  if (postgresFolder === null) throw new Error('PostgreSQL is not on this machine');
  const ownFolder = mkdtempSync(join(tmpdir(), 'model-rollback-postgres-'));
  const data = join(ownFolder, 'data');
  const port = await freePort();
  if (isRoot()) chownSync(ownFolder, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const initdb = asNobody(join(postgresFolder, 'initdb'), [
    ...['-D', data, '-U', 'mlflow', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
  ]);
  await run('postgres-initdb', initdb.command, initdb.args, ownFolder);
  const logFile = join(LOG_FOLDER, `postgres-${port}.log`);
  const postgres = asNobody(join(postgresFolder, 'postgres'), [
    ...['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', ownFolder, '-F'],
  ]);
  const child = await startChild({ ...postgres, cwd: ownFolder, logFile, ownFolder });
  const isReady = ['-h', '127.0.0.1', '-p', String(port), '-U', 'mlflow', '-d', 'postgres'];
  const probe = join(postgresFolder, 'pg_isready');
  await readyOrThrow(child, logFile, () => canRun(probe, isReady));
  return { url: `postgres://mlflow@127.0.0.1:${port}/postgres`, stop: () => child.stop() };
}

// ---------------------------------------------------------------------------------------------------

/** Waits until PostgreSQL takes connections; ends it when it never does. */
async function readyOrThrow(child: Child, logFile: string, isReady: () => boolean): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!isReady()) {
    const ended = child.ended();
    if (ended !== null || performance.now() > deadline) {
      await child.stop();
      throw new Error(`PostgreSQL is not ready: ${ended ?? 'no answer'}\n${logTail(logFile)}`);
    }
    await delay(100);
  }
}

async function run(
  name: string,
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<void> {
  const logFile = join(LOG_FOLDER, `${name}.log`);
  await runToEnd({ command, args, cwd, logFile, timeoutMs: STEP_TIMEOUT_MS });
}

function asNobody(
  command: string,
  args: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  if (!isRoot()) return { command, args };
  const id = String(UNPRIVILEGED_ID);
  const drop = [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--', command, ...args];
  return { command: 'setpriv', args: drop };
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function findFolder(): string | null {
  const installed = globSync('/usr/lib/postgresql/*/bin').toSorted().toReversed();
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  const needed = ['initdb', 'postgres', 'pg_isready'];
  const isWhole = (folder: string): boolean =>
    folder !== '' && needed.every((name) => existsSync(join(folder, name)));
  return [...installed, ...onPath].find(isWhole) ?? null;
}
