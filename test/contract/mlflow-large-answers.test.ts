/** Versions with large tags: an answer that is larger than we take is asked for again, with fewer rows. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { RegistryRefusedError } from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import type { SeedVersion } from '../../src/embedded/seed.ts';
import { soon } from './model-registry.contract.ts';

const MODEL = 'fraud';
const large = { notes: 'x'.repeat(90_000), feature_set: 'v7' };
/** More than one answer holds, in one version. */
const huge = Object.fromEntries(
  Array.from({ length: 90 }, (_, index) => [`notes ${index}`, 'x'.repeat(99_000)]),
);

let server: RegistryServer;
let registry: MLflowModelRegistry;

beforeEach(async () => {
  server = await startRegistryServer();
  const clock = { ...systemClock, sleep: async () => undefined };
  const client = new MLflowClient({
    baseUrl: new URL(server.url),
    authorizer: new LoginAuthorizer(new StaticCredentials(null)),
    workspace: null,
    clock,
  });
  registry = new MLflowModelRegistry(client, clock, systemIdentity, server.url);
});

afterEach(async () => {
  registry.close();
  await server.close();
});

/** Versions 1 to n, the last one live; each with these tags. */
function seed(count: number, tagsOf: (version: number) => Readonly<Record<string, string>>): void {
  server.seed(
    MODEL,
    Array.from({ length: count }, (_, index): SeedVersion => {
      const version = index + 1;
      return {
        stage: version === count ? 'Production' : 'Archived',
        creationTimestamp: 1_000 + version,
        tags: tagsOf(version),
      };
    }),
  );
}

/** How many rows each request asked for. */
function sizes(): (string | null)[] {
  return server.requests.map(({ search }) => new URLSearchParams(search).get('max_results'));
}

describe('MLflowModelRegistry with versions whose tags are large', () => {
  test('reads as many rows as ever, in several answers', async () => {
    seed(150, () => large);
    const { live, others, isComplete } = await registry.read(MODEL, ['3'], soon());
    expect(live.map(({ version }) => version)).toEqual(['150']);
    expect(others.map(({ version }) => version)).toEqual([
      ...Array.from({ length: 99 }, (_, index) => String(149 - index)),
      '3',
    ]);
    expect(isComplete).toBe(false);
    expect(sizes()).toEqual(['100', '50', '50', null]);
  });

  test('walks down as far as ever', async () => {
    seed(150, () => large);
    const below = await registry.readBelow(MODEL, '150', soon());
    expect(below.map(({ version }) => version)).toEqual(
      Array.from({ length: 100 }, (_, index) => String(149 - index)),
    );
    server.requests.length = 0;
    const first = await registry.readChangesBelow(MODEL, '150', null, soon());
    expect(first.rows).toHaveLength(100);
    const second = await registry.readChangesBelow(MODEL, '150', first.next, soon());
    expect(second.rows.map(({ version }) => version)).toEqual(
      Array.from({ length: 49 }, (_, index) => String(49 - index)),
    );
    expect(second.next).toBeNull();
    expect(sizes()).toEqual(['100', '50', '50', '100']);
  });

  test('lists by a tag as many models as ever', async () => {
    for (let index = 0; index < 220; index += 1) {
      server.seed(`model-${1_000 + index}`, [{ stage: 'Production', tags: large }]);
    }
    const tag = { of: 'live-version', key: 'feature_set', value: 'v7' } as const;
    const { names, isComplete } = await registry.listByTag(tag, 1_000, soon());
    expect([names.length, isComplete]).toEqual([220, true]);
  });

  test('asks for one row by itself in the end', async () => {
    const most = Object.fromEntries(Object.entries(huge).slice(0, 80));
    seed(3, () => most);
    const { live, others } = await registry.read(MODEL, [], soon());
    expect([...live, ...others].map(({ version }) => version)).toEqual(['3', '2', '1']);
  });

  test('names the version that is too large by itself, on every route', async () => {
    seed(150, (version) => (version === 7 ? huge : {}));
    const routes = [
      // Among the latest changes, as one that is named, by number, by change.
      () => registry.read(MODEL, [], soon(), 150),
      () => registry.read(MODEL, ['7'], soon()),
      () => registry.readBelow(MODEL, '20', soon()),
      () => registry.readChangesBelow(MODEL, '20', null, soon()),
      () => registry.readAliasesOf(MODEL, '7', soon()),
    ];
    for (const route of routes) {
      const error: unknown = await route().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RegistryRefusedError);
      expect(String(error)).toMatch(/version 7 of "fraud" alone\. Remove large tags/);
      expect(String(error)).toContain('8 MiB');
    }
    // What needs nothing of it goes on.
    expect((await registry.read(MODEL, [], soon())).live).toHaveLength(1);
  });

  test('ends when fewer rows do not make it smaller', async () => {
    const body = `{"model_versions": [${' '.repeat(limits.registryAnswerBytesMax)}]}`;
    server.fault = () => ({ kind: 'status', status: 200, body });
    const error: unknown = await registry.read(MODEL, [], soon()).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expect(sizes()).toEqual(['100', '50', '25', '12', '6', '3', '1']);
  });
});
