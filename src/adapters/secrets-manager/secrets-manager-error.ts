import { ConfigurationError, messageOf, RegistryUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { SecretUse } from './secret-use.ts';

/** Sent as a refusal (400), and they pass soon. */
const throttling = /throttl|TooManyRequests|RequestLimitExceeded|SlowDown|RequestTimeout/i;

/** What an error of the SDK means for us, with the fix in the message. */
export function secretError(
  error: unknown,
  secretId: string,
  { variable, what }: Pick<SecretUse, 'variable' | 'what'>,
): ConfigurationError | RegistryUnavailableError {
  const { name = 'Error', $metadata } = error as Partial<Error> & {
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const cause = error;
  // Only an ARN is shown. Somebody may have put the password itself there, and a refusal quotes it.
  const isArn = secretId.startsWith('arn:');
  const [line = ''] = messageOf(error).split('\n', 1);
  const reason = (isArn ? line : line.replaceAll(secretId, '***')).slice(0, limits.textLengthMax);
  const head = `The secret that ${variable} names${isArn ? ` (${secretId})` : ''}`;
  if (/region is missing/i.test(line)) {
    return new ConfigurationError(`AWS_REGION is not set. Set it, or set ${variable} to the ARN.`, {
      cause,
    });
  }
  if (name === 'ResourceNotFoundException') {
    return new ConfigurationError(
      `${head} does not exist in this account and region. Create it, or set the ARN of an existing one.`,
      { cause },
    );
  }
  const status = $metadata?.httpStatusCode ?? 0;
  const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (name === 'CredentialsProviderError' || (isRefused && !throttling.test(name))) {
    return new ConfigurationError(
      `${head} cannot be read (${name}: ${reason}). Check that it has a current value, and that the ` +
        'role may use secretsmanager:GetSecretValue on it, and kms:Decrypt on its key.',
      { cause: isArn ? cause : undefined },
    );
  }
  return new RegistryUnavailableError(
    `${head} could not be read (${name}: ${reason}); without it there is no ${what}. Try again.`,
    { cause: isArn ? cause : undefined },
  );
}
