import {
  type AlarmDescription,
  type AlarmTransition,
  arnOf,
  type Dimension,
  isOfCloudWatch,
  modelTag,
} from '../domain/alarm/alarm.ts';
import { modelByAlarmName, modelKey } from '../domain/alarm/alarm-settings.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { ModelSource } from '../domain/record/trigger.ts';
import { parseModelName } from '../domain/request/request.ts';
import type { AlarmAnswer } from '../ports/alarm-reader.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** Which registered model an alarm is about. */
export type ModelAnswer =
  | { readonly kind: 'model'; readonly name: string; readonly source: ModelSource }
  /** No answer, or two answers, which are the names: people are notified. */
  | {
      readonly kind: 'unknown';
      readonly why: string;
      /** What to do about it; null where `why` says it. */
      readonly fix: string | null;
      readonly names: readonly string[];
    }
  /** CloudWatch might know, and could not be reached. */
  | { readonly kind: 'unreachable'; readonly why: string };

/**
 * Asks the sources in order; the first that answers wins, and two answers of one source are none.
 * What CloudWatch does not know or refuses to show counts as no answer.
 */
export async function resolveModel(
  deps: RollbackDeps,
  transition: AlarmTransition,
  deadline: Deadline,
): Promise<ModelAnswer> {
  const key = modelKey(deps.settings.alarms, transition.ref);
  const isKnownToCloudWatch = isOfCloudWatch(transition.ref);
  const fromCloudWatch: readonly [ModelSource, () => Promise<Names>][] = [
    [ModelSource.CONTRIBUTOR, () => contributorNames(deps, transition, deadline)],
    [ModelSource.CHILDREN, () => childNames(deps, transition, deadline)],
    [ModelSource.TAG, () => tagNames(deps, transition, deadline)],
  ];
  const sources: readonly [ModelSource, () => Promise<Names>][] = [
    [ModelSource.DIMENSION, async () => namesIn(transition.dimensions, key)],
    ...(isKnownToCloudWatch ? fromCloudWatch : []),
    [ModelSource.MAP, async () => mappedNames(deps, transition)],
  ];
  const fix = isKnownToCloudWatch ? alarmFix : `Set the label ${key}, or ROLLBACK_ALARM_MODELS.`;
  for (const [source, ask] of sources) {
    const names = await ask();
    if (typeof names === 'string') return { kind: 'unreachable', why: names };
    const [name, second] = names;
    if (second !== undefined) {
      const shown = [...names].slice(0, 3).map((one) => JSON.stringify(one.slice(0, 80)));
      const why = `The alarm ${transition.ref.name} names several models (${source}: ${shown.join(', ')}).`;
      return { kind: 'unknown', why, fix, names };
    }
    if (name !== undefined) return checked(name, source);
  }
  const places = isKnownToCloudWatch
    ? `no dimension or attribute ${key}, no tag ${modelTag}`
    : `no label ${key}`;
  const why =
    `The alarm ${transition.ref.name} names no model: ${places}, ` +
    'nothing in ROLLBACK_ALARM_MODELS.';
  return { kind: 'unknown', why, fix, names: [] };
}

// ---------------------------------------------------------------------------------------------------

/** Different names that a source gives, or why CloudWatch could not be asked. */
type Names = readonly string[] | string;

const alarmFix = `Set the tag ${modelTag} on the alarm, or ROLLBACK_ALARM_MODELS.`;

function checked(name: string, source: ModelSource): ModelAnswer {
  try {
    return { kind: 'model', name: parseModelName(name), source };
  } catch (error) {
    return {
      kind: 'unknown',
      why: `The alarm's ${source} does not hold a valid model name: ${messageOf(error)}`,
      fix: null,
      names: [],
    };
  }
}

function namesIn(dimensions: readonly Dimension[], name: string): readonly string[] {
  const values = dimensions.flatMap((dimension) =>
    dimension.name === name ? [dimension.value] : [],
  );
  return [...new Set(values)];
}

