import { InvalidRequestError } from '../errors.ts';
import { limits } from '../limits.ts';
import { parsePointer, pointerText } from '../registry/pointer.ts';
import {
  type Fields,
  optional,
  parseBoolean,
  parseKey,
  parseText,
  presentFields,
  quote,
  unknownFields,
  wrongType,
} from './request-fields.ts';

/**
 * What a caller may send, read strictly: a misspelt `dry_run` must never roll back for real, so a field
 * that is nearly known, or that sounds like a preview, is an error, not a warning.
 */
export const Reason = {
  MANUAL_REQUEST: 'MANUAL_REQUEST',
  PERFORMANCE_DEGRADATION: 'PERFORMANCE_DEGRADATION',
  TEST_FAILURE: 'TEST_FAILURE',
  DRIFT_SEVERE: 'DRIFT_SEVERE',
} as const;
export type Reason = (typeof Reason)[keyof typeof Reason];

/** Why a guard refused. */
export const RefusalCode = {
  COOLDOWN: 'COOLDOWN',
  LIVE_VERSION_CHANGED: 'LIVE_VERSION_CHANGED',
  NO_LIVE_VERSION: 'NO_LIVE_VERSION',
  QUARANTINED: 'QUARANTINED',
  TARGET_UNFIT: 'TARGET_UNFIT',
  FROZEN: 'FROZEN',
  PAUSED: 'PAUSED',
  NOT_THE_CAUSE: 'NOT_THE_CAUSE',
  ALARM_NOT_CONFIRMED: 'ALARM_NOT_CONFIRMED',
  POINTER_UNUSED: 'POINTER_UNUSED',
} as const;
export type RefusalCode = (typeof RefusalCode)[keyof typeof RefusalCode];

/** Guards that an operator may pass on purpose, by name. */
const overridableCodes: readonly RefusalCode[] = [
  RefusalCode.COOLDOWN,
  RefusalCode.QUARANTINED,
  RefusalCode.TARGET_UNFIT,
  RefusalCode.FROZEN,
  RefusalCode.NOT_THE_CAUSE,
  RefusalCode.POINTER_UNUSED,
];

/** True when a request may name this code in `overrides`. */
export function isOverridable(code: string): boolean {
  return overridableCodes.some((known) => known === code);
}

/** A request that was read and found sound. Absent fields are null. */
export interface RollbackRequest {
  readonly modelName: string;
  readonly targetVersion: string | null;
  readonly reason: Reason;
  readonly alarmName: string | null;
  readonly isDryRun: boolean;
  readonly requestId: string | null;
  readonly expectedFromVersion: string | null;
  /** Refusal codes; in a stored request perhaps one of a later release. */
  readonly overrides: readonly string[];
  readonly requestedBy: string | null;
  /** `stage:Production`, `alias:champion`; left out where the setting decides, as in 0.1.0's requests. */
  readonly pointer?: string;
  /** The id of the rollback that this one undoes; left out for any other. */
  readonly undoes?: string;
  /** A promotion: the target is a new version. Left out for a rollback. */
  readonly promotes?: true;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
}

const knownFields = [
  'model_name',
  'target_version',
  'reason',
  'alarm_name',
  'dry_run',
  'request_id',
  'expected_from_version',
  'overrides',
  'requested_by',
  'pointer',
] as const;

/**
 * Reads a request (direct invocation, Step Functions task, command).
 * @throws InvalidRequestError naming the field and what is allowed there.
 */
export function parseRequest(input: unknown): { request: RollbackRequest; warnings: Warning[] } {
  const fields = presentFields(
    input,
    'A request is a JSON object such as {"model_name": "NAME", "dry_run": true}',
  );
  const warnings = warnUnknownFields(fields);
  if (!fields.has('model_name')) {
    throw new InvalidRequestError(
      'model_name is missing. Accepted are a request such as {"model_name": "NAME"}, {"sweep": true}, and ' +
        'CloudWatch alarms, sent directly or by EventBridge, SNS or SQS.',
    );
  }
  const request: RollbackRequest = {
    modelName: parseModelName(fields.get('model_name')),
    targetVersion: optional(fields, 'target_version', parseVersion),
    reason: optional(fields, 'reason', parseReason) ?? Reason.MANUAL_REQUEST,
    alarmName: optional(fields, 'alarm_name', parseText),
    isDryRun: optional(fields, 'dry_run', parseBoolean) ?? false,
    requestId: optional(fields, 'request_id', parseKey),
    expectedFromVersion: optional(fields, 'expected_from_version', parseVersion),
    overrides: optional(fields, 'overrides', parseOverrides) ?? [],
    requestedBy: optional(fields, 'requested_by', parseText),
  };
  const pointer = optional(fields, 'pointer', parsePointer);
  return {
    request: pointer === null ? request : { ...request, pointer: pointerText(pointer) },
    warnings,
  };
}

