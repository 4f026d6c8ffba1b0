import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { limits } from '../../domain/limits.ts';
import type { RegistryRequest } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Connections } from './connections.ts';

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

/**
 * One HTTP exchange, bounded as a whole: not only each pause in it. Follows no redirects.
 * @throws NoAnswerError
 */
export async function exchange(
  connections: Connections,
  { method, url, headers, body }: RegistryRequest,
  clock: Clock,
  within: Deadline,
): Promise<HttpAnswer> {
  const timeoutMs = Math.ceil(within.leftMs());
  if (timeoutMs <= 0) throw new NoAnswerError('no time was left', { isUnsent: true });
  const signal = AbortSignal.timeout(timeoutMs);
  return await new Promise<HttpAnswer>((resolve, reject) => {
    let isConnected = false;
    const fail = (cause: Error): void => {
      const what = signal.aborted ? `no answer within ${timeoutMs} ms` : cause.message;
      const isUnsent = !isConnected && !signal.aborted;
      const { way } = connections;
      const error = new NoAnswerError(what || errorCode(cause), { isUnsent, way, cause });
      reject(cause instanceof AnswerTooLargeError ? cause : error);
    };
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method, agent: connections.next(), headers, signal });
    request.on('socket', (socket) => {
      if (!socket.connecting) isConnected = true;
      else
        socket.once('connect', () => {
          isConnected = true;
        });
    });
    request.on('error', fail);
    request.on('response', (response) => {
      connections.watch(request, response);
      readAnswer(response, clock.nowMs()).then(resolve, fail);
    });
    request.end(body ?? undefined);
  });
}

// ---------------------------------------------------------------------------------------------------

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

/** Enough of an answer to see which version it is about. */
const headLength = 2_000;

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
