import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AlarmTransition, cloudWatchRef } from '../../../../src/domain/alarm/alarm.ts';
import {
  type AlarmPayload,
  parseAlarmPayload,
  parseAlarmText,
} from '../../../../src/domain/alarm/alarm-payload.ts';
import { limits } from '../../../../src/domain/limits.ts';
import {
  type AlarmKind,
  type AlarmParts,
  alarmArn,
  contributorEvent,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  patched,
  snsMessage,
} from '../../../fakes/alarm-events.ts';

const atMs = Date.UTC(2026, 0, 1, 2, 46);
const forms = [
  ['direct', directAlarm],
  ['EventBridge', eventBridgeAlarm],
  ['SNS', snsMessage],
] as const;
/** Where each form has the parts that tests break. */
const paths = {
  direct: {
    arn: ['alarmArn'],
    name: ['alarmData', 'alarmName'],
    state: ['alarmData', 'state', 'value'],
    time: ['alarmData', 'state', 'timestamp'],
    previous: ['alarmData', 'previousState'],
    subject: ['alarmData', 'configuration'],
  },
  EventBridge: {
    arn: ['resources'],
    name: ['detail', 'alarmName'],
    state: ['detail', 'state', 'value'],
    time: ['detail', 'state', 'timestamp'],
    previous: ['detail', 'previousState'],
    subject: ['detail', 'configuration'],
  },
  SNS: {
    arn: ['AlarmArn'],
    name: ['AlarmName'],
    state: ['NewStateValue'],
    time: ['StateChangeTime'],
    previous: ['OldStateValue'],
    subject: ['Trigger'],
  },
} as const;

const transitionOf = (event: unknown): AlarmTransition => {
  const payload = parseAlarmPayload(event);
  if (payload?.kind !== 'transition') throw new Error(`no transition: ${JSON.stringify(payload)}`);
  return payload.transition;
};
const whyOf = (payload: AlarmPayload | undefined, kind: 'ignored' | 'unreadable'): string => {
  if (payload?.kind !== kind) throw new Error(`not ${kind}: ${JSON.stringify(payload)}`);
  return payload.why;
};
const modelOf = (model: string) => ({ name: 'ModelName', value: model });
const region = { name: 'Region', value: 'eu' };

