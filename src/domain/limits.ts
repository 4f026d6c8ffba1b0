import { assert } from './assert.ts';

/**
 * Every bound of the product, with the relations between them. A change that breaks a relation stops
 * the process at start, not during a rollback.
 */
export const limits = {
  /** Names, request_id, requested_by (characters): MLflow's column; CloudWatch's limit is 255. */
  textLengthMax: 256,
  /** Digits of a version; keeps it exact as a number. */
  versionDigitsMax: 15,
  overridesMax: 16,
  unknownFieldsReportedMax: 20,
  /** The end of the year 9999 (epoch ms): times of our own are not later. */
  timeMaxMs: 253_402_300_799_999,
  /** The last instant that a date can hold (epoch ms): what a registry holds, or a cooldown adds, may be later. */
  dateMaxMs: 8_640_000_000_000_000,
  /** Length of a free text that we store or send on (characters). */
  messageLengthMax: 2_000,

  /** Kept between our own deadline and the end of the function: for the answer to get out. */
  deadlineMarginMs: 1_000,
  /** The move starts only when this much is left; it may take longer when there is more. */
  writeTimeoutMinMs: 2_500,
  writeTimeoutMaxMs: 10_000,
  /** One attempt of a read. */
  readTimeoutMs: 5_000,
  readAttemptsMax: 3,
  /** One notice, the sender's own retries included. Also the lease on a notice. */
  noticeTimeoutMs: 5_000,
  /** What a target was made of: all of its reads together. */
  fitnessTimeMs: 3_000,
  /** One call of a hook; a smoke check is never so long that less than this is left to claim and move. */
  hookTimeoutMs: 10_000,
  afterSmokeCheckMs: 5_000,
  /** A smoke check that has less time is not begun. */
  smokeCheckTimeMinMs: 1_000,
  /** What makes servers reload is called again after a minute, doubling, at most a quarter of an hour; for a day. */
  servingBackoffMs: 60_000,
  servingBackoffMaxMs: 900_000,
  servingTimeMaxMs: 86_400_000,
  /** People are notified after so many calls that confirmed nothing: a server that restarts needs one. */
  servingTriesQuiet: 2,
  /** Between tries of a notice that fails: doubling, from this, at most that. */
  noticeBackoffMs: 60_000,
  noticeBackoffMaxMs: 3_600_000,
  /** After a commit the pointer is read once more (2 min); on failure again after as long. */
  pointerCheckMs: 120_000,
  /** Due items of a page of a sweep, its pages, and how many items at a time. */
  sweepPageRows: 200,
  sweepPagesMax: 50,
  sweepConcurrency: 4,
  /** After this many failures in a row a channel is not used for the rest of a sweep. */
  channelFailuresMax: 8,
  /** A notice that nobody marked as sent is due again after this. */
  noticeDueMs: 60_000,
  /** `doctor`: the whole run, and one check. */
  doctorBudgetMs: 60_000,
  doctorCheckMs: 15_000,
  /** Pages of a hundred schedules each, searched for those that call the function. */
  schedulePagesMax: 20,
  /** What was due this long ago (10 min) shows that no sweep runs. */
  overdueMs: 600_000,
  /** A channel that did not take a notice so many times in a row is in trouble. */
  noticeAttemptsFewMax: 3,
  /** Overdue records that are counted. */
  overdueCountMax: 100,
  /** Alarms, and models on record, that `doctor` checks. */
  doctorAlarmsMax: 100,
  doctorModelsMax: 200,
  doctorPoliciesShown: 10,
  /** `doctor`: pages of registered models whose pointers are counted, and how many pointers it names. */
  surveyPagesMax: 10,
  surveyPointersShown: 5,
  annotateTimeoutMs: 3_000,
  /** One call of the state store, its own retries included. */
  storeTimeoutMs: 10_000,
  /** Keys of one batch read: DynamoDB's limit; throttled ones are asked for again after a pause. */
  batchKeysMax: 100,
  unprocessedAttemptsMax: 6,
  unprocessedBackoffMs: 50,
  /** Time that a command, or a caller that names none, gives a rollback. */
  defaultBudgetMs: 120_000,

  /** read → decide → claim, when another run was quicker. */
  planAttemptsMax: 3,
  /** Tries of a commit that meets an operator's verb on the same item. */
  commitAttemptsMax: 5,
  commitBackoffMs: 500,
  /** A run with a claim older than this (15 min) is not continued. */
  staleClaimMs: 900_000,
  /** An equal request without a key within this time (15 min) is a caller's retry. */
  equalRequestMs: 900_000,
  /** An alarm whose change to ALARM is further in the future than this (5 min) is not believed. */
  alarmFutureMaxMs: 300_000,
  /** A message and CloudWatch mean the same change when their times differ by no more (2 s). */
  alarmTimeToleranceMs: 2_000,
  /** A change that CloudWatch does not show is asked for once more after this, while it is so recent. */
  alarmConfirmAgainMs: 2_000,
  alarmConfirmRecentMs: 60_000,
  /** An alarm that did not lead to a rollback is checked again after a minute, doubling, at most an hour. */
  watchBackoffMs: 60_000,
  watchIntervalMs: 3_600_000,
  /** An alarm whose state is unknown for this long (7 days) is not checked any more. */
  watchDurationMaxMs: 604_800_000,
  /** A person may approve within this (12 h). */
  approvalMs: 43_200_000,
  /** Refusals of one alarm are announced once per cooldown, or per this (1 h) where it is shorter. */
  refusalsAnnouncedMs: 3_600_000,
  /** What cannot be read, or is not confirmed, is announced once per source in this time (1 h). */
  unreadableAnnouncedMs: 3_600_000,
  announcedRefusalsMax: 20,
  recentCommitsMax: 50,
  fleetSlotsMax: 100,
  /** One fleet run: what Step Functions passes from state to state stays below 256 KiB (below). */
  fleetModelsMax: 1_000,
  fleetNamesBytesMax: 65_536,
  fleetConcurrencyMax: 100,
  fleetFailuresMax: 50,
  /** An alarm waits for a run that is at work (4 s) before it is deferred, or left to a retry. */
  alarmWaitMs: 500,
  alarmWaitsMax: 8,
  /** Claims of alarms meet on the fleet's item. */
  automaticAttemptsMax: 12,
  fleetBackoffMs: 50,
  /** Composite alarms within composite alarms. */
  alarmDepthMax: 5,
  alarmsReadMax: 300,
  /** Clock skew between machines that the lease allows for. */
  clockSkewMaxMs: 30_000,

  registryPageRows: 100,
  /** A recheck needs the versions that the plan names, and whatever moved since. */
  recheckRows: 20,
  /** No move is sent on a reading that is older. */
  recheckAgeMaxMs: 250,
  /** Moves of one run, where a move leaves no trace in the registry. */
  sendsMax: 2,
  /** Pages below the live version that are searched for a target. */
  registryPagesMax: 10,
  registryAnswerBytesMax: 8_388_608,
  /** Rows that a page of Unity Catalog may have (its own bound is lower), and pages of all versions of a model. */
  unityPageRows: 1_000,
  unityPagesMax: 50,
  /** Candidates there whose tags are read, a call for each. */
  unityMarkedRows: 5,
  /** How long before its end a token is renewed. */
  tokenMarginMs: 60_000,
  /** Of what people decided about a model, the latest ones are kept in its state. */
  actionsMax: 50,
  /** The longest freeze. */
  freezeMaxMs: 7_776_000_000,
  /** How long before the end of a freeze people are reminded of it. */
  freezeReminderMs: 3_600_000,
  /** MLflow 3 closes a connection that was idle for 5.0 s, and the close races with the next request. */
  idleConnectionMs: 4_000,
  /** Calls of a process to a plain registry before it tries to keep connections: those of one rollback. */
  singleConnectionCalls: 12,
  /** Between head and end of an answer on a kept connection; 40 ms where the server delays it, else under 1. */
  keptWaitMs: 25,
  /** One reading of the login in a secret, the SDK's own retries included. */
  secretTimeoutMs: 5_000,
  /** Characters; the service's own limit. */
  secretLengthMax: 65_536,
  candidatesMax: 50,
  /** Characters of a tag of ours; the texts in it are bounded, so a longer one is none of ours. */
  markLengthMax: 2_000,
  /** Rows of a page, and pages, of a search by tag. */
  tagPageRows: 200,
  tagPagesMax: 50,

  /** One question to CloudWatch: all its calls and pages, the SDK's own retries included. */
  alarmReadTimeoutMs: 5_000,
  /** Names, and rows of a page, of one call: CloudWatch's limit. */
  alarmPageRows: 100,
  alarmPagesMax: 20,
  /** Alarms of one question, and rows of one listing. */
  alarmRowsMax: 2_000,
  alarmRegionsMax: 20,
  /** Read of one message of Alertmanager or Grafana; the others are named in the answer. */
  alertsMax: 500,
  /** One HTTP request: its body, how long it may take to arrive (10 s), and how long a call may take. */
  httpBodyBytesMax: 1_048_576,
  httpBodyTimeoutMs: 10_000,
  httpBudgetMs: 60_000,
  /** A message with alerts is answered within this (20 s): senders wait about 30 s. */
  alertsBudgetMs: 20_000,
  /** Of one token: so many requests at once, and so many a second. */
  httpBurst: 600,
  httpPerSecond: 300,
  /** A service that is stopped ends what runs, for at most so long (20 s). */
  drainMs: 20_000,
  /** A service sweeps this long after its last sweep (1 min). */
  serviceSweepMs: 60_000,
  /** Kept of one alarm, or of one series. */
  alarmDimensionsMax: 2_000,
  /** ARN, name, dimension. What is longer is passed over: cut, it would name something else. */
  alarmTextLengthMax: 1_024,
  /** CloudWatch's own limit is 4,000. */
  alarmReasonDataLengthMax: 65_536,

  /** Recent quarantine entries kept whole; older ones as intervals. */
  quarantineRecentMax: 50,
  quarantineIntervalsMax: 2_000,
  /** Rollbacks that one quarantine entry names, and versions that are remembered as released. */
  quarantineCausesMax: 20,
  releasedVersionsMax: 200,
  liveHistoryMax: 20,
  /** Items that the heads of all pointers are spread over, and how long one that nobody sees is kept (30 days). */
  headParts: 16,
  headRetentionMs: 2_592_000_000,
  /** Registered models of one page that lists what pointers name; after a page that took so long, half as many. */
  pointerPageRows: 20,
  pointerPageSlowMs: 1_000,
  /** Observing: its time in one sweep, and its pages. */
  observeBudgetMs: 10_000,
  observePagesMax: 20,
  /** Models on record whose pointer is read in each round, beside the pages. */
  observeFirstMax: 20,
  /** The latest records that those models are taken from. */
  observeRecordsMax: 50,
  /** Another version may have been live unseen when this many rounds lie between two readings. */
  observeGapRounds: 3,
  /** Entries of a live log that are shown at a time. */
  liveLogRowsMax: 1_000,
  /** Pointers of one model beside its stage that its state has a part for. */
  pointersMax: 10,
  /** A record without effect expires after this (90 days). */
  recordRetentionMs: 7_776_000_000,
  /** Records of one page of a list, where nobody asks for another number; and the most. */
  historyRows: 100,
  historyRowsMax: 1_000,
  /** Partitions that the entries of an index are spread over, and how many are read at a time. */
  indexShards: 16,
  shardsAtOnce: 4,
  /** Entries of one shard that are read at a time. */
  shardPageRows: 1_000,
  /** `reindex`: entries at a time, at least so long for each time (80 a second), and times through all. */
  reindexRows: 20,
  reindexPageMs: 250,
  reindexPassesMax: 5,

  /** SNS: fewer than 100 characters, and 256 KiB with attributes. */
  subjectLengthMax: 99,
  noticeBytesMax: 204_800,
  /** Of what a service answers to a notice. */
  noticeAnswerBytesMax: 65_536,
} as const;

