import { functionPolicy, type PolicyEntry, type PolicyResources } from './function-policy.ts';

/** What the function that promotes may do: as the one that rolls back, without what only alarms and sweeps need. */
export function promotionPolicy(resources: PolicyResources): readonly PolicyEntry[] {
  return functionPolicy(resources).filter(({ sid }) => !sidsOfAlarms.has(sid));
}

/** What the function that compares may do: read the state, write evidence, read and tag versions. */
export function comparisonPolicy(resources: PolicyResources): readonly PolicyEntry[] {
  return functionPolicy(resources)
    .filter(({ sid }) => sidsOfComparison.has(sid))
    .map((entry) => ({
      ...entry,
      actions: entry.actions.filter((action) => !actionsWithoutUse.has(action)),
    }));
}

// ---------------------------------------------------------------------------------------------------

const sidsOfAlarms: ReadonlySet<string> = new Set(['Sweep', 'Alarms', 'AlarmTags']);

const sidsOfComparison: ReadonlySet<string> = new Set([
  ...['State', 'StateKey', 'Credentials', 'CredentialsKey', 'Registry', 'RegistryRole'],
  ...['Logs', 'DeadLetters', 'Network', 'Traces'],
]);
/** Of these entries: a comparison moves no pointer, and reads no list. */
const actionsWithoutUse: ReadonlySet<string> = new Set([
  'dynamodb:Query',
  'sagemaker-mlflow:SearchRegisteredModels',
  'sagemaker-mlflow:SetRegisteredModelAlias',
  'sagemaker-mlflow:TransitionModelVersionStage',
]);
