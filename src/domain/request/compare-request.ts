import { InvalidRequestError } from '../errors.ts';
import { parseRules } from '../evidence/parse-rules.ts';
import type { Rules } from '../evidence/rules.ts';
import { parseModelName, parseVersion } from './request.ts';
import { optional, parseText, presentFields, quote, unknownFields } from './request-fields.ts';

/** Which two versions are compared: the event of the function compare-models. */
export interface CompareRequest {
  readonly modelName: string;
  /** Null: the live one. */
  readonly champion: string | null;
  /** Null: the one that a promotion would take. */
  readonly challenger: string | null;
  /** Null: those of a trading strategy. */
  readonly rules: Rules | null;
  /** A table among the artifacts of both runs; null: their metrics. */
  readonly table: string | null;
}

/**
 * Fields that nobody knows are passed over: Step Functions often passes its whole state. One that is nearly known is
 * an error.
 * @throws InvalidRequestError
 */
export function parseCompareRequest(event: unknown): CompareRequest {
  const fields = presentFields(event, 'An event is a JSON object such as {"model_name": "fraud"}');
  unknownFields(fields, ['model_name', 'champion_version', 'challenger_version', 'rules', 'table']);
  return {
    modelName: parseModelName(fields.get('model_name')),
    champion: optional(fields, 'champion_version', parseVersion),
    challenger: optional(fields, 'challenger_version', parseVersion),
    rules: optional(fields, 'rules', parseRules),
    table: optional(fields, 'table', parseTablePath),
  };
}

/** The path of a table, from the top of the artifacts of a run. @throws InvalidRequestError */
export function parseTablePath(value: unknown, name: string): string {
  const path = parseText(value, name);
  if (/\.json$/.test(path) && !path.startsWith('/') && !path.split('/').includes('..')) return path;
  throw new InvalidRequestError(
    `${name} must be the path of a table among the artifacts of a run, such as eval_results_table.json, not ${quote(value)}.`,
  );
}

/** A table of a run: `runs:/RUN_ID/PATH`. Null for anything else, such as the name of a file. */
export function parseRunTable(
  text: string,
  name: string,
): { readonly runId: string; readonly path: string } | null {
  if (!text.startsWith('runs:/')) return null;
  const [, runId, path] = /^runs:\/+([\w-]{1,64})\/(.+)$/.exec(text) ?? [];
  if (runId !== undefined && path !== undefined) {
    return { runId, path: parseTablePath(path, name) };
  }
  throw new InvalidRequestError(
    `${name} must be runs:/RUN_ID/PATH, such as runs:/8c1f…/eval_results_table.json, not ${quote(text)}.`,
  );
}
