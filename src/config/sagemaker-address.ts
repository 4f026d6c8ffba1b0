import type { EnvName } from './env-names.ts';
import { type Env, read, wrong } from './read-env.ts';

/** How requests are signed with AWS credentials (Signature Version 4). */
export interface SigningSettings {
  /** What the service is called in a signature. */
  readonly service: 'sagemaker-mlflow' | 'sagemaker' | 'execute-api';
  /** Null: the one that the SDK finds (`AWS_REGION`). */
  readonly region: string | null;
  /** Which server of the service a request is for; null where the address says it. */
  readonly routing: { readonly header: string; readonly value: string } | null;
  /** Null: the credentials that the SDK finds. */
  readonly roleArn: string | null;
}

/**
 * Where an MLflow server of SageMaker is, and how its requests are signed, as the public client `sagemaker-mlflow`
 * has it. A tracking server and an App differ in all of these.
 * @param name the variable with the ARN
 * @throws ConfigurationError
 */
export function sageMakerFromEnv(
  env: Env,
  name: EnvName,
  arn: string,
): { readonly baseUrl: URL; readonly signing: SigningSettings } {
  const [, partition = '', region = '', resource = ''] = arnParts.exec(arn) ?? [];
  if (resource === '') throw wrong(name, arn, allowed);
  if (partition !== 'aws' && partition !== 'aws-us-gov') {
    throw wrong(name, arn, `${allowed}; there is no managed MLflow in the partition ${partition}`);
  }
  if (partitionOf(region) !== partition) {
    const fits = `an ARN whose region is in its partition; ${region} is not in ${partition}`;
    throw wrong(name, arn, fits);
  }
  const kind = resource === 'mlflow-app' ? 'app' : 'server';
  const { host, ...signing } = kinds[kind](region);
  return {
    baseUrl: endpointFromEnv(env) ?? new URL(`https://${host}`),
    signing: {
      service: signing.service,
      region,
      routing: { header: signing.header, value: arn },
      roleArn: roleFromEnv(env, partition),
    },
  };
}

/** Signatures for an API Gateway in front of MLflow. */
export function gatewaySigning({ hostname }: URL): SigningSettings {
  const [, region = null] = gatewayHost.exec(hostname) ?? [];
  return { service: 'execute-api', region, routing: null, roleArn: null };
}

// ---------------------------------------------------------------------------------------------------

const allowed =
  'the ARN of MLflow in SageMaker, arn:aws:sagemaker:REGION:ACCOUNT:mlflow-tracking-server/NAME or ' +
  'arn:aws:sagemaker:REGION:ACCOUNT:mlflow-app/ID, or an address such as https://mlflow.example.com';

const resource = '(mlflow-tracking-server|mlflow-app)/[A-Za-z0-9][A-Za-z0-9_-]{0,255}';
const region = '([a-z]{2}(?:-[a-z]+)+-[0-9]+)';
const arnParts = new RegExp(`^arn:(aws[a-z-]*):sagemaker:${region}:[0-9]{12}:${resource}$`);

/** Also one for a network of one's own, through an endpoint of it. */
const gatewayHost = /(?:^|\.)execute-api\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$/;

const kinds = {
  server: (region: string) => ({
    host: `${region}.experiments.sagemaker.aws`,
    service: 'sagemaker-mlflow' as const,
    header: 'x-mlflow-sm-tracking-server-arn',
  }),
  app: (region: string) => ({
    host: `mlflow.sagemaker.${region}.app.aws`,
    service: 'sagemaker' as const,
    header: 'x-sm-mlflow-app-arn',
  }),
};

function partitionOf(region: string): string {
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  if (region.startsWith('cn-')) return 'aws-cn';
  return /^[a-z]{2}-iso/.test(region) ? 'another' : 'aws';
}

/** @throws ConfigurationError */
function endpointFromEnv(env: Env): URL | null {
  const name = 'SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT';
  const text = read(env, name);
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.search === '' && url.hash === '';
  if (url !== null && isPlain && /^https?:$/.test(url.protocol)) return url;
  const shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
  throw wrong(name, shown, 'an address (http or https) without a login, ? and #');
}

/** @throws ConfigurationError */
function roleFromEnv(env: Env, partition: string): string | null {
  const name = 'SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN';
  const arn = read(env, name);
  if (arn === undefined) return null;
  const [, found] = /^arn:(aws[a-z-]*):iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.exec(arn) ?? [];
  if (found === partition) return arn;
  throw wrong(
    name,
    arn,
    `the ARN of a role in the same partition, arn:${partition}:iam::ACCOUNT:role/NAME`,
  );
}
