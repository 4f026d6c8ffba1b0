import { InvalidRequestError, messageOf } from '../domain/errors.ts';
import { HttpError } from './http-error.ts';
import { httpLimits } from './http-limits.ts';

/**
 * The JSON of a request. Nothing is parsed before its size is known to be small, and a sender that stalls is
 * not waited for.
 * @returns undefined for an empty body
 * @throws HttpError, InvalidRequestError
 */
export async function readJson(
  request: Request,
  timeoutMs: number = httpLimits.httpBodyTimeoutMs,
): Promise<unknown> {
  return parseJson(request, await readBody(request, timeoutMs));
}

/**
 * The same in two steps, where the bytes are signed: first what was sent, bounded in size and time.
 * @throws HttpError, InvalidRequestError
 */
export async function readBody(
  request: Request,
  timeoutMs: number = httpLimits.httpBodyTimeoutMs,
): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new HttpError('UnsupportedMediaTypeError', 'Send the body without a content encoding.');
  }
  if (Number(request.headers.get('content-length') ?? 0) > httpLimits.httpBodyBytesMax)
    throw tooLarge();
  return await readBytes(request, timeoutMs);
}

/** @throws HttpError, InvalidRequestError */
export function parseJson(request: Request, bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  if (!/^application\/([\w.-]+\+)?json$/i.test(mediaTypeOf(request))) {
    throw new HttpError(
      'UnsupportedMediaTypeError',
      'Send JSON, with the header content-type: application/json.',
    );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = messageOf(cause).slice(0, 200);
    throw new InvalidRequestError(`The body is not JSON: ${why}. Nothing was done.`, { cause });
  }
}

/**
 * The fields of a form of a page, under the same bounds.
 * @throws HttpError, InvalidRequestError
 */
export async function readForm(request: Request): Promise<URLSearchParams> {
  const bytes = await readBody(request);
  if (mediaTypeOf(request) !== 'application/x-www-form-urlencoded') {
    throw new HttpError('UnsupportedMediaTypeError', 'Send the form as a page does.');
  }
  return new URLSearchParams(new TextDecoder().decode(bytes));
}

// ---------------------------------------------------------------------------------------------------

function mediaTypeOf({ headers }: Request): string {
  const [type = ''] = (headers.get('content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase();
}

async function readBytes({ body }: Request, timeoutMs: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new HttpError('RequestTimeoutError', 'The body did not arrive in time.'));
  }, timeoutMs);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return Buffer.concat(chunks);
      size += value.byteLength;
      if (size > httpLimits.httpBodyBytesMax) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    // Not waited for: a sender that stalls does not answer this either.
    reader.cancel().catch(() => undefined);
    if (error instanceof HttpError) throw error;
    throw new InvalidRequestError(`The body could not be read: ${messageOf(error)}.`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(): HttpError {
  const most = httpLimits.httpBodyBytesMax / 1_048_576;
  return new HttpError('PayloadTooLargeError', `The body is larger than ${most} MiB.`);
}
