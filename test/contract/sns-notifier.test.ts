import { type PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { SNSNotifier } from '../../src/adapters/sns/sns-notifier.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { noticeOf } from '../../src/domain/answer/notice.ts';
import { limits } from '../../src/domain/limits.ts';
import { type Notice, recordTopics } from '../../src/domain/record/notice-content.ts';
import type { Ended, RollbackRecord } from '../../src/domain/record/record.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { createWatchedTopic, localClientConfig, receiveNotices } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { chatNotification } from '../fakes/channel-schemas.ts';
import { type ProxyAct, startHttpProxy } from './http-proxy.ts';
import {
  describeNotifier,
  ENDS,
  LONG_NAME,
  type NotifierPlace,
  soon,
} from './notifier.contract.ts';
import { modelName, rollbackRecord } from './rollback-arbitraries.ts';
import { firstClaim, NOON_MS } from './rollback-samples.ts';

const ministack = engine('ministack');
const TOPIC = 'arn:aws:sns:eu-west-1:000000000000:notices';
/** SNS counts the message and its attributes. */
const SNS_BYTES_MAX = 262_144;

describe.skipIf(ministack.isMissing)(ministack.title('MiniStack'), () => {
  describeNotifier('SNSNotifier', async (): Promise<NotifierPlace> => {
    const { topicArn, queueUrl } = await createWatchedTopic(ministack.url, uniqueName('notices'));
    const client = new SNSClient(localClientConfig(ministack.url));
    return {
      notifier: new SNSNotifier(client, topicArn),
      received: async (count) => {
        const notices = await receiveNotices(queueUrl, { count, timeoutMs: 10_000 });
        const more = await receiveNotices(queueUrl, { count: 1, timeoutMs: 100 });
        return [...notices, ...more].map((notice) => ({
          ...notice,
          message: JSON.parse(notice.message),
          shown: null,
        }));
      },
      close: async () => client.destroy(),
    };
  });

  describeNotifier('SNSNotifier in the format chat', async (): Promise<NotifierPlace> => {
    const { topicArn, queueUrl } = await createWatchedTopic(ministack.url, uniqueName('notices'));
    const client = new SNSClient(localClientConfig(ministack.url));
    return {
      notifier: new SNSNotifier(client, topicArn, 'chat'),
      received: async (count) => {
        const notices = await receiveNotices(queueUrl, { count, timeoutMs: 10_000 });
        return notices.map(({ subject, message, attributes }) => {
          const { texts, threadId, context } = chatNotification(message);
          expect(threadId).toBe(context['rollback_id']);
          return { subject, attributes, message: null, shown: texts.join('\n') };
        });
      },
      close: async () => client.destroy(),
    };
  });

  test('SNSNotifier says which topic is missing', async () => {
    const notifier = new SNSNotifier(new SNSClient(localClientConfig(ministack.url)), TOPIC);
    const result = await notifier.send(noticeOf(ENDS.ROLLED_BACK, 'end', 0, NOON_MS), soon());
    expect(result.kind).toBe('failed');
    expect(JSON.stringify(result)).toContain(`ALERT_SNS_TOPIC_ARN (${TOPIC}): `);
    expect(JSON.stringify(result)).toContain('NotFound');
  });
});

describe('SNSNotifier', () => {
  const notice = noticeOf(ENDS.ROLLED_BACK, 'end', 0, NOON_MS);

  const silences: readonly ProxyAct[] = [{ kind: 'hang' }, { kind: 'drip', everyMs: 20 }];
  test.each(silences)('ends within its deadline when the answer is a $kind', async (act) => {
    const topic = await startHttpProxy(null, () => act);
    const notifier = new SNSNotifier(new SNSClient(localClientConfig(topic.url)), TOPIC);
    const startMs = performance.now();
    const result = await notifier.send(notice, deadlineAfter(systemClock, 300));
    expect(result).toMatchObject({ kind: 'failed', message: expect.stringContaining(TOPIC) });
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await topic.close();
  });

  test('takes no more than its own time, however far the deadline is', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout');
    const { notifier } = stubNotifier(async (_, { abortSignal }) => {
      expect(abortSignal).toBe(timeout.mock.results[0]?.value);
    });
    expect(await notifier.send(notice, { leftMs: () => 1_000_000 })).toEqual({ kind: 'sent' });
    expect(timeout.mock.calls).toEqual([[limits.noticeTimeoutMs]]);
    timeout.mockRestore();
  });

  test('sends nothing when no time is left', async () => {
    const { notifier, sent } = stubNotifier(async () => undefined);
    const result = await notifier.send(notice, { leftMs: () => 0 });
    expect(result).toMatchObject({ kind: 'failed' });
    expect(sent).toEqual([]);
  });

  test.each([
    Object.assign(new Error('User is not authorized'), { name: 'AuthorizationErrorException' }),
    Object.assign(new Error('Rate exceeded'), { name: 'ThrottledException' }),
    Object.assign(new Error('Request aborted'), { name: 'AbortError' }),
    new Error('Region is missing'),
    'no error at all',
  ])('answers that it failed on %s', async (reason) => {
    const { notifier } = stubNotifier(() => Promise.reject(reason));
    const result = await notifier.send(notice, soon());
    expect(result).toMatchObject({ kind: 'failed', message: expect.stringContaining(TOPIC) });
    const text = reason instanceof Error ? reason.message : reason;
    expect(result).toMatchObject({ message: expect.stringContaining(text) });
  });

  test('stays within the limits of SNS whatever the record holds', async () => {
    const records = modelName.chain(rollbackRecord);
    await fc.assert(
      fc.asyncProperty(records, async (record) => {
        for (const topic of recordTopics) {
          const { sent } = await publish(noticeOf(record, topic, 2, NOON_MS));
          expectPublishable(sent[0], record);
        }
      }),
      { numRuns: 300 },
    );
  });

  const name = `${LONG_NAME}/1`;
  const long: readonly { title: string; record: RollbackRecord }[] = [
    { title: 'a long name', record: { ...ENDS.FAILED, modelName: LONG_NAME, id: name } },
    {
      title: 'a long text',
      record: {
        ...ENDS.FAILED,
        progress: { ...firstEnd(), message: '\u0001模'.repeat(150_000) },
      },
    },
    {
      title: 'many warnings',
      record: {
        ...ENDS.FAILED,
        warnings: Array.from({ length: 300 }, () => ({ code: 'W', message: '模'.repeat(2_000) })),
      },
    },
    {
      title: 'everything long',
      record: {
        ...firstClaim(LONG_NAME, '1').record,
        request: {
          ...ENDS.FAILED.request,
          modelName: LONG_NAME,
          alarmName: '\u0001'.repeat(256),
          requestedBy: '模'.repeat(256),
        },
        progress: { ...firstEnd(), message: '模'.repeat(100_000) },
        warnings: Array.from({ length: 300 }, () => ({ code: 'W', message: '模'.repeat(2_000) })),
      },
    },
  ];
  test.each(long)('cuts $title and keeps what is fixed', async ({ record }) => {
    const { sent } = await publish(noticeOf(record, 'end', 0, NOON_MS));
    expectPublishable(sent[0], record);
  });

  test('leaves a mark where it cut', async () => {
    const progress = { ...firstEnd(), message: 'x'.repeat(300_000) };
    const { sent } = await publish(noticeOf({ ...ENDS.FAILED, progress }, 'end', 0, NOON_MS));
    const { text } = JSON.parse(sent[0]?.Message ?? '') as { text: string };
    expect(text).toMatch(/^x{100,}.*cut/);
  });
});

