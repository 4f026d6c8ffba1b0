import { defaultAlarmSettings } from '../domain/alarm/alarm-settings.ts';
import { ConfigurationError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { defaultPointers } from '../domain/registry/pointer.ts';
import { channelSettingsFromEnv } from './channel-settings.ts';
import { commandConfig, commandPointers, commandRegistry } from './command-config.ts';
import { type Config, type Env, topicFromEnv } from './config-from-env.ts';
import { hookSettingsFromEnv } from './hook-settings.ts';
import { storeFromEnv } from './store-settings.ts';

/** As much of the configuration as can be read, so that the rest can be checked when a part is wrong. */
export interface LenientConfig {
  /** Where a part is wrong, something that does nothing stands in its place. */
  readonly config: Config;
  /** What a rollback would throw; null when all is well. */
  readonly error: ConfigurationError | null;
  /** The parts that cannot be used. */
  readonly registryError: ConfigurationError | null;
  readonly storeError: ConfigurationError | null;
  readonly topicError: ConfigurationError | null;
  readonly channelsError: ConfigurationError | null;
  readonly pointersError: ConfigurationError | null;
}

/** Reads the environment of a command. */
export function lenientConfig(env: Env): LenientConfig {
  const whole = attempt(() => commandConfig(env));
  if (whole.value !== null) return { config: whole.value, error: null, ...noErrors };
  const registry = attempt(() => commandRegistry(env));
  const store = attempt(() => storeFromEnv(env, 'command'));
  const topic = attempt(() => topicFromEnv(env, 'command'));
  const channels = attempt(() => channelSettingsFromEnv(env));
  const hooks = attempt(() => hookSettingsFromEnv(env));
  const pointers = attempt(() => commandPointers(env));
  const config: Config = {
    registry: registry.value ?? nowhere,
    store: store.value ?? { kind: 'sqlite', path: ':memory:' },
    topicArn: topic.value,
    snsFormat: channels.value?.snsFormat ?? 'json',
    channels: channels.value?.channels ?? [],
    signingKey: channels.value?.signingKey ?? null,
    hooks: hooks.value ?? noHooks,
    cooldownMs: 0,
    targetRule: 'last-good',
    pointers: pointers.value ?? defaultPointers,
    observeMs: 0,
    writeHorizonMs: limits.clockSkewMaxMs,
    clockSkewMaxMs: limits.clockSkewMaxMs,
    alarms: defaultAlarmSettings,
    warnings: [],
  };
  return {
    config,
    error: whole.error,
    registryError: registry.error,
    storeError: store.error,
    topicError: topic.error,
    channelsError: channels.error,
    pointersError: pointers.error,
  };
}

// ---------------------------------------------------------------------------------------------------

const noErrors = {
  registryError: null,
  storeError: null,
  topicError: null,
  channelsError: null,
  pointersError: null,
} as const;

const noHooks = {
  smokeCheck: null,
  reload: null,
  targetMaxAgeMs: null,
  promotionEvidenceMs: null,
  previousAlias: 'off',
} as const;

/** A name that no server has. */
const nowhere: Config['registry'] = {
  kind: 'mlflow',
  baseUrl: new URL('http://registry.invalid'),
  address: 'http://registry.invalid',
  auth: { kind: 'login', authorization: null },
  connection: {
    isCertificateChecked: true,
    authoritiesFile: null,
    clientCertificateFile: null,
    proxy: null,
  },
  workspace: null,
  warnings: [],
};

function attempt<T>(read: () => T): {
  readonly value: T | null;
  readonly error: ConfigurationError | null;
} {
  try {
    return { value: read(), error: null };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { value: null, error };
  }
}
