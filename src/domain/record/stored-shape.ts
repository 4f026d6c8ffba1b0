import * as v from 'valibot';
import { Outcome } from '../decide/outcome.ts';
import { Reason } from '../request/request.ts';
import type { FleetState } from '../state/fleet.ts';
import type { ModelState } from '../state/model-state.ts';
import { alarmShape } from './alarm-shape.ts';
import { embeddedTopics, type NoticeMessage, noticeTopics } from './notice-content.ts';
import type { OutboxNotice } from './outbox.ts';
import { policyShape } from './policy-shape.ts';
import type { RollbackRecord } from './record.ts';
import { anyTime, count, mapOf, revision, time, version } from './stored-fields.ts';

/**
 * The shape of stored items. Objects are open: fields of a later release are kept and written back. Codes
 * that are only shown are any text, for the same reason; what decides how to go on (a status, a kind) is a
 * closed list, and a release that adds to one raises `min_reader` of the item.
 */

const pauseShape = v.looseObject({
  atMs: time,
  why: v.picklist(['budget', 'recovery', 'blast-radius', 'operator']),
  message: v.string(),
  rollbackId: v.string(),
});

/** What people decided. */
const decidedFields = {
  freeze: v.exactOptional(
    v.looseObject({
      untilMs: time,
      atMs: time,
      by: v.nullable(v.string()),
      reason: v.string(),
    }),
  ),
  actions: v.exactOptional(
    v.array(
      v.looseObject({
        verb: v.string(),
        what: v.string(),
        atMs: time,
        by: v.nullable(v.string()),
        reason: v.nullable(v.string()),
      }),
    ),
  ),
};

export const fleetShape: v.GenericSchema<unknown, FleetState> = v.looseObject({
  revision,
  pause: v.nullable(pauseShape),
  slots: v.array(v.looseObject({ modelName: v.string(), atMs: time })),
  ...decidedFields,
});

const pointerFields = {
  lastCommit: v.nullable(
    v.looseObject({
      rollbackId: v.string(),
      atMs: time,
      from: v.nullable(version),
      to: version,
    }),
  ),
  lastEnd: v.nullable(v.looseObject({ rollbackId: v.string(), atMs: time, bodyHash: v.string() })),
  rollbackCount: count,
  liveHistory: v.array(
    v.looseObject({
      version,
      atMs: time,
      notBeforeMs: v.exactOptional(time),
      hasGap: v.exactOptional(v.literal(true)),
      how: v.string(),
    }),
  ),
};

// What has a default here was added after items were first written.
export const stateShape: v.GenericSchema<unknown, ModelState> = v.looseObject({
  revision,
  modelName: v.string(),
  registry: v.string(),
  active: v.nullable(
    v.looseObject({ rollbackId: v.string(), owner: v.string(), leaseEndsAtMs: time }),
  ),
  ...pointerFields,
  recentCommits: v.optional(v.array(time), []),
  pointers: v.exactOptional(
    mapOf(v.looseObject({ ...pointerFields, recentCommits: v.array(time) })),
  ),
  quarantine: v.array(
    v.looseObject({
      version,
      atMs: time,
      rollbackId: v.string(),
      earlierRollbacks: v.exactOptional(v.array(v.string())),
      byHand: v.exactOptional(v.looseObject({ by: v.nullable(v.string()), reason: v.string() })),
    }),
  ),
  quarantineEarlier: v.array(v.tuple([count, count])),
  pause: v.optional(v.nullable(pauseShape), null),
  announcedRefusals: v.optional(
    v.array(v.looseObject({ alarm: v.string(), codes: v.string(), atMs: time })),
    [],
  ),
  released: v.optional(v.array(v.looseObject({ version, atMs: time })), []),
  ...decidedFields,
  policy: v.exactOptional(policyShape),
});

const modelVersion = v.looseObject({
  version,
  stage: v.string(),
  status: v.string(),
  createdAtMs: anyTime,
  lastUpdatedAtMs: anyTime,
});

const planShape = v.looseObject({
  pointer: v.string(),
  registry: v.string(),
  plannedAtMs: time,
  verdict: v.picklist(['ROLLED_BACK', 'PROMOTED', 'REFUSED', 'NO_TARGET', 'ALREADY_LIVE']),
  from: v.nullable(modelVersion),
  to: v.nullable(modelVersion),
  live: v.array(version),
  rule: v.nullable(v.string()),
  guards: v.array(
    v.looseObject({
      code: v.string(),
      verdict: v.picklist(['passed', 'warning', 'overridden', 'refused']),
      message: v.string(),
      clearsAtMs: v.nullable(anyTime),
    }),
  ),
  candidates: v.array(
    v.looseObject({ version, stage: v.string(), isTaken: v.boolean(), why: v.string() }),
  ),
  candidatesOmitted: count,
  unreadBelow: v.exactOptional(version),
});

