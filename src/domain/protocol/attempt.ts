import type { AlarmSettings } from '../alarm/alarm-settings.ts';
import { outboxNotice } from '../answer/notice.ts';
import { assert } from '../assert.ts';
import { commandText } from '../command-line.ts';
import { blastRadiusText, refusalsOf } from '../decide/guard.ts';
import { movesPointer, Outcome } from '../decide/outcome.ts';
import type { Plan } from '../decide/plan.ts';
import { moveText, planMessage } from '../decide/plan-text.ts';
import type { SmokeResult } from '../hook.ts';
import { limits } from '../limits.ts';
import { evidenceFor } from '../pointer/evidence.ts';
import { isGuess, isMereGuess } from '../pointer/target-rule.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { PlannedRecord, RollbackRecord, StoreChange } from '../record/record.ts';
import { type AlarmTrigger, type AlarmWatch, alarmIdentity } from '../record/trigger.ts';
import { sourceText } from '../request/policy.ts';
import {
  isOverridable,
  isSameBody,
  RefusalCode,
  type RollbackRequest,
  type Warning,
} from '../request/request.ts';
import { next } from '../revision.ts';
import { type FleetState, pauseFleet } from '../state/fleet.ts';
import type { ModelState } from '../state/model-state.ts';
import { baseOf, boundAlarm, shorten } from './record-base.ts';
import { watchAfterFailure, watchAfterRefusal } from './watch.ts';

/** What a new attempt under a key starts from. */
export interface Attempt {
  readonly id: string;
  readonly request: RollbackRequest;
  readonly bodyHash: string;
  /** The record of an earlier attempt under the same key, if there is one. */
  readonly previous: RollbackRecord | undefined;
  readonly alarm: AlarmTrigger | null;
  readonly isAutomatic: boolean;
  /** When an alarm was recorded first (epoch ms), also under another name; null for a first attempt. */
  readonly firstSeenAtMs: number | null;
  readonly plan: Plan;
  readonly warnings: readonly Warning[];
  readonly nowMs: number;
  /** The notice of an earlier end of the same key. */
  readonly previousNotice: OutboxNotice | undefined;
  /** Unguessable; for the notice. */
  readonly token: string;
  /** False: a person's refusal is recorded only. @default true */
  readonly announcesRefusals?: boolean;
  /** Why the pointer is perhaps not the one that consumers load by; known for alarms. @default null */
  readonly pointerDoubt?: string | null;
  /** What the smoke check of the target brought. @default null: it was not called */
  readonly smoke?: SmokeResult | null;
}

/** An end that needs no claim, since nothing is moved. */
export type UnclaimedOutcome = Exclude<
  Outcome,
  'ROLLED_BACK' | 'PROMOTED' | 'CONTESTED' | 'FAILED' | 'DEFERRED'
>;

/**
 * How an attempt ends without a claim, or null when it may take one. Only alarms wait for a person: in
 * mode `ask`, when CloudWatch could not confirm them, when they come too late for anybody to expect a
 * rollback, when the target is a guess (one for an alias, or one that not every version was read for), and
 * when consumers perhaps load by another pointer.
 */
export function unclaimedOutcome(
  attempt: Attempt,
  { mode, pendingActMs }: AlarmSettings,
): UnclaimedOutcome | null {
  const { plan, isAutomatic } = attempt;
  const verdict = movesPointer(plan.verdict) ? null : plan.verdict;
  if (!isAutomatic) return verdict;
  if (mode === 'observe') return verdict ?? Outcome.OBSERVED;
  const isPossible = plan.to !== null && (verdict === null || verdict === Outcome.REFUSED);
  const isForPerson = isInDoubt(plan) || isLate(attempt, pendingActMs);
  if (isPossible && isForPerson) return Outcome.AWAITING_APPROVAL;
  const isBlind = isMereGuess(plan.rule) || (plan.unreadBelow !== undefined && isGuess(plan.rule));
  const isDoubtful = isBlind || (attempt.pointerDoubt ?? null) !== null;
  if (verdict === null && isDoubtful) return Outcome.AWAITING_APPROVAL;
  return mode === 'ask' ? (verdict ?? Outcome.AWAITING_APPROVAL) : verdict;
}

