import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import { runInside } from '../e2e/inside.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';

/** Stories of other tools and the pipelines around them. docs/reference/stories.md names each source. */

let server: RegistryServer;
let folder: string;
let env: Record<string, string>;
const model = 'PascalStrategy';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'model-rollback-stories-'));
  server = await startRegistryServer();
  server.seed(model, [{}, {}, { aliases: ['champion'] }]);
  env = {
    MLFLOW_TRACKING_URI: server.url,
    ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}`,
    ROLLBACK_POINTER: 'alias:champion',
  };
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => runInside([...args, '--json'], env);
/** What a pipeline does with MLflow's own client. */
const promote = async (version: string) =>
  await new MLflowAdmin(server.url).setAlias(model, 'champion', version);
const rollBack = async (...args: string[]) => {
  const done = await run('apply', model, '--yes', ...args);
  expect(done).toMatchObject({ exitCode: 0, json: { outcome: 'ROLLED_BACK' } });
};

describe('a pipeline', () => {
  test('is stopped before it promotes the version that was just rolled back', async () => {
    await rollBack();
    const stopped = await run('can-promote', model, '3');
    expect(stopped).toMatchObject({
      exitCode: 3,
      json: { can_promote: false, refusals: [{ code: 'QUARANTINED' }] },
    });
    expect((await run('can-promote', model, '2')).exitCode).toBe(0);
    await run('release', model, '3', '--reason', 'the feature store was the cause');
    expect((await run('can-promote', model, '3')).exitCode).toBe(0);
  });

  test('that promotes it anyway is shown by the status, and can be rolled back again', async () => {
    await rollBack();
    await promote('3');
    const status = await run('status', model);
    expect(status.json).toMatchObject({
      live_versions: ['3'],
      warnings: [{ code: 'LIVE_IS_QUARANTINED' }],
    });
    const plan = await run('plan', model, '--override', 'COOLDOWN');
    expect(plan).toMatchObject({ exitCode: 0, json: { from_version: '3', to_version: '2' } });
  });

  test('that reports its version as live is stopped when it was rolled back meanwhile', async () => {
    await rollBack();
    const reported = await run('promoted', model, '3');
    expect(reported).toMatchObject({
      exitCode: 2,
      json: { error: { name: 'InvalidRequestError' } },
    });
    expect(JSON.stringify(reported.json)).toContain('version 2');
    // Nothing was recorded of it.
    const { json } = await run('history', model, '--live');
    expect(json).toMatchObject([
      { version: '2', how: 'made' },
      { version: '3', how: 'seen' },
    ]);
  });

  test('that reports its promotions lets people read later what was live when', async () => {
    await promote('1');
    expect((await run('promoted', model, '1', '--replaced', '3')).exitCode).toBe(0);
    await promote('3');
    expect((await run('promoted', model, '3', '--replaced', '1')).exitCode).toBe(0);
    await rollBack();
    const { json } = await run('history', model, '--live');
    expect(json).toMatchObject([
      { version: '1', how: 'made', ended_by: null },
      { version: '3', how: 'promoted', ended_by: expect.any(String) },
      { version: '1', how: 'promoted', ended_by: expect.any(String) },
      { version: '3', how: 'seen', ended_by: expect.any(String) },
    ]);
  });

  test('gets an exit code for each end of a rollback, and one JSON value', async () => {
    expect((await run('apply', model, '--yes')).exitCode).toBe(0);
    expect(await run('apply', model, '--yes')).toMatchObject({
      exitCode: 3,
      json: { outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] },
    });
    const passed = await run('apply', model, '--yes', '--override', 'COOLDOWN');
    expect(passed).toMatchObject({ exitCode: 0, json: { to_version: '1' } });
    const none = await run('apply', model, '--yes', '--override', 'COOLDOWN');
    expect(none).toMatchObject({ exitCode: 4, json: { outcome: 'NO_TARGET', rolled_back: false } });
  });
});

describe('a person', () => {
  test('is shown that servers must reload, and how to undo the rollback', async () => {
    const { exitCode, stdout } = await runInside(['apply', model, '--yes'], env);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/reload +Servers that loaded version 3 at start still use it/);
    const undo = /^ +undo +model-rollback (undo \S+)$/m.exec(stdout)?.[1] ?? '';
    expect(await run(...undo.split(' '), '--yes')).toMatchObject({ json: { to_version: '3' } });
    // An undo is no toggle.
    expect((await run('undo', model, '--yes')).exitCode).toBe(2);
  });
});
