import type { AlarmTransition } from '../domain/alarm.ts';
import type { AlarmPayload } from '../domain/alarm-payload.ts';
import { RollbackInProgressError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { isoTime } from '../domain/model.ts';
import { ignoredResponse, type RollbackResponse } from '../domain/response.ts';
import type { AlarmTrigger } from '../domain/trigger.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import {
  type AlarmScope,
  alarmRequest,
  deferAlarm,
  endAfterError,
  failAlarm,
  reportUnreadable,
} from './end-alarm.ts';
import { jitterMs } from './jitter.ts';
import { resolveModel } from './resolve-model.ts';
import { type RollbackCall, rollBack } from './roll-back.ts';

/**
 * Answers one alarm, in whatever form it came. What a retry cannot cure is an answer and a notice, never
 * an error: nobody reads the errors of an asynchronous caller.
 * @param source ARN of the topic or queue that it came by; null when CloudWatch or the event bus called
 * @throws StateStoreUnavailableError, or what a run throws that holds the claim: the caller's retry, or
 * the sweep, finishes it
 */
export async function handleAlarm(
  deps: RollbackDeps,
  payload: AlarmPayload,
  source: string | null,
  deadline: Deadline,
): Promise<RollbackResponse> {
  if (payload.kind === 'ignored') return ignore(deps, payload.why, payload.alarmName);
  if (payload.kind === 'unreadable') return await reportUnreadable(deps, payload, source, deadline);
  const { transition } = payload;
  const arrival = await judgeArrival(deps, transition, deadline);
  if (arrival.kind === 'ignore') return ignore(deps, arrival.why, transition.name);
  if (arrival.kind === 'defer') {
    return await deferAlarm(deps, alarmScope(deps, transition), arrival.why, deadline);
  }
  return await attemptAlarm(deps, transition, null, deadline);
}

/**
 * Finds the model and rolls back, or records why not. Also the sweep's second attempts.
 * @param firstSeenAtMs when it was recorded first (epoch ms); null for its arrival
 */
export async function attemptAlarm(
  deps: RollbackDeps,
  transition: AlarmTransition,
  firstSeenAtMs: number | null,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const model = await resolveModel(deps, transition, deadline);
  if (model.kind !== 'model') {
    const scope = alarmScope(deps, transition);
    return model.kind === 'unreachable'
      ? await deferAlarm(
          deps,
          scope,
          `CloudWatch could not be asked for the model: ${model.why}`,
          deadline,
        )
      : await failAlarm(deps, scope, [model.why, model.mend ?? ''].join(' ').trim(), deadline);
  }
  const alarm: AlarmTrigger = {
    transition: pruned(transition, deps, true),
    modelSource: model.source,
    liveVersions: null,
  };
  const scope: AlarmScope = { subject: 'model', name: model.name, alarm };
  const aheadMs = transition.atMs - deps.clock.nowMs();
  if (aheadMs > limits.alarmFutureMaxMs) {
    const why = `The alarm says that it went red at ${isoTime(transition.atMs)}, which is in the future.`;
    return await failAlarm(deps, scope, why, deadline);
  }
  const call: RollbackCall = {
    request: alarmRequest(model.name, transition.name),
    warnings: [],
    invocationId: '',
    deadline,
    alarm,
    isAutomatic: true,
    ...(firstSeenAtMs === null ? {} : { firstSeenAtMs }),
  };
  try {
    return await rollBackAfterOthers(deps, call);
  } catch (error) {
    return await endAfterError(deps, scope, error, deadline);
  }
}

// ---------------------------------------------------------------------------------------------------

/**
 * An alarm often comes by two paths at once: a run that is at work is waited for, a little. Only the store
 * is asked meanwhile.
 */
