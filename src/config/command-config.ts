import { ConfigurationError } from '../domain/errors.ts';
import type { ModelPointer, PointerSettings } from '../domain/registry/pointer.ts';
import { type Config, configFromEnv } from './config-from-env.ts';
import { databricksFromEnv } from './databricks-address.ts';
import { pointerSettingsFromEnv } from './pointer-settings.ts';
import { type Env, read } from './read-env.ts';
import { loginsIn } from './registry-login.ts';
import {
  isDatabricks,
  type RegistryConfig,
  reachedBy,
  registryFromEnv,
  registryVariable,
  workspaceFromEnv,
} from './registry-settings.ts';
import { senderSettingsFromEnv } from './sender-settings.ts';

/**
 * Everything that was set for a command or the service: as for the function, and what has no room there: registries
 * of Databricks, and who sends alerts and webhooks.
 * @throws ConfigurationError
 */
export function commandConfig(env: Env): Config {
  const config = configFromEnv(env, 'command', commandRegistry);
  requireAliases(env, config.pointers);
  return { ...config, senders: senderSettingsFromEnv(env) };
}

/** @throws ConfigurationError */
export function commandRegistry(env: Env): RegistryConfig {
  const name = registryVariable(env);
  const text = read(env, name);
  if (text === undefined || !isDatabricks(text)) return registryFromEnv(env, 'command');
  const { kind, baseUrl, auth } = databricksFromEnv(env, { name, text });
  const reached = reachedBy(env, baseUrl, auth, loginsIn(env));
  return { kind, address: baseUrl.origin, auth, workspace: workspaceFromEnv(env), ...reached };
}

/** @throws ConfigurationError */
export function commandPointers(env: Env): PointerSettings {
  const pointers = pointerSettingsFromEnv(env);
  requireAliases(env, pointers);
  return pointers;
}

// ---------------------------------------------------------------------------------------------------

/**
 * Unity Catalog has no stages.
 * @throws ConfigurationError
 */
function requireAliases(env: Env, { default: byDefault, byModel }: PointerSettings): void {
  const text = read(env, registryVariable(env));
  if (text === undefined || !/^databricks-uc(:|$)/i.test(text)) return;
  const isStage = (pointer: ModelPointer): boolean => pointer.kind === 'stage';
  const isOfModel = [...byModel.values()].some(isStage);
  if (!isStage(byDefault) && !isOfModel) return;
  const is =
    read(env, 'ROLLBACK_POINTER') === undefined ? 'is not set' : 'names the stage Production';
  throw new ConfigurationError(
    `Unity Catalog has no stages, and ${
      isStage(byDefault)
        ? `ROLLBACK_POINTER ${is}`
        : 'ROLLBACK_MODEL_POINTERS names the stage Production'
    }. Set it to the alias that consumers load, such as alias:champion.`,
  );
}
