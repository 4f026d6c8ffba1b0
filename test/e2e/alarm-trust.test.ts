/**
 * What a topic and a queue bring, through the built bundle: whoever may publish there may write what they
 * like, and nothing is moved by it that CloudWatch does not confirm. CloudWatch is MiniStack with its real
 * DescribeAlarms and DescribeAlarmHistory; where it has to refuse, a proxy answers as AWS does.
 */
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import { LOCAL_ACCOUNT, putMetricAlarm } from '../engines/alarms.ts';
import { createWatchedTopic, localClientConfig } from '../engines/aws.ts';
import { uniqueName } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import { freePort } from '../engines/processes.ts';
import {
  type AlarmParts,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  patched,
  snsEvent,
  snsMessage,
  sqsEvent,
  topicArn,
} from '../fakes/alarm-events.ts';
import {
  type AlarmWorld,
  ahead,
  createAlarmWorld,
  minuteMs,
  openQueue,
  type QueueReply,
} from './alarm-world.ts';
import type { Answer } from './reply.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

const STAGES = ['Archived', 'Archived', 'Production'] as const;
const NO_COOLDOWN: Settings = { ROLLBACK_COOLDOWN_HOURS: '0', ROLLBACK_BUDGET: 'off' };

/** Ways for a message to come. */
const WAYS: readonly {
  readonly name: string;
  deliver(parts: AlarmParts, settings?: Settings): Promise<Answer>;
}[] = [
  {
    name: 'a topic',
    deliver: async (parts, settings) =>
      only((await world.askTopic(snsEvent([snsMessage(parts)]), settings)).results),
  },
  {
    name: 'a queue under a topic, published by somebody',
    deliver: async (parts, settings) =>
      answered(await world.askQueue(await published(snsMessage(parts)), settings)),
  },
  {
    name: 'a queue under a rule',
    deliver: async (parts, settings) =>
      answered(await world.askQueue(sqsEvent([eventBridgeAlarm(parts)], 'eventbridge'), settings)),
  },
];

/** Each test has a table of its own: people are told once an hour for each source. */
let world: AlarmWorld;
/** The model that real alarms are about, and the one that somebody wants to roll back. */
let model = '';
let victim = '';
let proxy: HttpProxy | undefined;

