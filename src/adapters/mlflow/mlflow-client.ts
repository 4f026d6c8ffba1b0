import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { RegistryUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Authorizer, RegistryRequest, RequestHeaders } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type ConnectionOptions, Connections } from './connections.ts';
import { secretsIn } from './sent-secrets.ts';

/**
 * One HTTP exchange with the registry on `node:http(s)`, which the AWS SDK loads anyway: `fetch` would
 * bring a second stack, 15 MB and 10 to 20 ms.
 */
export interface HttpAnswer {
  readonly status: number;
  readonly isJson: boolean;
  readonly text: string;
  /** Our clock less the server's `Date` as the answer came in (ms); null when it has none. */
  readonly clockSkewMs: number | null;
  /** How long the server asks us to wait before the next try; null when it does not ask. */
  readonly retryAfterMs: number | null;
}

/** The exchange did not end in an answer. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  /** True when the request cannot have reached the registry. */
  readonly isUnsent: boolean;
  /** What is on the way, for people; null: nothing. */
  readonly way: string | null;

  constructor(
    message: string,
    options: { isUnsent: boolean; way?: string | null; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.isUnsent = options.isUnsent;
    this.way = options.way ?? null;
  }
}

/** The answer was larger than we take; the same question gets it again. */
export class AnswerTooLargeError extends NoAnswerError {
  /** How it began. */
  readonly head: string;

  constructor(head: string) {
    const megabytes = limits.registryAnswerBytesMax / 2 ** 20;
    super(`the answer is larger than ${megabytes} MiB`, { isUnsent: false });
    this.head = head;
  }
}

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
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body: object | null,
    within: Deadline,
  ): Promise<HttpAnswer> {
    const { authorizer } = this.#options;
    const payload = body === null ? null : Buffer.from(JSON.stringify(body));
    const url = this.#url(path);
    const request = { method, url, headers: this.#headers(payload), body: payload };
    const headers = await authorizer.authorize(request, within);
    const answer = await this.#exchange({ ...request, headers }, within);
    if (answer.status !== 401) return this.#masked(answer);
    const renewed = await authorizer.renew(request, headers, within);
    if (renewed === null) return this.#masked(answer);
    // A write is not begun without the time to see what it did.
    if (within.leftMs() <= (payload === null ? 0 : limits.writeTimeoutMinMs)) {
      throw new RegistryUnavailableError(
        'The registry refused the login, and too little time was left to use the new one. Try again.',
      );
    }
    return this.#masked(await this.#exchange({ ...request, headers: renewed }, within));
  }

  /** One HTTP exchange, bounded as a whole: not only each pause in it. */
  async #exchange(
    { method, url, headers, body }: RegistryRequest,
    within: Deadline,
  ): Promise<HttpAnswer> {
    if (this.#isClosed) throw new NoAnswerError('the client is closed', { isUnsent: true });
    const timeoutMs = Math.ceil(within.leftMs());
    if (timeoutMs <= 0) throw new NoAnswerError('no time was left', { isUnsent: true });
    this.#remember(headers);
    const signal = AbortSignal.timeout(timeoutMs);
    return await new Promise<HttpAnswer>((resolve, reject) => {
      let isConnected = false;
      const fail = (cause: Error): void => {
        const what = signal.aborted ? `no answer within ${timeoutMs} ms` : cause.message;
        const isUnsent = !isConnected && !signal.aborted;
        const { way } = this.#connections;
        const error = new NoAnswerError(what || errorCode(cause), { isUnsent, way, cause });
        reject(cause instanceof AnswerTooLargeError ? cause : error);
      };
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, {
        method,
        agent: this.#connections.next(),
        headers,
        signal,
      });
      request.on('socket', (socket) => {
        if (!socket.connecting) isConnected = true;
        else
          socket.once('connect', () => {
            isConnected = true;
          });
      });
      request.on('error', fail);
      request.on('response', (response) => {
        this.#connections.watch(request, response);
        readAnswer(response, this.#options.clock.nowMs()).then(resolve, fail);
      });
      request.end(body ?? undefined);
    });
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

/** @param nowMs as the answer came in: its body may take its time */
async function readAnswer(response: IncomingMessage, nowMs: number): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.registryAnswerBytesMax) {
      throw new AnswerTooLargeError(
        Buffer.concat(chunks.slice(0, 8)).toString('utf8', 0, headLength),
      );
    }
    chunks.push(chunk);
  }
  const { headers } = response;
  const serverMs = Date.parse(headers.date ?? '');
  const clockSkewMs = Number.isNaN(serverMs) ? null : nowMs - serverMs;
  return {
    status: response.statusCode ?? 0,
    isJson: /^application\/json\b/i.test(headers['content-type'] ?? ''),
    text: Buffer.concat(chunks).toString('utf8'),
    clockSkewMs,
    retryAfterMs: waitMs(headers['retry-after'] ?? '', nowMs - (clockSkewMs ?? 0)),
  };
}

/** `Retry-After` is a number of seconds, or a time by the server's clock. */
function waitMs(retryAfter: string, serverNowMs: number): number | null {
  if (/^\d{1,6}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const atMs = /GMT$/.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - serverNowMs);
}

/** More than there are requests at once. */
const rememberedMax = 16;

/** Enough of an answer to see which version it is about. */
const headLength = 2_000;

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
