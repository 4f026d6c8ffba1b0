import {
  type AlarmDescription,
  type AlarmTransition,
  arnOf,
  isOfCloudWatch,
  type MessageOrigin,
  parseAlarmArn,
} from '../domain/alarm/alarm.ts';
import type { AlarmPayload } from '../domain/alarm/alarm-payload.ts';
import { ignoredResponse, type RollbackResponse } from '../domain/answer/response.ts';
import { assertNever } from '../domain/assert.ts';
import type { Deadline } from '../ports/deadline.ts';
import { actOnAlarm, alarmScope } from './act-on-alarm.ts';
import { confirmAlarm } from './confirm-alarm.ts';
import type { RollbackDeps } from './deps.ts';
import { readEarly } from './early-reads.ts';
import { deferAlarm, reportUnreadable } from './end-alarm.ts';
import { refuseAlarm } from './refuse-alarm.ts';

/**
 * Answers one alarm, in whatever form it came. What a retry cannot cure is an answer and a notice, never
 * an error: nobody reads the errors of an asynchronous caller.
 * @param origin the topic or queue whose message it is, which anybody may have written who may publish
 * there; null when CloudWatch or the event bus called, whom the permission of the function lets in
 * @throws StateStoreUnavailableError, or what a run throws that holds the claim: the caller's retry, or
 * the sweep, finishes it
 */
export async function handleAlarm(
  deps: RollbackDeps,
  payload: AlarmPayload,
  origin: MessageOrigin | null,
  deadline: Deadline,
): Promise<RollbackResponse> {
  if (payload.kind === 'ignored') return ignore(deps, payload.why, payload.alarmName);
  if (payload.kind === 'unreadable') {
    return await reportUnreadable(deps, payload, origin?.arn ?? null, deadline);
  }
  const { transition } = payload;
  const trust = trustIn(deps, transition, origin);
  if (trust.kind === 'refuse') {
    const alarm = { transition, source: trust.source, why: trust.why, scope: null };
    return await refuseAlarm(deps, alarm, deadline);
  }
  if (trust.kind === 'confirm') {
    const claimed = { ...transition, unconfirmedFrom: trust.source };
    return await attemptAlarm(deps, claimed, null, deadline);
  }
  const arrival = await judgeArrival(deps, transition, deadline);
  if (arrival.kind === 'ignore') return ignore(deps, arrival.why, transition.ref.name);
  if (arrival.kind === 'defer') {
    return await deferAlarm(deps, alarmScope(deps, transition), arrival.why, deadline);
  }
  return await attemptAlarm(deps, transition, null, deadline);
}

/**
 * Finds the model and rolls back, or records why not. Also the sweep's second attempts. What no one has
 * confirmed is compared with CloudWatch first, each time.
 * @param firstSeenAtMs when it was recorded first (epoch ms); null for its arrival
 */
export async function attemptAlarm(
  deps: RollbackDeps,
  transition: AlarmTransition,
  firstSeenAtMs: number | null,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const source = transition.unconfirmedFrom;
  if (source === undefined) return await actOnAlarm(deps, transition, { firstSeenAtMs }, deadline);
  const early = readEarly(deps, transition, deadline);
  const found = await confirmAlarm(deps, transition, deadline);
  const proceed = async (
    known: AlarmTransition,
    alarm: AlarmDescription | undefined,
    doubt: string | null,
  ): Promise<RollbackResponse> => {
    const arrival = judgeAlarm(deps, known, alarm, { isMessage: true });
    if (arrival.kind === 'go') {
      return await actOnAlarm(deps, known, { firstSeenAtMs, early, doubt }, deadline);
    }
    early.drop();
    return ignore(deps, arrival.why, transition.ref.name);
  };
  switch (found.kind) {
    case 'confirmed':
      return await proceed(found.transition, found.alarm, null);
    case 'unreadable':
      return await proceed(transition, undefined, found.why);
    case 'unreachable': {
      early.drop();
      const why = `CloudWatch could not be asked to confirm the alarm: ${found.why}`;
      return await deferAlarm(deps, alarmScope(deps, transition), why, deadline);
    }
    case 'refuted': {
      early.drop();
      const scope = found.alarm === null ? null : alarmScope(deps, transition);
      return await refuseAlarm(deps, { transition, source, why: found.why, scope }, deadline);
    }
    default:
      return assertNever(found);
  }
}