/** What an end without a claim is decided with. */
export interface UnclaimedFacts {
  readonly outcome: UnclaimedOutcome;
  readonly state: ModelState;
  readonly fleet: FleetState;
  readonly cooldownMs: number;
  readonly settings: AlarmSettings;
}

/** Records an end that needs no claim: refused, no target, already live, observed, awaiting approval. */
export function endUnclaimed(
  attempt: Attempt,
  facts: UnclaimedFacts,
): StoreChange & { readonly record: RollbackRecord } {
  const { plan, nowMs, isAutomatic } = attempt;
  assert(
    isAutomatic || facts.outcome === plan.verdict,
    'only an alarm ends otherwise than planned',
  );
  const ended = recordOf(attempt, {
    status: facts.outcome,
    message: shorten(messageOf(attempt, facts)),
    liveVersions: plan.live,
    endedAtMs: nowMs,
    hasMoved: false,
  });
  const record = { ...ended, watch: watchOf(attempt, facts) };
  // Whoever promotes gets the answer, and nothing has changed.
  if (attempt.request.promotes) return { record };
  if (isRepeated(attempt, facts.outcome)) {
    return { record: { ...record, notice: attempt.previous.notice } };
  }
  const notice = outboxNotice(record, 'end', {
    previous: attempt.previousNotice,
    embedded: attempt.previous?.notice,
    nowMs,
    token: attempt.token,
    isSending: true,
  });
  if (facts.outcome !== Outcome.REFUSED) return { record, notice };
  if (!isAutomatic) return attempt.announcesRefusals === false ? { record } : { record, notice };
  return {
    record,
    ...(announcedBefore(attempt, facts)
      ? {}
      : { notice, state: withAnnouncement(facts.state, attempt) }),
    ...(latchesFleet(attempt, facts) ? { fleet: latched(attempt, facts) } : {}),
  };
}

/** The record of an attempt, from its plan on. */
export function recordOf(attempt: Attempt, progress: RollbackRecord['progress']): PlannedRecord {
  const { previous, alarm, plan } = attempt;
  assert(
    previous === undefined || isSameBody(previous.request, attempt.request),
    'one key has one body',
  );
  return {
    ...baseOf({ ...attempt, subject: 'model' }),
    alarm: alarm === null ? null : boundAlarm(alarm, previous, plan.live),
    isAutomatic: attempt.isAutomatic,
    plan,
    warnings: attempt.warnings,
    progress,
    watch: { kind: 'none' },
  };
}

// ---------------------------------------------------------------------------------------------------

/** CloudWatch could not say whether the alarm is true. */
function isInDoubt(plan: Plan): boolean {
  return refusalsOf(plan.guards).some(({ code }) => code === RefusalCode.ALARM_NOT_CONFIRMED);
}

/** On a later attempt: the alarm is old, or it is no longer known what was live when it came. */
function isLate(attempt: Attempt, pendingActMs: number): boolean {
  const { previous, alarm, plan, nowMs } = attempt;
  const seenAtMs = previous?.createdAtMs ?? attempt.firstSeenAtMs;
  if (seenAtMs === null || alarm === null) return false;
  if (nowMs - alarm.transition.atMs >= pendingActMs) return true;
  const isBound = (previous?.alarm?.liveVersions ?? null) !== null;
  const { isLiveUnchangedSince } = evidenceFor(plan.pointer);
  return !isBound && plan.from !== null && !isLiveUnchangedSince(plan.from, seenAtMs);
}

/** An attempt that ends again for the same reasons was announced already; it is only counted. */
function isRepeated(
  attempt: Attempt,
  outcome: Outcome,
): attempt is Attempt & { previous: RollbackRecord } {
  const { previous, plan } = attempt;
  return (
    previous !== undefined &&
    previous.progress.status === outcome &&
    codesOf(previous.plan) === codesOf(plan)
  );
}

