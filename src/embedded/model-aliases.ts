import { findVersion } from './model-versions.ts';
import { checkAlias, checkAliasMayBeSet, checkModelName, isLatestAlias } from './naming-rules.ts';
import { findModel } from './registered-models.ts';
import { type Answer, latestVersions, versionAnswer } from './registry-answers.ts';
import type { RegistryDatabase } from './registry-database.ts';
import { invalid, missing } from './registry-error.ts';

/** The three calls on `registered-models/alias`. */

/** Reads an alias. A missing one is a 400 in MLflow, not a 404. */
export function getAlias(database: RegistryDatabase, name: string, alias: string): Answer {
  checkModelName(name);
  checkAlias(alias);
  findModel(database, name);
  if (isLatestAlias(alias)) {
    return getLatest(database, name);
  }
  const row = database.get<{ version: number }>(
    'SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?',
    name,
    alias,
  );
  if (row === undefined) {
    throw invalid(`Registered model alias ${alias} not found.`);
  }
  const version = findVersion(database, name, String(row.version));
  return { model_version: versionAnswer(database, version) };
}

/** Sets or moves an alias. It leaves no timestamp anywhere. */
export function setAlias(
  database: RegistryDatabase,
  request: { name: string; alias: string; version: string },
): Answer {
  checkModelName(request.name);
  checkAliasMayBeSet(request.alias);
  return database.transaction(() => {
    const row = findVersion(database, request.name, request.version);
    putAlias(database, row.name, request.alias, row.version);
    return {};
  });
}

/** Removes an alias; one that is not there is no failure. */
export function deleteAlias(database: RegistryDatabase, name: string, alias: string): Answer {
  checkModelName(name);
  checkAlias(alias);
  return database.transaction(() => {
    findModel(database, name);
    database.run('DELETE FROM registered_model_aliases WHERE name = ? AND alias = ?', name, alias);
    return {};
  });
}

/** Writes one alias, over the one that was there. */
export function putAlias(
  database: RegistryDatabase,
  name: string,
  alias: string,
  version: number,
): void {
  database.run(
    'INSERT OR REPLACE INTO registered_model_aliases VALUES (?, ?, ?)',
    name,
    alias,
    version,
  );
}

// ---------------------------------------------------------------------------------------------

function getLatest(database: RegistryDatabase, name: string): Answer {
  const latest = latestVersions(database, name).at(-1);
  if (latest === undefined) {
    throw missing(`Latest version not found for model ${name}.`);
  }
  return { model_version: versionAnswer(database, latest) };
}
