import { ModelNotFoundError, RegistryRefusedError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  compareVersions,
  isOlder,
  type ModelAlias,
  type ModelVersion,
} from '../../domain/registry/model.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { HttpAnswer } from './http-exchange.ts';
import { isMissing, readFailure } from './mlflow-error.ts';
import type { MLflowReader, Page } from './mlflow-reader.ts';
import type { NamedVersion, VersionPage, VersionSearch } from './mlflow-versions.ts';
import {
  parseAliasesOf,
  parseModel,
  parseModels,
  parseVersion,
  parseVersions,
} from './unity-schema.ts';

/** What Unity Catalog's REST API shows of one registered model. Every call may throw errors of ours. */
export class UnityVersions {
  readonly #reader: MLflowReader;
  readonly #address: string;

  constructor(reader: MLflowReader, address: string) {
    this.#reader = reader;
    this.#address = address;
  }

  /**
   * Its lists have no order, no filter, and pages with nothing on them: all is read, to a bound.
   * @throws ModelNotFoundError
   */
  async search(
    modelName: string,
    { below, orderBy }: VersionSearch,
    deadline: Deadline,
  ): Promise<VersionPage> {
    const query = new URLSearchParams();
    const parse = (text: string): Page<ModelVersion> => parseVersions(text, modelName);
    const reading = { modelName, deadline, parse };
    const call = `${this.#path(modelName)}/versions`;
    const rows: ModelVersion[] = [];
    let clockSkewMs: number | null = null;
    let nextToken = '';
    for (let pages = 1; pages <= limits.unityPagesMax; pages += 1) {
      const page = await this.#reader.list(call, query, limits.unityPageRows, reading);
      rows.push(...page.rows);
      ({ nextToken, clockSkewMs } = page);
      if (nextToken === '') break;
      query.set('page_token', nextToken);
    }
    const wanted = below === null ? rows : rows.filter((row) => isOlder(row.version, below));
    const byNumber = wanted.toSorted((a, b) => compareVersions(a.version, b.version));
    const ordered =
      orderBy === 'version_number DESC'
        ? byNumber
        : byNumber.toSorted((a, b) => b.lastUpdatedAtMs - a.lastUpdatedAtMs);
    return { rows: ordered, nextToken, clockSkewMs };
  }

  /** Only a model that exists has an empty list. */
  async explainNothing(): Promise<void> {
    // Nothing is hidden from a login that may read the model.
  }

  /** With its tags, which no list has; null when it does not exist. */
  async find(modelName: string, version: string, deadline: Deadline): Promise<ModelVersion | null> {
    return await this.#version(modelName, version, deadline, (text) =>
      parseVersion(text, modelName),
    );
  }

  /** None when the version does not exist. */
  async aliasesOf(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<readonly string[]> {
    return (await this.#version(modelName, version, deadline, parseAliasesOf)) ?? [];
  }

  /** What an alias names: it goes with its version when that is deleted. */
  async named(modelName: string, alias: string, deadline: Deadline): Promise<NamedVersion> {
    const call = `${this.#path(modelName)}/aliases/${encodeURIComponent(alias)}`;
    const answer = await this.#reader.get(call, withAliases(), { modelName, deadline });
    const { clockSkewMs } = answer;
    if (answer.status === 200) {
      const row = this.#reader.parse(answer, call, (text) => parseVersion(text, modelName));
      return { row, clockSkewMs };
    }
    const failure = readFailure(answer);
    if (!isMissing(failure)) throw this.#reader.error(failure, call, modelName);
    // The alias is not set, or the model does not exist.
    const aliases = await this.aliases(modelName, deadline);
    if (aliases.some((one) => one.alias === alias)) {
      throw new RegistryRefusedError(
        `The registry ${this.#address} lists the alias ${alias} of ${modelName}, and does not show what it names ` +
          `(${failure.message}). Try again; if that does not help, set the alias again in Databricks.`,
      );
    }
    return { row: null, clockSkewMs };
  }

  /** @throws ModelNotFoundError */
  async aliases(modelName: string, deadline: Deadline): Promise<readonly ModelAlias[]> {
    const parse = (text: string): readonly ModelAlias[] => parseModel(text, modelName);
    return await this.#reader.ask(this.#path(modelName), withAliases(), {
      modelName,
      deadline,
      parse,
    });
  }

  /** Names of registered models, as far as this login may read them. */
  async names(from: string | null, rowsMax: number, deadline: Deadline): Promise<Page<string>> {
    const query = new URLSearchParams(from === null ? {} : { page_token: from });
    const reading = { modelName: null, deadline, parse: parseModels };
    return await this.#reader.list('models', query, rowsMax, reading);
  }

  /** The answer about one version, whatever it is. */
  async get(modelName: string, version: string, deadline: Deadline): Promise<HttpAnswer> {
    const call = this.#versionPath(modelName, version);
    return await this.#reader.get(call, withAliases(), { modelName, deadline });
  }

  /** Null when the version does not exist. */
  async #version<T>(
    modelName: string,
    version: string,
    deadline: Deadline,
    parse: (text: string) => T,
  ): Promise<T | null> {
    const answer = await this.get(modelName, version, deadline);
    const call = this.#versionPath(modelName, version);
    if (answer.status === 200) return this.#reader.parse(answer, call, parse);
    const failure = readFailure(answer);
    // 400: a number that it cannot hold.
    if (isMissing(failure) || failure.errorCode === 'INVALID_PARAMETER_VALUE') return null;
    throw this.#reader.error(failure, call, modelName, version);
  }

  #versionPath(modelName: string, version: string): string {
    return `${this.#path(modelName)}/versions/${encodeURIComponent(version)}`;
  }

  /** @throws ModelNotFoundError for a name that no model there can have */
  #path(modelName: string): string {
    if (/^[^./\s]+\.[^./\s]+\.[^./\s]+$/u.test(modelName)) return unityPath(modelName);
    throw new ModelNotFoundError(
      `The registry ${this.#address} has no registered model of this name (${JSON.stringify(modelName)}): models in ` +
        'Unity Catalog are named catalog.schema.model. Check model_name.',
    );
  }
}

/** Of a registered model, below the root of the API. */
export function unityPath(modelName: string): string {
  return `models/${encodeURIComponent(modelName)}`;
}

// ---------------------------------------------------------------------------------------------------

/** Without this its answers have none. */
function withAliases(): URLSearchParams {
  return new URLSearchParams({ include_aliases: 'true' });
}
