import type { ModelPointers } from '../domain/pointer/observe.ts';
import {
  compareVersions,
  type ModelVersion,
  type RegistrySnapshot,
} from '../domain/registry/model.ts';
import { type ModelPointer, stagePointer } from '../domain/registry/pointer.ts';
import { marksIn } from '../domain/registry/rollback-mark.ts';
import type { VersionDetails } from '../domain/registry/version-details.ts';

export const modelName = 'm';
/** A model that nothing real is about: only forged messages name it. */
export const otherModelName = 'other';

/** A pointer that names nothing in this world: a policy may name it. */
export function otherPointer({ kind }: ModelPointer): ModelPointer {
  return kind === 'stage' ? { kind: 'alias', alias: 'champion' } : stagePointer;
}

/** One registered model with MLflow's rules for stages and aliases, races included. */
export class SimulatedRegistry {
  readonly pointer: ModelPointer;
  #rows: ModelVersion[] = [];
  /** What the alias names, where the pointer is one. */
  #aliased: string | null = null;
  /** Tags of each version. */
  readonly #tags = new Map<string, Map<string, string>>();
  /** Who changed what is live last, and when (true time). */
  lastChange: { readonly by: 'us' | 'others'; readonly atMs: number } | null = null;
  /** Every version that was promoted, and when (true time), oldest first. */
  readonly promotions: { readonly version: string; readonly atMs: number }[] = [];
  /** Set when a change of ours left nobody live. */
  hasLeftNobodyLive = false;

  constructor(pointer: ModelPointer = stagePointer) {
    this.pointer = pointer;
  }

  register(atMs: number): string {
    const version = String(this.#rows.length + 1);
    const row = {
      version,
      stage: 'None',
      status: 'READY',
      createdAtMs: atMs,
      lastUpdatedAtMs: atMs,
    };
    this.#rows.push(row);
    return version;
  }

  snapshot(modelName: string): RegistrySnapshot {
    const rows = this.#rows
      .map((row) => ({ ...row, ...marksIn(this.#tagsOf(row.version)) }))
      .toSorted((a, b) => compareVersions(a.version, b.version));
    return {
      modelName,
      pointer: this.pointer,
      live: rows.filter((row) => this.#isLive(row)),
      others: rows.filter((row) => !this.#isLive(row)),
      isComplete: true,
      isEvidenceRead: true,
      clockSkewMs: null,
    };
  }

  /** What the registry's list of models shows of this one. */
  pointers(modelName: string): ModelPointers {
    const { pointer } = this;
    const [live] = this.live();
    const aliases =
      pointer.kind === 'alias' && live !== undefined
        ? [{ alias: pointer.alias, version: live }]
        : [];
    return { modelName, aliases, staged: pointer.kind === 'stage' ? (live ?? null) : null };
  }

  /** What an alias names: there is one at most. */
  named(modelName: string, alias: string): ModelVersion | null {
    const { pointer } = this;
    if (pointer.kind !== 'alias' || pointer.alias !== alias) return null;
    return this.snapshot(modelName).live[0] ?? null;
  }

  /** What a version is made of: nothing was logged. */
  details(version: string): VersionDetails {
    const tags = Object.fromEntries(this.#tags.get(version) ?? []);
    const none = {
      description: '',
      source: '',
      aliases: [],
      run: null,
      signature: null,
      unread: [],
    };
    return { version, createdAtMs: 0, tags, ...none };
  }

  /** Writes a tag, over an older one; it changes no time. */
  tag(version: string, { key, value }: { readonly key: string; readonly value: string }): void {
    const tags = this.#tags.get(version) ?? new Map<string, string>();
    this.#tags.set(version, tags.set(key, value));
  }

  /** Versions that are live now. */
  live(): string[] {
    return this.snapshot('').live.map((row) => row.version);
  }

  /**
   * What a move of the pointer does. An alias is overwritten, whatever it named. For a stage MLflow reads
   * the live versions first and archives those: with another transition in between, two stay live.
   * @param seenLive what was live when this transition began; null archives nothing
   */
  promote(
    version: string,
    seenLive: readonly string[] | null,
    change: { readonly by: 'us' | 'others'; readonly atMs: number },
  ): void {
    const { pointer } = this;
    if (pointer.kind === 'alias') this.#aliased = version;
    else {
      this.#rows = this.#rows.map((row) => {
        const touched = { ...row, lastUpdatedAtMs: change.atMs };
        if (row.version === version) return { ...touched, stage: pointer.stage };
        return seenLive?.includes(row.version) === true ? { ...touched, stage: 'Archived' } : row;
      });
    }
    this.lastChange = change;
    this.promotions.push({ version, atMs: change.atMs });
    if (change.by === 'us' && this.live().length === 0) this.hasLeftNobodyLive = true;
  }

  #isLive({ version, stage }: ModelVersion): boolean {
    const { pointer } = this;
    return pointer.kind === 'alias' ? version === this.#aliased : stage === pointer.stage;
  }

  #tagsOf(version: string): { key: string; value: string }[] {
    return [...(this.#tags.get(version) ?? [])].map(([key, value]) => ({ key, value }));
  }
}
