import { type AlarmState, type AlarmTransition, cloudWatchRef, parseAlarmArn } from './alarm.ts';
import { type AlarmReport, readAlarmReport } from './alarm-schema.ts';
import { boundedName, nameLengthMax, parseInstant, shownText } from './alarm-text.ts';

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
  const why = `The event ${shownText(report.detailType)} is not about a change of an alarm's state.`;
  return {
    kind: 'ignored',
    why,
    alarmName: report.name === null ? null : boundedName(report.name),
  };
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

function judge(report: AlarmReport): AlarmPayload {
  const { state, heldBack } = report;
  if (state === null) return unreadable(report, 'The event does not say the state of the alarm.');
  if (state !== 'ALARM') {
    return ignored(
      report,
      `The alarm went to ${shownText(state)}; only ALARM asks for a rollback.`,
    );
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
  return `The name of the alarm, ${shownText(name)}, is not the one in its ARN, ${shownText(inArn)}.`;
}

function problemOfArn(arn: string | null): string | null {
  if (arn === null) return 'The event does not say the ARN of the alarm.';
  const parts = parseAlarmArn(arn);
  if (parts === null) return `The ARN is not that of an alarm: ${shownText(arn)}.`;
  if (parts.name.length > nameLengthMax) {
    return `The name in the ARN has more than ${nameLengthMax} characters.`;
  }
  if (/\p{Cc}/u.test(parts.name) || !parts.name.isWellFormed()) {
    return `The name in the ARN holds characters that no alarm name has: ${shownText(parts.name)}.`;
  }
  return null;
}

function problemOfTime(value: unknown): string {
  const wanted = 'a time such as 2026-01-01T02:46:00.000+0000';
  return typeof value === 'string'
    ? `The alarm went to ALARM at ${shownText(value)}, which is not ${wanted}.`
    : `The event does not say when the alarm went to ALARM, as ${wanted}.`;
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
  const known = name ?? parseAlarmArn(arn ?? '')?.name ?? null;
  return known === null ? null : boundedName(known);
}

function unknownText(what: string, text: string): AlarmPayload {
  const isEmpty = text.trim() === '';
  const why = isEmpty ? 'The message is empty.' : `The message is ${what}: ${shownText(text)}.`;
  return { kind: 'unreadable', why, arn: null, name: null };
}
