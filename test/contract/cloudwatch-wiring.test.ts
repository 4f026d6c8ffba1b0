import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { describe, expect, test } from 'vitest';
import { findAlarms, findChildren } from '../../src/adapters/cloudwatch/cloudwatch-wiring.ts';
import { inspectHistory } from '../../src/adapters/cloudwatch/inspect-history.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { limits } from '../../src/domain/limits.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import type { AskedAlarms } from '../../src/ports/surroundings.ts';
import {
  localAlarmArn,
  localCloudWatch,
  putCompositeAlarm,
  putMetricAlarm,
} from '../engines/alarms.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const ministack = engine('ministack');
const asked: AskedAlarms = { functionArn: null, topicArn: null, names: [] };
const lambda = (name: string): string => `arn:aws:lambda:eu-west-1:000000000000:function:${name}`;

describe.skipIf(ministack.isMissing)(ministack.title('findAlarms on MiniStack'), () => {
  const client = localCloudWatch(ministack.url);

  test('finds the alarms that call the function, and what they call', async () => {
    const name = uniqueName('alarm');
    const functionArn = lambda(uniqueName('function'));
    const other = 'arn:aws:sns:eu-west-1:000000000000:other';
    const put = async (suffix: string, AlarmActions: readonly string[]): Promise<string> =>
      await putMetricAlarm(ministack.url, `${name}-${suffix}`, {
        dimensions: { ModelName: 'm' },
        input: { AlarmActions: [...AlarmActions] },
      });
    const direct = await put('direct', [other, functionArn]);
    const alias = await put('alias', [`${functionArn}:live`]);
    await put('longer', [`${functionArn}-2`]);
    await put('none', []);
    await putMetricAlarm(ministack.url, `${name}-ok`, { input: { OKActions: [functionArn] } });
    const rule = `ALARM("${name}-direct")`;
    const composite = await putCompositeAlarm(ministack.url, `${name}-all`, rule, {
      AlarmActions: [functionArn],
    });

    const answer = await findAlarms(client, { ...asked, functionArn }, soon());

    if (answer.kind !== 'answer') throw new Error(answer.message);
    const found = answer.value.map(({ alarm, actions }) => [alarm.ref.id, actions]);
    expect(new Map(found as [string, string[]][])).toEqual(
      new Map([
        [direct, [other, functionArn]],
        [alias, [`${functionArn}:live`]],
        [composite, [functionArn]],
      ]),
    );
    const [first] = answer.value.filter(({ alarm }) => alarm.ref.id === direct);
    expect(first?.alarm).toMatchObject({
      dimensions: [{ name: 'ModelName', value: 'm' }],
      hasActionsEnabled: true,
      isComposite: false,
    });
  });

  test('finds alarms by topic and by name too, each once', async () => {
    const name = uniqueName('alarm');
    const topicArn = `arn:aws:sns:eu-west-1:000000000000:${name}`;
    const arn = await putMetricAlarm(ministack.url, name, { input: { AlarmActions: [topicArn] } });
    const quiet = await putMetricAlarm(ministack.url, `${name}-quiet`);
    const names = [name, `${name}-quiet`, `${name}-gone`];
    const answer = await findAlarms(client, { ...asked, topicArn, names }, soon());
    const found = answer.kind === 'answer' ? answer.value.map(({ alarm }) => alarm.ref.id) : [];
    expect(found.toSorted()).toEqual([arn, quiet].toSorted());
  });
});