describe.skipIf(isEngineMissing)(suiteTitle('whoever may publish to the topic'), () => {
  beforeEach(async () => {
    world = await createAlarmWorld();
    model = await world.model(STAGES);
    victim = await world.model(STAGES);
  });
  afterEach(async () => {
    await world?.close();
    await proxy?.close();
    proxy = undefined;
  });

  const madeUp = (more: AlarmParts = {}): AlarmParts => ({
    name: uniqueName('made-up'),
    account: LOCAL_ACCOUNT,
    model: victim,
    atMs: Date.now(),
    ...more,
  });

  async function expectRefused(answer: Answer, why: RegExp): Promise<void> {
    expect(answer).toMatchObject({
      rolled_back: false,
      model_name: null,
      from_version: null,
      to_version: null,
      outcome: 'REFUSED',
      message: expect.stringMatching(why),
      refusals: [{ code: 'ALARM_NOT_CONFIRMED', overridable: false, clears_at: null }],
      plan: null,
    });
    const { outcome, refusals } = await world.recorded(answer);
    expect({ outcome, codes: refusals.map(({ code }) => code) }).toEqual({
      outcome: 'REFUSED',
      codes: ['ALARM_NOT_CONFIRMED'],
    });
    await expectUntouched(model);
    await expectUntouched(victim);
  }

  async function expectUntouched(name: string): Promise<void> {
    const { versions, items } = await world.stored(name);
    expect(versions.map(({ stage }) => stage)).toEqual(STAGES);
    // Neither state nor a record, under any key of this model.
    expect(JSON.stringify(items)).not.toContain(`MODEL#/${name}`);
    expect(await world.notices(name)).toEqual([]);
  }

  test.each(WAYS)('cannot roll back a model by a made-up alarm: $name', async ({ deliver }) => {
    const parts = madeUp();
    const answer = await deliver(parts);
    await expectRefused(answer, /^CloudWatch has no alarm /);
    expect(answer).toMatchObject({ alarm_name: parts.name, notified: true });
    const [notice, ...others] = await world.published();
    expect(others).toEqual([]);
    expect(notice).toMatchObject({
      subject: `Model Rollback refused: ${parts.name}`,
      message: { outcome: 'REFUSED', refusals: [{ code: 'ALARM_NOT_CONFIRMED' }] },
    });
    await world.sweep(ahead(5 * minuteMs));
    await expectUntouched(victim);
  });

  test.each(WAYS)(
    'cannot roll back a model by a real alarm with another model in it: $name',
    async ({ deliver }) => {
      const alarm = await world.alarm(model);
      const answer = await deliver({ ...alarm.red(), model: victim });
      // The alarm is real: its own model is rolled back.
      expect(answer).toMatchObject({
        outcome: 'ROLLED_BACK',
        model_name: model,
        alarm_name: alarm.name,
        alarm: { model_source: 'dimension' },
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const { items } = await world.stored(model);
      expect(JSON.stringify(items)).toContain(`MODEL#/${model}`);
      await expectUntouched(victim);
    },
  );

  test.each(WAYS)('cannot roll back by a real alarm that is OK: $name', async ({ deliver }) => {
    const alarm = await world.alarm(model, { state: 'OK' });
    const answer = await deliver({ ...alarm.red(), atMs: Date.now() });
    await expectRefused(answer, /is OK now, and .* did not go to ALARM at /);
    expect(answer.alarm?.watch).toBe('pending');
    await world.sweep(ahead(2 * minuteMs));
    expect((await world.recorded(answer)).alarm?.watch).toBe('recovered');
    await expectUntouched(model);
  });

  test('cannot roll back twice by the same change with other times', async () => {
    const alarm = await world.alarm(model);
    const parts = alarm.red();
    const first = only((await world.askTopic(snsEvent([snsMessage(parts)]), NO_COOLDOWN)).results);
    expect(first).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
    const times = [0, 1, -999, 1_500, -1_500, 20_000, -minuteMs, -20 * minuteMs];
    for (const offMs of times) {
      const message = snsMessage({ ...parts, atMs: parts.atMs + offMs });
      const event = sqsEvent([message], 'raw');
      expect(answered(await world.askQueue(event, NO_COOLDOWN))).toMatchObject({
        rollback_id: first.rollback_id,
        replayed: true,
      });
    }
    // Nor by the copy that CloudWatch itself delivers.
    const direct = await world.ask(directAlarm(parts), NO_COOLDOWN);
    expect(direct).toMatchObject({ rollback_id: first.rollback_id, replayed: true });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    expect(await world.history(model)).toHaveLength(1);
  });

  test('cannot flood people or the table: one notice and one record an hour for each source', async () => {
    const messages = Array.from({ length: 10 }, () => snsMessage(madeUp()));
    const { results } = await world.askTopic(snsEvent(messages));
    expect(new Set(results.map(({ alarm_name }) => alarm_name)).size).toBe(10);
    expect(await world.history(null)).toHaveLength(1);
    const elsewhere = patched(
      snsEvent([snsMessage(madeUp())]),
      ['Records', 0, 'Sns', 'TopicArn'],
      `${topicArn}-2`,
    );
    await world.askTopic(elsewhere);
    expect(await world.history(null)).toHaveLength(2);
    expect(await world.published()).toHaveLength(2);
    const { results: later } = await world.askTopic(
      snsEvent([snsMessage(madeUp({ atMs: Date.now() + 61 * minuteMs }))]),
      ahead(61 * minuteMs),
    );
    expect(later).toMatchObject([{ outcome: 'REFUSED', notified: true }]);
    expect(await world.published()).toHaveLength(3);
  });

  test('cannot use an account that is not allowed; one that is acts as the message says', async () => {
    const parts = madeUp({ account: '444455556666' });
    const event = snsEvent([snsMessage(parts)]);
    const answer = only((await world.askTopic(event)).results);
    await expectRefused(answer, /add 444455556666 to ROLLBACK_ALLOWED_ACCOUNTS/);
    const allowed = { ROLLBACK_ALLOWED_ACCOUNTS: '111122223333, 444455556666' };
    const trusted = only((await world.askTopic(event, allowed)).results);
    expect(trusted).toMatchObject({ outcome: 'ROLLED_BACK', model_name: victim });
    // The own account is asked, whatever the setting says.
    const own = { ROLLBACK_ALLOWED_ACCOUNTS: LOCAL_ACCOUNT };
    const forged = only((await world.askTopic(snsEvent([snsMessage(madeUp())]), own)).results);
    expect(forged.outcome).toBe('REFUSED');
  });

  test('cannot use the history of a name that is another alarm now', async () => {
    const alarm = await world.alarm(model);
    const parts = alarm.red();
    await alarm.set('OK');
    // MiniStack keeps whole seconds: the new definition is of a later one.
    const isLater = (nowMs: number): boolean => nowMs >= parts.atMs + 1_000;
    await poll(async () => Date.now(), isLater, { timeoutMs: 2_000, pauseMs: 20 });
    await putMetricAlarm(world.cloudWatch, alarm.name, { dimensions: { ModelName: victim } });
    const answer = only((await world.askTopic(snsEvent([snsMessage(parts)]))).results);
    await expectRefused(answer, /under its present definition/);
  });
});

describe.skipIf(isEngineMissing)(suiteTitle('an alarm that a topic brings'), () => {
  beforeEach(async () => {
    world = await createAlarmWorld();
    model = await world.model(STAGES);
  });
  afterEach(async () => {
    await world?.close();
    await proxy?.close();
    proxy = undefined;
  });

  const nowhere = async (): Promise<Settings> => ({
    AWS_ENDPOINT_URL_CLOUDWATCH: `http://127.0.0.1:${await freePort()}`,
  });

  /** CloudWatch that refuses some calls, in AWS's words. */
  async function refusing(operation: RegExp): Promise<Settings> {
    proxy = await startHttpProxy(world.cloudWatch, ({ headers }) => {
      const name = String(headers['x-amz-target']).split('.')[1] ?? '';
      if (!operation.test(name)) return { kind: 'pass' };
      const message =
        'User: arn:aws:sts::000000000000:assumed-role/model-rollback is not authorized to perform: ' +
        `cloudwatch:${name} because no identity-based policy allows the action`;
      const body = JSON.stringify({ __type: 'AccessDenied', message });
      return { kind: 'answer', status: 403, body, contentType: 'application/x-amz-json-1.0' };
    });
    return { AWS_ENDPOINT_URL_CLOUDWATCH: proxy.url };
  }

  test.each(WAYS)('and that was short rolls back by its history: $name', async ({ deliver }) => {
    const alarm = await world.alarm(model);
    const parts = alarm.red();
    await alarm.set('OK');
    const answer = await deliver(parts);
    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      model_name: model,
      alarm: { red_since: new Date(parts.atMs).toISOString() },
    });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('is deferred while CloudWatch is down; the sweep checks it, and refuses what was made up', async () => {
    const alarm = await world.alarm(model);
    const madeUp = { ...alarm.red(), name: uniqueName('made-up'), arn: `${alarm.arn}-made-up` };
    const messages = [alarm.red(), { ...madeUp, name: `${alarm.name}-made-up` }].map(snsMessage);
    const { results } = await world.askTopic(snsEvent(messages), await nowhere());
    expect(results).toMatchObject([
      { outcome: 'DEFERRED', model_name: null, notified: true, alarm: { watch: 'pending' } },
      { outcome: 'DEFERRED', model_name: null, notified: true, alarm: { watch: 'pending' } },
    ]);
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    await world.sweep(ahead(2 * minuteMs));
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    for (const answer of results) {
      expect((await world.recorded(answer)).alarm?.watch).toBe('handed-on');
    }
    const outcomes = (await world.history(null)).map(({ outcome }) => outcome);
    expect(outcomes.toSorted()).toEqual(['DEFERRED', 'DEFERRED', 'REFUSED', 'ROLLED_BACK']);
  });

  test('waits for a person when CloudWatch refuses, and does what the person approves', async () => {
    const alarm = await world.alarm(model);
    const settings = await refusing(/^Describe/);
    const event = snsEvent([snsMessage(alarm.red())]);
    const waiting = only((await world.askTopic(event, settings)).results);
    expect(waiting).toMatchObject({
      outcome: 'AWAITING_APPROVAL',
      model_name: model,
      from_version: '3',
      to_version: '2',
      refusals: [{ code: 'ALARM_NOT_CONFIRMED' }],
      notified: true,
    });
    expect(waiting.message).toContain('cloudwatch:DescribeAlarms');
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    await world.sweep({ ...settings, ...ahead(61 * minuteMs) });
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    const approved = await world.command(['approve', waiting.rollback_id ?? '', '--yes', '--json']);
    expect(approved).toMatchObject({ exitCode: 0, json: { outcome: 'ROLLED_BACK' } });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('needs the history only when it is not in ALARM any more', async () => {
    const settings = await refusing(/^DescribeAlarmHistory$/);
    const short = await world.alarm(model);
    const parts = short.red();
    await short.set('OK');
    const waiting = only((await world.askTopic(snsEvent([snsMessage(parts)]), settings)).results);
    expect(waiting).toMatchObject({ outcome: 'AWAITING_APPROVAL', model_name: model });
    expect(waiting.message).toContain('cloudwatch:DescribeAlarmHistory');
    const another = await world.alarm(model);
    const event = snsEvent([snsMessage(another.red())]);
    expect(only((await world.askTopic(event, settings)).results).outcome).toBe('ROLLED_BACK');
  });
});

// ---------------------------------------------------------------------------------------------------

/** Publishes a message to a topic with a queue under it, and takes what comes out there. */
async function published(message: JsonObject): Promise<JsonObject> {
  const topic = await createWatchedTopic(world.cloudWatch, uniqueName('forged'));
  const queue = await openQueue(world.cloudWatch, topic.topicArn);
  const sns = new SNSClient(localClientConfig(world.cloudWatch));
  const TopicArn = topic.topicArn;
  await sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify(message) }));
  sns.destroy();
  return await queue.next();
}

function answered(reply: QueueReply): Answer {
  expect(reply.batchItemFailures).toEqual([]);
  return only(reply.results);
}

function only(results: readonly Answer[]): Answer {
  expect(results).toHaveLength(1);
  return results[0] ?? expect.fail('no answer');
}
