/** The adapter for Unity Catalog, on a stub: no server of Databricks can run here. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { UnityModelRegistry } from '../../src/adapters/mlflow/unity-model-registry.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import {
  ConfigurationError,
  InvalidRequestError,
  ModelNotFoundError,
  RegistryRefusedError,
  VersionNotFoundError,
} from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { type ModelPointer, stagePointer } from '../../src/domain/registry/pointer.ts';
import { MarkKind, markText, type RollbackMark } from '../../src/domain/registry/rollback-mark.ts';
import { UnityCatalog, type UnityLogin } from '../fakes/unity-catalog.ts';
import { describeAliasPointer } from './alias-pointer.contract.ts';
import { type HttpProxy, startHttpProxy } from './http-proxy.ts';
import {
  describeModelRegistry,
  type RegistryKind,
  type RegistryPlace,
  soon,
} from './model-registry.contract.ts';

const kind: RegistryKind = { hasStages: false, nameOf: (name) => `main.ml.${name}` };
const nobody: ModelPointer = { kind: 'alias', alias: 'nobody-sets-this' };
const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
const MODEL = 'main.ml.churn';

describeModelRegistry('UnityModelRegistry', openPlace, kind);
describeAliasPointer('UnityModelRegistry', openPlace, kind);

describe('UnityModelRegistry', () => {
  let catalog: UnityCatalog;
  let server: HttpProxy;
  let registry: UnityModelRegistry;
  const open: UnityModelRegistry[] = [];
  const at = (login: UnityLogin, pointer = champion): UnityModelRegistry => {
    const one = registryAt(server.url, login, pointer);
    open.push(one);
    return one;
  };

  beforeEach(async () => {
    catalog = new UnityCatalog();
    server = await startHttpProxy(null, (request) => catalog.answer(request));
    registry = at(catalog.owner);
    catalog.seed(MODEL, 9);
    catalog.setAlias(MODEL, 'champion', '9');
  });

  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await server.close();
  });

  test('makes these calls for a rollback, and no others', async () => {
    await registry.read(MODEL, ['3'], soon());
    await registry.movePointer(MODEL, '3', soon());
    await registry.read(MODEL, ['9'], soon(), limits.recheckRows);
    const calls = server.requests.map(({ method, path, body }) =>
      `${method} ${path} ${body}`.trim(),
    );
    const root = '/api/2.1/unity-catalog/models/main.ml.churn';
    const versions = ['8', '7', '6', '5', '4', '3', '9'];
    expect(new Set(calls)).toEqual(
      new Set([
        `GET ${root}/aliases/champion?include_aliases=true`,
        `GET ${root}/versions?max_results=1000`,
        `GET ${root}/versions?max_results=1000&page_token=from-0`,
        ...versions.map((version) => `GET ${root}/versions/${version}?include_aliases=true`),
        `PUT ${root}/aliases/champion {"version_num":3}`,
      ]),
    );
  });

  describe('what a rollback left on a version', () => {
    const mark: RollbackMark = {
      kind: MarkKind.ROLLED_BACK,
      other: '1',
      atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      reason: 'DRIFT_SEVERE',
      by: 'ada',
      rollbackId: 'm/0123456789abcdef',
      pointer: 'alias:champion',
    };
    const annotate = async (version: string): Promise<void> =>
      await registry.annotate(MODEL, version, { key: mark.kind, value: markText(mark) }, soon());

    test('stands under a key that Unity Catalog takes', async () => {
      await annotate('9');
      expect([...catalog.version(MODEL, '9').tags.keys()]).toEqual(['model_rollback_rolled_back']);
    });

    test.each(['9', '8', '4', '1'])('is read with version %s', async (version) => {
      await annotate(version);
      const { live, others } = await registry.read(MODEL, ['1'], soon());
      const row = [...live, ...others].find((one) => one.version === version);
      expect(row).toMatchObject({ marks: [mark] });
    });

    test('is not looked for on more candidates than the highest ones', async () => {
      await annotate('2');
      const { others } = await registry.read(MODEL, [], soon());
      const row = others.find(({ version }) => version === '2');
      expect(row).not.toHaveProperty('marks');
      const marked = others.slice(0, limits.unityMarkedRows).map(({ version }) => version);
      expect(marked).toEqual(['8', '7', '6', '5', '4']);
    });
  });

  test('is refused a move by whoever is not the owner, and names the right', async () => {
    const answer = await at(catalog.reader).movePointer(MODEL, '3', soon());
    if (answer.kind !== 'refused') throw new Error(answer.kind);
    expect(answer.error).toBeInstanceOf(RegistryRefusedError);
    expect(answer.error.message).toMatch(
      /403 PERMISSION_DENIED to set-alias \(a write\).*Only the owner .* or an admin of the metastore/,
    );
    expect((await registry.read(MODEL, [], soon())).live).toMatchObject([{ version: '9' }]);
  });

  test.each([
    [401, 'UNAUTHENTICATED', 'Credential was not sent', /Check DATABRICKS_TOKEN/],
    [403, '403', 'Invalid access token.', /Check DATABRICKS_TOKEN/],
    [403, 'PERMISSION_DENIED', 'User does not have EXECUTE', /needs EXECUTE.*USE CATALOG/],
    [
      404,
      'METASTORE_DOES_NOT_EXIST',
      'No metastore assigned',
      /Set MLFLOW_TRACKING_URI to databricks/,
    ],
  ])('explains %i %s %s', async (status, code, message, fix) => {
    const body = JSON.stringify({ error_code: code, message });
    const gate = await startHttpProxy(null, () => ({ kind: 'answer', status, body }));
    const refused = registryAt(gate.url, catalog.owner, champion);
    open.push(refused);
    const read = refused.read(MODEL, [], soon());
    await expect(read).rejects.toBeInstanceOf(RegistryRefusedError);
    await expect(read).rejects.toThrow(fix);
    await gate.close();
  });

  test('explains an address that is no workspace', async () => {
    const gate = await startHttpProxy(null, () => ({
      kind: 'answer',
      status: 404,
      body: '<html>not here</html>',
      contentType: 'text/html',
    }));
    const read = registryAt(gate.url, catalog.owner, champion).read(MODEL, [], soon());
    await expect(read).rejects.toThrow(/no Unity Catalog at this address.*DATABRICKS_HOST/);
    await gate.close();
  });

  test('refuses a stage, which it does not have, and sends nothing', async () => {
    const staged = registry.through(stagePointer);
    const read = staged.read(MODEL, [], soon());
    await expect(read).rejects.toBeInstanceOf(ConfigurationError);
    await expect(read).rejects.toThrow(/has no stages\. Set ROLLBACK_POINTER/);
    expect(await staged.movePointer(MODEL, '3', soon())).toMatchObject({
      kind: 'refused',
      error: expect.any(ConfigurationError),
    });
    expect(server.requests).toHaveLength(0);
  });

  test.each(['churn', 'ml.churn', 'a.b.c.d', 'main.ml.a/b', 'main..churn'])(
    'knows no model named %s',
    async (name) => {
      const read = registry.read(name, [], soon());
      await expect(read).rejects.toBeInstanceOf(ModelNotFoundError);
      await expect(read).rejects.toThrow('catalog.schema.model');
      expect(server.requests).toHaveLength(0);
      expect((await registry.movePointer(name, '1', soon())).kind).toBe('refused');
    },
  );

  test('picks no models by a tag, and says so', async () => {
    await expect(registry.listByTag()).rejects.toBeInstanceOf(InvalidRequestError);
  });

  test('lists the aliases of models', async () => {
    catalog.setAlias(MODEL, 'challenger', '8');
    const pages = [];
    let from: string | null = null;
    do {
      const page = await registry.listPointers({ from, rows: 20 }, soon());
      pages.push(...page.rows);
      from = page.next;
    } while (from !== null);
    expect(pages).toEqual([
      {
        modelName: MODEL,
        aliases: [
          { alias: 'champion', version: '9' },
          { alias: 'challenger', version: '8' },
        ],
        staged: null,
      },
    ]);
  });

  test('gives what a version was made of, with its run, and says what it does not read', async () => {
    catalog.version(MODEL, '8').runId = 'run-8';
    catalog.runs.set('run-8', {
      info: { run_id: 'run-8', start_time: 5, lifecycle_stage: 'active' },
      data: { metrics: [{ key: 'auc', value: 0.9 }] },
    });
    catalog.version(MODEL, '8').updatedBy = 'eve@example.com';
    expect(await registry.readDetails(MODEL, '8', soon())).toMatchObject({
      updatedBy: 'eve@example.com',
      version: '8',
      source: 'dbfs:/models/8',
      run: { runId: 'run-8', metrics: { auc: 0.9 } },
      signature: null,
      unread: [{ what: 'signature' }],
    });
    const missing = registry.readDetails(MODEL, '99', soon());
    await expect(missing).rejects.toBeInstanceOf(VersionNotFoundError);
  });

  test('says that not every version was read when their list has no end', async () => {
    const endless = await startHttpProxy(null, (request) =>
      request.path.includes('/versions?')
        ? { kind: 'answer', status: 200, body: '{"next_page_token":"more"}' }
        : catalog.answer(request),
    );
    const one = registryAt(endless.url, catalog.owner, champion);
    open.push(one);
    expect(await one.read(MODEL, ['3'], soon())).toMatchObject({
      isComplete: false,
      live: [{ version: '9' }],
      others: [{ version: '3' }],
    });
    await endless.close();
  });
});

// ---------------------------------------------------------------------------------------------------

async function openPlace(): Promise<RegistryPlace> {
  const catalog = new UnityCatalog();
  const server = await startHttpProxy(null, (request) => catalog.answer(request));
  const registry = registryAt(server.url, catalog.owner, nobody);
  return {
    registry,
    keepsAliasOfDeleted: false,
    hasPrompts: false,
    hasWorkspaces: false,
    takesColonInTag: false,
    takesPathInName: false,
    tagValueMax: 1_000,
    seed: async (name, stages) => catalog.seed(name, stages.length),
    seedPrompt: unused,
    promoteBeside: unused,
    tag: async (name, version, key) =>
      catalog.version(name, version).tags.get(key.replaceAll(/[-.]/g, '_')),
    setAlias: async (name, alias, version) => catalog.setAlias(name, alias, version),
    deleteVersion: async (name, version) => catalog.deleteVersion(name, version),
    rename: async (name, newName) => catalog.rename(name, newName),
    tagModel: unused,
    close: async () => {
      registry.close();
      await server.close();
    },
  };
}

async function unused(): Promise<never> {
  throw new Error('Unity Catalog has nothing of the kind');
}

function registryAt(url: string, { token }: UnityLogin, pointer: ModelPointer): UnityModelRegistry {
  const authorizer = new LoginAuthorizer(
    new StaticCredentials(`Bearer ${token}`, 'DATABRICKS_TOKEN'),
  );
  const client = new MLflowClient({
    baseUrl: new URL(url),
    authorizer,
    workspace: null,
    clock: systemClock,
  });
  const clock = { ...systemClock, sleep: async () => undefined };
  return new UnityModelRegistry(client, clock, systemIdentity, url, pointer);
}
