import { InvalidRequestError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';

/** The path for a log: as it came, and bounded. The query is not logged. */
export function pathOf(request: Request): string {
  return pathAfter(request, '').slice(0, limits.textLengthMax);
}

/** What of the path of a request stands after a prefix, as it was sent: percent-encoded. */
export function pathAfter(request: Request, prefix: string): string {
  const { pathname } = new URL(request.url);
  return pathname.slice(prefix.length);
}

/**
 * A name or an id from a path, which may hold a `/`, sent as such or as `%2F`.
 * @throws InvalidRequestError for what is no text in percent-encoding
 */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new InvalidRequestError(
      'The path is not text in percent-encoding (UTF-8). Encode the name, such as with encodeURIComponent.',
      { cause },
    );
  }
}

/** The part before the last `/`, decoded, and the word behind it. */
export function splitVerb(part: string): { readonly name: string; readonly verb: string } {
  const end = part.lastIndexOf('/');
  return { name: decodePart(part.slice(0, Math.max(end, 0))), verb: part.slice(end + 1) };
}
