import { Construct } from 'constructs';
import type { EnvName } from '../config/env-names.ts';
import { comparisonPolicy, promotionPolicy } from './companion-policy.ts';
import { bundledCompanions } from './function-code.ts';
import { type FunctionShape, type MadeFunction, makeFunction } from './make-function.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';

/** The functions beside the one that rolls back, as far as the props ask for them. */
export interface Companions {
  readonly compare?: MadeFunction;
  readonly promote?: MadeFunction;
}

/** Each below a construct of its own, on the same table, topic and queue. */
export function makeCompanions(
  scope: Construct,
  props: ModelRollbackProps,
  parts: Parameters<typeof makeFunction>[2],
  environment: Readonly<Record<string, string>>,
): Companions {
  const isNone = props.compareFunction !== true && props.promoteFunction !== true;
  if (isNone) return {};
  const code = props.companionCode ?? bundledCompanions(scope);
  const make = (id: string, own: Omit<FunctionShape, 'functionName' | 'handler' | 'code'>) => {
    const name = id.toLowerCase();
    return makeFunction(new Construct(scope, id), props, parts, {
      ...own,
      functionName: props.functionName && `${props.functionName}-${name}`,
      handler: `${name}/index.handler`,
      code,
    });
  };
  const compare = {
    description: 'Compares two versions of an MLflow model',
    environment: withoutMoves(environment),
    policy: comparisonPolicy,
    isReserved: false,
  };
  const promote = {
    description: 'Promotes versions of MLflow models',
    environment: { ...environment },
    policy: promotionPolicy,
    isReserved: true,
  };
  return {
    ...(props.compareFunction === true ? { compare: make('Compare', compare) } : {}),
    ...(props.promoteFunction === true ? { promote: make('Promote', promote) } : {}),
  };
}

// ---------------------------------------------------------------------------------------------------

/** What a comparison reads: it moves nothing, and sends nothing to the topic, which every function wants. */
const comparisonNames: ReadonlySet<string> = new Set<EnvName>([
  'MLFLOW_TRACKING_URI',
  'MLFLOW_REGISTRY_URI',
  'MLFLOW_WORKSPACE',
  'SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN',
  'MLFLOW_TRACKING_SECRET_ARN',
  'ROLLBACK_STATE_TABLE',
  'ALERT_SNS_TOPIC_ARN',
  'ROLLBACK_POINTER',
  'ROLLBACK_MODEL_POINTERS',
]);

function withoutMoves(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => comparisonNames.has(name)),
  );
}
