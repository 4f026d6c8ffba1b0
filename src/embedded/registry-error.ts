/**
 * How the server refuses. MLflow names each failure by an `error_code`; since 3.12 it adds
 * `sqlstate` and `error_class`, so a client that reads either form can be tested here.
 */

const KNOWN = {
  INVALID_PARAMETER_VALUE: [400, 'KAM00', 'INVALID_PARAMETER_VALUE'],
  BAD_REQUEST: [400, 'KAM00', 'INVALID_PARAMETER_VALUE'],
  RESOURCE_ALREADY_EXISTS: [400, 'KAM00', 'RESOURCE_ALREADY_EXISTS'],
  RESOURCE_DOES_NOT_EXIST: [404, 'KAM00', 'RESOURCE_NOT_FOUND'],
  INTERNAL_ERROR: [500, 'XXM00', 'CLIENT_INTERNAL_ERROR'],
  FEATURE_DISABLED: [500, 'KAM00', 'FEATURE_DISABLED'],
} as const;

/** The error codes that this server gives. */
export type RegistryErrorCode = keyof typeof KNOWN;

/** A failure that MLflow answers as JSON. Anything else thrown is answered as HTML, status 500. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string) {
    super(message);
    this.name = 'RegistryError';
    this.code = code;
  }

  /** The HTTP status that goes with the code. */
  get status(): number {
    return KNOWN[this.code][0];
  }

  /** The body as MLflow 3.12 and later write it. */
  toJSON(): Record<string, string> {
    const [, sqlstate, errorClass] = KNOWN[this.code];
    return { error_code: this.code, message: this.message, sqlstate, error_class: errorClass };
  }
}

/** The failure of nearly every wrong request. */
export function invalid(message: string): RegistryError {
  return new RegistryError('INVALID_PARAMETER_VALUE', message);
}

/** A model or a version that is not there, or that was deleted. */
export function missing(message: string): RegistryError {
  return new RegistryError('RESOURCE_DOES_NOT_EXIST', message);
}
