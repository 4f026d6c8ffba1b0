import { type Check, ok, warning } from '../../domain/answer/check.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { callError, noAnswerError, readFailure, strangeAnswer } from './mlflow-error.ts';
import { unityApi } from './unity-model-registry.ts';
import { aliasOwnerText } from './unity-refusal.ts';
import { parseModels } from './unity-schema.ts';

/**
 * Asks for any one registered model.
 * @throws RegistryRefusedError, RegistryUnavailableError, ConfigurationError when there is no login
 */
export async function inspectUnity(
  client: MLflowClient,
  address: string,
  deadline: Deadline,
): Promise<{ readonly check: Check; readonly clockSkewMs: number | null }> {
  const call = 'models';
  let answer: HttpAnswer;
  try {
    answer = await client.send('GET', `${unityApi.root}/${call}?max_results=1`, null, deadline);
  } catch (error) {
    throw error instanceof NoAnswerError ? noAnswerError(error, call, address) : error;
  }
  if (answer.status !== 200) {
    const { login } = client;
    const about = { call, modelName: null, version: null, address, login, api: unityApi };
    throw callError(readFailure(answer), about);
  }
  return { check: judge(answer, address), clockSkewMs: answer.clockSkewMs };
}

// ---------------------------------------------------------------------------------------------------

function judge({ isJson, text }: HttpAnswer, address: string): Check {
  const found = `${address} (Unity Catalog) answers and accepts the login.`;
  let isEmpty: boolean;
  try {
    const { rows, nextToken } = parseModels(isJson ? text : '');
    // A page may be empty although others follow.
    isEmpty = rows.length === 0 && nextToken === '';
  } catch {
    throw strangeAnswer('something else than models', 'models', address);
  }
  return isEmpty
    ? warning(
        'registry',
        `${found} It shows no registered model.`,
        'Check DATABRICKS_HOST, and that this login has EXECUTE on the models, USE CATALOG and USE SCHEMA.',
      )
    : ok(
        'registry',
        `${found} ${aliasOwnerText} Whether this login may is only known at a rollback.`,
      );
}
