import { ConfigurationError } from '../domain/errors.ts';
import type { Warning } from '../domain/request/request.ts';
import { type ConnectionSettings, connectionFromEnv, noEffect } from './connection-settings.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read, readBoolean, wrong } from './read-env.ts';
import { loginFromEnv, loginsIn, type RegistryLogin, type UserInfo } from './registry-login.ts';
import { gatewaySigning, type SigningSettings, sageMakerFromEnv } from './sagemaker-address.ts';

export interface RegistryConfig {
  /** Which API it speaks. */
  readonly kind: 'mlflow' | 'unity-catalog';
  readonly baseUrl: URL;
  /** For people and records: without user info; the ARN of a server of SageMaker. */
  readonly address: string;
  readonly auth: RegistryAuth;
  readonly connection: ConnectionSettings;
  readonly workspace: string | null;
  /** What is set, and has no effect there. */
  readonly warnings: readonly Warning[];
}

export type RegistryAuth = RegistryLogin | SignedRequests;

/** Each request is signed with AWS credentials. */
export interface SignedRequests extends SigningSettings {
  readonly kind: 'signed';
}

/** @throws ConfigurationError */
export function registryFromEnv(
  env: Env,
  surface: 'lambda' | 'command' = 'lambda',
): RegistryConfig {
  const name = registryVariable(env);
  const text = read(env, name);
  if (text === undefined) {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_URI is not set. Set it to the address of the MLflow server, such as https://mlflow.example.com.',
    );
  }
  const workspace = workspaceFromEnv(env);
  if (/^arn:/i.test(text)) {
    const { baseUrl, signing } = sageMakerFromEnv(env, name, text);
    const auth = signedRequests(env, signing, noUser);
    return { kind: 'mlflow', address: text, auth, workspace, ...reachedBy(env, baseUrl, auth) };
  }
  if (isDatabricks(text)) {
    throw new ConfigurationError(
      `${name} is ${JSON.stringify(text)}, and the function does not contain what Databricks needs. Use the command, ` +
        'or, for the registry of a workspace, set its address (https://…) and MLFLOW_TRACKING_TOKEN.',
    );
  }
  const { baseUrl, user } = addressIn(name, text);
  const auth = readBoolean(env, 'MLFLOW_TRACKING_AWS_SIGV4')
    ? signedRequests(env, gatewaySigning(baseUrl), user)
    : loginFromEnv(env, user, surface);
  const address = baseUrl.href.replace(/\/+$/, '');
  return { kind: 'mlflow', address, auth, workspace, ...reachedBy(env, baseUrl, auth) };
}

/** The variable that names the registry. */
export function registryVariable(env: Env): EnvName {
  return read(env, 'MLFLOW_REGISTRY_URI') ? 'MLFLOW_REGISTRY_URI' : 'MLFLOW_TRACKING_URI';
}

/** True for `databricks` and `databricks-uc`, also with a profile. */
export function isDatabricks(text: string): boolean {
  return /^databricks(-uc)?(:|$)/i.test(text);
}

/** @throws ConfigurationError */
export function workspaceFromEnv(env: Env): string | null {
  const workspace = read(env, 'MLFLOW_WORKSPACE');
  if (workspace !== undefined && !/^[a-z0-9](-?[a-z0-9])*$/.test(workspace)) {
    throw wrong('MLFLOW_WORKSPACE', workspace, 'lower-case letters, digits and single hyphens');
  }
  return workspace ?? null;
}

/** How a registry is reached, and what of the settings has no effect there. */
export function reachedBy(
  env: Env,
  baseUrl: URL,
  auth: RegistryAuth,
  unused: readonly EnvName[] = [],
): Pick<RegistryConfig, 'baseUrl' | 'connection' | 'warnings'> {
  const { connection, warnings } = connectionFromEnv(env, baseUrl);
  const others = unused.map((name) => noEffect(name, 'the login is that of Databricks'));
  return { baseUrl, connection, warnings: [...loginWarnings(env, auth), ...others, ...warnings] };
}

// ---------------------------------------------------------------------------------------------------

const noUser: UserInfo = { name: '', password: '' };

/**
 * An address, and the login that stands in it.
 * @throws ConfigurationError
 */
export function addressIn(
  name: EnvName,
  text: string,
  example = 'https://mlflow.example.com/prefix',
): { baseUrl: URL; user: UserInfo } {
  const allowed = `an address such as ${example} (http or https)`;
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
  return { baseUrl, user };
}

/**
 * Our own secret beside signatures is a mistake; MLflow's variables are ignored then, as its client does.
 * @throws ConfigurationError
 */
function signedRequests(env: Env, signing: SigningSettings, user: UserInfo): SignedRequests {
  if (user.name !== '' || user.password !== '') {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_AWS_SIGV4 is true, and the address holds a login. Requests can have one of both: remove ' +
        'the login from the address, or unset MLFLOW_TRACKING_AWS_SIGV4.',
    );
  }
  if (read(env, 'MLFLOW_TRACKING_SECRET_ARN') !== undefined) {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_SECRET_ARN is set, but requests to this registry are signed with AWS credentials and have no ' +
        'other login. Unset MLFLOW_TRACKING_SECRET_ARN.',
    );
  }
  return { kind: 'signed', ...signing };
}

function loginWarnings(env: Env, auth: RegistryAuth): readonly Warning[] {
  const isSigned = auth.kind === 'signed';
  const isSageMaker = isSigned && auth.routing !== null;
  return [
    ...(isSigned
      ? loginsIn(env).map((name) => noEffect(name, 'requests are signed with AWS credentials'))
      : []),
    ...(['SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN', 'SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT'] as const)
      .filter((name) => !isSageMaker && read(env, name) !== undefined)
      .map((name) => noEffect(name, 'the address of the registry is not an ARN of SageMaker')),
    ...(read(env, 'MLFLOW_TRACKING_AUTH') === undefined || isSageMaker
      ? []
      : [noEffect('MLFLOW_TRACKING_AUTH', 'plugins of MLflow for Python cannot be used here')]),
  ];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
