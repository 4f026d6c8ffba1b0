import { isModelRollbackError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { RegistryRequest } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import type { MoveAnswer } from '../../ports/model-registry.ts';
import { type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import type { MLflowClient } from './mlflow-client.ts';
import {
  isCertainNo,
  isJsonObject,
  noAnswerError,
  outOfTime,
  readFailure,
  strangeAnswer,
  unansweredMove,
} from './mlflow-error.ts';
import type { MLflowReader } from './mlflow-reader.ts';

/** The one call that moves a pointer. */
export interface MoveCall {
  readonly call: 'transition-stage' | 'set-alias';
  readonly method: RegistryRequest['method'];
  readonly path: string;
  readonly body: object;
  readonly modelName: string;
  readonly version: string;
}

/** The two writes, each sent once: what became of them decides what is done next. */
export class RegistryWriter {
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #clock: Clock;
  readonly #address: string;

  /** @param reader whose words the errors have */
  constructor(client: MLflowClient, reader: MLflowReader, clock: Clock, address: string) {
    this.#client = client;
    this.#reader = reader;
    this.#clock = clock;
    this.#address = address;
  }

  /** Never throws. */
  async move(move: MoveCall, deadline: Deadline): Promise<MoveAnswer> {
    const { call, method, path, body, modelName, version } = move;
    const within = this.#moveWindow(deadline);
    if (within.leftMs() <= 0) {
      return { kind: 'unknown', error: outOfTime(call), isAnswered: true };
    }
    let answer: HttpAnswer;
    try {
      answer = await this.#client.send(method, path, body, within);
    } catch (error) {
      // No login: nothing was carried out.
      if (isModelRollbackError(error)) return { kind: 'refused', error };
      if (!(error instanceof NoAnswerError)) throw error;
      const unanswered = unansweredMove(error, { call, address: this.#address });
      return unanswered.isRetryable
        ? { kind: 'unknown', error: unanswered, isAnswered: error.isUnsent }
        : { kind: 'refused', error: unanswered };
    }
    if (answer.status === 200) {
      if (isJsonObject(answer)) return { kind: 'moved' };
      const error = strangeAnswer('something that is not JSON', call, this.#address);
      return { kind: 'unknown', error, isAnswered: false };
    }
    const failure = readFailure(answer);
    const error = this.#reader.error(failure, call, modelName, version);
    // Somebody else set the alias for the first time in the same moment; nothing of ours was done.
    if (failure.errorCode === 'BAD_REQUEST' && call === 'set-alias') {
      return { kind: 'unknown', error, isAnswered: true };
    }
    if (isCertainNo(answer.status)) return { kind: 'refused', error };
    const isAnswered = answer.status === 503 && failure.message !== '';
    return { kind: 'unknown', error, isAnswered };
  }

  /** @throws VersionNotFoundError, RegistryRefusedError, RegistryUnavailableError */
  async annotate(
    path: string,
    {
      modelName,
      version,
      tag,
    }: {
      readonly modelName: string;
      readonly version: string;
      readonly tag: { readonly key: string; readonly value: string };
    },
    deadline: Deadline,
  ): Promise<void> {
    const call = 'set-tag';
    const body = { name: modelName, version, ...tag };
    const within = deadlineWithin(this.#clock, limits.annotateTimeoutMs, deadline);
    if (within.leftMs() <= 0) throw outOfTime(call);
    try {
      const answer = await this.#client.send('POST', path, body, within);
      if (answer.status !== 200)
        throw this.#reader.error(readFailure(answer), call, modelName, version);
      if (!isJsonObject(answer)) {
        throw strangeAnswer('something that is not JSON', call, this.#address);
      }
    } catch (error) {
      throw error instanceof NoAnswerError ? noAnswerError(error, call, this.#address) : error;
    }
  }

  /**
   * By the wall clock too: a machine may sleep between a refused login and the second try, and the claim
   * have expired by then.
   */
  #moveWindow(deadline: Deadline): Deadline {
    const within = deadlineWithin(this.#clock, limits.writeTimeoutMaxMs, deadline);
    const endsAtMs = this.#clock.nowMs() + within.leftMs();
    return { leftMs: () => Math.min(within.leftMs(), endsAtMs - this.#clock.nowMs()) };
  }
}
