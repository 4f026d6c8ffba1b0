import {
  ConfigurationError,
  InvalidRequestError,
  isModelRollbackError,
  ModelNotFoundError,
  messageOf,
  RegistryRefusedError,
} from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { ModelPointers } from '../../domain/pointer/observe.ts';
import {
  deletedStatus,
  isOlder,
  type ModelAlias,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/registry/model.ts';
import type { ModelPointer } from '../../domain/registry/pointer.ts';
import type {
  ModelSignature,
  RunDetails,
  VersionDetails,
} from '../../domain/registry/version-details.ts';
import { together } from '../../domain/together.ts';
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
import { readFailure } from './mlflow-error.ts';
import { MLflowReader, mlflowApi, type RegistryApi } from './mlflow-reader.ts';
import { latestFirst, readAliased } from './mlflow-snapshot.ts';
import { RegistryWriter } from './registry-writer.ts';
import { unityFix } from './unity-refusal.ts';
import { parseDetails, unityTagKey } from './unity-schema.ts';
import { UnityVersions, unityPath } from './unity-versions.ts';

export const unityApi: RegistryApi = {
  root: '/api/2.1/unity-catalog',
  modelHint:
    'Check model_name (catalog.schema.model), and that this login may see the catalog and the schema.',
  fixOf: unityFix,
};

/**
 * Registered models in Databricks' Unity Catalog, by its own REST API; tags by the part of MLflow's that stands
 * before it. The pointer is an alias.
 */
export class UnityModelRegistry implements ModelRegistry {
  readonly address: string;
  readonly pointer: ModelPointer;
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #versions: UnityVersions;
  readonly #writer: RegistryWriter;
  /** Runs stand in the workspace. */
  readonly #runs: MLflowDetails;
  readonly #clock: Clock;
  readonly #identity: Identity;

  /** @param address for people and records */
  constructor(
    client: MLflowClient,
    clock: Clock,
    identity: Identity,
    address: string,
    pointer: ModelPointer,
  ) {
    this.#client = client;
    this.#reader = new MLflowReader(client, clock, identity, address, unityApi);
    this.#versions = new UnityVersions(this.#reader, address);
    this.#writer = new RegistryWriter(client, this.#reader, clock, address);
    this.#runs = new MLflowDetails(new MLflowReader(client, clock, identity, address));
    this.#clock = clock;
    this.#identity = identity;
    this.address = address;
    this.pointer = pointer;
  }

  through(pointer: ModelPointer): ModelRegistry {
    return new UnityModelRegistry(this.#client, this.#clock, this.#identity, this.address, pointer);
  }

  async read(
    modelName: string,
    include: readonly string[],
    deadline: Deadline,
    rowsMax: number = limits.registryPageRows,
  ): Promise<RegistrySnapshot> {
    const { pointer } = this;
    if (pointer.kind === 'stage') throw this.#noStages();
    const asked = { modelName, include, rowsMax };
    const snapshot = await readAliased(this.#versions, pointer, asked, deadline);
    return await this.#withMarks(snapshot, include, deadline);
  }

  async readBelow(
    modelName: string,
    version: string | null,
    deadline: Deadline,
  ): Promise<readonly ModelVersion[]> {
    const walk = { ...whole, below: version, orderBy: 'version_number DESC' } as const;
    try {
      const { rows } = await this.#versions.search(modelName, walk, deadline);
      return rows.slice(0, limits.registryPageRows);
    } catch (error) {
      if (error instanceof ModelNotFoundError) return [];
      throw error;
    }
  }

  async readChangesBelow(
    modelName: string,
    version: string,
    _from: string | null,
    deadline: Deadline,
  ): Promise<VersionsPage> {
    const walk = { ...whole, below: version, orderBy: latestFirst } as const;
    return { rows: (await this.#versions.search(modelName, walk, deadline)).rows, next: null };
  }

  async readAlias(
    modelName: string,
    alias: string,
    deadline: Deadline,
  ): Promise<ModelVersion | null> {
    return (await this.#versions.named(modelName, alias, deadline)).row;
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
    const answer = await this.#versions.get(modelName, version, deadline);
    const call = 'model-versions/get';
    if (answer.status !== 200) {
      throw this.#reader.error(readFailure(answer), call, modelName, version);
    }
    const { runId, facts } = this.#reader.parse(answer, call, (json) =>
      parseDetails(json, modelName),
    );
    const unread: VersionDetails['unread'][number][] = [
      { what: 'signature', why: this.#noFiles(version).message },
    ];
    let run: RunDetails | null = null;
    try {
      if (runId !== '') run = await this.#runs.run(runId, deadline);
    } catch (error) {
      if (!isModelRollbackError(error)) throw error;
      unread.push({ what: 'run', why: messageOf(error) });
    }
    return { ...facts, run, signature: null, unread };
  }

  async readRun(runId: string, deadline: Deadline): Promise<RunDetails> {
    return await this.#runs.run(runId, deadline);
  }

  async readSignature(_modelName: string, version: string): Promise<ModelSignature | null> {
    throw this.#noFiles(version);
  }

  async movePointer(modelName: string, version: string, deadline: Deadline): Promise<MoveAnswer> {
    const { pointer } = this;
    if (pointer.kind === 'stage') return { kind: 'refused', error: this.#noStages() };
    const path = `${unityApi.root}/${unityPath(modelName)}/aliases/${encodeURIComponent(pointer.alias)}`;
    const body = { version_num: Number(version) };
    return await this.#writer.move(
      { call: 'set-alias', method: 'PUT', path, body, modelName, version },
      deadline,
    );
  }

  async annotate(
    modelName: string,
    version: string,
    tag: { readonly key: string; readonly value: string },
    deadline: Deadline,
  ): Promise<void> {
    const path = `${mlflowApi.root}/unity-catalog/model-versions/set-tag`;
    const own = { key: unityTagKey(tag.key), value: tag.value };
    await this.#writer.annotate(path, { modelName, version, tag: own }, deadline);
  }

  async listByTag(): Promise<TaggedModels> {
    throw new InvalidRequestError(
      'Models cannot be picked by a tag in Unity Catalog: its lists show no tags. Name the models.',
    );
  }

  async listPointers(
    { from, rows: rowsMax }: { readonly from: string | null; readonly rows: number },
    deadline: Deadline,
  ): Promise<PointersPage> {
    const { rows: names, nextToken } = await this.#versions.names(from, rowsMax, deadline);
    const rows = await together(names.map((name) => this.#pointersOf(name, deadline)));
    return {
      rows: rows.filter((row) => row !== null),
      next: nextToken === '' ? null : nextToken,
    };
  }

  /** Closes idle connections. */
  close(): void {
    this.#client.close();
  }

  /** No list shows aliases. Null for a model that was deleted meanwhile. */
  async #pointersOf(modelName: string, deadline: Deadline): Promise<ModelPointers | null> {
    try {
      const aliases = await this.#versions.aliases(modelName, deadline);
      return { modelName, aliases, staged: null };
    } catch (error) {
      if (error instanceof ModelNotFoundError) return null;
      throw error;
    }
  }

  /** No list shows tags: those of the highest candidates are read one by one. */
  async #withMarks(
    snapshot: RegistrySnapshot,
    include: readonly string[],
    deadline: Deadline,
  ): Promise<RegistrySnapshot> {
    const [live] = snapshot.live;
    const isCandidate = ({ version, status }: ModelVersion): boolean =>
      status === 'READY' &&
      !include.includes(version) &&
      (live === undefined || live.status === deletedStatus || isOlder(version, live.version));
    const candidates = snapshot.others.filter(isCandidate).slice(0, limits.unityMarkedRows);
    const read = await together(
      candidates.map(({ version }) => this.#versions.find(snapshot.modelName, version, deadline)),
    );
    const marked = new Map(read.filter((row) => row !== null).map((row) => [row.version, row]));
    return { ...snapshot, others: snapshot.others.map((row) => marked.get(row.version) ?? row) };
  }

  #noStages(): ConfigurationError {
    return new ConfigurationError(
      `The registry ${this.address} is Unity Catalog, which has no stages. Set ROLLBACK_POINTER, or the pointer of ` +
        'the request, to the alias that consumers load, such as alias:champion.',
    );
  }

  #noFiles(version: string): RegistryRefusedError {
    return new RegistryRefusedError(
      `In Unity Catalog the files of version ${version} need credentials of their storage, which model-rollback does ` +
        'not ask for.',
    );
  }
}

// ---------------------------------------------------------------------------------------------------

/** Its lists come whole. */
const whole = { rowsMax: limits.unityPageRows, token: '' } as const;
