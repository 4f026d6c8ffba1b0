/** Every shape that a stored item may have, for the round trips of the stores. */
import fc from 'fast-check';
import type { AlarmRef, AlarmTransition, Dimension } from '../../src/domain/alarm/alarm.ts';
import type { GuardReport } from '../../src/domain/decide/guard-answer.ts';
import { Outcome } from '../../src/domain/decide/outcome.ts';
import type { Plan } from '../../src/domain/decide/plan.ts';
import { limits } from '../../src/domain/limits.ts';
import { TargetRule } from '../../src/domain/pointer/target-rule.ts';
import {
  embeddedTopics,
  type Notice,
  type RecordTopic,
  recordTopics,
} from '../../src/domain/record/notice-content.ts';
import type { ChannelState, OutboxNotice } from '../../src/domain/record/outbox.ts';
import type {
  EmbeddedNotice,
  Ended,
  InProgress,
  PointerCheck,
  RollbackRecord,
} from '../../src/domain/record/record.ts';
import type { Serving } from '../../src/domain/record/serving.ts';
import {
  type AlarmTrigger,
  type AlarmWatch,
  ModelSource,
  Recovery,
  type RecoveryCheck,
  WatchEnd,
} from '../../src/domain/record/trigger.ts';
import type { ModelVersion } from '../../src/domain/registry/model.ts';
import type { ModelPolicy } from '../../src/domain/request/policy.ts';
import {
  parseModelName,
  Reason,
  RefusalCode,
  type RollbackRequest,
  type Warning,
} from '../../src/domain/request/request.ts';
import type { FleetState, Pause } from '../../src/domain/state/fleet.ts';
import type { ModelState, QuarantineEntry } from '../../src/domain/state/model-state.ts';

/** Names that the registry takes and a careless store stumbles over. */
export const AWKWARD_NAMES: readonly string[] = [
  "Bobby'); DROP TABLE rollback;--",
  'the "best" model',
  '100% sure + more & #1 ?=/\\',
  ' padded ',
  '模型 — café ☕ 🤖',
  'STATE',
  'ROLLBACK#x/0',
  'x'.repeat(256),
  '界'.repeat(256),
  '🤖'.repeat(128),
];

const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });

const time = fc.integer({ min: 0, max: limits.timeMaxMs });
/** Of a registry, or a cooldown after a time of ours. */
const anyTime = fc.integer({ min: 0, max: limits.dateMaxMs });
const count = fc.nat();
const version = fc
  .oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 999_999_999_999_999 }))
  .map(String);

/** Any text, with quotes, control characters, all planes, and halves of surrogate pairs. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '\0', '\ud83d', '"\\\'\n\u2028', 'null', 'x'.repeat(2_001)),
);

/** Names as a request may hold them. */
export const modelName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...AWKWARD_NAMES),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 128 }).filter(isModelName),
);

const modelVersion: fc.Arbitrary<ModelVersion> = fc.record({
  version,
  stage: text,
  status: text,
  createdAtMs: anyTime,
  lastUpdatedAtMs: anyTime,
});

const warning: fc.Arbitrary<Warning> = fc.record({ code: text, message: text });

/** One of the words that this release knows, or one of a later release. */
const word = (...known: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: text });

/** That a guard passed is not stored where release 0.1.0 does not have the guard. */
const guardReport: fc.Arbitrary<GuardReport> = fc
  .record({
    code: word(...Object.values(RefusalCode), 'SEVERAL_LIVE_VERSIONS'),
    verdict: fc.constantFrom('passed' as const, 'warning', 'overridden', 'refused'),
    message: text,
    clearsAtMs: nullable(anyTime),
  })
  .map((report) => ({ ...report, verdict: isFirstGuard(report) ? report.verdict : 'refused' }));

