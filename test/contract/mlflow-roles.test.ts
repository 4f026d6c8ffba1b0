/** The roles of MLflow 3.18: an account with exactly what is needed, and one with each piece missing. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { RegistryRefusedError } from '../../src/domain/errors.ts';
import { uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { mlflowName } from '../engines/mlflow-versions.ts';
import { GUARD_LOGIN, type RunningEngine, startMlflow } from '../engines/start.ts';
import { tool } from '../engines/tools.ts';
import { registryAt } from './mlflow-place.ts';
import { soon } from './model-registry.contract.ts';

const engine = await tool(mlflowName('3.18.0'));
const PASSWORD = 'correct-horse-battery-1';
const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

describe.skipIf(engine.isMissing)(engine.title('MLflow 3.18.0 with roles'), () => {
  let server: RunningEngine;
  let model: string;
  const open: MLflowModelRegistry[] = [];

  beforeAll(async () => {
    const basicAuth = GUARD_LOGIN;
    server = await startMlflow({
      version: '3.18.0',
      basicAuth,
      defaultPermission: 'NO_PERMISSIONS',
    });
  }, 120_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await server?.stop();
  });
  beforeEach(async () => {
    model = uniqueName('roles');
    const admin = new MLflowAdmin(server.url, GUARD_LOGIN);
    await admin.seedModel(model, ['Archived', 'Production']);
    await admin.setAlias(model, 'champion', '2');
  });

  const call = async (path: string, body: object): Promise<unknown> => {
    const { username, password } = GUARD_LOGIN;
    const headers = {
      'content-type': 'application/json',
      authorization: basic(username, password),
    };
    const answer = await fetch(`${server.url}/api/${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  /** An account with a role of its own for each permission on the model. */
  const account = async (...permissions: readonly string[]): Promise<MLflowModelRegistry> => {
    const username = uniqueName('user');
    await call('2.0/mlflow/users/create', { username, password: PASSWORD });
    for (const permission of permissions) {
      const name = uniqueName('role');
      const created = await call('3.0/mlflow/roles/create', { workspace: 'default', name });
      const { id: role_id } = (created as { readonly role: { readonly id: number } }).role;
      const resource = { resource_type: 'registered_model', resource_pattern: model };
      await call('3.0/mlflow/roles/permissions/add', { role_id, ...resource, permission });
      await call('3.0/mlflow/roles/assign', { role_id, username });
    }
    const registry = registryAt(server.url, { authorization: basic(username, PASSWORD) });
    open.push(registry);
    return registry;
  };
  const tag = { key: 'model_rollback.note', value: 'x' };

  test('EDIT on the model is all that a rollback of a stage and of an alias needs', async () => {
    const registry = await account('EDIT');
    const aliased = registry.through({ kind: 'alias', alias: 'champion' });
    for (const one of [registry, aliased]) {
      const { live } = await one.read(model, ['1'], soon());
      expect(live).toMatchObject([{ version: '2' }]);
      expect(await one.movePointer(model, '1', soon())).toEqual({ kind: 'moved' });
      await one.annotate(model, '1', tag, soon());
    }
  });

  test('READ and USE plan, and a move names EDIT', async () => {
    const registry = await account('READ', 'USE');
    const aliased = registry.through({ kind: 'alias', alias: 'champion' });
    for (const one of [registry, aliased]) {
      expect((await one.read(model, ['1'], soon())).live).toMatchObject([{ version: '2' }]);
      const move = await one.movePointer(model, '1', soon());
      if (move.kind !== 'refused') throw new Error(move.kind);
      expect(move.error).toBeInstanceOf(RegistryRefusedError);
      expect(move.error.message).toMatch(/\(a write\).*needs the permission EDIT/);
    }
    await expect(registry.annotate(model, '1', tag, soon())).rejects.toThrow('permission EDIT');
  });

  test.each([[[]], [['EDIT', 'DENY']]])(
    'with %j nothing is read, and the error names READ and DENY',
    async (permissions) => {
      const registry = await account(...permissions);
      const aliased = registry.through({ kind: 'alias', alias: 'champion' });
      const read = aliased.read(model, ['1'], soon());
      await expect(read).rejects.toBeInstanceOf(RegistryRefusedError);
      await expect(read).rejects.toThrow(/needs the permission READ.*DENY/);
      expect((await registry.movePointer(model, '1', soon())).kind).toBe('refused');
    },
  );
});
