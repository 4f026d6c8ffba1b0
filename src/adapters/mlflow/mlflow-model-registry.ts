import { InvalidRequestError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  deletedStatus,
  type ModelAlias,
  type ModelTag,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/registry/model.ts';
import { type ModelPointer, pointerText, stagePointer } from '../../domain/registry/pointer.ts';
import type {
  ModelSignature,
  RunDetails,
  VersionDetails,
} from '../../domain/registry/version-details.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import type {
  ModelRegistry,
  MoveAnswer,
  PointersPage,
  TaggedModels,
  VersionsPage,
} from '../../ports/model-registry.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { MLflowDetails } from './mlflow-details.ts';
import { MLflowReader, mlflowApi, type Page } from './mlflow-reader.ts';
import { parsePointersPage, parseTagPage } from './mlflow-schema.ts';
import { latestFirst, readAliased, readStage } from './mlflow-snapshot.ts';
import { MLflowVersions, quoted } from './mlflow-versions.ts';
import { type MoveCall, RegistryWriter } from './registry-writer.ts';

/** Registered models over MLflow's REST API, 2.3 to 3.18, with a stage or an alias as the pointer. */
export class MLflowModelRegistry implements ModelRegistry {
  readonly address: string;
  readonly pointer: ModelPointer;
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #versions: MLflowVersions;
  readonly #details: MLflowDetails;
  readonly #writer: RegistryWriter;
  readonly #clock: Clock;
  readonly #identity: Identity;

  /** @param address for people and records: without user info */
  constructor(
    client: MLflowClient,
    clock: Clock,
    identity: Identity,
    address: string,
    pointer: ModelPointer = stagePointer,
  ) {
    this.#client = client;
    this.#reader = new MLflowReader(client, clock, identity, address);
    this.#versions = new MLflowVersions(this.#reader, address);
    this.#details = new MLflowDetails(this.#reader);
    this.#writer = new RegistryWriter(client, this.#reader, clock, address);
    this.#clock = clock;
    this.#identity = identity;
    this.address = address;
    this.pointer = pointer;
  }

  through(pointer: ModelPointer): ModelRegistry {
    return new MLflowModelRegistry(
      this.#client,
      this.#clock,
      this.#identity,
      this.address,
      pointer,
    );
  }

  async read(
    modelName: string,
    include: readonly string[],
    deadline: Deadline,
    rowsMax: number = limits.registryPageRows,
  ): Promise<RegistrySnapshot> {
    const { pointer } = this;
    return pointer.kind === 'stage'
      ? await readStage(this.#versions, pointer, { modelName, include, rowsMax }, deadline)
      : await readAliased(this.#versions, pointer, { modelName, include, rowsMax }, deadline);
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

  async readAlias(
    modelName: string,
    alias: string,
    deadline: Deadline,
  ): Promise<ModelVersion | null> {
    const { row } = await this.#versions.named(modelName, alias, deadline);
    return row === null || row.status === deletedStatus ? null : row;
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

  async readDetails(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<VersionDetails> {
    return await this.#details.ofVersion(modelName, version, deadline);
  }

  async readRun(runId: string, deadline: Deadline): Promise<RunDetails> {
    return await this.#details.run(runId, deadline);
  }

  async readSignature(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<ModelSignature | null> {
    return await this.#details.signature(modelName, version, deadline);
  }

  async movePointer(modelName: string, version: string, deadline: Deadline): Promise<MoveAnswer> {
    return await this.#writer.move(this.#moveCall(modelName, version), deadline);
  }

  async annotate(
    modelName: string,
    version: string,
    tag: { readonly key: string; readonly value: string },
    deadline: Deadline,
  ): Promise<void> {
    await this.#writer.annotate(
      `${mlflowApi.root}/model-versions/set-tag`,
      {
        modelName,
        version,
        tag,
      },
      deadline,
    );
  }

  async listByTag(tag: ModelTag, namesMax: number, deadline: Deadline): Promise<TaggedModels> {
    const call = tag.of === 'model' ? 'registered-models/search' : 'model-versions/search';
    const query = new URLSearchParams({
      filter: `tags.\`${tag.key}\` = ${quoted(tag.value)}`,
      max_results: String(limits.tagPageRows),
      // By name, so that a change meanwhile moves no row to a page that was read.
      order_by: 'name ASC',
    });
    const { pointer } = this;
    if (tag.of === 'live-version' && pointer.kind === 'alias') {
      throw new InvalidRequestError(
        `Models cannot be picked by a tag of the version that ${pointerText(pointer)} names: MLflow searches no ` +
          'aliases. Tag the registered models, and pick them by that tag.',
      );
    }
    const liveStage = pointer.kind === 'stage' ? pointer.stage : '';
    const parse = (text: string): Page<string> => parseTagPage(text, tag, liveStage);
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

  async listPointers(
    { from, rows: rowsMax }: { readonly from: string | null; readonly rows: number },
    deadline: Deadline,
  ): Promise<PointersPage> {
    const query = new URLSearchParams({
      order_by: 'name ASC',
      ...(from === null ? {} : { page_token: from }),
    });
    const reading = { modelName: null, deadline, parse: parsePointersPage };
    const call = 'registered-models/search';
    const { rows, nextToken } = await this.#reader.list(call, query, rowsMax, reading);
    return { rows, next: nextToken === '' ? null : nextToken };
  }

  /** Closes idle connections. */
  close(): void {
    this.#client.close();
  }

  /** One call, after which no reader sees the pointer name nothing. */
  #moveCall(name: string, version: string): MoveCall {
    const { pointer } = this;
    const about = { method: 'POST', modelName: name, version } as const;
    if (pointer.kind === 'alias') {
      const body = { name, alias: pointer.alias, version };
      const path = `${mlflowApi.root}/registered-models/alias`;
      return { ...about, call: 'set-alias', path, body };
    }
    const call = 'transition-stage';
    const body = { name, version, stage: pointer.stage, archive_existing_versions: true };
    return { ...about, call, path: `${mlflowApi.root}/model-versions/${call}`, body };
  }
}