assert(
  limits.deadlineMarginMs + limits.writeTimeoutMinMs < 4_000,
  'a function with 4 s left can still move the pointer',
);
assert(limits.writeTimeoutMinMs <= limits.writeTimeoutMaxMs, 'write timeouts are ordered');
assert(
  limits.writeTimeoutMinMs < limits.afterSmokeCheckMs,
  'after a smoke check there is time to move',
);
assert(limits.hookTimeoutMs < limits.servingBackoffMs, 'a call has ended before the next is due');
assert(limits.noticeTimeoutMs < limits.noticeDueMs, 'a notice is not due while it is being sent');
assert(
  limits.readTimeoutMs * limits.readAttemptsMax < 60_000,
  'reads end long before the function',
);
// The ids in them hold the model's name, of at most four bytes a character.
assert(
  limits.quarantineIntervalsMax * 40 +
    limits.quarantineRecentMax *
      (4 * limits.textLengthMax + limits.quarantineCausesMax * 20 + 200) +
    limits.releasedVersionsMax * 60 +
    limits.pointersMax * (limits.liveHistoryMax * 80 + 8 * limits.textLengthMax + 2_000) <
    307_200,
  'the state item stays below 400 KB',
);
// Each model that did not fail: its name, two versions, the outcome and what is around them. Of each that
// failed Step Functions keeps the whole execution, with its input and the cause, cut.
assert(
  limits.fleetNamesBytesMax +
    (limits.fleetModelsMax - limits.fleetFailuresMax) * (60 + 2 * limits.versionDigitsMax) +
    limits.fleetFailuresMax * 1_800 <
    262_144,
  'the results of a fleet run fit into one state of a state machine',
);
