import { InvalidRequestError } from '../errors.ts';
import { escapeText } from '../escape.ts';
import { limits } from '../limits.ts';
import { nearestName, plainName } from '../near-name.ts';

/** How single fields of what people send are read: strictly, and with the field in each message. */

export type Fields = ReadonlyMap<string, unknown>;

/**
 * The fields that are there. null means absent, since Step Functions cannot leave a field out.
 * @param what with its article, and an example
 * @throws InvalidRequestError for what is no JSON object
 */
export function presentFields(input: unknown, what: string): Fields {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const found = input === null ? 'null' : Array.isArray(input) ? 'an array' : typeof input;
    throw new InvalidRequestError(`${what}; this one is ${found}.`);
  }
  return new Map(
    Object.entries(input).filter(([, value]) => value !== null && value !== undefined),
  );
}

/**
 * The fields that nobody knows.
 * @throws InvalidRequestError for one that is nearly known or sounds like a preview: a misspelt `dry_run`
 * must never roll back for real
 */
export function unknownFields(fields: Fields, known: readonly string[]): readonly string[] {
  const unknown = [...fields.keys()].filter((name) => !known.includes(name));
  for (const name of unknown) {
    const plain = plainName(name);
    if (previewWords.includes(plain) || plain.includes('dryrun')) {
      throw new InvalidRequestError(
        `Unknown field ${quote(name)} sounds like a preview. For a preview, send "dry_run": true. Nothing was done.`,
      );
    }
    const near = nearestName(name, known);
    if (near !== undefined) {
      throw new InvalidRequestError(
        `Unknown field ${quote(name)}: did you mean "${near}"? Nothing was done.`,
      );
    }
  }
  return unknown;
}

/**
 * For what is carried out as it stands: a field that nobody knows is an error.
 * @param what it is about, with its article where it needs one
 * @throws InvalidRequestError
 */
export function requireKnownFields(fields: Fields, known: readonly string[], what: string): void {
  const unknown = [...fields.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, known);
  const fix = near === undefined ? `. Known: ${known.join(', ')}.` : `: did you mean "${near}"?`;
  throw new InvalidRequestError(`${quote(unknown)} is no field of ${what}${fix} Nothing was done.`);
}

/** @throws what `parse` throws */
export function optional<Name extends string, T>(
  fields: Fields,
  name: Name,
  parse: (value: unknown, name: Name) => T,
): T | null {
  return fields.has(name) ? parse(fields.get(name), name) : null;
}

/** @throws InvalidRequestError */
export function parseText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (value === '') {
    throw new InvalidRequestError(`${name} must not be empty. Leave it out or send null instead.`);
  }
  if (value.length > limits.textLengthMax) {
    throw new InvalidRequestError(
      `${name} has ${value.length} characters; at most ${limits.textLengthMax} are allowed.`,
    );
  }
  return value;
}

/**
 * Text that is hashed or used as a key: half characters could not be distinguished.
 * @throws InvalidRequestError
 */
export function parseKey(value: unknown, name: string): string {
  const text = parseText(value, name);
  if (text.isWellFormed()) return text;
  throw new InvalidRequestError(`${name} holds half a character (a lone surrogate).`);
}

/** @throws InvalidRequestError */
export function parseBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false (a JSON boolean)', value);
  return value;
}

export function wrongType(name: string, wanted: string, value: unknown): InvalidRequestError {
  return new InvalidRequestError(`${name} must be ${wanted}, not ${quote(value)}.`);
}

/** What was sent, short, on one line and safe to show. */
export function quote(value: unknown): string {
  const text = escapeText(jsonOf(value) ?? typeof value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

// ---------------------------------------------------------------------------------------------------

/** Whole names only, so that `test_results` passes. Case and `_` do not matter. */
const previewWords = [
  'preview',
  'simulate',
  'simulation',
  'noop',
  'test',
  'check',
  'whatif',
  'dry',
];

/** Undefined for what has no JSON, and for what is nested too deeply to be written. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
