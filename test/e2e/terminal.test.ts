/** The built command where a person works: questions, streams that are cut, narrow screens, old Nodes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { widthOf } from '../../src/cli/render/text-width.ts';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import { engine } from '../engines/engines.ts';
import { builtFile } from './built.ts';
import { runCommand } from './command.ts';
import type { Env } from './function-process.ts';
import { CTRL_C, CTRL_D, type Keyboard, runOnTerminal, typing } from './terminal.ts';
import { bareEnv, createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

const STAGES = ['Archived', 'Archived', 'Production'] as const;

let world: World;
let folder: string;
let proxy: HttpProxy;
/** Called when the request that moves the pointer is on its way. */
let onMove: () => void;

/** One machine: no AWS variable, notices go to the terminal. */
function localEnv(settings: Env = {}): Env {
  return bareEnv({ MLFLOW_TRACKING_URI: proxy.url, XDG_STATE_HOME: folder, ...settings });
}

describe.skipIf(isEngineMissing)(suiteTitle('model-rollback on a terminal'), () => {
  beforeAll(async () => {
    world = await createWorld();
    folder = mkdtempSync(join(tmpdir(), 'model-rollback-terminal-'));
    onMove = () => undefined;
    proxy = await startHttpProxy(engine('mlflow').url, ({ path }) => {
      if (path.endsWith('/model-versions/transition-stage')) onMove();
      return { kind: 'pass' };
    });
  });
  afterAll(async () => {
    await proxy?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  describe('at the question', () => {
    test.each([
      ['Ctrl-C', CTRL_C],
      ['Ctrl-D', CTRL_D],
      ['n', 'n\n'],
      ['nothing but Enter', '\n'],
      ['anything that is no yes', 'yy\n'],
      ['a yes that is not sent off', `y${CTRL_D}${CTRL_D}`],
    ])('%s declines', async (_name, keys) => {
      const model = await world.model(STAGES);
      const before = await world.everything(model);

      const { exitCode, screen } = await runOnTerminal(['apply', model], world.env(), typing(keys));

      expect(exitCode).toBe(3);
      const [, after = ''] = screen.split('[y/N] ');
      // The first line is what the terminal shows of the keys.
      expect(after.trimEnd().split(/\r?\n/).slice(1)).toEqual(['Declined. Nothing was done.']);
      expect(await world.everything(model)).toEqual(before);
    });

    test('a terminal that is gone declines', async () => {
      const model = await world.model(STAGES);
      const before = await world.everything(model);

      const { exitCode } = await runOnTerminal(['apply', model], world.env());

      expect(exitCode).toBe(3);
      expect(await world.everything(model)).toEqual(before);
    });

    test('says which store it is, what moves and why, and asks without a version that is not', async () => {
      const model = await world.model(['Archived', 'None']);

      const { screen, exitCode } = await runOnTerminal(
        ['apply', model, '--to', '1'],
        world.env(),
        typing('y\n'),
      );

      expect(screen).toContain(`state  dynamodb:${world.tableName} (eu-west-1)`);
      expect(screen).toContain(`Move stage:Production of ${model} to 1? [y/N]`);
      expect(exitCode).toBe(0);
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    });

    test('a terminal that is cut after the move ends nothing', async () => {
      const model = await world.model(STAGES);
      const { promise: moving, resolve } = Promise.withResolvers<void>();
      onMove = resolve;
      const env = world.env({ MLFLOW_TRACKING_URI: proxy.url });

      const { exitCode } = await runOnTerminal(['apply', model], env, {
        answer: async ({ type, hangUp }) => {
          type('y\n');
          await moving;
          hangUp();
        },
      });

      expect(exitCode).toBe(0);
      await expectDone(model);
      expect(await world.notices(model)).toHaveLength(1);
    });
  });

  describe('a stream that nobody reads any more', () => {
    test.each([
      ['stdout', 'before the move'],
      ['stderr', 'before the move'],
      ['stdout', 'after the move'],
      ['stderr', 'after the move'],
    ] as const)('%s, %s, changes nothing', async (stream, when) => {
      const model = await world.model(STAGES);
      // As JSON a notice goes to stderr after the move, and the answer to stdout.
      const child = spawnCommand(['apply', model, '--yes', '--json'], localEnv());
      if (when === 'before the move') child[stream]?.destroy();
      else onMove = () => void child[stream]?.destroy();

      expect(await exitCodeOf(child)).toBe(0);
      await expectDone(model);
      const { json } = await runCommand(['history', model, '--json'], localEnv());
      expect(json).toMatchObject([{ outcome: 'ROLLED_BACK', notified: true }]);
    });

    test('both, by a pipe into head', async () => {
      const model = await world.model(STAGES);
      const main = builtFile('dist/cli/main.js');
      const script = '"$@" 2>&1 | head -n 1; echo "exit $PIPESTATUS"';
      const args = ['-c', script, 'bash', process.execPath, main, 'apply', model, '--yes'];

      const { stdout } = spawnSync('bash', args, { env: world.env(), encoding: 'utf8' });

      expect(stdout).toBe(`state  dynamodb:${world.tableName} (eu-west-1)\nexit 0\n`);
      await expectDone(model);
      expect(await world.notices(model)).toHaveLength(1);
    });
  });

  describe('a success', () => {
    test('ends with what to do, and a command that brings the version back', async () => {
      const model = await world.model(STAGES, "it's a `model` of $HOME");
      const { stdout, exitCode } = await runCommand(['apply', model, '--yes'], world.env());

      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/\n {2}reload +Servers that loaded version 3 .*restart or reload/);
      expect(stdout).toMatch(
        /\n {2}quarantine +Version 3 is not chosen again\. To allow it: model-rollback release /,
      );
      expect(stdout).toMatch(/\n {2}next +The next rollback is allowed at \d{4}-[\d-]+T[\d:]+Z\./);
      const [, undo = ''] = /\n {2}undo +(model-rollback .+)\n/.exec(stdout) ?? [];
      const undone = await paste(`${undo} --yes --json`, world.env());

      expect(undone).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '3' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    });

    test('names the command of a refusal, which works too', async () => {
      const model = await world.model(STAGES, "it's a `model` of $HOME");
      await runCommand(['apply', model, '--yes'], world.env());

      const refused = await runCommand(['apply', model, '--yes'], world.env());

      expect(refused.exitCode).toBe(3);
      const lines = refused.stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[1]).toMatch(/^ {2}COOLDOWN {2}The last rollback .* is allowed at .*Z\.$/);
      const [, command = ''] =
        /^ {2}Wait until then; to do it now: (.*)$/.exec(lines[2] ?? '') ?? [];
      expect(await paste(`${command} --yes --json`, world.env())).toMatchObject({
        outcome: 'ROLLED_BACK',
        to_version: '1',
      });
      // The person saw it: people on the topic are not bothered.
      const subjects = (await world.notices(model)).map(({ subject }) => subject.split(':')[0]);
      expect(subjects).toEqual(['Model Rollback', 'Model Rollback']);
    });
  });

  describe('history and status', () => {
    test.each([80, 120])('fit %i columns', async (columns) => {
      const settings = { XDG_STATE_HOME: mkdtempSync(join(folder, 'fit-')) };
      const names = [
        'm',
        `models_${'very-long-'.repeat(12)}name`,
        '株価予測モデル',
        'ｅ́'.repeat(30),
      ];
      for (const name of names) {
        const model = await world.model(STAGES, name);
        await runCommand(['apply', model, '--yes', '--alarm', name], localEnv(settings));
        await runCommand(['apply', model, '--yes', '--to', '1'], localEnv(settings));
        await expectFit(['status', model], columns, settings);
      }
      await expectFit(['history'], columns, settings);
      await expectFit(['status'], columns, settings);
    });
  });

  describe('status --watch', () => {
    test.each([
      ['Ctrl-C', ({ type }: Keyboard) => type(CTRL_C)],
      ['a terminal that is gone', ({ hangUp }: Keyboard) => hangUp()],
    ])('is ended by %s, cleanly', async (_name, stop) => {
      const settings = { XDG_STATE_HOME: mkdtempSync(join(folder, 'watch-')) };
      const model = await world.model(STAGES);
      await runCommand(['apply', model, '--yes'], localEnv(settings));
      await runCommand(['pause', model, '--reason', 'noisy'], localEnv(settings));

      const { exitCode, screen } = await runOnTerminal(['status', '--watch'], localEnv(settings), {
        at: 'Ctrl-C ends it.',
        answer: async (keyboard) => stop(keyboard),
      });

      expect(exitCode).toBe(0);
      expect(screen).toContain('1 of 1 model needs you: 1 paused.');
      expect(screen).not.toContain('Error');
    });
  });

  describe('an old Node', () => {
    const isOld = (path: string): boolean => {
      const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
      return Number(/^v(\d+)/.exec(stdout ?? '')?.[1] ?? 99) < 24;
    };
    const folders = (process.env['PATH'] ?? '').split(delimiter);
    const old = [...folders.map((path) => join(path, 'node')), '/usr/bin/node'].find(isOld);
    const line =
      /^model-rollback needs Node 24 or later, and this is Node \d+\.\d+\.\d+ \(.*\)\. Install Node 24, then run the command again\.\n$/;

    test.skipIf(old === undefined)('gets one line (skipped where no old Node is installed)', () => {
      const { status, stdout, stderr } = spawnSync(
        old ?? '',
        [builtFile('dist/cli/main.js'), 'demo'],
        {
          encoding: 'utf8',
        },
      );
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(line);
    });

    test('gets it before anything else is loaded', () => {
      const pretend = "Object.defineProperty(process,'versions',{value:{node:'18.0.0'}})";
      const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
      const args = ['--import', preload, builtFile('dist/cli/main.js'), 'history'];
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect(status).toBe(1);
      expect(stderr).toMatch(line);
    });
  });
});

