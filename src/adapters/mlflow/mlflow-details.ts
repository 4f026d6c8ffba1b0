import * as v from 'valibot';
import { assert } from '../../domain/assert.ts';
import { isModelRollbackError, messageOf, RegistryRefusedError } from '../../domain/errors.ts';
import type {
  ModelSignature,
  RunDetails,
  VersionDetails,
} from '../../domain/registry/version-details.ts';
import { together } from '../../domain/together.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { readFailure } from './mlflow-error.ts';
import type { MLflowReader } from './mlflow-reader.ts';
import { signatureIn } from './mlmodel.ts';

/** What MLflow's servers show of what a version was made of. Every call may throw errors of ours. */
export class MLflowDetails {
  readonly #reader: MLflowReader;

  constructor(reader: MLflowReader) {
    this.#reader = reader;
  }

  /** The version, with its run and its signature as far as they can be read. */
  async ofVersion(modelName: string, version: string, deadline: Deadline): Promise<VersionDetails> {
    const call = 'model-versions/get';
    const query = new URLSearchParams({ name: modelName, version });
    const answer = await this.#reader.get(call, query, { modelName, deadline });
    if (answer.status !== 200) {
      throw this.#reader.error(readFailure(answer), call, modelName, version);
    }
    const { row, facts } = this.#reader.parse(answer, call, parseFacts);
    assert(row.name === modelName && row.version === version, 'the answer is about what was asked');
    const [run, logged, signature] = await together([
      attempt('run', row.run_id === '' ? null : this.run(row.run_id, deadline)),
      attempt('run', row.model_id === '' ? null : this.#logged(row.model_id, deadline)),
      attempt('signature', this.signature(modelName, version, deadline)),
    ]);
    const metrics = { ...run.value?.metrics, ...logged.value?.metrics };
    const params = { ...run.value?.params, ...logged.value?.params };
    return {
      ...facts,
      run: run.value === null ? null : { ...run.value, metrics, params },
      signature: signature.value,
      unread: [run, logged, signature].flatMap(({ unread }) => (unread === null ? [] : [unread])),
    };
  }

  /** @throws RegistryRefusedError also for a run that was removed for good */
  async run(runId: string, deadline: Deadline): Promise<RunDetails> {
    const query = new URLSearchParams({ run_id: runId });
    const reading = { modelName: null, deadline, parse: parseRun };
    const run = await this.#reader.ask('runs/get', query, reading);
    assert(run.runId === runId, 'the answer is about what was asked');
    return run;
  }

  /** Null when the model declares none. */
  async signature(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<ModelSignature | null> {
    const file = await this.#reader.file(modelName, version, 'MLmodel', deadline);
    try {
      return signatureIn(file);
    } catch (cause) {
      throw new RegistryRefusedError(
        `The signature in the file MLmodel of version ${version} is not what MLflow writes.`,
        { cause },
      );
    }
  }

  /** What MLflow 3 keeps of a model beside its run. */
  async #logged(
    modelId: string,
    deadline: Deadline,
  ): Promise<Pick<RunDetails, 'metrics' | 'params'>> {
    const reading = { modelName: null, deadline, parse: parseLogged };
    const call = `logged-models/${encodeURIComponent(modelId)}`;
    return await this.#reader.ask(call, new URLSearchParams(), reading);
  }
}

// ---------------------------------------------------------------------------------------------------

const text = v.optional(v.nullable(v.string()), '');
const pairs = v.optional(v.array(v.object({ key: v.string(), value: text })), []);
/** JSON has no NaN: MLflow writes such values as text. */
const metrics = v.optional(
  v.array(v.object({ key: v.string(), value: v.optional(v.union([v.number(), v.string()]), 0) })),
  [],
);
const time = v.optional(v.pipe(v.union([v.number(), v.string()]), v.transform(Number)));

const versionFacts = v.object({
  model_version: v.object({
    name: v.string(),
    version: v.pipe(v.union([v.string(), v.number()]), v.transform(String)),
    creation_timestamp: time,
    description: text,
    source: text,
    run_id: text,
    model_id: text,
    tags: pairs,
    aliases: v.optional(v.array(v.string()), []),
  }),
});
const oneRun = v.object({
  run: v.object({
    info: v.object({ run_id: v.string(), start_time: time, lifecycle_stage: text }),
    data: v.optional(v.object({ metrics, params: pairs }), {}),
  }),
});
const oneLogged = v.object({
  model: v.object({ data: v.optional(v.object({ metrics, params: pairs }), {}) }),
});

function parseFacts(json: string) {
  const { model_version: row } = v.parse(versionFacts, JSON.parse(json));
  const facts = {
    version: row.version,
    createdAtMs: row.creation_timestamp ?? 0,
    description: row.description ?? '',
    source: row.source ?? '',
    tags: recordOf(row.tags),
    aliases: row.aliases,
  };
  return { row: { ...row, run_id: row.run_id ?? '', model_id: row.model_id ?? '' }, facts };
}

function parseRun(json: string): RunDetails {
  const { info, data } = v.parse(oneRun, JSON.parse(json)).run;
  return {
    runId: info.run_id,
    isDeleted: info.lifecycle_stage === 'deleted',
    startedAtMs: info.start_time === undefined || info.start_time <= 0 ? null : info.start_time,
    ...valuesOf(data),
  };
}

function parseLogged(json: string): Pick<RunDetails, 'metrics' | 'params'> {
  return valuesOf(v.parse(oneLogged, JSON.parse(json)).model.data);
}

function valuesOf(
  data: v.InferOutput<typeof oneRun>['run']['data'],
): Pick<RunDetails, 'metrics' | 'params'> {
  const measured = (data.metrics ?? []).map(({ key, value }) => [key, value] as const);
  return { metrics: Object.fromEntries(measured), params: recordOf(data.params ?? []) };
}

function recordOf(
  rows: readonly { readonly key: string; readonly value: string | null }[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value ?? '']));
}

interface Attempt<T> {
  readonly value: T | null;
  readonly unread: VersionDetails['unread'][number] | null;
}

async function attempt<T>(
  what: 'run' | 'signature',
  reading: Promise<T> | null,
): Promise<Attempt<T>> {
  try {
    return { value: await reading, unread: null };
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    return { value: null, unread: { what, why: messageOf(error) } };
  }
}
