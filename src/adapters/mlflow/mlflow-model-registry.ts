import {
  isModelRollbackError,
  type ModelRollbackError,
  RegistryUnavailableError,
} from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  compareVersions,
  type ModelPointer,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/model.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import type { ModelRegistry, MoveAnswer } from '../../ports/model-registry.ts';
import { type HttpAnswer, type MLflowClient, NoAnswerError } from './mlflow-client.ts';
import {
  callError,
  isCertainNo,
  isJsonObject,
  isTransient,
  type MLflowFailure,
  noAnswerError,
  readFailure,
  strangeAnswer,
} from './mlflow-error.ts';
import { parseModel, parseVersion, parseVersionPage, type VersionPage } from './mlflow-schema.ts';

const api = '/api/2.0/mlflow';

/** A registered model's stages over MLflow's REST API, 2.3 to 3.17. */
export class MLflowModelRegistry implements ModelRegistry {
  readonly address: string;
  readonly pointer: ModelPointer = { kind: 'stage', stage: 'Production' };
  readonly #client: MLflowClient;
  readonly #clock: Clock;

  /** @param address for people and records: without user info */
  constructor(client: MLflowClient, clock: Clock, address: string) {
    this.#client = client;
    this.#clock = clock;
    this.address = address;
  }

  async read(
    modelName: string,
    include: readonly string[],
    deadline: Deadline,
    rowsMax: number = limits.registryPageRows,
  ): Promise<RegistrySnapshot> {
    const latest = { more: '', orderBy: 'last_updated_timestamp DESC', rowsMax };
    const page = await this.#search(modelName, latest, deadline);
    if (page.rows.length === 0) await this.#requireModel(modelName, deadline);
    const rows = new Map(page.rows.map((row) => [row.version, row]));
    // What is not among the latest changes has not changed lately, and is looked up by itself.
    const missing = include.filter((version) => !rows.has(version));
    const found = await Promise.all(
      missing.map((version) => this.#findVersion(modelName, version, deadline)),
    );
    for (const row of found) if (row !== null) rows.set(row.version, row);
    if (page.hasMore && ![...rows.values()].some((row) => this.#isLive(row))) {
      const row = await this.#latestLive(modelName, deadline);
      if (row !== null) rows.set(row.version, row);
    }
    const all = [...rows.values()].toSorted((a, b) => compareVersions(a.version, b.version));
    return {
      modelName,
      live: all.filter((row) => this.#isLive(row)),
      others: all.filter((row) => !this.#isLive(row)),
      isComplete: !page.hasMore,
      isLiveRecent: page.rows.some((row) => this.#isLive(row)),
      serverTimeMs: page.serverTimeMs,
    };
  }

  async readBelow(
    modelName: string,
    version: string | null,
    deadline: Deadline,
  ): Promise<readonly ModelVersion[]> {
    const below = version === null ? '' : ` AND version_number < ${version}`;
    const walk = { more: below, orderBy: 'version_number DESC', rowsMax: limits.registryPageRows };
    const page = await this.#search(modelName, walk, deadline);
    return page.rows;
  }

  async movePointer(modelName: string, version: string, deadline: Deadline): Promise<MoveAnswer> {
    const call = 'transition-stage';
    const body = {
      name: modelName,
      version,
      stage: this.pointer.stage,
      archive_existing_versions: true,
    };
    const within = this.#moveWindow(deadline);
    if (within.leftMs() <= 0) {
      return { kind: 'unknown', error: this.#outOfTime(call), isAnswered: true };
    }
    let answer: HttpAnswer;
    try {
      answer = await this.#client.send('POST', `${api}/model-versions/${call}`, body, within);
    } catch (error) {
      // No login: nothing was carried out.
      if (isModelRollbackError(error)) return { kind: 'refused', error };
      if (!(error instanceof NoAnswerError)) throw error;
      return {
        kind: 'unknown',
        error: noAnswerError(error, call, this.address),
        isAnswered: error.isUnsent,
      };
    }
    if (answer.status === 200) {
      if (isJsonObject(answer)) return { kind: 'moved' };
      const error = strangeAnswer('something that is not JSON', call, this.address);
      return { kind: 'unknown', error, isAnswered: false };
    }
    const failure = readFailure(answer);
    const error = this.#error(failure, call, modelName, version);
    if (isCertainNo(answer.status)) return { kind: 'refused', error };
    const isAnswered = answer.status === 503 && failure.message !== '';
    return { kind: 'unknown', error, isAnswered };
  }

  async annotate(
    modelName: string,
    version: string,
    tag: { readonly key: string; readonly value: string },
    deadline: Deadline,
  ): Promise<void> {
    const call = 'set-tag';
    const body = { name: modelName, version, ...tag };
    const within = deadlineWithin(this.#clock, limits.annotateTimeoutMs, deadline);
    if (within.leftMs() <= 0) throw this.#outOfTime(call);
    try {
      const answer = await this.#client.send('POST', `${api}/model-versions/${call}`, body, within);
      if (answer.status !== 200) throw this.#error(readFailure(answer), call, modelName, version);
      if (!isJsonObject(answer)) {
        throw strangeAnswer('something that is not JSON', call, this.address);
      }
    } catch (error) {
      throw error instanceof NoAnswerError ? noAnswerError(error, call, this.address) : error;
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#client.close();
  }

  #isLive(row: ModelVersion): boolean {
    return row.stage === this.pointer.stage;
  }

  async #search(
    modelName: string,
    what: {
      readonly more: string;
      readonly orderBy: string;
      readonly rowsMax: number;
    },
    deadline: Deadline,
  ): Promise<VersionPage & { readonly serverTimeMs: number | null }> {
    const query = new URLSearchParams({
      filter: `name = ${quoteName(modelName)}${what.more}`,
      max_results: String(what.rowsMax),
      order_by: what.orderBy,
    });
    const call = 'model-versions/search';
    const answer = await this.#get(call, query, deadline);
    if (answer.status !== 200) throw this.#error(readFailure(answer), call, modelName);
    const page = this.#parse(answer, call, (text) => parseVersionPage(text, modelName));
    const serverTimeMs = Date.parse(answer.date ?? '');
    return { ...page, serverTimeMs: Number.isNaN(serverTimeMs) ? null : serverTimeMs };
  }

  /** The search of an unknown model is empty, not 404: this tells the two apart. */
  async #requireModel(modelName: string, deadline: Deadline): Promise<void> {
    const call = 'registered-models/get';
    const answer = await this.#get(call, new URLSearchParams({ name: modelName }), deadline);
    if (answer.status !== 200) throw this.#error(readFailure(answer), call, modelName);
    this.#parse(answer, call, parseModel);
  }

  async #findVersion(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<ModelVersion | null> {
    const call = 'model-versions/get';
    const query = new URLSearchParams({ name: modelName, version });
    const answer = await this.#get(call, query, deadline);
    if (answer.status === 200) {
      return this.#parse(answer, call, (text) => parseVersion(text, modelName, version));
    }
    const failure = readFailure(answer);
    // 400: a number that the registry cannot hold.
    const isAbsent =
      failure.errorCode === 'RESOURCE_DOES_NOT_EXIST' ||
      failure.errorCode === 'INVALID_PARAMETER_VALUE';
    if (isAbsent) return null;
    throw this.#error(failure, call, modelName, version);
  }

  async #latestLive(modelName: string, deadline: Deadline): Promise<ModelVersion | null> {
    const call = 'registered-models/get-latest-versions';
    const query = new URLSearchParams({ name: modelName, stages: this.pointer.stage });
    const answer = await this.#get(call, query, deadline);
    if (answer.status !== 200) throw this.#error(readFailure(answer), call, modelName);
    const page = this.#parse(answer, call, (text) => parseVersionPage(text, modelName));
    return page.rows.find((row) => this.#isLive(row)) ?? null;
  }

  /** A read, tried again with jittered back-off while the deadline allows it. */
  async #get(call: string, query: URLSearchParams, deadline: Deadline): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const within = deadlineWithin(this.#clock, limits.readTimeoutMs, deadline);
      if (within.leftMs() <= 0) throw this.#outOfTime(call);
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
        if (!mayRetry()) throw noAnswerError(error, call, this.address);
      }
      await this.#clock.sleep(backoffMs);
    }
  }

  /**
   * By the wall clock too: a machine may sleep between a refused login and the second try, and the claim
   * be over by then.
   */
  #moveWindow(deadline: Deadline): Deadline {
    const within = deadlineWithin(this.#clock, limits.writeTimeoutMaxMs, deadline);
    const endsAtMs = this.#clock.nowMs() + within.leftMs();
    return { leftMs: () => Math.min(within.leftMs(), endsAtMs - this.#clock.nowMs()) };
  }

  #parse<T>(answer: HttpAnswer, call: string, parse: (text: string) => T): T {
    if (!answer.isJson) throw strangeAnswer('something that is not JSON', call, this.address);
    try {
      return parse(answer.text);
    } catch (cause) {
      const error = strangeAnswer('JSON that is not what MLflow sends', call, this.address);
      error.cause = cause;
      throw error;
    }
  }

  #error(
    failure: MLflowFailure,
    call: string,
    modelName: string,
    version?: string,
  ): ModelRollbackError {
    return callError(failure, {
      call,
      modelName,
      version: version ?? null,
      address: this.address,
      loginSource: this.#client.loginSource,
    });
  }

  #outOfTime(call: string): RegistryUnavailableError {
    return new RegistryUnavailableError(`No time was left to call ${call}. Try again.`);
  }
}

// ---------------------------------------------------------------------------------------------------

/** MLflow's filters know no escape: the quote that the name does not hold (both are refused earlier). */
function quoteName(modelName: string): string {
  const quote = modelName.includes("'") ? '"' : "'";
  return `${quote}${modelName}${quote}`;
}

/** Spaces as %20: some gateways that sign requests do not take `+`. */
function queryText(query: URLSearchParams): string {
  return query.toString().replaceAll('+', '%20');
}
