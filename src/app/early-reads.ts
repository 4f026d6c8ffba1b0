import { type AlarmTransition, alarmRefText } from '../domain/alarm/alarm.ts';
import { alarmKey } from '../domain/record/trigger.ts';
import type { Deadline } from '../ports/deadline.ts';
import { pointerAsked, type RollbackDeps } from './deps.ts';
import { beginReads, type FirstReads } from './first-reads.ts';
import { type ModelAnswer, resolveModel } from './resolve-model.ts';
import { rollbackIdOf } from './rollback-id.ts';

/**
 * What is read while CloudWatch is asked whether a message is true. It is used only where CloudWatch says
 * the same as the message, so an honest alarm waits no longer, and a made-up one gains nothing.
 */
export interface EarlyReads {
  /** The model that the message names; null when CloudWatch's own transition is about something else. */
  modelFor(confirmed: AlarmTransition): Promise<ModelAnswer> | null;
  /** Registry and store, for the model and the time in the message; null when it names no model. */
  readonly reads: Promise<FirstReads | null>;
  /** The reads are not needed: whatever still runs is not tried again. */
  drop(): void;
}

export function readEarly(
  deps: RollbackDeps,
  claimed: AlarmTransition,
  deadline: Deadline,
): EarlyReads {
  let isDropped = false;
  const whileNeeded: Deadline = { leftMs: () => (isDropped ? 0 : deadline.leftMs()) };
  const model = resolveModel(deps, claimed, whileNeeded);
  const reads = model.then((found) => {
    if (found.kind !== 'model' || isDropped) return null;
    const subject = { modelName: found.name, targetVersion: null };
    const id = rollbackIdOf(deps, found.name, alarmKey(claimed));
    const pointer = pointerAsked(deps, subject);
    return beginReads(deps, subject, { id, pointer }, whileNeeded);
  });
  return {
    reads,
    modelFor: (confirmed) => (aboutOf(confirmed) === aboutOf(claimed) ? model : null),
    drop: () => {
      isDropped = true;
    },
  };
}

// ---------------------------------------------------------------------------------------------------

/** All that the name of the model is taken from, in an order that does not depend on the sender. */
function aboutOf(transition: AlarmTransition): string {
  const { ref, contributor, isComposite, isMultiSeries, childrenInAlarm } = transition;
  return JSON.stringify([
    alarmRefText(ref),
    isComposite,
    isMultiSeries,
    pairsOf(transition.dimensions),
    contributor === null ? null : [contributor.id, pairsOf(contributor.attributes)],
    [...childrenInAlarm].toSorted(),
  ]);
}

function pairsOf(dimensions: AlarmTransition['dimensions']): readonly string[] {
  const pairs = dimensions.map(({ name, value }) => JSON.stringify([name, value]));
  return [...new Set(pairs)].toSorted();
}
