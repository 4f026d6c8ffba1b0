/** Runs the built command on a terminal, for what it asks a person. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { builtFile } from './built.ts';
import type { Env } from './function-process.ts';

export interface TerminalResult {
  readonly exitCode: number;
  /** Both streams as the terminal showed them. */
  readonly screen: string;
}

/** What a person can do. */
export interface Keyboard {
  type(keys: string): void;
  /** The terminal is gone: its other end is closed. */
  hangUp(): void;
}

export interface TerminalOptions {
  /** Called when the question, or `at`, is on the screen. */
  readonly answer?: (keyboard: Keyboard) => Promise<void>;
  /** @default the question */
  readonly at?: string;
  /** @default 120 */
  readonly columns?: number;
}

export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';

/** Types this at the question. */
export function typing(keys: string): TerminalOptions {
  return { answer: async ({ type }) => type(keys) };
}

const TIMEOUT_MS = 60_000;
const QUESTION = '[y/N] ';

/** Node has no pseudo-terminals; Python's standard library has, and MLflow needs Python anyway. */
const PTY_SCRIPT = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
`;

/** The exit code goes to a file: where the terminal is gone, nobody else is left to hear it. */
const SHELL_SCRIPT = `
trap : HUP
stty cols "$1"; file=$2; shift 2
"$@"
echo $? > "$file.part" && mv "$file.part" "$file"
`;

/** One command line on a terminal of its own. */
export async function runOnTerminal(
  args: readonly string[],
  env: Env,
  { answer = async ({ hangUp }) => hangUp(), at = QUESTION, columns = 120 }: TerminalOptions = {},
): Promise<TerminalResult> {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-terminal-'));
  const file = join(folder, 'exit-code');
  const command = [process.execPath, builtFile('dist/cli/main.js'), ...args];
  const shell = ['bash', '-c', SHELL_SCRIPT, 'bash', String(columns), file, ...command];
  const child = spawn('python3', ['-c', PTY_SCRIPT, ...shell], {
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let screen = '';
  let isAnswered = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (isAnswered || !screen.includes(at)) return;
    isAnswered = true;
    const type = (keys: string): void => void child.stdin.write(keys);
    // It holds the other end.
    const hangUp = (): void => void child.kill('SIGKILL');
    answer({ type, hangUp }).catch(reject);
  });
  child.once('error', reject);
  child.once('close', () => resolve());
  try {
    await promise;
    return { exitCode: await readExitCode(file, screen), screen };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ---------------------------------------------------------------------------------------------------

async function readExitCode(file: string, screen: string): Promise<number> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!existsSync(file)) {
    if (performance.now() > deadline) throw new Error(`it did not end by itself:\n${screen}`);
    await delay(50);
  }
  return Number(readFileSync(file, 'utf8'));
}
