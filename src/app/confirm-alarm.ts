import {
  type AlarmContributor,
  type AlarmDescription,
  type AlarmState,
  type AlarmTransition,
  arnOf,
  type ChangeToAlarm,
} from '../domain/alarm/alarm.ts';
import { limits } from '../domain/limits.ts';
import { isoTime } from '../domain/registry/model.ts';
import { together } from '../domain/together.ts';
import type { AlarmAnswer } from '../ports/alarm-reader.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** What CloudWatch says about an alarm that a message brought. `why` is a sentence. */
export type Confirmation =
  /** `transition` is CloudWatch's own: nothing in it is taken from the message. */
  | {
      readonly kind: 'confirmed';
      readonly transition: AlarmTransition;
      readonly alarm: AlarmDescription;
    }
  /** It did not go to ALARM then, and is not in ALARM now. `alarm` null: there is no such alarm. */
  | {
      readonly kind: 'refuted';
      readonly why: string;
      readonly alarm: AlarmDescription | null;
    }
  /** A later question may be answered. */
  | { readonly kind: 'unreachable'; readonly why: string }
  /** CloudWatch refuses to answer, or the answer is too large. */
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * Compares what a message says with CloudWatch. Whoever may publish to a topic can make up an alarm, put
 * another model into a real one, or send an old message again; so the message only says which alarm to ask
 * about, and at which time. Never throws.
 */
export async function confirmAlarm(
  deps: RollbackDeps,
  claimed: AlarmTransition,
  deadline: Deadline,
): Promise<Confirmation> {
  const first = await compare(deps, claimed, deadline);
  if (first.kind !== 'refuted' || first.alarm === null) return first;
  // CloudWatch does not promise that its answers show a change as soon as its actions do.
  const isRecent = deps.clock.nowMs() - claimed.atMs < limits.alarmConfirmRecentMs;
  if (!isRecent || deadline.leftMs() < 2 * limits.writeTimeoutMaxMs) return first;
  await deps.clock.sleep(limits.alarmConfirmAgainMs);
  return await compare(deps, claimed, deadline);
}

// ---------------------------------------------------------------------------------------------------

/** A change to ALARM, as CloudWatch knows it. */
interface KnownChange {
  /** Null: CloudWatch does not say. */
  readonly atMs: number | null;
  readonly previousState: AlarmState | null;
  readonly childrenInAlarm: readonly string[];
  readonly contributor: AlarmContributor | null;
}

async function compare(
  deps: RollbackDeps,
  claimed: AlarmTransition,
  deadline: Deadline,
): Promise<Confirmation> {
  const { ref, contributor } = claimed;
  const arn = arnOf(ref);
  const [alarms, series] = await together([
    deps.alarms.read([arn], deadline),
    contributor === null ? null : deps.alarms.readContributors(arn, deadline),
  ]);
  if (alarms.kind !== 'answer') return unanswered(alarms);
  const [alarm] = alarms.value;
  if (alarm === undefined) {
    const why = `CloudWatch has no alarm ${arn} in the account of this function.`;
    return { kind: 'refuted', why, alarm: null };
  }
  if (alarm.isSuppressed) {
    // Then CloudWatch sends no message. Refused and not ignored, since its answer may be a moment late.
    return {
      kind: 'refuted',
      why: `The actions of the alarm ${ref.name} are suppressed.`,
      alarm,
    };
  }
  if (series !== null && series.kind !== 'answer') {
    const why = `The alarm ${ref.name} is on one metric, and has no series.`;
    const isMadeUp = series.kind === 'silent' && !alarm.isMultiSeries;
    return isMadeUp ? { kind: 'refuted', why, alarm } : unanswered(series);
  }
  const current = currentChange(claimed, alarm, series?.value ?? []);
  const isSame = current !== null && isSameTime(current.atMs, claimed.atMs);
  // The history also says which state came before; only this setting needs it.
  if (isSame && deps.settings.alarms.alarmAgeMinMs === 0) return confirmed(claimed, alarm, current);
  const past = await pastChange(deps, claimed, alarm, deadline);
  const known = past.kind === 'answer' ? (past.value ?? current) : current;
  if (known !== null) return confirmed(claimed, alarm, known);
  if (past.kind !== 'answer') return unanswered(past);
  return {
    kind: 'refuted',
    alarm,
    why:
      `The alarm ${ref.name} is ${alarm.state} now, and under its present definition it did not go to ` +
      `ALARM at ${isoTime(claimed.atMs)}.`,
  };
}

