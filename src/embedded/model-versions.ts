import {
  checkModelName,
  checkPromptSource,
  checkSource,
  checkTag,
  checkTagKey,
  DELETED_STAGE,
  PROMPT_KEY,
  parseStage,
  parseVersion,
} from './naming-rules.ts';
import { findModel, touchModel } from './registered-models.ts';
import {
  type Answer,
  filled,
  latestVersions,
  type VersionRow,
  versionAnswer,
  versionAnswerWithoutAliases,
} from './registry-answers.ts';
import type { RegistryDatabase } from './registry-database.ts';
import { invalid, missing, RegistryError } from './registry-error.ts';
import type { TagField } from './request-fields.ts';
import { pageToken, type SearchRequest, versionSearch } from './search-query.ts';

/** The calls on model versions. */

/** What `model-versions/create` takes. */
export interface NewVersion {
  readonly name: string;
  readonly source: string;
  readonly run_id: string | undefined;
  readonly run_link: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly TagField[];
}

/** What `model-versions/transition-stage` takes. */
export interface Transition {
  readonly name: string;
  readonly version: string;
  readonly stage: string;
  readonly archive_existing_versions: boolean | undefined;
}

/** Finds a version that was not deleted, or throws the 404. */
export function findVersion(database: RegistryDatabase, name: string, text: string): VersionRow {
  checkModelName(name);
  const version = parseVersion(text);
  const row = database.get<VersionRow>(
    'SELECT * FROM model_versions WHERE name = ? AND version = ? AND current_stage <> ?',
    name,
    version,
    DELETED_STAGE,
  );
  if (row === undefined) {
    throw missing(`Model Version (name=${name}, version=${version}) not found`);
  }
  return row;
}

/** `model-versions/create`: numbers go up by one and those of deleted versions stay used. */
export function createVersion(database: RegistryDatabase, version: NewVersion): Answer {
  const isPrompt = version.tags.findLast(({ key }) => key === PROMPT_KEY)?.value;
  if (isPrompt?.toLowerCase() === 'true') checkPromptSource(version.source);
  else checkSource(version.source, version.run_id);
  checkModelName(version.name);
  for (const { key, value } of version.tags) {
    checkTag(key, value);
  }
  return database.transaction(() => {
    const time = database.now();
    findModel(database, version.name);
    touchModel(database, version.name, time);
    const number = nextVersion(database, version.name);
    database.run(
      `INSERT INTO model_versions VALUES (?, ?, ?, ?, ?, 'None', ?, ?, ?, 'READY', NULL)`,
      version.name,
      number,
      time,
      time,
      version.description ?? '',
      version.source,
      version.run_id ?? '',
      version.run_link ?? '',
    );
    for (const { key, value } of version.tags) {
      putVersionTag(database, version.name, number, key, value);
    }
    return getVersion(database, version.name, String(number));
  });
}

/** The number that the next version of a model gets. */
export function nextVersion(database: RegistryDatabase, name: string): number {
  const row = database.get<{ next: number }>(
    'SELECT coalesce(max(version), 0) + 1 AS next FROM model_versions WHERE name = ?',
    name,
  );
  return row?.next ?? 1;
}

/** `model-versions/get` */
export function getVersion(database: RegistryDatabase, name: string, version: string): Answer {
  return { model_version: versionAnswer(database, findVersion(database, name, version)) };
}

/** `model-versions/get-download-uri` */
export function getDownloadUri(database: RegistryDatabase, name: string, version: string): Answer {
  return { artifact_uri: findVersion(database, name, version).source ?? undefined };
}

/** `model-versions/update`: a request without a description erases the one that was there. */
export function updateVersion(
  database: RegistryDatabase,
  name: string,
  version: string,
  description: string | undefined,
): Answer {
  return database.transaction(() => {
    const row = findVersion(database, name, version);
    database.run(
      `UPDATE model_versions SET description = ?, last_updated_time = ?
       WHERE name = ? AND version = ?`,
      description ?? null,
      database.now(),
      name,
      row.version,
    );
    return getVersion(database, name, version);
  });
}

