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

/**
 * True for the error that a query of an index gives that the table does not have, or that is still being made.
 */
export function isIndexMissing(error: unknown): boolean {
  const { cause = error } = error instanceof Error ? error : {};
  return (
    cause instanceof Error &&
    cause.name === 'ValidationException' &&
    /does not have the specified index|backfilling/i.test(cause.message)
  );
}

/** What an error of the SDK means for us, with the fix in the message. */
export function storeError(
  error: unknown,
  tableName: string,
): ConfigurationError | StateStoreUnavailableError {
  const name = error instanceof Error ? error.name : '';
  const cause = error;
  if (name === 'ResourceNotFoundException') {
    return new ConfigurationError(
      `ROLLBACK_STATE_TABLE names the table "${tableName}", which does not exist in this account and region. ` +
        `To create it, run ${commandText('create-table')}; or set the name of an existing state table.`,
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
        'Its keys or indexes are not those of a state table. To create one, set ROLLBACK_STATE_TABLE to ' +
        `another name and run ${commandText('create-table')}.`,
      { cause },
    );
  }
  return new StateStoreUnavailableError(
    `The state table "${tableName}" gave no usable answer (${name}: ${messageOf(error)}). Try again.`,
    { cause },
  );
}
