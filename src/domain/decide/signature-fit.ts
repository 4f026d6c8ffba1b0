import type { ModelSignature, SignatureField } from '../registry/version-details.ts';

/** Whether a version takes what consumers send to another one. */
export interface SignatureFit {
  /** Why not, a phrase each: `it needs the input age, which version 3 does not take`. */
  readonly misfits: readonly string[];
  /** What cannot be told from the two signatures. */
  readonly unsure: readonly string[];
}

/**
 * What is sent to `live` must be taken by the target: MLflow drops what a model does not declare, so more is no harm.
 * A side that declares nothing says nothing.
 * @param live version and signature of what consumers send to now
 */
export function signatureFit(
  live: { readonly version: string; readonly signature: ModelSignature | null },
  target: ModelSignature | null,
): SignatureFit {
  const sent = live.signature?.inputs ?? null;
  const taken = target?.inputs ?? null;
  if (sent === null || taken === null) return { misfits: [], unsure: [] };
  const isNamed = [...sent, ...taken].every(({ name }) => name !== null);
  if (!isNamed && taken.length > sent.length) {
    const counts = `it needs ${taken.length} inputs, and version ${live.version} takes ${sent.length}`;
    return { misfits: [counts], unsure: [] };
  }
  const found = taken.map((input, place) => {
    const same = isNamed ? sent.find(({ name }) => name === input.name) : sent[place];
    return compare(input, same, live.version);
  });
  const textsOf = (kind: Finding['kind']): string[] =>
    found.flatMap((finding) => (finding?.kind === kind ? [finding.text] : []));
  return { misfits: shortened(textsOf('misfit')), unsure: shortened(textsOf('unsure')) };
}

// ---------------------------------------------------------------------------------------------------

interface Finding {
  readonly kind: 'misfit' | 'unsure';
  readonly text: string;
}

const shownMax = 3;

/** MLflow converts these without loss, from what is sent to what is declared. */
const widened: Readonly<Record<string, readonly string[]>> = {
  integer: ['long', 'double'],
  float: ['double'],
};

function compare(
  input: SignatureField,
  sent: SignatureField | undefined,
  liveVersion: string,
): Finding | null {
  const name = input.name === null ? 'its input' : `the input ${JSON.stringify(input.name)}`;
  if (sent === undefined) {
    if (!input.isRequired) return null;
    return { kind: 'misfit', text: `it needs ${name}, which version ${liveVersion} does not take` };
  }
  if (input.isRequired && !sent.isRequired) {
    return {
      kind: 'misfit',
      text: `it needs ${name}, which is optional for version ${liveVersion}`,
    };
  }
  const verdict = typeVerdict(sent.type, input.type);
  if (verdict === 'fits') return null;
  const types = `${input.type}, and ${sent.type} for version ${liveVersion}`;
  return verdict === 'misfit'
    ? { kind: 'misfit', text: `${name} is ${types}` }
    : { kind: 'unsure', text: `${name} is ${types}` };
}

function typeVerdict(sent: string, taken: string): 'fits' | 'misfit' | 'unsure' {
  if (sent === taken || widened[sent]?.includes(taken)) return 'fits';
  const [from, to] = [partsOf(sent), partsOf(taken)];
  if (from?.type !== to?.type || from === null || to === null) return 'misfit';
  if (from.type !== 'tensor') return 'unsure';
  const [own, other] = [from.tensor, to.tensor];
  if (own === null || other === null) return 'unsure';
  if (own.dtype !== other.dtype || own.shape.length !== other.shape.length) return 'misfit';
  const isTaken = other.shape.every((size, place) => size === -1 || size === own.shape[place]);
  return isTaken ? 'fits' : 'misfit';
}

interface TypeParts {
  readonly type: unknown;
  readonly tensor: { readonly dtype: unknown; readonly shape: readonly unknown[] } | null;
}

/** A type with parts is JSON; null for a plain word. */
function partsOf(type: string): TypeParts | null {
  if (!type.startsWith('{')) return null;
  try {
    const value = JSON.parse(type) as Record<string, unknown>;
    const spec = value['tensor-spec'] as { dtype?: unknown; shape?: unknown } | undefined;
    const tensor = Array.isArray(spec?.shape)
      ? { dtype: spec.dtype, shape: spec.shape as unknown[] }
      : null;
    return { type: value['type'], tensor };
  } catch {
    return null;
  }
}

function shortened(texts: readonly string[]): string[] {
  const more = texts.length - shownMax;
  return more <= 0 ? [...texts] : [...texts.slice(0, shownMax), `and ${more} more inputs differ`];
}
