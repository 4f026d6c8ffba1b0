import { keyTrouble } from '../domain/channel.ts';
import { ConfigurationError } from '../domain/errors.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read } from './read-env.ts';

/** Who sends alerts and webhooks to the service. Holds secrets: never log it. */
export interface SenderSettings {
  /** What Grafana signs its messages with; null: they need a token. */
  readonly grafanaSecret: string | null;
  /** What MLflow signs its webhooks with; null: they are not received. */
  readonly mlflowSecret: string | null;
}

/** @throws ConfigurationError naming the variable, and never what a secret one held */
export function senderSettingsFromEnv(env: Env): SenderSettings {
  return {
    grafanaSecret: secretIn(env, 'ROLLBACK_GRAFANA_SECRET'),
    mlflowSecret: secretIn(env, 'ROLLBACK_MLFLOW_WEBHOOK_SECRET'),
  };
}

// ---------------------------------------------------------------------------------------------------

/** Shorter ones could be guessed: who has a signed message can try secrets on it without asking anybody. */
const secretLengthMin = 16;

function secretIn(env: Env, name: EnvName): string | null {
  const secret = read(env, name);
  if (secret === undefined) return null;
  const trouble =
    secret.length < secretLengthMin
      ? `has fewer than ${secretLengthMin} characters`
      : keyTrouble(secret);
  if (trouble === null) return secret;
  throw new ConfigurationError(
    `${name} ${trouble}. Set it to the secret that the sender signs with; to make one, run openssl rand -hex 32`,
  );
}
