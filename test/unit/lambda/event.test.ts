import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import { InvalidRequestError } from '../../../src/domain/errors.ts';
import { parseEvent } from '../../../src/lambda/event.ts';
import {
  alarmArn,
  contributorEvent,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  messageId,
  patched,
  queueArn,
  snsEvent,
  snsMessage,
  sqsEvent,
  topicArn,
} from '../../fakes/alarm-events.ts';

const refused = (event: unknown): string => {
  try {
    parseEvent(event);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRequestError);
    return (error as Error).message;
  }
  throw new Error('accepted');
};
/** What a state machine or a person may have put around an event. */
const events: [string, JsonObject][] = [
  ['a direct alarm', directAlarm()],
  ['an alarm of the event bus', eventBridgeAlarm()],
  ['a contributor', contributorEvent()],
  ['a bare message', snsMessage()],
  ['a topic', snsEvent([snsMessage()])],
  ['a queue', sqsEvent([snsMessage()], 'sns')],
  ['a sweep', { sweep: true }],
];

describe('parseEvent', () => {
  test('knows the sweep', () => {
    expect(parseEvent({ sweep: true })).toEqual({ kind: 'sweep' });
    expect(parseEvent({ sweep: true, model_name: null })).toEqual({ kind: 'sweep' });
  });

  test.each([{ sweep: 'true' }, { sweep: 1 }, { sweep: false }, { Sweep: true }])(
    'takes %j for a request',
    (event) => {
      expect(parseEvent(event)).toEqual({ kind: 'request', body: event });
    },
  );

  test('knows the question of a fleet run, whatever it holds', () => {
    for (const body of [{ models: ['a'] }, {}, null, 'a', [], { model_name: 'm' }]) {
      expect(parseEvent({ plan_fleet: body })).toEqual({ kind: 'fleet', body });
    }
    expect(parseEvent({ plan_fleet: {}, sweep: true }).kind).toBe('fleet');
    expect(parseEvent({ plan_fleet: {}, model_name: 'm' }).kind).toBe('request');
    expect(parseEvent({ planFleet: {} }).kind).toBe('request');
  });

  test('does not sweep for an alarm', () => {
    expect(parseEvent({ ...directAlarm(), sweep: true }).kind).toBe('alarm');
    expect(parseEvent({ ...snsEvent([]), sweep: true }).kind).toBe('sns');
  });

  test.each([
    null,
    undefined,
    7,
    'x',
    [],
    [directAlarm()],
    {},
    { model_name: 'm' },
    { modelname: 'm', sweep: false },
    { Records: 'x' },
    { source: 'aws.s3', 'detail-type': 'Object Created' },
  ])('takes %j for a request', (event) => {
    expect(parseEvent(event)).toEqual({ kind: 'request', body: event });
  });

  test.each(events)('takes whatever has a model_name for a request, also around %s', (_, event) => {
    const body = { ...event, model_name: 'm' };
    expect(parseEvent(body)).toEqual({ kind: 'request', body });
    expect(parseEvent({ ...event, model_name: null })).toEqual(parseEvent(event));
  });

  test.each(events)('has no preview of %s', (_, event) => {
    for (const field of ['dry_run', 'dryRun', 'dry_rum', 'isDryRunOnly']) {
      expect(refused({ ...event, [field]: true })).toContain(`"${field}" belongs to a request`);
    }
    expect(parseEvent({ ...event, dry_run: null })).toEqual(parseEvent(event));
  });

  test.each([
    ['direct', directAlarm({ state: 'OK' })],
    ['direct', directAlarm({ kind: 'composite' })],
    ['EventBridge', eventBridgeAlarm()],
    [
      'EventBridge',
      { ...eventBridgeAlarm(), 'detail-type': 'CloudWatch Alarm Configuration Change' },
    ],
    ['contributor', contributorEvent()],
    ['message', snsMessage()],
  ])('reads an alarm of the %s form', (_, event) => {
    const payload = parseAlarmPayload(event);
    expect(payload).toBeDefined();
    expect(parseEvent(event)).toEqual({ kind: 'alarm', payload });
  });

  test('reads every message of a topic', () => {
    const event = snsEvent([
      snsMessage(),
      snsMessage({ state: 'OK' }),
      'disk full',
      eventBridgeAlarm(),
    ]);
    const read = parseEvent(event);
    expect(read).toMatchObject({
      kind: 'sns',
      messages: [
        { id: messageId(0), source: topicArn, payload: parseAlarmPayload(snsMessage()) },
        { id: messageId(1), source: topicArn, payload: { kind: 'ignored' } },
        { id: messageId(2), source: topicArn, payload: { kind: 'unreadable' } },
        { id: messageId(3), payload: { transition: { isFromEventBus: true } } },
      ],
    });
  });

  test('reads a topic with broken records', () => {
    const payload = { kind: 'unreadable', why: 'The message is empty.' };
    const unreadable = { id: '', source: 'unknown source', payload };
    for (const broken of [{}, null, 'x', { Message: 7 }]) {
      const event = { Records: [{ EventSource: 'aws:sns', Sns: broken }] };
      expect(parseEvent(event)).toMatchObject({ kind: 'sns', messages: [unreadable] });
    }
  });

  test('keeps no source longer than an ARN', () => {
    const event = sqsEvent(['x'], 'raw');
    for (const arn of ['x'.repeat(513), '', undefined, 7]) {
      expect(parseEvent(patched(event, ['Records', 0, 'eventSourceARN'], arn))).toMatchObject({
        messages: [{ source: 'unknown source' }],
      });
    }
  });

  test('answers an empty list of records as a topic of nothing', () => {
    expect(parseEvent({ Records: [] })).toEqual({ kind: 'sns', messages: [] });
  });

  test.each([
    ['sns', snsMessage()],
    ['sns', contributorEvent()],
    ['raw', snsMessage()],
    ['raw', directAlarm()],
    ['eventbridge', eventBridgeAlarm()],
    ['eventbridge', contributorEvent()],
  ] as const)('reads a queue of kind %s', (kind, body) => {
    expect(parseEvent(sqsEvent([body, body], kind))).toEqual({
      kind: 'sqs',
      messages: [0, 1].map((index) => ({
        id: messageId(index),
        source: queueArn,
        payload: parseAlarmPayload(body),
      })),
    });
  });

  test.each([
    ['disk full', 'The message is not JSON: "disk full".'],
    ['', 'The message is empty.'],
    ['{"Type":"Notification"}', 'The message is a JSON object, but not an alarm'],
    ['{"Type":"Notification","Message":7}', 'The message is a JSON object, but not an alarm'],
    ['{"Type":"Notification","Message":"disk full"}', 'The message is not JSON: "disk full".'],
    ['[1]', 'The message is a JSON array'],
  ])('reads the body %j', (body, why) => {
    const read = parseEvent(sqsEvent([body], 'raw'));
    expect(read).toMatchObject({
      messages: [
        { id: messageId(0), payload: { kind: 'unreadable', why: expect.stringContaining(why) } },
      ],
    });
  });

  test('ignores our own notices, wrapped or not', () => {
    const notice = { model_name: 'm', triggered_by: 'a', rollback_id: 'm/1', outcome: 'FAILED' };
    for (const event of [
      snsEvent([notice]),
      sqsEvent([notice], 'sns'),
      sqsEvent([notice], 'raw'),
    ]) {
      expect(parseEvent(event)).toMatchObject({ messages: [{ payload: { kind: 'ignored' } }] });
    }
  });

  test.each([undefined, null, '', 7])('refuses a record of a queue with the id %j', (id) => {
    const event = sqsEvent([snsMessage(), snsMessage()], 'sns');
    expect(refused(patched(event, ['Records', 1, 'messageId'], id))).toContain('has no messageId');
  });

  test('refuses records of another source, or of two', () => {
    const accepted = 'An event may hold Records from SNS (aws:sns) or from SQS (aws:sqs)';
    const bucket = { Records: [{ eventSource: 'aws:s3' }] };
    expect(refused(bucket)).toContain(`Records come from "aws:s3". ${accepted}`);
    const mixed = { Records: [...records(snsEvent(['x'])), ...records(sqsEvent(['x'], 'raw'))] };
    expect(refused(mixed)).toContain(`Records come from "aws:sns", "aws:sqs". ${accepted}`);
    expect(refused({ Records: [null, 7, {}] })).toContain('come from an unknown source.');
    // Each source has its own spelling; AWS sends no other.
    expect(refused({ Records: [{ eventSource: 'aws:sns' }] })).toContain(accepted);
    expect(refused({ Records: [{ EventSource: 'aws:s3' }] })).toContain(accepted);
    const many = {
      Records: Array.from({ length: 1_000 }, (_, index) => ({ eventSource: `${index}` })),
    };
    expect(refused(many)).toContain('Records come from "0", "1", "2", …. ');
    expect(refused({ Records: [{ eventSource: 'x'.repeat(1_000_000) }] }).length).toBeLessThan(400);
  });

  test.each(['aws.scheduler', 'aws.events'])('tells a schedule of %s what to send', (source) => {
    const event = { source, 'detail-type': 'Scheduled Event', detail: '{}', resources: [] };
    expect(refused(event)).toContain('Give the schedule the input {"sweep": true}');
  });

  test('throws nothing but InvalidRequestError', { timeout: 60_000 }, () => {
    const name = fc.constantFrom(
      ...[
        'Records',
        'EventSource',
        'eventSource',
        'Sns',
        'Message',
        'MessageId',
        'messageId',
        'body',
      ],
      ...['source', 'alarmData', 'detail-type', 'detail', 'resources', 'state', 'value', 'sweep'],
      ...[
        'AlarmName',
        'NewStateValue',
        'Trigger',
        'Metrics',
        '__proto__',
        'constructor',
        'dry_run',
      ],
    );
    const word = fc.constantFrom(
      ...['aws:sns', 'aws:sqs', 'aws.cloudwatch', 'CloudWatch Alarm State Change', 'ALARM'],
      ...['Scheduled Event', alarmArn('a'), JSON.stringify(snsMessage()), '2026-01-01T00:00:00Z'],
    );
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(word, fc.jsonValue(), fc.constant(true)),
      list: fc.array(tie('tree'), { maxLength: 4 }),
      object: fc.dictionary(fc.oneof({ weight: 5, arbitrary: name }, fc.string()), tie('tree')),
      tree: fc.oneof({ depthSize: 'medium' }, tie('leaf'), tie('list'), tie('object')),
    }));
    fc.assert(
      fc.property(fc.oneof(tree, fc.anything()), (event) => {
        try {
          parseEvent(event);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequestError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('takes time in proportion to what it reads', () => {
    const million = 'x-'.repeat(500_000);
    parseEvent(directAlarm({ arn: `arn:aws:cloudwatch:eu-${million}`, name: million }));
    parseEvent(
      snsEvent([million, `${'['.repeat(500_000)}`, { ...snsMessage(), StateChangeTime: million }]),
    );
    parseEvent(sqsEvent(Array(1_000).fill(snsMessage()), 'sns'));
    refused({ [million]: 1, dry_run: 1, sweep: true });
  });
});

function records(event: JsonObject): readonly unknown[] {
  return event['Records'] as readonly unknown[];
}
