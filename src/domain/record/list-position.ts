import { InvalidRequestError } from '../errors.ts';
import { escapeText } from '../escape.ts';
import { limits } from '../limits.ts';
import { isoTime } from '../registry/model.ts';

/**
 * A place in the list of records, which is newest first: what stands behind it is older, or of the same
 * millisecond with a lesser id. An empty id: behind everything of that time.
 */
export interface ListPosition {
  readonly atMs: number;
  readonly id: string;
}

/** Newest first; of one millisecond the greater id first. */
export function comparePositions(a: ListPosition, b: ListPosition): number {
  if (a.atMs !== b.atMs) return b.atMs - a.atMs;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/** As it is given to `--before`; times of one length, so that text is in the order of time. */
export function positionText({ atMs, id }: ListPosition): string {
  return `${isoTime(atMs)}#${id}`;
}

/**
 * Of such a text, or of a time alone.
 * @param field that names it in the message
 * @throws InvalidRequestError
 */
export function parsePosition(text: string, field: string): ListPosition {
  const end = text.indexOf('#');
  const [time, id] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)];
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(time) ? Date.parse(time) : Number.NaN;
  if (atMs >= 0 && atMs <= limits.timeMaxMs) return { atMs, id };
  throw new InvalidRequestError(
    `${field}: ${escapeText(JSON.stringify(text))} is not a time. Pass a date or a time ` +
      'such as 2026-01-31 or 2026-01-31T12:00:00Z, or the text that ends the page before.',
  );
}
