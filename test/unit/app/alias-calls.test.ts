/** What a rollback of an alias asks of the registry: the same for 10 versions as for 10,000. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MLflowClient } from '../../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../../src/adapters/system/static-credentials.ts';
import { systemIdentity } from '../../../src/adapters/system/system-identity.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { reportPromotion } from '../../../src/app/report-promotion.ts';
import type { ModelPointer } from '../../../src/domain/registry/pointer.ts';
import { type RegistryServer, startRegistryServer } from '../../../src/embedded/registry-server.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
let server: RegistryServer;
let registry: MLflowModelRegistry;
let world: World;
let deps: RollbackDeps;

beforeEach(async () => {
  server = await startRegistryServer();
  world = makeWorld({ pointers: { default: champion, byModel: new Map() } });
  const { clock } = world;
  const client = new MLflowClient({
    baseUrl: new URL(server.url),
    credentials: new StaticCredentials(null),
    workspace: null,
    clock,
  });
  registry = new MLflowModelRegistry(client, clock, systemIdentity, server.url);
  deps = { ...world.deps, registry };
});

afterEach(async () => {
  registry.close();
  await server.close();
});

/** The calls of one rollback from the newest version to the one before, in their order. */
async function callsOf(count: number): Promise<string[]> {
  const name = `of-${count}`;
  server.seed(
    name,
    Array.from({ length: count }, (_, index) => ({
      aliases: index + 1 === count ? ['champion'] : [],
      creationTimestamp: 1_000 + index,
    })),
  );
  const [version, replaced] = [String(count), String(count - 1)];
  const promotion = { modelName: name, version, replaced, pointer: champion };
  await reportPromotion(deps, promotion, world.deadline());
  server.requests.length = 0;
  const answer = await world.ask({ model_name: name }, { deps });
  expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: replaced });
  return server.requests.map(({ method, path }) => `${method} ${path.split('/mlflow/')[1]}`);
}

/** What is found out beside the run, and not waited for: one call, by what is cheap for so many versions. */
const besides: readonly string[] = ['GET registered-models/get', 'GET model-versions/get'];

describe('the calls of a rollback of an alias', () => {
  test('are the same for 10 versions and for 10,000, in two steps before the move', async () => {
    for (const count of [10, 10_000]) {
      const calls = await callsOf(count);
      const beside = calls.indexOf(besides[count === 10 ? 0 : 1] ?? '', 2);
      expect(beside).toBeGreaterThan(0);
      expect(calls.toSpliced(beside, 1)).toEqual([
        'GET registered-models/alias',
        'GET model-versions/search',
        'GET registered-models/alias',
        'GET model-versions/get',
        'POST registered-models/alias',
        'GET registered-models/alias',
        'GET model-versions/get',
        'POST model-versions/set-tag',
        'POST model-versions/set-tag',
      ]);
    }
  });
});
