import { SetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { beforeEach, describe, expect, test } from 'vitest';
import { inspectTopic } from '../../src/adapters/sns/inspect-topic.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Check } from '../../src/domain/answer/check.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { createWatchedTopic, localClientConfig, receiveNotices } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const ministack = engine('ministack');
const TOPIC = 'arn:aws:sns:eu-west-1:000000000000:notices';

describe.skipIf(ministack.isMissing)(ministack.title('inspectTopic on MiniStack'), () => {
  const client = new SNSClient(localClientConfig(ministack.url));
  let arn: string;
  let queueUrl: string;
  beforeEach(async () => {
    const topic = await createWatchedTopic(ministack.url, uniqueName('topic'));
    arn = topic.topicArn;
    queueUrl = topic.queueUrl;
  });

  const inspect = async (use: 'notices' | 'alarms' = 'notices'): Promise<Check> =>
    await inspectTopic(client, { name: 'topic', arn, use }, soon());
  const set = async (AttributeName: string, AttributeValue: string): Promise<void> => {
    await client.send(
      new SetTopicAttributesCommand({ TopicArn: arn, AttributeName, AttributeValue }),
    );
  };
  const allow = (more: object): object => ({ Effect: 'Allow', Action: 'SNS:Publish', ...more });
  const setPolicy = async (...Statement: readonly object[]): Promise<void> => {
    await set('Policy', JSON.stringify({ Version: '2012-10-17', Statement }));
  };

  test.each(['notices', 'alarms'] as const)(
    'finds a new topic for %s in order, and publishes nothing',
    async (use) => {
      expect(await inspect(use)).toMatchObject({ name: 'topic', verdict: 'ok', fix: null });
      expect(await receiveNotices(queueUrl, { count: 1, timeoutMs: 100 })).toEqual([]);
    },
  );

  test('tells a topic that does not exist', async () => {
    const check = await inspectTopic(client, { name: 'topic', arn: TOPIC, use: 'notices' }, soon());
    expect(check).toMatchObject({
      verdict: 'problem',
      message: `The topic ${TOPIC} does not exist.`,
    });
  });

  test('tells a topic that nobody hears', async () => {
    const topic = { name: 'topic', arn: await unheardTopic(), use: 'notices' } as const;
    expect(await inspectTopic(client, topic, soon())).toMatchObject({
      verdict: 'warning',
      message: expect.stringContaining('has no subscriber'),
    });
    const alarms = await inspectTopic(client, { ...topic, use: 'alarms' }, soon());
    expect(alarms).toMatchObject({ verdict: 'problem', fix: 'Subscribe the function.' });
  });

  test.each([
    ['aws/sns', 'problem'],
    ['alias/aws/sns', 'problem'],
    ['arn:aws:kms:eu-west-1:000000000000:alias/aws/sns', 'problem'],
    ['alias/mine', 'ok'],
    ['arn:aws:kms:eu-west-1:000000000000:key/1234', 'ok'],
  ])('judges the key %s of a topic of alarms: %s', async (key, verdict) => {
    await set('KmsMasterKeyId', key);
    expect((await inspect('alarms')).verdict).toBe(verdict);
    // We may publish to all of them, if our role may use the key.
    expect(await inspect()).toMatchObject({
      verdict: 'ok',
      message: expect.stringContaining(key),
    });
  });

  const source = { StringEquals: { 'aws:SourceAccount': '000000000000' } };
  const service = { Service: 'cloudwatch.amazonaws.com' };
  test.each([
    ['the service', allow({ Principal: service, Condition: source }), 'ok'],
    [
      'a list of services',
      allow({ Principal: { Service: ['events.amazonaws.com', ...Object.values(service)] } }),
      'ok',
    ],
    ['a role', allow({ Principal: { AWS: 'arn:aws:iam::000000000000:role/us' } }), 'warning'],
    ['another service', allow({ Principal: { Service: 'events.amazonaws.com' } }), 'warning'],
    [
      'reading',
      { ...allow({ Principal: service }), Action: ['SNS:GetTopicAttributes'] },
      'warning',
    ],
  ])('judges a policy on %s for alarms', async (_, statement, verdict) => {
    await setPolicy(statement);
    expect((await inspect('alarms')).verdict).toBe(verdict);
    expect((await inspect()).verdict).toBe('ok');
  });

  test('warns when anybody may publish', async () => {
    for (const Principal of ['*', { AWS: '*' }]) {
      await setPolicy(allow({ Principal }));
      expect(await inspect()).toMatchObject({
        verdict: 'warning',
        message: expect.stringContaining('Anybody may publish'),
      });
      await setPolicy(allow({ Principal, Condition: source }));
      expect((await inspect()).verdict).toBe('ok');
    }
  });

  test('tells a policy that lets nobody publish', async () => {
    const deny = { Effect: 'Deny', Principal: '*', Action: ['sns:*'] };
    await setPolicy(allow({ Principal: service }), deny);
    expect((await inspect()).verdict).toBe('problem');
    // As for transport without TLS.
    const Condition = { Bool: { 'aws:SecureTransport': 'false' } };
    await setPolicy(allow({ Principal: service }), { ...deny, Condition });
    expect((await inspect()).verdict).toBe('ok');
  });

  test.each(['not JSON', '[]', '{"Statement": {}}'])('warns of the policy %s', async (policy) => {
    await set('Policy', policy);
    expect((await inspect()).verdict).toBe('warning');
  });

  async function unheardTopic(): Promise<string> {
    const { CreateTopicCommand } = await import('@aws-sdk/client-sns');
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: uniqueName('unheard') }));
    return TopicArn ?? '';
  }
});

describe('inspectTopic', () => {
  const answered = async (status: number, code: string): Promise<Check> => {
    const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`;
    const contentType = 'text/xml';
    const proxy = await startHttpProxy(null, () => ({ kind: 'answer', status, body, contentType }));
    const client = new SNSClient(localClientConfig(proxy.url));
    const check = await inspectTopic(client, { name: 'topic', arn: TOPIC, use: 'notices' }, soon());
    await proxy.close();
    return check;
  };

  test('warns when the role may not look: it may publish all the same', async () => {
    expect(await answered(403, 'AuthorizationError')).toMatchObject({
      verdict: 'warning',
      fix: 'Check the permission sns:GetTopicAttributes.',
    });
  });

  test('tells an outage', async () => {
    expect(await answered(503, 'ServiceUnavailable')).toMatchObject({ verdict: 'problem' });
  });

  test('ends within its deadline', async () => {
    const proxy = await startHttpProxy(null, () => ({ kind: 'hang' }));
    const client = new SNSClient(localClientConfig(proxy.url));
    const startMs = performance.now();
    const topic = { name: 'topic', arn: TOPIC, use: 'notices' } as const;
    const check = await inspectTopic(client, topic, deadlineAfter(systemClock, 300));
    expect(check.verdict).toBe('problem');
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await proxy.close();
  });
});
