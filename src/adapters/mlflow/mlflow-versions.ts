import { RegistryRefusedError } from '../../domain/errors.ts';
import { deletedVersion, type ModelAlias, type ModelVersion } from '../../domain/registry/model.ts';
import { promptTag } from '../../domain/registry/prompt.ts';
import { together } from '../../domain/together.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { isMissing, isNameRefused, readFailure } from './mlflow-error.ts';
import type { MLflowReader, Page } from './mlflow-reader.ts';
import {
  type ModelFacts,
  parseAliased,
  parseAliasesOf,
  parseModel,
  parseVersion,
  parseVersionPage,
} from './mlflow-schema.ts';

/** Which versions of a registered model a search is for. */
export interface VersionSearch {
  /** Only versions below this one; null: all. */
  readonly below: string | null;
  readonly orderBy: 'last_updated_timestamp DESC' | 'version_number DESC';
  readonly rowsMax: number;
  /** `nextToken` of the page before; empty for the first. */
  readonly token: string;
}

/** `clockSkewMs`: our clock less the registry's (ms); null when it does not say. */
export type VersionPage = Page<ModelVersion> & { readonly clockSkewMs: number | null };

/** Before the server's token of a page that shows prompts. Its own tokens are base64. */
const promptPage = 'prompt:';

/** What an alias names. */
export interface NamedVersion {
  readonly row: ModelVersion | null;
  /** Our clock less the registry's at the moment of its answer (ms); null when it does not say. */
  readonly clockSkewMs: number | null;
}

/** What MLflow's REST API shows of one registered model. Every call may throw errors of ours. */
export class MLflowVersions {
  readonly #reader: MLflowReader;
  readonly #address: string;

  constructor(reader: MLflowReader, address: string) {
    this.#reader = reader;
    this.#address = address;
  }

  /** MLflow hides prompts from a search that does not ask for them, and shows nothing else to one that does. */
  async search(modelName: string, search: VersionSearch, deadline: Deadline): Promise<VersionPage> {
    if (!search.token.startsWith(promptPage)) {
      const page = await this.#search(modelName, search, '', deadline);
      const isOver = search.token !== '' || page.rows.length > 0 || page.nextToken !== '';
      if (isOver) return page;
    }
    const token = search.token.slice(promptPage.length);
    const isPrompt = ` AND tags.\`${promptTag.key}\` = ${quoted(promptTag.value)}`;
    const page = await this.#search(modelName, { ...search, token }, isPrompt, deadline);
    return { ...page, nextToken: page.nextToken === '' ? '' : `${promptPage}${page.nextToken}` };
  }

