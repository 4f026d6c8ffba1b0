import type { FunctionUrl } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { EnvName } from '../config/env-names.ts';
import { comparisonPolicy, promotionPolicy } from './companion-policy.ts';
import { bundledCompanions } from './function-code.ts';
import { httpPolicyOf, openAddress } from './http-function.ts';
import { type FunctionShape, type MadeFunction, makeFunction } from './make-function.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';

/** The functions beside the one that rolls back, as far as the props ask for them. */
export interface Companions {
  readonly compare?: Companion;
  readonly promote?: Companion;
  readonly http?: Companion & { readonly url: FunctionUrl };
}

export interface Companion extends MadeFunction {
  /** The construct that all of it is below. */
  readonly scope: Construct;
}

/** Each below a construct of its own, on the same table, topic and queue. */
export function makeCompanions(
  scope: Construct,
  props: ModelRollbackProps,
  parts: Parameters<typeof makeFunction>[2],
  environment: Readonly<Record<string, string>>,
): Companions {
  const { httpSecret } = props;
  const shapes = {
    ...(props.compareFunction === true && { compare: comparing(environment) }),
    ...(props.promoteFunction === true && { promote: promoting(environment) }),
    ...(httpSecret && { http: answering(environment, httpSecret) }),
  };
  const names = Object.keys(shapes) as (keyof typeof shapes)[];
  if (names.length === 0) return {};
  const files = names.map((name) => `${name}/index.mjs` as const);
  const code = props.companionCode ?? bundledCompanions(scope, files);
  const make = (id: string, shape: Shape | undefined): Companion | undefined => {
    if (shape === undefined) return undefined;
    const name = id.toLowerCase();
    const place = new Construct(scope, id);
    const functionName = props.functionName && `${props.functionName}-${name}`;
    const handler = `${name}/index.handler`;
    return {
      ...makeFunction(place, props, parts, { ...shape, functionName, handler, code }),
      scope: place,
    };
  };
  const compare = make('Compare', shapes.compare);
  const promote = make('Promote', shapes.promote);
  const http = make('Http', shapes.http);
  return {
    ...(compare && { compare }),
    ...(promote && { promote }),
    ...(http && { http: { ...http, url: openAddress(http.scope, http) } }),
  };
}

// ---------------------------------------------------------------------------------------------------

type Shape = Omit<FunctionShape, 'functionName' | 'handler' | 'code'>;
type Environment = Readonly<Record<string, string>>;

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

const httpSecretName: EnvName = 'ROLLBACK_HTTP_SECRET_ARN';

function comparing(environment: Environment): Shape {
  const read = Object.entries(environment).filter(([name]) => comparisonNames.has(name));
  return {
    description: 'Compares two versions of an MLflow model',
    environment: Object.fromEntries(read),
    policy: comparisonPolicy,
    isReserved: false,
  };
}

function promoting(environment: Environment): Shape {
  return {
    description: 'Promotes versions of MLflow models',
    environment: { ...environment },
    policy: promotionPolicy,
    isReserved: true,
  };
}

function answering(
  environment: Environment,
  secret: NonNullable<ModelRollbackProps['httpSecret']>,
): Shape {
  return {
    description: 'Answers alerts, webhooks and requests by HTTP',
    environment: { ...environment, [httpSecretName]: secret.secretArn },
    policy: httpPolicyOf(secret),
    isReserved: true,
  };
}
