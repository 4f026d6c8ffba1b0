import { ConfigurationError } from '../domain/errors.ts';
import { profileIn } from './databricks-profile.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read, wrong } from './read-env.ts';
import { type RegistryLogin, secretLogin } from './registry-login.ts';

/** A registry of Databricks: that of a workspace, which is MLflow's, or that of Unity Catalog. */
export interface DatabricksRegistry {
  readonly kind: 'mlflow' | 'unity-catalog';
  readonly baseUrl: URL;
  readonly auth: RegistryLogin;
}

/**
 * @param name the variable that holds `text`
 * @throws ConfigurationError
 */
export function databricksFromEnv(
  env: Env,
  { name, text }: { readonly name: EnvName; readonly text: string },
): DatabricksRegistry {
  const [, scheme, profile = null] = /^(databricks(?:-uc)?)(?::\/\/([\w.-]+))?$/.exec(text) ?? [];
  if (scheme === undefined) {
    throw wrong(name, text, '`databricks` or `databricks-uc`, each also with `://PROFILE`');
  }
  const settings = profile === null ? fromEnv(env) : profileIn(env, profile);
  return {
    kind: scheme === 'databricks' ? 'mlflow' : 'unity-catalog',
    baseUrl: hostIn(settings),
    auth: loginIn(env, settings),
  };
}

// ---------------------------------------------------------------------------------------------------

/** What reaches a workspace, and where each part of it was found. */
export interface DatabricksSettings {
  readonly source: 'env' | { readonly file: string };
  readonly host: string | undefined;
  readonly token: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
}

const loginNames = 'DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET';

/** Without any variable the profile DEFAULT counts, as in Databricks' own tools. */
function fromEnv(env: Env): DatabricksSettings {
  const host = read(env, 'DATABRICKS_HOST');
  if (host === undefined) {
    const stored = profileIn(env, null);
    if (stored.host !== undefined) return stored;
  }
  return {
    source: 'env',
    host,
    token: read(env, 'DATABRICKS_TOKEN'),
    clientId: read(env, 'DATABRICKS_CLIENT_ID'),
    clientSecret: read(env, 'DATABRICKS_CLIENT_SECRET'),
  };
}

function hostIn({ source, host }: DatabricksSettings): URL {
  const where = source === 'env' ? 'DATABRICKS_HOST' : `host in ${source.file}`;
  if (host === undefined) {
    throw new ConfigurationError(
      `${where} is not set. Set it to the address of the workspace, such as https://dbc-a1b2345c-d6e7.cloud.databricks.com.`,
    );
  }
  const url = URL.parse(/^https?:\/\//i.test(host) ? host : `https://${host}`);
  const isPlain =
    url !== null && url.username === '' && url.password === '' && url.search + url.hash === '';
  if (!isPlain || url.pathname !== '/') {
    throw new ConfigurationError(
      `${where} must be the address of the workspace alone, such as https://dbc-a1b2345c-d6e7.cloud.databricks.com.`,
    );
  }
  return url;
}

function loginIn(env: Env, settings: DatabricksSettings): RegistryLogin {
  const { source, token, clientId, clientSecret } = settings;
  const isEnv = source === 'env';
  const where = isEnv ? 'the environment' : source.file;
  const secret = isEnv ? secretLogin(env) : null;
  const [ofToken, ofId, ofSecret] = isEnv
    ? ['DATABRICKS_TOKEN', 'DATABRICKS_CLIENT_ID', 'DATABRICKS_CLIENT_SECRET']
    : ['token', 'client_id', 'client_secret'];
  const isClient = clientId !== undefined || clientSecret !== undefined;
  const found = [
    ...(token === undefined ? [] : [ofToken]),
    ...(isClient ? [`${ofId} and ${ofSecret}`] : []),
    ...(secret === null ? [] : ['MLFLOW_TRACKING_SECRET_ARN']),
  ];
  if (found.length > 1) {
    throw new ConfigurationError(
      `There is more than one login to Databricks in ${where}: ${found.join('; ')}. Remove all but one.`,
    );
  }
  if (secret !== null) return secret;
  if (token !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new ConfigurationError(
        `${ofToken} in ${where} contains characters that a token cannot have. Set it again.`,
      );
    }
    const shown = isEnv ? ofToken : where;
    return { kind: 'login', authorization: `Bearer ${token}`, source: shown };
  }
  if (clientId === undefined || clientSecret === undefined) {
    const missing = isClient
      ? `${clientId === undefined ? ofId : ofSecret} is not set, but the other half of the login is. Set both.`
      : `There is no login to Databricks in ${where}. Set ${isEnv ? loginNames : 'token, or client_id and client_secret, there'}.`;
    throw new ConfigurationError(missing);
  }
  const shown = isEnv ? `${ofId} and ${ofSecret}` : where;
  return { kind: 'oauth', clientId, clientSecret, source: shown };
}