const plan: fc.Arbitrary<Plan> = fc.record(
  {
    pointer: text,
    registry: text,
    plannedAtMs: time,
    verdict: fc.constantFrom('ROLLED_BACK', 'REFUSED', 'NO_TARGET', 'ALREADY_LIVE'),
    from: nullable(modelVersion),
    to: nullable(modelVersion),
    live: fc.array(version, { maxLength: 4 }),
    rule: nullable(word(...Object.values(TargetRule))),
    guards: fc.array(guardReport, { maxLength: 7 }),
    candidates: fc.array(fc.record({ version, stage: text, isTaken: fc.boolean(), why: text }), {
      maxLength: 5,
    }),
    candidatesOmitted: count,
    unreadBelow: version,
  },
  {
    requiredKeys: [
      'pointer',
      'registry',
      'plannedAtMs',
      'verdict',
      'from',
      'to',
      'live',
      'rule',
      'guards',
      'candidates',
      'candidatesOmitted',
    ],
  },
);

const request = (name: string): fc.Arbitrary<RollbackRequest> =>
  fc.record({
    modelName: fc.constant(name),
    targetVersion: nullable(version),
    reason: fc.constantFrom(...Object.values(Reason)),
    alarmName: nullable(text),
    isDryRun: fc.boolean(),
    requestId: nullable(text),
    expectedFromVersion: nullable(version),
    overrides: fc.uniqueArray(word(...Object.values(RefusalCode))),
    requestedBy: nullable(text),
  });

const inProgress: fc.Arbitrary<InProgress> = fc.record({
  status: fc.constant('IN_PROGRESS' as const),
  owner: text,
  claimedAtMs: time,
  leaseEndsAtMs: time,
});

const ended: fc.Arbitrary<Ended> = fc.record({
  status: fc.constantFrom(...Object.values(Outcome)),
  endedAtMs: time,
  message: text,
  liveVersions: fc.array(version, { maxLength: 4 }),
  hasMoved: fc.boolean(),
});

const none = fc.record({ kind: fc.constant('none' as const) });
const topic: fc.Arbitrary<RecordTopic> = fc.constantFrom(...recordTopics);
const embeddedTopic = fc.constantFrom(...embeddedTopics);

const embeddedNotice: fc.Arbitrary<EmbeddedNotice> = fc.oneof(
  none,
  fc.record({
    kind: fc.constant('pending' as const),
    about: embeddedTopic,
    dueAtMs: time,
    leaseEndsAtMs: time,
    attempts: count,
  }),
  fc.record({
    kind: fc.constant('sent' as const),
    about: embeddedTopic,
    sentAtMs: time,
    attempts: count,
  }),
);

const pointerCheck: fc.Arbitrary<PointerCheck> = fc.oneof(
  none,
  fc.record({ kind: fc.constant('pending' as const), dueAtMs: time }),
  fc.record({ kind: fc.constant('as-left' as const), atMs: time }),
  fc.record({
    kind: fc.constant('differs' as const),
    atMs: time,
    liveVersions: fc.array(version, { maxLength: 4 }),
  }),
);

const dimensions: fc.Arbitrary<readonly Dimension[]> = fc.array(
  fc.record({ name: text, value: text }),
  { maxLength: 3 },
);

const alarmRef: fc.Arbitrary<AlarmRef> = fc.record({
  source: word('cloudwatch'),
  id: text,
  name: text,
});

const known = fc.record({
  isFromEventBus: fc.boolean(),
  ref: alarmRef,
  atMs: time,
  previousState: nullable(
    fc.constantFrom('OK' as const, 'ALARM' as const, 'INSUFFICIENT_DATA' as const),
  ),
  contributor: nullable(fc.record({ id: text, attributes: dimensions })),
  isComposite: fc.boolean(),
  dimensions,
  isMultiSeries: fc.boolean(),
  childrenInAlarm: fc.array(text, { maxLength: 3 }),
});

const transition: fc.Arbitrary<AlarmTransition> = fc.oneof(
  known,
  fc.tuple(known, text).map(([of, unconfirmedFrom]) => ({ ...of, unconfirmedFrom })),
);

const alarm: fc.Arbitrary<AlarmTrigger> = fc.record({
  transition,
  modelSource: nullable(word(...Object.values(ModelSource))),
  liveVersions: nullable(fc.array(version, { maxLength: 4 })),
});

const pendingLook = fc.record({
  kind: fc.constant('pending' as const),
  dueAtMs: time,
  looks: count,
});

