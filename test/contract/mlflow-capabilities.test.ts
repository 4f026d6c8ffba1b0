/** Servers that lack what a rollback needs, by the shapes of their answers. For MLflow 1.30 a real one: e2e/mlflow-1-30.test.ts. */
import { afterEach, describe, expect, test } from 'vitest';
import { inspectRegistry } from '../../src/adapters/mlflow/inspect-registry.ts';
import { inspectWebhooks } from '../../src/adapters/mlflow/inspect-webhooks.ts';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { RegistryRefusedError } from '../../src/domain/errors.ts';
import { type ProxiedRequest, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { registryAt } from './mlflow-place.ts';
import { soon } from './model-registry.contract.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const html = '<!doctype html><title>404 Not Found</title><h1>Not Found</h1>';
const noRoute: ProxyAct = { kind: 'answer', status: 404, body: html, contentType: 'text/html' };
const json = (body: object): ProxyAct => ({
  kind: 'answer',
  status: 200,
  body: JSON.stringify(body),
});
/** A server without the route of aliases, which says that it is this version. */
const without =
  (version: string) =>
  ({ path }: ProxiedRequest): ProxyAct => {
    if (path.includes('registered-models/alias')) return noRoute;
    if (path.includes('/version')) {
      return { kind: 'answer', status: 200, body: version, contentType: 'text/html' };
    }
    if (path.includes('registered-models/search'))
      return json({ registered_models: [{ name: 'm' }] });
    return json({ model_versions: [{ name: 'm', version: '1', current_stage: 'Production' }] });
  };

async function serve(act: (request: ProxiedRequest) => ProxyAct) {
  const server = await startHttpProxy(null, act);
  const registry = registryAt(server.url);
  open.push(server, registry);
  return { ...server, registry };
}

async function clientOf(act: (request: ProxiedRequest) => ProxyAct) {
  const { url } = await serve(act);
  const authorizer = new LoginAuthorizer(new StaticCredentials(null));
  const clock = systemClock;
  const client = new MLflowClient({ baseUrl: new URL(url), authorizer, workspace: null, clock });
  open.push(client);
  return { client, url };
}

async function inspected(act: (request: ProxiedRequest) => ProxyAct) {
  const { client, url } = await clientOf(act);
  return (await inspectRegistry(client, url, soon())).check;
}

describe('MLflowModelRegistry on a server without aliases', () => {
  test('refuses to read and to move one, and says which server has them', async () => {
    const { registry, requests } = await serve(without('2.2.2'));
    const aliased = registry.through({ kind: 'alias', alias: 'champion' });
    const read = aliased.read('m', [], soon());
    await expect(read).rejects.toBeInstanceOf(RegistryRefusedError);
    await expect(read).rejects.toThrow('they need MLflow 2.3 or later');
    const move = await aliased.movePointer('m', '1', soon());
    if (move.kind !== 'refused') throw new Error(move.kind);
    expect(move.error.message).toContain('they need MLflow 2.3 or later');
    // Asked once: no retry helps.
    expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
});

describe('inspectRegistry', () => {
  test('names a server that is too old', async () => {
    expect(await inspected(without('2.2.2'))).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('MLflow 2.2.2). It is too old'),
      fix: 'Update the server to MLflow 2.3 or later.',
    });
  });

  test('warns of a server without aliases whose version is unknown', async () => {
    expect(await inspected(without('none'))).toMatchObject({
      verdict: 'warning',
      message: expect.stringContaining('It has no aliases.'),
    });
  });
});

describe("a registry that answers with another product's JSON", () => {
  test.each([{ status: 'ok' }, { models: [] }, []])('is refused by name: %j', async (body) => {
    const { registry } = await serve(() => json(body));
    const aliased = registry.through({ kind: 'alias', alias: 'champion' });
    for (const one of [registry, aliased]) {
      const read = one.read('m', [], soon());
      await expect(read).rejects.toBeInstanceOf(RegistryRefusedError);
      await expect(read).rejects.toThrow(/not what MLflow sends.*names an MLflow server/);
    }
  });
});

describe('a registry that distinguishes upper and lower case in stages, as Azure ML', () => {
  test('gets the stage as it spells it, and counts no other spelling as live', async () => {
    const rows = [
      { name: 'm', version: '2', current_stage: 'Production' },
      { name: 'm', version: '1', current_stage: 'production' },
    ];
    const { registry, requests } = await serve(() => json({ model_versions: rows }));
    expect((await registry.read('m', [], soon())).live).toMatchObject([{ version: '2' }]);
    await registry.movePointer('m', '1', soon());
    expect(JSON.parse(requests.at(-1)?.body ?? '')).toMatchObject({ stage: 'Production' });
  });
});

describe('inspectWebhooks', () => {
  const events = (entity: string, ...actions: readonly string[]) =>
    actions.map((action) => ({ entity, action }));
  const aliases = events('MODEL_VERSION_ALIAS', 'CREATED', 'DELETED');

  test.each([
    ['of versions', [{ status: 'ACTIVE', events: aliases }], 'ok'],
    ['of prompts alone', [{ events: events('PROMPT_ALIAS', 'CREATED', 'DELETED') }], 'ok'],
    ['that are switched off', [{ status: 'DISABLED', events: aliases }], 'warning'],
    ['of other events', [{ events: events('MODEL_VERSION_TAG', 'SET') }], 'warning'],
    ['of new aliases only', [{ events: events('PROMPT_ALIAS', 'CREATED') }], 'warning'],
  ])('judges webhooks %s', async (_, webhooks, verdict) => {
    const { client } = await clientOf(() => json({ webhooks }));
    expect(await inspectWebhooks(client, soon())).toMatchObject({ verdict });
  });
});
