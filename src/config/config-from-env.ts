import type { AlarmSettings } from '../domain/alarm/alarm-settings.ts';
import type { TargetRuleSetting } from '../domain/decide/target.ts';
import { ConfigurationError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { nearestName } from '../domain/near-name.ts';
import type { PointerSettings } from '../domain/registry/pointer.ts';
import type { Warning } from '../domain/request/request.ts';
import { alarmSettingsFromEnv } from './alarm-settings.ts';
import { type ChannelConfig, channelSettingsFromEnv } from './channel-settings.ts';
import { envNames } from './env-names.ts';
import { pointerSettingsFromEnv } from './pointer-settings.ts';
import { type Env, read, readTime, readWhole, readWord, wrong } from './read-env.ts';
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
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  readonly pointers: PointerSettings;
  readonly observeMs: number;
  readonly writeHorizonMs: number;
  /** Null in Lambda, whose clock AWS keeps right. */
  readonly clockSkewMaxMs: number | null;
  readonly alarms: AlarmSettings;
  readonly warnings: readonly Warning[];
}

export interface RegistryConfig {
  readonly baseUrl: URL;
  /** For people and records: without user info. */
  readonly address: string;
  /** Value of the Authorization header. Secret. */
  readonly authorization: string | null;
  /** Name or ARN of the secret that holds the login, read at run time; then `authorization` is null. */
  readonly secretId: string | null;
  readonly workspace: string | null;
}

/**
 * Reads the environment.
 * @throws ConfigurationError naming the variable, what it held (never a secret) and what is allowed
 */
export function configFromEnv(env: Env, surface: Surface): Config {
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
  return {
    registry: registryFromEnv(env),
    store: storeFromEnv(env, surface),
    topicArn: topicFromEnv(env, surface),
    snsFormat: notices.snsFormat,
    channels: notices.channels,
    cooldownMs: readTime(env, 'ROLLBACK_COOLDOWN_HOURS', 'hours', 24, 8_760),
    targetRule: readWord(env, 'ROLLBACK_TARGET_RULE', ['last-good', 'latest-archived']),
    pointers: pointerSettingsFromEnv(env),
    observeMs: readTime(env, 'ROLLBACK_OBSERVE_MINUTES', 'minutes', 5, 1_440),
    writeHorizonMs: writeHorizonSeconds * 1000,
    clockSkewMaxMs: surface === 'command' ? limits.clockSkewMaxMs : null,
    alarms: alarmSettingsFromEnv(env),
    warnings: [...warnings, ...notices.warnings],
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
export function workspaceFromEnv(env: Env): string | null {
  const workspace = read(env, 'MLFLOW_WORKSPACE');
  if (workspace !== undefined && !/^[a-z0-9](-?[a-z0-9])*$/.test(workspace)) {
    throw wrong('MLFLOW_WORKSPACE', workspace, 'lower-case letters, digits and single hyphens');
  }
  return workspace ?? null;
}

/** @throws ConfigurationError */
export function registryFromEnv(env: Env): RegistryConfig {
  const name = read(env, 'MLFLOW_REGISTRY_URI') ? 'MLFLOW_REGISTRY_URI' : 'MLFLOW_TRACKING_URI';
  const text = read(env, name);
  if (text === undefined) {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_URI is not set. Set it to the address of the MLflow server, such as https://mlflow.example.com.',
    );
  }
  const allowed = 'an address such as https://mlflow.example.com/prefix (http or https)';
  // Whatever stands before an @ may be a login, also where the address is too broken to be parsed.
  const shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
  if (!URL.canParse(text)) throw wrong(name, shown, allowed);
  const baseUrl = new URL(text);
  const user = { name: decode(baseUrl.username), password: decode(baseUrl.password) };
  baseUrl.username = '';
  baseUrl.password = '';
  const isPlain = baseUrl.search === '' && baseUrl.hash === '';
  if (!['http:', 'https:'].includes(baseUrl.protocol) || !isPlain) {
    throw wrong(name, shown, `${allowed}, without ? and #`);
  }
  return {
    baseUrl,
    address: baseUrl.href.replace(/\/+$/, ''),
    ...loginOf(env, user),
    workspace: workspaceFromEnv(env),
  };
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

// ---------------------------------------------------------------------------------------------------

/** Two sources of a login are a mistake: nobody could say which one the registry gets. */
function loginOf(
  env: Env,
  user: { name: string; password: string },
): Pick<RegistryConfig, 'authorization' | 'secretId'> {
  const secretId = read(env, 'MLFLOW_TRACKING_SECRET_ARN');
  if (secretId === undefined) return { authorization: authorizationOf(env, user), secretId: null };
  const others = [
    ...loginNames.filter((name) => read(env, name) !== undefined),
    ...(user.name === '' && user.password === '' ? [] : ['the login inside the address']),
  ];
  if (others.length > 0) {
    throw new ConfigurationError(
      `MLFLOW_TRACKING_SECRET_ARN is set, and a login in the environment too. To use the secret, remove ` +
        `${others.join(', ')}. To use the login, unset MLFLOW_TRACKING_SECRET_ARN.`,
    );
  }
  // Without the value: somebody may have put the secret itself there.
  if (!/^(arn:aws[a-z-]*:secretsmanager:[\w-]+:\d{12}:secret:)?[\w/+=.@-]{1,512}$/.test(secretId)) {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_SECRET_ARN must be the ARN or the name of a secret in Secrets Manager.',
    );
  }
  return { authorization: null, secretId };
}

const loginNames = [
  'MLFLOW_TRACKING_USERNAME',
  'MLFLOW_TRACKING_PASSWORD',
  'MLFLOW_TRACKING_TOKEN',
] as const;

/** Basic when there is a whole login, else the token: as MLflow's own client does. */
function authorizationOf(env: Env, user: { name: string; password: string }): string | null {
  const login = read(env, 'MLFLOW_TRACKING_USERNAME') ?? user.name;
  // A password may begin or end with a space.
  const password = env['MLFLOW_TRACKING_PASSWORD'] || user.password;
  const token = read(env, 'MLFLOW_TRACKING_TOKEN');
  if (login !== '' && password !== '') {
    return `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`;
  }
  if (token !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new ConfigurationError(
        'MLFLOW_TRACKING_TOKEN contains characters that a token cannot have. Set it again.',
      );
    }
    return `Bearer ${token}`;
  }
  if (login !== '' || password !== '') {
    const pair = ['MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD'];
    const [missing, other] = login === '' ? pair : pair.toReversed();
    throw new ConfigurationError(`${missing} is not set, but ${other} is. Set both, or neither.`);
  }
  return null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
