import type { AlarmSettings } from '../domain/alarm/alarm-settings.ts';
import { ConfigurationError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { nearestName } from '../domain/near-name.ts';
import type { PointerSettings } from '../domain/registry/pointer.ts';
import type { Warning } from '../domain/request/request.ts';
import {
  cooldownForm,
  type TargetRuleSetting,
  targetRuleForm,
} from '../domain/request/setting-form.ts';
import { alarmSettingsFromEnv } from './alarm-settings.ts';
import {
  type ChannelConfig,
  channelSettingsFromEnv,
  type SecretSetting,
} from './channel-settings.ts';
import { envNames } from './env-names.ts';
import { type HookSettings, hookSettingsFromEnv } from './hook-settings.ts';
import { pointerSettingsFromEnv } from './pointer-settings.ts';
import { type Env, read, readSetting, readTime, readWhole, wrong } from './read-env.ts';
import { type RegistryConfig, registryFromEnv } from './registry-settings.ts';
import type { SenderSettings } from './sender-settings.ts';
import { type StoreConfig, type Surface, storeFromEnv } from './store-settings.ts';

export type { Env } from './read-env.ts';

/** Everything that was set, read once and resolved. Holds a secret: never log it. */
export interface Config {
  readonly registry: RegistryConfig;
  readonly store: StoreConfig;
  /** Null: notices go to the console. */
  readonly topicArn: string | null;
  readonly snsFormat: 'json' | 'chat';
  readonly channels: readonly ChannelConfig[];
  /** The key that signs what is sent to servers of one's own; null: none is set. */
  readonly signingKey: SecretSetting | null;
  readonly hooks: HookSettings;
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  readonly pointers: PointerSettings;
  readonly observeMs: number;
  readonly writeHorizonMs: number;
  /** Null in Lambda, whose clock AWS keeps right. */
  readonly clockSkewMaxMs: number | null;
  readonly alarms: AlarmSettings;
  /** Those that only commands and the service read. @default nothing is set */
  readonly senders?: SenderSettings;
  readonly warnings: readonly Warning[];
}

/**
 * Reads the environment.
 * @throws ConfigurationError naming the variable, what it held (never a secret) and what is allowed
 */
export function configFromEnv(
  env: Env,
  surface: Surface,
  readRegistry: typeof registryFromEnv = registryFromEnv,
): Config {
  const warnings = settingsWarnings(env);
  const writeHorizonSeconds = readWhole(env, 'ROLLBACK_WRITE_HORIZON_SECONDS', 60, 1, 900);
  if (writeHorizonSeconds * 1000 < limits.clockSkewMaxMs) {
    warnings.push({
      code: 'SHORT_WRITE_HORIZON',
      message:
        `ROLLBACK_WRITE_HORIZON_SECONDS is ${writeHorizonSeconds}: below 30, a run that was interrupted may be ` +
        'resumed while its write may still take effect.',
    });
  }
  const notices = channelSettingsFromEnv(env);
  const registry = readRegistry(env, surface);
  return {
    registry,
    store: storeFromEnv(env, surface),
    topicArn: topicFromEnv(env, surface),
    snsFormat: notices.snsFormat,
    channels: notices.channels,
    cooldownMs: readSetting(env, 'ROLLBACK_COOLDOWN_HOURS', '24', cooldownForm),
    targetRule: readSetting(env, 'ROLLBACK_TARGET_RULE', 'last-good', targetRuleForm),
    signingKey: notices.signingKey,
    hooks: hookSettingsFromEnv(env),
    pointers: pointerSettingsFromEnv(env),
    observeMs: readTime(env, 'ROLLBACK_OBSERVE_MINUTES', 'minutes', 5, 1_440),
    writeHorizonMs: writeHorizonSeconds * 1000,
    clockSkewMaxMs: surface === 'command' ? limits.clockSkewMaxMs : null,
    alarms: alarmSettingsFromEnv(env),
    warnings: [...warnings, ...registry.warnings, ...notices.warnings],
  };
}

/**
 * What is said about variables of ours that nobody knows. One that is nearly known is an error for
 * whoever uses any setting: else a misspelt `ROLLBACK_STATE_TABLE` would read another store.
 * @throws ConfigurationError
 */
export function settingsWarnings(env: Env): Warning[] {
  const known: readonly string[] = envNames;
  const warnings: Warning[] = [];
  for (const [name, value] of Object.entries(env)) {
    // Whatever is misspelt in it, `ROLBACK_STORE` too; other programs have few that begin so.
    if (!/^r/i.test(name) || known.includes(name) || !value) continue;
    const near = nearestName(name, known);
    if (near !== undefined) {
      throw new ConfigurationError(
        `The variable ${name} is unknown: did you mean ${near}? Rename it, or unset it.`,
      );
    }
    if (!/^rollback_/i.test(name)) continue;
    warnings.push({
      code: 'UNKNOWN_SETTING',
      message: `The variable ${name} is unknown, and ignored.`,
    });
  }
  return warnings;
}

/** @throws ConfigurationError */
export function topicFromEnv(env: Env, surface: Surface): string | null {
  const arn = read(env, 'ALERT_SNS_TOPIC_ARN');
  if (arn === undefined) {
    if (surface === 'command') return null;
    throw new ConfigurationError(
      'ALERT_SNS_TOPIC_ARN is not set. Set it to the ARN of the SNS topic for notices.',
    );
  }
  if (!/^arn:aws[a-z-]*:sns:[\w-]+:\d{12}:[\w-]{1,256}$/.test(arn)) {
    throw wrong('ALERT_SNS_TOPIC_ARN', arn, 'the ARN of a standard SNS topic (not FIFO)');
  }
  return arn;
}