const watch: fc.Arbitrary<AlarmWatch> = fc.oneof(
  none,
  pendingLook,
  fc.record(
    {
      kind: fc.constant('closed' as const),
      atMs: time,
      why: word(...Object.values(WatchEnd)),
      by: nullable(text),
      reason: text,
    },
    { requiredKeys: ['kind', 'atMs', 'why'] },
  ),
);

const recovery: fc.Arbitrary<RecoveryCheck> = fc.oneof(
  none,
  pendingLook,
  fc.record({ kind: fc.constantFrom(...Object.values(Recovery)), atMs: time }),
);

const serving: fc.Arbitrary<Serving> = fc.oneof(
  fc.record({
    kind: fc.constant('pending' as const),
    dueAtMs: time,
    tries: count,
    why: nullable(text),
  }),
  fc.record({
    kind: fc.constant('confirmed' as const),
    atMs: time,
    tries: count,
    version: nullable(version),
  }),
  fc.record({ kind: fc.constant('given-up' as const), atMs: time, tries: count, why: text }),
  fc.record({ kind: fc.constant('superseded' as const), atMs: time }),
);

const pause: fc.Arbitrary<Pause> = fc.record({
  atMs: time,
  why: fc.constantFrom('budget' as const, 'recovery' as const, 'blast-radius' as const),
  message: text,
  rollbackId: text,
});

const quarantineEntry: fc.Arbitrary<QuarantineEntry> = fc.record(
  {
    version,
    atMs: time,
    rollbackId: text,
    earlierRollbacks: fc.array(text, { maxLength: 3 }),
  },
  { requiredKeys: ['version', 'atMs', 'rollbackId'] },
);

const channelState: fc.Arbitrary<ChannelState> = fc.oneof(
  fc.record({ kind: fc.constant('sent' as const), atMs: time }),
  fc.record({ kind: fc.constant('failed' as const), atMs: time, attempts: count }),
);

const content: fc.Arbitrary<Notice> = fc.record({
  subject: text,
  message: fc.record({
    model_name: nullable(text),
    from_version: nullable(version),
    to_version: nullable(version),
    reason: text,
    triggered_by: text,
    timestamp: text,
    outcome: text,
    rollback_id: text,
    about: topic,
    text,
    requested_by: nullable(text),
    live_versions: fc.array(version, { maxLength: 4 }),
    refusals: fc.array(fc.record({ code: text, message: text, clears_at: nullable(text) }), {
      maxLength: 3,
    }),
    warnings: fc.array(warning, { maxLength: 3 }),
    alarm: nullable(
      fc.record({
        arn: text,
        red_since: text,
        contributor_id: nullable(text),
        model_source: nullable(text),
        automatic: fc.boolean(),
        watch: text,
        approved_by: nullable(text),
        next_look_at: nullable(text),
        recovery: text,
      }),
    ),
    replaces: count,
    sent_at: text,
  }),
  attributes: fc.dictionary(text.filter(isOwnKey), text, { maxKeys: 3 }),
});

const key = fc.string({
  unit: fc.constantFrom(...'0123456789abcdef'),
  minLength: 16,
  maxLength: 16,
});

/** A record in its first revision, so that an empty store takes it. */
export function rollbackRecord(name: string): fc.Arbitrary<RollbackRecord> {
  const record = fc.record({
    revision: fc.constant(1),
    id: key.map((digest) => `${name}/${digest}`),
    subject: fc.constantFrom('model' as const, 'alarm' as const, 'source' as const),
    modelName: fc.constant(name),
    request: request(name),
    bodyHash: text,
    createdAtMs: time,
    attempts: count,
    alarm: nullable(alarm),
    isAutomatic: fc.boolean(),
    plan: nullable(plan),
    warnings: fc.array(warning, { maxLength: 3 }),
    progress: fc.oneof(inProgress, ended),
    notice: embeddedNotice,
    pointerCheck,
    watch,
    recovery,
  });
  return fc
    .tuple(record, nullable(serving))
    .map(([one, given]) => (given === null ? one : { ...one, serving: given }))
    .filter(isConsistent);
}

