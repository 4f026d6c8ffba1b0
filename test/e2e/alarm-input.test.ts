/**
 * What no alarm should be, and what may be down: each event is answered or, where only a retry helps,
 * comes again; nothing is moved by a guess, and people are told.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../src/domain/limits.ts';
import { startHttpProxy } from '../contract/http-proxy.ts';
import {
  localAlarmArn,
  putCompositeAlarm,
  putMetricAlarm,
  setAlarmState,
} from '../engines/alarms.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { freePort } from '../engines/processes.ts';
import {
  type AlarmParts,
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
} from '../fakes/alarm-events.ts';
import {
  type AlarmWorld,
  createAlarmWorld,
  hourMs,
  minuteMs,
  openRegistryGate,
} from './alarm-world.ts';
import { startFunction } from './function-process.ts';
import { type Answer, answerIn, failureIn } from './reply.ts';
import { isEngineMissing, type ReceivedNotice, type Settings, suiteTitle } from './world.ts';

const STAGES = ['Archived', 'Archived', 'Production'] as const;
const COUNT_OF_METRICS = 500;
const TWO_MB = '模'.repeat(700_000);

let world: AlarmWorld;
/** A model that any rightful alarm would roll back. */
let model = '';

describe.skipIf(isEngineMissing)(suiteTitle('an event'), () => {
  beforeAll(async () => {
    world = await createAlarmWorld({ ROLLBACK_BLAST_RADIUS: 'off' });
  });
  afterAll(() => world?.close());
  beforeEach(async () => {
    model = await world.model(STAGES);
  });

  const red = (): JsonObject => directAlarm({ name: uniqueName('alarm'), model, atMs: Date.now() });
  const noticesOf = async (alarmName: string): Promise<readonly ReceivedNotice[]> =>
    (await world.published()).filter(({ message }) => message['triggered_by'] === alarmName);

  /** Answered, announced, recorded, and nothing moved. */
  async function expectFailed(answer: Answer, message: RegExp): Promise<void> {
    expect(answer).toMatchObject({
      rolled_back: false,
      from_version: null,
      to_version: null,
      outcome: 'FAILED',
      message: expect.stringMatching(message),
      notified: true,
      plan: null,
    });
    // Whatever came in: nothing is stored or sent on that is long, or that could mislead a terminal.
    expect(answer.message.length).toBeLessThan(2_100);
    expect(answer.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    const { outcome, notified } = await world.recorded(answer);
    expect({ outcome, notified }).toEqual({ outcome: 'FAILED', notified: true });
  }

  /** Sources of their own: people are told of each once an hour. */
  const fromTopic = (message: unknown): { event: JsonObject; source: string } => {
    const source = `${topicArn}-${uniqueName('t')}`;
    const event = patched(snsEvent([message]), ['Records', 0, 'Sns', 'TopicArn'], source);
    return { event, source };
  };
  const fromQueue = (body: unknown): { event: JsonObject; source: string } => {
    const source = `${queueArn}-${uniqueName('q')}`;
    const event = patched(sqsEvent([body], 'raw'), ['Records', 0, 'eventSourceARN'], source);
    return { event, source };
  };

  describe('that is no alarm', () => {
    test.each([
      ['a word', 'hello'],
      ['nothing', ''],
      ['JSON that was cut off', '{"AlarmName": "cut o'],
      ['an array', '[]'],
      ['null', 'null'],
      ['a number', '7'],
      ['an empty object', '{}'],
      ['a sweep', '{"sweep": true}'],
      ['half an alarm', '{"AlarmName": "x"}'],
      ['a prototype', `{"__proto__": {"AlarmName": "x", "NewStateValue": "ALARM"}}`],
      ['control characters', '\u0000\u001b[2J\u2028 text that clears screens'],
      ['2 MB', TWO_MB],
    ])('is answered, and people are told once an hour: %s', async (_, text) => {
      for (const isQueued of [false, true]) {
        const { event, source } = isQueued ? fromQueue(text) : fromTopic(text);
        const results = [];
        for (let count = 1; count <= 3; count += 1) {
          const reply = isQueued ? await world.askQueue(event) : await world.askTopic(event);
          if (isQueued) expect(reply).toMatchObject({ batchItemFailures: [] });
          results.push(...reply.results);
        }
        const [first, ...others] = results;
        await expectFailed(first ?? expect.fail('no answer'), /^The (message|event) /);
        expect(first).toMatchObject({ model_name: null, replayed: false });
        expect(first?.message).toContain(source);
        expect(others).toMatchObject([{ replayed: true }, { replayed: true }]);
        const told = (await world.published()).filter(
          ({ message }) => message['rollback_id'] === first?.rollback_id,
        );
        expect(told).toHaveLength(1);
        expect(told[0]?.subject).toMatch(/^Model Rollback failed: [ -~]{1,99}$/);
      }
    });

    test('with a request in it does not ask for one: a topic is no place for requests', async () => {
      const { event } = fromTopic({ model_name: model });
      const { results } = await world.askTopic(event);
      await expectFailed(results[0] ?? expect.fail('no answer'), /not an alarm/);
    });

    test.each([
      ['Records of another service', { Records: [{ eventSource: 'aws:s3' }] }],
      ['Records of a topic and a queue', mixed()],
      ['a Record of a queue without an id', withoutId()],
      ['Records that are none', { Records: [null, 7] }],
      ['an alarm with dry_run', { ...directAlarm(), dry_run: true }],
      [
        'a schedule without an input',
        { 'detail-type': 'Scheduled Event', source: 'aws.scheduler' },
      ],
      ['null', null],
      ['an array', [directAlarm()]],
      ['a text', 'ALARM'],
      ['an empty object', {}],
    ])('is an InvalidRequestError, and nothing is written: %s', async (_, event) => {
      const before = await world.everything(model);
      const failure = failureIn(await world.way.send(event));
      expect(failure).toMatchObject({ errorType: 'InvalidRequestError', code: 'INVALID_REQUEST' });
      expect(failure.message.length).toBeLessThan(1_000);
      expect(await world.everything(model)).toEqual(before);
    });

    test('without Records asks for nothing', async () => {
      const before = await world.everything(model);
      expect(await world.askTopic({ Records: [] })).toMatchObject({ results: [] });
      expect(await world.everything(model)).toEqual(before);
    });
  });

  describe('about an alarm that cannot be right', () => {
    test.each([
      ['without a time', ['alarmData', 'state', 'timestamp'], undefined, /does not say when/],
      [
        'with a time of no calendar',
        ['alarmData', 'state', 'timestamp'],
        '2026-02-30T00:00:00.000+0000',
        /is not a time/,
      ],
      [
        'with a number for a time',
        ['alarmData', 'state', 'timestamp'],
        1_795_000_000,
        /does not say when/,
      ],
      [
        'with another name than its ARN',
        ['alarmData', 'alarmName'],
        'another',
        /is not the one in its ARN/,
      ],
      ['without a state', ['alarmData', 'state', 'value'], undefined, /does not say the state/],
    ])('%s', async (_, path, value, message) => {
      const answer = await world.ask(patched(red(), path, value));
      await expectFailed(answer, message);
      expect(answer.model_name).toBeNull();
    });

    test('without an ARN, and without the parts of one', async () => {
      const whole = snsMessage({ model, atMs: Date.now() });
      const text = patched(patched(whole, ['AlarmArn'], undefined), ['AWSAccountId'], undefined);
      const { results } = await world.askTopic(fromTopic(text).event);
      await expectFailed(results[0] ?? expect.fail('no answer'), /does not say the ARN/);
    });

    test.each([
      ['with an ARN of something else', queueArn, /is not that of an alarm/],
      ['with an ARN in disorder', 'arn:aws:cloudwatch:alarm:x', /is not that of an alarm/],
    ])('%s', async (_, arn, message) => {
      const text = patched(snsMessage({ model, atMs: Date.now() }), ['AlarmArn'], arn);
      const { results } = await world.askTopic(fromTopic(text).event);
      await expectFailed(results[0] ?? expect.fail('no answer'), message);
    });

    test.each([
      ['no metrics', []],
      ['no list of metrics', 'metrics'],
      ['metrics that are none', [null, 7, 'x', {}, { metricStat: { metric: { dimensions: 7 } } }]],
    ])('with %s names no model', async (_, metrics) => {
      const event = patched(red(), ['alarmData', 'configuration', 'metrics'], metrics);
      const answer = await world.ask(event);
      await expectFailed(answer, /names no model.* Set the tag/);
      expect(answer).toMatchObject({ model_name: null, alarm: { watch: 'pending' } });
    });

    test('without a configuration names no model', async () => {
      const answer = await world.ask(patched(red(), ['alarmData', 'configuration'], undefined));
      await expectFailed(answer, /names no model/);
    });

    test('with two models moves neither', async () => {
      const second = await world.model(STAGES);
      const both = { kind: 'math', model: [model, second], atMs: Date.now() } as const;
      const direct = await world.ask(directAlarm({ ...both, name: uniqueName('alarm') }));
      await expectFailed(direct, /names several models/);
      const name = uniqueName('alarm');
      const Dimensions = both.model.map((Value) => ({ Name: 'ModelName', Value }));
      const arn = await putMetricAlarm(world.cloudWatch, name, { input: { Dimensions } });
      await setAlarmState(world.cloudWatch, name, 'ALARM');
      const { results } = await world.askQueue(
        sqsEvent([snsMessage({ ...both, name, arn })], 'sns'),
      );
      await expectFailed(results[0] ?? expect.fail('no answer'), /names several models/);
      expect(await world.mlflow.liveVersions(second)).toEqual(['3']);
    });

    test('with 500 metrics of one model rolls it back; one metric of another, and it does not', async () => {
      const models = Array.from({ length: COUNT_OF_METRICS }, () => model);
      const parts = { kind: 'math', atMs: Date.now() } as const;
      const name = uniqueName('alarm');
      const other = { ...parts, name, model: [...models.slice(1), 'another-model'] };
      await expectFailed(await world.ask(directAlarm(other)), /names several models/);
      const own = { ...(await world.alarm(model)).red(), kind: 'math', model: models } as const;
      const { results } = await world.askTopic(snsEvent([snsMessage(own)]));
      expect(results).toMatchObject([{ outcome: 'ROLLED_BACK', model_name: model }]);
    });

    test('with 2 MB of reason rolls back, and keeps none of it', async () => {
      const event = patched(red(), ['alarmData', 'state', 'reason'], TWO_MB);
      const reasons = patched(event, ['alarmData', 'state', 'reasonData'], TWO_MB);
      const process = await startFunction(world.env());
      const answer = answerIn(await process.invoke(reasons));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: model });
      expect(JSON.stringify(answer).length).toBeLessThan(20_000);
      expect(process.log().length).toBeLessThan(20_000);
      await process.kill();
      const { items } = await world.stored(model);
      expect(JSON.stringify(items)).not.toContain(TWO_MB.slice(0, 100));
      const [notice] = await world.notices(model);
      expect(JSON.stringify(notice).length).toBeLessThan(20_000);
    });

    test('from the future, more than clocks differ', async () => {
      const name = uniqueName('alarm');
      const far = directAlarm({ name, model, atMs: Date.now() + hourMs });
      await expectFailed(await world.ask(far), /in the future/);
      const near = directAlarm({ name, model, atMs: Date.now() + minuteMs });
      expect(await world.ask(near)).toMatchObject({ outcome: 'ROLLED_BACK' });
    });

    test('about a model that is not registered', async () => {
      const name = uniqueName('alarm');
      const answer = await world.ask(directAlarm({ name, model: `no-${model}`, atMs: Date.now() }));
      await expectFailed(answer, /no-/);
      expect(answer.model_name).toBe(`no-${model}`);
      expect(await noticesOf(name)).toHaveLength(1);
    });
  });

  describe('with hostile names', () => {
    test.each([
      ['colons', 'team:churn:error-rate'],
      ['quotes', `it's "quoted"`],
      ['unicode', 'Verlustgrenze – 損失 🚨 ok'],
      ['the looks of an ARN', 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:other'],
      ['the name of a built-in', '__proto__'],
      ['255 characters', 'x'.repeat(244)],
    ])('of an alarm: %s', async (_, beginning) => {
      const name =
        beginning.length > 200 ? `${beginning}${model.slice(-11)}` : `${beginning}/${model}`;
      const parts = (await world.alarm(model, { name })).red();
      const answer = await world.ask(directAlarm(parts));
      expect(answer).toMatchObject({
        outcome: 'ROLLED_BACK',
        alarm_name: name,
        alarm: { arn: localAlarmArn(name) },
      });
      const again = await world.askQueue(sqsEvent([snsMessage(parts)], 'sns'));
      expect(again.results).toMatchObject([{ replayed: true, rollback_id: answer.rollback_id }]);
      const [notice] = await noticesOf(name);
      expect(notice?.subject).toBe(`Model Rollback: ${model}`);
      expect(await world.recorded(answer)).toMatchObject({ alarm_name: name });
    });

    test.each([
      ['control characters', 'line\nbreak'],
      ['half a character', 'half \ud83d'],
      ['more than 255 characters', 'x'.repeat(256)],
      ['a mebibyte', 'x'.repeat(1_048_576)],
    ])('of an alarm, as CloudWatch allows none: %s', async (_, name) => {
      const { event } = fromTopic(snsMessage({ name, model, atMs: Date.now() }));
      const { results } = await world.askTopic(event);
      await expectFailed(results[0] ?? expect.fail('no answer'), /The name in the ARN (has|holds)/);
    });

    test.each([
      ['both kinds of quotes', `a'b"c`],
      ['control characters', 'a\u0000b'],
      ['half a character', 'a\ud83d'],
      ['257 characters', 'x'.repeat(257)],
      ['blanks', '   '],
    ])('of a model: %s', async (_, name) => {
      const answer = await world.ask(
        directAlarm({ name: uniqueName('alarm'), model: name, atMs: Date.now() }),
      );
      await expectFailed(answer, /does not hold a valid model name|names no model/);
      expect(answer.model_name).toBeNull();
    });

    test.each([
      ['a quote', `it's`],
      ['a statement', `'; DROP TABLE registered_models; --`],
      ['unicode', '模型 🚨'],
      ['wildcards', '"%_\\'],
    ])('of a model that exists: %s', async (_, beginning) => {
      const name = uniqueName(beginning);
      await world.mlflow.seedModel(name, STAGES);
      const answer = await world.ask(
        eventBridgeAlarm({ name: uniqueName('alarm'), model: name, atMs: Date.now() }),
      );
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: name });
      expect(await world.mlflow.liveVersions(name)).toEqual(['2']);
    });
  });

  describe('of a composite alarm', () => {
    /** Makes a composite alarm in ALARM that names these as the ones that made it red. */
    async function composite(
      name: string,
      under: string,
      children: readonly string[],
    ): Promise<string> {
      const arn = await putCompositeAlarm(world.cloudWatch, name, `ALARM("${under}")`);
      const triggeringAlarms = children.map((child) => ({ arn: child, state: { value: 'ALARM' } }));
      const data = JSON.stringify({ triggeringAlarms });
      await setAlarmState(world.cloudWatch, name, 'ALARM', { data });
      return arn;
    }
    const ask = async (
      name: string,
      arn: string,
      children: readonly string[],
      settings: Settings = {},
    ): Promise<Answer> =>
      await world.ask(
        directAlarm({
          kind: 'composite',
          name,
          arn,
          children: children.map((child) => ({ arn: child, state: 'ALARM' })),
          atMs: Date.now(),
        }),
        settings,
      );

    test.each([true, false])('that stands in a circle, with a model below: %s', async (isNamed) => {
      const leaf = await world.alarm(isNamed ? model : null);
      const [first, second] = [uniqueName('first'), uniqueName('second')];
      const arns = [localAlarmArn(first), localAlarmArn(second)] as const;
      await composite(first, leaf.name, [arns[1], arns[0], leaf.arn]);
      await composite(second, first, [arns[0], arns[1]]);
      // The rule too, now that both are there.
      const rule = `ALARM("${second}") OR ALARM("${leaf.name}")`;
      await putCompositeAlarm(world.cloudWatch, first, rule);

      const cloudWatch = await startHttpProxy(world.cloudWatch, () => ({ kind: 'pass' }));
      const settings = { AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.url };
      const answer = await ask(second, arns[1], [arns[0], arns[1]], settings);
      await cloudWatch.close();

      if (isNamed) expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', model_name: model });
      else await expectFailed(answer, /names no model/);
      // The other composite alarm and the leaf, each once.
      const looks = cloudWatch.requests.filter(({ headers }) =>
        String(headers['x-amz-target']).endsWith('.DescribeAlarms'),
      );
      expect(looks).toHaveLength(2);
    });

    test.each([
      ['as deep as is read', limits.alarmDepthMax - 1, 'ROLLED_BACK'],
      ['deeper than is read', limits.alarmDepthMax, 'FAILED'],
    ])('over levels %s', async (_, levels, outcome) => {
      const leaf = await world.alarm(model);
      let [under, arn] = [leaf.name, leaf.arn];
      for (let level = 1; level <= levels; level += 1) {
        const name = uniqueName(`level${level}`);
        [under, arn] = [name, await composite(name, under, [arn])];
      }
      const top = uniqueName('top');
      const answer = await ask(top, localAlarmArn(top), [arn]);
      expect(answer.outcome).toBe(outcome);
      expect(await world.mlflow.liveVersions(model)).toEqual([answer.rolled_back ? '2' : '3']);
    });

    test('over children of two models moves neither', async () => {
      const second = await world.model(STAGES);
      const [one, two] = [await world.alarm(model), await world.alarm(second)];
      const name = uniqueName('both');
      const arn = await putCompositeAlarm(world.cloudWatch, name, `ALARM("${one.name}")`);
      await expectFailed(await ask(name, arn, [one.arn, two.arn]), /names several models/);
      expect(await world.mlflow.liveVersions(second)).toEqual(['3']);
    });

    test('over children that do not exist names no model', async () => {
      const name = uniqueName('orphan');
      const answer = await ask(name, localAlarmArn(name), [localAlarmArn(uniqueName('gone'))]);
      await expectFailed(answer, /names no model/);
    });
  });

  describe('of several messages', () => {
    /** An alarm that CloudWatch confirms. */
    const inAlarm = async (of: string | null): Promise<AlarmParts> => (await world.alarm(of)).red();

    test('is answered message by message, whatever stands beside', async () => {
      const second = await world.model(STAGES);
      const messages = [
        snsMessage(await inAlarm(model)),
        'not JSON',
        snsMessage(await inAlarm(null)),
        snsMessage({ ...(await inAlarm(model)), state: 'OK' }),
        snsMessage(await inAlarm(second)),
        snsMessage(await inAlarm(second)),
      ];
      const reply = await world.askQueue(sqsEvent(messages, 'sns'));
      expect(reply.batchItemFailures).toEqual([]);
      expect(reply.results.map(({ outcome }) => outcome)).toEqual([
        'ROLLED_BACK',
        'FAILED',
        'FAILED',
        'IGNORED',
        'ROLLED_BACK',
        'REFUSED',
      ]);
      const topic = await world.askTopic(snsEvent(messages));
      expect(topic.results.map(({ outcome }) => outcome)).toEqual(
        reply.results.map(({ outcome }) => outcome),
      );
      // The text comes from another place now, of which people were not told yet.
      const ids = (results: readonly Answer[]): readonly (string | null)[] =>
        results.filter((_, index) => index !== 1).map(({ rollback_id }) => rollback_id);
      expect(ids(topic.results)).toEqual(ids(reply.results));
      expect(await world.notices(model)).toHaveLength(1);
    });

    test('all come again when the table cannot be reached, except what asks for nothing', async () => {
      const down = { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${await freePort()}` };
      const messages = [
        snsMessage(await inAlarm(model)),
        snsMessage({ ...(await inAlarm(model)), state: 'OK' }),
        'not JSON',
        snsMessage(await inAlarm(null)),
      ];
      const before = await world.everything(model);
      const { batchItemFailures, results } = await world.askQueue(sqsEvent(messages, 'raw'), down);
      expect(batchItemFailures).toEqual(
        [0, 2, 3].map((index) => ({ itemIdentifier: messageId(index) })),
      );
      expect(results).toMatchObject([{ outcome: 'IGNORED' }]);
      const failure = failureIn(await world.way.send(snsEvent(messages.slice(0, 1)), down));
      expect(failure.errorType).toBe('StateStoreUnavailableError');
      expect(await world.everything(model)).toEqual(before);

      const again = await world.askQueue(sqsEvent(messages, 'raw'));
      expect(again.batchItemFailures).toEqual([]);
      expect(again.results.map(({ outcome }) => outcome)).toEqual([
        'ROLLED_BACK',
        'IGNORED',
        'FAILED',
        'FAILED',
      ]);
    });

    test('one comes again, whose own run is at work', async () => {
      const second = await world.model(STAGES);
      await using slow = await openRegistryGate(engine('mlflow').url);
      const release = slow.hold(model);
      const own = await inAlarm(model);
      const messages = [
        snsMessage(await inAlarm(second)),
        snsMessage(own),
        snsMessage({ ...own, state: 'OK' }),
        'not JSON',
      ];
      const settings = { MLFLOW_TRACKING_URI: slow.url };
      const running = world.ask(directAlarm(own), settings);
      await expect.poll(() => slow.moves, { timeout: 10_000 }).toEqual([{ model, version: '2' }]);

      const reply = await world.askQueue(sqsEvent(messages, 'sns'), settings);

      expect(reply.batchItemFailures).toEqual([{ itemIdentifier: messageId(1) }]);
      expect(reply.results.map(({ outcome }) => outcome)).toEqual([
        'ROLLED_BACK',
        'IGNORED',
        'FAILED',
      ]);
      release();
      const answer = await running;
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
      const again = await world.askQueue(sqsEvent([snsMessage(own)], 'sns'), settings);
      expect(again).toEqual({ batchItemFailures: [], results: [{ ...answer, replayed: true }] });
      expect(slow.moves.map((move) => move.model)).toEqual([model, second]);
    });
  });

  test('about a series without an id names no model', async () => {
    const event = patched(
      contributorEvent({ name: uniqueName('alarm'), model, atMs: Date.now() }),
      ['detail', 'alarmContributor', 'id'],
      undefined,
    );
    await expectFailed(await world.ask(event), /names no model/);
  });
});

// ---------------------------------------------------------------------------------------------------

function mixed(): JsonObject {
  const { Records: topic } = snsEvent([snsMessage()]) as { Records: unknown[] };
  const { Records: queue } = sqsEvent([snsMessage()], 'sns') as { Records: unknown[] };
  return { Records: [...topic, ...queue] };
}

function withoutId(): JsonObject {
  return patched(sqsEvent([snsMessage()], 'sns'), ['Records', 0, 'messageId'], undefined);
}
