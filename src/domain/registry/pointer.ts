import { entryFor } from '../entry-for.ts';
import { InvalidRequestError } from '../errors.ts';
import { escapeText } from '../escape.ts';

/**
 * How consumers find the live version: by the stage `Production`, or by an alias such as `champion`. What
 * the traces of each kind prove stands in `pointer/`, and how each is read and moved in the adapters;
 * nothing else asks which kind it is.
 */
export type ModelPointer =
  | { readonly kind: 'stage'; readonly stage: 'Production' }
  | { readonly kind: 'alias'; readonly alias: string };

/** What is used where nothing says otherwise, and all that release 0.1.0 knows. */
export const stagePointer = { kind: 'stage', stage: 'Production' } as const;

/** `stage:Production` or `alias:champion`, the form of settings, requests and records. */
export function pointerText(pointer: ModelPointer): string {
  return pointer.kind === 'stage' ? `stage:${pointer.stage}` : `alias:${pointer.alias}`;
}

/**
 * Reads `stage:Production` or `alias:NAME`. The spelling of an alias is kept: MLflow distinguishes upper and
 * lower case.
 * @param name the field or variable, for the message
 * @throws InvalidRequestError
 */
export function parsePointer(value: unknown, name: string): ModelPointer {
  const allowed = '`stage:Production` or `alias:NAME`, such as `alias:champion`';
  if (typeof value !== 'string') {
    throw new InvalidRequestError(
      `${name} must be ${allowed}, not ${typeof value === 'object' ? 'an' : 'a'} ${typeof value}.`,
    );
  }
  if (value === 'stage:Production') return stagePointer;
  const shown = JSON.stringify(escapeText(value.slice(0, 80)));
  const alias = /^alias:(.*)$/s.exec(value)?.[1];
  if (alias === undefined) {
    throw new InvalidRequestError(`${name} must be ${allowed}, not ${shown}.`);
  }
  const problem = aliasProblem(alias);
  if (problem !== null) throw new InvalidRequestError(`${name} is ${shown}: ${problem}`);
  return { kind: 'alias', alias };
}

/** Which pointer is which model's, where the request does not say. */
export interface PointerSettings {
  readonly default: ModelPointer;
  /** By the name of a model, or by `prefix*`. */
  readonly byModel: ReadonlyMap<string, ModelPointer>;
  /** By the name of a model: what policies name, where many models are read at once. */
  readonly byPolicy?: ReadonlyMap<string, ModelPointer>;
}

/** The stage, for every model. */
export const defaultPointers: PointerSettings = { default: stagePointer, byModel: new Map() };

/** The pointer of a model: of its policy, else its own entry, else that of the longest prefix, else the default. */
export function pointerFor(settings: PointerSettings, modelName: string): ModelPointer {
  const { byPolicy, byModel } = settings;
  return byPolicy?.get(modelName) ?? entryFor(byModel, modelName) ?? settings.default;
}

// ---------------------------------------------------------------------------------------------------

/** By MLflow's own rules; the server would answer with less clear errors, or read another version. */
function aliasProblem(alias: string): string | null {
  if (!/^[\w-]+$/.test(alias)) {
    return 'the name of an alias holds letters, digits, _ and - only.';
  }
  if (alias.length > 255) return 'the name of an alias has at most 255 characters.';
  if (/^latest$/i.test(alias)) {
    return 'MLflow reserves the alias latest: it can be read and never moved. Choose the alias that consumers load.';
  }
  if (/^v\d+$/i.test(alias)) {
    return 'MLflow reserves aliases such as v3 for version numbers. Choose the alias that consumers load.';
  }
  return null;
}
