import { ErrorCode, isModelRollbackError } from '../domain/errors.ts';
import { logError } from '../lambda/serve-call.ts';
import type { Logger } from '../ports/logger.ts';
import { pathOf } from './path.ts';

/** What HTTP itself refuses. Errors of rollbacks have their own names (docs/reference/errors.md). */
const httpStatuses = {
  UnauthorizedError: 401,
  ForbiddenError: 403,
  NotFoundError: 404,
  MethodNotAllowedError: 405,
  RequestTimeoutError: 408,
  PayloadTooLargeError: 413,
  UnsupportedMediaTypeError: 415,
  TooManyRequestsError: 429,
  InternalError: 500,
  NotImplementedError: 501,
  ShuttingDownError: 503,
} as const;

export class HttpError extends Error {
  override readonly name: keyof typeof httpStatuses;

  constructor(name: keyof typeof httpStatuses, message: string) {
    super(message);
    this.name = name;
  }
}

/** What an error is answered with. */
export interface ErrorAnswer {
  readonly status: number;
  readonly error: { readonly name: string; readonly code: string; readonly message: string };
}

export function errorAnswer(error: unknown): ErrorAnswer {
  if (isModelRollbackError(error)) {
    const { name, code, message } = error;
    return { status: statuses[code], error: { name, code, message } };
  }
  const { name, message } = error instanceof HttpError ? error : unexpected;
  return { status: httpStatuses[name], error: { name, code: codeOf(name), message } };
}

/** The same for a request; what nobody expected is logged. */
export function answerError(logger: Logger, request: Request, error: unknown): ErrorAnswer {
  const isExpected = error instanceof HttpError || isModelRollbackError(error);
  if (!isExpected) logError(logger, error, { path: pathOf(request) });
  return errorAnswer(error);
}

// ---------------------------------------------------------------------------------------------------

const unexpected = {
  name: 'InternalError',
  message: 'An unexpected error; the log of the service says what.',
} as const;

/** `NotFoundError` is `NOT_FOUND`. */
function codeOf(name: string): string {
  const words = name.replace(/Error$/, '').replaceAll(/(?<=.)[A-Z]/g, '_$&');
  return words.toUpperCase();
}

const statuses: Readonly<Record<ErrorCode, number>> = {
  [ErrorCode.INVALID_REQUEST]: 400,
  [ErrorCode.MODEL_NOT_FOUND]: 404,
  [ErrorCode.VERSION_NOT_FOUND]: 404,
  [ErrorCode.ROLLBACK_IN_PROGRESS]: 409,
  [ErrorCode.CONFIGURATION]: 500,
  [ErrorCode.STATE_CORRUPT]: 500,
  [ErrorCode.REGISTRY_REFUSED]: 502,
  [ErrorCode.REGISTRY_UNAVAILABLE]: 503,
  [ErrorCode.STATE_STORE_UNAVAILABLE]: 503,
};
