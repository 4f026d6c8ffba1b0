import { sageMakerActions, sageMakerAppAction } from '../../domain/registry/sagemaker-actions.ts';

/** A refusal by AWS in front of MLflow, and who it was signed for. */
export interface AwsRefusal {
  readonly call: string;
  /** What IAM calls the service: its actions are what the credentials need. */
  readonly iamService: string;
  readonly status: number;
  readonly message: string;
}

/** What to do about a signed request that AWS does not accept; null where it is not about that. */
export function awsFix(refusal: AwsRefusal): string | null {
  const { status, message } = refusal;
  if (status !== 400 && status !== 401 && status !== 403) return null;
  return reasons.find(([pattern]) => pattern.test(message))?.[1] ?? permissionFix(refusal);
}

// ---------------------------------------------------------------------------------------------------

/** AWS's own words, the same for all of its services. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /signature expired|signature not yet current|RequestTimeTooSkewed|RequestExpired/i,
    'The clock of this machine is wrong: a signature is valid for 5 minutes. Set the clock (`timedatectl set-ntp true`), then try again.',
  ],
  [
    /token included in the request is expired|ExpiredToken|credentials? (has|have) expired/i,
    'The AWS credentials have expired. Sign in again (`aws sso login`) or set new ones, then try again.',
  ],
  [
    /token included in the request is invalid|UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId/i,
    'AWS does not know these credentials. Check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or AWS_PROFILE: they may be of another partition, or deleted.',
  ],
  [
    /scoped to (a valid|the correct|correct) (region|service)|scoped to correct service/i,
    'The request was signed for another region or service. Set AWS_REGION to the region of the API, and check that MLFLOW_TRACKING_URI names it.',
  ],
  [
    /signature we calculated does not match|SignatureDoesNotMatch|InvalidSignature/i,
    'Check AWS_SECRET_ACCESS_KEY. If it is right, a proxy on the way changes requests after they were signed.',
  ],
  [
    /missing authentication token/i,
    'There is no MLflow API at this address: check the stage and the path prefix in MLFLOW_TRACKING_URI.',
  ],
];

function permissionFix({ call, iamService, status }: AwsRefusal): string | null {
  if (status !== 403) return null;
  const action = sageMakerActions[call];
  const actions = {
    'sagemaker-mlflow': action,
    sagemaker: [sageMakerAppAction, action].filter((name) => name !== undefined).join(' and '),
    'execute-api': 'execute-api:Invoke',
  }[iamService];
  return actions === undefined ? null : `The role that signs the requests needs ${actions} on it.`;
}
