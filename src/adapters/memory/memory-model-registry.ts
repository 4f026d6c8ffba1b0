import { ModelNotFoundError, VersionNotFoundError } from '../../domain/errors.ts';
import {
  compareVersions,
  deletedVersion,
  isOlder,
  type ModelAlias,
  type ModelTag,
  type ModelVersion,
  type RegistrySnapshot,
  versionNumber,
} from '../../domain/registry/model.ts';
import { type ModelPointer, stagePointer } from '../../domain/registry/pointer.ts';
import { promptIn, promptTag } from '../../domain/registry/prompt.ts';
import { marksIn } from '../../domain/registry/rollback-mark.ts';
import type {
  ModelSignature,
  RunDetails,
  VersionDetails,
} from '../../domain/registry/version-details.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  ModelRegistry,
  MoveAnswer,
  PointersPage,
  TaggedModels,
  VersionsPage,
} from '../../ports/model-registry.ts';
import { LoggedVersions } from './logged-versions.ts';

/** A registry in this process, with MLflow's rules for stages. */
export class MemoryModelRegistry implements ModelRegistry {
  readonly address: string = 'memory:';
  readonly pointer: ModelPointer;
  readonly #models: Map<string, ModelVersion[]>;
  readonly #tags: Map<string, string>;
  /** By model, then by alias. */
  readonly #aliases: Map<string, Map<string, string>>;
  /** What its versions were logged with. */
  readonly logged: LoggedVersions;
  readonly #clock: Clock;

  /** @param of the registry that this one is a view of */
  constructor(clock: Clock, pointer: ModelPointer = stagePointer, of?: MemoryModelRegistry) {
    this.#clock = clock;
    this.pointer = pointer;
    this.#models = of === undefined ? new Map() : of.#models;
    this.logged = of === undefined ? new LoggedVersions() : of.logged;
    this.#tags = of === undefined ? new Map() : of.#tags;
    this.#aliases = of === undefined ? new Map() : of.#aliases;
  }

