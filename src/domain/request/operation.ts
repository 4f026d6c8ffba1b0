import { InvalidRequestError } from '../errors.ts';
import { limits } from '../limits.ts';
import { nearestName } from '../near-name.ts';
import { parsePolicy, parsePolicyFields } from './parse-policy.ts';
import type { ModelPolicy, PolicyFieldName } from './policy.ts';
import { parseModelName, parseVersion } from './request.ts';
import {
  optional,
  parseBoolean,
  parseText,
  presentFields,
  quote,
  requireKnownFields,
} from './request-fields.ts';
import { rollbackVerbs } from './rollback-operation.ts';

/** What a person may decide by command, library or event. */
export const operationVerbs = [
  'freeze',
  'unfreeze',
  'pause',
  'resume',
  'quarantine',
  'release',
  'policy-set',
  'policy-unset',
] as const;
export type OperationVerb = (typeof operationVerbs)[number];

/** A decision that was read and found sound. */
export type Operation =
  | (Named & { readonly verb: 'freeze'; readonly reason: string; readonly untilMs: number })
  | (Named & { readonly verb: 'pause'; readonly reason: string })
  | (Named & { readonly verb: 'unfreeze' | 'resume'; readonly reason: string | null })
  | (OfVersion & { readonly verb: 'quarantine'; readonly reason: string })
  | (OfVersion & { readonly verb: 'release'; readonly reason: string | null })
  | PolicyOperation;

/** A decision about the policy of one model. */
export type PolicyOperation =
  | (OfModel & {
      readonly verb: 'policy-set';
      readonly reason: string;
      readonly policy: ModelPolicy;
    })
  | (OfModel & {
      readonly verb: 'policy-unset';
      readonly reason: string | null;
      readonly fields: readonly PolicyFieldName[];
    });

interface Named {
  /** Null: all models. */
  readonly modelName: string | null;
  readonly requestedBy: string | null;
}

interface OfModel {
  readonly modelName: string;
  readonly requestedBy: string | null;
}

interface OfVersion extends OfModel {
  readonly version: string;
}

const fieldNames = [
  'operation',
  'model_name',
  'fleet',
  'version',
  'until',
  'policy',
  'fields',
  'reason',
  'requested_by',
] as const;

/**
 * Reads a decision (docs/reference/operations.md). Strict: a misspelt field is an error, since it would decide
 * something else.
 * @param nowMs what `2h` counts from (epoch ms)
 * @throws InvalidRequestError naming the field and what is allowed there
 */
export function parseOperation(input: unknown, nowMs: number): Operation {
  const fields = presentFields(
    input,
    'An operation is a JSON object such as {"operation": "freeze", "model_name": "NAME", "until": "2h", "reason": "…"}',
  );
  const asked = fields.get('operation');
  const verb = operationVerbs.find((known) => known === asked);
  if (verb === undefined) {
    const known = [...operationVerbs, ...rollbackVerbs];
    const near = typeof asked === 'string' ? nearestName(asked, known) : undefined;
    throw new InvalidRequestError(
      `operation must be one of ${known.join(', ')}, not ${quote(asked)}` +
        `${near === undefined ? '.' : `: did you mean "${near}"?`} Nothing was done.`,
    );
  }
  requireKnownFields(fields, fieldNames, 'an operation');
  const given: Given = {
    reason: optional(fields, 'reason', parseText),
    requestedBy: optional(fields, 'requested_by', parseText),
    isFleet: optional(fields, 'fleet', parseBoolean) ?? false,
    modelName: optional(fields, 'model_name', parseModelName),
    version: optional(fields, 'version', parseVersion),
    until: optional(fields, 'until', (value) => parseUntil(value, nowMs)),
    policy: optional(fields, 'policy', parsePolicy),
    fields: optional(fields, 'fields', parsePolicyFields),
  };
  refuseExtra(verb, given);
  switch (verb) {
    case 'quarantine':
    case 'release':
      return versionOperation(verb, given);
    case 'policy-set':
    case 'policy-unset':
      return policyOperation(verb, given);
    default:
      return subjectOperation(verb, given);
  }
}

// ---------------------------------------------------------------------------------------------------

