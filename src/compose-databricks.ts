import { LoginAuthorizer } from './adapters/mlflow/login-authorizer.ts';
import { OAuthCredentials, type OAuthOptions } from './adapters/mlflow/oauth-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import type { Authorizer } from './ports/authorizer.ts';

/** The part of the composition for Databricks, loaded where that is set. */
export { UnityModelRegistry } from './adapters/mlflow/unity-model-registry.ts';

/** Tokens of a service principal. */
export function oauthLogin(options: OAuthOptions): Authorizer {
  return new LoginAuthorizer(new OAuthCredentials(options, systemClock));
}
