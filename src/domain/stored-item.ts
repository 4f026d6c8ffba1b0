import * as v from 'valibot';
import { TargetRule } from './candidate.ts';
import { StateCorruptError } from './errors.ts';
import type { FleetState } from './fleet.ts';
import { Reason, RefusalCode } from './request.ts';
import { type ModelState, Outcome, type RollbackRecord } from './rollback.ts';
import { ModelSource, Recovery, WatchEnd } from './trigger.ts';

/**
 * The stored form of state and records: JSON text, the same in every store. What is read is checked at
 * once and in full, so that an item that was edited by hand, or written by a newer version, stops here
 * with the name of the item and the field, and not half way through a rollback.
 */
export function encodeItem(item: ModelState | RollbackRecord | FleetState): string {
  return JSON.stringify(item);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeModelState(text: string, itemName: string): ModelState {
  return decode(stateSchema, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeRollbackRecord(text: string, itemName: string): RollbackRecord {
  return decode(recordSchema, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeFleetState(text: string, itemName: string): FleetState {
  return decode(fleetSchema, text, itemName);
}

// ---------------------------------------------------------------------------------------------------

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const time = count;
/** 0 is the state that was never stored. */
const revision = v.pipe(v.number(), v.integer(), v.minValue(1));
const version = v.pipe(v.string(), v.regex(/^[1-9][0-9]*$/));
const schema = v.literal(1);

const pauseSchema = v.strictObject({
  atMs: time,
  why: v.picklist(['budget', 'recovery', 'blast-radius']),
  message: v.string(),
  rollbackId: v.string(),
});

const fleetSchema = v.strictObject({
  schema,
  revision,
  pause: v.nullable(pauseSchema),
  slots: v.array(v.strictObject({ modelName: v.string(), atMs: time })),
});

// What has a default here was added after records were first written.
const stateSchema = v.strictObject({
  schema,
  revision,
  modelName: v.string(),
  registry: v.string(),
  active: v.nullable(
    v.strictObject({ rollbackId: v.string(), owner: v.string(), leaseEndsAtMs: time }),
  ),
  lastCommit: v.nullable(
    v.strictObject({
      rollbackId: v.string(),
      atMs: time,
      from: v.nullable(version),
      to: version,
    }),
  ),
  lastEnd: v.nullable(v.strictObject({ rollbackId: v.string(), atMs: time, bodyHash: v.string() })),
  rollbackCount: count,
  quarantine: v.array(v.strictObject({ version, atMs: time, rollbackId: v.string() })),
  quarantineEarlier: v.array(v.tuple([count, count])),
  released: v.optional(v.array(v.strictObject({ version, atMs: time })), []),
  liveHistory: v.array(v.strictObject({ version, atMs: time, how: v.picklist(['seen', 'made']) })),
  pause: v.optional(v.nullable(pauseSchema), null),
  recentCommits: v.optional(v.array(time), []),
  announcedRefusals: v.optional(
    v.array(v.strictObject({ alarm: v.string(), codes: v.string(), atMs: time })),
    [],
  ),
});

const refusalCode = v.picklist(Object.values(RefusalCode));

const modelVersion = v.strictObject({
  version,
  stage: v.string(),
  status: v.string(),
  createdAtMs: time,
  lastUpdatedAtMs: time,
});

const planSchema = v.strictObject({
  pointer: v.string(),
  registry: v.string(),
  plannedAtMs: time,
  verdict: v.picklist(['ROLLED_BACK', 'REFUSED', 'NO_TARGET', 'ALREADY_LIVE']),
  from: v.nullable(modelVersion),
  to: v.nullable(modelVersion),
  live: v.array(version),
  rule: v.nullable(v.picklist(Object.values(TargetRule))),
  guards: v.array(
    v.strictObject({
      code: v.union([refusalCode, v.literal('SEVERAL_LIVE_VERSIONS')]),
      verdict: v.picklist(['passed', 'warning', 'overridden', 'refused']),
      message: v.string(),
      clearsAtMs: v.nullable(time),
    }),
  ),
  candidates: v.array(
    v.strictObject({ version, stage: v.string(), isTaken: v.boolean(), why: v.string() }),
  ),
  candidatesOmitted: count,
  unreadBelow: v.exactOptional(version),
});

const requestSchema = v.strictObject({
  modelName: v.string(),
  targetVersion: v.nullable(version),
  reason: v.picklist(Object.values(Reason)),
  alarmName: v.nullable(v.string()),
  isDryRun: v.boolean(),
  requestId: v.nullable(v.string()),
  expectedFromVersion: v.nullable(version),
  overrides: v.array(refusalCode),
  requestedBy: v.nullable(v.string()),
});

const progressSchema = v.variant('status', [
  v.strictObject({
    status: v.literal('IN_PROGRESS'),
    owner: v.string(),
    claimedAtMs: time,
    leaseEndsAtMs: time,
  }),
  v.strictObject({
    status: v.picklist(Object.values(Outcome)),
    endedAtMs: time,
    message: v.string(),
    liveVersions: v.array(version),
    hasMoved: v.boolean(),
  }),
]);

const about = v.optional(v.picklist(['end', 'pointer', 'recovery']), 'end');

const noticeSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('none') }),
  v.strictObject({
    kind: v.literal('pending'),
    about,
    dueAtMs: time,
    leaseEndsAtMs: time,
    attempts: count,
  }),
  v.strictObject({ kind: v.literal('sent'), about, sentAtMs: time, attempts: count }),
]);

const pointerCheckSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('none') }),
  v.strictObject({ kind: v.literal('pending'), dueAtMs: time }),
  v.strictObject({ kind: v.literal('as-left'), atMs: time }),
  v.strictObject({ kind: v.literal('differs'), atMs: time, liveVersions: v.array(version) }),
]);

