import {
  ConfigurationError,
  ModelNotFoundError,
  type ModelRollbackError,
  RegistryRefusedError,
  RegistryUnavailableError,
  VersionNotFoundError,
} from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import type { Authorizer } from '../../ports/authorizer.ts';
import { awsFix } from './aws-refusal.ts';
import { connectionProblem } from './connection-problem.ts';
import { AnswerTooLargeError, type HttpAnswer, type NoAnswerError } from './http-exchange.ts';
import type { RegistryApi } from './mlflow-reader.ts';

/**
 * What an MLflow server means by an answer. Content type and `error_code` come first, the status second:
 * a 500 may be permanent, a 403 may be about the Host header, a 404 in HTML is about the route.
 */
export interface MLflowFailure {
  readonly errorCode: string | null;
  readonly message: string;
  readonly status: number;
  /** Null unless the server asks us to wait. */
  readonly retryAfterMs: number | null;
}

/** Reads the body of a failed call. */
export function readFailure(answer: HttpAnswer): MLflowFailure {
  const { status, retryAfterMs } = answer;
  if (answer.isJson) {
    try {
      const body: unknown = JSON.parse(answer.text);
      if (typeof body === 'object' && body !== null && 'error_code' in body) {
        const message = 'message' in body ? String(body.message) : '';
        return {
          errorCode: String(body.error_code),
          message: oneLine(message),
          status,
          retryAfterMs,
        };
      }
    } catch {
      // Not what MLflow sends: judged by its status below.
    }
  }
  return { errorCode: null, message: oneLine(answer.text), status, retryAfterMs };
}

const transientStatuses = [408, 425, 429, 499, 500, 502, 503, 504];
/** 500s that no retry cures. */
const permanentCodes = ['FEATURE_DISABLED', 'NOT_IMPLEMENTED'];

/** True when the same call may succeed later. */
export function isTransient(failure: MLflowFailure): boolean {
  if (failure.errorCode !== null && permanentCodes.includes(failure.errorCode)) return false;
  if (failure.message.includes('artifacts-only')) return false;
  return transientStatuses.includes(failure.status) || failure.status > 504;
}

/** What MLflow answers with, whatever it holds: no page of a proxy in between. */
export function isJsonObject({ isJson, text }: HttpAnswer): boolean {
  try {
    const body: unknown = isJson ? JSON.parse(text) : null;
    return typeof body === 'object' && body !== null && !Array.isArray(body);
  } catch {
    return false;
  }
}

/** Redirects (not followed) and 4xx, but for those that mean that the server stopped waiting. */
export function isCertainNo(status: number): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 499;
}

/** A call that failed, and how it was made. */
export interface FailedCall {
  readonly call: string;
  /** Null for a call about no model in particular. */
  readonly modelName: string | null;
  readonly version: string | null;
  readonly address: string;
  /** Where the login is set, and whose rights it needs. */
  readonly login: Pick<Authorizer, 'source' | 'iamService'>;
  readonly api: RegistryApi;
}

/** The error for a failed call, with what to do in its message. */
function failureError(failure: MLflowFailure, about: FailedCall): ModelRollbackError {
  const { call, address } = about;
  const said = `${failure.status}${failure.errorCode === null ? '' : ` ${failure.errorCode}`}`;
  const text = failure.message === '' ? '' : `: ${failure.message}`;
  const kind = isWrite(call) ? 'write' : 'read';
  const head = `The registry ${address} answered ${said} to ${call} (a ${kind})${text}.`;
  if (!isTransient(failure)) return new RegistryRefusedError(`${head} ${fixOf(failure, about)}`);
  const waitMs = failure.retryAfterMs ?? 0;
  const when = waitMs > 0 ? ` in ${Math.ceil(waitMs / 1_000)} s` : '';
  return new RegistryUnavailableError(`${head} Try again${when}.`);
}

