import { invalid, RegistryError } from './registry-error.ts';

/** The rules for names, keys, versions and stages, as MLflow 3.11.1 and later check them. */

/** The four stages, in the spelling that is stored. */
const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const;

/** One of the four stages. */
export type Stage = (typeof STAGES)[number];

/** The mark of a deleted version; it stays in the table so that its number is not used again. */
export const DELETED_STAGE = 'Deleted_Internal';

const TAG_KEY_MAX = 250;
const TAG_VALUE_MAX = 100_000;
const ALIAS_MAX = 255;
const INT64_MAX = 2n ** 63n - 1n;

/** Refuses a model name that 3.11.1 refuses; it is asked on reads too. */
export function checkModelName(name: string): void {
  if (name.trim() === '') {
    throw invalid("Missing value for required parameter 'name'.");
  }
  if (/[/:]/.test(name)) {
    throw invalid(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`);
  }
  if (isAmbiguousPath(name)) {
    throw invalid(`Invalid value "${name}" for parameter 'name' supplied.`);
  }
}

/** Reads a version as Python's `int` does: blanks, a sign and leading zeros are let through. */
export function parseVersion(text: string): bigint {
  if (!/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(text)) {
    throw invalid(`Parameter 'version' must be an integer, got '${text}'.`);
  }
  const digits = text.trim().replaceAll('_', '').replace(/^\+/, '');
  const version = digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits);
  if (version > INT64_MAX || version < -INT64_MAX) {
    throw new RegistryError('INTERNAL_ERROR', 'Python int too large to convert to SQLite INTEGER');
  }
  return version;
}

/** The stored spelling of a stage; case does not matter on input. */
export function parseStage(text: string): Stage {
  const found = STAGES.find((stage) => stage.toLowerCase() === text.toLowerCase());
  if (found === undefined) {
    throw invalid(
      `Invalid Model Version stage: ${text}. Value must be one of ${STAGES.join(', ')}.`,
    );
  }
  return found;
}

/** Refuses a tag key that MLflow refuses. */
export function checkTagKey(key: string): void {
  if (!/^[/\p{L}\p{N}_.\- :]*\n?$/u.test(key) || isAmbiguousPath(key)) {
    throw invalid(`Invalid value "${key}" for parameter 'key' supplied.`);
  }
}

/** Refuses a tag that MLflow refuses. */
export function checkTag(key: string, value: string): void {
  checkTagKey(key);
  checkLength('key', TAG_KEY_MAX, key);
  checkLength('value', TAG_VALUE_MAX, value);
}

/** Refuses an alias that MLflow refuses everywhere. */
export function checkAlias(alias: string): void {
  if (!/^[\p{L}\p{N}_-]*\n?$/u.test(alias)) {
    throw invalid(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_), ` +
        'and dashes (-).',
    );
  }
  checkLength('Registered model alias name', ALIAS_MAX, alias);
}

/** Whether the alias is the one that MLflow answers itself. */
export function isLatestAlias(alias: string): boolean {
  return alias.toLowerCase() === 'latest';
}

/** Refuses an alias that may be read but not set. */
export function checkAliasMayBeSet(alias: string): void {
  checkAlias(alias);
  if (isLatestAlias(alias)) {
    throw invalid("'latest' alias name (case insensitive) is reserved.");
  }
  if (/^[vV]\p{Nd}+\n?$/u.test(alias)) {
    throw invalid(`Version alias name '${alias}' is reserved.`);
  }
}

/** On a registered model that is a prompt, and on each of its versions. */
export const PROMPT_KEY = 'mlflow.prompt.is_prompt';

/** Refuses the source of a prompt that is not a placeholder of MLflow's own clients. */
export function checkPromptSource(source: string): void {
  if (source !== 'dummy-source' && source !== 'prompt-template') {
    throw invalid(
      `Invalid prompt source: '${source}'. Prompt sources must use an MLflow placeholder.`,
    );
  }
}

/** Refuses a source that MLflow does not accept from a caller without a run that owns it. */
export function checkSource(source: string, runId: string | undefined): void {
  const decoded = decodedFully(source);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(decoded)?.[1]?.toLowerCase();
  const isLocal = scheme === undefined || scheme === 'file';
  const needsRun = scheme === 'mlflow-artifacts' || scheme === 'runs';
  const path = decoded.replace(/^[^:]*:(?:\/\/[^/]*)?/, '').replace(/\/+$/, '');
  const isPlain = path.startsWith('/') && !path.split('/').some((part) => /^\.\.?$/.test(part));
  if (isLocal || !isPlain || (needsRun && !runId)) {
    throw invalid(`Invalid model version source: '${source}'.`);
  }
}

// ---------------------------------------------------------------------------------------------

// MLflow refuses a name that would be another name if it were a path.
function isAmbiguousPath(name: string): boolean {
  const segments = name.split('/');
  return name.startsWith('..') || segments.some((part) => ['', '.', '..'].includes(part));
}

function checkLength(what: string, limit: number, text: string): void {
  // Python counts characters where JavaScript counts UTF-16 units.
  if (text.length > limit && [...text].length > limit) {
    throw invalid(`'${what}' exceeds the maximum length of ${limit} characters`);
  }
}

function decodedFully(text: string): string {
  try {
    const decoded = decodeURIComponent(text);
    return decoded === text ? text : decodedFully(decoded);
  } catch {
    return text;
  }
}
