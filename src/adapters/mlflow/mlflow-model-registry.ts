import { isModelRollbackError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  compareVersions,
  type ModelPointer,
  type ModelTag,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/model.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import type { ModelRegistry, MoveAnswer, TaggedModels } from '../../ports/model-registry.ts';
import { type HttpAnswer, type MLflowClient, NoAnswerError } from './mlflow-client.ts';
import {
  isCertainNo,
  isJsonObject,
  noAnswerError,
  outOfTime,
  readFailure,
  strangeAnswer,
} from './mlflow-error.ts';
import { api, MLflowReader } from './mlflow-reader.ts';
import {
  parseModel,
  parseTagPage,
  parseVersion,
  parseVersionPage,
  type TagPage,
  type VersionPage,
} from './mlflow-schema.ts';

/** A registered model's stages over MLflow's REST API, 2.3 to 3.17. */
export class MLflowModelRegistry implements ModelRegistry {
  readonly address: string;
  readonly pointer: ModelPointer = { kind: 'stage', stage: 'Production' };
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #clock: Clock;

  /** @param address for people and records: without user info */
  constructor(client: MLflowClient, clock: Clock, address: string) {
    this.#client = client;
    this.#reader = new MLflowReader(client, clock, address);
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
      return { kind: 'unknown', error: outOfTime(call), isAnswered: true };
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
    const error = this.#reader.error(failure, call, modelName, version);
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
    if (within.leftMs() <= 0) throw outOfTime(call);
    try {
      const answer = await this.#client.send('POST', `${api}/model-versions/${call}`, body, within);
      if (answer.status !== 200)
        throw this.#reader.error(readFailure(answer), call, modelName, version);
      if (!isJsonObject(answer)) {
        throw strangeAnswer('something that is not JSON', call, this.address);
      }
    } catch (error) {
      throw error instanceof NoAnswerError ? noAnswerError(error, call, this.address) : error;
    }
  }

  async listByTag(tag: ModelTag, namesMax: number, deadline: Deadline): Promise<TaggedModels> {
    const call = tag.of === 'model' ? 'registered-models/search' : 'model-versions/search';
    const query = new URLSearchParams({
      filter: `tags.\`${tag.key}\` = ${quoted(tag.value)}`,
      max_results: String(limits.tagPageRows),
      // By name, so that a change meanwhile moves no row to a page that was read.
      order_by: 'name ASC',
    });
    const names = new Set<string>();
    for (let pages = 1; pages <= limits.tagPagesMax; pages += 1) {
      const parse = (text: string): TagPage => parseTagPage(text, tag, this.pointer.stage);
      const page = await this.#reader.ask(call, query, { modelName: null, deadline, parse });
      for (const name of page.names) names.add(name);
      if (names.size > namesMax) break;
      if (page.nextToken === '') return { names: [...names], isComplete: true };
      query.set('page_token', page.nextToken);
    }
    return { names: [...names].slice(0, namesMax), isComplete: false };
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
      filter: `name = ${quoted(modelName)}${what.more}`,
      max_results: String(what.rowsMax),
      order_by: what.orderBy,
    });
    const call = 'model-versions/search';
    const answer = await this.#reader.get(call, query, deadline);
    if (answer.status !== 200) throw this.#reader.error(readFailure(answer), call, modelName);
    const page = this.#reader.parse(answer, call, (text) => parseVersionPage(text, modelName));
    const serverTimeMs = Date.parse(answer.date ?? '');
    return { ...page, serverTimeMs: Number.isNaN(serverTimeMs) ? null : serverTimeMs };
  }

  /** The search of an unknown model is empty, not 404: this tells the two apart. */
  async #requireModel(modelName: string, deadline: Deadline): Promise<void> {
    const call = 'registered-models/get';
    const query = new URLSearchParams({ name: modelName });
    await this.#reader.ask(call, query, { modelName, deadline, parse: parseModel });
  }

  async #findVersion(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<ModelVersion | null> {
    const call = 'model-versions/get';
    const query = new URLSearchParams({ name: modelName, version });
    const answer = await this.#reader.get(call, query, deadline);
    if (answer.status === 200) {
      return this.#reader.parse(answer, call, (text) => parseVersion(text, modelName, version));
    }
    const failure = readFailure(answer);
    // 400: a number that the registry cannot hold.
    const isAbsent =
      failure.errorCode === 'RESOURCE_DOES_NOT_EXIST' ||
      failure.errorCode === 'INVALID_PARAMETER_VALUE';
    if (isAbsent) return null;
    throw this.#reader.error(failure, call, modelName, version);
  }

  async #latestLive(modelName: string, deadline: Deadline): Promise<ModelVersion | null> {
    const call = 'registered-models/get-latest-versions';
    const query = new URLSearchParams({ name: modelName, stages: this.pointer.stage });
    const parse = (text: string): VersionPage => parseVersionPage(text, modelName);
    const page = await this.#reader.ask(call, query, { modelName, deadline, parse });
    return page.rows.find((row) => this.#isLive(row)) ?? null;
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
}

// ---------------------------------------------------------------------------------------------------

/** MLflow's filters know no escape: the quote that the text does not hold (both are refused earlier). */
function quoted(text: string): string {
  const quote = text.includes("'") ? '"' : "'";
  return `${quote}${text}${quote}`;
}
