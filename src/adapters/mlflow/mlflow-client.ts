import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { limits } from '../../domain/limits.ts';

/**
 * One HTTP exchange with the registry on `node:http(s)`, which the AWS SDK loads anyway: `fetch` would
 * bring a second stack, 15 MB and 10 to 20 ms.
 */
export interface HttpAnswer {
  readonly status: number;
  readonly isJson: boolean;
  readonly text: string;
  /** The answer's `Date`, to compare clocks; null when it has none. */
  readonly date: string | null;
}

/** The exchange did not end in an answer. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  /** True when the request cannot have reached the registry. */
  readonly isUnsent: boolean;

  constructor(message: string, options: { isUnsent: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isUnsent = options.isUnsent;
  }
}

export interface MLflowClientOptions {
  /** With its path: MLflow may live under a prefix. */
  readonly baseUrl: URL;
  /** Value of the Authorization header, if any. */
  readonly authorization: string | null;
  readonly workspace: string | null;
}

/** Sends requests and reads bounded answers. Follows no redirects: they would carry the login elsewhere. */
export class MLflowClient {
  readonly #options: MLflowClientOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #secrets: readonly string[];
  #isClosed = false;

  constructor(options: MLflowClientOptions) {
    this.#options = options;
    this.#secrets = secretsIn(options.authorization);
    const isHttps = options.baseUrl.protocol === 'https:';
    // On a kept plain connection an MLflow server with several workers answers 40 ms later each time (its
    // packets wait for our delayed acknowledgement); a new one costs a tenth of that. TLS costs more.
    this.#agent = isHttps
      ? new HttpsAgent({ keepAlive: true, maxSockets: 8 })
      : new HttpAgent({ keepAlive: false, maxSockets: 8 });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends what is under way; nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    this.#agent.destroy();
  }

  /**
   * One exchange.
   * @param path after the base URL, with the query
   * @param timeoutMs bound on the whole exchange, not on a pause in it
   * @throws NoAnswerError
   */
  async send(
    method: 'GET' | 'POST',
    path: string,
    body: object | null,
    timeoutMs: number,
  ): Promise<HttpAnswer> {
    if (this.#isClosed) throw new NoAnswerError('the client is closed', { isUnsent: true });
    const payload = body === null ? null : Buffer.from(JSON.stringify(body));
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
    return await new Promise<HttpAnswer>((resolve, reject) => {
      let isConnected = false;
      const fail = (cause: Error): void => {
        const what = signal.aborted ? `no answer within ${Math.ceil(timeoutMs)} ms` : cause.message;
        const isUnsent = !isConnected && !signal.aborted;
        reject(new NoAnswerError(what === '' ? errorCode(cause) : what, { isUnsent, cause }));
      };
      const url = this.#url(path);
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, {
        method,
        agent: this.#agent,
        headers: this.#headers(payload),
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
        readAnswer(response).then((answer) => resolve(this.#masked(answer)), fail);
      });
      request.end(payload ?? undefined);
    });
  }

  /** A server or proxy may repeat the login in an error: it must not get into logs and notices. */
  #masked(answer: HttpAnswer): HttpAnswer {
    if (answer.status === 200) return answer;
    const mask = (text: string, secret: string): string => text.replaceAll(secret, '***');
    return { ...answer, text: this.#secrets.reduce(mask, answer.text) };
  }

  #url(path: string): URL {
    const { baseUrl } = this.#options;
    const url = new URL(baseUrl.origin);
    const [pathname, query] = path.split('?');
    url.pathname = `${baseUrl.pathname.replace(/\/+$/, '')}${pathname}`;
    url.search = query ?? '';
    return url;
  }

  #headers(payload: Buffer | null): Record<string, string> {
    const { authorization, workspace } = this.#options;
    return {
      accept: 'application/json',
      'user-agent': 'model-rollback',
      ...(authorization === null ? {} : { authorization }),
      ...(workspace === null ? {} : { 'x-mlflow-workspace': workspace }),
      ...(payload === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(payload.length) }),
    };
  }
}

// ---------------------------------------------------------------------------------------------------

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.registryAnswerBytesMax) {
      throw new Error(`the answer is larger than ${limits.registryAnswerBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    isJson: /^application\/json\b/i.test(response.headers['content-type'] ?? ''),
    text: Buffer.concat(chunks).toString('utf8'),
    date: response.headers.date ?? null,
  };
}

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The header's value, its credential part, and the password in it. */
function secretsIn(authorization: string | null): string[] {
  if (authorization === null) return [];
  const credential = authorization.slice(authorization.indexOf(' ') + 1);
  const plain = authorization.startsWith('Basic ')
    ? Buffer.from(credential, 'base64').toString('utf8')
    : '';
  const password = plain.slice(plain.indexOf(':') + 1);
  // A very short one would mask half of every text, and is found anyway.
  return [authorization, credential, plain, password].filter((secret) => secret.length > 3);
}
