/**
 * A shell of a newcomer who pastes the commands of a page, in a folder of its own, with MiniStack as AWS. A
 * command that fails, or a variable that nothing has set, ends it.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Tool } from '../engines/tools.ts';
import { builtFile } from './built.ts';
import { bareEnv, type Settings } from './world.ts';

export interface Shell {
  readonly folder: string;
  /** Runs commands with the variables of those before; answers what they print to stdout. */
  run(commands: string): Promise<string>;
  /** Ends it, and deletes its folder. */
  close(): Promise<void>;
}

export interface ShellOptions {
  /** @default there is no command aws */
  readonly awscli?: Tool;
  /** Folders of further commands. */
  readonly path?: readonly string[];
  readonly settings: Settings;
}

const TIMEOUT_MS = 100_000;

export function openShell({ awscli, settings, path: others = [] }: ShellOptions): Shell {
  const command = builtFile('dist/cli/main.js');
  const root = mkdtempSync(join(tmpdir(), 'model-rollback-shell-'));
  const [folder, bin] = [join(root, 'work'), join(root, 'bin')];
  mkdirSync(folder);
  mkdirSync(bin);
  symlinkSync(command, join(bin, 'model-rollback'));
  if (awscli !== undefined) addAws(awscli, bin);
  const path = [bin, ...others, dirname(process.execPath), process.env['PATH']];
  const child = spawn('bash', ['--noprofile', '--norc', '-euo', 'pipefail'], {
    cwd: folder,
    env: bareEnv({ ...settings, HOME: root, PATH: path.join(delimiter) }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Of a shell that has ended; that end is what the caller sees.
  child.stdin.on('error', () => undefined);
  const output = { stdout: '', stderr: '' };
  let onChange = (): void => undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      onChange();
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let count = 0;
  return {
    folder,
    run: async (commands) => {
      count += 1;
      const mark = `--- end ${count} ---`;
      const script = join(root, `${count}.sh`);
      writeFileSync(script, commands);
      Object.assign(output, { stdout: '', stderr: '' });
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const fail = (why: string): void => {
        reject(new Error(`${why}\n${commands}\n${output.stdout}\n${output.stderr}`));
      };
      onChange = () => {
        const { stdout } = output;
        if (stdout.endsWith(`${mark}\n`)) resolve(stdout.slice(0, -mark.length - 1).trimEnd());
      };
      void ended.then(() => fail('a command failed:'));
      const timer = setTimeout(() => fail(`not done within ${TIMEOUT_MS} ms:`), TIMEOUT_MS);
      // Commands must not read what is typed after them.
      child.stdin.write(`. ${script} < /dev/null\necho '${mark}'\n`);
      return await promise.finally(() => clearTimeout(timer));
    },
    close: async () => {
      child.stdin.end();
      child.kill();
      await ended;
      rmSync(root, { recursive: true, force: true });
    },
  };
}

// ---------------------------------------------------------------------------------------------------

/** Its commands for SQS take AWS's own address for one that was given, and then AWS_ENDPOINT_URL is not read. */
function addAws(awscli: Tool, bin: string): void {
  const aws = join(awscli.folder, 'bin', 'aws');
  const script = `#!/bin/sh\nexec '${aws}' --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n`;
  writeFileSync(join(bin, 'aws'), script, { mode: 0o755 });
}
