import { ConfigurationError } from '../domain/errors.ts';
import { type StoredLogin, storedLogin } from './credentials-file.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read } from './read-env.ts';

/** A login for every request, the same for all of them. */
export type RegistryLogin =
  | {
      readonly kind: 'login';
      /** The value of the Authorization header, secret; null: there is no login. */
      readonly authorization: string | null;
      /** Where it is set, for people, if not in the environment. */
      readonly source?: string;
    }
  /** Name or ARN of the secret that holds the login, read at run time. */
  | StoredSecret
  /** Tokens for an hour, each by the id and the secret of a service principal of Databricks. */
  | {
      readonly kind: 'oauth';
      readonly clientId: string;
      /** Secret. */
      readonly clientSecret: string;
      /** Where they are set, for people. */
      readonly source: string;
    };

interface StoredSecret {
  readonly kind: 'secret';
  readonly secretId: string;
}

/** The part of an address before its @. */
export interface UserInfo {
  readonly name: string;
  readonly password: string;
}

/**
 * Two sources of a login in the environment are a mistake: nobody could say which one the registry gets.
 * @param surface the file that MLflow keeps a login in is for people
 * @throws ConfigurationError
 */
export function loginFromEnv(
  env: Env,
  user: UserInfo,
  surface: 'lambda' | 'command',
): RegistryLogin {
  const secret = secretLogin(env);
  if (secret === null) {
    return plainLogin(env, user, surface === 'command' ? storedLogin(env) : null);
  }
  const others = [
    ...loginsIn(env),
    ...(user.name === '' && user.password === '' ? [] : ['the login inside the address']),
  ];
  if (others.length > 0) {
    throw new ConfigurationError(
      `MLFLOW_TRACKING_SECRET_ARN is set, and a login in the environment too. To use the secret, remove ` +
        `${others.join(', ')}. To use the login, unset MLFLOW_TRACKING_SECRET_ARN.`,
    );
  }
  return secret;
}

/**
 * The secret that holds a login; null where none is named.
 * @throws ConfigurationError
 */
export function secretLogin(env: Env): StoredSecret | null {
  const secretId = read(env, 'MLFLOW_TRACKING_SECRET_ARN');
  if (secretId === undefined) return null;
  // Without the value: somebody may have put the secret itself there.
  if (!/^(arn:aws[a-z-]*:secretsmanager:[\w-]+:\d{12}:secret:)?[\w/+=.@-]{1,512}$/.test(secretId)) {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_SECRET_ARN must be the ARN or the name of a secret in Secrets Manager.',
    );
  }
  return { kind: 'secret', secretId };
}

/** The variables with a login that are set. */
export function loginsIn(env: Env): readonly EnvName[] {
  return loginNames.filter((name) => read(env, name) !== undefined);
}

// ---------------------------------------------------------------------------------------------------

const loginNames = [
  'MLFLOW_TRACKING_USERNAME',
  'MLFLOW_TRACKING_PASSWORD',
  'MLFLOW_TRACKING_TOKEN',
] as const;

/**
 * Basic when there is a whole login, else the token, and from the file what is nowhere else: as MLflow's own client
 * does.
 */
function plainLogin(env: Env, user: UserInfo, stored: StoredLogin | null): RegistryLogin {
  const login = (read(env, 'MLFLOW_TRACKING_USERNAME') ?? user.name) || (stored?.name ?? '');
  // A password may begin or end with a space.
  const own = env['MLFLOW_TRACKING_PASSWORD'] || user.password;
  const password = own || (stored?.password ?? '');
  const token = read(env, 'MLFLOW_TRACKING_TOKEN');
  if (login !== '' && password !== '') {
    const authorization = `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`;
    const isStored = stored !== null && own === '';
    return { kind: 'login', authorization, ...(isStored ? { source: stored.path } : {}) };
  }
  if (token !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new ConfigurationError(
        'MLFLOW_TRACKING_TOKEN contains characters that a token cannot have. Set it again.',
      );
    }
    return { kind: 'login', authorization: `Bearer ${token}` };
  }
  if (login !== '' || password !== '') {
    const pair = ['MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD'];
    const [missing, other] = login === '' ? pair : pair.toReversed();
    const also = stored === null ? '' : `, also not in ${stored.path}`;
    throw new ConfigurationError(
      `${missing} is not set${also}, but ${other} is. Set both, or neither.`,
    );
  }
  return { kind: 'login', authorization: null };
}