async function rollBackAfterOthers(
  deps: RollbackDeps,
  call: RollbackCall,
): Promise<RollbackResponse> {
  const { deadline, request } = call;
  for (let wait = 0; ; ) {
    try {
      return await rollBack(deps, call);
    } catch (error) {
      if (!(error instanceof RollbackInProgressError)) throw error;
      let isHeld = true;
      while (isHeld) {
        wait += 1;
        const isWorthIt =
          wait <= limits.alarmWaitsMax && deadline.leftMs() > 2 * limits.writeTimeoutMaxMs;
        if (!isWorthIt) throw error;
        await deps.clock.sleep(limits.alarmWaitMs + jitterMs(deps, 4));
        const { state } = await deps.store.read(request.modelName, null, deadline);
        isHeld = state?.active != null;
      }
    }
  }
}

export type Arrival =
  | { readonly kind: 'go' }
  | { readonly kind: 'ignore' | 'defer'; readonly why: string };

/** What the payload alone cannot tell: old events, disabled actions, alarms that were just made. */
export async function judgeArrival(
  deps: RollbackDeps,
  transition: AlarmTransition,
  deadline: Deadline,
): Promise<Arrival> {
  const { alarms: settings } = deps.settings;
  const ageMs = deps.clock.nowMs() - transition.atMs;
  const isOld = ageMs > settings.eventAgeMaxMs;
  const isLookNeeded = isOld || transition.isFromEventBus || settings.alarmAgeMinMs > 0;
  if (!isLookNeeded) return { kind: 'go' };
  const answer = await deps.alarms.read([transition.arn], deadline);
  if (answer.kind === 'unreachable') {
    return {
      kind: 'defer',
      why: `CloudWatch could not be asked about the alarm: ${answer.message}`,
    };
  }
  const [alarm] = answer.kind === 'answer' ? answer.value : [];
  if (isOld && alarm?.state !== 'ALARM') {
    const age = `The alarm went red ${Math.round(ageMs / 60_000)} min ago`;
    return {
      kind: 'ignore',
      why: `${age} (ROLLBACK_EVENT_AGE_MAX_MINUTES), and is not known to be red now.`,
    };
  }
  if (transition.isFromEventBus && alarm?.hasActionsEnabled === false) {
    return { kind: 'ignore', why: 'The actions of the alarm are disabled.' };
  }
  const configuredAtMs = alarm?.configuredAtMs ?? null;
  const isFirst =
    transition.previousState === null || transition.previousState === 'INSUFFICIENT_DATA';
  const isYoung =
    configuredAtMs !== null && transition.atMs - configuredAtMs < settings.alarmAgeMinMs;
  if (isFirst && isYoung) {
    const why =
      'The alarm was made or changed a moment before it went red (ROLLBACK_ALARM_AGE_MIN_MINUTES).';
    return { kind: 'ignore', why };
  }
  return { kind: 'go' };
}

function ignore(deps: RollbackDeps, why: string, alarmName: string | null): RollbackResponse {
  deps.logger.log('info', 'ignored an alarm event', { why, alarm_name: alarmName });
  return ignoredResponse(why, alarmName, deps.clock.nowMs());
}

/** An alarm whose model nobody knows is kept under its own name. */
function alarmScope(deps: RollbackDeps, transition: AlarmTransition): AlarmScope {
  const alarm: AlarmTrigger = {
    transition: pruned(transition, deps, false),
    modelSource: null,
    liveVersions: null,
  };
  return { subject: 'alarm', name: transition.arn, alarm };
}

/** What is kept of a transition: enough to find the model, again. */
function pruned(
  transition: AlarmTransition,
  deps: RollbackDeps,
  isModelKnown: boolean,
): AlarmTransition {
  const { modelDimension } = deps.settings.alarms;
  const keep = (list: AlarmTransition['dimensions']): AlarmTransition['dimensions'] => {
    const named = list.filter(({ name }) => name === modelDimension);
    return [...new Map(named.map((one) => [one.value, one])).values()].slice(0, 2);
  };
  const { contributor } = transition;
  return {
    ...transition,
    dimensions: keep(transition.dimensions),
    contributor:
      contributor === null
        ? null
        : { id: contributor.id, attributes: keep(contributor.attributes) },
    childrenInAlarm: isModelKnown ? [] : transition.childrenInAlarm,
  };
}
