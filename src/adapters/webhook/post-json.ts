import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { limits } from '../../domain/limits.ts';

/** What a service answered. */
export interface PostAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * Posts one body and reads the answer, bounded in size, and in time by the signal. Follows no redirect: it would carry
 * the notice, and what is secret in it, elsewhere. A connection of its own: notices are few.
 * @throws Error whose message holds nothing of the address
 */
export async function postJson(
  url: URL,
  { body, headers }: { readonly body: string; readonly headers: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<PostAnswer> {
  const payload = Buffer.from(body);
  const { promise, resolve, reject } = Promise.withResolvers<PostAnswer>();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const request = send(url, {
    method: 'POST',
    agent: false,
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': String(payload.length),
      'user-agent': 'model-rollback',
      ...headers,
    },
  });
  request.on('error', (error) => reject(signal.aborted ? new Error(late) : reasonOf(error)));
  request.on('response', (response) => {
    readAnswer(response).then(resolve, (error) => {
      request.destroy();
      reject(signal.aborted ? new Error(late) : reasonOf(error));
    });
  });
  request.end(payload);
  return await promise;
}

// ---------------------------------------------------------------------------------------------------

const late = 'it did not answer in time';

async function readAnswer(response: IncomingMessage): Promise<PostAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.noticeAnswerBytesMax) {
      throw new TooLargeError(
        `its answer is larger than ${limits.noticeAnswerBytesMax / 1024} KiB`,
      );
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    text: Buffer.concat(chunks).toString('utf8'),
  };
}

class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** Node's own messages may hold parts of the address; its codes do not. */
function reasonOf(error: unknown): Error {
  if (error instanceof TooLargeError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  return new Error(`the connection failed (${code})`);
}
