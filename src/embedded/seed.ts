import { putAlias } from './model-aliases.ts';
import { nextVersion, putVersionTag } from './model-versions.ts';
import type { Stage } from './naming-rules.ts';
import type { RegistryDatabase } from './registry-database.ts';

/** Fills a model in one transaction, past the calls and their rules: for tests and the demo. */

/** A version to put in place. Everything has a default: an untouched version, made now. */
export interface SeedVersion {
  /** @default the next free number */
  readonly version?: number;
  /** @default 'None' */
  readonly stage?: Stage;
  /** @default 'READY' */
  readonly status?: 'READY' | 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION';
  readonly statusMessage?: string;
  /** @default now */
  readonly creationTimestamp?: number;
  /** @default the creation timestamp */
  readonly lastUpdatedTimestamp?: number;
  /** @default '' */
  readonly description?: string;
  /** @default an s3 address that names the model and the version */
  readonly source?: string;
  /** @default '' */
  readonly runId?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly aliases?: readonly string[];
}

const INSERT = `INSERT INTO model_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)`;

/** Adds the versions, and the model if it is new; gives the numbers that they got. */
export function seedModel(
  database: RegistryDatabase,
  name: string,
  versions: readonly SeedVersion[],
): readonly number[] {
  return database.transaction(() => {
    const now = database.now();
    database.run('INSERT OR IGNORE INTO registered_models VALUES (?, ?, ?, ?)', name, now, now, '');
    let next = nextVersion(database, name);
    return versions.map((seeded) => {
      const version = seeded.version ?? next;
      next = Math.max(next, version + 1);
      insertVersion(database, { name, version, now }, seeded);
      return version;
    });
  });
}

// ---------------------------------------------------------------------------------------------

function insertVersion(
  database: RegistryDatabase,
  { name, version, now }: { name: string; version: number; now: number },
  seeded: SeedVersion,
): void {
  const created = seeded.creationTimestamp ?? now;
  database.run(
    INSERT,
    name,
    version,
    created,
    seeded.lastUpdatedTimestamp ?? created,
    seeded.description ?? '',
    seeded.stage ?? 'None',
    seeded.source ?? `s3://models/${encodeURIComponent(name)}/${version}`,
    seeded.runId ?? '',
    seeded.status ?? 'READY',
    seeded.statusMessage ?? null,
  );
  for (const [key, value] of Object.entries(seeded.tags ?? {})) {
    putVersionTag(database, name, version, key, value);
  }
  for (const alias of seeded.aliases ?? []) {
    putAlias(database, name, alias, version);
  }
}
