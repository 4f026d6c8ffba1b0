import { addressTrouble, type ChannelName, channelNames, keyTrouble } from '../domain/channel.ts';
import { ConfigurationError } from '../domain/errors.ts';
import type { Warning } from '../domain/request/request.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read, readWord, wrong } from './read-env.ts';

/** Where notices go beside the topic, or the terminal. Holds secrets: never log it. */
export type ChannelConfig =
  /** Their address is the secret. */
  | { readonly name: 'slack' | 'teams'; readonly secret: SecretSetting }
  /** Their address is known, and a key opens it. */
  | { readonly name: 'pagerduty' | 'webhook'; readonly url: URL; readonly secret: SecretSetting }
  /** Name or ARN of the bus. */
  | { readonly name: 'eventbridge'; readonly bus: string };

/** A secret that stands in a variable itself, or in Secrets Manager. */
export interface SecretSetting {
  /** The variable that it comes from. */
  readonly variable: EnvName;
  /** What it is: an address, or a key. */
  readonly use: 'address' | 'key';
  /** Exactly one of the two is set. */
  readonly value: string | null;
  readonly secretId: string | null;
}

export interface ChannelSettings {
  readonly channels: readonly ChannelConfig[];
  /** The key that signs notices of the channel `webhook`, and calls of hooks; null: none is set. */
  readonly signingKey: SecretSetting | null;
  readonly snsFormat: 'json' | 'chat';
  readonly warnings: readonly Warning[];
}

/**
 * Reads the settings of the channels.
 * @throws ConfigurationError naming the variable, and never what a secret one held
 */
export function channelSettingsFromEnv(env: Env): ChannelSettings {
  const names = namesIn(env);
  for (const name of channelNames) {
    const set = variablesOf[name].find((variable) => read(env, variable) !== undefined);
    if (set === undefined || names.includes(name)) continue;
    throw new ConfigurationError(
      `${set} is set, but ROLLBACK_CHANNELS does not name ${name}, so no notice goes there. ` +
        `Set ROLLBACK_CHANNELS=${[...names, name].join(',')}, or unset ${set}.`,
    );
  }
  const channels = names.map((name) => channelFromEnv(env, name));
  const snsFormat = readWord(env, 'ROLLBACK_SNS_FORMAT', ['json', 'chat']);
  const signingKey = secretFromEnv(env, 'key', signingVariables);
  return { channels, signingKey, snsFormat, warnings: warningsOf(signingKey) };
}

// ---------------------------------------------------------------------------------------------------

const variablesOf: Readonly<Record<ChannelName, readonly EnvName[]>> = {
  slack: ['ROLLBACK_SLACK_URL', 'ROLLBACK_SLACK_SECRET_ARN'],
  teams: ['ROLLBACK_TEAMS_URL', 'ROLLBACK_TEAMS_SECRET_ARN'],
  pagerduty: [
    'ROLLBACK_PAGERDUTY_ROUTING_KEY',
    'ROLLBACK_PAGERDUTY_SECRET_ARN',
    'ROLLBACK_PAGERDUTY_URL',
  ],
  eventbridge: ['ROLLBACK_EVENT_BUS'],
  // Its key signs calls of hooks too.
  webhook: ['ROLLBACK_WEBHOOK_URL'],
};

const signingVariables = ['ROLLBACK_WEBHOOK_SECRET', 'ROLLBACK_WEBHOOK_SECRET_ARN'] as const;

const pagerDutyAddress = 'https://events.pagerduty.com/v2/enqueue';
const secretLengthMin = 16;

/** An empty name is passed over: templates join names that are not all there. */
function namesIn(env: Env): readonly ChannelName[] {
  const text = read(env, 'ROLLBACK_CHANNELS') ?? '';
  const given = text.split(',').flatMap((name) => name.trim() || []);
  const known = given.filter((name) => (channelNames as readonly string[]).includes(name));
  if (known.length === given.length) return channelNames.filter((name) => given.includes(name));
  throw wrong(
    'ROLLBACK_CHANNELS',
    text,
    `names with commas between them, each one of ${channelNames.join(', ')} (the SNS topic is ALERT_SNS_TOPIC_ARN)`,
  );
}