  through(pointer: ModelPointer): MemoryModelRegistry {
    return new MemoryModelRegistry(this.#clock, pointer, this);
  }

  /** Registers the next version of a model, and the model with it. */
  register(modelName: string, version: Partial<ModelVersion> = {}): string {
    const rows = this.#models.get(modelName) ?? [];
    const number = String(Math.max(0, ...rows.map((row) => versionNumber(row.version))) + 1);
    const nowMs = this.#clock.nowMs();
    const row = { stage: 'None', status: 'READY', createdAtMs: nowMs, lastUpdatedAtMs: nowMs };
    this.#models.set(modelName, [...rows, { ...row, ...version, version: number }]);
    return number;
  }

  /** What `transition-stage` does: all rows touched get one time. */
  transition(modelName: string, version: string, stage: string, archiveExisting: boolean): void {
    const rows = this.#rows(modelName);
    requireVersion(rows, modelName, version);
    // Two transitions in one millisecond could not be distinguished.
    const latestMs = Math.max(...rows.map((row) => row.lastUpdatedAtMs));
    const lastUpdatedAtMs = Math.max(this.#clock.nowMs(), latestMs + 1);
    this.#models.set(
      modelName,
      rows.map((row) => {
        if (row.version === version) return { ...row, stage, lastUpdatedAtMs };
        const isArchived = archiveExisting && row.stage === stage;
        return isArchived ? { ...row, stage: 'Archived', lastUpdatedAtMs } : row;
      }),
    );
  }

  /** Tags the registered model itself; `annotate` tags a version. */
  tagModel(modelName: string, key: string, value: string): void {
    this.#rows(modelName);
    this.#tags.set(JSON.stringify([modelName, null, key]), value);
  }

  /** What `registered-models/alias` does: no time of any version changes. */
  setAlias(modelName: string, alias: string, version: string): void {
    requireVersion(this.#rows(modelName), modelName, version);
    const aliases = this.#aliases.get(modelName) ?? new Map<string, string>();
    this.#aliases.set(modelName, aliases.set(alias, version));
  }

  /** What deleting an alias does: the versions stay as they are. */
  deleteAlias(modelName: string, alias: string): void {
    this.#aliases.get(modelName)?.delete(alias);
  }

  /** What `rename` does: all versions get one time; tags and aliases stay with them. */
  rename(modelName: string, newName: string): void {
    const lastUpdatedAtMs = this.#clock.nowMs();
    const rows = this.#rows(modelName);
    for (const { version } of [{ version: null }, ...rows]) {
      for (const [key, value] of this.#tagsOf(modelName, version)) {
        this.#tags.set(JSON.stringify([newName, version, key]), value);
        this.#tags.delete(JSON.stringify([modelName, version, key]));
      }
    }
    this.#models.set(
      newName,
      rows.map((row) => ({ ...row, lastUpdatedAtMs })),
    );
    this.#models.delete(modelName);
    this.#aliases.set(newName, this.#aliases.get(modelName) ?? new Map());
    this.#aliases.delete(modelName);
  }

  /** The value of a tag that `annotate` wrote. */
  tag(modelName: string, version: string, key: string): string | undefined {
    return this.#tags.get(JSON.stringify([modelName, version, key]));
  }

  async read(modelName: string): Promise<RegistrySnapshot> {
    const rows = this.#marked(modelName);
    const live = this.#live(modelName, rows);
    return {
      modelName,
      pointer: this.pointer,
      live,
      others: rows.filter((row) => !live.includes(row)),
      isComplete: true,
      isEvidenceRead: true,
      clockSkewMs: null,
    };
  }

  async readBelow(modelName: string, version: string | null): Promise<readonly ModelVersion[]> {
    if (!this.#models.has(modelName)) return [];
    return this.#marked(modelName).filter(
      (row) => version === null || isOlder(row.version, version),
    );
  }

  async readChangesBelow(modelName: string, version: string): Promise<VersionsPage> {
    const rows = await this.readBelow(modelName, version);
    return { rows: rows.toSorted((a, b) => b.lastUpdatedAtMs - a.lastUpdatedAtMs), next: null };
  }

  async readAlias(modelName: string, alias: string): Promise<ModelVersion | null> {
    const version = this.#aliases.get(modelName)?.get(alias);
    return this.#marked(modelName).find((row) => row.version === version) ?? null;
  }

  async readAliases(modelName: string): Promise<readonly ModelAlias[]> {
    return [...(this.#aliases.get(modelName) ?? [])]
      .map(([alias, version]) => ({ alias, version }))
      .toSorted((a, b) => (a.alias < b.alias ? -1 : 1));
  }

  async readAliasesOf(modelName: string, version: string): Promise<readonly string[]> {
    const aliases = await this.readAliases(modelName);
    return aliases.filter((row) => row.version === version).map(({ alias }) => alias);
  }

  async readDetails(modelName: string, version: string): Promise<VersionDetails> {
    const rows = this.#rows(modelName);
    requireVersion(rows, modelName, version);
    return {
      version,
      createdAtMs: rows.find((row) => row.version === version)?.createdAtMs ?? 0,
      description: '',
      source: '',
      tags: Object.fromEntries(this.#tagsOf(modelName, version)),
      aliases: await this.readAliasesOf(modelName, version),
      ...this.logged.of(modelName, version),
      unread: [],
    };
  }

  async readRun(runId: string): Promise<RunDetails> {
    return this.logged.run(runId);
  }

  async readSignature(modelName: string, version: string): Promise<ModelSignature | null> {
    return this.logged.of(modelName, version).signature;
  }

  async movePointer(modelName: string, version: string): Promise<MoveAnswer> {
    try {
      if (this.pointer.kind === 'alias') this.setAlias(modelName, this.pointer.alias, version);
      else this.transition(modelName, version, this.pointer.stage, true);
      return { kind: 'moved' };
    } catch (error) {
      if (error instanceof VersionNotFoundError || error instanceof ModelNotFoundError) {
        return { kind: 'refused', error };
      }
      throw error;
    }
  }

  async annotate(
    modelName: string,
    version: string,
    tag: { readonly key: string; readonly value: string },
  ): Promise<void> {
    requireVersion(this.#rows(modelName), modelName, version);
    this.#tags.set(JSON.stringify([modelName, version, tag.key]), tag.value);
  }

  async listByTag({ of, key, value }: ModelTag, namesMax: number): Promise<TaggedModels> {
    const tagOf = (name: string, version: string | null, tagKey: string): string | undefined =>
      this.#tags.get(JSON.stringify([name, version, tagKey]));
    const isHidden = (name: string): boolean =>
      key !== promptTag.key && tagOf(name, null, promptTag.key) === promptTag.value;
    const names = [...this.#models].flatMap(([name, rows]) => {
      const live = this.#live(name, rows);
      const versions = of === 'model' ? [null] : live.map((row) => row.version);
      const isTagged = versions.some((version) => tagOf(name, version, key) === value);
      return isTagged && !isHidden(name) ? [name] : [];
    });
    return { names: names.toSorted().slice(0, namesMax), isComplete: names.length <= namesMax };
  }

  async listPointers({
    from,
    rows,
  }: {
    readonly from: string | null;
    readonly rows: number;
  }): Promise<PointersPage> {
    const names = [...this.#models.keys()].toSorted();
    const begin = Number(from ?? 0);
    const page = await Promise.all(
      names.slice(begin, begin + rows).map(async (modelName) => ({
        modelName,
        aliases: await this.readAliases(modelName),
        staged:
          this.#marked(modelName).find((row) => row.stage === stagePointer.stage)?.version ?? null,
      })),
    );
    const end = begin + page.length;
    return { rows: page, next: end < names.length ? String(end) : null };
  }

  /** Deletes a version; an alias of it then names nothing that exists, as in MLflow to 3.5. */
  deleteVersion(modelName: string, version: string): void {
    const rows = this.#rows(modelName).filter((row) => row.version !== version);
    this.#models.set(modelName, rows);
  }

  #live(modelName: string, rows: readonly ModelVersion[]): readonly ModelVersion[] {
    const { pointer } = this;
    if (pointer.kind === 'stage') return rows.filter((row) => row.stage === pointer.stage);
    const version = this.#aliases.get(modelName)?.get(pointer.alias);
    if (version === undefined) return [];
    return [rows.find((row) => row.version === version) ?? deletedVersion(version)];
  }

  /** Rows as a search gives them: highest first, with what rollbacks left on them. */
  #marked(modelName: string): readonly ModelVersion[] {
    return this.#rows(modelName)
      .map((row) => {
        const tags = this.#tagsOf(modelName, row.version).map(([key, value]) => ({ key, value }));
        const { run } = this.logged.of(modelName, row.version);
        const runId = run === null ? {} : { runId: run.runId };
        return { ...row, ...runId, ...marksIn(tags), ...promptIn(tags) };
      })
      .toSorted((a, b) => compareVersions(a.version, b.version));
  }

  #tagsOf(modelName: string, version: string | null): [key: string, value: string][] {
    return [...this.#tags].flatMap(([name, value]): [string, string][] => {
      const [model, of, key] = JSON.parse(name) as [string, string | null, string];
      return model === modelName && of === version ? [[key, value]] : [];
    });
  }

  #rows(modelName: string): readonly ModelVersion[] {
    const rows = this.#models.get(modelName);
    if (rows === undefined)
      throw new ModelNotFoundError(`There is no registered model ${modelName}.`);
    return rows;
  }
}

// ---------------------------------------------------------------------------------------------------

function requireVersion(rows: readonly ModelVersion[], modelName: string, version: string): void {
  if (rows.some((row) => row.version === version)) return;
  throw new VersionNotFoundError(`There is no version ${version} of ${modelName}.`);
}
