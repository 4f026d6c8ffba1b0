import { RegistryRefusedError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { ModelPointer } from '../../domain/registry/pointer.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import type { ScratchModels } from '../../ports/scratch-models.ts';
import { type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { callError, noAnswerError, readFailure, strangeAnswer } from './mlflow-error.ts';
import { mlflowApi } from './mlflow-reader.ts';

/** Registered models for drills, over MLflow's REST API. The function does not contain this. */
export class MLflowScratchModels implements ScratchModels {
  readonly #client: MLflowClient;
  readonly #clock: Clock;
  readonly #address: string;

  constructor(client: MLflowClient, clock: Clock, address: string) {
    this.#client = client;
    this.#clock = clock;
    this.#address = address;
  }

  async createModel(name: string, deadline: Deadline): Promise<void> {
    const description = 'Made by a drill of model-rollback. Nobody loads it; it can be deleted.';
    const tags = [{ key: 'model_rollback.drill', value: 'true' }];
    const path = 'registered-models/create';
    await this.#send(
      { method: 'POST', path, body: { name, description, tags }, name, needs: createModels },
      deadline,
    );
  }

  async createVersion(name: string, deadline: Deadline): Promise<string> {
    // A source outside the server's own store, so that no run has to exist.
    const body = { name, source: `s3://model-rollback-drill/${name}` };
    const path = 'model-versions/create';
    const answer = await this.#send(
      { method: 'POST', path, body, name, needs: editModel },
      deadline,
    );
    const [, version] = /"version":\s*"?(\d{1,15})/.exec(answer.text) ?? [];
    if (version === undefined) throw strangeAnswer('no version', path, this.#address);
    return version;
  }

  async archive(
    name: string,
    version: string,
    pointer: ModelPointer,
    deadline: Deadline,
  ): Promise<void> {
    const call = { name, needs: editModel };
    if (pointer.kind === 'alias') {
      const body = { name, alias: pointer.alias };
      const path = 'registered-models/alias';
      await this.#send({ ...call, method: 'DELETE', path, body }, deadline);
      return;
    }
    const body = { name, version, stage: 'Archived', archive_existing_versions: false };
    const path = 'model-versions/transition-stage';
    await this.#send({ ...call, method: 'POST', path, body }, deadline);
  }

  close(): void {
    this.#client.close();
  }

  async #send(call: ScratchCall, deadline: Deadline): Promise<HttpAnswer> {
    const { method, path, body, name, needs } = call;
    const within = deadlineWithin(this.#clock, limits.writeTimeoutMaxMs, deadline);
    let answer: HttpAnswer;
    try {
      answer = await this.#client.send(method, `${mlflowApi.root}/${path}`, body, within);
    } catch (error) {
      throw error instanceof NoAnswerError ? noAnswerError(error, path, this.#address) : error;
    }
    if (answer.status === 200) return answer;
    const failure = readFailure(answer);
    if (failure.status === 403) {
      throw new RegistryRefusedError(
        `The registry ${this.#address} answered 403 to ${path}: ${failure.message}. ${needs} Run the drill with a ` +
          `login that has it: check ${this.#client.login.source}.`,
      );
    }
    throw callError(failure, {
      call: path,
      modelName: path === 'registered-models/create' ? null : name,
      version: null,
      address: this.#address,
      login: this.#client.login,
      api: mlflowApi,
    });
  }
}

// ---------------------------------------------------------------------------------------------------

interface ScratchCall {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly body: object;
  readonly name: string;
  /** The permission, as a sentence. */
  readonly needs: string;
}

const createModels =
  'This login may not create registered models. A drill needs that permission; a rollback does not.';
const editModel =
  'This login needs the permission EDIT on the registered model that the drill made.';
