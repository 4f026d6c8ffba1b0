/**
 * Functions in MiniStack, for tests.
 *
 * MiniStack runs a `nodejs` function on whatever `node` is first on its path, and reports each thrown
 * error as `Runtime.HandlerError`. So a function is packed as `provided.al2023`: its bootstrap runs the
 * Node of this process on a small loop over Lambda's Runtime API, and error names survive.
 */
import { readFileSync } from 'node:fs';
import {
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { type ZipFile, zip } from '../../tools/zip.ts';
import { localClientConfig } from './aws.ts';
import { uniqueName } from './engines.ts';
import { LAMBDA_BOOTSTRAP } from './lambda-process.ts';

export interface FunctionOptions {
  /** Among them `index.mjs`, which exports `handler`. */
  readonly files: readonly ZipFile[];
  /** The process gets these variables, those that Lambda itself sets, and no other. */
  readonly env: Readonly<Record<string, string>>;
  /** @default 120, the timeout that the product asks for */
  readonly timeoutSeconds?: number;
}

const READY_TIMEOUT_SECONDS = 20;
/** Lambda sets these itself; it refuses a function that brings its own. */
const SET_BY_LAMBDA: readonly string[] = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_LAMBDA_RUNTIME_API',
  'LAMBDA_TASK_ROOT',
  '_HANDLER',
];

/** Creates a function under a new name, waits until it is active, and returns its ARN. */
export async function deployFunction(
  endpoint: string,
  { files, env, timeoutSeconds = 120 }: FunctionOptions,
): Promise<string> {
  const client = new LambdaClient(localClientConfig(endpoint));
  const variables = Object.fromEntries(
    Object.entries(env).filter(([name]) => !SET_BY_LAMBDA.includes(name)),
  );
  const { FunctionName, FunctionArn } = await client.send(
    new CreateFunctionCommand({
      FunctionName: uniqueName('function'),
      Runtime: 'provided.al2023',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/function',
      Timeout: timeoutSeconds,
      MemorySize: 256,
      Environment: { Variables: variables },
      Code: { ZipFile: zip(packageFiles(files, Object.keys(variables))) },
    }),
  );
  if (FunctionArn === undefined) throw new Error('the created function has no ARN');
  const patience = { client, maxWaitTime: READY_TIMEOUT_SECONDS, minDelay: 1, maxDelay: 1 };
  await waitUntilFunctionActiveV2(patience, { FunctionName });
  return FunctionArn;
}

// ---------------------------------------------------------------------------------------------------

function packageFiles(files: readonly ZipFile[], names: readonly string[]): ZipFile[] {
  // MiniStack hands its own environment down, and with it that of the developer.
  const kept = [...SET_BY_LAMBDA, ...names].map((name) => `${name}="$${name}"`).join(' ');
  const command = `exec env -i ${kept} '${process.execPath}' "$LAMBDA_TASK_ROOT/runtime.mjs"`;
  return [
    { name: 'bootstrap', content: `#!/bin/sh\n${command}\n`, isExecutable: true },
    { name: 'runtime.mjs', content: readFileSync(LAMBDA_BOOTSTRAP, 'utf8') },
    ...files,
  ];
}
