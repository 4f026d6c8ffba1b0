import { checkModelName, checkTag, checkTagKey } from './naming-rules.ts';
import { type Answer, filled, type ModelRow, modelAnswer } from './registry-answers.ts';
import type { RegistryDatabase } from './registry-database.ts';
import { missing, RegistryError } from './registry-error.ts';
import type { TagField } from './request-fields.ts';
import { modelSearch, pageToken, type SearchRequest } from './search-query.ts';

/** The calls on registered models, apart from aliases. */

/** What `registered-models/create` takes. */
export interface NewModel {
  readonly name: string;
  readonly description: string | undefined;
  readonly tags: readonly TagField[];
}

/** Finds a model, or throws the 404. */
export function findModel(database: RegistryDatabase, name: string): ModelRow {
  checkModelName(name);
  const row = database.get<ModelRow>('SELECT * FROM registered_models WHERE name = ?', name);
  if (row === undefined) {
    throw missing(`Registered Model with name=${name} not found`);
  }
  return row;
}

/** Marks a model as changed now; `time` is the one clock reading of the whole call. */
export function touchModel(database: RegistryDatabase, name: string, time: number): void {
  database.run('UPDATE registered_models SET last_updated_time = ? WHERE name = ?', time, name);
}

/** `registered-models/create` */
export function createModel(database: RegistryDatabase, model: NewModel): Answer {
  checkModelName(model.name);
  for (const { key, value } of model.tags) {
    checkTag(key, value);
  }
  return database.transaction(() => {
    const time = database.now();
    const added = database.run(
      'INSERT OR IGNORE INTO registered_models VALUES (?, ?, ?, ?)',
      model.name,
      time,
      time,
      model.description ?? '',
    );
    if (added === 0) {
      throw new RegistryError(
        'RESOURCE_ALREADY_EXISTS',
        `Registered Model (name=${model.name}) already exists.`,
      );
    }
    for (const { key, value } of model.tags) {
      putModelTag(database, model.name, key, value);
    }
    return { registered_model: modelAnswer(database, findModel(database, model.name)) };
  });
}

/** `registered-models/get` */
export function getModel(database: RegistryDatabase, name: string): Answer {
  return { registered_model: modelAnswer(database, findModel(database, name)) };
}

/** `registered-models/update`: replaces the description; an absent one empties it. */
export function updateModel(
  database: RegistryDatabase,
  name: string,
  description: string | undefined,
): Answer {
  return database.transaction(() => {
    findModel(database, name);
    database.run(
      'UPDATE registered_models SET description = ?, last_updated_time = ? WHERE name = ?',
      description ?? '',
      database.now(),
      name,
    );
    return getModel(database, name);
  });
}

/** `registered-models/rename`: all versions, deleted ones too, get the one time of the call. */
export function renameModel(
  database: RegistryDatabase,
  { name, new_name: newName }: { readonly name: string; readonly new_name: string },
): Answer {
  checkModelName(newName);
  return database.transaction(() => {
    const time = database.now();
    findModel(database, name);
    if (name !== newName && isTaken(database, newName)) {
      throw new RegistryError(
        'RESOURCE_ALREADY_EXISTS',
        `Registered Model (name=${newName}) already exists.`,
      );
    }
    database.run('UPDATE model_versions SET last_updated_time = ? WHERE name = ?', time, name);
    // Versions, tags and aliases follow.
    database.run(
      'UPDATE registered_models SET name = ?, last_updated_time = ? WHERE name = ?',
      newName,
      time,
      name,
    );
    return getModel(database, newName);
  });
}

/** `registered-models/delete`: versions, tags and aliases go with it. */
export function deleteModel(database: RegistryDatabase, name: string): Answer {
  return database.transaction(() => {
    findModel(database, name);
    database.run('DELETE FROM registered_models WHERE name = ?', name);
    return {};
  });
}

/** `registered-models/search` */
export function searchModels(database: RegistryDatabase, request: SearchRequest): Answer {
  const { sql, params, offset } = modelSearch(request);
  const rows = database.all<ModelRow>(sql, ...params);
  const hasMore = rows.length === request.max_results + 1;
  const page = rows.slice(0, request.max_results).map((row) => {
    // The real server leaves the aliases of the latest versions out, not those of the model.
    return modelAnswer(database, row);
  });
  return {
    registered_models: filled(page),
    next_page_token: hasMore ? pageToken(offset + request.max_results) : undefined,
  };
}

/** `registered-models/set-tag` */
export function setModelTag(
  database: RegistryDatabase,
  name: string,
  key: string,
  value: string,
): Answer {
  checkModelName(name);
  checkTag(key, value);
  return database.transaction(() => {
    findModel(database, name);
    putModelTag(database, name, key, value);
    return {};
  });
}

/** `registered-models/delete-tag`: a tag that is not there is no failure. */
export function deleteModelTag(database: RegistryDatabase, name: string, key: string): Answer {
  checkModelName(name);
  checkTagKey(key);
  return database.transaction(() => {
    findModel(database, name);
    database.run('DELETE FROM registered_model_tags WHERE name = ? AND key = ?', name, key);
    return {};
  });
}

// ---------------------------------------------------------------------------------------------

function isTaken(database: RegistryDatabase, name: string): boolean {
  return database.get('SELECT name FROM registered_models WHERE name = ?', name) !== undefined;
}

function putModelTag(database: RegistryDatabase, name: string, key: string, value: string): void {
  database.run('INSERT OR REPLACE INTO registered_model_tags VALUES (?, ?, ?)', name, key, value);
}
