import type { Agent } from 'node:http';
import { RegistryUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Authorizer, RegistryRequest, RequestHeaders } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type ConnectionOptions, Connections } from './connections.ts';
import { exchange, type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import { secretsIn } from './sent-secrets.ts';

export interface MLflowClientOptions {
  /** With its path: MLflow may live under a prefix. */
  readonly baseUrl: URL;
  readonly authorizer: Authorizer;
  readonly workspace: string | null;
  readonly clock: Clock;
  /** How it is reached @default as Node.js does */
  readonly connection?: ConnectionOptions;
  /** In place of one of its own. */
  readonly agent?: Agent;
}

/** Sends requests and reads bounded answers. Follows no redirects: they would carry the login elsewhere. */
export class MLflowClient {
  readonly #options: MLflowClientOptions;
  readonly #connections: Connections;
  /** The headers with the latest logins, and the secrets that may come back in an answer. */
  readonly #sent: RequestHeaders[] = [];
  #isClosed = false;

  constructor(options: MLflowClientOptions) {
    this.#options = options;
    const { baseUrl, clock, agent, connection } = options;
    this.#connections = new Connections(baseUrl.protocol, clock, { connection, agent });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends what is under way; nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    this.#connections.close();
  }

  /** Where the login is set, for people, and whose rights it needs. */
  get login(): Pick<Authorizer, 'source' | 'iamService'> {
    return this.#options.authorizer;
  }

  /**
   * One call. When the registry does not take the login and there is another by now, it is sent once more
   * with that: what was answered 401 was not carried out.
   * @param path after the base URL, with the query
   * @param within bound on all of it, reading the login included
   * @throws NoAnswerError; ConfigurationError or RegistryUnavailableError when there is no login to send it
   * with: then it was not carried out
   */
  async send(
    method: RegistryRequest['method'],
    path: string,
    body: object | null,
    within: Deadline,
  ): Promise<HttpAnswer> {
    const { authorizer } = this.#options;
    const payload = body === null ? null : Buffer.from(JSON.stringify(body));
    const url = this.#url(path);
    const request = { method, url, headers: this.#headers(payload), body: payload };
    const headers = await authorizer.authorize(request, within);
    const answer = await this.#send({ ...request, headers }, within);
    if (answer.status !== 401) return this.#masked(answer);
    const renewed = await authorizer.renew(request, headers, within);
    if (renewed === null) return this.#masked(answer);
    // A write is not begun without the time to see what it did.
    if (within.leftMs() <= (payload === null ? 0 : limits.writeTimeoutMinMs)) {
      throw new RegistryUnavailableError(
        'The registry refused the login, and too little time was left to use the new one. Try again.',
      );
    }
    return this.#masked(await this.#send({ ...request, headers: renewed }, within));
  }

  async #send(request: RegistryRequest, within: Deadline): Promise<HttpAnswer> {
    if (this.#isClosed) throw new NoAnswerError('the client is closed', { isUnsent: true });
    this.#remember(request.headers);
    return await exchange(this.#connections, request, this.#options.clock, within);
  }

  /** A login is the same for many requests; a signature is new for each. */
  #remember(headers: RequestHeaders): void {
    const { authorization } = headers;
    if (this.#sent.some((earlier) => earlier['authorization'] === authorization)) return;
    if (this.#sent.push(headers) > rememberedMax) this.#sent.shift();
  }

  /** A server or proxy may repeat a login in an error: it must not get into logs and notices. */
  #masked(answer: HttpAnswer): HttpAnswer {
    if (answer.status === 200) return answer;
    const mask = (text: string, secret: string): string => text.replaceAll(secret, '***');
    return { ...answer, text: this.#sent.flatMap(secretsIn).reduce(mask, answer.text) };
  }

  #url(path: string): URL {
    const { baseUrl } = this.#options;
    const url = new URL(baseUrl.origin);
    const [pathname, query] = path.split('?');
    url.pathname = `${baseUrl.pathname.replace(/\/+$/, '')}${pathname}`;
    // As signatures write it: the registry gets what was signed.
    url.search = (query ?? '').replaceAll('+', '%20').replaceAll('*', '%2A').replaceAll('%7E', '~');
    return url;
  }

  #headers(payload: Buffer | null): RequestHeaders {
    const { workspace } = this.#options;
    return {
      accept: 'application/json',
      'user-agent': 'model-rollback',
      ...(workspace === null ? {} : { 'x-mlflow-workspace': workspace }),
      ...traceHeader(),
      ...(payload === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(payload.length) }),
    };
  }
}

// ---------------------------------------------------------------------------------------------------

/**
 * Lambda's trace goes on with the call, so that a proxy with X-Ray shows both as one. Lambda sets it again
 * for each invocation. Whatever else it may hold must not keep a request from being sent.
 */
function traceHeader(): Record<string, string> {
  const trace = process.env['_X_AMZN_TRACE_ID'];
  const isSound = trace !== undefined && /^[\w=;:.-]{1,512}$/.test(trace);
  return isSound ? { 'x-amzn-trace-id': trace } : {};
}

/** More than there are requests at once. */
const rememberedMax = 16;