describe('parseAlarmPayload', () => {
  describe.each(forms)('reads the %s form', (form, make) => {
    const at = paths[form];

    test('of one metric, in full', () => {
      expect(transitionOf(make())).toEqual({
        isFromEventBus: form === 'EventBridge',
        ref: cloudWatchRef(alarmArn('high-drawdown-alarm'), 'high-drawdown-alarm'),
        atMs,
        previousState: 'OK',
        contributor: null,
        isComposite: false,
        dimensions: [region, modelOf('PascalStrategy')],
        isMultiSeries: false,
        childrenInAlarm: [],
      });
    });

    test.each<AlarmKind>(['math', 'anomaly'])(
      'of %s, with the dimensions of every input',
      (kind) => {
        const { dimensions, ...rest } = transitionOf(make({ kind, model: ['A', 'B', 'A'] }));
        expect(dimensions).toEqual([region, modelOf('A'), modelOf('B')]);
        expect(rest).toMatchObject({ isComposite: false, isMultiSeries: false });
      },
    );

    test('of a composite, with those children that are in ALARM', () => {
      const children = ['OK', 'ALARM', 'INSUFFICIENT_DATA', 'ALARM'].map((state, index) => ({
        arn: alarmArn(`child:${index}`),
        state,
      }));
      expect(transitionOf(make({ kind: 'composite', children }))).toMatchObject({
        isComposite: true,
        dimensions: [],
        isMultiSeries: false,
        childrenInAlarm: [alarmArn('child:1'), alarmArn('child:3')],
      });
      const forced = transitionOf(make({ kind: 'composite', children: [] }));
      expect(forced).toMatchObject({ isComposite: true, childrenInAlarm: [] });
    });

    test.each<AlarmKind>(['multi-series', 'promql'])(
      'of %s, as one that names no model',
      (kind) => {
        expect(transitionOf(make({ kind }))).toMatchObject({
          isComposite: false,
          dimensions: [],
          isMultiSeries: true,
          contributor: null,
        });
      },
    );

    test('of one series, with its attributes', () => {
      const contributor = { id: 'abc', attributes: { ModelName: 'A', Desk: 'fx' } };
      expect(transitionOf(make({ kind: 'multi-series', contributor })).contributor).toEqual({
        id: 'abc',
        attributes: [modelOf('A'), { name: 'Desk', value: 'fx' }],
      });
    });

    test('of a log alarm, as one that names no model', () => {
      expect(transitionOf(make({ kind: 'log' }))).toMatchObject({
        isComposite: false,
        dimensions: [],
        isMultiSeries: false,
        childrenInAlarm: [],
      });
    });

    test('of another dimension name', () => {
      const { dimensions } = transitionOf(make({ dimension: 'model', model: 'A' }));
      expect(dimensions).toEqual([region, { name: 'model', value: 'A' }]);
    });

    test.each(['OK', 'INSUFFICIENT_DATA', 'PAUSED', ''])('as ignored in state %j', (state) => {
      expect(parseAlarmPayload(make({ state }))).toEqual({
        kind: 'ignored',
        why: `The alarm went to "${state}"; only ALARM asks for a rollback.`,
        alarmName: 'high-drawdown-alarm',
      });
    });

    test('as ignored when it is not in ALARM, whatever else is broken', () => {
      for (const path of [at.arn, at.name, at.time, at.previous, at.subject]) {
        expect(parseAlarmPayload(patched(make({ state: 'OK' }), path, 7))?.kind).toBe('ignored');
      }
    });

    test('as ignored when its actions are suppressed', () => {
      const event = make({ kind: 'composite', suppressedBy: 'WaitPeriod' });
      expect(whyOf(parseAlarmPayload(event), 'ignored')).toBe(
        'The actions of the alarm are suppressed.',
      );
    });

    test('whatever the state was before', () => {
      for (const [previousState, read] of [
        ['ALARM', 'ALARM'],
        ['INSUFFICIENT_DATA', 'INSUFFICIENT_DATA'],
        ['SOMETHING', null],
        [null, null],
      ] as const) {
        expect(transitionOf(make({ previousState })).previousState).toBe(read);
      }
    });

    test('as unreadable without a sound ARN, and says so', () => {
      for (const [arn, why] of [
        [undefined, 'The event does not say the ARN of the alarm.'],
        [7, 'The event does not say the ARN of the alarm.'],
        ['high-drawdown-alarm', 'The ARN is not that of an alarm: "high-drawdown-alarm".'],
        ['arn:aws:sns:eu-west-1:111122223333:alarm:x', 'The ARN is not that of an alarm'],
      ] as const) {
        // A message tells the parts of it too.
        if (form === 'SNS' && typeof arn !== 'string') continue;
        const value = form === 'EventBridge' && arn !== undefined ? [arn] : arn;
        const payload = parseAlarmPayload(patched(make(), at.arn, value));
        expect(payload).toMatchObject({ arn: null, name: 'high-drawdown-alarm' });
        expect(whyOf(payload, 'unreadable')).toContain(why);
      }
    });

    test('as unreadable when its name is not the one in its ARN', () => {
      expect(parseAlarmPayload(patched(make(), at.name, 'other'))).toEqual({
        kind: 'unreadable',
        why: 'The name of the alarm, "other", is not the one in its ARN, "high-drawdown-alarm".',
        arn: alarmArn('high-drawdown-alarm'),
        name: 'other',
      });
    });

    test('as unreadable when its state is no text', () => {
      const why = whyOf(parseAlarmPayload(patched(make(), at.state, 3)), 'unreadable');
      expect(why).toBe('The event does not say the state of the alarm.');
    });

    test.each([undefined, null, 1_767_235_560_000, {}, ['2026-01-01T00:00:00Z']])(
      'as unreadable when its time is %j, and takes no other time for it',
      (time) => {
        const payload = parseAlarmPayload(patched(make(), at.time, time));
        expect(payload).toMatchObject({ arn: alarmArn('high-drawdown-alarm') });
        expect(whyOf(payload, 'unreadable')).toContain('does not say when the alarm went to ALARM');
      },
    );

    test('with optional parts of a wrong type as absent', () => {
      expect(transitionOf(patched(make(), at.subject, 'x')).dimensions).toEqual([]);
      expect(transitionOf(patched(make(), at.previous, 7)).previousState).toBeNull();
      expect(transitionOf(patched(make(), at.name, 7)).ref.name).toBe('high-drawdown-alarm');
      // By its name a message is told to be one.
      if (form === 'SNS') return;
      expect(transitionOf(patched(make(), at.name, undefined)).ref.name).toBe(
        'high-drawdown-alarm',
      );
    });
  });

  test('reads the event of one series', () => {
    expect(transitionOf(contributorEvent({ model: 'A' }))).toMatchObject({
      isFromEventBus: true,
      previousState: null,
      isMultiSeries: true,
      dimensions: [],
      contributor: { id: '0123456789abcdef', attributes: [modelOf('A')] },
    });
    expect(parseAlarmPayload(contributorEvent({ state: 'OK' }))?.kind).toBe('ignored');
  });

  test('gives the same alarm the same instant on every path', () => {
    const times = [...forms, ['', contributorEvent] as const].map(
      ([, make]) => transitionOf(make({ atMs: atMs + 7 })).atMs,
    );
    expect(times).toEqual([atMs + 7, atMs + 7, atMs + 7, atMs + 7]);
  });

  test.each(['CloudWatch Alarm Configuration Change', 'Something\nNew'])(
    'ignores the event %j, also in ALARM',
    (detailType) => {
      const event = { ...eventBridgeAlarm(), 'detail-type': detailType };
      expect(parseAlarmPayload(event)).toEqual({
        kind: 'ignored',
        why: `The event "${detailType.replace('\n', '\\n')}" is not about a change of an alarm's state.`,
        alarmName: 'high-drawdown-alarm',
      });
    },
  );

  test('ignores muted alarms, which the event bus delivers all the same', () => {
    const why = 'The actions of the alarm are muted.';
    expect(whyOf(parseAlarmPayload(eventBridgeAlarm({ isMuted: true })), 'ignored')).toBe(why);
    expect(whyOf(parseAlarmPayload(contributorEvent({ isMuted: true })), 'ignored')).toBe(why);
  });

  test('takes a composite that acts late, after its wait period', () => {
    const event = patched(
      directAlarm({ kind: 'composite', previousState: 'ALARM' }),
      ['alarmData', 'previousState', 'actionsSuppressedBy'],
      'WaitPeriod',
    );
    expect(transitionOf(event).previousState).toBe('ALARM');
    const isNull = patched(event, ['alarmData', 'state', 'actionsSuppressedBy'], null);
    expect(transitionOf(isNull).isComposite).toBe(true);
  });

  test.each([
    null,
    undefined,
    7,
    'ALARM',
    [],
    {},
    { model_name: 'm' },
    { source: 'aws.cloudwatch' },
    { source: 'aws.cloudwatch', alarmData: null },
    { source: 'aws.events', 'detail-type': 'CloudWatch Alarm State Change', detail: {} },
    { alarmData: { state: { value: 'ALARM' } } },
    { AlarmName: 'a' },
    { NewStateValue: 'ALARM' },
  ])('knows %j for none of the forms', (value) => {
    expect(parseAlarmPayload(value)).toBeUndefined();
  });

  test.each([
    { source: 'aws.cloudwatch', alarmData: 'x' },
    { source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change' },
    { source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change', detail: [] },
    { AlarmName: null, NewStateValue: null },
  ])('tells people of %j', (value) => {
    expect(parseAlarmPayload(value)).toEqual({
      kind: 'unreadable',
      why: 'The event does not say the state of the alarm.',
      arn: null,
      name: null,
    });
  });

  test.each([
    ['2026-01-01T02:46:00.000+0000', atMs],
    ['2026-01-01T02:46:00.000Z', atMs],
    ['2026-01-01T02:46:00Z', atMs],
    ['2026-01-01T03:46:00.000+01:00', atMs],
    ['2025-12-31T21:16:00.000-0530', atMs],
    ['2026-01-01T02:46:00.0079999+0000', atMs + 7],
    ['2026-01-01T02:46:00.5Z', atMs + 500],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
    ['2099-12-31T23:59:59.999Z', Date.UTC(2100, 0) - 1],
  ])('reads the time %s', (time, read) => {
    expect(transitionOf(patched(snsMessage(), ['StateChangeTime'], time)).atMs).toBe(read);
  });

  test.each([
    '',
    'yesterday',
    '2026-01-01',
    '2026-01-01T02:46:00',
    '2026-01-01 02:46:00Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T02:46:60Z',
    '2026-01-01T02:46:00+9900',
    '2026-01-01T02:46:00Z\n',
    '1767235560000',
    '1970-01-01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '+012026-01-01T00:00:00Z',
    '٢٠٢٦-01-01T00:00:00Z',
  ])('does not take %j for a time', (time) => {
    const payload = parseAlarmPayload(patched(snsMessage(), ['StateChangeTime'], time));
    expect(whyOf(payload, 'unreadable')).toContain('which is not a time such as 2026-');
  });

  test.each([
    'a:b:alarm:c',
    `it's "quoted"`,
    'größe 模型 🚨',
    'constructor',
    '__proto__',
    ' a ',
    '%41',
    'x'.repeat(255),
  ])('takes the name %s', (name) => {
    for (const [, make] of forms) expect(transitionOf(make({ name })).ref.name).toBe(name);
  });

  test.each([
    ['x'.repeat(256), 'more than 255 characters'],
    ['a\nb', 'holds characters that no alarm name has: "a\\nb"'],
    ['a\ud800', 'holds characters that no alarm name has: "a\\ud800"'],
  ])('does not take the name %j', (name, why) => {
    const payload = parseAlarmPayload(directAlarm({ name }));
    expect(whyOf(payload, 'unreadable')).toContain(why);
    expect(payload).toMatchObject({ arn: null });
    const shown = payload?.kind === 'unreadable' ? (payload.name ?? '') : '';
    expect(shown.length).toBeLessThanOrEqual(255);
    expect(shown).toBe(shown.toWellFormed());
  });

  test('keeps to its bounds', () => {
    const metrics = Array.from({ length: 500 }, (_, index) => ({
      id: `m${index}`,
      metricStat: {
        metric: {
          dimensions: Object.fromEntries(
            Array.from({ length: 30 }, (__, key) => [`d${key}`, `${index}`]),
          ),
        },
      },
    }));
    const event = patched(directAlarm(), ['alarmData', 'configuration', 'metrics'], metrics);
    expect(transitionOf(event).dimensions).toHaveLength(limits.alarmDimensionsMax);

    const attributes = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`a${index}`, 'x']),
    );
    const { contributor } = transitionOf(
      contributorEvent({ contributor: { id: 'c', attributes } }),
    );
    expect(contributor?.attributes).toHaveLength(50);

    const children = Array.from({ length: 120 }, (_, index) => ({
      arn: alarmArn(`c${index}`),
      state: 'ALARM',
    }));
    for (const [, make] of forms) {
      const { childrenInAlarm } = transitionOf(make({ kind: 'composite', children }));
      expect(childrenInAlarm).toHaveLength(100);
    }
  });

  test('passes over what is too long, and does not cut it into another name', () => {
    const long = 'x'.repeat(limits.alarmTextLengthMax + 1);
    expect(transitionOf(directAlarm({ model: long })).dimensions).toEqual([region]);
    expect(transitionOf(snsMessage({ model: long.slice(1) })).dimensions).toHaveLength(2);
    const contributor = { id: long, attributes: {} };
    expect(transitionOf(contributorEvent({ contributor })).contributor).toBeNull();
  });

  test('reads dimensions as a map or a list, in either spelling, and passes over the rest', () => {
    const path = ['Trigger', 'Dimensions'];
    const list = [
      { name: 'a', value: '1' },
      { Name: 'b', Value: '2' },
      { name: 'c', value: 3 },
      { name: '', value: '4' },
      { name: 'e', value: '' },
      { value: '5' },
      null,
      'x',
      [['y']],
    ];
    const read = [
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ];
    expect(transitionOf(patched(snsMessage(), path, list)).dimensions).toEqual(read);
    const map = { a: '1', b: '2', c: 3 };
    expect(transitionOf(patched(snsMessage(), path, map)).dimensions).toEqual(read);
  });

  test('reads on after a metric that is none', () => {
    const path = ['detail', 'configuration', 'metrics', 0];
    const event = eventBridgeAlarm({ kind: 'math', model: 'A' });
    for (const broken of [null, 7, 'x', [], { metricStat: 3 }, { metricStat: { metric: [] } }]) {
      expect(transitionOf(patched(event, path, broken)).dimensions).toEqual([region, modelOf('A')]);
    }
  });

  test('knows a query by its first word, and not one with dimensions beside it', () => {
    const path = ['Trigger', 'Metrics', 0, 'Expression'];
    const math = snsMessage({ kind: 'math' });
    expect(transitionOf(patched(math, path, 'SELECT MAX(x) FROM y')).isMultiSeries).toBe(false);
    const query = snsMessage({ kind: 'multi-series' });
    for (const [expression, isQuery] of [
      ['\n select max(x) from y', true],
      ['SELECTED + 1', false],
      ['MAX(SELECT)', false],
    ] as const) {
      expect(transitionOf(patched(query, path, expression)).isMultiSeries).toBe(isQuery);
    }
  });

  test.each([
    'not JSON',
    '[]',
    'null',
    '{"triggeringAlarms": {}}',
    '{"triggeringAlarms": [null, 3, {"arn": 3}, {"arn": "x", "state": {"value": "ALARM"}}]}',
    '['.repeat(50_000),
    'x'.repeat(2_000_000),
    JSON.stringify({
      triggeringAlarms: [{ arn: alarmArn('c'), state: { value: 'ALARM' } }],
      padding: 'x'.repeat(300_000),
    }),
  ])('finds no children in the reason data %#', (reasonData) => {
    const path = ['alarmData', 'state', 'reasonData'];
    const event = patched(directAlarm({ kind: 'composite' }), path, reasonData);
    expect(transitionOf(event).childrenInAlarm).toEqual([]);
  });

  test('takes the children of composites only', () => {
    const message = { ...snsMessage({ kind: 'composite' }), Trigger: { MetricName: 'x' } };
    expect(transitionOf(message)).toMatchObject({ isComposite: false, childrenInAlarm: [] });
    const path = ['alarmData', 'configuration', 'metrics'];
    const event = patched(directAlarm({ kind: 'composite' }), path, [{ id: 'm1' }]);
    expect(transitionOf(event)).toMatchObject({ isComposite: false, childrenInAlarm: [] });
  });

  test('is not misled by __proto__', () => {
    const text = JSON.stringify(snsMessage()).replace(
      '"Trigger":{',
      '"__proto__":{"AlarmRule":"x"},"Trigger":{"__proto__":{"Metrics":[{"Expression":"SELECT 1"}]},',
    );
    expect(transitionOf(JSON.parse(text))).toEqual(transitionOf(snsMessage()));
    const named = JSON.parse('{"__proto__": "A", "constructor": "B"}');
    const path = ['Trigger', 'Dimensions'];
    expect(transitionOf(patched(snsMessage(), path, [])).dimensions).toEqual([]);
    const contributor = {
      ...snsMessage(),
      AlarmContributorId: 'c',
      AlarmContributorAttributes: named,
    };
    expect(transitionOf(contributor).contributor?.attributes).toEqual([
      { name: '__proto__', value: 'A' },
      { name: 'constructor', value: 'B' },
    ]);
  });

  test('passes over unknown fields, however deep and large', () => {
    let deep: JsonObject = {};
    for (let depth = 0; depth < 50_000; depth += 1) deep = { deep };
    const event = { ...directAlarm(), deep, reason: 'x'.repeat(2_000_000) };
    expect(transitionOf(event)).toEqual(transitionOf(directAlarm()));
  });
});

