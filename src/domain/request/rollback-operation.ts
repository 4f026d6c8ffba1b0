import { InvalidRequestError } from '../errors.ts';
import { parsePointer, pointerText } from '../registry/pointer.ts';
import { parseModelName, parseOverrides, type RefusalCode } from './request.ts';
import { optional, parseText, presentFields, quote, requireKnownFields } from './request-fields.ts';

/** What is decided about a rollback that is on record. */
export const rollbackVerbs = ['approve', 'reject', 'undo'] as const;

/** A decision about a rollback that is on record, named by its id and not by versions. */
export interface RollbackOperation {
  readonly verb: (typeof rollbackVerbs)[number];
  /** The id of a rollback; for `undo` also the name of a model, whose latest rollback is meant. */
  readonly what: string;
  /** Of the model whose latest rollback is meant. */
  readonly pointer: string | undefined;
  readonly overrides: readonly RefusalCode[];
  readonly requestedBy: string | null;
  /** Why it is rejected. */
  readonly reason: string | null;
}

/**
 * Reads an approval, a rejection or an undo (docs/reference/operations.md). Strict, as all operations.
 * @returns null for another operation
 * @throws InvalidRequestError naming the field and what is allowed there
 */
export function parseRollbackOperation(input: unknown): RollbackOperation | null {
  const fields = presentFields(
    input,
    'An operation is a JSON object such as {"operation": "undo", "model_name": "NAME"}',
  );
  const verb = rollbackVerbs.find((known) => known === fields.get('operation'));
  if (verb === undefined) return null;
  const own = verb === 'reject' ? 'reason' : 'overrides';
  requireKnownFields(fields, [...fieldNames, own], verb);
  const rollbackId = optional(fields, 'rollback_id', parseRollbackId);
  const modelName = optional(fields, 'model_name', parseModelName);
  const pointer = optional(fields, 'pointer', parsePointer);
  const isOneNamed = (rollbackId === null) !== (modelName === null);
  if (verb !== 'undo' && (rollbackId === null || modelName !== null || pointer !== null)) {
    throw new InvalidRequestError(
      `${verb} needs rollback_id, and takes no model_name or pointer. Nothing was done.`,
    );
  }
  if (!isOneNamed || (rollbackId !== null && pointer !== null)) {
    throw new InvalidRequestError(
      'undo needs either rollback_id, or model_name (with a pointer, where it has several). Nothing was done.',
    );
  }
  return {
    verb,
    what: rollbackId ?? modelName ?? '',
    pointer: pointer === null ? undefined : pointerText(pointer),
    overrides: optional(fields, 'overrides', parseOverrides) ?? [],
    requestedBy: optional(fields, 'requested_by', parseText),
    reason: optional(fields, 'reason', parseText),
  };
}

/** True for a text of the form `NAME/0123456789abcdef`. */
export function isRollbackId(text: string): boolean {
  return /.\/[0-9a-f]{16}$/s.test(text);
}

// ---------------------------------------------------------------------------------------------------

const fieldNames = ['operation', 'rollback_id', 'model_name', 'pointer', 'requested_by'] as const;

function parseRollbackId(value: unknown, name: string): string {
  const id = parseText(value, name);
  if (isRollbackId(id)) return id;
  throw new InvalidRequestError(
    `${name} must be the id of a rollback, such as "NAME/0123456789abcdef", not ${quote(value)}.`,
  );
}
