import { type Check, failed, ok, problem, Verdict, warning } from '../domain/answer/check.ts';
import { commandText } from '../domain/command-line.ts';
import { ConfigurationError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { clockSkewProblem } from '../domain/protocol/meeting.ts';
import { isoTime } from '../domain/registry/model.ts';
import type { FleetState } from '../domain/state/fleet.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { DueItem, RecordList } from '../ports/rollback-store.ts';
import type { AskedAlarms, Surroundings } from '../ports/surroundings.ts';
import type { RollbackDeps } from './deps.ts';
import { examineAlarms } from './examine-alarms.ts';
import { examineChannels, examineUnsent } from './examine-channels.ts';
import { examineCallers } from './examine-function.ts';
import { examineModels } from './examine-models.ts';
import { examinePointers } from './examine-pointers.ts';

/** What `doctor` is asked to check. */
export interface DoctorQuestions {
  /** Where notices go; null: to the terminal. */
  readonly noticeTopicArn: string | null;
  readonly alarms: AskedAlarms;
  /** Whether every channel gets a test notice. @default false */
  readonly isNotifying?: boolean;
}

/**
 * Is everything in place for a rollback? Each check runs by itself: one that fails is reported, and does not
 * stop the others. Only reads, unless test notices are asked for: whether the registry accepts a write, only a
 * rollback shows.
 */
export async function doctor(
  deps: RollbackDeps,
  around: Surroundings,
  { noticeTopicArn, alarms, isNotifying = false }: DoctorQuestions,
  deadline: Deadline,
): Promise<readonly Check[]> {
  const within = (): Deadline => deadlineWithin(deps.clock, limits.doctorCheckMs, deadline);
  const [registry, state, setUp, notices, alarmTopic, channels, senders] = await Promise.all([
    around.registry(within()).catch((error: unknown) => ({
      check: failed('registry', error),
      clockSkewMs: null,
    })),
    readState(deps, within()),
    around.state(within()).catch((error: unknown) => [failed('table', error)]),
    noticeTopicArn === null ? noTopic : topicCheck(around, 'topic', noticeTopicArn, within()),
    alarms.topicArn === null ? null : topicCheck(around, 'alarm-topic', alarms.topicArn, within()),
    examineChannels(deps, around, { isNotifying }, within()),
    around.senders(within()),
  ]);
  const hasRegistry = registry.check.verdict !== Verdict.PROBLEM;
  const isReadable = hasRegistry && state.kind === 'read';
  const [unsent, pointers, models, callers, rest] = await Promise.all([
    state.kind === 'read' ? examineUnsent(deps, within()) : notChecked('unsent'),
    hasRegistry ? examinePointers(deps, within()) : notChecked('pointers', 'registry'),
    state.kind === 'read'
      ? examineModels(deps, state.reading, { hasRegistry }, within())
      : [notChecked('paused'), notChecked('policies'), notChecked('quarantine')],
    alarms.functionArn === null ? [] : examineCallers(deps, around, alarms.functionArn, deadline),
    examineAlarms(deps, around, alarms, { isReadable }, deadline),
  ]);
  return [
    registry.check,
    state.check,
    ...setUp,
    clockCheck(deps, [
      registry.clockSkewMs,
      state.kind === 'read' ? state.reading.clockSkewMs : null,
    ]),
    notices,
    ...channels,
    ...senders,
    unsent,
    state.kind === 'read' ? overdueCheck(state.reading.overdue) : notChecked('overdue'),
    ...models,
    pointers,
    ...callers,
    ...(alarmTopic === null ? [] : [alarmTopic]),
    ...rest,
  ];
}

// ---------------------------------------------------------------------------------------------------

/** What reading the state gave. */
interface StateReading {
  readonly list: RecordList;
  readonly overdue: readonly DueItem[];
  readonly fleet: FleetState | undefined;
  readonly clockSkewMs: number | null;
}

type StateAnswer =
  | { readonly kind: 'read'; readonly check: Check; readonly reading: StateReading }
  | { readonly kind: 'failed'; readonly check: Check };

/** Reads as a rollback, a sweep and `history` do: the items, and both indexes. */
async function readState({ store, clock }: RollbackDeps, deadline: Deadline): Promise<StateAnswer> {
  try {
    const overdueAtMs = clock.nowMs() - limits.overdueMs;
    const page = { limit: limits.overdueCountMax, after: null };
    const [view, records, notices, list] = await Promise.all([
      store.read(probeModel, null, deadline),
      store.listDue('record', overdueAtMs, page, deadline),
      store.listDue('notice', overdueAtMs, page, deadline),
      store.list(null, deadline),
    ]);
    const overdue = [...records, ...notices].toSorted((a, b) => a.dueAtMs - b.dueAtMs);
    const { fleet, clockSkewMs } = view;
    return {
      kind: 'read',
      check: stateCheck(list),
      reading: { list, overdue, fleet, clockSkewMs },
    };
  } catch (error) {
    return { kind: 'failed', check: failed('state', error) };
  }
}

/** Records that cannot be read are named; the others work all the same. */
function stateCheck({ records, unreadable, next }: RecordList): Check {
  const count = records.length === 1 ? '1 record' : `${records.length} records`;
  const [first] = unreadable;
  if (first === undefined) {
    const what = next === undefined ? `it holds ${count}` : `checked: the latest ${count}`;
    return ok('state', `The state can be read; ${what}.`);
  }
  return problem(
    'state',
    `${unreadable.length} records cannot be read, ${records.length} can. The first: ${first.why}`,
    'Restore the record from a backup, or update model-rollback if a later release wrote it.',
  );
}

/** A name for the reading of a state; nothing is ever stored under it. */
const probeModel = 'doctor';

const noTopic = warning(
  'topic',
  'ALERT_SNS_TOPIC_ARN is not set: notices go to the terminal.',
  'Set ALERT_SNS_TOPIC_ARN to the topic that people are subscribed to.',
);

async function topicCheck(
  around: Surroundings,
  name: 'topic' | 'alarm-topic',
  arn: string,
  deadline: Deadline,
): Promise<Check> {
  const use = name === 'topic' ? 'notices' : 'alarms';
  return await around
    .topic(name, arn, use, deadline)
    .catch((error: unknown) => failed(name, error));
}

function clockCheck({ settings }: RollbackDeps, skews: readonly (number | null)[]): Check {
  const known = skews.filter((skewMs) => skewMs !== null);
  if (known.length === 0) {
    return warning(
      'clock',
      'Neither the registry nor the state store reported its time.',
      'Check that the clock of this machine is right.',
    );
  }
  const skew = clockSkewProblem(known, settings.clockSkewMaxMs ?? limits.clockSkewMaxMs);
  if (skew !== null) return failed('clock', new ConfigurationError(skew));
  const most = Math.max(...known.map(Math.abs));
  return ok(
    'clock',
    `This clock differs by at most ${Math.ceil(most / 1000)} s from those of the servers.`,
  );
}

function overdueCheck(overdue: readonly DueItem[]): Check {
  const [first] = overdue;
  if (first === undefined) return ok('overdue', 'No work waits for the sweep.');
  const many = overdue.length >= limits.overdueCountMax ? 'at least ' : '';
  return problem(
    'overdue',
    `The sweep does not run: ${many}${overdue.length} due for more than ${limits.overdueMs / 60_000} minutes, ` +
      `the first (${first.id}) since ${isoTime(first.dueAtMs)}.`,
    `Check the schedule of the sweep. To run it once now, run ${commandText('sweep')}.`,
  );
}

function notChecked(name: string, what = 'state'): Check {
  return warning(name, `Not checked: the ${what} cannot be read.`, 'Fix that first.');
}
