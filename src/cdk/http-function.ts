import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type FunctionUrl, FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { httpPolicy } from './companion-policy.ts';
import type { PolicyEntry, PolicyResources } from './function-policy.ts';
import { wholeArn } from './function-role.ts';
import type { MadeFunction } from './make-function.ts';
import { callAlarms, callMetrics, makeAlarms } from './self-alarms.ts';

/** The policy of the function that answers HTTP, with the secret that it reads. */
export function httpPolicyOf(
  secret: ISecret,
): (resources: PolicyResources) => readonly PolicyEntry[] {
  const httpSecret = wholeArn(secret);
  const httpKey = secret.encryptionKey?.keyArn;
  return (resources) => httpPolicy(resources, { httpSecret, httpKey });
}

/** Its address. The function itself checks who calls: senders of alerts show tokens or sign, and know no IAM. */
export function openAddress(scope: Construct, { function: fn, role }: MadeFunction): FunctionUrl {
  // By itself, since it names the function, which waits for the other policy.
  new Policy(scope, 'Self', {
    roles: [role],
    statements: [
      new PolicyStatement({
        sid: 'Self',
        actions: ['lambda:InvokeFunction'],
        resources: [fn.functionArn],
      }),
    ],
  });
  return fn.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
}

/** Alarms on it; its dead letters and notices are counted with those of the function that rolls back. */
export function httpAlarms(
  scope: Construct,
  { function: fn }: MadeFunction,
  topic: ITopic,
): readonly Alarm[] {
  const place = new Construct(scope, 'Alarms');
  return makeAlarms(place, callAlarms('HTTP function', callMetrics(fn)), topic);
}
