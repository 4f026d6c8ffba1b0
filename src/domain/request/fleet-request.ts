import { InvalidRequestError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ModelTag } from '../registry/model.ts';
import { parseModelName, parseReason, Reason } from './request.ts';
import {
  type Fields,
  optional,
  parseBoolean,
  parseKey,
  parseText,
  presentFields,
  quote,
  unknownFields,
  wrongType,
} from './request-fields.ts';

/** Which registered models a fleet run is for. */
export type FleetSelection =
  | { readonly kind: 'list'; readonly models: readonly string[] }
  | { readonly kind: 'tag'; readonly tag: ModelTag };

/** The input of a fleet run that was read and found sound. Absent fields are null. */
export interface FleetRequest {
  readonly selection: FleetSelection;
  readonly reason: Reason;
  readonly isDryRun: boolean;
  readonly requestedBy: string | null;
  readonly maxConcurrency: number;
  readonly toleratedFailures: number;
}

/** What a fleet run does: the answer to the event `plan_fleet`, and the state of the state machine. */
export interface FleetPlan {
  /** Each once, in the order of the input or by name. */
  readonly models: readonly string[];
  readonly reason: Reason;
  readonly dry_run: boolean;
  readonly requested_by: string | null;
  readonly max_concurrency: number;
  readonly tolerated_failures: number;
}

const knownFields = [
  'models',
  'tag',
  'live_version_tag',
  'reason',
  'dry_run',
  'requested_by',
  'max_concurrency',
  'tolerated_failures',
] as const;

/**
 * Reads the input of a fleet run. It is ours alone, so unlike a request it may hold no unknown field.
 * @throws InvalidRequestError naming the field and what is allowed there
 */
export function parseFleetRequest(input: unknown): FleetRequest {
  const fields = presentFields(
    input,
    'A fleet run takes a JSON object such as {"models": ["NAME"], "dry_run": true}',
  );
  const [unknown] = unknownFields(fields, knownFields);
  if (unknown !== undefined) {
    throw new InvalidRequestError(
      `Unknown field ${quote(unknown)}. A fleet run takes ${knownFields.join(', ')}. Nothing was done.`,
    );
  }
  const concurrency = wholeNumber(1, limits.fleetConcurrencyMax);
  const failures = wholeNumber(0, limits.fleetFailuresMax);
  return {
    selection: parseSelection(fields),
    reason: optional(fields, 'reason', parseReason) ?? Reason.MANUAL_REQUEST,
    isDryRun: optional(fields, 'dry_run', parseBoolean) ?? false,
    requestedBy: optional(fields, 'requested_by', parseText),
    maxConcurrency: optional(fields, 'max_concurrency', concurrency) ?? defaults.maxConcurrency,
    toleratedFailures:
      optional(fields, 'tolerated_failures', failures) ?? defaults.toleratedFailures,
  };
}

/**
 * The plan for these models. Bounded, since Step Functions passes at most 256 KiB from state to state, and
 * each name is in the plan and again in the results.
 * @throws InvalidRequestError when they are too many
 */
export function planOfFleet(request: FleetRequest, models: readonly string[]): FleetPlan {
  const plan: FleetPlan = {
    models: [...new Set(models)],
    reason: request.reason,
    dry_run: request.isDryRun,
    requested_by: request.requestedBy,
    max_concurrency: request.maxConcurrency,
    tolerated_failures: request.toleratedFailures,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(plan.models)).length;
  if (plan.models.length <= limits.fleetModelsMax && bytes <= limits.fleetNamesBytesMax) {
    return plan;
  }
  throw new InvalidRequestError(
    `A fleet run takes at most ${limits.fleetModelsMax} models, with at most ${limits.fleetNamesBytesMax} ` +
      `bytes of names; these are ${plan.models.length} with ${bytes} bytes. Start several runs, each with ` +
      'its own list of models. Nothing was done.',
  );
}

// ---------------------------------------------------------------------------------------------------

const defaults = { maxConcurrency: 10, toleratedFailures: 10 } as const;

function parseSelection(fields: Fields): FleetSelection {
  const ways = (['models', 'tag', 'live_version_tag'] as const).filter((name) => fields.has(name));
  const [way] = ways;
  if (way === undefined || ways.length > 1) {
    const found = ways.length === 0 ? 'none of them' : ways.join(' and ');
    throw new InvalidRequestError(
      'A fleet run takes exactly one of models, tag and live_version_tag, such as ' +
        `{"models": ["NAME"]} or {"tag": {"key": "KEY", "value": "VALUE"}}; this one has ${found}.`,
    );
  }
  const value = fields.get(way);
  if (way === 'models') return { kind: 'list', models: parseModels(value) };
  const of = way === 'tag' ? 'model' : 'live-version';
  return { kind: 'tag', tag: { of, ...parseTag(value, way) } };
}

function parseModels(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw wrongType('models', 'a list of names such as ["NAME"]', value);
  }
  // Before the names are read: a list of millions is not gone through.
  if (value.length > limits.fleetModelsMax) {
    throw new InvalidRequestError(
      `models has ${value.length} entries; at most ${limits.fleetModelsMax} are allowed.`,
    );
  }
  return value.map((name, index) => parseModelName(name, `models[${index}]`));
}

/** Key and value become part of a filter of MLflow, which knows no escape. */
function parseTag(value: unknown, name: string): { readonly key: string; readonly value: string } {
  const fields = presentFields(
    value,
    `${name} is a JSON object such as {"key": "K", "value": "V"}`,
  );
  const [unknown] = unknownFields(fields, ['key', 'value']);
  if (unknown !== undefined || !fields.has('key') || !fields.has('value')) {
    throw wrongType(name, 'an object with key and value, and nothing else', value);
  }
  const key = parseTagText(fields.get('key'), `${name}.key`);
  // MLflow's own rule.
  if (!/^[\p{L}\p{N}\p{M}_./: -]+$/u.test(key)) {
    throw new InvalidRequestError(
      `${name}.key may hold letters, digits, spaces and _ - . : / only, not ${quote(key)}.`,
    );
  }
  const text = parseTagText(fields.get('value'), `${name}.value`);
  if ((text.includes("'") && text.includes('"')) || text.includes('\\')) {
    throw new InvalidRequestError(
      `${name}.value must hold one kind of quotes at most, and no backslash: MLflow's search cannot name it.`,
    );
  }
  return { key, value: text };
}

function parseTagText(value: unknown, name: string): string {
  const text = parseKey(value, name);
  if (/\p{Cc}/u.test(text) || text.trim() !== text) {
    throw new InvalidRequestError(
      `${name} must not contain control characters, or spaces at its start or end.`,
    );
  }
  return text;
}

function wholeNumber(min: number, max: number): (value: unknown, name: string) => number {
  return (value, name) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw wrongType(name, `a whole number from ${min} to ${max}`, value);
  };
}
