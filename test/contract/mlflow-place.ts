/** The adapter for MLflow on a server, and the hands of somebody else on that server. */
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Registry } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import type { RegistryPlace } from './model-registry.contract.ts';

export interface RegistryOptions {
  readonly authorization?: string | null;
  readonly workspace?: string;
  /** Collects the pauses between tries, which then take no time. */
  readonly pausesMs?: number[];
  readonly clock?: Clock;
}

export function registryAt(url: string, options: RegistryOptions = {}): MLflowModelRegistry {
  const client = new MLflowClient({
    baseUrl: new URL(url),
    authorizer: new LoginAuthorizer(new StaticCredentials(options.authorization ?? null)),
    workspace: options.workspace ?? null,
    clock: options.clock ?? systemClock,
  });
  const sleep = async (ms: number): Promise<void> => {
    options.pausesMs?.push(ms);
  };
  const clock = options.clock ?? { ...systemClock, sleep };
  return new MLflowModelRegistry(client, clock, systemIdentity, url);
}

/** @param close what else ends with the place */
export function mlflowPlace(
  { url, traits }: Registry,
  close: () => Promise<void> = async () => undefined,
): RegistryPlace {
  const registry = registryAt(url);
  const admin = new MLflowAdmin(url);
  return {
    registry,
    ...traits,
    seed: async (modelName, stages) => {
      await admin.seedModel(modelName, stages);
    },
    seedPrompt: async (modelName, count) => {
      const texts = Array.from({ length: count }, (_, index) => `Text ${index + 1} for {{name}}`);
      await admin.seedPrompt(modelName, texts);
    },
    promoteBeside: async (modelName, version) => {
      await admin.transition(modelName, version, 'Production', false);
    },
    tag: async (modelName, version, key) => {
      const rows = await admin.versions(modelName);
      return rows.find((row) => row.version === version)?.tags[key];
    },
    setAlias: (modelName, alias, version) => admin.setAlias(modelName, alias, version),
    deleteVersion: (modelName, version) => admin.deleteVersion(modelName, version),
    rename: (modelName, newName) => admin.rename(modelName, newName),
    tagModel: (modelName, key, value) => admin.tagModel(modelName, key, value),
    close: async () => {
      registry.close();
      await close();
    },
  };
}