/** True when what the call is about does not exist: a model, a version, and in Unity Catalog what is above. */
export function isMissing({ errorCode, message }: MLflowFailure): boolean {
  const code = errorCode ?? '';
  const isOfAll = code === 'METASTORE_DOES_NOT_EXIST' || missingWorkspace.test(message);
  return code.endsWith('_DOES_NOT_EXIST') && !isOfAll;
}

/** The error for a failed call, mostly about one registered model. */
export function callError(failure: MLflowFailure, about: FailedCall): ModelRollbackError {
  const { call, modelName, version, address } = about;
  const isAbsent = isMissing(failure);
  const isBadName = failure.status === 400 && call === 'registered-models/get';
  if (isAbsent && version !== null) {
    return new VersionNotFoundError(
      `The registry ${address} has no version ${version} of ${modelName}: ${failure.message}.`,
    );
  }
  if (modelName !== null && (isAbsent || isBadName)) {
    return new ModelNotFoundError(
      `The registry ${address} has no registered model of this name ` +
        `(${JSON.stringify(modelName)}: ${failure.message}). ` +
        about.api.modelHint,
    );
  }
  return failureError(failure, about);
}

/** The error for a call without an answer. */
export function noAnswerError(
  error: NoAnswerError,
  call: string,
  address: string,
): ModelRollbackError {
  if (error instanceof AnswerTooLargeError) {
    return answerTooLarge(error, { call, modelName: null, address });
  }
  const problem = connectionProblem(error);
  if (problem !== null) {
    const { what, fix } = problem;
    const message = `MLFLOW_TRACKING_URI names ${address}, and ${what}. Nothing was sent. ${fix}`;
    return new ConfigurationError(message, { cause: error });
  }
  const { way, message } = error;
  return new RegistryUnavailableError(
    `The registry ${address} did not answer ${call}${way === null ? '' : ` ${way}`}: ${message}. ` +
      `Check MLFLOW_TRACKING_URI and that the server${way === null ? '' : ' and the proxy'} runs and is reachable from ` +
      'here; then try again.',
    { cause: error },
  );
}

/** The error for a move without an answer. */
export function unansweredMove(
  error: NoAnswerError,
  { call, address }: Pick<FailedCall, 'call' | 'address'>,
): ModelRollbackError {
  if (error.isUnsent || connectionProblem(error) !== null) {
    return noAnswerError(error, call, address);
  }
  return new RegistryUnavailableError(
    `The move was sent to the registry ${address}, and no answer came: ${error.message}. It is not known ` +
      'whether it took effect. Try again: the registry is read before anything is moved.',
    { cause: error },
  );
}

/** The error for an answer that is too large although nothing less can be asked for. */
export function answerTooLarge(
  { head, message }: AnswerTooLargeError,
  { call, modelName, address }: Pick<FailedCall, 'call' | 'modelName' | 'address'>,
): RegistryRefusedError {
  const [, version] = /"version":\s*"?(\d{1,15})/.exec(head) ?? [];
  const of = modelName === null ? '' : ` of ${JSON.stringify(modelName)}`;
  const what = version === undefined ? `what it holds${of}` : `version ${version}${of}`;
  return new RegistryRefusedError(
    `The registry ${address} cannot be read (${call}): ${message} for ${what} alone. ` +
      'Remove large tags or descriptions there in MLflow, then try again.',
  );
}

/** The error for a call that was not made. */
export function outOfTime(call: string): RegistryUnavailableError {
  return new RegistryUnavailableError(`No time was left to call ${call}. Try again.`);
}

/** The error for an answer of 200 that is not what MLflow sends. */
export function strangeAnswer(what: string, call: string, address: string): RegistryRefusedError {
  return new RegistryRefusedError(
    `The registry ${address} answered ${call} with ${what}. ` +
      'Check that MLFLOW_TRACKING_URI names an MLflow server, with its path prefix and without /#/.',
  );
}

// ---------------------------------------------------------------------------------------------------

const missingWorkspace = /^Workspace .* not found/s;

