import { escapeText } from '../escape.ts';

/** Texts and times in what reports an alarm. */

/** CloudWatch's limit on the name of an alarm. */
export const nameLengthMax = 255;

/**
 * Epoch ms of `2026-01-01T02:46:00.000+0000`, also with `Z` or another offset. Null for what is no real
 * instant, such as 30 February: the same alarm must have the same instant on every path.
 */
export function parseInstant(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const [, local, fraction = '', zone = ''] = instantPattern.exec(value) ?? [];
  if (local === undefined) return null;
  const localMs = Date.parse(`${local}.${fraction.slice(0, 3).padEnd(3, '0')}Z`);
  if (Number.isNaN(localMs) || !new Date(localMs).toISOString().startsWith(local)) return null;
  const atMs = localMs - offsetMs(zone);
  return atMs >= earliestMs && atMs < latestMs ? atMs : null;
}

/** A name for people, cut where it is too long. */
export function boundedName(name: string): string {
  if (name.length <= nameLengthMax) return name.toWellFormed();
  return `${name.slice(0, nameLengthMax - 1).toWellFormed()}…`;
}

/** Short, on one line, and without a character that a terminal or a reader could be misled by. */
export function shownText(text: string): string {
  let escaped = '';
  for (const character of text.slice(0, shownLengthMax)) {
    const next = escapeText(JSON.stringify(character).slice(1, -1));
    if (escaped.length + next.length > shownLengthMax) return `"${escaped}…"`;
    escaped += next;
  }
  return text.length > shownLengthMax ? `"${escaped}…"` : `"${escaped}"`;
}

// ---------------------------------------------------------------------------------------------------

/** Of a text from outside, within a reason. */
const shownLengthMax = 80;
/** Times outside of these are no instants that an alarm could have: CloudWatch is of 2009. */
const earliestMs = Date.UTC(2009, 0);
const latestMs = Date.UTC(2100, 0);

const instantPattern =
  /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$/;

function offsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}
