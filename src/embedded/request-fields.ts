import { invalid } from './registry-error.ts';

/**
 * Reads the parameters of a call as MLflow does: a GET from its query string, everything else
 * (DELETE included) from a JSON body, then one check of type and presence for each field.
 */

/** What a field may hold; a trailing `!` marks a field that must be there and not be empty. */
type FieldKind = 'text' | 'text!' | 'integer' | 'flag' | 'texts' | 'tags';

/** One tag as a request carries it. */
export interface TagField {
  readonly key: string;
  readonly value: string;
}

interface FieldValues {
  readonly text: string | undefined;
  readonly 'text!': string;
  readonly integer: number | undefined;
  readonly flag: boolean | undefined;
  readonly texts: readonly string[];
  readonly tags: readonly TagField[];
}

/** The fields of one call, by wire name. */
export type FieldSpec = Readonly<Record<string, FieldKind>>;

/** What a handler gets for a {@link FieldSpec}. */
export type Fields<Spec extends FieldSpec> = {
  readonly [Key in keyof Spec]: FieldValues[Spec[Key]];
};

/** The parts of an HTTP request that carry parameters. */
export interface FieldSource {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Reads the fields of `spec`, or throws the 400 that MLflow gives. */
export function readFields<Spec extends FieldSpec>(source: FieldSource, spec: Spec): Fields<Spec> {
  const raw = rawValues(source, spec);
  const fields: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(spec)) {
    fields[name] = readField(name, kind, raw[name]);
  }
  return fields as Fields<Spec>;
}

// ---------------------------------------------------------------------------------------------

function rawValues(source: FieldSource, spec: FieldSpec): Record<string, unknown> {
  if (source.method !== 'GET' || source.query.size === 0) {
    return valuesOfBody(source, spec);
  }
  const values: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(spec)) {
    if (source.query.has(name)) {
      values[name] = kind === 'texts' ? source.query.getAll(name) : source.query.get(name);
    }
  }
  return values;
}

function valuesOfBody(source: FieldSource, spec: FieldSpec): Record<string, unknown> {
  requireJsonType(source);
  const body = parseBody(source.body);
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(spec)) {
    const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (camel !== name && name in body && camel in body) {
      throw invalid(`Request specifies both '${name}' and '${camel}'; provide only one of them.`);
    }
    values[name] = body[name] ?? body[camel];
  }
  return values;
}

function requireJsonType(source: FieldSource): void {
  if (source.method !== 'POST') {
    return;
  }
  if (source.contentType === undefined) {
    throw invalid('Bad Request. Content-Type header is missing.');
  }
  if (source.contentType.split(';')[0] !== 'application/json') {
    throw invalid("Bad Request. Content-Type must be one of ['application/json'].");
  }
}

function parseBody(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // A body that is no JSON counts as an empty one, so the answer names the missing parameter.
    return {};
  }
  // Old clients send the object as a JSON string; MLflow still unwraps it once.
  const value = typeof parsed === 'string' ? JSON.parse(parsed) : parsed;
  if (value === null) {
    return {};
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new TypeError('the body is not a JSON object');
  }
  return value;
}

function readField(name: string, kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case 'text':
      return value === undefined || value === null ? undefined : requireText(name, value);
    case 'text!':
      if (value === undefined || value === null || value === '') {
        throw invalid(
          `Missing value for required parameter '${name}'. ` +
            'See the API docs for more information about request parameters.',
        );
      }
      return requireText(name, value);
    case 'integer':
      return value === undefined || value === null ? undefined : readInteger(name, value);
    case 'flag':
      if (value !== undefined && value !== null && typeof value !== 'boolean') {
        refuseValue(name, value);
      }
      return value ?? undefined;
    case 'texts':
      return requireList(name, value).map((item) => requireText(name, item));
    case 'tags':
      return requireList(name, value).map((item) => requireTag(name, item));
    default:
      return kind satisfies never;
  }
}

function requireText(name: string, value: unknown): string {
  if (typeof value !== 'string') {
    refuseValue(name, value);
  }
  return value;
}

function readInteger(name: string, value: unknown): number | undefined {
  const isPadded = typeof value === 'string' && /^\s+[+-]?\d+\s*$|^[+-]?\d+\s+$/.test(value);
  if (typeof value === 'boolean' || typeof value === 'number' || isPadded) {
    // What Python's int() takes and protobuf does not passes the check and is then not used.
    return Number.isSafeInteger(value) ? Number(value) : undefined;
  }
  if (typeof value === 'string' && /^[+-]?\d+$/.test(value)) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : refuseValue(name, value);
  }
  if (typeof value === 'string' && value !== '' && Number.isInteger(Number(value))) {
    // Protobuf reads '1.0' as an integer, the check that follows does not: a bare exception.
    throw new TypeError(`${name} is written as a fraction`);
  }
  return refuseValue(name, value);
}

function requireList(name: string, value: unknown): readonly unknown[] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value)) {
    refuseValue(name, value);
  }
  return value;
}

function requireTag(name: string, value: unknown): TagField {
  if (typeof value !== 'object' || value === null) {
    refuseValue(name, value);
  }
  const { key = '', value: text = '' } = value as { key?: unknown; value?: unknown };
  return { key: requireText('key', key), value: requireText('value', text) };
}

function refuseValue(name: string, value: unknown): never {
  throw invalid(
    `Invalid value ${JSON.stringify(value)} for parameter '${name}' supplied. ` +
      'See the API docs for more information about request parameters.',
  );
}