describe('findAlarms', () => {
  const with_ = async <T>(
    act: (index: number) => ProxyAct,
    use: (client: CloudWatchClient, proxy: HttpProxy) => Promise<T>,
  ): Promise<T> => {
    const proxy = await startHttpProxy(null, ({ index }) => act(index));
    const client = new CloudWatchClient(localClientConfig(proxy.url));
    try {
      return await use(client, proxy);
    } finally {
      client.destroy();
      await proxy.close();
    }
  };
  const refusal: ProxyAct = {
    kind: 'answer',
    status: 403,
    body: '',
    headers: { 'x-amzn-query-error': 'AccessDenied;Sender' },
  };

  test('asks CloudWatch to filter, for all kinds of alarms', async () => {
    await with_(
      () => refusal,
      async (client, { requests }) => {
        const functionArn = lambda('f');
        await findAlarms(client, { ...asked, functionArn }, soon());
        // CBOR holds its texts as they are.
        for (const text of [
          'ActionPrefix',
          functionArn,
          'MetricAlarm',
          'CompositeAlarm',
          'LogAlarm',
        ]) {
          expect(requests[0]?.body).toContain(text);
        }
      },
    );
  });

  test('asks for many names in several calls', async () => {
    const names = Array.from({ length: limits.alarmPageRows + 1 }, (_, index) => `alarm-${index}`);
    const empty: ProxyAct = {
      kind: 'answer',
      status: 200,
      // An empty map in CBOR.
      body: '\u00a0',
      contentType: 'application/cbor',
      headers: { 'smithy-protocol': 'rpc-v2-cbor' },
    };
    await with_(
      () => empty,
      async (client, { requests }) => {
        await findAlarms(client, { ...asked, names }, soon());
        expect(requests.length).toBeGreaterThanOrEqual(1);
        expect(requests[0]?.body).toContain('alarm-99');
        expect(requests[0]?.body).not.toContain('alarm-100');
      },
    );
  });

  test('says why it got no answer', async () => {
    const functionArn = lambda('f');
    const answer = await with_(
      () => refusal,
      (client) => findAlarms(client, { ...asked, functionArn }, soon()),
    );
    expect(answer).toMatchObject({ kind: 'unreachable', message: /did not list the alarms/ });
  });

  test('ends within its deadline', async () => {
    const startMs = performance.now();
    const deadline = deadlineAfter(systemClock, 300);
    const answers = await with_(
      () => ({ kind: 'hang' }),
      async (client) => [
        await findAlarms(client, { ...asked, functionArn: lambda('f') }, deadline),
        await findChildren(client, localAlarmArn('all'), deadline),
      ],
    );
    expect(answers.map(({ kind }) => kind)).toEqual(['unreachable', 'unreachable']);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  test('asks for the children of a composite alarm by its name alone', async () => {
    await with_(
      () => refusal,
      async (client, { requests }) => {
        await findChildren(client, localAlarmArn('all: of them'), soon());
        expect(requests[0]?.body).toContain('ChildrenOfAlarmName');
        expect(requests[0]?.body).toContain('all: of them');
        expect(requests[0]?.body).not.toContain('AlarmTypes');
      },
    );
  });
});

describe.skipIf(ministack.isMissing)(ministack.title('inspectHistory'), () => {
  test('reads a line of it on MiniStack, and says why it may not', async () => {
    const client = localCloudWatch(ministack.url);
    expect(await inspectHistory(client, soon())).toEqual({ kind: 'answer', value: null });
    client.destroy();
    const body = JSON.stringify({ __type: 'AccessDenied', message: 'not authorized' });
    const proxy = await startHttpProxy(null, () => ({ kind: 'answer', status: 403, body }));
    const refused = localCloudWatch(proxy.url);
    expect(await inspectHistory(refused, soon())).toEqual({
      kind: 'unreachable',
      message: 'CloudWatch did not show the history of alarms (AccessDenied: not authorized).',
    });
    const input = JSON.parse(proxy.requests[0]?.body ?? '{}');
    expect(input).toMatchObject({ MaxRecords: 1, HistoryItemType: 'StateUpdate' });
    refused.destroy();
    await proxy.close();
  });
});

describe.skipIf(ministack.isMissing)(ministack.title('findChildren on MiniStack'), () => {
  test('has the children, red or not', async () => {
    const client = localCloudWatch(ministack.url);
    const name = uniqueName('child');
    const child = await putMetricAlarm(ministack.url, name);
    const parent = await putCompositeAlarm(ministack.url, `${name}-all`, `ALARM("${name}")`);
    const answer = await findChildren(client, parent, soon());
    // This engine ignores the filter, and tells of all metric alarms.
    expect(answer.kind === 'answer' && answer.value).toContain(child);
  });
});
