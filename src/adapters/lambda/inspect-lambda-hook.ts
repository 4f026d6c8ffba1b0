import type { SNSClient } from '@aws-sdk/client-sns';
import { type Check, ok, problem, warning } from '../../domain/answer/check.ts';
import { messageOf } from '../../domain/errors.ts';
import { hookName } from '../../domain/hook.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { invokeFunction } from './invoke-function.ts';

/** Does the function of a hook exist, and may it be invoked? Asks Lambda without running it; never throws. */
export async function inspectLambdaHook(
  client: SNSClient,
  {
    name,
    variable,
    functionName,
  }: { readonly name: string; readonly variable: string; readonly functionName: string },
  deadline: Deadline,
): Promise<Check> {
  const shown = hookName({ kind: 'lambda', functionName });
  try {
    const asked = { functionName, body: '{}', type: 'DryRun' as const };
    const answer = await invokeFunction(client, asked, deadline);
    if (answer.kind === 'returned') return ok(name, `${shown} can be invoked. It was not run.`);
    const why = answer.kind === 'error' ? `${answer.name}: ${answer.message}` : answer.message;
    if (/NotFound/.test(why)) {
      return problem(name, `${shown} does not exist.`, `Set ${variable} to an existing function.`);
    }
    return /AccessDenied/.test(why)
      ? warning(
          name,
          `Whether ${shown} can be invoked is not known (${why}).`,
          'This login needs the permission lambda:InvokeFunction on it; the function of model-rollback, too.',
        )
      : problem(name, `${shown} cannot be invoked (${why}).`, awsFix);
  } catch (error) {
    return problem(name, `${shown} cannot be invoked (${messageOf(error)}).`, awsFix);
  }
}

// ---------------------------------------------------------------------------------------------------

const awsFix = 'Check AWS_REGION, the credentials and the network.';
