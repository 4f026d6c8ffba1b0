/**
 * Sets registered models up for tests, against any server that speaks MLflow's REST API. It is
 * deliberately not the product's own client: a fault there must not hide itself here.
 */
import { setTimeout as delay } from 'node:timers/promises';

export type Stage = 'None' | 'Staging' | 'Production' | 'Archived';

export interface AdminVersion {
  readonly version: string;
  readonly stage: Stage;
  readonly status: string;
  readonly description: string;
  readonly lastUpdatedTimestamp: number;
  readonly tags: Readonly<Record<string, string>>;
}

interface WireVersion {
  readonly version: string | number;
  readonly current_stage: Stage;
  readonly status: string;
  readonly description?: string;
  readonly last_updated_timestamp: string | number;
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
}

interface WireRun {
  readonly run: { readonly info: { readonly run_id: string; readonly artifact_uri: string } };
}

interface WirePage {
  readonly model_versions?: readonly WireVersion[];
  readonly next_page_token?: string;
}

interface WireWebhook {
  readonly webhook: { readonly webhook_id: string };
}

interface WireWebhookTest {
  readonly result: { readonly response_status: number; readonly response_body: string };
}

const CALL_TIMEOUT_MS = 20_000;
const CLOCK_TIMEOUT_MS = 2_000;
const PAGE_SIZE = 1_000;
const RUN_STARTED_MS = 1_700_000_000_000;

