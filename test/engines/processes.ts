/**
 * Child processes that never outlive the process that started them.
 *
 * Each child leads a process group of its own, so that its helpers (MLflow's workers) end with it.
 * A guard, a small shell, holds a pipe to the parent: when the parent ends, however it ends, the
 * pipe closes and the guard ends the group. Exit hooks alone would miss a SIGKILL.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const TERM_GRACE_MS = 4_000;
const KILL_GRACE_MS = 4_000;
const LOG_TAIL_LINES = 25;

const GUARD_SCRIPT = `
cat >/dev/null
kill -s TERM -- "-$1" 2>/dev/null
sleep 3
kill -s KILL -- "-$1" 2>/dev/null
test -z "$2" || rm -rf -- "$2"
`;

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Takes the place of an earlier log of that name. */
  readonly logFile: string;
  /** A folder that goes away together with the process. */
  readonly ownFolder?: string;
}

export interface Child {
  readonly pid: number;
  /** Null as long as the process runs. */
  ended(): string | null;
  /** SIGTERM to the group, then SIGKILL; safe to call twice. */
  stop(): Promise<void>;
}

/** Starts a command in its own process group, its output in a log file, under a guard. */
export async function startChild(options: ChildOptions): Promise<Child> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'w');
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  await spawned(child);
  const pid = child.pid;
  if (pid === undefined) {
    throw new Error(`${options.command} has no process id`);
  }
  const guard = startGuard(pid, options.ownFolder);
  let ending: string | null = null;
  child.once('exit', (code, signal) => {
    ending = signal === null ? `exit code ${code}` : `signal ${signal}`;
    // A leader that crashed may leave its workers behind, still holding the port.
    signalGroup(pid, 'SIGKILL');
    guard.kill('SIGKILL');
  });
  // A script that forgets to stop its engines can still end; the guard then ends them.
  child.unref();
  let stopping: Promise<void> | undefined;
  const ended = (): string | null => ending;
  const stop = (): Promise<void> => {
    stopping ??= stopChild({ pid, child, ended, ownFolder: options.ownFolder });
    return stopping;
  };
  return { pid, ended, stop };
}

/** Runs a command to its end; throws with the tail of its log when it fails. */
export async function runToEnd(options: ChildOptions & { timeoutMs: number }): Promise<void> {
  const child = await startChild(options);
  const deadline = performance.now() + options.timeoutMs;
  while (child.ended() === null) {
    if (performance.now() > deadline) {
      await child.stop();
      throw new Error(
        `${options.command} took more than ${options.timeoutMs} ms\n${logTail(options.logFile)}`,
      );
    }
    await delay(50);
  }
  if (child.ended() !== 'exit code 0') {
    const line = [options.command, ...options.args].join(' ');
    throw new Error(`${line}: ${child.ended()}\n${logTail(options.logFile)}`);
  }
}

/** Tells whether a command can be run at all and ends well. */
export function canRun(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** The last lines of a log file, for the message of an error. */
export function logTail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  return `--- end of ${logFile}\n${lines.join('\n')}\n---`;
}

/** A loopback port that was free a moment ago; another process may take it before its user does. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await anyPort();
    // The system may offer a port again before the engine that got it first has bound it.
    if (!portsGiven.has(port)) {
      portsGiven.add(port);
      return port;
    }
  }
}

const portsGiven = new Set<number>();

function anyPort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => {
      if (address === null || typeof address === 'string') {
        reject(new Error('a TCP server has no port'));
      } else {
        resolve(address.port);
      }
    });
  });
  return promise;
}

/** A signal to a whole process group; a group that has ended already is fine. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group has ended. EPERM: macOS says so of a group of zombies.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ESRCH' && code !== 'EPERM') {
      throw error;
    }
  }
}

function spawned(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('spawn', resolve);
  child.once('error', reject);
  return promise;
}

function startGuard(pid: number, ownFolder: string | undefined): ChildProcess {
  const args = ['-c', GUARD_SCRIPT, 'engine-guard', String(pid), ownFolder ?? ''];
  const guard = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  if (guard.stdin instanceof Socket) {
    guard.stdin.unref();
  }
  return guard;
}

interface StopOptions {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: () => string | null;
  readonly ownFolder: string | undefined;
}

async function stopChild({ pid, child, ended, ownFolder }: StopOptions): Promise<void> {
  child.ref();
  for (const [signal, graceMs] of [
    ['SIGTERM', TERM_GRACE_MS],
    ['SIGKILL', KILL_GRACE_MS],
  ] as const) {
    if (ended() === null) {
      signalGroup(pid, signal);
      await pollUntil(() => ended() !== null, graceMs);
    }
  }
  if (ended() === null) {
    throw new Error(`process ${pid} outlived SIGKILL`);
  }
  if (ownFolder !== undefined) {
    await rm(ownFolder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function pollUntil(isDone: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isDone() && performance.now() < deadline) {
    await delay(20);
  }
}
