import * as v from 'valibot';
import { assert } from '../../domain/assert.ts';
import { limits } from '../../domain/limits.ts';
import type { ModelAlias, ModelVersion } from '../../domain/registry/model.ts';
import { MarkKind, marksIn } from '../../domain/registry/rollback-mark.ts';
import type { VersionDetails } from '../../domain/registry/version-details.ts';
import type { Page } from './mlflow-reader.ts';

/** The parts of Unity Catalog's answers that we use. Numbers may come as text, as MLflow's client takes them. */
const whole = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^[0-9]{1,19}$/), v.transform(Number))]),
  v.integer(),
);
const time = v.optional(
  v.pipe(
    whole,
    v.transform((atMs) => Math.min(Math.max(atMs, 0), limits.dateMaxMs)),
  ),
  0,
);
const text = v.optional(v.nullable(v.string()), '');
const version = v.pipe(
  whole,
  v.check((number) => number >= 1 && number < 1e15),
  v.transform(String),
);
const tags = v.optional(v.array(v.object({ key: v.string(), value: text })), []);
const aliases = v.optional(v.array(v.object({ alias_name: v.string(), version_num: version })), []);

const versionInfo = v.object({
  catalog_name: v.string(),
  schema_name: v.string(),
  model_name: v.string(),
  version,
  status: v.optional(v.string(), 'READY'),
  created_at: time,
  updated_at: time,
  updated_by: text,
  comment: text,
  source: text,
  run_id: text,
  tags,
});
const versionList = v.object({
  model_versions: v.optional(v.array(versionInfo), []),
  next_page_token: text,
});
const ofVersion = v.object({
  aliases: v.optional(v.array(v.object({ alias_name: v.string() })), []),
});
const modelInfo = v.object({ full_name: v.string(), aliases });
const modelList = v.object({
  registered_models: v.optional(v.array(v.object({ full_name: v.string() })), []),
  next_page_token: text,
});

/** @throws when the text is no such list, or is about another model */
export function parseVersions(json: string, modelName: string): Page<ModelVersion> {
  const page = v.parse(versionList, JSON.parse(json));
  for (const row of page.model_versions) requireModel(row, modelName);
  return { rows: page.model_versions.map(toVersion), nextToken: page.next_page_token ?? '' };
}

/** @throws when the text is no version, or one of another model */
export function parseVersion(json: string, modelName: string): ModelVersion {
  return toVersion(requireModel(v.parse(versionInfo, JSON.parse(json)), modelName));
}

/** The aliases of one version. */
export function parseAliasesOf(json: string): readonly string[] {
  return v.parse(ofVersion, JSON.parse(json)).aliases.map((row) => row.alias_name);
}

/** What a version was made of, but for its run and its files. */
export function parseDetails(
  json: string,
  modelName: string,
): {
  readonly runId: string;
  readonly facts: Omit<VersionDetails, 'run' | 'signature' | 'unread'>;
} {
  const row = requireModel(v.parse(versionInfo, JSON.parse(json)), modelName);
  return {
    runId: row.run_id ?? '',
    facts: {
      version: row.version,
      createdAtMs: row.created_at,
      ...(row.updated_by ? { updatedBy: row.updated_by } : {}),
      description: row.comment ?? '',
      source: row.source ?? '',
      tags: Object.fromEntries(row.tags.map(({ key, value }) => [key, value ?? ''])),
      aliases: parseAliasesOf(json),
    },
  };
}

/** The aliases of a registered model. @throws when the text is about another one */
export function parseModel(json: string, modelName: string): readonly ModelAlias[] {
  const model = v.parse(modelInfo, JSON.parse(json));
  assert(model.full_name.toLowerCase() === modelName.toLowerCase(), 'the answer is about that');
  return model.aliases.map(({ alias_name: alias, version_num: named }) => ({
    alias,
    version: named,
  }));
}

/** Names of registered models. */
export function parseModels(json: string): Page<string> {
  const page = v.parse(modelList, JSON.parse(json));
  const rows = page.registered_models.map((row) => row.full_name);
  return { rows, nextToken: page.next_page_token ?? '' };
}

/** Keys of tags may not hold these characters there. */
export function unityTagKey(key: string): string {
  return key.replaceAll(/[.,\-=/:]/g, '_');
}

// ---------------------------------------------------------------------------------------------------

type VersionInfo = v.InferOutput<typeof versionInfo>;

/** Names are stored in lower case there, whatever case they are asked for in. */
function requireModel(row: VersionInfo, modelName: string): VersionInfo {
  const name = `${row.catalog_name}.${row.schema_name}.${row.model_name}`;
  assert(name.toLowerCase() === modelName.toLowerCase(), 'the answer is about what was asked');
  return row;
}

/** Our own keys, as they stand there. */
const kinds = new Map<string, string>(
  Object.values(MarkKind).map((kind) => [unityTagKey(kind), kind]),
);

function toVersion(row: VersionInfo): ModelVersion {
  const own = row.tags.map(({ key, value }) => ({
    key: kinds.get(key) ?? key,
    value: value ?? '',
  }));
  return {
    version: row.version,
    stage: 'None',
    status: row.status,
    createdAtMs: row.created_at,
    lastUpdatedAtMs: row.updated_at,
    ...(row.run_id ? { runId: row.run_id } : {}),
    ...(row.source ? { source: row.source } : {}),
    ...marksIn(own),
  };
}
