import { commandText } from '../../domain/command-line.ts';
import { ConfigurationError, messageOf, StateStoreUnavailableError } from '../../domain/errors.ts';

const credentialErrors = [
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
];

/** What an error of the SDK means for us, with the fix in its message. */
export function storeError(
  error: unknown,
  tableName: string,
): ConfigurationError | StateStoreUnavailableError {
  const name = error instanceof Error ? error.name : '';
  const cause = error;
  if (name === 'ResourceNotFoundException') {
    return new ConfigurationError(
      `ROLLBACK_STATE_TABLE names the table "${tableName}", which does not exist in this account and region. ` +
        `Make it with ${commandText('create-table')}, or set the name of the one that is there.`,
      { cause },
    );
  }
  if (credentialErrors.includes(name)) {
    return new ConfigurationError(
      `The state table "${tableName}" cannot be used with these AWS credentials (${name}: ${messageOf(error)}). ` +
        'Check the role, AWS_REGION and AWS_PROFILE; docs/reference/configuration.md lists the permissions.',
      { cause },
    );
  }
  if (/region is missing/i.test(messageOf(error))) {
    return new ConfigurationError(
      'AWS_REGION is not set. Set it to the region of the state table.',
      {
        cause,
      },
    );
  }
  if (name === 'ValidationException') {
    return new ConfigurationError(
      `The state table "${tableName}" cannot be used: ${messageOf(error)}. ` +
        `It needs the keys and indexes that ${commandText('create-table')} makes.`,
      { cause },
    );
  }
  return new StateStoreUnavailableError(
    `The state table "${tableName}" did not answer as it should (${name}: ${messageOf(error)}). Try again.`,
    { cause },
  );
}
