import { type Check, ok, warning } from '../domain/answer/check.ts';
import { quarantinedWarnings } from '../domain/decide/plan-text.ts';
import { ModelNotFoundError, messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { policyText } from '../domain/request/policy.ts';
import { type FleetState, type Pause, pauseText } from '../domain/state/fleet.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RecordList } from '../ports/rollback-store.ts';
import { depsFor, pointerAsked, type RollbackDeps, registryFor } from './deps.ts';
import { inParallel } from './in-parallel.ts';

/** Models that have a state: whose automation is paused, which have a policy, where a version in quarantine is live. */
export async function examineModels(
  deps: RollbackDeps,
  { list, fleet }: { readonly list: RecordList; readonly fleet: FleetState | undefined },
  { hasRegistry }: { readonly hasRegistry: boolean },
  deadline: Deadline,
): Promise<readonly Check[]> {
  const read = await readStates(deps, list, deadline);
  const quarantine = hasRegistry
    ? await quarantineCheck(deps, read.states, deadline)
    : warning('quarantine', 'Not checked: the registry cannot be read.', 'Fix that first.');
  return [pausedCheck(read, fleet), policiesCheck(read), quarantine];
}

// ---------------------------------------------------------------------------------------------------

interface StatesRead {
  readonly states: readonly ModelState[];
  /** Models that were read. */
  readonly count: number;
  /** Why not all could be; null when all were. */
  readonly trouble: string | null;
}

async function readStates(
  { store }: RollbackDeps,
  { records }: RecordList,
  deadline: Deadline,
): Promise<StatesRead> {
  const models = records.flatMap(({ record }) =>
    record.subject === 'model' ? [record.modelName] : [],
  );
  const names = [...new Set(models)].slice(0, limits.doctorModelsMax);
  const states: ModelState[] = [];
  let count = 0;
  try {
    await inParallel(names, deadline, async (name) => {
      const { state } = await store.read(name, null, deadline);
      if (state !== undefined) states.push(state);
      count += 1;
    });
  } catch (error) {
    const trouble = `Only ${count} of ${names.length} models could be checked: ${messageOf(error)}`;
    return { states, count, trouble };
  }
  return { states, count, trouble: null };
}

function pausedCheck({ states, count, trouble }: StatesRead, fleet: FleetState | undefined): Check {
  const pauses: readonly (readonly [Pause | null, string | null])[] = [
    [fleet?.pause ?? null, null],
    ...states.map(({ pause, modelName }) => [pause, modelName] as const),
  ];
  const texts = pauses.flatMap(([pause, name]) => (pause === null ? [] : [pauseText(pause, name)]));
  if (trouble !== null) texts.push(trouble);
  if (texts.length === 0)
    return ok('paused', `Automation of no model is paused (${count} checked).`);
  return warning(
    'paused',
    texts.join(' '),
    'When the cause is fixed, run the command that each message names.',
  );
}

/** What holds for single models in place of the settings: else nobody who reads those would expect it. */
function policiesCheck({ states, count }: StatesRead): Check {
  const texts = states.flatMap(({ modelName, policy }) =>
    policy === undefined ? [] : [`${modelName} (${policyText(policy)})`],
  );
  if (texts.length === 0) return ok('policies', `No model has a policy (${count} checked).`);
  const shown = texts.slice(0, limits.doctorPoliciesShown);
  const more = texts.length - shown.length;
  return ok(
    'policies',
    `Of ${count} models, ${texts.length} have a policy, which comes before the settings: ${shown.join('; ')}` +
      `${more > 0 ? `; and ${more} more` : ''}.`,
  );
}

/** Reads the pointer that is set for each model with a quarantine. A model that is gone has no live version. */
async function quarantineCheck(
  deps: RollbackDeps,
  states: readonly ModelState[],
  deadline: Deadline,
): Promise<Check> {
  const asked = states.filter(
    ({ quarantine, quarantineEarlier }) => quarantine.length + quarantineEarlier.length > 0,
  );
  const texts: string[] = [];
  let trouble: string | null = null;
  let count = 0;
  await inParallel(asked, deadline, async (state) => {
    const { modelName } = state;
    try {
      const registry = registryFor(deps, pointerAsked(depsFor(deps, state), { modelName }));
      const snapshot = await registry.read(modelName, [], deadline, limits.recheckRows);
      texts.push(...quarantinedWarnings(snapshot, state).map(({ message }) => message));
      count += 1;
    } catch (error) {
      if (error instanceof ModelNotFoundError) count += 1;
      else trouble ??= messageOf(error);
    }
  });
  const unread = asked.length - count;
  if (unread > 0) {
    const why = trouble ?? 'time ran out.';
    texts.push(`${unread} of ${asked.length} models could not be checked: ${why}`);
  }
  if (texts.length === 0) {
    const checked = `${count} ${count === 1 ? 'model' : 'models'} with a quarantine checked`;
    return ok('quarantine', `No live version is in quarantine (${checked}).`);
  }
  return warning(
    'quarantine',
    texts.join(' '),
    'For each version that is good now, run the command that its message names.',
  );
}
