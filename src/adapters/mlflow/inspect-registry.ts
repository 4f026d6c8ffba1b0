import * as v from 'valibot';
import { type Check, ok, warning } from '../../domain/answer/check.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { callError, noAnswerError, readFailure, strangeAnswer } from './mlflow-error.ts';
import { mlflowApi } from './mlflow-reader.ts';

/**
 * Asks for any one registered model, and for the server's version, where it reports one.
 * @throws RegistryRefusedError, RegistryUnavailableError, ConfigurationError when there is no login
 */
export async function inspectRegistry(
  client: MLflowClient,
  address: string,
  deadline: Deadline,
): Promise<{ readonly check: Check; readonly clockSkewMs: number | null }> {
  const call = 'registered-models/search';
  const path = `${mlflowApi.root}/${call}?max_results=1`;
  let answer: HttpAnswer;
  try {
    answer = await client.send('GET', path, null, deadline);
  } catch (error) {
    throw error instanceof NoAnswerError ? noAnswerError(error, call, address) : error;
  }
  if (answer.status !== 200) {
    const { login } = client;
    throw callError(readFailure(answer), {
      call,
      modelName: '',
      version: null,
      address,
      login,
      api: mlflowApi,
    });
  }
  const page = answer.isJson ? v.safeParse(modelPage, parseJson(answer.text)) : null;
  if (page?.success !== true) throw strangeAnswer('something else than models', call, address);
  return {
    check: judge(client, {
      address,
      version: await versionOf(client, deadline),
      modelCount: page.output.registered_models.length,
    }),
    clockSkewMs: answer.clockSkewMs,
  };
}

// ---------------------------------------------------------------------------------------------------

const modelPage = v.object({
  registered_models: v.optional(v.array(v.object({ name: v.string() })), []),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Managed forms of MLflow and proxies do not report it. */
async function versionOf(client: MLflowClient, deadline: Deadline): Promise<string | null> {
  try {
    const { status, text } = await client.send('GET', '/version', null, deadline);
    return status === 200 && /^\d{1,4}\.\d{1,4}[\w.+-]{0,40}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}

function judge(
  { login: { iamService } }: MLflowClient,
  {
    address,
    version,
    modelCount,
  }: {
    readonly address: string;
    readonly version: string | null;
    readonly modelCount: number;
  },
): Check {
  const right = iamService === null ? 'EDIT' : `its actions of ${iamService} in IAM`;
  const what = version === null ? 'of an unknown version' : `MLflow ${version}`;
  const message = `${address} answers and accepts the login (${what}).`;
  if (version !== null && isUnknownGround(version)) {
    const fix = 'Use a server from 2.3 to 3.18, or try it on a model that nobody uses.';
    return warning('registry', `${message} model-rollback is not tested with this version.`, fix);
  }
  if (modelCount === 0) {
    const fix = 'Check MLFLOW_TRACKING_URI, MLFLOW_WORKSPACE and what this login may read.';
    return warning('registry', `${message} It shows no registered model.`, fix);
  }
  // Nothing that reads shows it: asking for permissions needs more than EDIT.
  return ok('registry', `${message} Whether it may write (${right}) is only known at a rollback.`);
}

function isUnknownGround(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < 2 || major > 3 || (major === 2 && minor < 3);
}