/** A client of the model registry for the set-up and the judging of a test. */
export class MLflowAdmin {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    url: string,
    basicAuth?: { readonly username: string; readonly password: string },
    workspace?: string,
  ) {
    this.#url = url;
    const login = basicAuth && `${basicAuth.username}:${basicAuth.password}`;
    this.#headers = {
      'Content-Type': 'application/json',
      ...(workspace && { 'X-MLFLOW-WORKSPACE': workspace }),
      ...(login && { Authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    };
  }

  async createModel(name: string): Promise<void> {
    await this.#call('POST', 'registered-models/create', { name });
  }

  /** A login of its own, on a server that wants one. */
  async createUser(user: { readonly username: string; readonly password: string }): Promise<void> {
    await this.#call('POST', 'users/create', user);
  }

  /** Tags the registered model itself, over an older tag. */
  async tagModel(name: string, key: string, value: string): Promise<void> {
    await this.#call('POST', 'registered-models/set-tag', { name, key, value });
  }

  /** Gives the registered model, and so each of its versions, another name. */
  async rename(name: string, newName: string): Promise<void> {
    await this.#call('POST', 'registered-models/rename', { name, new_name: newName });
  }

  /** Points an alias at a version. */
  async setAlias(name: string, alias: string, version: string): Promise<void> {
    await this.#call('POST', 'registered-models/alias', { name, alias, version });
  }

  /** Removes an alias; one that is not set is no failure. */
  async deleteAlias(name: string, alias: string): Promise<void> {
    await this.#call('DELETE', 'registered-models/alias', { name, alias });
  }

  /** The version that each alias of a model names. */
  async aliases(name: string): Promise<Readonly<Record<string, string>>> {
    const query = new URLSearchParams({ name });
    const answer = await this.#call('GET', `registered-models/get?${query}`);
    const { registered_model: model } = answer as {
      readonly registered_model: {
        readonly aliases?: readonly { readonly alias: string; readonly version: string | number }[];
      };
    };
    const pairs = (model.aliases ?? []).map(({ alias, version }) => [alias, String(version)]);
    return Object.fromEntries(pairs);
  }

  /** A webhook for events such as `MODEL_VERSION_ALIAS.CREATED`, and its id. */
  async createWebhook(url: string, events: readonly string[], secret?: string): Promise<string> {
    const list = events.map((event) => {
      const [entity, action] = event.split('.');
      return { entity, action };
    });
    const wanted = { name: 'model-rollback', url, events: list, ...(secret && { secret }) };
    const { webhook } = (await this.#call('POST', 'webhooks', wanted)) as WireWebhook;
    return webhook.webhook_id;
  }

  /** Sends an example. @returns what the receiver answered */
  async testWebhook(id: string): Promise<{ readonly status: number; readonly body: string }> {
    const { result } = (await this.#call('POST', `webhooks/${id}/test`, {})) as WireWebhookTest;
    return { status: result.response_status, body: result.response_body };
  }

  async tagVersion(name: string, version: string, key: string, value: string): Promise<void> {
    await this.#call('POST', 'model-versions/set-tag', { name, version, key, value });
  }

  /** Creates the next version and returns its number as text. */
  async createVersion(name: string): Promise<string> {
    // A source outside the server's own store, so that no run has to exist.
    const source = `s3://models/${encodeURIComponent(name)}`;
    const answer = await this.#call('POST', 'model-versions/create', { name, source });
    return String((answer as { model_version: WireVersion }).model_version.version);
  }

  /** Moves a version to a stage; `archiveExisting` also archives those in that stage now. */
  async transition(
    name: string,
    version: string,
    stage: Stage,
    archiveExisting: boolean,
  ): Promise<AdminVersion> {
    const answer = await this.#call('POST', 'model-versions/transition-stage', {
      name,
      version,
      stage,
      archive_existing_versions: archiveExisting,
    });
    return fromWire((answer as { model_version: WireVersion }).model_version);
  }

  /** All versions of a model, oldest first. */
  async versions(name: string): Promise<readonly AdminVersion[]> {
    const quote = name.includes("'") ? '"' : "'";
    const query = new URLSearchParams({
      filter: `name=${quote}${name}${quote}`,
      max_results: String(PAGE_SIZE),
    });
    const found: AdminVersion[] = [];
    for (;;) {
      const answer = await this.#call('GET', `model-versions/search?${query}`);
      const page = answer as WirePage;
      found.push(...(page.model_versions ?? []).map(fromWire));
      if (!page.next_page_token) {
        return found.sort((a, b) => Number(a.version) - Number(b.version));
      }
      query.set('page_token', page.next_page_token);
    }
  }

  /** The versions in the stage Production, oldest first. */
  async liveVersions(name: string): Promise<readonly string[]> {
    const versions = await this.versions(name);
    return versions.filter(({ stage }) => stage === 'Production').map(({ version }) => version);
  }

  async setDescription(name: string, version: string, description: string): Promise<void> {
    await this.#call('PATCH', 'model-versions/update', { name, version, description });
  }

  async deleteVersion(name: string, version: string): Promise<void> {
    await this.#call('DELETE', 'model-versions/delete', { name, version });
  }

  /** Creates a run with what it measured, and returns its id. */
  async createRun(
    metrics: Readonly<Record<string, number>>,
    params: Readonly<Record<string, string>>,
  ): Promise<string> {
    const start = { experiment_id: '0', start_time: RUN_STARTED_MS };
    const { run } = (await this.#call('POST', 'runs/create', start)) as WireRun;
    const { run_id: runId } = run.info;
    const measured = Object.entries(metrics).map(([key, value]) => ({ key, value, timestamp: 1 }));
    const given = Object.entries(params).map(([key, value]) => ({ key, value }));
    await this.#call('POST', 'runs/log-batch', { run_id: runId, metrics: measured, params: given });
    return runId;
  }

  /** Creates the next version, and measures it afterwards: metrics of now, on a data set where a digest is given. */
  async createMeasuredVersion(
    name: string,
    metrics: Readonly<Record<string, number | 'NaN' | 'Infinity'>>,
    digest: string | null = 'd1',
  ): Promise<{ readonly version: string; readonly runId: string }> {
    const runId = await this.createRun({}, {});
    const source = `s3://models/${encodeURIComponent(name)}`;
    const wanted = { name, source, run_id: runId };
    const answer = await this.#call('POST', 'model-versions/create', wanted);
    const { version } = (answer as { model_version: WireVersion }).model_version;
    const measured = Object.entries(metrics).map(([key, value]) => ({
      key,
      value,
      timestamp: Date.now(),
    }));
    await this.#call('POST', 'runs/log-batch', { run_id: runId, metrics: measured });
    if (digest !== null) {
      const dataset = { name: 'backtest', digest, source_type: 'local', source: '{}' };
      const tags = [{ key: 'mlflow.data.context', value: 'eval' }];
      const training = { ...dataset, name: 'training', digest: `of ${runId}`.slice(0, 36) };
      const datasets = [
        { tags: [{ key: 'mlflow.data.context', value: 'training' }], dataset: training },
        { tags, dataset },
      ];
      await this.#call('POST', 'runs/log-inputs', { run_id: runId, datasets });
    }
    return { version: String(version), runId };
  }

  /** Puts a run into the trash. */
  async deleteRun(runId: string): Promise<void> {
    await this.#call('POST', 'runs/delete', { run_id: runId });
  }

  /** Removes a file of a run for good, as a clean-up of the storage does. */
  async deleteArtifact(runId: string, path: string): Promise<void> {
    const { run } = (await this.#call('GET', `runs/get?run_id=${runId}`)) as WireRun;
    const folder = run.info.artifact_uri.replace(/^mlflow-artifacts:\//, '');
    const url = `${this.#url}/api/2.0/mlflow-artifacts/artifacts/${folder}/${path}`;
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const gone = await fetch(url, { method: 'DELETE', headers: this.#headers, signal });
    if (!gone.ok) throw new Error(`DELETE ${url}: ${gone.status} ${await gone.text()}`);
  }

  /** Creates the next version from a run, whose model has the file MLmodel. */
  async createLoggedVersion(name: string, runId: string, mlmodel: string): Promise<string> {
    const source = `${await this.logArtifact(runId, 'model/MLmodel', mlmodel)}/model`;
    const wanted = { name, source, run_id: runId };
    const answer = await this.#call('POST', 'model-versions/create', wanted);
    return String((answer as { model_version: WireVersion }).model_version.version);
  }

  /** Logs a file among the artifacts of a run. @returns where these are */
  async logArtifact(runId: string, path: string, text: string): Promise<string> {
    const { run } = (await this.#call('GET', `runs/get?run_id=${runId}`)) as WireRun;
    const root = run.info.artifact_uri.replace(/^mlflow-artifacts:\//, '');
    const url = `${this.#url}/api/2.0/mlflow-artifacts/artifacts/${root}/${path}`;
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const stored = await fetch(url, { method: 'PUT', body: text, headers: this.#headers, signal });
    if (!stored.ok) throw new Error(`PUT ${url}: ${stored.status} ${await stored.text()}`);
    return run.info.artifact_uri;
  }

  /**
   * Creates a model with versions 1 to n that end in the given stages, and returns their numbers.
   *
   * Each version that ends in Archived or Production was promoted in its turn and displaced the one
   * before. Where Production is not the newest of them, it was put back, as by a rollback; a second
   * Production version was promoted without archiving the first.
   */
  async seedModel(name: string, stages: readonly Stage[]): Promise<readonly string[]> {
    await this.createModel(name);
    const versions: string[] = [];
    let live: string | null = null;
    for (const stage of stages) {
      const version = await this.createVersion(name);
      versions.push(version);
      if (stage === 'Staging') {
        await this.#transitionAlone(name, version, stage, false);
      } else if (stage !== 'None') {
        await this.#transitionAlone(name, version, 'Production', true);
        live = version;
      }
    }
    const wanted = versions.filter((_, index) => stages[index] === 'Production');
    if (live !== null && wanted.length === 0) {
      await this.#transitionAlone(name, live, 'Archived', false);
    }
    const isLiveWanted = live !== null && wanted.includes(live);
    for (const [index, version] of wanted.filter((version) => version !== live).entries()) {
      await this.#transitionAlone(name, version, 'Production', index === 0 && !isLiveWanted);
    }
    return versions;
  }

  /** Creates a prompt, with a version for each text, as MLflow's own client does. */
  async seedPrompt(name: string, texts: readonly string[]): Promise<void> {
    const isPrompt = { key: 'mlflow.prompt.is_prompt', value: 'true' };
    await this.#call('POST', 'registered-models/create', { name, tags: [isPrompt] });
    for (const value of texts) {
      const type = { key: '_mlflow_prompt_type', value: 'text' };
      const tags = [isPrompt, { key: 'mlflow.prompt.text', value }, type];
      // The server takes no other source for a prompt.
      await this.#call('POST', 'model-versions/create', { name, source: 'dummy-source', tags });
    }
  }

  /** No two transitions of a history fall into one millisecond, however fast the server is. */
  async #transitionAlone(
    name: string,
    version: string,
    stage: Stage,
    archiveExisting: boolean,
  ): Promise<void> {
    const moved = await this.transition(name, version, stage, archiveExisting);
    const deadline = performance.now() + CLOCK_TIMEOUT_MS;
    while (Date.now() <= moved.lastUpdatedTimestamp && performance.now() < deadline) {
      await delay(1);
    }
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/2.0/mlflow/${path}`, {
      method,
      // MLflow closes an idle connection after 5 s, which may meet the next call on it.
      headers: { ...this.#headers, connection: 'close' },
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    }
    return JSON.parse(text);
  }
}

function fromWire(wire: WireVersion): AdminVersion {
  return {
    version: String(wire.version),
    stage: wire.current_stage,
    status: wire.status,
    description: wire.description ?? '',
    lastUpdatedTimestamp: Number(wire.last_updated_timestamp),
    tags: Object.fromEntries((wire.tags ?? []).map(({ key, value }) => [key, value])),
  };
}
