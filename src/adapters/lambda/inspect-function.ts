import {
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  GetPolicyCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { ConfigurationError, messageOf } from '../../domain/errors.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { DeployedFunction } from '../../ports/surroundings.ts';

/**
 * The function as it is deployed. Only reads.
 * @param name name or ARN, with a version or an alias behind it or without
 * @throws ConfigurationError
 */
export async function inspectFunction(
  client: LambdaClient,
  name: string,
  deadline: Deadline,
): Promise<DeployedFunction> {
  return await reading(name, 'lambda:GetFunctionConfiguration', async () => {
    const command = new GetFunctionConfigurationCommand({ FunctionName: name });
    const found = await client.send(command, { abortSignal: until(deadline) });
    return {
      arn: found.FunctionArn ?? name,
      env: found.Environment?.Variables ?? {},
      runtime: found.Runtime ?? null,
      timeoutSeconds: found.Timeout ?? null,
      memoryMb: found.MemorySize ?? null,
      trouble: troubleOf(found),
    };
  });
}

/**
 * The policy that says who may call it, as JSON; null when it has none.
 * @throws ConfigurationError
 */
export async function readFunctionPolicy(
  client: LambdaClient,
  arn: string,
  deadline: Deadline,
): Promise<string | null> {
  const name = arn.split(':').slice(0, 7).join(':');
  const Qualifier = arn.split(':')[7];
  return await reading(arn, 'lambda:GetPolicy', async () => {
    try {
      const command = new GetPolicyCommand({ FunctionName: name, Qualifier });
      const { Policy } = await client.send(command, { abortSignal: until(deadline) });
      return Policy ?? null;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return null;
      throw error;
    }
  });
}

// ---------------------------------------------------------------------------------------------------

function until(deadline: Deadline): AbortSignal {
  return AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
}

async function reading<T>(name: string, action: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const errorName = cause instanceof Error ? cause.name : 'Error';
    const [line = ''] = messageOf(cause).split('\n', 1);
    const head = `The function ${name} could not be read (${errorName}: ${line}).`;
    if (errorName === 'ResourceNotFoundException') {
      const message = `There is no function ${name}. Check the name, AWS_REGION and the account.`;
      throw new ConfigurationError(message, { cause });
    }
    if (/AccessDenied|NotAuthorized/.test(errorName)) {
      throw new ConfigurationError(`${head} Check the permission ${action}.`, { cause });
    }
    throw new ConfigurationError(`${head} Check AWS_REGION, the credentials and the network.`, {
      cause,
    });
  }
}

function troubleOf({
  State,
  StateReason,
  LastUpdateStatus,
  LastUpdateStatusReason,
  Environment,
}: FunctionConfiguration): string | null {
  if (State !== undefined && State !== 'Active' && State !== 'Inactive') {
    return `it is ${State}${because(StateReason)}`;
  }
  if (LastUpdateStatus === 'Failed') {
    return `its last update failed${because(LastUpdateStatusReason)}`;
  }
  const { Error: error } = Environment ?? {};
  return error === undefined ? null : `its variables cannot be read${because(error.Message)}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