/** Null when the alarm, or the series that the message names, is not in ALARM now. */
function currentChange(
  { contributor }: AlarmTransition,
  alarm: AlarmDescription,
  series: readonly (AlarmContributor & { readonly changedAtMs: number | null })[],
): KnownChange | null {
  const { state, childrenInAlarm, stateChangedAtMs } = alarm;
  if (contributor === null) {
    const change = { atMs: stateChangedAtMs, previousState: null, childrenInAlarm };
    return state === 'ALARM' ? { ...change, contributor: null } : null;
  }
  const found = series.find(({ id }) => id === contributor.id);
  if (found === undefined) return null;
  const { id, attributes, changedAtMs } = found;
  const atMs = changedAtMs ?? stateChangedAtMs;
  return { atMs, previousState: null, childrenInAlarm, contributor: { id, attributes } };
}

/** The change at the time that the message names, by the history of the alarm; null when there is none. */
async function pastChange(
  deps: RollbackDeps,
  { ref, atMs, contributor }: AlarmTransition,
  { configuredAtMs }: AlarmDescription,
  deadline: Deadline,
): Promise<AlarmAnswer<KnownChange | null>> {
  const span = {
    fromMs: atMs - limits.alarmTimeToleranceMs,
    toMs: atMs + limits.alarmTimeToleranceMs,
    contributorId: contributor?.id ?? null,
  };
  const history = await deps.alarms.readChangesToAlarm(arnOf(ref), span, deadline);
  if (history.kind !== 'answer') return history;
  // The history of a name outlives its alarm, whose definition may have named another model.
  const own = history.value.filter((change) => change.atMs >= (configuredAtMs ?? 0));
  const [nearest] = own.toSorted((a, b) => Math.abs(a.atMs - atMs) - Math.abs(b.atMs - atMs));
  return {
    kind: 'answer',
    value: nearest === undefined ? null : knownChange(nearest, contributor),
  };
}

function knownChange(
  { atMs, previousState, childrenInAlarm, attributes }: ChangeToAlarm,
  contributor: AlarmContributor | null,
): KnownChange {
  const series = contributor === null ? null : { id: contributor.id, attributes };
  return { atMs, previousState, childrenInAlarm, contributor: series };
}

/** The transition as CloudWatch knows it, so that one change has one key, whatever a message says. */
function confirmed(
  claimed: AlarmTransition,
  alarm: AlarmDescription,
  { atMs, previousState, childrenInAlarm, contributor }: KnownChange,
): Confirmation {
  if (atMs === null) {
    const why = `CloudWatch does not say when the alarm ${alarm.ref.name} went to ALARM.`;
    return { kind: 'unreadable', why };
  }
  const { ref, isComposite, dimensions, isMultiSeries } = alarm;
  const subject = { ref, isComposite, dimensions, isMultiSeries, childrenInAlarm };
  // The one thing that the message says for itself: it may be ignored for it, and gains nothing by it.
  const { isFromEventBus } = claimed;
  const transition = { ...subject, isFromEventBus, atMs, previousState, contributor };
  return { kind: 'confirmed', transition, alarm };
}

function unanswered(answer: AlarmAnswer<unknown> & { readonly message: string }): Confirmation {
  const kind = answer.kind === 'unreachable' ? 'unreachable' : 'unreadable';
  return { kind, why: answer.message };
}

function isSameTime(knownMs: number | null, claimedMs: number): boolean {
  return knownMs !== null && Math.abs(knownMs - claimedMs) <= limits.alarmTimeToleranceMs;
}
