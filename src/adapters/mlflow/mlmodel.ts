import * as v from 'valibot';
import type { ModelSignature, SignatureField } from '../../domain/registry/version-details.ts';

/**
 * The signature in the file MLmodel, which MLflow writes beside each logged model. Of its YAML we read two
 * scalars, which hold JSON, in the forms that MLflow's writer (PyYAML) gives them: a whole reader of YAML would
 * be a sixth of the function's bundle.
 * @returns null when the model declares none
 * @throws when the file is not what MLflow writes
 */
export function signatureIn(mlmodel: string): ModelSignature | null {
  const [, block] = /^signature:[ \t]*\r?\n((?:[ \t]+.*(?:\r?\n|$))+)/m.exec(mlmodel) ?? [];
  if (block === undefined) return null;
  return { inputs: side(block, 'inputs'), outputs: side(block, 'outputs') };
}

// ---------------------------------------------------------------------------------------------------

const typed = v.looseObject({
  type: v.string(),
  name: v.optional(v.nullable(v.string())),
  required: v.optional(v.boolean()),
  // Before MLflow 2.10.
  optional: v.optional(v.boolean()),
});

function side(block: string, key: string): readonly SignatureField[] | null {
  const [, text] =
    new RegExp(`^[ \\t]+${key}:[ \\t]*(.*(?:\\r?\\n[ \\t]{3,}.*)*)`, 'm').exec(block) ?? [];
  if (text === undefined || /^(null|~)?\s*$/.test(text)) return null;
  const json: unknown = JSON.parse(scalar(text.trim()));
  return v.parse(v.array(typed), json).map(({ type, name, required, optional, ...parts }) => ({
    name: name ?? null,
    type: Object.keys(parts).length === 0 ? type : JSON.stringify({ type, ...parts }),
    isRequired: required ?? optional !== true,
  }));
}

/** A YAML scalar, in quotes or plain, folded over lines or not. */
function scalar(text: string): string {
  const [, single] = /^'((?:[^']|'')*)'$/.exec(text) ?? [];
  if (single !== undefined) return folded(single).replaceAll("''", "'");
  const [, double] = /^"((?:[^"\\]|\\.)*)"$/s.exec(text) ?? [];
  return double === undefined ? folded(text) : folded(double.replaceAll(escapes, unescaped));
}

function folded(text: string): string {
  return text.replaceAll(/[ \t]*\r?\n[ \t]*/g, ' ');
}

/** A line that ends in a backslash goes on without a space. */
const escapes =
  /\\(?:\r?\n[ \t]*|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([^\r\n]))/g;
/** The others that PyYAML writes stand for themselves: `\"`, `\\` and `\ `. */
const named: ReadonlyMap<string, string> = new Map([
  ['_', '\u00a0'],
  ['N', '\u0085'],
  ['L', '\u2028'],
  ['P', '\u2029'],
]);

function unescaped(_all: string, ...[x, u, long, other]: (string | undefined)[]): string {
  const hex = x ?? u ?? long;
  if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
  return other === undefined ? '' : (named.get(other) ?? other);
}