/**
 * The text that `bodyHash` is made of, as release 0.1.0 makes it: who asked is in it, so two people's equal
 * requests differ. `isSameBody` compares requests without that.
 */
export function requestBody(request: RollbackRequest): string {
  const { requestId: _key, overrides, ...body } = request;
  return JSON.stringify({ ...body, overrides: overrides.toSorted() });
}

/** True when two requests ask for the same: everything but the key and the person counts. */
export function isSameBody(a: RollbackRequest, b: RollbackRequest): boolean {
  return bodyText(a) === bodyText(b);
}

/**
 * The name of a registered model, as MLflow 2.3 to 3.18 may hold it.
 * @throws InvalidRequestError
 */
export function parseModelName(value: unknown, field = 'model_name'): string {
  const name = parseKey(value, field);
  if (name.trim() === '') throw new InvalidRequestError(`${field} must not be blank.`);
  if (/\p{Cc}/u.test(name)) {
    throw new InvalidRequestError(`${field} must not contain control characters.`);
  }
  if (name.includes("'") && name.includes('"')) {
    throw new InvalidRequestError(
      `${field} contains both kinds of quotes; MLflow's search cannot name such a registered model. ` +
        'Rename it in MLflow.',
    );
  }
  return name;
}

/**
 * A version as text: digits without leading zero.
 * @throws InvalidRequestError
 */
export function parseVersion(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string of digits such as "2"', value);
  if (!/^[1-9][0-9]*$/.test(value) || value.length > limits.versionDigitsMax) {
    throw new InvalidRequestError(
      `${name} must be a string of digits without leading zero, such as "2", not ${quote(value)}.`,
    );
  }
  return value;
}

/** @throws InvalidRequestError */
export function parseReason(value: unknown, name: string): Reason {
  const reason = Object.values(Reason).find((known) => known === value);
  if (reason !== undefined) return reason;
  const allowed = Object.values(Reason).join(', ');
  throw new InvalidRequestError(`${name} must be one of ${allowed}, not ${quote(value)}.`);
}

/** @throws InvalidRequestError */
export function parseOverrides(value: unknown, name: string): RefusalCode[] {
  if (!Array.isArray(value)) throw wrongType(name, 'a list such as ["COOLDOWN"]', value);
  if (value.length > limits.overridesMax) {
    throw new InvalidRequestError(`${name} has ${value.length} entries; that is too many.`);
  }
  const codes = value.map((entry) => {
    const code = overridableCodes.find((known) => known === entry);
    if (code !== undefined) return code;
    const allowed = overridableCodes.join(', ');
    const isKnown = Object.values(RefusalCode).some((known) => known === entry);
    const problem = isKnown ? 'cannot be overridden' : 'is not a refusal code';
    throw new InvalidRequestError(`${name}: ${quote(entry)} ${problem}. Allowed: ${allowed}.`);
  });
  return [...new Set(codes)];
}

/** What an alarm asks for. */
export function alarmRequest(modelName: string, alarmName: string | null): RollbackRequest {
  return {
    modelName,
    targetVersion: null,
    reason: Reason.PERFORMANCE_DEGRADATION,
    alarmName,
    isDryRun: false,
    requestId: null,
    expectedFromVersion: null,
    overrides: [],
    requestedBy: null,
  };
}

// ---------------------------------------------------------------------------------------------------

function warnUnknownFields(fields: Fields): Warning[] {
  // Whoever misspells `operation` wants no rollback.
  const unknown = unknownFields(fields, [...knownFields, 'operation']);
  if (fields.has('operation')) {
    throw new InvalidRequestError(
      'operation belongs to an operation, not to a request. Nothing was done.',
    );
  }
  if (unknown.length === 0) return [];
  const shown = unknown.slice(0, limits.unknownFieldsReportedMax).map(quote).join(', ');
  const more = unknown.length > limits.unknownFieldsReportedMax ? ', …' : '';
  return [
    {
      code: 'UNKNOWN_FIELDS',
      message: `Ignored ${unknown.length} unknown field(s): ${shown}${more}.`,
    },
  ];
}

/** A stored request may hold fields of a later release: another body then, whatever their order. */
function bodyText({ requestId: _key, requestedBy: _person, ...body }: RollbackRequest): string {
  const sorted = { ...body, overrides: body.overrides.toSorted() };
  return JSON.stringify(Object.entries(sorted).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
