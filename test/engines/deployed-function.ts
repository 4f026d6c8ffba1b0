/** Functions in MiniStack that are there to be looked at: nothing ever calls them. */
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { zip } from '../../tools/zip.ts';
import { LOCAL_ACCOUNT } from './alarms.ts';
import { localClientConfig } from './aws.ts';
import { callScheduler } from './stacks.ts';

export interface DeployOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutSeconds?: number;
  readonly memoryMb?: number;
  readonly runtime?: 'nodejs24.x' | 'nodejs22.x';
}

/** Makes a function, and answers its ARN. */
export async function createFunction(
  endpoint: string,
  FunctionName: string,
  options: DeployOptions = {},
): Promise<string> {
  const client = new LambdaClient(localClientConfig(endpoint));
  const { FunctionArn: arn } = await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: options.runtime ?? 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${LOCAL_ACCOUNT}:role/function`,
      Code: { ZipFile: zip([{ name: 'index.mjs', content: 'export const handler = null;' }]) },
      Timeout: options.timeoutSeconds ?? 120,
      MemorySize: options.memoryMb ?? 256,
      Environment: { Variables: { ...options.env } },
    }),
  );
  const waiter = { client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 };
  await waitUntilFunctionActiveV2(waiter, { FunctionName });
  client.destroy();
  if (arn === undefined) throw new Error(`${FunctionName} has no ARN`);
  return arn;
}

/** Lets alarms call a function; those that a pattern covers. */
export async function allowAlarms(
  endpoint: string,
  FunctionName: string,
  SourceArn: string,
): Promise<void> {
  const client = new LambdaClient(localClientConfig(endpoint));
  await client.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: 'alarms',
      Action: 'lambda:InvokeFunction',
      Principal: 'lambda.alarms.cloudwatch.amazonaws.com',
      SourceArn,
      SourceAccount: LOCAL_ACCOUNT,
    }),
  );
  client.destroy();
}

/** Makes a schedule that would call a function in a hundred years. */
export async function createSchedule(
  endpoint: string,
  name: string,
  { functionArn, State }: { readonly functionArn: string; readonly State: 'ENABLED' | 'DISABLED' },
): Promise<void> {
  await callScheduler(endpoint, 'POST', name, {
    ScheduleExpression: 'at(2126-01-01T00:00:00)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    State,
    Target: { Arn: functionArn, RoleArn: `arn:aws:iam::${LOCAL_ACCOUNT}:role/sweep` },
  });
}
