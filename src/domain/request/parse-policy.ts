import { InvalidRequestError } from '../errors.ts';
import { nearestName, plainName } from '../near-name.ts';
import {
  type ModelPolicy,
  type PolicyFieldName,
  policyFieldNames,
  policyFields,
} from './policy.ts';
import { optional, presentFields, quote, unknownFields, wrongType } from './request-fields.ts';

/** How a policy is read from what people send. */

/**
 * Reads the fields that somebody sets: strictly, since a misspelt one would restrict nothing.
 * @throws InvalidRequestError naming the field and what is allowed there
 */
export function parsePolicy(input: unknown): ModelPolicy {
  const fields = presentFields(input, 'policy is a JSON object such as {"mode": "ask"}');
  const [first] = unknownFields(fields, policyFieldNames);
  if (first !== undefined) throw unknownField(first);
  if (fields.size === 0) {
    throw new InvalidRequestError(
      `policy sets no field. Known: ${policyFieldNames.join(', ')}. Nothing was done.`,
    );
  }
  return Object.fromEntries(
    policyFieldNames.flatMap((name) => {
      const value = optional(fields, name, parseField);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/**
 * Reads the names of fields.
 * @throws InvalidRequestError
 */
export function parsePolicyFields(input: unknown): readonly PolicyFieldName[] {
  if (!Array.isArray(input) || input.length === 0) {
    throw wrongType('fields', 'a list of fields of the policy such as ["mode"]', input);
  }
  const names: readonly unknown[] = input;
  return policyFieldNames.filter((known) => names.map(parseFieldName).includes(known));
}

// ---------------------------------------------------------------------------------------------------

function parseField(value: unknown, name: PolicyFieldName): string {
  const { allowed, isNumber, isSecret, check } = policyFields[name];
  const text = isNumber && typeof value === 'number' ? String(value) : value;
  const checked = typeof text === 'string' ? check(text.trim()) : undefined;
  if (checked !== undefined) return checked;
  const given = isSecret ? '' : `, not ${quote(value)}`;
  throw new InvalidRequestError(`${name} must be ${allowed}${given}. Nothing was done.`);
}

function parseFieldName(value: unknown): PolicyFieldName {
  const known = policyFieldNames.find((name) => name === value);
  if (known !== undefined) return known;
  throw typeof value === 'string'
    ? unknownField(value)
    : wrongType('fields', 'a list of names', value);
}

/** Names the nearest one: within two edits, or that begins so. */
function unknownField(name: string): InvalidRequestError {
  const plain = plainName(name);
  const near =
    nearestName(name, policyFieldNames) ??
    policyFieldNames.find((known) => plain !== '' && plainName(known).startsWith(plain));
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  return new InvalidRequestError(
    `${quote(name)} is no field of a policy.${hint} Known: ${policyFieldNames.join(', ')}. Nothing was done.`,
  );
}
