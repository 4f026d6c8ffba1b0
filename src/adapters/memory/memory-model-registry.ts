import { ModelNotFoundError, VersionNotFoundError } from '../../domain/errors.ts';
import {
  compareVersions,
  isOlder,
  type ModelPointer,
  type ModelTag,
  type ModelVersion,
  type RegistrySnapshot,
} from '../../domain/model.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelRegistry, MoveAnswer, TaggedModels } from '../../ports/model-registry.ts';

/** A registry in this process, with MLflow's rules for stages. */
export class MemoryModelRegistry implements ModelRegistry {
  readonly address: string = 'memory:';
  readonly pointer: ModelPointer = { kind: 'stage', stage: 'Production' };
  readonly #models = new Map<string, ModelVersion[]>();
  readonly #tags = new Map<string, string>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Registers the next version of a model, and the model with it. */
  register(modelName: string, version: Partial<ModelVersion> = {}): string {
    const rows = this.#models.get(modelName) ?? [];
    const number = String(rows.length + 1);
    const nowMs = this.#clock.nowMs();
    const row = { stage: 'None', status: 'READY', createdAtMs: nowMs, lastUpdatedAtMs: nowMs };
    this.#models.set(modelName, [...rows, { ...row, ...version, version: number }]);
    return number;
  }

  /** What `transition-stage` does: all rows touched get one time. */
  transition(modelName: string, version: string, stage: string, archiveExisting: boolean): void {
    const lastUpdatedAtMs = this.#clock.nowMs();
    const rows = this.#rows(modelName);
    requireVersion(rows, modelName, version);
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

  /** The value of a tag that `annotate` wrote. */
  tag(modelName: string, version: string, key: string): string | undefined {
    return this.#tags.get(JSON.stringify([modelName, version, key]));
  }

  async read(modelName: string): Promise<RegistrySnapshot> {
    const rows = this.#rows(modelName).toSorted((a, b) => compareVersions(a.version, b.version));
    return {
      modelName,
      live: rows.filter((row) => row.stage === this.pointer.stage),
      others: rows.filter((row) => row.stage !== this.pointer.stage),
      isComplete: true,
      isLiveRecent: true,
      serverTimeMs: null,
    };
  }

  async readBelow(modelName: string, version: string | null): Promise<readonly ModelVersion[]> {
    const rows = (this.#models.get(modelName) ?? []).filter(
      (row) => version === null || isOlder(row.version, version),
    );
    return rows.toSorted((a, b) => compareVersions(a.version, b.version));
  }

  async movePointer(modelName: string, version: string): Promise<MoveAnswer> {
    try {
      this.transition(modelName, version, this.pointer.stage, true);
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
    const isTagged = (name: string, version: string | null): boolean =>
      this.#tags.get(JSON.stringify([name, version, key])) === value;
    const names = [...this.#models].flatMap(([name, rows]) => {
      const live = rows.filter((row) => row.stage === this.pointer.stage);
      const versions = of === 'model' ? [null] : live.map((row) => row.version);
      return versions.some((version) => isTagged(name, version)) ? [name] : [];
    });
    return { names: names.toSorted().slice(0, namesMax), isComplete: names.length <= namesMax };
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
