/**
 * Start-up as Lambda sees it, under its Runtime API: from the start of the process until it asks for
 * its first event (the init phase), and until it has answered that.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LAMBDA_BOOTSTRAP, lambdaEnvironment } from '../test/engines/lambda-process.ts';
import { startRuntimeApi } from '../test/engines/runtime-api.ts';
import { type Figure, pairFigure } from './figures.ts';
import { newModels, type World } from './world.ts';

interface Kind {
  readonly command: string;
  readonly script: string;
  /** Folder of the function. */
  readonly taskRoot: string;
  readonly isRollback: boolean;
}

interface StartTimes {
  readonly initMs: number;
  /** With the init phase. */
  readonly answeredMs: number;
}

const timeoutMs = 60_000;

/** The promise of a cold rollback, kept under Lambda's own protocol too. */
const answeredBudget = 0.2;

export async function measureRuntime(world: World, runs: number): Promise<readonly Figure[]> {
  const kinds = kindsOf(world);
  const times: readonly StartTimes[][] = kinds.map(() => []);
  // One round more, not counted: it fills the caches of the disk and compiles Python's byte code.
  const names = [...(await newModels(world, kinds.length * (runs + 1)))];
  for (let run = 0; run <= runs; run += 1) {
    // Each kind is first, second and third equally often: what comes before leaves its trace.
    for (let turn = 0; turn < kinds.length; turn += 1) {
      const index = (run + turn) % kinds.length;
      const kind = kinds[index];
      if (kind === undefined) throw new Error('no such kind');
      const figures = await startOnce(world, kind, names.pop() ?? '');
      if (run > 0) times[index]?.push(figures);
    }
  }
  const [ours = [], empty = [], python = []] = times;
  const compare = (
    what: string,
    against: string,
    theirs: readonly StartTimes[],
    pick: (times: StartTimes) => number,
    budget: number | null = null,
  ): Figure =>
    pairFigure({
      what,
      unit: 'ms',
      ours: ours.map(pick),
      against,
      theirs: theirs.map(pick),
      budget,
    });
  const [init, answered] = ['Lambda: init phase', 'Lambda: start to answered'];
  return [
    compare(init, 'empty handler', empty, ({ initMs }) => initMs),
    compare(init, 'Python', python, ({ initMs }) => initMs),
    compare(answered, 'empty handler', empty, ({ answeredMs }) => answeredMs),
    compare(answered, 'Python', python, ({ answeredMs }) => answeredMs, answeredBudget),
  ];
}

// ---------------------------------------------------------------------------------------------------

/** Ours, one that does nothing, and the one in Python. */
function kindsOf(world: World): readonly Kind[] {
  const bundleFolder = dirname(world.bundle);
  const emptyFolder = join(bundleFolder, 'empty');
  mkdirSync(emptyFolder, { recursive: true });
  const code = 'export async function handler() {\n  return null;\n}\n';
  writeFileSync(join(emptyFolder, 'index.mjs'), code);
  const node = { command: process.execPath, script: LAMBDA_BOOTSTRAP };
  return [
    { ...node, taskRoot: bundleFolder, isRollback: true },
    { ...node, taskRoot: emptyFolder, isRollback: false },
    {
      command: world.python,
      script: join(import.meta.dirname, 'python-runtime.py'),
      taskRoot: import.meta.dirname,
      isRollback: true,
    },
  ];
}

async function startOnce(world: World, kind: Kind, modelName: string): Promise<StartTimes> {
  const { command, script, taskRoot } = kind;
  const api = await startRuntimeApi();
  const startedAtMs = performance.now();
  const child = spawn(command, [script], {
    env: { ...world.env, ...lambdaEnvironment(taskRoot, api.address) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(String(error)));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    const init = await Promise.race([api.init, ended]);
    if (typeof init === 'string' || init.kind === 'error') throw new Error(JSON.stringify(init));
    const posted = await Promise.race([
      api.serve({
        requestId: randomUUID(),
        event: { model_name: modelName, reason: 'PERFORMANCE_DEGRADATION' },
        deadlineMs: Date.now() + 2 * timeoutMs,
        functionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:bench',
      }),
      ended,
    ]);
    if (typeof posted === 'string' || posted.kind === 'error') {
      throw new Error(JSON.stringify(posted));
    }
    const { rolled_back: isDone } = { rolled_back: false, ...(posted.body as object | null) };
    if (isDone !== kind.isRollback) throw new Error(JSON.stringify(posted.body));
    return { initMs: init.atMs - startedAtMs, answeredMs: posted.atMs - startedAtMs };
  } catch (error) {
    throw new Error(`${script} was not measured:\n${said.slice(-2_000)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await ended;
    await api.close();
  }
}