const requestShape = v.looseObject({
  modelName: v.string(),
  targetVersion: v.nullable(version),
  reason: v.picklist(Object.values(Reason)),
  alarmName: v.nullable(v.string()),
  isDryRun: v.boolean(),
  requestId: v.nullable(v.string()),
  expectedFromVersion: v.nullable(version),
  overrides: v.array(v.string()),
  requestedBy: v.nullable(v.string()),
  pointer: v.exactOptional(v.string()),
  undoes: v.exactOptional(v.string()),
  promotes: v.exactOptional(v.literal(true)),
});

const progressShape = v.variant('status', [
  v.looseObject({
    status: v.literal('IN_PROGRESS'),
    owner: v.string(),
    claimedAtMs: time,
    leaseEndsAtMs: time,
    sends: v.exactOptional(count),
  }),
  v.looseObject({
    status: v.picklist(Object.values(Outcome)),
    endedAtMs: time,
    message: v.string(),
    liveVersions: v.array(version),
    hasMoved: v.boolean(),
  }),
]);

const topic = v.picklist(noticeTopics);
const about = v.optional(v.picklist(embeddedTopics), 'end');

const embeddedNoticeShape = v.variant('kind', [
  v.looseObject({ kind: v.literal('none') }),
  v.looseObject({
    kind: v.literal('pending'),
    about,
    dueAtMs: time,
    leaseEndsAtMs: time,
    attempts: count,
  }),
  v.looseObject({ kind: v.literal('sent'), about, sentAtMs: time, attempts: count }),
]);

const pointerCheckShape = v.variant('kind', [
  v.looseObject({ kind: v.literal('none') }),
  v.looseObject({ kind: v.literal('pending'), dueAtMs: time }),
  v.looseObject({ kind: v.literal('as-left'), atMs: time }),
  v.looseObject({ kind: v.literal('differs'), atMs: time, liveVersions: v.array(version) }),
]);

const none = { kind: 'none' } as const;
const pendingCheck = v.looseObject({ kind: v.literal('pending'), dueAtMs: time, looks: count });

const watchShape = v.variant('kind', [
  v.looseObject({ kind: v.literal('none') }),
  pendingCheck,
  v.looseObject({
    kind: v.literal('closed'),
    atMs: time,
    why: v.string(),
    by: v.exactOptional(v.nullable(v.string())),
    reason: v.exactOptional(v.string()),
  }),
]);

const recoveryShape = v.variant('kind', [
  v.looseObject({ kind: v.literal('none') }),
  pendingCheck,
  v.looseObject({
    kind: v.picklist(['recovered', 'not-recovered', 'no-data', 'superseded']),
    atMs: time,
  }),
]);

const servingShape = v.variant('kind', [
  v.looseObject({
    kind: v.literal('pending'),
    dueAtMs: time,
    tries: count,
    why: v.nullable(v.string()),
  }),
  v.looseObject({
    kind: v.literal('confirmed'),
    atMs: time,
    tries: count,
    version: v.nullable(version),
  }),
  v.looseObject({ kind: v.literal('given-up'), atMs: time, tries: count, why: v.string() }),
  v.looseObject({ kind: v.literal('superseded'), atMs: time }),
]);

export const recordShape: v.GenericSchema<unknown, RollbackRecord> = v.pipe(
  v.looseObject({
    revision,
    id: v.string(),
    subject: v.optional(v.picklist(['model', 'alarm', 'source']), 'model'),
    modelName: v.string(),
    request: requestShape,
    bodyHash: v.string(),
    createdAtMs: time,
    attempts: count,
    alarm: v.optional(v.nullable(alarmShape), null),
    isAutomatic: v.optional(v.boolean(), false),
    plan: v.nullable(planShape),
    warnings: v.array(v.looseObject({ code: v.string(), message: v.string() })),
    progress: progressShape,
    notice: embeddedNoticeShape,
    pointerCheck: pointerCheckShape,
    watch: v.optional(watchShape, none),
    recovery: v.optional(recoveryShape, none),
    serving: v.exactOptional(servingShape),
  }),
  // Release 0.1.0 stopped the whole sweep at a record without its alarm.
  v.check(
    ({ alarm, watch, recovery }) =>
      alarm !== null || (watch.kind !== 'pending' && recovery.kind !== 'pending'),
    'alarm: a check of the alarm is due, and the record has none',
  ),
  v.check(
    ({ plan, progress }) => plan !== null || progress.status !== 'IN_PROGRESS',
    'plan: a run is in progress, and the record has none',
  ),
);

/** What a notice says is sent as it was written: only the frame is checked. */
const contentShape = v.looseObject({
  subject: v.string(),
  message: v.custom<NoticeMessage>((value) => typeof value === 'object' && value !== null),
  attributes: mapOf(v.string()),
});

export const noticeShape: v.GenericSchema<unknown, OutboxNotice> = v.looseObject({
  rollbackId: v.string(),
  topic,
  token: v.string(),
  createdAtMs: time,
  isKept: v.boolean(),
  replaces: count,
  content: v.nullable(contentShape),
  dueAtMs: time,
  leaseEndsAtMs: time,
  attempts: count,
  channels: mapOf(
    v.variant('kind', [
      v.looseObject({ kind: v.literal('sent'), atMs: time }),
      v.looseObject({ kind: v.literal('failed'), atMs: time, attempts: count }),
    ]),
  ),
});