/** Any notice that may stand in the outbox, as its first write. */
export function outboxItem(rollbackId: string): fc.Arbitrary<OutboxNotice> {
  return fc.record({
    rollbackId: fc.constant(rollbackId),
    topic,
    token: fc.uuid(),
    createdAtMs: time,
    isKept: fc.boolean(),
    replaces: count,
    content: nullable(content),
    dueAtMs: time,
    leaseEndsAtMs: time,
    attempts: count,
    channels: fc.dictionary(word('sns', 'console').filter(isOwnKey), channelState, { maxKeys: 3 }),
  });
}

/** A state in its first revision. */
export function modelState(name: string): fc.Arbitrary<ModelState> {
  const fields = {
    revision: fc.constant(1),
    modelName: fc.constant(name),
    registry: text,
    active: nullable(fc.record({ rollbackId: text, owner: text, leaseEndsAtMs: time })),
    lastCommit: nullable(
      fc.record({
        rollbackId: text,
        atMs: time,
        from: nullable(version),
        to: version,
      }),
    ),
    lastEnd: nullable(fc.record({ rollbackId: text, atMs: time, bodyHash: text })),
    rollbackCount: count,
    quarantine: fc.array(quarantineEntry, { maxLength: 3 }),
    quarantineEarlier: fc.array(fc.tuple(count, count), { maxLength: 3 }),
    liveHistory: fc.array(fc.record({ version, atMs: time, how: word('seen', 'made') }), {
      maxLength: 3,
    }),
    pause: nullable(pause),
    recentCommits: fc.array(time, { maxLength: 3 }),
    announcedRefusals: fc.array(fc.record({ alarm: text, codes: text, atMs: time }), {
      maxLength: 3,
    }),
    released: fc.array(fc.record({ version, atMs: time }), { maxLength: 3 }),
  };
  const whole = fc.record(fields);
  // Of some a person set the policy.
  const policed = fc.record({ ...fields, policy });
  return fc.oneof({ weight: 3, arbitrary: whole }, { weight: 1, arbitrary: policed });
}

/** At least one field, in the form that it is kept in. */
const policy: fc.Arbitrary<ModelPolicy> = fc
  .record(
    {
      mode: fc.constantFrom('act', 'ask', 'observe'),
      pointer: fc.constantFrom('stage:Production', 'alias:champion'),
      cooldown_hours: fc.integer({ min: 0, max: 8_760 }).map(String),
      budget: fc.constantFrom('off', '3/7d', '1/0.5h'),
      target_rule: fc.constantFrom('last-good', 'latest-archived'),
      target_max_age: fc.constantFrom('off', '90d'),
      smoke_check: fc.constantFrom('off', 'check:live', 'https://check.example.com/a'),
      reload: fc.constantFrom('off', 'reload'),
    },
    { requiredKeys: [] },
  )
  .filter((fields) => Object.keys(fields).length > 0);

/** What all models share, in its first revision. */
export const fleetState: fc.Arbitrary<FleetState> = fc.record({
  revision: fc.constant(1),
  pause: nullable(pause),
  slots: fc.array(fc.record({ modelName: text, atMs: time }), { maxLength: 3 }),
});

function isModelName(name: string): boolean {
  try {
    return parseModelName(name) === name;
  } catch {
    return false;
  }
}

const laterGuards: readonly string[] = [
  RefusalCode.ALARM_NOT_CONFIRMED,
  RefusalCode.POINTER_UNUSED,
];

function isFirstGuard({ code }: Pick<GuardReport, 'code'>): boolean {
  const isKnown =
    code === 'SEVERAL_LIVE_VERSIONS' || Object.values<string>(RefusalCode).includes(code);
  return isKnown && !laterGuards.includes(code);
}

/** What no release writes is not read either: a check of an alarm without one, a run without a plan. */
function isConsistent({ alarm, watch, recovery, plan, progress }: RollbackRecord): boolean {
  const isAlarmDue = watch.kind === 'pending' || recovery.kind === 'pending';
  return (!isAlarmDue || alarm !== null) && (progress.status !== 'IN_PROGRESS' || plan !== null);
}

/** False for the names that every object has: as keys they mean something else. */
function isOwnKey(name: string): boolean {
  return !(name in {});
}
