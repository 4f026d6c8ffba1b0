/**
 * Stands for a workspace of Databricks with Unity Catalog, which nobody can run here: written from the pages of its
 * REST API and from MLflow's own client for it. Its lists have no order, no tags and no aliases, and pages with
 * nothing on them, as those pages say.
 */
import type { ProxiedRequest, ProxyAct } from '../contract/http-proxy.ts';

export interface UnityLogin {
  readonly token: string;
  readonly user: string;
}

interface StubVersion {
  readonly version: number;
  readonly createdAtMs: number;
  updatedAtMs: number;
  updatedBy: string;
  status: string;
  runId: string;
  readonly tags: Map<string, string>;
}

interface StubModel {
  readonly fullName: string;
  owner: string;
  next: number;
  readonly versions: Map<number, StubVersion>;
  readonly aliases: Map<string, number>;
}

const pageRows = 100;

export class UnityCatalog {
  readonly client: { readonly id: string; readonly secret: string } = {
    id: 'service-principal-1',
    secret: 'client-secret "1"',
  };
  readonly owner: UnityLogin = { token: 'dapi-owner-1', user: 'ada@example.com' };
  readonly reader: UnityLogin = { token: 'dapi-reader-1', user: 'bob@example.com' };
  readonly runs: Map<string, object> = new Map();
  /** Of a token by OAuth. */
  tokenSeconds = 3_600;
  tokensGiven = 0;
  readonly #models = new Map<string, StubModel>();
  /** Who each token is. */
  readonly #tokens = new Map<string, string>();
  #nowMs = Date.UTC(2026, 10, 23);

  constructor() {
    for (const { token, user } of [this.owner, this.reader]) this.#tokens.set(token, user);
  }

  /** Creates a model with versions 1 to n. */
  seed(fullName: string, count: number): void {
    const model = this.#models.get(fullName) ?? {
      fullName,
      owner: this.owner.user,
      next: 1,
      versions: new Map<number, StubVersion>(),
      aliases: new Map<string, number>(),
    };
    this.#models.set(fullName, model);
    for (let index = 0; index < count; index += 1) {
      const atMs = this.#tick();
      model.versions.set(model.next, {
        version: model.next,
        createdAtMs: atMs,
        updatedAtMs: atMs,
        updatedBy: this.owner.user,
        status: 'READY',
        runId: '',
        tags: new Map(),
      });
      model.next += 1;
    }
  }

  version(fullName: string, version: string): StubVersion {
    const found = this.#models.get(fullName)?.versions.get(Number(version));
    if (found === undefined) throw new Error(`no version ${version} of ${fullName}`);
    return found;
  }

  setAlias(fullName: string, alias: string, version: string): void {
    this.#models.get(fullName)?.aliases.set(alias, Number(version));
  }

  /** Its aliases go with it. */
  deleteVersion(fullName: string, version: string): void {
    const model = this.#models.get(fullName);
    model?.versions.delete(Number(version));
    for (const [alias, named] of model?.aliases ?? []) {
      if (named === Number(version)) model?.aliases.delete(alias);
    }
  }

  rename(fullName: string, newName: string): void {
    const model = this.#models.get(fullName);
    if (model === undefined) return;
    this.#models.delete(fullName);
    this.#models.set(newName, { ...model, fullName: newName });
  }

  /** No token that was given so far is accepted any more. */
  revokeTokens(): void {
    for (const token of [...this.#tokens.keys()]) {
      if (token.startsWith('oauth-')) this.#tokens.delete(token);
    }
  }

  answer(request: ProxiedRequest): ProxyAct {
    const url = new URL(request.path, 'http://stub');
    if (url.pathname === '/oidc/v1/token') return this.#giveToken(request);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const user = this.#tokens.get(token);
    if (user === undefined) return refusal(401, 'UNAUTHENTICATED', 'Credential was not accepted.');
    const { method } = request;
    const path = decodeURIComponent(url.pathname);
    const [, name, rest = ''] =
      /^\/api\/2\.1\/unity-catalog\/models(?:\/([^/]+)(.*))?$/.exec(path) ?? [];
    if (name !== undefined) return this.#model({ ...request, method, name, rest, user, url });
    if (path === '/api/2.1/unity-catalog/models') return this.#list(url);
    if (path === '/api/2.0/mlflow/unity-catalog/model-versions/set-tag')
      return this.#setTag(request);
    if (path === '/api/2.0/mlflow/runs/get') {
      const run = this.runs.get(url.searchParams.get('run_id') ?? '');
      return run === undefined ? missing('Run') : found({ run });
    }
    return refusal(404, 'ENDPOINT_NOT_FOUND', `No API found for '${method} ${path}'`);
  }

  #giveToken({ headers, body }: ProxiedRequest): ProxyAct {
    const { id, secret } = this.client;
    const login = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
    const form = Object.fromEntries(new URLSearchParams(body));
    if (form['grant_type'] !== 'client_credentials' || form['scope'] !== 'all-apis') {
      return { kind: 'answer', status: 400, body: '{"error":"unsupported_grant_type"}' };
    }
    if (headers.authorization !== login) {
      const said = { error: 'invalid_client', error_description: `not ${headers.authorization}` };
      return { kind: 'answer', status: 401, body: JSON.stringify(said) };
    }
    this.tokensGiven += 1;
    const token = `oauth-token-${this.tokensGiven}`;
    this.#tokens.set(token, this.owner.user);
    return found({ access_token: token, token_type: 'Bearer', expires_in: this.tokenSeconds });
  }

  #list(url: URL): ProxyAct {
    const names = [...this.#models.keys()].toSorted();
    const { rows, next } = pageOf(names, url);
    return found({ registered_models: rows.map((name) => ({ full_name: name })), ...next });
  }

  #model(asked: AskedModel): ProxyAct {
    const { method, name, rest, url, user } = asked;
    const model = this.#models.get(name);
    if (model === undefined) return missing(`Registered model '${name}'`);
    const hasAliases = url.searchParams.get('include_aliases') === 'true';
    const [, kind, which] = /^\/(versions|aliases)(?:\/([^/]+))?$/.exec(rest) ?? [];
    if (rest === '') {
      const aliases = [...model.aliases].map(([alias, named]) => ({
        alias_name: alias,
        version_num: named,
      }));
      const { fullName, owner } = model;
      return found({ full_name: fullName, owner, ...(hasAliases ? { aliases } : {}) });
    }
    if (kind === 'versions' && which === undefined) {
      // No order that anybody could rely on.
      const versions = [...model.versions.values()].toSorted(
        (a, b) => ((a.version * 7) % 11) - ((b.version * 7) % 11),
      );
      const { rows, next } = pageOf(versions, url);
      return found({ model_versions: rows.map((row) => infoOf(model, row, false)), ...next });
    }
    if (kind === 'aliases' && which !== undefined && method === 'PUT') {
      return this.#putAlias(model, which, user, asked.body);
    }
    const number = kind === 'aliases' ? model.aliases.get(which ?? '') : Number(which);
    const row = model.versions.get(number ?? 0);
    if (row === undefined) return missing(`${kind} ${which} of '${name}'`);
    return found(infoOf(model, row, hasAliases));
  }

  #putAlias(model: StubModel, alias: string, user: string, body: string): ProxyAct {
    if (user !== model.owner) {
      return refusal(
        403,
        'PERMISSION_DENIED',
        `User is not an owner of Model '${model.fullName}'.`,
      );
    }
    const { version_num: number } = JSON.parse(body) as { version_num?: unknown };
    if (typeof number !== 'number') return refusal(400, 'INVALID_PARAMETER_VALUE', 'version_num');
    if (!model.versions.has(number)) return missing(`Model version ${number}`);
    model.aliases.set(alias, number);
    return found({ alias_name: alias, version_num: number });
  }

  #setTag({ body }: ProxiedRequest): ProxyAct {
    const tag = JSON.parse(body) as Record<'name' | 'version' | 'key' | 'value', string>;
    const row = this.#models.get(tag.name)?.versions.get(Number(tag.version));
    if (row === undefined) return missing(`Model version ${tag.version}`);
    if (/[.,\-=/:]/.test(tag.key) || tag.value.length > 1_000) {
      return refusal(400, 'INVALID_PARAMETER_VALUE', `Tag key '${tag.key}' is not allowed.`);
    }
    row.tags.set(tag.key, tag.value);
    return found({});
  }

  #tick(): number {
    this.#nowMs += 1;
    return this.#nowMs;
  }
}