interface Given {
  readonly reason: string | null;
  readonly requestedBy: string | null;
  readonly isFleet: boolean;
  readonly modelName: string | null;
  readonly version: string | null;
  readonly until: number | null;
  readonly policy: ModelPolicy | null;
  readonly fields: readonly PolicyFieldName[] | null;
}

function versionOperation(
  verb: 'quarantine' | 'release',
  { modelName, version, isFleet, reason, requestedBy }: Given,
): Operation {
  if (modelName === null || isFleet || version === null) {
    throw new InvalidRequestError(`${verb} needs model_name and version. Nothing was done.`);
  }
  const named = { modelName, version, requestedBy };
  return verb === 'release'
    ? { verb, ...named, reason }
    : { verb, ...named, reason: needed(verb, reason) };
}

function policyOperation(
  verb: PolicyOperation['verb'],
  { modelName, isFleet, policy, fields, reason, requestedBy }: Given,
): PolicyOperation {
  const what = verb === 'policy-set' ? 'policy' : 'fields';
  if (modelName === null || isFleet) {
    throw new InvalidRequestError(
      `${verb} needs model_name: a policy is of one model. Nothing was done.`,
    );
  }
  const named = { modelName, requestedBy };
  if (verb === 'policy-set' && policy !== null) {
    return { verb, ...named, policy, reason: needed(verb, reason) };
  }
  if (verb === 'policy-unset' && fields !== null) return { verb, ...named, fields, reason };
  throw new InvalidRequestError(`${verb} needs ${what}. Nothing was done.`);
}

function subjectOperation(
  verb: 'freeze' | 'unfreeze' | 'pause' | 'resume',
  { modelName, isFleet, until, reason, requestedBy }: Given,
): Operation {
  if ((modelName === null) !== isFleet) {
    throw new InvalidRequestError(
      `${verb} needs either model_name, or "fleet": true for all models. Nothing was done.`,
    );
  }
  const named = { modelName, requestedBy };
  if (verb === 'freeze') {
    if (until === null) {
      throw new InvalidRequestError(
        'freeze needs until: a time such as 2026-01-31T08:00:00Z, or a duration such as 30m, 2h or 3d. Nothing was done.',
      );
    }
    return { verb, ...named, untilMs: until, reason: needed(verb, reason) };
  }
  return verb === 'pause'
    ? { verb, ...named, reason: needed(verb, reason) }
    : { verb, ...named, reason };
}

function needed(verb: string, reason: string | null): string {
  if (reason !== null && reason.trim() !== '') return reason;
  throw new InvalidRequestError(
    `${verb} needs a reason: it is what people read who meet it. Nothing was done.`,
  );
}

/** What belongs to some operations only, and to which. */
const ownFields: Readonly<
  Record<'version' | 'until' | 'policy' | 'fields', readonly OperationVerb[]>
> = {
  version: ['quarantine', 'release'],
  until: ['freeze'],
  policy: ['policy-set'],
  fields: ['policy-unset'],
};

function refuseExtra(verb: OperationVerb, given: Given): void {
  for (const name of ['version', 'until', 'policy', 'fields'] as const) {
    if (given[name] === null || ownFields[name].includes(verb)) continue;
    throw new InvalidRequestError(`${verb} takes no ${name}. Nothing was done.`);
  }
}

/** A time with its zone, a day (its first moment in UTC), or a duration from now. */
function parseUntil(value: unknown, nowMs: number): number {
  const text = typeof value === 'string' ? value.trim() : '';
  const [, amount, unit] = /^(\d{1,5})(m|h|d)$/.exec(text) ?? [];
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const atMs =
    amount === undefined
      ? isTime
        ? Date.parse(text)
        : Number.NaN
      : nowMs + Number(amount) * (unit === 'd' ? 86_400_000 : unit === 'h' ? 3_600_000 : 60_000);
  if (Number.isNaN(atMs)) {
    throw new InvalidRequestError(
      `until must be a time with its zone such as 2026-01-31T08:00:00Z, or a duration such as 30m, 2h or 3d, not ${quote(value)}.`,
    );
  }
  if (atMs <= nowMs || atMs > nowMs + limits.freezeMaxMs) {
    throw new InvalidRequestError(
      `until must be in the next 90 days, and ${quote(value)} is not. Nothing was done.`,
    );
  }
  return atMs;
}
