import * as v from 'valibot';
import { assert } from '../../domain/assert.ts';
import type { ModelVersion } from '../../domain/model.ts';

/** The parts of MLflow's answers that we use; int64 may come as text, absent lists mean empty. */
const int64 = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^[0-9]{1,15}$/), v.transform(Number))]),
  v.integer(),
);

const modelVersion = v.object({
  name: v.string(),
  version: v.pipe(
    v.union([v.string(), v.pipe(v.number(), v.transform(String))]),
    v.regex(/^[1-9][0-9]{0,14}$/),
  ),
  creation_timestamp: v.optional(int64, 0),
  last_updated_timestamp: v.optional(int64, 0),
  current_stage: v.optional(v.string(), 'None'),
  status: v.optional(v.string(), 'READY'),
});

const versionList = v.object({
  model_versions: v.optional(v.array(modelVersion), []),
  next_page_token: v.optional(v.string()),
});
const oneVersion = v.object({ model_version: modelVersion });
const registeredModel = v.object({ registered_model: v.object({ name: v.string() }) });

export interface VersionPage {
  readonly rows: readonly ModelVersion[];
  readonly hasMore: boolean;
}

/**
 * A list of versions, without rows of other models: old servers ignore some malformed filters and send
 * everything.
 * @throws when the text is no such list
 */
export function parseVersionPage(text: string, modelName: string): VersionPage {
  const page = v.parse(versionList, JSON.parse(text));
  const rows = page.model_versions.filter((row) => row.name === modelName).map(toModelVersion);
  return { rows, hasMore: (page.next_page_token ?? '') !== '' };
}

/** @throws when the text is no such answer, or is about another version */
export function parseVersion(text: string, modelName: string, version: string): ModelVersion {
  const { model_version: row } = v.parse(oneVersion, JSON.parse(text));
  assert(row.name === modelName && row.version === version, 'the answer is about what was asked');
  return toModelVersion(row);
}

/** @throws when the text does not tell of a registered model */
export function parseModel(text: string): void {
  v.parse(registeredModel, JSON.parse(text));
}

// ---------------------------------------------------------------------------------------------------

function toModelVersion(row: v.InferOutput<typeof modelVersion>): ModelVersion {
  return {
    version: row.version,
    stage: row.current_stage,
    status: row.status,
    createdAtMs: row.creation_timestamp,
    lastUpdatedAtMs: row.last_updated_timestamp,
  };
}
