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

/** ARNs of what the function behind the address reads besides. */
export interface HttpResources {
  readonly httpSecret: string;
  /** Key of a customer that this secret is encrypted with. */
  readonly httpKey?: string | undefined;
}

/** What the function behind the address may do: as the one that rolls back, and read its secret. */
export function httpPolicy(
  resources: PolicyResources,
  { httpSecret, httpKey }: HttpResources,
): readonly PolicyEntry[] {
  const { region } = resources;
  const read = {
    sid: 'HttpSecret',
    actions: ['secretsmanager:GetSecretValue'],
    resources: [httpSecret],
  };
  const conditions = {
    StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` },
  };
  const key = (arn: string) => [
    { sid: 'HttpSecretKey', actions: ['kms:Decrypt'], resources: [arn], conditions },
  ];
  return [...functionPolicy(resources), read, ...(httpKey === undefined ? [] : key(httpKey))];
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
