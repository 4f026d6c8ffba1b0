import { DELETED_STAGE } from './naming-rules.ts';
import type { RegistryDatabase } from './registry-database.ts';

/**
 * Rows as MLflow writes them: fields that are not set and lists that are empty are left out
 * (`JSON.stringify` drops `undefined`), versions are text, timestamps are numbers.
 */

/** A row of `registered_models`. */
export interface ModelRow {
  readonly name: string;
  readonly creation_time: number;
  readonly last_updated_time: number;
  readonly description: string | null;
}

/** A row of `model_versions`. */
export interface VersionRow {
  readonly name: string;
  readonly version: number;
  readonly creation_time: number;
  readonly last_updated_time: number;
  readonly description: string | null;
  readonly current_stage: string;
  readonly source: string | null;
  readonly run_id: string | null;
  readonly run_link: string | null;
  readonly status: string;
  readonly status_message: string | null;
}

/** A JSON object of an answer. */
export type Answer = Readonly<Record<string, unknown>>;

interface TagRow {
  readonly key: string;
  readonly value: string;
}

/** A version with its aliases: the form of every call but the searches. */
export function versionAnswer(database: RegistryDatabase, row: VersionRow): Answer {
  const aliases = database.all<{ alias: string }>(
    'SELECT alias FROM registered_model_aliases WHERE name = ? AND version = ? ORDER BY alias',
    row.name,
    row.version,
  );
  return {
    ...versionAnswerWithoutAliases(database, row),
    aliases: filled(aliases.map(({ alias }) => alias)),
  };
}

/** A version as a search gives it; MLflow's SQL store fills no aliases there. */
export function versionAnswerWithoutAliases(database: RegistryDatabase, row: VersionRow): Answer {
  const tags = database.all<TagRow>(
    'SELECT key, value FROM model_version_tags WHERE name = ? AND version = ? ORDER BY key',
    row.name,
    row.version,
  );
  return {
    name: row.name,
    version: String(row.version),
    creation_timestamp: row.creation_time,
    last_updated_timestamp: row.last_updated_time,
    current_stage: row.current_stage,
    description: row.description ?? undefined,
    source: row.source ?? undefined,
    run_id: row.run_id ?? undefined,
    status: row.status,
    status_message: row.status_message || undefined,
    tags: filled(tags),
    run_link: row.run_link ?? undefined,
  };
}

/** A model with its latest version in each stage, tags and aliases. */
export function modelAnswer(database: RegistryDatabase, row: ModelRow): Answer {
  const tags = database.all<TagRow>(
    'SELECT key, value FROM registered_model_tags WHERE name = ? ORDER BY key',
    row.name,
  );
  const aliases = database.all<{ alias: string; version: number }>(
    'SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias',
    row.name,
  );
  const latest = latestVersions(database, row.name);
  return {
    name: row.name,
    creation_timestamp: row.creation_time,
    last_updated_timestamp: row.last_updated_time,
    description: row.description || undefined,
    latest_versions: filled(latest.map((each) => versionAnswerWithoutAliases(database, each))),
    tags: filled(tags),
    aliases: filled(aliases.map(({ alias, version }) => ({ alias, version: String(version) }))),
  };
}

/** The highest version number in each stage that holds one. */
export function latestVersions(database: RegistryDatabase, name: string): readonly VersionRow[] {
  return database.all<VersionRow>(
    `SELECT * FROM model_versions WHERE (name, version) IN (
       SELECT name, max(version) FROM model_versions
       WHERE name = ? AND current_stage <> '${DELETED_STAGE}' GROUP BY name, current_stage
     ) ORDER BY version`,
    name,
  );
}

/** A list, or nothing when it is empty. */
export function filled<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length > 0 ? items : undefined;
}