function codesOf(plan: Plan | null): string {
  return plan === null
    ? ''
    : refusalsOf(plan.guards)
        .map((refusal) => refusal.code)
        .join();
}

/** A flapping alarm is refused at each transition; people are notified once per cooldown. */
function announcedBefore({ alarm, plan, nowMs }: Attempt, facts: UnclaimedFacts): boolean {
  const windowMs = Math.max(facts.cooldownMs, limits.refusalsAnnouncedMs);
  return facts.state.announcedRefusals.some(
    (entry) =>
      alarm !== null &&
      entry.alarm === alarmIdentity(alarm.transition) &&
      entry.codes === codesOf(plan) &&
      nowMs - entry.atMs < windowMs,
  );
}

function withAnnouncement(state: ModelState, { alarm, plan, nowMs }: Attempt): ModelState {
  assert(alarm !== null, 'only alarms are counted');
  const entry = { alarm: alarmIdentity(alarm.transition), codes: codesOf(plan), atMs: nowMs };
  const others = state.announcedRefusals.filter(
    (old) => old.alarm !== entry.alarm || old.codes !== entry.codes,
  );
  const announcedRefusals = [...others, entry].slice(-limits.announcedRefusalsMax);
  return next({ ...state, registry: plan.registry, announcedRefusals });
}

/** The alarm of one model too many stops automation, unless something else would have refused it. */
function latchesFleet({ plan }: Attempt, { fleet, state }: UnclaimedFacts): boolean {
  return (
    fleet.pause === null &&
    state.pause === null &&
    plan.to !== null &&
    codesOf(plan) === RefusalCode.PAUSED
  );
}

function latched({ id, nowMs }: Attempt, { fleet, settings }: UnclaimedFacts): FleetState {
  const message = blastRadiusText(settings);
  return pauseFleet(fleet, { atMs: nowMs, why: 'blast-radius', message, rollbackId: id });
}

function watchOf(attempt: Attempt, { outcome, settings }: UnclaimedFacts): AlarmWatch {
  const { plan, alarm, isAutomatic, nowMs, smoke, previous } = attempt;
  const isWatched = outcome === Outcome.REFUSED || outcome === Outcome.AWAITING_APPROVAL;
  if (alarm === null || !isAutomatic || !isWatched || settings.mode === 'observe')
    return { kind: 'none' };
  // Nothing is known about the target, and the smoke check may be back in a minute.
  if (outcome === Outcome.REFUSED && smoke?.kind === 'failed') {
    const before = previous?.watch;
    return watchAfterFailure(before?.kind === 'pending' ? before.looks + 1 : 0, nowMs);
  }
  const clearing = refusalsOf(plan.guards).map((refusal) => refusal.clearsAtMs);
  return watchAfterRefusal(outcome === Outcome.REFUSED ? clearing : [], nowMs);
}

function messageOf(attempt: Attempt, facts: UnclaimedFacts): string {
  const { outcome } = facts;
  const { plan, id, isAutomatic, pointerDoubt = null } = attempt;
  if (!isAutomatic || outcome === plan.verdict) return planMessage(plan);
  const move = [moveText(plan), ...(pointerDoubt === null ? [] : [pointerDoubt])].join(' ');
  if (outcome === Outcome.OBSERVED)
    return `Nothing was moved, because ${sourceText(facts.state, 'mode')} is observe. ${move}`;
  const refusals = refusalsOf(plan.guards).map((refusal) => refusal.message);
  // Guards that hold for alarms only do not refuse a person.
  const override = refusalsOf(plan.guards)
    .filter(({ code }) => isOverridable(code) && code !== RefusalCode.NOT_THE_CAUSE)
    .map(({ code }) => code);
  return [
    `The alarm waits for approval: ${move}`,
    ...refusals,
    `To approve it within 12 h, run ${commandText('approve', [id], { override })}.`,
  ].join(' ');
}
