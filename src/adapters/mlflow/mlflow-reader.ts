import type { ModelRollbackError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import { type HttpAnswer, type MLflowClient, NoAnswerError } from './mlflow-client.ts';
import {
  callError,
  isTransient,
  type MLflowFailure,
  noAnswerError,
  outOfTime,
  readFailure,
  strangeAnswer,
} from './mlflow-error.ts';

/** Where MLflow's REST API begins, below the address of the server. */
export const api = '/api/2.0/mlflow';

/** A read, and what to make of its answer. */
export interface Reading<T> {
  /** Null for a call about no model in particular. */
  readonly modelName: string | null;
  readonly deadline: Deadline;
  parse(text: string): T;
}

/** Reads of MLflow's REST API, repeated where that helps, and its failures as errors. */
export class MLflowReader {
  readonly #client: MLflowClient;
  readonly #clock: Clock;
  readonly #address: string;

  constructor(client: MLflowClient, clock: Clock, address: string) {
    this.#client = client;
    this.#clock = clock;
    this.#address = address;
  }

  /**
   * A read of which every failure is an error.
   * @throws RegistryRefusedError, RegistryUnavailableError, ModelNotFoundError
   */
  async ask<T>(
    call: string,
    query: URLSearchParams,
    { modelName, deadline, parse }: Reading<T>,
  ): Promise<T> {
    const answer = await this.get(call, query, deadline);
    if (answer.status !== 200) throw this.error(readFailure(answer), call, modelName);
    return this.parse(answer, call, parse);
  }

  /**
   * A read, tried again with jittered back-off while the deadline allows it.
   * @throws RegistryUnavailableError when nobody answers
   */
  async get(call: string, query: URLSearchParams, deadline: Deadline): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const within = deadlineWithin(this.#clock, limits.readTimeoutMs, deadline);
      if (within.leftMs() <= 0) throw outOfTime(call);
      const backoffMs = 100 * 2 ** attempt * (0.5 + Math.random() / 2);
      const mayRetry = (): boolean =>
        !this.#client.isClosed && attempt < limits.readAttemptsMax && deadline.leftMs() > backoffMs;
      try {
        const answer = await this.#client.send(
          'GET',
          `${api}/${call}?${queryText(query)}`,
          null,
          within,
        );
        if (answer.status === 200 || !isTransient(readFailure(answer)) || !mayRetry())
          return answer;
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error;
        if (!mayRetry()) throw noAnswerError(error, call, this.#address);
      }
      await this.#clock.sleep(backoffMs);
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

  /** The error for a failed call, with the mend in its message. */
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
      loginSource: this.#client.loginSource,
    });
  }
}

// ---------------------------------------------------------------------------------------------------

/** Spaces as %20: some gateways that sign requests do not take `+`. */
function queryText(query: URLSearchParams): string {
  return query.toString().replaceAll('+', '%20');
}