export type Arrival =
  | { readonly kind: 'go' }
  | { readonly kind: 'ignore' | 'defer'; readonly why: string };

/** What the payload alone does not show: old events, disabled actions, alarms that were just made. */
export async function judgeArrival(
  deps: RollbackDeps,
  transition: AlarmTransition,
  deadline: Deadline,
): Promise<Arrival> {
  // The message of an alert says what it is at the time of sending, however long ago it began.
  if (!isOfCloudWatch(transition.ref)) return { kind: 'go' };
  const { alarms: settings } = deps.settings;
  const isOld = deps.clock.nowMs() - transition.atMs > settings.eventAgeMaxMs;
  const isReadNeeded = isOld || transition.isFromEventBus || settings.alarmAgeMinMs > 0;
  if (!isReadNeeded) return { kind: 'go' };
  const answer = await deps.alarms.read([arnOf(transition.ref)], deadline);
  if (answer.kind === 'unreachable') {
    return {
      kind: 'defer',
      why: `CloudWatch could not be asked about the alarm: ${answer.message}`,
    };
  }
  const [alarm] = answer.kind === 'answer' ? answer.value : [];
  return judgeAlarm(deps, transition, alarm, { isMessage: false });
}

// ---------------------------------------------------------------------------------------------------

type Trust =
  /** IAM has checked who called, or somebody has set that this account is trusted. */
  | { readonly kind: 'trusted' }
  | { readonly kind: 'confirm'; readonly source: string }
  | { readonly kind: 'refuse'; readonly source: string; readonly why: string };

/** CloudWatch answers about alarms of the own account only. */
function trustIn(
  { settings, logger }: RollbackDeps,
  { ref }: AlarmTransition,
  origin: MessageOrigin | null,
): Trust {
  if (origin === null) return { kind: 'trusted' };
  const { arn: source, ownAccount } = origin;
  const arn = arnOf(ref);
  const account = parseAlarmArn(arn)?.account ?? '';
  if (ownAccount === null || account === ownAccount) return { kind: 'confirm', source };
  if (settings.alarms.allowedAccounts.has(account)) {
    logger.log('info', 'an alarm of an allowed account is not checked', { alarm_arn: arn, source });
    return { kind: 'trusted' };
  }
  const why =
    `The alarm ${ref.name} is in the account ${account}, where CloudWatch cannot be asked to confirm it. ` +
    `To let its messages act, add ${account} to ROLLBACK_ALLOWED_ACCOUNTS; safer is a rule of EventBridge ` +
    'that sends its events to the event bus of this account.';
  return { kind: 'refuse', source, why };
}

/** @param isMessage then the message may be older than what was done to the actions of the alarm */
function judgeAlarm(
  { settings: { alarms: settings }, clock }: RollbackDeps,
  transition: AlarmTransition,
  alarm: AlarmDescription | undefined,
  { isMessage }: { readonly isMessage: boolean },
): Exclude<Arrival, { kind: 'defer' }> {
  const ageMs = clock.nowMs() - transition.atMs;
  if (ageMs > settings.eventAgeMaxMs && alarm?.state !== 'ALARM') {
    const age = `The alarm went to ALARM ${Math.round(ageMs / 60_000)} min ago`;
    return {
      kind: 'ignore',
      why: `${age} (ROLLBACK_EVENT_AGE_MAX_MINUTES), and is not known to be in ALARM now.`,
    };
  }
  if ((transition.isFromEventBus || isMessage) && alarm?.hasActionsEnabled === false) {
    return { kind: 'ignore', why: 'The actions of the alarm are disabled.' };
  }
  const configuredAtMs = alarm?.configuredAtMs ?? null;
  const isFirst =
    transition.previousState === null || transition.previousState === 'INSUFFICIENT_DATA';
  const isYoung =
    configuredAtMs !== null && transition.atMs - configuredAtMs < settings.alarmAgeMinMs;
  if (isFirst && isYoung) {
    const why =
      'The alarm was created or changed shortly before it went to ALARM (ROLLBACK_ALARM_AGE_MIN_MINUTES).';
    return { kind: 'ignore', why };
  }
  return { kind: 'go' };
}

function ignore(deps: RollbackDeps, why: string, alarmName: string | null): RollbackResponse {
  deps.logger.log('info', 'alarm event ignored', { why, alarm_name: alarmName });
  return ignoredResponse(why, alarmName, deps.clock.nowMs());
}