/** `model-versions/transition-stage`: one transaction, and one time for all rows it touches. */
export function transitionStage(database: RegistryDatabase, request: Transition): Answer {
  const stage = parseStage(request.stage);
  const archives = request.archive_existing_versions ?? false;
  if (archives && stage !== 'Staging' && stage !== 'Production') {
    throw new RegistryError(
      'INTERNAL_ERROR',
      'Model version transition cannot archive existing model versions because ' +
        `'${request.stage}' is not an Active stage. Valid stages are ['Staging', 'Production']`,
    );
  }
  return database.transaction(() => {
    const time = database.now();
    const row = findVersion(database, request.name, request.version);
    if (archives) {
      database.run(
        `UPDATE model_versions SET current_stage = 'Archived', last_updated_time = ?
         WHERE name = ? AND version <> ? AND current_stage = ?`,
        time,
        row.name,
        row.version,
        stage,
      );
    }
    database.run(
      `UPDATE model_versions SET current_stage = ?, last_updated_time = ?
       WHERE name = ? AND version = ?`,
      stage,
      time,
      row.name,
      row.version,
    );
    touchModel(database, row.name, time);
    return getVersion(database, request.name, request.version);
  });
}

/** `model-versions/delete`: the row stays, hidden, and the aliases that named it go. */
export function deleteVersion(database: RegistryDatabase, name: string, version: string): Answer {
  return database.transaction(() => {
    const time = database.now();
    const row = findVersion(database, name, version);
    touchModel(database, name, time);
    database.run(
      'DELETE FROM registered_model_aliases WHERE name = ? AND version = ?',
      name,
      row.version,
    );
    database.run(
      `UPDATE model_versions SET current_stage = ?, last_updated_time = ?, description = NULL,
         source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID',
         run_link = 'REDACTED-RUN-LINK', status_message = NULL
       WHERE name = ? AND version = ?`,
      DELETED_STAGE,
      time,
      name,
      row.version,
    );
    return {};
  });
}

/** `registered-models/get-latest-versions` */
export function getLatestVersions(
  database: RegistryDatabase,
  name: string,
  stages: readonly string[],
): Answer {
  findModel(database, name);
  const wanted = stages.map((stage) => parseStage(stage) as string);
  const rows = latestVersions(database, name).filter(
    (row) => wanted.length === 0 || wanted.includes(row.current_stage),
  );
  return { model_versions: filled(rows.map((row) => versionAnswer(database, row))) };
}

/** `model-versions/search` */
export function searchVersions(database: RegistryDatabase, request: SearchRequest): Answer {
  if (request.max_results < 1) {
    throw invalid(
      `Invalid value for max_results. It must be a positive integer, but got ${request.max_results}`,
    );
  }
  const { sql, params, offset } = versionSearch(request);
  const rows = database.all<VersionRow>(sql, ...params);
  const hasMore = rows.length === request.max_results + 1;
  const page = rows.slice(0, request.max_results);
  return {
    model_versions: filled(page.map((row) => versionAnswerWithoutAliases(database, row))),
    next_page_token: hasMore ? pageToken(offset + request.max_results) : undefined,
  };
}

/** `model-versions/set-tag`: does not touch the version's timestamp. */
export function setVersionTag(
  database: RegistryDatabase,
  request: { name: string; version: string; key: string; value: string },
): Answer {
  checkTag(request.key, request.value);
  return database.transaction(() => {
    const row = findVersion(database, request.name, request.version);
    putVersionTag(database, row.name, row.version, request.key, request.value);
    return {};
  });
}

/** `model-versions/delete-tag`: a tag that is not there is no failure. */
export function deleteVersionTag(
  database: RegistryDatabase,
  request: { name: string; version: string; key: string },
): Answer {
  checkTagKey(request.key);
  return database.transaction(() => {
    const row = findVersion(database, request.name, request.version);
    database.run(
      'DELETE FROM model_version_tags WHERE name = ? AND version = ? AND key = ?',
      row.name,
      row.version,
      request.key,
    );
    return {};
  });
}

/** Writes one tag of a version, over the one that was there. */
export function putVersionTag(
  database: RegistryDatabase,
  name: string,
  version: number,
  key: string,
  value: string,
): void {
  database.run(
    'INSERT OR REPLACE INTO model_version_tags VALUES (?, ?, ?, ?)',
    name,
    version,
    key,
    value,
  );
}
