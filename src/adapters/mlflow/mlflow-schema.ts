import * as v from 'valibot';
import { assert } from '../../domain/assert.ts';
import { limits } from '../../domain/limits.ts';
import type { ModelPointers } from '../../domain/pointer/observe.ts';
import type { ModelAlias, ModelTag, ModelVersion } from '../../domain/registry/model.ts';
import { stagePointer } from '../../domain/registry/pointer.ts';
import { promptIn } from '../../domain/registry/prompt.ts';
import { marksIn } from '../../domain/registry/rollback-mark.ts';
import type { Page } from './mlflow-reader.ts';

/** The parts of MLflow's answers that we use; int64 may come as text, absent lists mean empty. */
const int64 = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^-?[0-9]{1,19}$/), v.transform(Number))]),
  v.integer(),
);

/** A change at a time that no date can hold is at the nearest one (epoch ms). */
const changeTime = v.pipe(
  int64,
  v.transform((atMs) => Math.min(Math.max(atMs, 0), limits.dateMaxMs)),
);
/** Such a time of creation says nothing. 0 is before everything, so what is known of the version counts. */
const creationTime = v.pipe(
  int64,
  v.transform((atMs) => (atMs < 0 || atMs > limits.dateMaxMs ? 0 : atMs)),
);

const tags = v.optional(
  v.array(v.object({ key: v.string(), value: v.optional(v.string(), '') })),
  [],
);

const modelVersion = v.object({
  name: v.string(),
  version: v.pipe(
    v.union([v.string(), v.pipe(v.number(), v.transform(String))]),
    v.regex(/^[1-9][0-9]{0,14}$/),
  ),
  creation_timestamp: v.optional(creationTime, 0),
  last_updated_timestamp: v.optional(changeTime, 0),
  current_stage: v.optional(v.string(), 'None'),
  status: v.optional(v.string(), 'READY'),
  run_id: v.optional(v.nullable(v.string()), ''),
  source: v.optional(v.nullable(v.string()), ''),
  tags,
});

const taggedModels = v.object({
  registered_models: v.optional(v.array(v.object({ name: v.string(), tags })), []),
  next_page_token: v.optional(v.string(), ''),
});
const taggedVersions = v.object({
  model_versions: v.optional(
    v.array(v.object({ name: v.string(), current_stage: v.optional(v.string(), 'None'), tags })),
    [],
  ),
  next_page_token: v.optional(v.string(), ''),
});

const versionList = v.object({
  model_versions: v.optional(v.array(modelVersion), []),
  next_page_token: v.optional(v.string(), ''),
});
const oneVersion = v.object({ model_version: modelVersion });
const aliasesOfModel = v.optional(
  v.array(
    v.object({
      alias: v.string(),
      version: v.union([v.string(), v.pipe(v.number(), v.transform(String))]),
    }),
  ),
  [],
);
const aliasesOfVersion = v.object({
  model_version: v.object({ aliases: v.optional(v.array(v.string()), []) }),
});
const registeredModel = v.object({
  registered_model: v.object({
    name: v.string(),
    latest_versions: v.optional(v.array(v.unknown()), []),
    aliases: aliasesOfModel,
  }),
});

const pointedModels = v.object({
  registered_models: v.optional(
    v.array(
      v.object({
        name: v.string(),
        aliases: aliasesOfModel,
        latest_versions: v.optional(v.array(modelVersion), []),
      }),
    ),
    [],
  ),
  next_page_token: v.optional(v.string(), ''),
});

/**
 * A list of versions, without rows of other models: old servers ignore some malformed filters and send
 * everything.
 * @throws when the text is no such list
 */
export function parseVersionPage(text: string, modelName: string): Page<ModelVersion> {
  const page = v.parse(versionList, JSON.parse(text));
  const rows = page.model_versions.filter((row) => row.name === modelName).map(toModelVersion);
  return { rows, nextToken: page.next_page_token };
}

/** @throws when the text is no such answer, or is about another version */
export function parseVersion(text: string, modelName: string, version: string): ModelVersion {
  const { model_version: row } = v.parse(oneVersion, JSON.parse(text));
  assert(row.name === modelName && row.version === version, 'the answer is about what was asked');
  return toModelVersion(row);
}

/** The version that an alias names. @throws when the text is no such answer, or is about another model */
export function parseAliased(text: string, modelName: string): ModelVersion {
  const { model_version: row } = v.parse(oneVersion, JSON.parse(text));
  assert(row.name === modelName, 'the answer is about what was asked');
  return toModelVersion(row);
}

/** The aliases of one version. */
export function parseAliasesOf(text: string): readonly string[] {
  return v.parse(aliasesOfVersion, JSON.parse(text)).model_version.aliases;
}

/**
 * The registered models that have the tag, or whose version in `liveStage` has it. Rows without it are
 * left out: a database may compare without regard to case, and old servers ignore some filters.
 * @throws when the text is no such list
 */
export function parseTagPage(text: string, tag: ModelTag, liveStage: string): Page<string> {
  const isTagged = (row: { readonly tags: readonly WireTag[] }): boolean =>
    row.tags.some(({ key, value }) => key === tag.key && value === tag.value);
  if (tag.of === 'model') {
    const page = v.parse(taggedModels, JSON.parse(text));
    const rows = page.registered_models.filter(isTagged);
    return { rows: rows.map(({ name }) => name), nextToken: page.next_page_token };
  }
  const page = v.parse(taggedVersions, JSON.parse(text));
  const live = page.model_versions.filter((row) => row.current_stage === liveStage);
  return { rows: live.filter(isTagged).map(({ name }) => name), nextToken: page.next_page_token };
}

/** What an answer about a registered model shows besides its versions. */
export interface ModelFacts {
  readonly aliases: readonly ModelAlias[];
  readonly hasVersions: boolean;
}

/** @throws when the text is not about a registered model */
export function parseModel(text: string): ModelFacts {
  const { registered_model: model } = v.parse(registeredModel, JSON.parse(text));
  return { aliases: model.aliases, hasVersions: model.latest_versions.length > 0 };
}

/**
 * Registered models with what their pointers name.
 * @throws when the text is no such list
 */
export function parsePointersPage(text: string): Page<ModelPointers> {
  const page = v.parse(pointedModels, JSON.parse(text));
  const rows = page.registered_models.map(({ name, aliases: named, latest_versions: latest }) => ({
    modelName: name,
    aliases: named,
    staged: latest.find((row) => row.current_stage === stagePointer.stage)?.version ?? null,
  }));
  return { rows, nextToken: page.next_page_token };
}

// ---------------------------------------------------------------------------------------------------

interface WireTag {
  readonly key: string;
  readonly value: string;
}

function toModelVersion(row: v.InferOutput<typeof modelVersion>): ModelVersion {
  return {
    version: row.version,
    stage: row.current_stage,
    status: row.status,
    createdAtMs: row.creation_timestamp,
    lastUpdatedAtMs: row.last_updated_timestamp,
    ...(row.run_id === '' || row.run_id === null ? {} : { runId: row.run_id }),
    ...(row.source === '' || row.source === null ? {} : { source: row.source }),
    ...marksIn(row.tags),
    ...promptIn(row.tags),
  };
}