function isWrite(call: string): boolean {
  return call === 'transition-stage' || call === 'set-alias' || call === 'set-tag';
}

/** MLflow's own permissions; other servers have such levels too. */
function permissionText({ call, modelName }: FailedCall): string {
  if (isWrite(call)) return 'This login needs the permission EDIT on the registered model.';
  if (modelName === null) return 'This login needs the permission READ on registered models.';
  return (
    'This login needs the permission READ on the registered model, and no role with DENY on it. MLflow 3.18 gives the same answer for a model ' +
    `that does not exist: check the name ${JSON.stringify(modelName)}.`
  );
}

/** True when the server has a registered model of this name from an older release, and takes it no more. */
export function isNameRefused({ status, message }: MLflowFailure): boolean {
  return status === 400 && /invalid model name|for parameter 'name'/i.test(message);
}

function fixOf(failure: MLflowFailure, about: FailedCall): string {
  const { status, errorCode, message } = failure;
  const { source, iamService } = about.login;
  // MLflow's own answers name an error; what stands before it does not.
  const isOfAws = iamService !== null && errorCode === null;
  const awsText = isOfAws ? awsFix({ call: about.call, iamService, status, message }) : null;
  if (awsText !== null) return awsText;
  const ownText = about.api.fixOf?.(failure, about) ?? null;
  if (ownText !== null) return ownText;
  if (status === 401) return `Check ${source}.`;
  if (/invalid host header/i.test(message)) {
    return "Add this server's host name to its --allowed-hosts (MLflow 3.5 and later); the login is not the cause.";
  }
  if (/cross-origin/i.test(message)) {
    return 'Remove the Origin header that a proxy adds.';
  }
  // What nginx answers after a handshake that it did not like.
  if (status === 400 && /required SSL certificate|SSL certificate error/i.test(message)) {
    return 'The server wants a certificate of ours: set MLFLOW_TRACKING_CLIENT_CERT_PATH to a PEM file with one that it accepts, and its key.';
  }
  if (status === 407) {
    return 'A proxy on the way wants a login: set HTTP_PROXY to http://USER:PASSWORD@HOST:PORT.';
  }
  if (status === 403) return permissionText(about);
  if (isNameRefused(failure)) {
    return (
      'The server lists registered models with such a name, but refuses every other call about them, moves ' +
      'included. Change the name in the database of the registry: its API cannot rename them either.'
    );
  }
  if (status >= 300 && status < 400) {
    return 'Redirects are not followed, because they would send the login elsewhere. Set MLFLOW_TRACKING_URI to the final address.';
  }
  if (status === 404 && errorCode === null) {
    const isAlias = about.call === 'registered-models/alias' || about.call === 'set-alias';
    return (
      'There is no MLflow API at this address: check the host, the port and the path prefix in MLFLOW_TRACKING_URI.' +
      (isAlias
        ? ' If all these are right, the server has no aliases: they need MLflow 2.3 or later.'
        : '')
    );
  }
  if (missingWorkspace.test(message)) {
    return 'Set MLFLOW_WORKSPACE to a workspace that the server has, or unset it for the default one.';
  }
  if (errorCode === 'FEATURE_DISABLED')
    return 'The server has no workspaces: unset MLFLOW_WORKSPACE.';
  if (message.includes('artifacts-only')) {
    return 'This server runs with --artifacts-only: set MLFLOW_TRACKING_URI to the server with the registry.';
  }
  return 'A retry does not help. The log of the MLflow server may show why.';
}

/** At most 300 characters, on one line, safe to print. */
function oneLine(text: string): string {
  // Cut first: patterns for tags take quadratic time on megabytes of brackets.
  const plain = text
    .slice(0, 10_000)
    .replaceAll(/<(style|title)[\s\S]*?<\/\1>|<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return escapeText(shorten(plain));
}

function shorten(plain: string): string {
  return plain.length > 300 ? `${plain.slice(0, 300)}…` : plain.replace(/\.$/, '');
}
