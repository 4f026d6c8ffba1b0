import {
  type AlarmPayload,
  parseAlarmPayload,
  parseAlarmText,
} from '../domain/alarm/alarm-payload.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { nearestName, plainName } from '../domain/near-name.ts';

/** One message of a topic or a queue. */
export interface QueuedAlarm {
  /** A queue's messages are answered by it. */
  readonly id: string;
  /** ARN of the topic or queue. */
  readonly source: string;
  readonly payload: AlarmPayload;
}

export type LambdaEvent =
  | { readonly kind: 'sweep' }
  | { readonly kind: 'request'; readonly body: unknown }
  /** A state machine asks which models its fleet run is for. */
  | { readonly kind: 'fleet'; readonly body: unknown }
  /** A person decided something: freeze, pause, … */
  | { readonly kind: 'operation'; readonly body: unknown }
  | { readonly kind: 'alarm'; readonly payload: AlarmPayload }
  | { readonly kind: 'sns' | 'sqs'; readonly messages: readonly QueuedAlarm[] };

/**
 * Recognises the form of an event. Whatever has a `model_name` is a request, also with an alarm around it:
 * a state machine often passes on a whole input. What has none of the forms counts as a request too, so
 * that the error of a request says what is wrong.
 * @throws InvalidRequestError for what is none of the forms
 */
export function parseEvent(event: unknown): LambdaEvent {
  // Before a request: a misspelt `freeze` of a model must not roll it back.
  if (isSet(event, 'operation')) return { kind: 'operation', body: event };
  if (isSet(event, 'model_name')) return { kind: 'request', body: event };
  if (isFleet(event)) return { kind: 'fleet', body: event.plan_fleet };
  const read = parseAlarmEvent(event) ?? parseRecords(event) ?? parseSweep(event);
  if (read === undefined) return { kind: 'request', body: event };
  refusePreview(event);
  return read;
}

// ---------------------------------------------------------------------------------------------------

/** Longer than any ARN of a topic or a queue. */
const sourceLengthMax = 512;

function parseAlarmEvent(event: unknown): LambdaEvent | undefined {
  const payload = parseAlarmPayload(event);
  return payload && { kind: 'alarm', payload };
}

/** Messages of one topic or one queue. AWS sends no empty list; it asks for nothing. */
function parseRecords(event: unknown): LambdaEvent | undefined {
  const records = fieldOf(event, 'Records');
  if (!Array.isArray(records)) return undefined;
  if (records.every((record) => fieldOf(record, 'EventSource') === 'aws:sns')) {
    return { kind: 'sns', messages: records.map(parseTopicRecord) };
  }
  if (records.every((record) => fieldOf(record, 'eventSource') === 'aws:sqs')) {
    return { kind: 'sqs', messages: records.map(parseQueueRecord) };
  }
  const sources = new Set(records.map(shownSource));
  const shown = [...sources].slice(0, 3).join(', ');
  throw new InvalidRequestError(
    `Records come from ${shown}${sources.size > 3 ? ', …' : ''}. An event may hold Records from SNS (aws:sns) ` +
      'or from SQS (aws:sqs), not both.',
  );
}

/** Also around null: an empty input must get an error. */
function isFleet(event: unknown): event is { readonly plan_fleet: unknown } {
  return typeof event === 'object' && event !== null && Object.hasOwn(event, 'plan_fleet');
}

function parseSweep(event: unknown): LambdaEvent | undefined {
  if (fieldOf(event, 'sweep') === true) return { kind: 'sweep' };
  if (fieldOf(event, 'detail-type') === 'Scheduled Event') {
    throw new InvalidRequestError(
      'A schedule sent an event without an input of its own. Give the schedule the input {"sweep": true}.',
    );
  }
  return undefined;
}

/** An alarm or a sweep with `dry_run` must not be carried out. AWS sends no such field. */
function refusePreview(event: unknown): void {
  const keys = typeof event === 'object' && event !== null ? Object.keys(event) : [];
  const name = keys.find((key) => isSet(event, key) && isDryRun(key));
  if (name === undefined) return;
  throw new InvalidRequestError(
    `${shownText(name)} belongs to a request; there is no dry run of an alarm or a sweep. ` +
      'For a dry run of a rollback, send {"model_name": "NAME", "dry_run": true}. Nothing was done.',
  );
}

function parseTopicRecord(record: unknown): QueuedAlarm {
  const message = fieldOf(record, 'Sns');
  return {
    id: textOf(message, 'MessageId') ?? '',
    source: sourceOf(textOf(message, 'TopicArn')),
    payload: parseAlarmText(textOf(message, 'Message') ?? ''),
  };
}

function parseQueueRecord(record: unknown): QueuedAlarm {
  const id = textOf(record, 'messageId') ?? '';
  if (id === '') {
    throw new InvalidRequestError(
      'A Record from SQS has no messageId, so a failure could not be reported to the queue.',
    );
  }
  const source = sourceOf(textOf(record, 'eventSourceARN'));
  return { id, source, payload: parseBody(textOf(record, 'body') ?? '') };
}

/** A topic wraps its message, unless raw delivery is on; a rule sends its event as it is. */
function parseBody(body: string): AlarmPayload {
  const wrapped = parseJson(body);
  const isWrapped = fieldOf(wrapped, 'Type') === 'Notification';
  return parseAlarmText((isWrapped ? textOf(wrapped, 'Message') : undefined) ?? body);
}

/** Reports are kept by it, so it must stay short. */
function sourceOf(arn: string | undefined): string {
  return arn !== undefined && arn !== '' && arn.length <= sourceLengthMax ? arn : 'unknown source';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDryRun(key: string): boolean {
  return (
    plainName(key).includes('dryrun') ||
    (key.length < 64 && nearestName(key, ['dry_run']) !== undefined)
  );
}

/** Null means absent: Step Functions cannot leave a field out. */
function isSet(value: unknown, name: string): boolean {
  return (fieldOf(value, name) ?? null) !== null;
}

function textOf(value: unknown, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === 'string' ? text : undefined;
}

/** Own fields only: the event may be any JSON. */
function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function shownSource(record: unknown): string {
  const source = textOf(record, 'EventSource') ?? textOf(record, 'eventSource');
  return source === undefined ? 'an unknown source' : shownText(source);
}

function shownText(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