const dimensions = v.array(v.strictObject({ name: v.string(), value: v.string() }));

const alarmSchema = v.strictObject({
  transition: v.strictObject({
    isFromEventBus: v.boolean(),
    arn: v.string(),
    name: v.string(),
    atMs: time,
    previousState: v.nullable(v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA'])),
    contributor: v.nullable(v.strictObject({ id: v.string(), attributes: dimensions })),
    isComposite: v.boolean(),
    dimensions,
    isMultiSeries: v.boolean(),
    childrenInAlarm: v.array(v.string()),
  }),
  modelSource: v.nullable(v.picklist(Object.values(ModelSource))),
  liveVersions: v.nullable(v.array(version)),
});

const none = { kind: 'none' } as const;
const pendingLook = v.strictObject({ kind: v.literal('pending'), dueAtMs: time, looks: count });

const watchSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('none') }),
  pendingLook,
  v.strictObject({
    kind: v.literal('closed'),
    atMs: time,
    why: v.picklist(Object.values(WatchEnd)),
  }),
]);

const recoverySchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('none') }),
  pendingLook,
  v.strictObject({ kind: v.picklist(Object.values(Recovery)), atMs: time }),
]);

const recordSchema = v.strictObject({
  schema,
  revision,
  id: v.string(),
  subject: v.optional(v.picklist(['model', 'alarm', 'source']), 'model'),
  modelName: v.string(),
  request: requestSchema,
  bodyHash: v.string(),
  createdAtMs: time,
  attempts: count,
  alarm: v.optional(v.nullable(alarmSchema), null),
  isAutomatic: v.optional(v.boolean(), false),
  plan: v.nullable(planSchema),
  warnings: v.array(v.strictObject({ code: v.string(), message: v.string() })),
  progress: progressSchema,
  notice: noticeSchema,
  pointerCheck: pointerCheckSchema,
  watch: v.optional(watchSchema, none),
  recovery: v.optional(recoverySchema, none),
});

function decode<T>(shape: v.GenericSchema<unknown, T>, text: string, itemName: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt(itemName, 'it is not JSON', cause);
  }
  const written = v.safeParse(v.object({ schema: v.number() }), value);
  if (written.success && written.output.schema > 1) {
    throw corrupt(itemName, `its schema is ${written.output.schema}; this version reads schema 1`);
  }
  const result = v.safeParse(shape, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw corrupt(itemName, `field ${v.getDotPath(issue) ?? '(top)'}: ${issue.message}`);
}

function corrupt(itemName: string, problem: string, cause?: unknown): StateCorruptError {
  return new StateCorruptError(
    `The stored item ${itemName} cannot be read: ${problem}. Nothing was written. ` +
      'Restore it from a backup, or use the version of model-rollback that wrote it.',
    { cause },
  );
}