// ---------------------------------------------------------------------------------------------------

interface AskedModel extends ProxiedRequest {
  readonly name: string;
  readonly rest: string;
  readonly user: string;
  readonly url: URL;
}

function infoOf(model: StubModel, row: StubVersion, hasAliases: boolean): object {
  const [catalog, schema, name] = model.fullName.split('.');
  const aliases = [...model.aliases]
    .filter(([, named]) => named === row.version)
    .map(([alias, named]) => ({ alias_name: alias, version_num: named }));
  const tags = [...row.tags].map(([key, value]) => ({ key, value }));
  return {
    catalog_name: catalog,
    schema_name: schema,
    model_name: name,
    version: row.version,
    status: row.status,
    created_at: row.createdAtMs,
    created_by: model.owner,
    updated_at: row.updatedAtMs,
    updated_by: row.updatedBy,
    comment: '',
    source: `dbfs:/models/${row.version}`,
    ...(row.runId === '' ? {} : { run_id: row.runId }),
    ...(hasAliases ? { aliases, tags } : {}),
  };
}

/** The first page of all is empty, and there are more. */
function pageOf<T>(rows: readonly T[], { searchParams }: URL) {
  const token = searchParams.get('page_token');
  if (token === null) return { rows: [], next: { next_page_token: 'from-0' } };
  const from = Number(token.slice('from-'.length));
  const size = Math.min(Number(searchParams.get('max_results') ?? pageRows), pageRows);
  const end = from + size;
  const next = end < rows.length ? { next_page_token: `from-${end}` } : {};
  return { rows: rows.slice(from, end), next };
}

function found(body: object): ProxyAct {
  return { kind: 'answer', status: 200, body: JSON.stringify(body) };
}

function missing(what: string): ProxyAct {
  return refusal(404, 'RESOURCE_DOES_NOT_EXIST', `${what} does not exist.`);
}

function refusal(status: number, errorCode: string, message: string): ProxyAct {
  return { kind: 'answer', status, body: JSON.stringify({ error_code: errorCode, message }) };
}
