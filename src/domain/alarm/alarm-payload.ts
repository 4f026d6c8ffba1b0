import { escapeText } from '../escape.ts';
import { type AlarmState, type AlarmTransition, cloudWatchRef, parseAlarmArn } from './alarm.ts';
import { type AlarmReport, readAlarmReport } from './alarm-schema.ts';

/** What an event about an alarm asks for. `why` is a sentence. */
export type AlarmPayload =
  | { readonly kind: 'transition'; readonly transition: AlarmTransition }
  /** It asks for nothing. */
  | { readonly kind: 'ignored'; readonly why: string; readonly alarmName: string | null }
  /** Nobody can act on it: people are notified. `arn` and `name` where it gives them. */
  | {
      readonly kind: 'unreadable';
      readonly why: string;
      readonly arn: string | null;
      readonly name: string | null;
    };

/** Reads an event or a message. undefined: the value has none of the alarm forms. */
export function parseAlarmPayload(value: unknown): AlarmPayload | undefined {
  const report = readAlarmReport(value);
  if (report === undefined) return undefined;
  if (report.kind === 'report') return judge(report);
  const why = `The event ${shown(report.detailType)} is not about a change of an alarm's state.`;
  return { kind: 'ignored', why, alarmName: bounded(report.name) };
}

/** A text from a topic or a queue: JSON of an alarm form, or something else. */
export function parseAlarmText(text: string): AlarmPayload {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unknownText('not JSON', text);
  }
  const payload = parseAlarmPayload(value);
  if (payload !== undefined) return payload;
  if (isOwnNotice(value)) {
    return {
      kind: 'ignored',
      why: 'The message is a notice from model-rollback.',
      alarmName: null,
    };
  }
  if (Array.isArray(value)) return unknownText('a JSON array, not an alarm', text);
  const isObject = typeof value === 'object' && value !== null;
  return unknownText(
    isObject ? 'a JSON object, but not an alarm' : 'a single JSON value, not an alarm',
    text,
  );
}

// ---------------------------------------------------------------------------------------------------

/** CloudWatch's limit. */
const nameLengthMax = 255;
/** Of a text from outside, within a reason. */
const shownLengthMax = 80;
/** Times outside of these are no instants that an alarm could have: CloudWatch is of 2009. */
const earliestMs = Date.UTC(2009, 0);
const latestMs = Date.UTC(2100, 0);

function judge(report: AlarmReport): AlarmPayload {
  const { state, heldBack } = report;
  if (state === null) return unreadable(report, 'The event does not say the state of the alarm.');
  if (state !== 'ALARM') {
    return ignored(report, `The alarm went to ${shown(state)}; only ALARM asks for a rollback.`);
  }
  if (heldBack !== null) return ignored(report, `The actions of the alarm are ${heldBack}.`);
  const problem = problemOfName(report);
  if (problem !== null) return unreadable(report, problem);
  const atMs = parseInstant(report.changedAt);
  if (atMs === null) return unreadable(report, problemOfTime(report.changedAt));
  const arn = report.arn ?? '';
  return {
    kind: 'transition',
    transition: {
      ...report.subject,
      isFromEventBus: report.isFromEventBus,
      ref: cloudWatchRef(arn, parseAlarmArn(arn)?.name ?? ''),
      atMs,
      previousState: isState(report.previousState) ? report.previousState : null,
      contributor: report.contributor,
    },
  };
}

/** CloudWatch's own name of the alarm must be the one in its ARN, which names it for certain. */
function problemOfName({ arn, name }: AlarmReport): string | null {
  const inArn = parseAlarmArn(arn ?? '')?.name;
  if (arn === null || inArn === undefined) return problemOfArn(arn);
  if (name === null || name === inArn) return problemOfArn(arn);
  return `The name of the alarm, ${shown(name)}, is not the one in its ARN, ${shown(inArn)}.`;
}

function problemOfArn(arn: string | null): string | null {
  if (arn === null) return 'The event does not say the ARN of the alarm.';
  const parts = parseAlarmArn(arn);
  if (parts === null) return `The ARN is not that of an alarm: ${shown(arn)}.`;
  if (parts.name.length > nameLengthMax) {
    return `The name in the ARN has more than ${nameLengthMax} characters.`;
  }
  if (/\p{Cc}/u.test(parts.name) || !parts.name.isWellFormed()) {
    return `The name in the ARN holds characters that no alarm name has: ${shown(parts.name)}.`;
  }
  return null;
}

function problemOfTime(value: unknown): string {
  const wanted = 'a time such as 2026-01-01T02:46:00.000+0000';
  return typeof value === 'string'
    ? `The alarm went to ALARM at ${shown(value)}, which is not ${wanted}.`
    : `The event does not say when the alarm went to ALARM, as ${wanted}.`;
}

/**
 * Epoch ms of `2026-01-01T02:46:00.000+0000`, also with `Z` or another offset. Null for what is no real
 * instant, such as 30 February: the same alarm must have the same instant on every path.
 */
function parseInstant(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const [, local, fraction = '', zone = ''] = instantPattern.exec(value) ?? [];
  if (local === undefined) return null;
  const localMs = Date.parse(`${local}.${fraction.slice(0, 3).padEnd(3, '0')}Z`);
  if (Number.isNaN(localMs) || !new Date(localMs).toISOString().startsWith(local)) return null;
  const atMs = localMs - offsetMs(zone);
  return atMs >= earliestMs && atMs < latestMs ? atMs : null;
}

const instantPattern =
  /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$/;

function offsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

function isState(value: string | null): value is AlarmState {
  return value === 'OK' || value === 'ALARM' || value === 'INSUFFICIENT_DATA';
}

/** Should notices and alarms share a topic. */
function isOwnNotice(value: unknown): boolean {
  const isObject = typeof value === 'object' && value !== null;
  return (
    isObject && ['triggered_by', 'rollback_id', 'outcome'].every((key) => Object.hasOwn(value, key))
  );
}

function ignored(report: AlarmReport, why: string): AlarmPayload {
  return { kind: 'ignored', why, alarmName: nameOf(report) };
}

function unreadable(report: AlarmReport, why: string): AlarmPayload {
  const arn = problemOfArn(report.arn) === null ? report.arn : null;
  return { kind: 'unreadable', why, arn, name: nameOf(report) };
}

/** What the alarm is called, for people. */
function nameOf({ arn, name }: AlarmReport): string | null {
  return bounded(name ?? parseAlarmArn(arn ?? '')?.name ?? null);
}

function bounded(name: string | null): string | null {
  if (name === null || name.length <= nameLengthMax) return name?.toWellFormed() ?? null;
  return `${name.slice(0, nameLengthMax - 1).toWellFormed()}…`;
}

function unknownText(what: string, text: string): AlarmPayload {
  const isEmpty = text.trim() === '';
  const why = isEmpty ? 'The message is empty.' : `The message is ${what}: ${shown(text)}.`;
  return { kind: 'unreadable', why, arn: null, name: null };
}

/** Short, on one line, and without a character that a terminal or a reader could be misled by. */
function shown(text: string): string {
  let escaped = '';
  for (const character of text.slice(0, shownLengthMax)) {
    const next = escapeText(JSON.stringify(character).slice(1, -1));
    if (escaped.length + next.length > shownLengthMax) return `"${escaped}…"`;
    escaped += next;
  }
  return text.length > shownLengthMax ? `"${escaped}…"` : `"${escaped}"`;
}