// ---------------------------------------------------------------------------------------------------

function expectPublishable(input: PublishCommandInput | undefined, record: RollbackRecord): void {
  const { Subject = '', Message = '', MessageAttributes = {} } = input ?? {};
  expect(Subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/);
  const attributes = Object.entries(MessageAttributes);
  for (const [, { DataType, StringValue }] of attributes) {
    expect(DataType).toBe('String');
    expect(StringValue).not.toBe('');
    expect(StringValue).not.toMatch(/\p{Cc}/u);
  }
  expect(attributes.length).toBeLessThanOrEqual(10);
  const bytes = Buffer.byteLength(Message) + Buffer.byteLength(JSON.stringify(MessageAttributes));
  expect(bytes).toBeLessThan(SNS_BYTES_MAX);
  expect(JSON.parse(Message)).toMatchObject({
    model_name: record.subject === 'model' ? record.modelName : null,
    rollback_id: record.id,
    outcome: record.progress.status,
    reason: record.request.reason,
  });
}

function firstEnd(): Ended {
  const { progress } = ENDS.FAILED;
  if (progress.status === 'IN_PROGRESS') throw new Error('the sample has not ended');
  return progress;
}

type Publish = (
  input: PublishCommandInput,
  options: { readonly abortSignal: AbortSignal },
) => Promise<unknown>;

function stubNotifier(answer: Publish): { notifier: SNSNotifier; sent: PublishCommandInput[] } {
  const sent: PublishCommandInput[] = [];
  const stub = {
    send: async (
      command: { input: PublishCommandInput },
      options: { abortSignal: AbortSignal },
    ) => {
      sent.push(command.input);
      return await answer(command.input, options);
    },
  };
  return { notifier: new SNSNotifier(stub as unknown as SNSClient, TOPIC), sent };
}

async function publish(notice: Notice): Promise<{ sent: readonly PublishCommandInput[] }> {
  const { notifier, sent } = stubNotifier(async () => undefined);
  expect(await notifier.send(notice, soon())).toEqual({ kind: 'sent' });
  return { sent };
}
