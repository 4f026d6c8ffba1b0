/** Runs the built command as a process of its own, without a terminal. */
import { spawn } from 'node:child_process';
import { builtFile } from './built.ts';
import type { Env } from './function-process.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** All of stdout as one JSON value; throws, with both streams, when it is not one. */
  readonly json: unknown;
}

const TIMEOUT_MS = 60_000;

/** One command line; rejects when it does not end by itself. */
export async function runCommand(args: readonly string[], env: Env): Promise<CommandResult> {
  const main = builtFile('dist/cli/main.js');
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const streams = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    streams.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    streams.stderr += text;
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code, signal) => {
    if (code !== null) resolve(code);
    else reject(new Error(`model-rollback ${args.join(' ')}: ${signal}\n${streams.stderr}`));
  });
  return commandResult(await promise, streams);
}

/** What a command line came to. */
export function commandResult(
  exitCode: number,
  { stdout, stderr }: { readonly stdout: string; readonly stderr: string },
): CommandResult {
  return {
    exitCode,
    stdout,
    stderr,
    get json(): unknown {
      try {
        return JSON.parse(stdout);
      } catch {
        throw new Error(`stdout is not one JSON value:\n${stdout}\nstderr:\n${stderr}`);
      }
    },
  };
}
