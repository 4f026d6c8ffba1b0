import * as v from 'valibot';
import { StateCorruptError } from '../errors.ts';
import { limits } from '../limits.ts';
import { Decision, type Evidence } from './evidence.ts';
import { evidenceLimits } from './evidence-limits.ts';

/** The stored form: JSON text, the same in every store. Fields of a later release are passed over. */
export function encodeEvidence(evidence: Evidence): string {
  return JSON.stringify({ schema: 2, ...evidence });
}

/**
 * @param digest SHA-256, lower-case hex
 * @throws StateCorruptError naming the item and the field, also when the text is not the one that was digested
 */
export function decodeEvidence(
  stored: string,
  itemName: string,
  digest: (text: string) => string,
): Evidence {
  const result = v.safeParse(shape, parsed(stored));
  if (!result.success) {
    const [issue] = result.issues;
    throw corrupt(itemName, v.getDotPath(issue) ?? 'doc', issue.message);
  }
  const evidence = result.output;
  if (digest(evidence.text) !== evidence.sha256) {
    throw corrupt(itemName, 'sha256', 'it is not the digest of the text');
  }
  return evidence;
}

/** What can be read of stored findings of a model; what cannot is named. */
export interface EvidenceList {
  readonly entries: readonly Evidence[];
  readonly unreadable: readonly { readonly id: string; readonly why: string }[];
}

/** @param docs stored texts @param digest as of `decodeEvidence` */
export function decodeEvidenceList(
  docs: readonly string[],
  modelName: string,
  digest: (text: string) => string,
): EvidenceList {
  const id = `${modelName}/EVIDENCE`;
  const entries: Evidence[] = [];
  const unreadable: { readonly id: string; readonly why: string }[] = [];
  for (const doc of docs) {
    try {
      entries.push(decodeEvidence(doc, id, digest));
    } catch (error) {
      if (!(error instanceof StateCorruptError)) throw error;
      unreadable.push({ id, why: error.message });
    }
  }
  return { entries, unreadable };
}

/** The name of an item, for people. */
export function evidenceName(of: Pick<Evidence, 'modelName' | 'champion' | 'challenger'>): string {
  return `${of.modelName}/EVIDENCE#${of.champion}#${of.challenger}`;
}

// ---------------------------------------------------------------------------------------------------

const text = v.pipe(v.string(), v.minLength(1));
const version = v.pipe(v.string(), v.regex(/^[1-9][0-9]*$/));

const shape: v.GenericSchema<unknown, Evidence> = v.object({
  modelName: text,
  champion: version,
  challenger: version,
  decision: v.enum(Decision),
  confidence: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  createdAtMs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limits.timeMaxMs)),
  text: v.pipe(text, v.maxLength(evidenceLimits.evidenceBytesMax)),
});

function parsed(stored: string): unknown {
  try {
    return JSON.parse(stored);
  } catch {
    return undefined;
  }
}

function corrupt(itemName: string, field: string, why: string): StateCorruptError {
  return new StateCorruptError(
    `The stored item ${itemName} cannot be read: field ${field}: ${why}. Compare the versions again to replace it.`,
  );
}
