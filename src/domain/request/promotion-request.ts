import { InvalidRequestError } from '../errors.ts';
import { parsePointer, pointerText } from '../registry/pointer.ts';
import {
  parseModelName,
  parseVersion,
  Reason,
  type RollbackRequest,
  type Warning,
} from './request.ts';
import {
  optional,
  parseBoolean,
  parseKey,
  parseText,
  presentFields,
  quote,
  unknownFields,
} from './request-fields.ts';

const knownFields = [
  'model_name',
  'new_version',
  'confidence',
  'dry_run',
  'request_id',
  'expected_from_version',
  'requested_by',
  'pointer',
] as const;

/**
 * Reads a request for a promotion (docs/reference/promote.md): strictly, as one for a rollback.
 * @throws InvalidRequestError naming the field and what is allowed there
 */
export function parsePromotion(input: unknown): { request: RollbackRequest; warnings: Warning[] } {
  const fields = presentFields(
    input,
    'A request is a JSON object such as {"model_name": "NAME", "new_version": "4"}',
  );
  const unknown = unknownFields(fields, knownFields);
  if (!fields.has('model_name')) {
    throw new InvalidRequestError(
      'model_name is missing. A promotion is a request such as {"model_name": "NAME", "new_version": "4"}.',
    );
  }
  const pointer = optional(fields, 'pointer', parsePointer);
  const request: RollbackRequest = {
    modelName: parseModelName(fields.get('model_name')),
    targetVersion: optional(fields, 'new_version', parseVersion),
    reason: Reason.MANUAL_REQUEST,
    alarmName: null,
    isDryRun: optional(fields, 'dry_run', parseBoolean) ?? false,
    requestId: optional(fields, 'request_id', parseKey),
    expectedFromVersion: optional(fields, 'expected_from_version', parseVersion),
    overrides: [],
    requestedBy: optional(fields, 'requested_by', parseText),
    ...(pointer === null ? {} : { pointer: pointerText(pointer) }),
    promotes: true,
  };
  const names = unknown.map(quote).join(', ');
  return {
    request,
    warnings:
      names === ''
        ? []
        : [{ code: 'UNKNOWN_FIELDS', message: `Ignored unknown field(s): ${names}.` }],
  };
}
