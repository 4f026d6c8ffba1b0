import * as v from 'valibot';
import { assert } from '../../domain/assert.ts';
import type { DataSet, Evaluation, MeasuredValue } from '../../domain/evidence/evaluation.ts';
import { numberOf, type RowTable } from '../../domain/evidence/rows.ts';
import { together } from '../../domain/together.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvaluationReader } from '../../ports/evaluation-reader.ts';
import type { Identity } from '../../ports/identity.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { readFailure } from './mlflow-error.ts';
import { MLflowReader } from './mlflow-reader.ts';
import { RunTables } from './run-tables.ts';

/**
 * Evaluations over MLflow's REST API: the latest metrics of the run that logged a version, with the data sets that the
 * run has as inputs, and what MLflow 3 keeps of the logged model. The function that rolls back does not contain this.
 */
export class MLflowEvaluationReader implements EvaluationReader {
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #tables: RunTables;

  constructor(
    client: MLflowClient,
    { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
    address: string,
  ) {
    this.#client = client;
    this.#reader = new MLflowReader(client, clock, identity, address);
    this.#tables = new RunTables(client, this.#reader, identity, address);
  }

  async readEvaluation(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<Evaluation> {
    const call = 'model-versions/get';
    const query = new URLSearchParams({ name: modelName, version });
    const answer = await this.#reader.get(call, query, { modelName, deadline });
    if (answer.status !== 200) {
      throw this.#reader.error(readFailure(answer), call, modelName, version);
    }
    const row = this.#reader.parse(answer, call, parseVersion);
    assert(row.name === modelName && row.version === version, 'the answer is about what was asked');
    const [runId, modelId] = [row.run_id || null, row.model_id || null];
    const [ofRun, ofModel] = await together([
      runId === null ? [] : this.#ofRun(runId, deadline),
      modelId === null ? [] : this.#ofModel(modelId, deadline),
    ]);
    return {
      version,
      registeredAtMs: row.creation_timestamp,
      runId,
      modelId,
      values: [...ofModel, ...ofRun],
    };
  }

  async readTable(runId: string, path: string, deadline: Deadline): Promise<RowTable> {
    return await this.#tables.read(runId, path, deadline);
  }

  close(): void {
    this.#client.close();
  }

  async #ofRun(runId: string, deadline: Deadline): Promise<readonly MeasuredValue[]> {
    const query = new URLSearchParams({ run_id: runId });
    return await this.#reader.ask('runs/get', query, {
      modelName: null,
      deadline,
      parse: parseRun,
    });
  }

  async #ofModel(modelId: string, deadline: Deadline): Promise<readonly MeasuredValue[]> {
    const call = `logged-models/${encodeURIComponent(modelId)}`;
    const reading = { modelName: null, deadline, parse: parseModel };
    return await this.#reader.ask(call, new URLSearchParams(), reading);
  }
}

// ---------------------------------------------------------------------------------------------------

const text = v.optional(v.nullable(v.string()), '');
const time = v.optional(v.pipe(v.union([v.number(), v.string()]), v.transform(Number)), 0);

/** JSON has no NaN: MLflow writes such values as text. */
const metric = v.object({
  key: v.string(),
  value: v.optional(v.union([v.number(), v.string()]), 0),
  timestamp: time,
  dataset_name: text,
  dataset_digest: text,
});
const metrics = v.optional(v.array(metric), []);
const dataSetInput = v.object({
  tags: v.optional(v.array(v.object({ key: v.string(), value: text })), []),
  dataset: v.object({ name: text, digest: text }),
});

const oneVersion = v.object({
  model_version: v.object({
    name: v.string(),
    version: v.pipe(v.union([v.string(), v.number()]), v.transform(String)),
    creation_timestamp: time,
    run_id: text,
    model_id: text,
  }),
});
const oneRun = v.object({
  run: v.object({
    data: v.optional(v.object({ metrics }), {}),
    inputs: v.optional(v.object({ dataset_inputs: v.optional(v.array(dataSetInput), []) }), {}),
  }),
});
const oneModel = v.object({
  model: v.object({ data: v.optional(v.object({ metrics }), {}) }),
});

function parseVersion(json: string): v.InferOutput<typeof oneVersion>['model_version'] {
  return v.parse(oneVersion, JSON.parse(json)).model_version;
}

function parseRun(json: string): readonly MeasuredValue[] {
  const { data, inputs } = v.parse(oneRun, JSON.parse(json)).run;
  const sets = (inputs.dataset_inputs ?? []).flatMap(({ tags, dataset }) => {
    const context = tags.find(({ key }) => key === 'mlflow.data.context')?.value ?? '';
    const { name, digest } = dataset;
    return digest ? [{ isForTraining: /^train/i.test(context), name: name ?? '', digest }] : [];
  });
  // What a model learnt from is not what it was measured on, if there is anything else.
  const measuredOn = sets.filter(({ isForTraining }) => !isForTraining);
  const dataSets = (measuredOn.length > 0 ? measuredOn : sets).map(({ name, digest }) => ({
    name,
    digest,
  }));
  return (data.metrics ?? []).map((one) => measuredValue(one, dataSets));
}

function parseModel(json: string): readonly MeasuredValue[] {
  const { data } = v.parse(oneModel, JSON.parse(json)).model;
  return (data.metrics ?? []).map((one) => measuredValue(one, []));
}

/** The data set of a metric itself counts before those of its run. */
function measuredValue(
  { key, value, timestamp, dataset_name, dataset_digest }: v.InferOutput<typeof metric>,
  ofRun: readonly DataSet[],
): MeasuredValue {
  const dataSets = dataset_digest ? [{ name: dataset_name ?? '', digest: dataset_digest }] : ofRun;
  return { name: key, value: numberOf(value), atMs: timestamp, dataSets };
}
