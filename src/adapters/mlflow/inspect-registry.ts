import * as v from 'valibot';
import { type Check, ok, problem, warning } from '../../domain/answer/check.ts';
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
      ...(await capabilitiesOf(client, deadline)),
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

/** What not every server has. Known for one check only: a rollback sees by its own calls what is missing. */
interface Capabilities {
  /** Null where it is not reported, as by managed forms of MLflow and by proxies. */
  readonly version: string | null;
  readonly hasAliases: boolean;
  readonly searchesByNumber: boolean;
  readonly hasWorkspaces: boolean;
}

async function capabilitiesOf(client: MLflowClient, deadline: Deadline): Promise<Capabilities> {
  const [version, hasAliases, hasWorkspaces] = await Promise.all([
    versionOf(client, deadline),
    hasAliasRoute(client, deadline),
    areWorkspacesOn(client, deadline),
  ]);
  // Servers before 2.1 do not report their version: one with aliases is younger.
  const searchesByNumber = hasAliases || (await doesSearchByNumber(client, deadline));
  return { version, hasAliases, searchesByNumber, hasWorkspaces };
}

/** A server before 3.10 does not have the route. */
async function areWorkspacesOn(client: MLflowClient, deadline: Deadline): Promise<boolean> {
  try {
    const { text } = await client.send('GET', '/api/3.0/mlflow/server-info', null, deadline);
    return v.is(v.object({ workspaces_enabled: v.literal(true) }), parseJson(text));
  } catch {
    return false;
  }
}

/** A server before 2.2 refuses the filter; what else goes wrong proves nothing. */
async function doesSearchByNumber(client: MLflowClient, deadline: Deadline): Promise<boolean> {
  const filter = "name = 'model-rollback-doctor' AND version_number < 1";
  const query = new URLSearchParams({ filter, max_results: '1' });
  const path = `${mlflowApi.root}/model-versions/search?${query}`;
  try {
    return (await client.send('GET', path, null, deadline)).status !== 400;
  } catch {
    return true;
  }
}

/** A server that has the route says in JSON that there is no such model. What else goes wrong proves nothing. */
async function hasAliasRoute(client: MLflowClient, deadline: Deadline): Promise<boolean> {
  const query = 'name=model-rollback-doctor&alias=champion';
  const path = `${mlflowApi.root}/registered-models/alias?${query}`;
  try {
    const { status, isJson } = await client.send('GET', path, null, deadline);
    return status !== 404 || isJson;
  } catch {
    return true;
  }
}

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
    hasAliases,
    searchesByNumber,
    hasWorkspaces,
    modelCount,
  }: Capabilities & {
    readonly address: string;
    readonly modelCount: number;
  },
): Check {
  const right = iamService === null ? 'EDIT' : `its actions of ${iamService} in IAM`;
  const what = version === null ? 'of an unknown version' : `MLflow ${version}`;
  const message = `${address} answers and accepts the login (${what}).`;
  if (!searchesByNumber || (version !== null && isTooOld(version))) {
    const fix = 'Update the server to MLflow 2.3 or later.';
    return problem('registry', `${message} It is too old: its searches have no order.`, fix);
  }
  if (!hasAliases) {
    const fix = 'To move an alias, update the server to MLflow 2.3 or later; a stage can be moved.';
    return warning('registry', `${message} It has no aliases.`, fix);
  }
  if (version !== null && isUnknownGround(version)) {
    const fix = 'Use a server from 2.3 to 3.18, or try it on a model that nobody uses.';
    return warning('registry', `${message} model-rollback is not tested with this version.`, fix);
  }
  if (modelCount === 0) {
    const fix = 'Check MLFLOW_TRACKING_URI, MLFLOW_WORKSPACE and what this login may read.';
    return warning('registry', `${message} It shows no registered model.`, fix);
  }
  // Nothing that reads shows it: asking for permissions needs more than EDIT.
  const has = hasWorkspaces
    ? 'It has aliases, and workspaces: MLFLOW_WORKSPACE names one.'
    : 'It has aliases.';
  return ok(
    'registry',
    `${message} ${has} Whether it may write (${right}) is only known at a rollback.`,
  );
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < 2 || (major === 2 && minor < 3);
}

function isUnknownGround(version: string): boolean {
  return Number.parseInt(version, 10) > 3;
}
