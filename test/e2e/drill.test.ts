/** What an operator has at hand, by the built command on the real engines: drill, status, explain; table and file. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpProxy, type ProxyAct, startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { engineFolder } from '../engines/install.ts';
import { builtFile } from './built.ts';
import { runCommand } from './command.ts';
import { CTRL_C, type Keyboard, runOnTerminal } from './terminal.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

interface DrillJson {
  readonly model_name: string;
  readonly result: string;
  readonly steps: readonly {
    readonly step: string;
    readonly ok: boolean;
    readonly message: string;
  }[];
  readonly rollback_id: string;
  readonly left_behind: readonly string[];
  readonly delete: string;
}

let world: World;
let folder: string;
let proxy: HttpProxy;
/** What happens to a call of the registry. */
let act: (path: string) => ProxyAct;

describe.skipIf(isEngineMissing)(suiteTitle('the tools of an operator'), () => {
  beforeAll(async () => {
    world = await createWorld();
    folder = mkdtempSync(join(tmpdir(), 'model-rollback-drill-'));
    act = () => ({ kind: 'pass' });
    proxy = await startHttpProxy(engine('mlflow').url, ({ path }) => act(path));
  });
  afterAll(async () => {
    await proxy?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const drill = async (
    settings: Settings = {},
  ): Promise<{ readonly exitCode: number; readonly json: DrillJson; readonly stderr: string }> => {
    const { exitCode, json, stderr } = await runCommand(['drill', '--json'], world.env(settings));
    return { exitCode, json: json as DrillJson, stderr };
  };

  describe.each([
    ['DynamoDB', () => ({})],
    ['SQLite', () => ({ ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}` })],
  ] as const)('drill, with %s', (_name, store) => {
    test.each(['stage:Production', 'alias:champion'])(
      'takes the whole path through %s, and leaves nothing live and nothing due',
      async (pointer) => {
        const settings = { ...store(), ROLLBACK_POINTER: pointer };
        const { exitCode, json } = await drill(settings);

        expect(json.steps.filter(({ ok }) => !ok)).toEqual([]);
        expect([exitCode, json.result, json.steps.length]).toEqual([0, 'passed', 8]);
        const { model_name: name } = json;
        expect(name).toMatch(/^model-rollback-drill-[0-9a-f]{8}$/);
        expect(await world.mlflow.liveVersions(name)).toEqual([]);
        expect(await world.mlflow.aliases(name)).toEqual({});
        const [notice, ...others] = await world.notices(name);
        expect(others).toEqual([]);
        expect(notice?.subject).toBe(`Model Rollback drill: ${name}`);
        expect(notice?.message['text']).toMatch(/^This is a drill: /);
        const explained = await runCommand(
          ['explain', json.rollback_id, '--json'],
          world.env(settings),
        );
        expect(explained.json).toMatchObject({
          outcome: 'ROLLED_BACK',
          pointer,
          from_version: '2',
          to_version: '1',
          explanation: { due: [], channels: [{ channel: 'sns', state: 'sent' }] },
        });
      },
    );
  });

  test('drill shows each step, what is left, and a command that deletes it', async () => {
    const { exitCode, stdout } = await runCommand(['drill'], world.env());

    expect(exitCode).toBe(0);
    const marks = stdout.match(/^✓ [a-z ]+ {2}.* \(\d+\.\d{3} s\)$/gm);
    expect(marks).toHaveLength(8);
    expect(stdout).toContain('\nDrill passed: a rollback works here.\n\nleft behind\n');
    const [, command = ''] =
      /To delete the registered model: (python3 -c '.*')\n/.exec(stdout) ?? [];
    const [name = ''] = /model-rollback-drill-[0-9a-f]{8}/.exec(command) ?? [];
    expect(await world.mlflow.versions(name)).toHaveLength(2);
    const path = `${join(engineFolder('mlflow'), 'bin')}${delimiter}${process.env['PATH']}`;
    execFileSync('bash', ['-c', command], { env: world.env({ PATH: path }), stdio: 'pipe' });
    expect(await world.mlflow.versions(name)).toEqual([]);
  });

  test('drill has the pointer of the model that is named, and does not read it', async () => {
    const paths: string[] = [];
    act = (path) => {
      paths.push(path);
      return { kind: 'pass' };
    };
    const env = world.env({
      MLFLOW_TRACKING_URI: proxy.url,
      ROLLBACK_MODEL_POINTERS: '{"risk": "alias:live"}',
    });
    const { json } = await runCommand(['drill', 'risk', '--json'], env);
    act = () => ({ kind: 'pass' });

    expect(json).toMatchObject({ result: 'passed', pointer: 'alias:live' });
    expect(paths.length).toBeGreaterThan(8);
    expect(paths.filter((path) => path.includes('risk'))).toEqual([]);
  });

  test('drill names the permission that is missing', async () => {
    act = (path) =>
      path.endsWith('/registered-models/create')
        ? {
            kind: 'answer',
            status: 403,
            contentType: 'application/json',
            body: '{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}',
          }
        : { kind: 'pass' };
    const { exitCode, json } = await drill({ MLFLOW_TRACKING_URI: proxy.url });
    act = () => ({ kind: 'pass' });

    expect(exitCode).toBe(1);
    expect(json.result).toBe('failed');
    expect(json.steps.at(-1)?.message).toContain(
      'This login may not create registered models. A drill needs that permission; a rollback does not.',
    );
  });

  test('an interrupted drill says what is left', async () => {
    let keyboard: Keyboard | null = null;
    act = (path) => {
      if (path.endsWith('/transition-stage')) keyboard?.type(CTRL_C);
      return { kind: 'pass' };
    };
    const env = world.env({ MLFLOW_TRACKING_URI: proxy.url });
    const { exitCode, screen } = await runOnTerminal(['drill'], env, {
      at: 'state ',
      answer: async (opened) => {
        keyboard = opened;
      },
    });
    act = () => ({ kind: 'pass' });

    expect(screen).toContain('Drill interrupted.');
    expect(screen).toMatch(
      / {2}The registered model model-rollback-drill-[0-9a-f]{8} \(not archived/,
    );
    expect(exitCode).toBe(1);
  });

  test('status has what needs somebody first, for a stage and an alias', async () => {
    const settings = { ROLLBACK_STORE: `sqlite:${join(folder, 'status.sqlite')}` };
    const env = world.env(settings);
    const stage = await world.model(['Archived', 'Archived', 'Production'], 'a-stage');
    const alias = await world.model(['None', 'None', 'None'], 'b-alias');
    await world.mlflow.setAlias(alias, 'champion', '2');
    await world.mlflow.setAlias(alias, 'champion', '3');
    const pointer = ['--pointer', 'alias:champion'];
    const promoted = ['promoted', alias, '3', '--replaced', '2', ...pointer];
    expect((await runCommand(promoted, env)).exitCode).toBe(0);
    for (const line of [
      ['apply', stage, '--yes'],
      ['apply', alias, '--yes', ...pointer],
    ]) {
      expect((await runCommand(line, env)).exitCode).toBe(0);
    }
    await runCommand(['freeze', alias, '--until', '2h', '--reason', 'migration'], env);

    const { stdout } = await runCommand(['status'], env);
    const { json } = await runCommand(['status', '--json'], env);

    const [head, , titles, first, second] = stdout.split('\n');
    expect(head).toBe('1 of 2 models needs you: 1 frozen.');
    expect(titles).toMatch(/^MODEL +NEEDS YOU +LIVE +LATEST OUTCOME +TIME$/);
    expect(first).toMatch(new RegExp(`^${alias} +frozen +2 +ROLLED_BACK `));
    expect(second).toMatch(new RegExp(`^${stage} +- +2 +ROLLED_BACK `));
    expect(stdout).toContain(`run \`model-rollback unfreeze ${alias}\`.`);
    expect(json).toMatchObject([
      { model_name: alias, needs_you: [{ code: 'FROZEN' }] },
      { model_name: stage, needs_you: [] },
    ]);
    const { rollback_id: id } = (json as readonly { readonly rollback_id: string }[])[0] ?? {};
    const page = await runCommand(['explain', id ?? ''], env);
    expect(page.stdout).toMatch(/moved and read back \(live: 2\)/);
    expect(page.stdout).toContain(`To undo it, run: model-rollback undo ${id}\n`);
  });

  test('plan shows the two versions side by side, and a failure to read them as a line', async () => {
    const model = uniqueName('compared');
    await world.mlflow.createModel(model);
    for (const accuracy of [0.9, 0.5]) {
      const runId = await world.mlflow.createRun({ accuracy }, { depth: '3' });
      const version = await world.mlflow.createLoggedVersion(model, runId, 'flavors: {}\n');
      await world.mlflow.transition(model, version, 'Production', true);
    }
    const { stdout, exitCode } = await runCommand(['plan', model], world.env());
    const { json } = await runCommand(['plan', model, '--json'], world.env());

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^DIFFERS +LIVE 2 +TARGET 1\nmetric accuracy +0\.5 +0\.9\n/);
    expect(json).toMatchObject({ outcome: 'DRY_RUN', comparison: { unread: [] } });

    act = (path) =>
      path.includes('/runs/get')
        ? { kind: 'answer', status: 500, body: 'broken' }
        : { kind: 'pass' };
    const broken = await runCommand(['plan', model], world.env({ MLFLOW_TRACKING_URI: proxy.url }));
    act = () => ({ kind: 'pass' });
    expect(broken.exitCode).toBe(0);
    expect(broken.stdout).toMatch(/^The run of version 2 could not be read: .*500/m);
    expect(broken.stdout).toContain(`DRY_RUN  ${model}  (2 -> 1)`);
  });

  test('times are those of the zone of the process', () => {
    const run = (zone: string, ...args: string[]): string =>
      execFileSync(process.execPath, [builtFile('dist/cli/main.js'), ...args], {
        env: { ...world.env(), TZ: zone },
        encoding: 'utf8',
      });
    expect(run('Europe/Berlin', 'status')).toContain(
      'Times are in Europe/Berlin. For UTC, pass --utc.',
    );
    expect(run('Europe/Berlin', 'status', '--utc')).not.toContain('Times are in');
  });
});
