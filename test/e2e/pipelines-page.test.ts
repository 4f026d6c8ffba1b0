/**
 * docs/deploy/pipelines.md, run: the steps of the two files for GitHub Actions, in their order, as a runner runs
 * them, with the built command, MLflow's own client and a real MLflow server (what installs is left out); and the
 * state machine, in MiniStack's interpreter on the built function.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ZipFile } from '../../tools/zip.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { engineFolder } from '../engines/install.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { chosenMLflow, mlflowName } from '../engines/mlflow-versions.ts';
import { type ExecutionEnd, StepFunctionsAdmin } from '../engines/step-functions.ts';
import { blocksOf } from '../fakes/pages.ts';
import { stepsOf } from '../fakes/pipeline-steps.ts';
import { builtFile, builtFunction } from './built.ts';
import { runCommand } from './command.ts';
import {
  bareEnv,
  createWorld,
  isEngineMissing,
  type Settings,
  suiteTitle,
  type World,
} from './world.ts';

interface StepResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const mlflow = engine('mlflow');
const blocks = blocksOf('docs/deploy/pipelines.md');
const [promote = '', operate = ''] = blocks
  .filter(({ section, language }) => section === 'GitHub Actions' && language === 'yaml')
  .map(({ text }) => text);
const steps = [...stepsOf(promote), ...stepsOf(operate)];
const stepIn = (file: string, name: string): string =>
  stepsOf(file).find((step) => step.name === name)?.shell ?? expect.fail(`no step ${name}`);

describe.skipIf(mlflow.isMissing)(mlflow.title('the pipelines page'), () => {
  const admin = new MLflowAdmin(mlflow.url);
  let root: string;
  let model: string;
  let run: (version: string, id: string) => (shell: string) => Promise<StepResult>;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'model-rollback-pipeline-'));
    const [work, bin] = [join(root, 'work'), join(root, 'bin')];
    for (const folder of [work, bin]) mkdirSync(folder);
    symlinkSync(builtFile('dist/cli/main.js'), join(bin, 'model-rollback'));
    const [code = ''] = blocks
      .filter(({ language }) => language === 'python')
      .map(({ text }) => text);
    writeFileSync(join(work, 'promote.py'), code);
    model = uniqueName('PascalStrategy');
    await admin.seedModel(model, ['None', 'None', 'None', 'None']);
    await admin.setAlias(model, 'champion', '1');
    const python = join(engineFolder(mlflowName(chosenMLflow().version)), 'bin');
    const file = join(root, 'github.env');
    run = (version, id) => {
      writeFileSync(file, '');
      return async (shell) =>
        await runStep(shell, work, {
          PATH: [bin, dirname(process.execPath), python, process.env['PATH']].join(delimiter),
          HOME: root,
          MODEL: model,
          VERSION: version,
          APPROVE_ID: `${model}/0123456789abcdef`,
          MLFLOW_TRACKING_URI: mlflow.url,
          ROLLBACK_POINTER: 'alias:champion',
          ROLLBACK_STORE: `sqlite:${join(root, 'state.sqlite')}`,
          GITHUB_ENV: file,
          GITHUB_RUN_ID: id,
          ...variablesIn(readFileSync(file, 'utf8')),
        });
    };
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const live = async (): Promise<string | undefined> => (await admin.aliases(model))['champion'];
  const promoteVersion = async (version: string, id: string): Promise<typeof step> => {
    const step = run(version, id);
    for (const name of [
      'Ask whether the version may be promoted',
      'Promote',
      'Report the promotion',
    ]) {
      const { exitCode, stdout, stderr } = await step(stepIn(promote, name));
      expect(exitCode, `${name}: ${stdout}${stderr}`).toBe(0);
    }
    return step;
  };

  test('promotes, reports what the version replaced, and rolls back when the test fails', async () => {
    // Version 2 was never live.
    const step = await promoteVersion('3', '1001');
    expect(await live()).toBe('3');
    const failed = await step(stepIn(promote, 'Roll back'));
    expect(failed.exitCode, failed.stderr).toBe(0);
    const answer: unknown = JSON.parse(readFileSync(join(root, 'work', 'rollback.json'), 'utf8'));
    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '1',
      reason: 'TEST_FAILURE',
      plan: { rule: 'recorded' },
    });
    // A job that is started again under the same number does not act again.
    expect((await step(stepIn(promote, 'Roll back'))).exitCode).toBe(0);
    expect(await live()).toBe('1');
  });

  test('stops before it promotes that version again', async () => {
    const step = run('3', '1002');
    const { exitCode, stdout } = await step(
      stepIn(promote, 'Ask whether the version may be promoted'),
    );
    expect(exitCode).toBe(3);
    expect(stdout).toContain('QUARANTINED');
    expect(await live()).toBe('1');
  });

  test('does not roll back what somebody else promoted meanwhile', async () => {
    const step = await promoteVersion('2', '1003');
    await admin.setAlias(model, 'champion', '4');
    const report = await step(stepIn(promote, 'Report the promotion'));
    expect(report.exitCode, report.stdout).toBe(2);
    expect((await step(stepIn(promote, 'Roll back'))).exitCode).toBe(3);
    expect(await live()).toBe('4');
  });

  test('shows the state, also while a rollback would be refused', async () => {
    const step = run('', '1004');
    const status = await step(stepIn(operate, 'Show the state'));
    expect(status.exitCode).toBe(0);
    expect(status.stdout).toMatch(/^live +4$/m);
    const plan = await step(stepIn(operate, 'Show what a rollback would do now'));
    expect(plan.stdout).toContain('COOLDOWN');
    expect(plan.exitCode).toBe(0);
    expect((await step(stepIn(operate, 'Roll back'))).exitCode).toBe(3);
  });

  test('approves by the id that was put in, here one that is not on record', async () => {
    const { exitCode, stdout } = await run('', '1005')(stepIn(operate, 'Approve'));
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { message: expect.stringContaining(`${model}/0123456789abcdef`) },
    });
  });

  test('calls the command in no other step', () => {
    const calling = steps.filter(({ shell }) => /^model-rollback |\bpromote\.py/m.test(shell));
    expect(calling.map(({ name }) => name)).toEqual([
      'Ask whether the version may be promoted',
      'Promote',
      'Report the promotion',
      'Roll back',
      'Show the state',
      'Show what a rollback would do now',
      'Approve',
      'Roll back',
    ]);
  });
});

describe.skipIf(isEngineMissing)(suiteTitle('the state machine of the pipelines page'), () => {
  const stepFunctions = new StepFunctionsAdmin(engine('ministack').url);
  let world: World;
  let machineArn: string;

  beforeAll(async () => {
    world = await createWorld();
    const deploy = (files: ZipFile[], env: Settings): Promise<string> =>
      deployFunction(engine('ministack').url, { files, env });
    const stub = (code: string): Promise<string> =>
      deploy([{ name: 'index.mjs', content: code }], { MLFLOW: mlflow.url });
    const [json = ''] = blocks
      .filter(({ section, language }) => section === 'Step Functions' && language === 'json')
      .map(({ text }) => text);
    const arns = {
      'model-rollback': await deploy(builtFunction(), world.env()),
      promote: await stub(promoteStub),
      'smoke-test': await stub(testStub),
    };
    const definition = Object.entries(arns).reduce(
      (text, [name, arn]) =>
        text.replaceAll(`"arn:aws:lambda:eu-west-1:123456789012:function:${name}"`, `"${arn}"`),
      json,
    );
    machineArn = await stepFunctions.create(uniqueName('promotion'), definition);
  });
  const run = async (fields: object): Promise<{ end: ExecutionEnd; model: string }> => {
    const model = await world.model(['Archived', 'Production', 'None']);
    const input = { model_name: model, version: '3', ...fields };
    return { end: await stepFunctions.end(await stepFunctions.start(machineArn, input)), model };
  };

  test('promotes, and leaves no freeze behind', async () => {
    const { end, model } = await run({ is_good: true });
    expect(end).toMatchObject({ status: 'SUCCEEDED' });
    expect(end.states).toEqual(['Freeze', 'Promote', 'Unfreeze', 'Test']);
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    expect(await world.history(model)).toEqual([]);
  });

  test('rolls back exactly its version when the test fails', async () => {
    const { end, model } = await run({ is_good: false });
    expect(end).toMatchObject({ status: 'FAILED', error: 'TEST_FAILED' });
    expect(end.cause).toBe('The rollback ended as ROLLED_BACK');
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('ends its freeze when the promotion fails, and moves nothing', async () => {
    const { end, model } = await run({ version: '99' });
    expect(end).toMatchObject({ status: 'FAILED', error: 'PROMOTION_FAILED' });
    expect(end.states.at(-2)).toBe('UnfreezeAndFail');
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    const { json } = await runCommand(['plan', model, '--json'], world.env());
    expect(json).toMatchObject({ refusals: [], plan: { verdict: 'ROLLED_BACK' } });
  });
});

// ---------------------------------------------------------------------------------------------------

const promoteStub = `export async function handler({ model_name: name, version }) {
  const stage = { name, version, stage: 'Production', archive_existing_versions: true };
  const url = process.env.MLFLOW + '/api/2.0/mlflow/model-versions/transition-stage';
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(stage) });
  if (!answer.ok) throw new Error(await answer.text());
}`;
const testStub = `export async function handler({ is_good }) {
  if (!is_good) throw new Error('the version is not good');
}`;

async function runStep(
  shell: string,
  cwd: string,
  settings: Readonly<Record<string, string>>,
): Promise<StepResult> {
  // As a runner starts it where a step names no shell.
  const child = spawn('bash', ['-e', '-c', shell], {
    cwd,
    env: bareEnv(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 50_000,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { exitCode, ...output };
}

/** What earlier steps left for later ones. */
function variablesIn(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
