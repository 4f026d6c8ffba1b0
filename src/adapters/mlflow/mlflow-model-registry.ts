import { isModelRollbackError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  compareVersions,
  type ModelAlias,
  type ModelPointer,
  type ModelTag,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/registry/model.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import type {
  ModelRegistry,
  MoveAnswer,
  TaggedModels,
  VersionsPage,
} from '../../ports/model-registry.ts';
import { type HttpAnswer, type MLflowClient, NoAnswerError } from './mlflow-client.ts';
import {
  isCertainNo,
  isJsonObject,
  noAnswerError,
  outOfTime,
  readFailure,
  strangeAnswer,
  unansweredMove,
} from './mlflow-error.ts';
import { api, MLflowReader, type Page } from './mlflow-reader.ts';
import { parseTagPage } from './mlflow-schema.ts';
import { MLflowVersions, quoted } from './mlflow-versions.ts';

/** A registered model's stages over MLflow's REST API, 2.3 to 3.17. */
export class MLflowModelRegistry implements ModelRegistry {
  readonly address: string;
  readonly pointer: ModelPointer = { kind: 'stage', stage: 'Production' };
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #versions: MLflowVersions;
  readonly #clock: Clock;

  /** @param address for people and records: without user info */
  constructor(client: MLflowClient, clock: Clock, identity: Identity, address: string) {
    this.#client = client;
    this.#reader = new MLflowReader(client, clock, identity, address);
    this.#versions = new MLflowVersions(this.#reader, address);
    this.#clock = clock;
    this.address = address;
  }

  async read(
    modelName: string,
    include: readonly string[],
    deadline: Deadline,
    rowsMax: number = limits.registryPageRows,
  ): Promise<RegistrySnapshot> {
    const versions = this.#versions;
    const latest = { below: null, orderBy: latestFirst, rowsMax, token: '' } as const;
    const page = await versions.search(modelName, latest, deadline);
    const hasMore = page.nextToken !== '';
    if (page.rows.length === 0) await versions.explainNothing(modelName, { hasMore }, deadline);
    const rows = new Map(page.rows.map((row) => [row.version, row]));
    // What is not among the latest changes has not changed lately, and is read by itself.
    const missing = include.filter((version) => !rows.has(version));
    const found = await Promise.all(
      missing.map((version) => versions.find(modelName, version, deadline)),
    );
    for (const row of found) if (row !== null) rows.set(row.version, row);
    if (hasMore && ![...rows.values()].some((row) => this.#isLive(row))) {
      const row = await versions.latestIn(modelName, this.pointer.stage, deadline);
      if (row !== null) rows.set(row.version, row);
    }
    const all = [...rows.values()].toSorted((a, b) => compareVersions(a.version, b.version));
    const live = all.filter((row) => this.#isLive(row));
    return {
      modelName,
      live,
      others: all.filter((row) => !this.#isLive(row)),
      isComplete: !hasMore,
      isEvidenceRead: !hasMore || reachesPast(page.rows, live[0]),
      clockSkewMs: page.clockSkewMs,
    };
  }

  async readBelow(
    modelName: string,
    version: string | null,
    deadline: Deadline,
  ): Promise<readonly ModelVersion[]> {
    const rowsMax = limits.registryPageRows;
    const walk = { below: version, orderBy: 'version_number DESC', rowsMax, token: '' } as const;
    return (await this.#versions.search(modelName, walk, deadline)).rows;
  }

  async readChangesBelow(
    modelName: string,
    version: string,
    from: string | null,
    deadline: Deadline,
  ): Promise<VersionsPage> {
    const rowsMax = limits.registryPageRows;
    const walk = { below: version, orderBy: latestFirst, rowsMax, token: from ?? '' } as const;
    const { rows, nextToken } = await this.#versions.search(modelName, walk, deadline);
    return { rows, next: nextToken === '' ? null : nextToken };
  }

  async readAliases(modelName: string, deadline: Deadline): Promise<readonly ModelAlias[]> {
    return await this.#versions.aliases(modelName, deadline);
  }

  async readAliasesOf(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<readonly string[]> {
    return await this.#versions.aliasesOf(modelName, version, deadline);
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
      const unanswered = unansweredMove(error, this.address);
      return unanswered.isRetryable
        ? { kind: 'unknown', error: unanswered, isAnswered: error.isUnsent }
        : { kind: 'refused', error: unanswered };
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
    const parse = (text: string): Page<string> => parseTagPage(text, tag, this.pointer.stage);
    const reading = { modelName: null, deadline, parse };
    const names = new Set<string>();
    for (let pages = 1; pages <= limits.tagPagesMax; pages += 1) {
      const page = await this.#reader.list(call, query, limits.tagPageRows, reading);
      for (const name of page.rows) names.add(name);
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

// ---------------------------------------------------------------------------------------------------

const latestFirst = 'last_updated_timestamp DESC';

/** True when each row that changed together with this one is among them: they are in the order of change. */
function reachesPast(rows: readonly ModelVersion[], row: ModelVersion | undefined): boolean {
  const last = rows.at(-1);
  return row !== undefined && last !== undefined && last.lastUpdatedAtMs < row.lastUpdatedAtMs;
}