function channelFromEnv(env: Env, name: ChannelName): ChannelConfig {
  switch (name) {
    case 'slack': {
      const variables = ['ROLLBACK_SLACK_URL', 'ROLLBACK_SLACK_SECRET_ARN'] as const;
      return { name, secret: channelSecret(env, name, 'address', variables) };
    }
    case 'teams': {
      const variables = ['ROLLBACK_TEAMS_URL', 'ROLLBACK_TEAMS_SECRET_ARN'] as const;
      return { name, secret: channelSecret(env, name, 'address', variables) };
    }
    case 'pagerduty': {
      const variables = [
        'ROLLBACK_PAGERDUTY_ROUTING_KEY',
        'ROLLBACK_PAGERDUTY_SECRET_ARN',
      ] as const;
      const url = read(env, 'ROLLBACK_PAGERDUTY_URL') ?? pagerDutyAddress;
      return {
        name,
        url: addressIn('ROLLBACK_PAGERDUTY_URL', url),
        secret: channelSecret(env, name, 'key', variables),
      };
    }
    case 'eventbridge':
      return { name, bus: busFromEnv(env) };
    case 'webhook': {
      const url = read(env, 'ROLLBACK_WEBHOOK_URL');
      if (url === undefined) throw missing(name, 'ROLLBACK_WEBHOOK_URL');
      return {
        name,
        url: addressIn('ROLLBACK_WEBHOOK_URL', url),
        secret: channelSecret(env, name, 'key', signingVariables),
      };
    }
  }
}

function channelSecret(
  env: Env,
  channel: ChannelName,
  use: SecretSetting['use'],
  variables: SecretVariables,
): SecretSetting {
  const secret = secretFromEnv(env, use, variables);
  if (secret === null) throw missing(channel, ...variables);
  return secret;
}

type SecretVariables = readonly [plain: EnvName, stored: EnvName];

function secretFromEnv(
  env: Env,
  use: SecretSetting['use'],
  [plain, stored]: SecretVariables,
): SecretSetting | null {
  const value = read(env, plain);
  const secretId = read(env, stored);
  if (value !== undefined && secretId !== undefined) {
    throw new ConfigurationError(`${plain} and ${stored} are both set. Unset one of them.`);
  }
  if (value !== undefined) {
    const trouble = use === 'address' ? addressTrouble(value) : keyTrouble(value);
    if (trouble !== null) throw unfit(plain, trouble, use);
    return { variable: plain, use, value, secretId: null };
  }
  if (secretId === undefined) return null;
  // Without the value: somebody may have put the secret itself there.
  if (!/^(arn:aws[a-z-]*:secretsmanager:[\w-]+:\d{12}:secret:)?[\w/+=.@-]{1,512}$/.test(secretId)) {
    throw new ConfigurationError(
      `${stored} must be the ARN or the name of a secret in Secrets Manager.`,
    );
  }
  return { variable: stored, use, value: null, secretId };
}

function addressIn(variable: EnvName, text: string): URL {
  const trouble = addressTrouble(text);
  if (trouble !== null) throw unfit(variable, trouble, 'address');
  return new URL(text);
}

function busFromEnv(env: Env): string {
  const bus = read(env, 'ROLLBACK_EVENT_BUS');
  if (bus === undefined) throw missing('eventbridge', 'ROLLBACK_EVENT_BUS');
  if (/^(arn:aws[a-z-]*:events:[\w-]+:\d{12}:event-bus\/)?[/.\w-]{1,256}$/.test(bus)) return bus;
  throw wrong('ROLLBACK_EVENT_BUS', bus, 'the name or ARN of an event bus, such as `default`');
}

function missing(channel: ChannelName, ...variables: readonly EnvName[]): ConfigurationError {
  const or = variables.join(' or ');
  return new ConfigurationError(
    `ROLLBACK_CHANNELS names ${channel}, but ${or} is not set. Set ${or}, or remove ${channel} from ROLLBACK_CHANNELS.`,
  );
}

function unfit(variable: EnvName, trouble: string, use: SecretSetting['use']): ConfigurationError {
  const allowed =
    use === 'address'
      ? 'an https address without a login (http only for this machine itself)'
      : 'the key alone';
  return new ConfigurationError(`${variable} ${trouble}. Set it to ${allowed}.`);
}

function warningsOf(signingKey: SecretSetting | null): Warning[] {
  const value = signingKey?.value ?? null;
  if (value === null || value.length >= secretLengthMin) return [];
  return [
    {
      code: 'SHORT_WEBHOOK_SECRET',
      message: `ROLLBACK_WEBHOOK_SECRET has fewer than ${secretLengthMin} characters, so a signature can be guessed. Use a longer one.`,
    },
  ];
}
