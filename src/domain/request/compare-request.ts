import { parseRules } from '../evidence/parse-rules.ts';
import type { Rules } from '../evidence/rules.ts';
import { parseModelName, parseVersion } from './request.ts';
import { optional, presentFields, unknownFields } from './request-fields.ts';

/** Which two versions are compared: the event of the function compare-models. */
export interface CompareRequest {
  readonly modelName: string;
  /** Null: the live one. */
  readonly champion: string | null;
  /** Null: the one that a promotion would take. */
  readonly challenger: string | null;
  /** Null: those of a trading strategy. */
  readonly rules: Rules | null;
}

/**
 * Fields that nobody knows are passed over: Step Functions often passes its whole state. One that is nearly known is
 * an error.
 * @throws InvalidRequestError
 */
export function parseCompareRequest(event: unknown): CompareRequest {
  const fields = presentFields(event, 'An event is a JSON object such as {"model_name": "fraud"}');
  unknownFields(fields, ['model_name', 'champion_version', 'challenger_version', 'rules']);
  return {
    modelName: parseModelName(fields.get('model_name')),
    champion: optional(fields, 'champion_version', parseVersion),
    challenger: optional(fields, 'challenger_version', parseVersion),
    rules: optional(fields, 'rules', parseRules),
  };
}