async function contributorNames(
  deps: RollbackDeps,
  { ref, contributor, isMultiSeries }: AlarmTransition,
  deadline: Deadline,
): Promise<Names> {
  const { modelDimension } = deps.settings.alarms;
  if (contributor !== null) return namesIn(contributor.attributes, modelDimension);
  if (!isMultiSeries) return [];
  const answer = await deps.alarms.readContributors(arnOf(ref), deadline);
  if (answer.kind === 'unreachable') return answer.message;
  const attributes = known(answer, []).flatMap((series) => series.attributes);
  return namesIn(attributes, modelDimension);
}

/**
 * The metrics under a composite alarm, through composites within it. CloudWatch allows circles, so each
 * alarm is read once, to a bounded depth.
 */
async function childNames(
  deps: RollbackDeps,
  transition: AlarmTransition,
  deadline: Deadline,
): Promise<Names> {
  const composite = transition.isComposite
    ? transition
    : await describeComposite(deps, transition, deadline);
  if (composite === null || typeof composite === 'string') return composite ?? [];
  const { modelDimension } = deps.settings.alarms;
  const names = new Set<string>();
  const visited = new Set([arnOf(transition.ref)]);
  const first = await childrenOf(deps, composite, deadline);
  if (typeof first === 'string') return first;
  let level = first;
  for (let depth = 1; depth <= limits.alarmDepthMax && level.length > 0; depth += 1) {
    const fresh = [...new Set(level)].filter((arn) => !visited.has(arn));
    const arns = fresh.slice(0, Math.max(0, limits.alarmsReadMax - visited.size));
    for (const arn of arns) visited.add(arn);
    if (arns.length === 0) break;
    const answer = await deps.alarms.read(arns, deadline);
    if (answer.kind === 'unreachable') return answer.message;
    const below: string[] = [];
    for (const alarm of known(answer, [])) {
      for (const name of namesIn(alarm.dimensions, modelDimension)) names.add(name);
      const children = alarm.isComposite ? await childrenOf(deps, alarm, deadline) : [];
      if (typeof children === 'string') return children;
      below.push(...children);
    }
    level = below;
  }
  return [...names];
}

/** A payload without the kind of its alarm may be about a composite alarm all the same. */
async function describeComposite(
  deps: RollbackDeps,
  { ref, dimensions, isMultiSeries }: AlarmTransition,
  deadline: Deadline,
): Promise<AlarmDescription | string | null> {
  if (dimensions.length > 0 || isMultiSeries) return null;
  const answer = await deps.alarms.read([arnOf(ref)], deadline);
  if (answer.kind === 'unreachable') return answer.message;
  const [alarm] = known(answer, []);
  return alarm?.isComposite === true ? alarm : null;
}

/** Those that the alarm itself names as in ALARM, whatever they are now; else those in ALARM now. */
async function childrenOf(
  deps: RollbackDeps,
  { ref, childrenInAlarm }: Pick<AlarmDescription, 'ref' | 'childrenInAlarm'>,
  deadline: Deadline,
): Promise<Names> {
  if (childrenInAlarm.length > 0) return childrenInAlarm;
  const answer = await deps.alarms.readChildrenInAlarm(arnOf(ref), deadline);
  return answer.kind === 'unreachable' ? answer.message : known(answer, []);
}

async function tagNames(
  deps: RollbackDeps,
  { ref }: AlarmTransition,
  deadline: Deadline,
): Promise<Names> {
  const answer = await deps.alarms.readTag(arnOf(ref), modelTag, deadline);
  if (answer.kind === 'unreachable') return answer.message;
  const value = known(answer, null);
  return value === null || value === '' ? [] : [value];
}

function mappedNames(deps: RollbackDeps, { ref }: AlarmTransition): Names {
  const model = modelByAlarmName(deps.settings.alarms, ref.name);
  return model === null ? [] : [model];
}

function known<T>(answer: AlarmAnswer<T>, byDefault: T): T {
  return answer.kind === 'answer' ? answer.value : byDefault;
}
