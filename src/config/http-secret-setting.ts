import { ConfigurationError } from '../domain/errors.ts';
import { type Env, read } from './read-env.ts';

/**
 * The secret with the tokens of the function behind a URL: its ARN, or its name in the own account and region.
 * @throws ConfigurationError
 */
export function httpSecretFromEnv(env: Env): string {
  const secretId = read(env, 'ROLLBACK_HTTP_SECRET_ARN');
  if (secretId !== undefined) return secretId;
  throw new ConfigurationError(
    'ROLLBACK_HTTP_SECRET_ARN is not set. Set it to the ARN of the secret of Secrets Manager that holds the tokens, ' +
      'as JSON: {"tokens": "operator TOKEN ci"}.',
  );
}
