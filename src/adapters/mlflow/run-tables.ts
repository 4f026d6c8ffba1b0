import * as v from 'valibot';
import {
  InvalidRequestError,
  type ModelRollbackError,
  messageOf,
  RegistryRefusedError,
} from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { columnsOfTable } from '../../domain/evidence/json-table.ts';
import type { RowTable } from '../../domain/evidence/rows.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import { AnswerTooLargeError, type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { noAnswerError, readFailure } from './mlflow-error.ts';
import type { MLflowReader } from './mlflow-reader.ts';

/** Tables among the artifacts of runs, as MLflow's own pages get them: the server reads them from their store. */
export class RunTables {
  readonly #client: MLflowClient;
  readonly #reader: MLflowReader;
  readonly #identity: Identity;
  readonly #address: string;

  constructor(client: MLflowClient, reader: MLflowReader, identity: Identity, address: string) {
    this.#client = client;
    this.#reader = reader;
    this.#identity = identity;
    this.#address = address;
  }

  async read(runId: string, path: string, deadline: Deadline): Promise<RowTable> {
    const name = escapeText(`runs:/${runId}/${path}`);
    const answer = await this.#get(runId, path, { name, deadline });
    if (answer.status !== 200) throw await this.#error(answer, { runId, path, name, deadline });
    try {
      const columns = columnsOfTable(answer.text);
      return { name, sha256: this.#identity.digest(answer.text), columns };
    } catch (cause) {
      const why = escapeText(messageOf(cause));
      throw new InvalidRequestError(`${name} cannot be read as a table: ${why}.`, { cause });
    }
  }

  async #get(
    run_uuid: string,
    path: string,
    { name, deadline }: { readonly name: string; readonly deadline: Deadline },
  ): Promise<HttpAnswer> {
    const query = new URLSearchParams({ run_uuid, path }).toString().replaceAll('+', '%20');
    try {
      return await this.#client.send('GET', `/${call}?${query}`, null, deadline);
    } catch (error) {
      if (error instanceof AnswerTooLargeError) {
        throw new InvalidRequestError(`${name} is too large: ${error.message}. ${downloadAdvice}`);
      }
      throw error instanceof NoAnswerError ? noAnswerError(error, call, this.#address) : error;
    }
  }

  /** Some releases answer 500 for what is not there, so the list of artifacts decides. */
  async #error(answer: HttpAnswer, asked: Asked): Promise<ModelRollbackError> {
    const failure = readFailure(answer);
    const { runId, path, name, deadline } = asked;
    if (failure.status === 401 || failure.status === 403) {
      return this.#reader.error(failure, call, null);
    }
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const query = new URLSearchParams({ run_id: runId, ...(folder && { path: folder }) });
    const reading = { modelName: null, deadline, parse: parseFiles };
    const files = await this.#reader.ask('artifacts/list', query, reading);
    if (!files.includes(path)) {
      const tables = files.filter((file) => file.endsWith('.json')).slice(0, 10);
      const known = tables.length === 0 ? 'no table (.json)' : tables.map(escapeText).join(', ');
      return new InvalidRequestError(
        `There is no ${name}; the run has ${known} there. Log a table with mlflow.log_table, or pass the path of another.`,
      );
    }
    return new RegistryRefusedError(
      `The registry ${this.#address} answered ${failure.status} to ${call} for ${name}, which it lists: it may not be ` +
        `able to read the store of the artifacts (${failure.message}). ${downloadAdvice}`,
    );
  }
}

// ---------------------------------------------------------------------------------------------------

interface Asked {
  readonly runId: string;
  readonly path: string;
  readonly name: string;
  readonly deadline: Deadline;
}

const call = 'get-artifact';

const downloadAdvice =
  'Download both tables (mlflow artifacts download) and pass the files with --champion-rows and --challenger-rows.';

const listShape = v.object({
  files: v.optional(
    v.array(v.object({ path: v.string(), is_dir: v.optional(v.boolean(), false) })),
    [],
  ),
});

function parseFiles(json: string): readonly string[] {
  const { files } = v.parse(listShape, JSON.parse(json));
  return files.filter(({ is_dir: isFolder }) => !isFolder).map(({ path }) => path);
}
