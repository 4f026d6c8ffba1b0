import { type ModelRollbackError, RegistryRefusedError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import { chance, type Identity } from '../../ports/identity.ts';
import { AnswerTooLargeError, type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import type { MLflowClient } from './mlflow-client.ts';
import {
  answerTooLarge,
  callError,
  type FailedCall,
  isTransient,
  type MLflowFailure,
  noAnswerError,
  outOfTime,
  readFailure,
  strangeAnswer,
} from './mlflow-error.ts';

/** An API of a registry: where it begins, below the address of the server, and its own words. */
export interface RegistryApi {
  readonly root: string;
  /** How a model is found, for people, when it was not. */
  readonly modelHint: string;
  /** What to do about a refusal of its own; null, and absent: nothing but what is said of MLflow. */
  fixOf?(failure: MLflowFailure, about: Pick<FailedCall, 'call' | 'login'>): string | null;
}

export const mlflowApi: RegistryApi = {
  root: '/api/2.0/mlflow',
  modelHint:
    'Check model_name, MLFLOW_TRACKING_URI and, if the server has workspaces, MLFLOW_WORKSPACE.',
};

/** A read, and what to make of its answer. */
export interface Reading<T> {
  /** Null for a call about no model in particular. */
  readonly modelName: string | null;
  readonly deadline: Deadline;
  parse(text: string): T;
}

/** One page of a list. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** Empty on the last page. */
  readonly nextToken: string;
}

/** Reads of MLflow's REST API, repeated where that helps, and its failures as errors. */
export class MLflowReader {
  readonly #client: MLflowClient;
  readonly #clock: Clock;
  readonly #identity: Identity;
  readonly #address: string;
  readonly #api: RegistryApi;

  constructor(
    client: MLflowClient,
    clock: Clock,
    identity: Identity,
    address: string,
    api: RegistryApi = mlflowApi,
  ) {
    this.#client = client;
    this.#api = api;
    this.#clock = clock;
    this.#identity = identity;
    this.#address = address;
  }

  /**
   * A read of which every failure is an error.
   * @throws RegistryRefusedError, RegistryUnavailableError, ConfigurationError, ModelNotFoundError
   */
  async ask<T>(
    call: string,
    query: URLSearchParams,
    { modelName, deadline, parse }: Reading<T>,
  ): Promise<T> {
    const answer = await this.get(call, query, { modelName, deadline });
    if (answer.status !== 200) throw this.error(readFailure(answer), call, modelName);
    return this.parse(answer, call, parse);
  }

  /**
   * A list of up to `rowsMax` rows: in one call, or in several with fewer rows each where the answer would
   * be larger than we take.
   * @throws RegistryRefusedError, RegistryUnavailableError, ConfigurationError, ModelNotFoundError
   */
  async list<T>(
    call: string,
    query: URLSearchParams,
    rowsMax: number,
    { modelName, deadline, parse }: Reading<Page<T>>,
  ): Promise<Page<T> & { readonly clockSkewMs: number | null }> {
    const rows: T[] = [];
    let size = rowsMax;
    let askedFor = 0;
    for (;;) {
      size = Math.min(size, rowsMax - askedFor);
      query.set('max_results', String(size));
      const answer = await this.#getWhole(call, query, deadline);
      if (answer instanceof AnswerTooLargeError) {
        if (size === 1) throw this.#tooLarge(answer, call, modelName);
        size = Math.floor(size / 2);
        continue;
      }
      if (answer.status !== 200) throw this.error(readFailure(answer), call, modelName);
      const page = this.parse(answer, call, parse);
      rows.push(...page.rows);
      askedFor += size;
      const { nextToken } = page;
      if (nextToken === '' || askedFor >= rowsMax) {
        return { rows, nextToken, clockSkewMs: answer.clockSkewMs };
      }
      query.set('page_token', nextToken);
    }
  }

  /**
   * A read, tried again with jittered back-off while the deadline allows it.
   * @throws RegistryUnavailableError when nobody answers, RegistryRefusedError, ConfigurationError
   */
  async get(
    call: string,
    query: URLSearchParams,
    { modelName, deadline }: Pick<Reading<unknown>, 'modelName' | 'deadline'>,
  ): Promise<HttpAnswer> {
    const answer = await this.#getWhole(call, query, deadline);
    if (answer instanceof AnswerTooLargeError) throw this.#tooLarge(answer, call, modelName);
    return answer;
  }

  /**
   * One file of a version, as MLflow's own pages get it; asked for once, since nothing depends on it.
   * @throws RegistryUnavailableError, RegistryRefusedError, ConfigurationError
   */
  async file(
    modelName: string,
    version: string,
    path: string,
    deadline: Deadline,
  ): Promise<string> {
    const call = 'model-versions/get-artifact';
    const query = queryText(new URLSearchParams({ name: modelName, version, path }));
    const within = deadlineWithin(this.#clock, limits.readTimeoutMs, deadline);
    if (within.leftMs() <= 0) throw outOfTime(call);
    try {
      const answer = await this.#client.send('GET', `/${call}?${query}`, null, within);
      if (answer.status === 200) return answer.text;
      const { status, message } = readFailure(answer);
      throw new RegistryRefusedError(
        `The registry ${this.#address} answered ${status} to ${call} for the file ${path} of version ${version}: ${message}.`,
      );
    } catch (error) {
      throw error instanceof NoAnswerError ? noAnswerError(error, call, this.#address) : error;
    }
  }

  /** @throws RegistryRefusedError for what MLflow does not send */
  parse<T>(answer: HttpAnswer, call: string, parse: (text: string) => T): T {
    if (!answer.isJson) throw strangeAnswer('something that is not JSON', call, this.#address);
    try {
      return parse(answer.text);
    } catch (cause) {
      const error = strangeAnswer('JSON that is not what MLflow sends', call, this.#address);
      error.cause = cause;
      throw error;
    }
  }

  /** The error for a failed call, with what to do in its message. */
  error(
    failure: MLflowFailure,
    call: string,
    modelName: string | null,
    version: string | null = null,
  ): ModelRollbackError {
    return callError(failure, {
      call,
      modelName,
      version,
      address: this.#address,
      login: this.#client.login,
      api: this.#api,
    });
  }

  #tooLarge(
    error: AnswerTooLargeError,
    call: string,
    modelName: string | null,
  ): ModelRollbackError {
    return answerTooLarge(error, { call, modelName, address: this.#address });
  }

  /** The answer; an AnswerTooLargeError when asking for less may help. */
  async #getWhole(
    call: string,
    query: URLSearchParams,
    deadline: Deadline,
  ): Promise<HttpAnswer | AnswerTooLargeError> {
    const path = `${this.#api.root}/${call}?${queryText(query)}`;
    for (let attempt = 1; ; attempt += 1) {
      const within = deadlineWithin(this.#clock, limits.readTimeoutMs, deadline);
      if (within.leftMs() <= 0) throw outOfTime(call);
      let pauseMs = 100 * 2 ** attempt * (0.5 + chance(this.#identity) / 2);
      const mayRetry = (): boolean =>
        !this.#client.isClosed && attempt < limits.readAttemptsMax && deadline.leftMs() > pauseMs;
      try {
        const answer = await this.#client.send('GET', path, null, within);
        if (answer.status === 200 || !isTransient(readFailure(answer))) return answer;
        pauseMs = Math.max(pauseMs, answer.retryAfterMs ?? 0);
        if (!mayRetry()) return answer;
      } catch (error) {
        if (error instanceof AnswerTooLargeError) return error;
        if (!(error instanceof NoAnswerError)) throw error;
        const failure = noAnswerError(error, call, this.#address);
        if (!failure.isRetryable || !mayRetry()) throw failure;
      }
      await this.#clock.sleep(pauseMs);
    }
  }
}

// ---------------------------------------------------------------------------------------------------

/** Spaces as %20: some gateways that sign requests do not take `+`. */
function queryText(query: URLSearchParams): string {
  return query.toString().replaceAll('+', '%20');
}