  async #search(
    modelName: string,
    { below, orderBy, rowsMax, token }: VersionSearch,
    tagFilter: string,
    deadline: Deadline,
  ): Promise<VersionPage> {
    const older = below === null ? '' : ` AND version_number < ${below}`;
    const query = new URLSearchParams({
      filter: `name = ${quoted(modelName)}${older}${tagFilter}`,
      max_results: String(rowsMax),
      order_by: orderBy,
      ...(token === '' ? {} : { page_token: token }),
    });
    const parse = (text: string): Page<ModelVersion> => parseVersionPage(text, modelName);
    const reading = { modelName, deadline, parse };
    return await this.#reader.list('model-versions/search', query, rowsMax, reading);
  }

  /**
   * A search found nothing: the model does not exist (an empty list, not 404), it has no version, or its
   * versions are hidden from this login.
   * @param hasMore the search said that more follow, and showed none
   * @throws ModelNotFoundError, RegistryRefusedError
   */
  async explainNothing(
    modelName: string,
    { hasMore }: { readonly hasMore: boolean },
    deadline: Deadline,
  ): Promise<void> {
    const call = 'model-versions/get';
    const query = new URLSearchParams({ name: modelName, version: '1' });
    const [{ hasVersions }, first] = await together([
      this.#model(modelName, modelName, deadline),
      this.#reader.get(call, query, { modelName, deadline }),
    ]);
    const isHidden = first.status === 403 || first.status === 200;
    if (!hasMore && !hasVersions && !isHidden) return;
    throw new RegistryRefusedError(
      `The registry ${this.#address} has the registered model ${JSON.stringify(modelName)} and shows none of ` +
        'its versions: they are hidden from this login. This login needs the permission READ on the versions ' +
        'of the registered model, too.',
    );
  }

  /** Null when it does not exist. */
  async find(modelName: string, version: string, deadline: Deadline): Promise<ModelVersion | null> {
    return await this.#getVersion(modelName, version, deadline, (text) =>
      parseVersion(text, modelName, version),
    );
  }

  /** None when the version does not exist. */
  async aliasesOf(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<readonly string[]> {
    return (await this.#getVersion(modelName, version, deadline, parseAliasesOf)) ?? [];
  }

  /** The highest version in a stage; null when there is none. */
  async latestIn(
    modelName: string,
    stage: string,
    deadline: Deadline,
  ): Promise<ModelVersion | null> {
    const call = 'registered-models/get-latest-versions';
    const query = new URLSearchParams({ name: modelName, stages: stage });
    const parse = (text: string): Page<ModelVersion> => parseVersionPage(text, modelName);
    const { rows } = await this.#reader.ask(call, query, { modelName, deadline, parse });
    return rows.find((row) => row.stage === stage) ?? null;
  }

  /**
   * What an alias names. A version that was deleted may still be named, in MLflow to 3.5.1 after every such
   * delete and later by a race: its row then says so.
   * @returns row null for an alias that is not set; servers before 3 answer the same for a missing model
   * @throws ModelNotFoundError
   */
  async named(modelName: string, alias: string, deadline: Deadline): Promise<NamedVersion> {
    const call = 'registered-models/alias';
    const query = new URLSearchParams({ name: modelName, alias });
    const answer = await this.#reader.get(call, query, { modelName, deadline });
    const { clockSkewMs } = answer;
    if (answer.status === 200) {
      const row = this.#reader.parse(answer, call, (text) => parseAliased(text, modelName));
      return { row, clockSkewMs };
    }
    const failure = readFailure(answer);
    const isUnset =
      failure.errorCode === 'INVALID_PARAMETER_VALUE' &&
      /alias .* not found/is.test(failure.message);
    if (isUnset) return { row: null, clockSkewMs };
    if (!isMissing(failure)) {
      throw this.#reader.error(failure, call, modelName);
    }
    // The version is gone, or the model: a slow call, made in such trouble only.
    const { aliases } = await this.#model(modelName, modelName, deadline);
    const named = aliases.find((one) => one.alias === alias);
    return { row: named === undefined ? null : deletedVersion(named.version), clockSkewMs };
  }

  /** All aliases of a model that was seen to exist. */
  async aliases(modelName: string, deadline: Deadline): Promise<readonly ModelAlias[]> {
    return (await this.#model(modelName, null, deadline)).aliases;
  }

  /** @param about null for a model that exists: a refusal is not about that */
  async #model(modelName: string, about: string | null, deadline: Deadline): Promise<ModelFacts> {
    const query = new URLSearchParams({ name: modelName });
    const reading = { modelName: about, deadline, parse: parseModel };
    return await this.#reader.ask('registered-models/get', query, reading);
  }

  /** Null when the version does not exist. */
  async #getVersion<T>(
    modelName: string,
    version: string,
    deadline: Deadline,
    parse: (text: string) => T,
  ): Promise<T | null> {
    const call = 'model-versions/get';
    const query = new URLSearchParams({ name: modelName, version });
    const answer = await this.#reader.get(call, query, { modelName, deadline });
    if (answer.status === 200) return this.#reader.parse(answer, call, parse);
    const failure = readFailure(answer);
    // 400: a number that the registry cannot hold.
    const isAbsent =
      isMissing(failure) ||
      (failure.errorCode === 'INVALID_PARAMETER_VALUE' && !isNameRefused(failure));
    if (isAbsent) return null;
    throw this.#reader.error(failure, call, modelName, version);
  }
}

/** MLflow's filters know no escape: the quote that the text does not hold (both are refused earlier). */
export function quoted(text: string): string {
  const quote = text.includes("'") ? '"' : "'";
  return `${quote}${text}${quote}`;
}
