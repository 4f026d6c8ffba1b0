import { type AlarmTransition, alarmRefText } from '../domain/alarm/alarm.ts';
import { modelKey } from '../domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { RollbackInProgressError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { AlarmTrigger } from '../domain/record/trigger.ts';
import { isoTime } from '../domain/registry/model.ts';
import { alarmRequest } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import type { EarlyReads } from './early-reads.ts';
import { type AlarmScope, deferAlarm, endAfterError, failAlarm } from './end-alarm.ts';
import { jitterMs } from './jitter.ts';
import { type ModelAnswer, resolveModel } from './resolve-model.ts';
import { type RollbackCall, rollBack } from './roll-back.ts';

/** What is known of an alarm that may act, beside its transition. */
export interface AlarmFacts {
  /** When it was recorded first (epoch ms); null for its arrival. */
  readonly firstSeenAtMs: number | null;
  /** Read while CloudWatch was asked. @default null */
  readonly early?: EarlyReads | null;
  /** Why CloudWatch could not confirm it, a sentence: then a person decides. @default null */
  readonly doubt?: string | null;
}

/** Finds the model of an alarm and rolls it back, or records why not. */
export async function actOnAlarm(
  deps: RollbackDeps,
  transition: AlarmTransition,
  facts: AlarmFacts,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const { firstSeenAtMs, early = null, doubt = null } = facts;
  const earlyModel = early?.modelFor(transition) ?? null;
  if (earlyModel === null) early?.drop();
  const model = await (earlyModel ?? resolveModel(deps, transition, deadline));
  if (model.kind !== 'model') {
    early?.drop();
    return await endWithoutModel(deps, transition, { model, doubt }, deadline);
  }
  const alarm: AlarmTrigger = {
    transition: pruned(transition, deps, true),
    modelSource: model.source,
    liveVersions: null,
  };
  const scope: AlarmScope = { subject: 'model', name: model.name, alarm };
  const aheadMs = transition.atMs - deps.clock.nowMs();
  if (aheadMs > limits.alarmFutureMaxMs) {
    early?.drop();
    const why = `The alarm went to ALARM at ${isoTime(transition.atMs)}, which is in the future. Check the clocks.`;
    return await failAlarm(deps, scope, why, deadline);
  }
  const call: RollbackCall = {
    request: alarmRequest(model.name, transition.ref.name),
    warnings: [],
    invocationId: '',
    deadline,
    alarm,
    isAutomatic: true,
    doubt,
    firstReads: (await early?.reads) ?? null,
    ...(firstSeenAtMs === null ? {} : { firstSeenAtMs }),
  };
  try {
    return await rollBackAfterOthers(deps, call);
  } catch (error) {
    return await endAfterError(deps, scope, error, deadline);
  }
}

/** An alarm whose model is not known is recorded under its own name. */
export function alarmScope(deps: RollbackDeps, transition: AlarmTransition): AlarmScope {
  const alarm: AlarmTrigger = {
    transition: pruned(transition, deps, false),
    modelSource: null,
    liveVersions: null,
  };
  return { subject: 'alarm', name: alarmRefText(transition.ref), alarm };
}

// ---------------------------------------------------------------------------------------------------

async function endWithoutModel(
  deps: RollbackDeps,
  transition: AlarmTransition,
  {
    model,
    doubt,
  }: { readonly model: Exclude<ModelAnswer, { kind: 'model' }>; readonly doubt: string | null },
  deadline: Deadline,
): Promise<RollbackResponse> {
  const scope = alarmScope(deps, transition);
  if (model.kind === 'unreachable') {
    const why = `CloudWatch could not be asked for the model: ${model.why}`;
    return await deferAlarm(deps, scope, why, deadline);
  }
  const why = [model.why, model.fix, doubt].filter((text) => text !== null).join(' ');
  return await failAlarm(deps, scope, why, deadline);
}

/**
 * An alarm often comes by two paths at once: it waits a little for a run that is at work, and reads only
 * the store meanwhile.
 */
async function rollBackAfterOthers(
  deps: RollbackDeps,
  call: RollbackCall,
): Promise<RollbackResponse> {
  const { deadline, request } = call;
  for (let wait = 0; ; ) {
    try {
      return await rollBack(deps, wait === 0 ? call : { ...call, firstReads: null });
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

/** What is kept of a transition: enough to find the model, again. */
function pruned(
  transition: AlarmTransition,
  deps: RollbackDeps,
  isModelKnown: boolean,
): AlarmTransition {
  const key = modelKey(deps.settings.alarms, transition.ref);
  const keep = (list: AlarmTransition['dimensions']): AlarmTransition['dimensions'] => {
    const named = list.filter(({ name }) => name === key);
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