describe('parseAlarmText', () => {
  test.each<[string, JsonObject]>([
    ['SNS', snsMessage()],
    ['direct', directAlarm()],
    ['EventBridge', eventBridgeAlarm()],
    ['contributor', contributorEvent()],
  ])('reads the %s form', (_, event) => {
    expect(parseAlarmText(JSON.stringify(event))).toEqual(parseAlarmPayload(event));
    expect(parseAlarmText(JSON.stringify(event)).kind).toBe('transition');
  });

  test('reads a message with a reason of 2 MB', () => {
    const message = { ...snsMessage(), NewStateReason: 'x'.repeat(2_000_000) };
    expect(parseAlarmText(JSON.stringify(message)).kind).toBe('transition');
  });

  test('ignores notices of this product', () => {
    const notice = { model_name: 'm', triggered_by: 'a', rollback_id: 'm/1', outcome: 'REFUSED' };
    expect(parseAlarmText(JSON.stringify(notice))).toEqual({
      kind: 'ignored',
      why: 'The message is a notice from model-rollback.',
      alarmName: null,
    });
    const { outcome: _, ...other } = notice;
    expect(parseAlarmText(JSON.stringify(other)).kind).toBe('unreadable');
  });

  test.each([
    ['', 'The message is empty.'],
    [' \n', 'The message is empty.'],
    ['disk full', 'The message is not JSON: "disk full".'],
    ['{"a": 1', 'The message is not JSON: "{\\"a\\": 1".'],
    ['[1, 2]', 'The message is a JSON array, not an alarm: "[1, 2]".'],
    ['7', 'The message is a single JSON value, not an alarm: "7".'],
    ['null', 'The message is a single JSON value, not an alarm: "null".'],
    ['"ALARM"', 'The message is a single JSON value, not an alarm: "\\"ALARM\\"".'],
    ['{"a": 1}', 'The message is a JSON object, but not an alarm: "{\\"a\\": 1}".'],
    ['\u001b[2J\u202e\u2028', 'The message is not JSON: "\\u001b[2J\\u202e\\u2028".'],
  ])('says what %j is', (text, why) => {
    expect(parseAlarmText(text)).toEqual({ kind: 'unreadable', why, arn: null, name: null });
  });

  test.each(['x', '"', '\n', '\u0007', '🚨', '\ud83d'])('shows little of many %j', (character) => {
    const why = whyOf(parseAlarmText(character.repeat(1_000)), 'unreadable');
    const [, shown = ''] = /"(.*)…"\.$/.exec(why) ?? [];
    if (character === '\n') expect(why).toBe('The message is empty.');
    else expect(shown).not.toBe('');
    expect(shown.length).toBeLessThanOrEqual(80);
    expect(why).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('is not upset by deep nesting', () => {
    const text = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(parseAlarmText(text).kind).toBe('unreadable');
  });

  test('reads any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        expect(['unreadable', 'ignored']).toContain(parseAlarmText(text).kind);
      }),
    );
  });

  test('makes a transition of nothing but an ALARM with name and time', () => {
    // Whatever is put at one place of a sound alarm, the result is sound or none.
    const sound = forms.map(([, make]) => make({ kind: 'composite' } satisfies AlarmParts));
    const pathsOf = (value: unknown, path: (string | number)[] = []): (string | number)[][] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => [
            [...path, key],
            ...pathsOf(inner, [...path, key]),
          ])
        : [];
    const places = sound.flatMap((event) => pathsOf(event).map((path) => ({ event, path })));
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('ALARM', 'OK', undefined, 0));
    fc.assert(
      fc.property(fc.constantFrom(...places), value, ({ event, path }, put) => {
        const payload = parseAlarmPayload(patched(event, path, put));
        if (payload?.kind !== 'transition') return;
        const { transition } = payload;
        expect(transition.ref.id).toBe(alarmArn(transition.ref.name));
        expect(transition.atMs).toBe(atMs);
      }),
      { numRuns: 2_000 },
    );
  });
});