// ---------------------------------------------------------------------------------------------------

function spawnCommand(args: readonly string[], env: Env): ChildProcess {
  const main = builtFile('dist/cli/main.js');
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.resume();
  return child;
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('exit', resolve);
  return await promise;
}

/** The pointer was moved, and both versions say so in MLflow: nothing was left out after the move. */
async function expectDone(model: string): Promise<void> {
  expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  const versions = await world.mlflow.versions(model);
  const tags = versions.flatMap(({ tags }) => Object.keys(tags)).toSorted();
  expect(tags).toEqual(['model_rollback.restored', 'model_rollback.rolled_back']);
}

/** Gives a command line to a shell, as a person does who pastes it. */
async function paste(line: string, env: Env): Promise<unknown> {
  const script = `model-rollback() { "$NODE" "$MAIN" "$@"; }\n${line}`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], {
    env: { ...env, NODE: process.execPath, MAIN: builtFile('dist/cli/main.js') },
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(`${line}\n${stderr}`);
  return JSON.parse(stdout);
}

/** No line is wider than the screen; only commands that are there to be copied may be. */
async function expectFit(args: readonly string[], columns: number, settings: Env): Promise<void> {
  const { screen, exitCode } = await runOnTerminal(args, localEnv(settings), { columns });
  expect(exitCode).toBe(0);
  const lines = screen.split(/\r?\n/).filter((line) => !/model-rollback|^state /.test(line));
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
}
