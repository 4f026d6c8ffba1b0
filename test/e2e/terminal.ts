/** Runs the built command on a terminal, for what it asks a person. */
import { spawn } from 'node:child_process';
import { builtFile } from './built.ts';
import type { Env } from './function-process.ts';

export interface TerminalResult {
  readonly exitCode: number;
  /** Both streams as the terminal showed them. */
  readonly screen: string;
}

const TIMEOUT_MS = 60_000;
const QUESTION = '[y/N]';

/** Node has no pseudo-terminals; Python's standard library has, and MLflow needs Python anyway. */
const PTY_SCRIPT = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
`;

/** One command line; `answer` is called when the question is on the screen, and gives what is typed. */
export async function runOnTerminal(
  args: readonly string[],
  env: Env,
  answer: () => Promise<string>,
): Promise<TerminalResult> {
  const main = builtFile('dist/cli/main.js');
  const child = spawn('python3', ['-c', PTY_SCRIPT, process.execPath, main, ...args], {
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let screen = '';
  let isAnswered = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (isAnswered || !screen.includes(QUESTION)) return;
    isAnswered = true;
    answer().then((typed) => child.stdin.write(`${typed}\n`), reject);
  });
  child.once('error', reject);
  child.once('close', (code, signal) => {
    if (code !== null) resolve(code);
    else reject(new Error(`model-rollback ${args.join(' ')}: ${signal}\n${screen}`));
  });
  return { exitCode: await promise, screen };
}
