/**
 * All that is thrown: bad requests, and what a retry by the caller can cure.
 * Refusals and the like are outcomes (rollback.ts), not errors.
 *
 * `name` is a literal because a minifier renames classes and Step Functions matches on the name.
 */
export const ErrorCode = {
  INVALID_REQUEST: 'INVALID_REQUEST',
  CONFIGURATION: 'CONFIGURATION',
  MODEL_NOT_FOUND: 'MODEL_NOT_FOUND',
  VERSION_NOT_FOUND: 'VERSION_NOT_FOUND',
  REGISTRY_REFUSED: 'REGISTRY_REFUSED',
  REGISTRY_UNAVAILABLE: 'REGISTRY_UNAVAILABLE',
  STATE_CORRUPT: 'STATE_CORRUPT',
  STATE_STORE_UNAVAILABLE: 'STATE_STORE_UNAVAILABLE',
  ROLLBACK_IN_PROGRESS: 'ROLLBACK_IN_PROGRESS',
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Base of every error that this package throws on purpose. */
export abstract class ModelRollbackError extends Error {
  abstract override readonly name: string;
  /** Stable, listed in docs/reference/errors.md. */
  abstract readonly code: ErrorCode;
  /** True when the same request may succeed later. */
  readonly isRetryable: boolean = false;
}

/** The request breaks its contract; also the same key with another body. Never retried. */
export class InvalidRequestError extends ModelRollbackError {
  override readonly name = 'InvalidRequestError';
  readonly code: ErrorCode = ErrorCode.INVALID_REQUEST;
}

/** A setting is missing or wrong; names the variable, what it held (never a secret), what is allowed. */
export class ConfigurationError extends ModelRollbackError {
  override readonly name = 'ConfigurationError';
  readonly code: ErrorCode = ErrorCode.CONFIGURATION;
}

/** The registry has no such registered model (or hides it from this login). */
export class ModelNotFoundError extends ModelRollbackError {
  override readonly name = 'ModelNotFoundError';
  readonly code: ErrorCode = ErrorCode.MODEL_NOT_FOUND;
}

/** The asked-for version does not exist or was deleted. An implicit target never causes this. */
export class VersionNotFoundError extends ModelRollbackError {
  override readonly name = 'VersionNotFoundError';
  readonly code: ErrorCode = ErrorCode.VERSION_NOT_FOUND;
}

/** The registry answered with a refusal (401, 403, wrong route, Host check…). A retry does not help. */
export class RegistryRefusedError extends ModelRollbackError {
  override readonly name = 'RegistryRefusedError';
  readonly code: ErrorCode = ErrorCode.REGISTRY_REFUSED;
}

/** The registry gave no answer, or no useful one; also when our own time ran out. Retry. */
export class RegistryUnavailableError extends ModelRollbackError {
  override readonly name = 'RegistryUnavailableError';
  readonly code: ErrorCode = ErrorCode.REGISTRY_UNAVAILABLE;
  override readonly isRetryable = true;
}

/** An item of the state store is unreadable: corrupt, edited by hand, or of a newer version. */
export class StateCorruptError extends ModelRollbackError {
  override readonly name = 'StateCorruptError';
  readonly code: ErrorCode = ErrorCode.STATE_CORRUPT;
}

/** The state store throttled, timed out or failed. Retry. Not: a missing table (ConfigurationError). */
export class StateStoreUnavailableError extends ModelRollbackError {
  override readonly name = 'StateStoreUnavailableError';
  readonly code: ErrorCode = ErrorCode.STATE_STORE_UNAVAILABLE;
  override readonly isRetryable = true;
}

/** Another run holds the model and its lease is alive. Retry. */
export class RollbackInProgressError extends ModelRollbackError {
  override readonly name = 'RollbackInProgressError';
  readonly code: ErrorCode = ErrorCode.ROLLBACK_IN_PROGRESS;
  override readonly isRetryable = true;
}

/** True for errors of this package, whichever copy of it threw them. */
export function isModelRollbackError(error: unknown): error is ModelRollbackError {
  return (
    error instanceof Error &&
    'code' in error &&
    Object.values(ErrorCode).includes(error.code as ErrorCode)
  );
}

/** A short text for any thrown value, for warnings and logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
