import { assert } from '../domain/assert.ts';
import {
  type ModelPolicy,
  type PolicyAnswer,
  type PolicyFieldName,
  policyAnswer,
  policyFieldNames,
  policyFields,
  policyText,
  settingsFor,
  withPolicy,
} from '../domain/request/policy.ts';
import {
  type HeadsItem,
  headPartOf,
  newHeadsItem,
  withPolicyPointer,
} from '../domain/state/live-log.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import {
  type AtRegistry,
  type Decision,
  decideByHand,
  isFleet,
  type Operator,
} from './operator.ts';

/** What counts for one model: its policy first, then the settings. */

/** How the policy of a model was changed. */
export interface PolicyChange {
  /** The whole policy after it. */
  readonly policy: PolicyAnswer;
  /** What each field that changed was before, as text; empty where nothing changed. */
  readonly before: ReadonlyMap<PolicyFieldName, string | undefined>;
}

/**
 * Sets fields of a policy; the others stay.
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function setPolicy(
  deps: Deciding,
  modelName: string,
  fields: ModelPolicy,
  operator: Operator,
  deadline: Deadline,
): Promise<PolicyChange> {
  const about = { verb: 'policy-set', what: policyText(policyAnswer(fields)), ...operator };
  return await changePolicy(deps, modelName, about, deadline, (policy) => ({
    ...policy,
    ...fields,
  }));
}

/**
 * Takes fields out of a policy: the settings count again.
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function unsetPolicy(
  deps: Deciding,
  modelName: string,
  fields: readonly PolicyFieldName[],
  operator: Operator,
  deadline: Deadline,
): Promise<PolicyChange> {
  const about = { verb: 'policy-unset', what: fields.join(', '), ...operator };
  return await changePolicy(deps, modelName, about, deadline, (policy) =>
    Object.fromEntries(
      Object.entries(policy).filter(([name]) => !fields.some((one) => one === name)),
    ),
  );
}

/** What counts for a model (docs/reference/operations.md, policy). */
export interface PolicyReading {
  readonly model_name: string;
  /** What is set; no field where nothing is. */
  readonly policy: PolicyAnswer;
  readonly settings: readonly {
    readonly field: PolicyFieldName;
    readonly value: string | number;
    readonly source: 'policy' | 'settings';
  }[];
}

/** Reads what counts for a model, and whether its policy or a setting says so. */
export async function readPolicy(
  { store, settings }: Pick<RollbackDeps, 'store' | 'settings'>,
  modelName: string,
  deadline: Deadline,
): Promise<PolicyReading> {
  const { state } = await store.read(modelName, null, deadline);
  const { policy = {} } = state ?? {};
  const counting = settingsFor(settings, { policy });
  return {
    model_name: modelName,
    policy: policyAnswer(policy),
    settings: policyFieldNames.map((field) => ({
      field,
      value: policyFields[field].shown(policyFields[field].of(counting, modelName)),
      source: policy[field] === undefined ? 'settings' : 'policy',
    })),
  };
}

// ---------------------------------------------------------------------------------------------------

type Deciding = Pick<RollbackDeps, 'store' | 'clock'> & AtRegistry;

async function changePolicy(
  deps: Deciding,
  modelName: string,
  about: Operator & { readonly verb: string; readonly what: string },
  deadline: Deadline,
  change: (policy: ModelPolicy) => ModelPolicy,
): Promise<PolicyChange> {
  const action = { ...about, atMs: deps.clock.nowMs() };
  return await decideByHand(deps, modelName, action, deadline, async (item) => {
    assert(!isFleet(item), 'a policy is of one model');
    const { policy: old = {} } = item;
    const policy = change(old);
    const changed = policyFieldNames.filter((name) => old[name] !== policy[name]);
    const before = new Map(changed.map((name) => [name, old[name]] as const));
    const answer: PolicyChange = { policy: policyAnswer(policy), before };
    if (changed.length === 0) return { answer, item: null };
    return await decisionOf(deps, withPolicy(item, policy), answer, deadline);
  });
}

/** Observing reads the pointers of many models at once: it must not need the state of each. */
async function decisionOf(
  { store }: Deciding,
  item: ModelState,
  answer: PolicyChange,
  deadline: Deadline,
): Promise<Decision<PolicyChange>> {
  if (!answer.before.has('pointer')) return { answer, item };
  const part = headPartOf(item.modelName);
  const [found = newHeadsItem(part)] = await store.readHeads([part], deadline);
  const heads: HeadsItem | null = withPolicyPointer(found, item.modelName, item.policy?.pointer);
  return heads === null ? { answer, item } : { answer, item, heads };
}
