import { SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { callEventBridge } from '../../src/adapters/eventbridge/eventbridge-call.ts';
import { EventBridgeNotifier } from '../../src/adapters/eventbridge/eventbridge-notifier.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { noticeOf } from '../../src/domain/answer/notice.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import type { NoticeResult } from '../../src/ports/notifier.ts';
import { localClientConfig, receiveBodies } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { describeNotifier, ENDS, type ReceivedNotice, soon } from './notifier.contract.ts';
import { NOON_MS } from './rollback-samples.ts';

const ministack = engine('ministack');
const notice = noticeOf(ENDS.ROLLED_BACK, 'end', 0, NOON_MS);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.skipIf(ministack.isMissing)(ministack.title('MiniStack'), () => {
  beforeEach(() => {
    vi.stubEnv('AWS_ENDPOINT_URL_EVENTBRIDGE', ministack.url);
  });

  describeNotifier('EventBridgeNotifier', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_EVENTBRIDGE', ministack.url);
    const bus = uniqueName('bus');
    const client = clientAt(ministack.url);
    const queueUrl = await watchBus(client, bus);
    return {
      notifier: new EventBridgeNotifier(client, bus),
      received: async (count) => {
        const bodies = await receiveBodies(queueUrl, { count, timeoutMs: 10_000 });
        const more = await receiveBodies(queueUrl, { count: 1, timeoutMs: 100 });
        return [...bodies, ...more].map(receivedIn);
      },
      close: async () => client.destroy(),
    };
  });

  test('EventBridgeNotifier names its events for rules', async () => {
    const bus = uniqueName('bus');
    const client = clientAt(ministack.url);
    const queueUrl = await watchBus(client, bus);
    const result = await new EventBridgeNotifier(client, bus).send(notice, soon());
    expect(result).toEqual({ kind: 'sent' });
    const [body = '{}'] = await receiveBodies(queueUrl, { count: 1, timeoutMs: 10_000 });
    expect(JSON.parse(body)).toMatchObject({
      source: 'model-rollback',
      'detail-type': 'Rollback Completed',
      detail: { model_name: 'fraud', outcome: 'ROLLED_BACK', schema: 'model-rollback/1' },
    });
    client.destroy();
  });
});

describe('EventBridgeNotifier', () => {
  const sendTo = async (
    act: ProxyAct,
    deadline = soon(),
  ): Promise<{ result: NoticeResult; requests: HttpProxy['requests'] }> => {
    const server = await startHttpProxy(null, () => act);
    vi.stubEnv('AWS_ENDPOINT_URL_EVENTBRIDGE', server.url);
    const client = clientAt(server.url);
    const result = await new EventBridgeNotifier(client, 'alerts').send(notice, deadline);
    client.destroy();
    await server.close();
    return { result, requests: server.requests };
  };
  const answer = (status: number, body: object | string): ProxyAct => ({
    kind: 'answer',
    status,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    contentType: 'application/x-amz-json-1.1',
  });

  test('signs the call for the service events', async () => {
    const { result, requests } = await sendTo(answer(200, { Entries: [{ EventId: 'e' }] }));
    expect(result).toEqual({ kind: 'sent' });
    expect(requests).toHaveLength(1);
    expect(requests[0]?.headers).toMatchObject({
      'x-amz-target': 'AWSEvents.PutEvents',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=\w+\/\d{8}\/eu-west-1\/events\/aws4_request/,
      ),
    });
    const { Entries: entries } = JSON.parse(requests[0]?.body ?? '{}');
    expect(entries).toMatchObject([{ EventBusName: 'alerts', Source: 'model-rollback' }]);
    expect(JSON.parse(entries[0].Detail)).toMatchObject({ ...notice.message });
  });

  const failures: readonly [string, ProxyAct, RegExp][] = [
    [
      'a bus that took nothing',
      answer(200, {
        FailedEntryCount: 1,
        Entries: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'later' }],
      }),
      /InternalFailure: later/,
    ],
    [
      'a refusal',
      answer(400, { __type: 'com.amazon#AccessDeniedException', message: 'not authorized' }),
      /AccessDeniedException: not authorized/,
    ],
    ['nonsense', answer(200, '<html>'), /no event id/],
    ['a 500', answer(500, ''), /500/],
    ['a reset', { kind: 'reset' }, /ECONNRESET|socket hang up/],
    ['10 MB', answer(200, 'x'.repeat(10_000_000)), /larger than 64 KiB/],
  ];
  test.each(failures)('reports %s', async (_, act, message) => {
    const { result } = await sendTo(act);
    expect(result).toMatchObject({ kind: 'failed', message: expect.stringMatching(message) });
    expect(JSON.stringify(result)).toContain('ROLLBACK_EVENT_BUS (alerts)');
  });

  test.each(['hang', 'drip'] as const)('ends in time when the answer is a %s', async (how) => {
    const act: ProxyAct = how === 'hang' ? { kind: 'hang' } : { kind: 'drip', everyMs: 20 };
    const { result } = await sendTo(act, deadlineAfter(systemClock, 300));
    expect(result).toMatchObject({ kind: 'failed' });
  });

  test('sends nothing when no time is left', async () => {
    const { result, requests } = await sendTo(answer(200, {}), { leftMs: () => 0 });
    expect(result).toEqual({ kind: 'failed', message: 'no time was left' });
    expect(requests).toEqual([]);
  });
});

// ---------------------------------------------------------------------------------------------------

function clientAt(url: string): SNSClient {
  return new SNSClient(localClientConfig(url));
}

/** Makes a bus, with a rule that brings every event on it to a queue. */
async function watchBus(client: SNSClient, bus: string): Promise<string> {
  const sqs = new SQSClient(localClientConfig(ministack.url));
  const { QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: bus }));
  const { Attributes: attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
  );
  const EventBusName = bus;
  const calls: readonly (readonly [string, object])[] = [
    ['CreateEventBus', { Name: bus }],
    ['PutRule', { Name: bus, EventBusName, EventPattern: '{"source": ["model-rollback"]}' }],
    ['PutTargets', { Rule: bus, EventBusName, Targets: [{ Id: 'q', Arn: attributes?.QueueArn }] }],
  ];
  for (const [operation, body] of calls) {
    const made = await callEventBridge(client, { operation, region: null, body }, soon());
    expect(made).toMatchObject({ kind: 'answer' });
  }
  return queueUrl;
}

function receivedIn(body: string): ReceivedNotice {
  const event = JSON.parse(body) as { readonly detail: Record<string, unknown> };
  const {
    schema: _schema,
    event: name,
    title,
    meaning,
    next_steps: _steps,
    ...message
  } = event.detail;
  expect(event).toMatchObject({ 'detail-type': name, source: 'model-rollback' });
  expect(typeof title).toBe('string');
  expect(typeof meaning).toBe('string');
  return { subject: null, message, attributes: null, shown: null };
}
