/** Times as people read them. What programs read (`--json`) stays in UTC. */
export interface Times {
  /** Null: everything is shown in UTC. Else its name, which a table gives once. */
  readonly zone: string | null;
  /** For a table, whose zone stands below it: to the second. */
  short(iso: string): string;
  /** For a text: with its offset. */
  full(iso: string): string;
  /** A text with each instant in it shown so; commands and what stands in quotes stay as they are. */
  within(text: string): string;
}

/** @param timeZone an IANA name, such as `Europe/Berlin` */
export function timesIn(timeZone: string): Times {
  if (/^(?:Etc\/)?(?:UTC|UCT|GMT|Universal|Zulu)$/.test(timeZone)) return utcTimes;
  const format = new Intl.DateTimeFormat('en-US', { ...parts, timeZone });
  const full = (iso: string): string => fullText(format, iso);
  return {
    zone: timeZone,
    short: (iso) => (instant.test(iso) ? full(iso).slice(0, 19).replace('T', ' ') : iso),
    full,
    within: (text) =>
      text.replaceAll(untouched, (found) => (instant.test(found) ? full(found) : found)),
  };
}

/** What stands below a table of times. */
export function zoneLine({ zone }: Times): string[] {
  return zone === null ? [] : [`Times are in ${zone}. For UTC, pass --utc.`];
}

// ---------------------------------------------------------------------------------------------------

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;
const untouched = /`[^`]*`|"[^"]*"|model-rollback .*|\b\d{4}-\d{2}-\d{2}T[\d:]{8}(?:\.\d+)?Z/g;

const utcTimes: Times = {
  zone: null,
  short: withoutFraction,
  full: withoutFraction,
  within: (text) => text,
};

function withoutFraction(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z');
}

const parts: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZoneName: 'longOffset',
};

function fullText(format: Intl.DateTimeFormat, iso: string): string {
  if (!instant.test(iso)) return iso;
  const found = format.formatToParts(new Date(iso));
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    found.find((one) => one.type === type)?.value ?? '';
  const [year, month, day] = [part('year').padStart(4, '0'), part('month'), part('day')];
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  // Where the offset is nothing, the name of the zone stands alone.
  const offset = part('timeZoneName').replace(/^GMT/, '') || '+00:00';
  return `${year}-${month}-${day}T${time}${offset}`;
}
