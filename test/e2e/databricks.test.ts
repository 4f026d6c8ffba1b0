/** Unity Catalog through the built function and command, on a stub: no server of Databricks can run here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { UnityCatalog } from '../fakes/unity-catalog.ts';
import { runCommand } from './command.ts';
import { startFunction } from './function-process.ts';
import { answerIn, failureIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

let world: World;
let catalog: UnityCatalog;
let workspace: HttpProxy;
let home: string;

describe.skipIf(isEngineMissing)(suiteTitle('Unity Catalog'), () => {
  beforeAll(async () => {
    world = await createWorld();
    catalog = new UnityCatalog();
    workspace = await startHttpProxy(null, (request) => catalog.answer(request));
    home = mkdtempSync(join(tmpdir(), 'model-rollback-databricks-'));
  });
  afterAll(async () => {
    rmSync(home, { recursive: true, force: true });
    await workspace.close();
  });

  const byToken = (token = catalog.owner.token): Settings => ({
    MLFLOW_TRACKING_URI: 'databricks-uc',
    DATABRICKS_HOST: workspace.url,
    DATABRICKS_TOKEN: token,
    ROLLBACK_POINTER: 'alias:champion',
  });
  const byClient = (): Settings => ({
    ...byToken(''),
    DATABRICKS_CLIENT_ID: catalog.client.id,
    DATABRICKS_CLIENT_SECRET: catalog.client.secret,
  });
  const seed = (): string => {
    const model = `main.ml.${uniqueName('churn').replaceAll('.', '_')}`;
    catalog.seed(model, 3);
    catalog.setAlias(model, 'champion', '3');
    return model;
  };
  const named = async (model: string): Promise<string | undefined> => {
    const url = `${workspace.url}/api/2.1/unity-catalog/models/${model}/aliases/champion`;
    const headers = { authorization: `Bearer ${catalog.owner.token}` };
    const answer = (await (await fetch(url, { headers })).json()) as { version?: number };
    return answer.version === undefined ? undefined : String(answer.version);
  };

  test('the command plans, rolls back, and tags both versions', async () => {
    const model = seed();
    catalog.version(model, '3').updatedBy = 'eve@example.com';
    const env = world.env(byToken());
    const plan = await runCommand(['plan', model, '--to', '2'], env);
    expect([plan.exitCode, plan.stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    expect(plan.stdout).toMatch(/last changed by +eve@example\.com +ada@example\.com/);
    const { exitCode, stderr } = await runCommand(['apply', model, '--to', '2', '--yes'], env);
    expect([exitCode, stderr]).toEqual([0, expect.not.stringMatching(/Error|could not/)]);
    expect(await named(model)).toBe('2');
    expect([...catalog.version(model, '3').tags.keys()]).toEqual(['model_rollback_rolled_back']);
    expect([...catalog.version(model, '2').tags.keys()]).toEqual(['model_rollback_restored']);
  });

  test('the command reads a profile', async () => {
    const model = seed();
    const { id, secret } = catalog.client;
    const text = `[prod]\nhost = ${workspace.url}\nclient_id = ${id}\nclient_secret = ${secret}\n`;
    writeFileSync(join(home, '.databrickscfg'), text);
    const env = world.env({ ROLLBACK_POINTER: 'alias:champion', HOME: home });
    const uri = { MLFLOW_TRACKING_URI: 'databricks-uc://prod' };
    const { exitCode } = await runCommand(['plan', model, '--to', '1'], { ...env, ...uri });
    expect(exitCode).toBe(0);
  });

  test('the command rolls back with a service principal, and shows nothing of its secret', async () => {
    const model = seed();
    const before = catalog.tokensGiven;
    const { exitCode, stdout, stderr } = await runCommand(
      ['apply', model, '--to', '1', '--yes', '--json'],
      world.env(byClient()),
    );
    expect([exitCode, await named(model)]).toEqual([0, '1']);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'ROLLED_BACK', warnings: [] });
    expect(catalog.tokensGiven - before).toBe(1);
    expect(stdout + stderr).not.toMatch(/oauth-token|client-secret/);
  });

  test('whoever is not the owner is refused, and nothing is moved', async () => {
    const model = seed();
    const env = world.env(byToken(catalog.reader.token));
    const { exitCode, stderr } = await runCommand(['apply', model, '--to', '1', '--yes'], env);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/RegistryRefusedError: .*Only the owner of a registered model/),
    ]);
    expect(await named(model)).toBe('3');
  });

  test('a stage is refused before anything is sent', async () => {
    const model = seed();
    const sent = workspace.requests.length;
    const env = world.env({ ...byToken(), ROLLBACK_POINTER: '' });
    const { exitCode, stderr } = await runCommand(['apply', model, '--yes'], env);
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(/no stages, and ROLLBACK_POINTER is not set.*alias:champion/),
    ]);
    expect(workspace.requests).toHaveLength(sent);
  });

  test('the function says that it does not contain what Databricks needs', async () => {
    const started = await startFunction(world.env(byToken()));
    expect(failureIn(await started.invoke({ model_name: seed() }))).toMatchObject({
      errorType: 'ConfigurationError',
      message: expect.stringContaining('does not contain what Databricks needs. Use the command'),
    });
    await started.kill();
  });

  test('doctor says who may set an alias', async () => {
    seed();
    const { stdout } = await runCommand(['doctor'], world.env(byToken()));
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /Unity Catalog\) answers and accepts the login\. Only the owner .* may set its aliases/,
    );
  });

  test('the registry of a workspace is MLflow with a token', async () => {
    const model = await world.model(['Archived', 'Production']);
    const gate = await startHttpProxy(engine('mlflow').url, ({ headers }) =>
      headers.authorization === 'Bearer dapi-1'
        ? { kind: 'pass' }
        : { kind: 'answer', status: 401, body: '{"error_code":"UNAUTHENTICATED"}' },
    );
    const settings = {
      MLFLOW_TRACKING_URI: 'databricks',
      DATABRICKS_HOST: gate.url,
      DATABRICKS_TOKEN: 'dapi-1',
    };
    const apply = ['apply', model, '--yes'];
    expect((await runCommand(apply, world.env(settings))).exitCode).toBe(0);
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    const wrong = await runCommand(
      ['plan', model],
      world.env({ ...settings, DATABRICKS_TOKEN: 'dapi-2' }),
    );
    expect(wrong.stderr).toMatch(/Check DATABRICKS_TOKEN/);
    // The function has it by its address.
    const other = await world.model(['Archived', 'Production']);
    const plain = { MLFLOW_TRACKING_URI: gate.url, MLFLOW_TRACKING_TOKEN: 'dapi-1' };
    const started = await startFunction(world.env(plain));
    expect(answerIn(await started.invoke({ model_name: other })).outcome).toBe('ROLLED_BACK');
    await Promise.all([started.kill(), gate.close()]);
  });
});
