import { deleteAlias, getAlias, setAlias } from './model-aliases.ts';
import {
  createVersion,
  deleteVersion,
  deleteVersionTag,
  getDownloadUri,
  getLatestVersions,
  getVersion,
  searchVersions,
  setVersionTag,
  transitionStage,
  updateVersion,
} from './model-versions.ts';
import {
  createModel,
  deleteModel,
  deleteModelTag,
  getModel,
  renameModel,
  searchModels,
  setModelTag,
  updateModel,
} from './registered-models.ts';
import type { Answer } from './registry-answers.ts';
import type { RegistryDatabase } from './registry-database.ts';
import { invalid } from './registry-error.ts';
import { type FieldSource, type FieldSpec, type Fields, readFields } from './request-fields.ts';

/** The calls that the server knows: method and path, the fields of each, and what it does. */

/** Acts on one request and gives its JSON answer. */
export type Route = (source: FieldSource, database: RegistryDatabase) => Answer;

const MODEL = { name: 'text!' } as const;
const VERSION = { name: 'text!', version: 'text!' } as const;
const ALIAS = { name: 'text!', alias: 'text!' } as const;
const SEARCH = {
  filter: 'text',
  max_results: 'integer',
  order_by: 'texts',
  page_token: 'text',
} as const;

const latestVersions = route({ ...MODEL, stages: 'texts' }, (database, { name, stages }) =>
  getLatestVersions(database, name, stages),
);

/** Path (below the API prefix) to method to route. */
export const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/registered-models/create': {
    POST: route({ ...MODEL, description: 'text', tags: 'tags' }, createModel),
  },
  '/registered-models/get': {
    GET: route(MODEL, (database, { name }) => getModel(database, name)),
  },
  '/registered-models/update': {
    PATCH: route({ ...MODEL, description: 'text' }, (database, { name, description }) =>
      updateModel(database, name, description),
    ),
  },
  '/registered-models/rename': {
    POST: route({ ...MODEL, new_name: 'text!' }, renameModel),
  },
  '/registered-models/delete': {
    DELETE: route(MODEL, (database, { name }) => deleteModel(database, name)),
  },
  '/registered-models/search': {
    GET: route(SEARCH, (database, fields) =>
      searchModels(database, { ...fields, max_results: atMost(fields.max_results, 100, 1_000) }),
    ),
  },
  '/registered-models/get-latest-versions': { GET: latestVersions, POST: latestVersions },
  '/registered-models/set-tag': {
    POST: route({ ...MODEL, key: 'text!', value: 'text' }, (database, { name, key, value }) =>
      setModelTag(database, name, key, value ?? ''),
    ),
  },
  '/registered-models/delete-tag': {
    DELETE: route({ ...MODEL, key: 'text!' }, (database, { name, key }) =>
      deleteModelTag(database, name, key),
    ),
  },
  '/registered-models/alias': {
    GET: route(ALIAS, (database, { name, alias }) => getAlias(database, name, alias)),
    POST: route({ ...ALIAS, version: 'text!' }, setAlias),
    DELETE: route(ALIAS, (database, { name, alias }) => deleteAlias(database, name, alias)),
  },
  '/model-versions/create': {
    POST: route(
      {
        ...MODEL,
        source: 'text!',
        run_id: 'text',
        run_link: 'text',
        description: 'text',
        tags: 'tags',
      },
      createVersion,
    ),
  },
  '/model-versions/get': {
    GET: route(VERSION, (database, { name, version }) => getVersion(database, name, version)),
  },
  '/model-versions/get-download-uri': {
    GET: route(VERSION, (database, { name, version }) => getDownloadUri(database, name, version)),
  },
  '/model-versions/update': {
    PATCH: route({ ...VERSION, description: 'text' }, (database, { name, version, description }) =>
      updateVersion(database, name, version, description),
    ),
  },
  '/model-versions/delete': {
    DELETE: route(VERSION, (database, { name, version }) => deleteVersion(database, name, version)),
  },
  '/model-versions/search': {
    GET: route(SEARCH, (database, fields) =>
      searchVersions(database, {
        ...fields,
        max_results: atMost(fields.max_results, 200_000, 200_000),
      }),
    ),
  },
  '/model-versions/transition-stage': {
    POST: route({ ...VERSION, stage: 'text!', archive_existing_versions: 'flag' }, transitionStage),
  },
  '/model-versions/set-tag': {
    POST: route({ ...VERSION, key: 'text!', value: 'text' }, (database, fields) =>
      setVersionTag(database, { ...fields, value: fields.value ?? '' }),
    ),
  },
  '/model-versions/delete-tag': {
    DELETE: route({ ...VERSION, key: 'text!' }, deleteVersionTag),
  },
};

// ---------------------------------------------------------------------------------------------

function route<const Spec extends FieldSpec>(
  spec: Spec,
  act: (database: RegistryDatabase, fields: Fields<Spec>) => Answer,
): Route {
  return (source, database) => act(database, readFields(source, spec));
}

function atMost(value: number | undefined, fallback: number, limit: number): number {
  if (value !== undefined && value > limit) {
    throw invalid(`Invalid value for max_results. It must be at most ${limit}, but got ${value}`);
  }
  return value ?? fallback;
}
