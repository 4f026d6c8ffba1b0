import { senderKeyTrouble } from '../domain/channel.ts';
import { ConfigurationError } from '../domain/errors.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read } from './read-env.ts';
import { addressIn } from './registry-settings.ts';

/** Who sends alerts and webhooks to the service. Holds secrets: never log it. */
export interface SenderSettings {
  /** Where the state of an alert can be asked for; null: its last message counts. */
  readonly alertmanager: AlertmanagerSettings | null;
  /** What Grafana signs its messages with; null: they need a token. */
  readonly grafanaSecret: string | null;
  /** What MLflow signs its webhooks with; null: they are not received. */
  readonly mlflowSecret: string | null;
}

export interface AlertmanagerSettings {
  /** Without the login. */
  readonly baseUrl: URL;
  /** The value of the header Authorization; null: it needs none. */
  readonly authorization: string | null;
}

/** @throws ConfigurationError naming the variable, and never what a secret one held */
export function senderSettingsFromEnv(env: Env): SenderSettings {
  return {
    alertmanager: alertmanagerFromEnv(env),
    grafanaSecret: secretIn(env, 'ROLLBACK_GRAFANA_SECRET'),
    mlflowSecret: secretIn(env, 'ROLLBACK_MLFLOW_WEBHOOK_SECRET'),
  };
}

// ---------------------------------------------------------------------------------------------------

function alertmanagerFromEnv(env: Env): AlertmanagerSettings | null {
  const name = 'ROLLBACK_ALERTMANAGER_URL';
  const text = read(env, name);
  if (text === undefined) return null;
  const { baseUrl, user } = addressIn(name, text, 'http://alertmanager:9093');
  const login = `${user.name}:${user.password}`;
  const authorization = login === ':' ? null : `Basic ${Buffer.from(login).toString('base64')}`;
  return { baseUrl, authorization };
}

function secretIn(env: Env, name: EnvName): string | null {
  const secret = read(env, name);
  if (secret === undefined) return null;
  const trouble = senderKeyTrouble(secret);
  if (trouble === null) return secret;
  throw new ConfigurationError(
    `${name} ${trouble}. Set it to the secret that the sender signs with; to make one, run openssl rand -hex 32`,
  );
}
