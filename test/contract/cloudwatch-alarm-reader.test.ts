import {
  CloudWatchClient,
  type CloudWatchClientConfig,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CloudWatchAlarmReader } from '../../src/adapters/cloudwatch/cloudwatch-alarm-reader.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  type AlarmState,
  type ContributorInAlarm,
  cloudWatchRef,
} from '../../src/domain/alarm/alarm.ts';
import { limits } from '../../src/domain/limits.ts';
import type { AlarmAnswer } from '../../src/ports/alarm-reader.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import {
  deleteAlarms,
  localAlarmArn,
  localCloudWatch,
  putCompositeAlarm,
  putMetricAlarm,
  setAlarmState,
  tagAlarm,
} from '../engines/alarms.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { type AlarmPlace, describeAlarmReader, readAll, soon } from './alarm-reader.contract.ts';
import {
  type HttpProxy,
  type ProxiedRequest,
  type ProxyAct,
  startHttpProxy,
} from './http-proxy.ts';

const ministack = engine('ministack');
const ARN = 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:fraud-errors';
const ANY_TIME = { fromMs: 0, toMs: Date.UTC(2099, 0), contributorId: null } as const;

describe.skipIf(ministack.isMissing)(ministack.title('MiniStack'), () => {
  describeAlarmReader('CloudWatchAlarmReader', openMiniStackPlace);

  const readerOf = (url: string): CloudWatchAlarmReader =>
    new CloudWatchAlarmReader((region) => localCloudWatch(url, region));

  test('CloudWatchAlarmReader reads an alarm with 2 MB of reason', async () => {
    const name = uniqueName('alarm');
    const arn = await putMetricAlarm(ministack.url, name);
    const text = '模'.repeat(700_000);
    await setAlarmState(ministack.url, name, 'ALARM', { text, data: JSON.stringify([text]) });
    const reader = readerOf(ministack.url);
    expect(await readAll(reader, [arn])).toMatchObject([{ ref: { id: arn }, state: 'ALARM' }]);
    reader.close();
  });

  test('CloudWatchAlarmReader names no children after a forced state', async () => {
    const [child, top] = [uniqueName('child'), uniqueName('top')];
    await putMetricAlarm(ministack.url, child);
    const arn = await putCompositeAlarm(ministack.url, top, `ALARM("${child}")`);
    await setAlarmState(ministack.url, top, 'ALARM', { data: '{"triggeringAlarms":' });
    const reader = readerOf(ministack.url);
    const forced = { ref: { id: arn }, state: 'ALARM', isComposite: true, childrenInAlarm: [] };
    expect(await readAll(reader, [arn])).toMatchObject([forced]);
    await setAlarmState(ministack.url, top, 'ALARM');
    expect(await readAll(reader, [arn])).toMatchObject([forced]);
    reader.close();
  });

  test('CloudWatchAlarmReader says why an alarm without a trace has no tags', async () => {
    const reader = readerOf(ministack.url);
    expect(await reader.readTag(localAlarmArn('unknown'), 'team', soon())).toEqual({
      kind: 'silent',
      message: expect.stringMatching(
        /^CloudWatch refused ListTagsForResource in eu-west-1 \(ResourceNotFound.*not found\)\.$/,
      ),
    });
    reader.close();
  });

  const passing: readonly ProxyAct[] = [
    { kind: 'reset' },
    { kind: 'lose-answer' },
    status(500),
    status(503),
  ];
  test.each(passing)('CloudWatchAlarmReader asks again after %o', async (act) => {
    const arn = await putMetricAlarm(ministack.url, uniqueName('alarm'));
    const proxy = await startHttpProxy(ministack.url, ({ index }) =>
      index === 0 ? act : { kind: 'pass' },
    );
    const reader = readerOf(proxy.url);
    expect(await readAll(reader, [arn])).toMatchObject([{ ref: { id: arn } }]);
    expect(proxy.requests).toHaveLength(2);
    reader.close();
    await proxy.close();
  });
});

/** The kinds of alarm and the calls that MiniStack lacks are answered by a server of canned answers. */
describe('CloudWatchAlarmReader', () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
  });

  async function serve(
    act: (request: ProxiedRequest) => ProxyAct,
    config: CloudWatchClientConfig = {},
  ): Promise<{
    reader: CloudWatchAlarmReader;
    server: HttpProxy;
    inputs: () => readonly unknown[];
  }> {
    const server = await startHttpProxy(null, act);
    const reader = new CloudWatchAlarmReader(
      (region) => new CloudWatchClient({ ...localClientConfig(server.url), region, ...config }),
    );
    open.push(reader, server);
    return { reader, server, inputs: () => server.requests.map(({ body }) => JSON.parse(body)) };
  }

  const readOne = async (page: object) => {
    const { reader } = await serve(() => json(page));
    return (await readAll(reader, [ARN]))[0];
  };
  const metricAlarm = (alarm: object) =>
    readOne({ MetricAlarms: [{ ...stub(ARN, 'ALARM'), ...alarm }] });

  describe('of metric alarms', () => {
    const metric = (id: string, dimensions: Record<string, unknown>): object => ({
      Id: id,
      ReturnData: false,
      MetricStat: {
        Metric: {
          Namespace: 'ML/Serving',
          MetricName: id,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        },
        Period: 60,
        Stat: 'Sum',
      },
    });

    test('reads the dimensions of every metric of an expression (MiniStack drops Metrics)', async () => {
      const row = await metricAlarm({
        Metrics: [
          { Id: 'e1', Expression: 'm1 / m2', ReturnData: true },
          metric('m1', { ModelName: 'fraud', Endpoint: 'blue' }),
          metric('m2', { ModelName: 'fraud' }),
        ],
      });
      expect(row).toMatchObject({
        isMultiSeries: false,
        dimensions: [
          { name: 'ModelName', value: 'fraud' },
          { name: 'Endpoint', value: 'blue' },
          { name: 'ModelName', value: 'fraud' },
        ],
      });
    });

    const query = 'SELECT MAX(ErrorRate) FROM "ML/Serving" GROUP BY ModelName';
    test.each([
      [true, { Metrics: [{ Id: 'q1', Expression: query, ReturnData: true, Period: 60 }] }],
      [true, { Metrics: [{ Id: 'q1', Expression: `\n ${query.toLowerCase()}` }] }],
      [true, { EvaluationCriteria: { PromQLCriteria: { Query: 'max by (ModelName) (errors)' } } }],
      [false, { Metrics: [{ Id: 'q1', Expression: query }, metric('m1', { ModelName: 'x' })] }],
      [false, { Metrics: [{ Id: 'e1', Expression: 'selected / 2' }, metric('m1', {})] }],
      [false, { EvaluationCriteria: { Later: { Query: 'x' } } }],
      [false, {}],
    ])('says %s to many series for %o (MiniStack drops Metrics)', async (isMultiSeries, alarm) => {
      expect(await metricAlarm(alarm)).toMatchObject({ isMultiSeries });
    });

    test('passes over what is too long or no text, and keeps the rest', async () => {
      const edge = 'x'.repeat(limits.alarmTextLengthMax);
      const row = await metricAlarm({
        Dimensions: [
          { Name: 'ModelName', Value: `${edge}y` },
          { Name: `${edge}y`, Value: 'a' },
          { Name: 'ModelName', Value: '' },
          { Name: 'ModelName', Value: 7 },
          { Name: 'ModelName' },
          { Name: 'Edge', Value: edge },
        ],
      });
      expect(row?.dimensions).toEqual([{ name: 'Edge', value: edge }]);
    });

    test('keeps a bounded number of dimensions', async () => {
      const names = Array.from(
        { length: limits.alarmDimensionsMax + 1 },
        (_, index) => `d${index}`,
      );
      const row = await metricAlarm({ Dimensions: names.map((Name) => ({ Name, Value: 'v' })) });
      expect(row?.dimensions).toHaveLength(limits.alarmDimensionsMax);
    });

    test.each([undefined, 1e300])('knows no time of change when it is %s', async (time) => {
      expect(await metricAlarm({ AlarmConfigurationUpdatedTimestamp: time })).toMatchObject({
        configuredAtMs: null,
      });
    });

    test('reads since when it is in its state, which later updates leave alone', async () => {
      const times = {
        StateTransitionedTimestamp: 1_795_000_000.204,
        StateUpdatedTimestamp: 1_795_000_900.5,
      };
      expect(await metricAlarm(times)).toMatchObject({ stateChangedAtMs: 1_795_000_000_204 });
      const { StateTransitionedTimestamp: _, ...older } = times;
      expect(await metricAlarm(older)).toMatchObject({ stateChangedAtMs: 1_795_000_900_500 });
      expect(await metricAlarm({})).toMatchObject({ stateChangedAtMs: null });
      expect(await metricAlarm({ StateTransitionedTimestamp: 1e300 })).toMatchObject({
        stateChangedAtMs: null,
      });
    });

    test('reads the time of change to the millisecond', async () => {
      expect(
        await metricAlarm({ AlarmConfigurationUpdatedTimestamp: 1_795_000_000.123 }),
      ).toMatchObject({ configuredAtMs: 1_795_000_000_123 });
    });

    test.each([
      { AlarmName: undefined },
      { AlarmArn: undefined },
      { AlarmName: 'x'.repeat(limits.alarmTextLengthMax + 1) },
      { StateValue: 'PURPLE' },
      { StateValue: undefined },
    ])('takes an alarm with %o for none', async (alarm) => {
      expect(await metricAlarm(alarm)).toBeUndefined();
    });
  });

  describe('of composite alarms', () => {
    const children = async (reasonData: unknown): Promise<readonly string[] | undefined> => {
      const StateReasonData =
        typeof reasonData === 'string' ? reasonData : JSON.stringify(reasonData);
      const row = await readOne({ CompositeAlarms: [{ ...stub(ARN, 'ALARM'), StateReasonData }] });
      expect(row).toMatchObject({ isComposite: true, isMultiSeries: false, dimensions: [] });
      return row?.childrenInAlarm;
    };
    const child = (name: string, value: unknown = 'ALARM') => ({
      arn: ARN + name,
      state: { value, timestamp: '2026-11-20T09:14:31.204+0000' },
    });

    test('names the triggering children that were in ALARM, each once', async () => {
      const triggeringAlarms = [
        child('1'),
        child('2', 'OK'),
        child('3'),
        child('1'),
        child('4', 'INSUFFICIENT_DATA'),
      ];
      expect(await children({ triggeringAlarms })).toEqual([`${ARN}1`, `${ARN}3`]);
    });

    test('passes over entries that it cannot read', async () => {
      const triggeringAlarms = [
        null,
        7,
        'x',
        [],
        {},
        { arn: ARN },
        { arn: ARN, state: 'ALARM' },
        { arn: 7, state: { value: 'ALARM' } },
        { arn: '', state: { value: 'ALARM' } },
        { arn: 'x'.repeat(limits.alarmTextLengthMax + 1), state: { value: 'ALARM' } },
        child('5', ['ALARM']),
        child('6'),
      ];
      expect(await children({ triggeringAlarms })).toEqual([`${ARN}6`]);
    });

    test.each([
      '',
      'null',
      '7',
      '[]',
      '{}',
      '{"triggeringAlarms":null}',
      '{"triggeringAlarms":{"0":1}}',
      '{"triggeringAlarms":[{"arn"',
      'Alarm went red',
      '['.repeat(60_000),
    ])('names no children for reason data that is %.30s', async (reasonData) => {
      expect(await children(reasonData)).toEqual([]);
    });

    test('does not take reason data apart that is longer than CloudWatch makes it', async () => {
      const data = { triggeringAlarms: [child('1')], more: '' };
      const length = limits.alarmReasonDataLengthMax - JSON.stringify(data).length;
      expect(await children({ ...data, more: 'x'.repeat(length) })).toEqual([`${ARN}1`]);
      expect(await children({ ...data, more: 'x'.repeat(length + 1) })).toEqual([]);
    });

    test('asks for all children and keeps those in ALARM (MiniStack ignores the filter)', async () => {
      const listing = {
        MetricAlarms: [stub(`${ARN}1`, 'ALARM'), stub(`${ARN}2`, 'OK'), { StateValue: 'ALARM' }],
        CompositeAlarms: [stub(`${ARN}3`, 'ALARM'), stub(`${ARN}1`, 'ALARM')],
        LogAlarms: [stub(`${ARN}4`, 'ALARM'), stub(`${ARN}5`, 'INSUFFICIENT_DATA')],
      };
      const AlarmRule = 'ALARM(fraud-errors1) OR ALARM(fraud-errors2) OR ALARM("fraud-errors4")';
      const own = { CompositeAlarms: [{ ...stub(ARN, 'ALARM'), AlarmRule }] };
      const { reader, inputs } = await serve(({ index }) => json(index === 0 ? listing : own));
      // The third does not stand in the rule: it is somebody else's.
      expect(await reader.readChildrenInAlarm(ARN, soon())).toEqual({
        kind: 'answer',
        value: [`${ARN}1`, `${ARN}4`],
      });
      // CloudWatch refuses any other parameter beside the first one.
      expect(inputs()[0]).toEqual({ ChildrenOfAlarmName: 'fraud-errors', MaxRecords: 100 });
      expect(inputs()[1]).toMatchObject({ AlarmNames: ['fraud-errors'] });
      expect(inputs()).toHaveLength(2);
    });
  });

  test('reads log alarms, which name nothing (MiniStack has none)', async () => {
    const alarm = { ...stub(ARN, 'ALARM'), ActionsEnabled: false, Threshold: 1 };
    expect(await readOne({ LogAlarms: [alarm] })).toEqual({
      ref: cloudWatchRef(ARN, 'fraud-errors'),
      state: 'ALARM',
      isComposite: false,
      dimensions: [],
      isMultiSeries: false,
      childrenInAlarm: [],
      stateChangedAtMs: null,
      configuredAtMs: null,
      hasActionsEnabled: false,
      isSuppressed: false,
    });
  });

  test.each([
    [true, { ActionsSuppressedBy: 'WaitPeriod' }],
    [false, { ActionsSuppressedBy: undefined }],
  ])('says %s to a composite alarm whose actions are held back: %o', async (isSuppressed, more) => {
    const row = await readOne({ CompositeAlarms: [{ ...stub(ARN, 'ALARM'), ...more }] });
    expect(row).toMatchObject({ isSuppressed });
  });

  describe('of the history', () => {
    const span = { fromMs: 1_795_000_000_100, toMs: 1_795_000_004_900, contributorId: null };
    const item = (more: object = {}, newState: object = { stateValue: 'ALARM' }) => ({
      AlarmName: 'fraud-errors',
      Timestamp: 1_795_000_002.204,
      HistoryItemType: 'StateUpdate',
      HistoryData: JSON.stringify({ version: '1.0', oldState: { stateValue: 'OK' }, newState }),
      ...more,
    });
    const change = { previousState: 'OK', childrenInAlarm: [], attributes: [] };

    test('asks for changes of state of any kind of alarm, page by page', async () => {
      const { reader, inputs } = await serve(({ index }) =>
        json({
          AlarmHistoryItems: [item({ Timestamp: 1_795_000_002 + index })],
          NextToken: index === 0 ? 'more' : undefined,
        }),
      );
      expect(await reader.readChangesToAlarm(ARN, span, soon())).toEqual({
        kind: 'answer',
        value: [
          { ...change, atMs: 1_795_000_002_000 },
          { ...change, atMs: 1_795_000_003_000 },
        ],
      });
      const question = {
        AlarmName: 'fraud-errors',
        AlarmTypes: ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'],
        HistoryItemType: 'StateUpdate',
        // Whole seconds around the span, whose ends are kept by the reader itself.
        StartDate: 1_795_000_000,
        EndDate: 1_795_000_005,
        ScanBy: 'TimestampAscending',
        MaxRecords: 100,
      };
      expect(inputs()).toEqual([question, { ...question, NextToken: 'more' }]);
    });

    test('asks for the changes of one series', async () => {
      const contributorId = '6d442278dba546f6';
      const ofSeries = { AlarmContributorId: contributorId };
      const attributes = { AlarmContributorAttributes: { ModelName: 'fraud' } };
      const { reader, inputs } = await serve(() =>
        json({ AlarmHistoryItems: [item({ ...ofSeries, ...attributes }), item()] }),
      );
      const answer = await reader.readChangesToAlarm(ARN, { ...span, contributorId }, soon());
      expect(answer).toEqual({
        kind: 'answer',
        value: [
          {
            ...change,
            atMs: 1_795_000_002_204,
            attributes: [{ name: 'ModelName', value: 'fraud' }],
          },
        ],
      });
      expect(inputs()).toMatchObject([
        { ...ofSeries, HistoryItemType: 'AlarmContributorStateUpdate' },
      ]);
    });

    test('reads the children of a change, as an object and as a text', async () => {
      const reason = { triggeringAlarms: [{ arn: `${ARN}1`, state: { value: 'ALARM' } }] };
      for (const stateReasonData of [reason, JSON.stringify(reason)]) {
        const { reader } = await serve(() =>
          json({ AlarmHistoryItems: [item({}, { stateValue: 'ALARM', stateReasonData })] }),
        );
        expect(await reader.readChangesToAlarm(ARN, span, soon())).toMatchObject({
          value: [{ childrenInAlarm: [`${ARN}1`] }],
        });
      }
    });

    test.each([
      ['to another state', item({}, { stateValue: 'OK' })],
      ['of another alarm', item({ AlarmName: 'fraud-errors-2' })],
      ['of a series', item({ AlarmContributorId: '6d442278dba546f6' })],
      ['before the span', item({ Timestamp: 1_795_000_000.099 })],
      ['after the span', item({ Timestamp: 1_795_000_004.901 })],
      ['at no time', item({ Timestamp: undefined })],
      ['at a time that no date holds', item({ Timestamp: 1e300 })],
      ['without data', item({ HistoryData: undefined })],
      ['with data that is no JSON', item({ HistoryData: 'Alarm updated from OK to ALARM' })],
      ['with data too long to read', item({ HistoryData: `"${'x'.repeat(65_536)}"` })],
    ])('passes over a change %s', async (_, row) => {
      const { reader } = await serve(() => json({ AlarmHistoryItems: [row] }));
      expect(await reader.readChangesToAlarm(ARN, span, soon())).toEqual({
        kind: 'answer',
        value: [],
      });
    });
  });

  test('asks for alarms of every kind by name, at most 100 at once', async () => {
    const { reader, inputs } = await serve(() => json({}));
    const arns = Array.from({ length: 101 }, (_, index) => `${ARN}${index}`);
    await readAll(reader, arns);
    const AlarmTypes = ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'];
    const names = arns.map((arn) => arn.slice(arn.indexOf('fraud')));
    expect(inputs()).toEqual([
      { AlarmNames: names.slice(0, 100), AlarmTypes, MaxRecords: 100 },
      { AlarmNames: names.slice(100), AlarmTypes, MaxRecords: 100 },
    ]);
  });

  test('asks once for alarms of one name', async () => {
    const { reader, inputs } = await serve(() => json({}));
    await readAll(reader, [ARN, ARN.replace('1111', '9999'), ARN]);
    expect(inputs()).toMatchObject([{ AlarmNames: ['fraud-errors'] }]);
  });

  describe('in pages', () => {
    /** A name on every page, and a token on every page but the last. */
    const pages = (count: number) =>
      serve(({ body }) => {
        const page = Number(JSON.parse(body).NextToken ?? '1');
        const arn = `${ARN}${page}`;
        const NextToken = page < count ? String(page + 1) : undefined;
        const contributor = { ContributorId: arn, ContributorAttributes: { ModelName: 'fraud' } };
        const AlarmRule = arns.map((child) => `ALARM("${child}")`).join(' OR ');
        const isOwn = JSON.parse(body).AlarmNames?.[0] === 'fraud-errors';
        return json({
          MetricAlarms: [stub(arn, 'ALARM')],
          CompositeAlarms: isOwn ? [{ ...stub(ARN, 'ALARM'), AlarmRule }] : [],
          AlarmContributors: [contributor],
          NextToken,
        });
      });
    const max = limits.alarmPagesMax;
    const numbers = Array.from({ length: max }, (_, index) => index + 1);
    const arns = numbers.map((number) => `${ARN}${number}`);

    test('reads all of them (MiniStack gives one page of 100)', async () => {
      const { reader } = await pages(max);
      const rows = await readAll(reader, arns);
      expect(rows.map(({ ref }) => ref.id)).toEqual(arns);
      expect(await reader.readChildrenInAlarm(ARN, soon())).toEqual({
        kind: 'answer',
        value: arns,
      });
      const contributors = await reader.readContributors(ARN, soon());
      expect(contributors).toMatchObject({ kind: 'answer', value: arns.map((id) => ({ id })) });
    });

    test('is silent when they do not end, since half a list is no list', async () => {
      const { reader, server } = await pages(Number.POSITIVE_INFINITY);
      const silent = { kind: 'silent', message: expect.any(String) };
      expect(await reader.read([ARN], soon())).toEqual(silent);
      expect(await reader.readChildrenInAlarm(ARN, soon())).toEqual(silent);
      expect(await reader.readContributors(ARN, soon())).toEqual(silent);
      expect(await reader.readChangesToAlarm(ARN, ANY_TIME, soon())).toEqual(silent);
      expect(server.requests).toHaveLength(4 * max);
    });

    test('is silent when a page holds more than there can be', async () => {
      const rows = Array.from({ length: limits.alarmRowsMax + 1 }, (_, index) => `${ARN}${index}`);
      const { reader } = await serve(() =>
        json({ MetricAlarms: rows.map((arn) => stub(arn, 'ALARM')) }),
      );
      expect(await reader.readChildrenInAlarm(ARN, soon())).toMatchObject({ kind: 'silent' });
    });

    test('is unreachable when one of them fails', async () => {
      const { reader } = await serve(({ index }) =>
        index === 0 ? json({ MetricAlarms: [stub(ARN, 'ALARM')], NextToken: 'x' }) : status(500),
      );
      expect(await reader.readChildrenInAlarm(ARN, soon())).toMatchObject({ kind: 'unreachable' });
    });
  });

  describe('of series', () => {
    test('reads their names and passes over what it cannot (MiniStack has no such call)', async () => {
      const { reader, inputs } = await serve(() =>
        json({
          AlarmContributors: [
            {
              ContributorId: '6d442278dba546f6',
              ContributorAttributes: {
                ModelName: 'fraud',
                Empty: '',
                Number: 7,
                Long: 'x'.repeat(limits.alarmTextLengthMax + 1),
              },
              StateReason: 'Threshold Crossed',
              StateTransitionedTimestamp: 1_795_000_000.204,
            },
            { ContributorId: '0f1e2d3c4b5a6978' },
            { ContributorAttributes: { ModelName: 'nobody' } },
          ],
        }),
      );
      expect(await reader.readContributors(ARN, soon())).toEqual({
        kind: 'answer',
        value: [
          {
            id: '6d442278dba546f6',
            attributes: [{ name: 'ModelName', value: 'fraud' }],
            changedAtMs: 1_795_000_000_204,
          },
          { id: '0f1e2d3c4b5a6978', attributes: [], changedAtMs: null },
        ],
      });
      expect(inputs()).toEqual([{ AlarmName: 'fraud-errors' }]);
    });
  });

  test('passes over a tag whose value is too long', async () => {
    const Value = 'x'.repeat(limits.alarmTextLengthMax + 1);
    const { reader } = await serve(() => json({ Tags: [{ Key: 'team', Value }] }));
    expect(await reader.readTag(ARN, 'team', soon())).toEqual({ kind: 'answer', value: null });
  });

  describe('when CloudWatch fails', () => {
    const ask = async (
      reader: CloudWatchAlarmReader,
      deadline: () => Deadline = soon,
    ): Promise<AlarmAnswer<unknown>[]> =>
      await Promise.all([
        reader.read([ARN], deadline()),
        reader.readChildrenInAlarm(ARN, deadline()),
        reader.readContributors(ARN, deadline()),
        reader.readChangesToAlarm(ARN, ANY_TIME, deadline()),
        reader.readTag(ARN, 'team', deadline()),
      ]);

    const refusals: readonly ProxyAct[] = [
      refusal(403, 'AccessDenied', 'not authorized to perform: cloudwatch:DescribeAlarms'),
      refusal(400, 'AccessDeniedException'),
      refusal(403, 'ExpiredToken'),
      refusal(403, 'InvalidClientTokenId'),
      refusal(400, 'com.amazonaws.cloudwatch#ValidationError'),
      refusal(404, 'ResourceNotFound'),
      refusal(400, 'ResourceNotFoundException'),
      { kind: 'answer', status: 403, body: '<html>Forbidden</html>', contentType: 'text/html' },
      { kind: 'answer', status: 413, body: '' },
    ];
    test.each(refusals)('is silent on %o', async (act) => {
      const { reader } = await serve(() => act);
      for (const answer of await ask(reader)) {
        expect(answer).toMatchObject({
          kind: 'silent',
          message: expect.stringMatching(/^CloudWatch refused \w+ in eu-west-1 \(.*\)\.$/),
        });
      }
    });

    const failures: readonly ProxyAct[] = [
      { kind: 'reset' },
      status(500),
      status(503),
      status(408),
      status(429),
      status(301),
      refusal(400, 'Throttling', 'Rate exceeded'),
      refusal(400, 'com.amazonaws.cloudwatch#ThrottlingException'),
      refusal(400, 'RequestLimitExceeded'),
      refusal(400, 'TooManyRequestsException'),
      { ...refusal(400, 'x#Other'), headers: { 'x-amzn-query-error': 'Throttling;Sender' } },
      { kind: 'answer', status: 200, body: '{"MetricAlarms":[{"Alarm' },
      { kind: 'answer', status: 200, body: '<html>Log in</html>', contentType: 'text/html' },
      {
        kind: 'answer',
        status: 200,
        body: '{}',
        headers: { 'content-length': '1000', connection: 'close' },
      },
      json({ MetricAlarms: 'x', AlarmContributors: 'x', AlarmHistoryItems: 'x', Tags: 7 }),
    ];
    test.each(failures)('is unreachable on %o', async (act) => {
      const { reader } = await serve(() => act, { maxAttempts: 1 });
      for (const answer of await ask(reader)) {
        expect(answer).toMatchObject({
          kind: 'unreachable',
          message: expect.stringMatching(
            /^CloudWatch did not answer \w+ in eu-west-1 \(.*\)\. Try/,
          ),
        });
      }
    });

    test('is unreachable where nobody listens', async () => {
      const server = await startHttpProxy(null, () => status(500));
      await server.close();
      const reader = new CloudWatchAlarmReader((region) => localCloudWatch(server.url, region));
      for (const answer of await ask(reader)) {
        expect(answer).toMatchObject({ kind: 'unreachable' });
        expect(JSON.stringify(answer)).toContain('ECONNREFUSED');
      }
      reader.close();
    });

    const silences: readonly ProxyAct[] = [
      { kind: 'hang' },
      { kind: 'drip', everyMs: 20 },
      { ...refusal(400, 'Throttling'), headers: { 'retry-after': '60' } },
    ];
    test.each(silences)('ends within the deadline on %o', async (act) => {
      const { reader } = await serve(() => act);
      const startMs = performance.now();
      for (const answer of await ask(reader, () => deadlineAfter(systemClock, 300))) {
        expect(answer).toMatchObject({ kind: 'unreachable' });
      }
      expect(performance.now() - startMs).toBeLessThan(2_000);
    });

    test('takes no more than its own time over all pages, however far the deadline is', async () => {
      const timeout = vi.spyOn(AbortSignal, 'timeout');
      const { reader } = await serve(({ index }) =>
        json({ NextToken: index < 3 ? 'x' : undefined }),
      );
      await readAll(reader, [ARN]);
      expect(timeout.mock.calls).toEqual([[limits.alarmReadTimeoutMs]]);
      timeout.mockRestore();
    });

    test.each([0, -5])('sends nothing with %d ms left', async (leftMs) => {
      const { reader, server } = await serve(() => json({}));
      for (const answer of await ask(reader, () => ({ leftMs: () => leftMs }))) {
        expect(answer).toMatchObject({ kind: 'unreachable' });
      }
      expect(JSON.stringify(await reader.read([ARN], { leftMs: () => leftMs }))).toContain(
        'No time',
      );
      expect(server.requests).toEqual([]);
    });

    test('is unreachable where no client can be made, or no credentials are there', async () => {
      const broken = new CloudWatchAlarmReader(() => {
        throw new Error('no client');
      });
      const anonymous = new CloudWatchAlarmReader(
        (region) =>
          new CloudWatchClient({
            ...localClientConfig('http://127.0.0.1:9'),
            region,
            credentials: () => Promise.reject(new Error('no credentials')),
          }),
      );
      for (const answer of [...(await ask(broken)), ...(await ask(anonymous))]) {
        expect(answer).toMatchObject({ kind: 'unreachable' });
      }
    });

    test('cuts what it says of a failure', async () => {
      const { reader } = await serve(() => refusal(400, 'ValidationError', 'x'.repeat(1_000_000)));
      for (const answer of await ask(reader)) {
        expect(JSON.stringify(answer).length).toBeLessThan(limits.messageLengthMax + 100);
      }
    });
  });

  describe('in several regions', () => {
    const arnIn = (region: string) => ARN.replace('eu-west-1', region);
    const regionOf = ({ headers }: ProxiedRequest): string =>
      /\/([a-z0-9-]+)\/monitoring\//.exec(headers.authorization ?? '')?.[1] ?? '';

    test('asks each about its own, with one client each, until it is closed', async () => {
      const made: string[] = [];
      const { server } = await serve((request) =>
        json({ MetricAlarms: [stub(arnIn(regionOf(request)), 'OK')] }),
      );
      const reader = new CloudWatchAlarmReader((region) => {
        made.push(region);
        return localCloudWatch(server.url, region);
      });
      const arns = ['eu-west-1', 'us-gov-west-1', 'ap-southeast-2'].map(arnIn);
      for (const _ of [1, 2]) {
        expect((await readAll(reader, arns)).map(({ ref }) => ref.id)).toEqual(arns);
      }
      expect(made).toEqual(['eu-west-1', 'us-gov-west-1', 'ap-southeast-2']);
      reader.close();
      await readAll(reader, [ARN]);
      expect(made).toHaveLength(4);
      reader.close();
    });

    test('has no answer when one of them has none', async () => {
      const { reader } = await serve((request) => {
        if (regionOf(request) === 'us-east-1') return refusal(403, 'AccessDenied');
        if (regionOf(request) === 'us-east-2') return { kind: 'reset' };
        return json({ MetricAlarms: [stub(ARN, 'OK')] });
      });
      const kindOf = async (...regions: string[]) =>
        (await reader.read(regions.map(arnIn), soon())).kind;
      expect(await kindOf('eu-west-1')).toBe('answer');
      expect(await kindOf('eu-west-1', 'us-east-1')).toBe('silent');
      expect(await kindOf('us-east-1', 'us-east-2', 'eu-west-1')).toBe('unreachable');
    });

    test('keeps a bounded number of clients, those that were used last', async () => {
      const made: string[] = [];
      const destroyed: string[] = [];
      const reader = new CloudWatchAlarmReader((region) => {
        made.push(region);
        const send = async () => ({});
        const destroy = () => destroyed.push(region);
        return { send, destroy } as unknown as CloudWatchClient;
      });
      const regions = Array.from({ length: limits.alarmRegionsMax }, (_, index) => `eu-a-${index}`);
      await readAll(reader, regions.map(arnIn));
      await readAll(reader, [arnIn('eu-a-0')]);
      expect(destroyed).toEqual([]);
      await readAll(reader, [arnIn('eu-b-1')]);
      expect(destroyed).toEqual(['eu-a-1']);
      await readAll(reader, [arnIn('eu-a-0')]);
      expect(made).toEqual([...regions, 'eu-b-1']);
      reader.close();
      expect(destroyed).toHaveLength(made.length);
      expect(await reader.read([...regions, 'eu-c-1'].map(arnIn), soon())).toMatchObject({
        kind: 'silent',
      });
    });

    test('is silent about more alarms than anybody asks for', async () => {
      const { reader, server } = await serve(() => json({}));
      const arns = Array.from({ length: limits.alarmRowsMax + 1 }, (_, index) => `${ARN}${index}`);
      expect(await reader.read(arns, soon())).toMatchObject({ kind: 'silent' });
      expect(server.requests).toEqual([]);
    });
  });
});

// ---------------------------------------------------------------------------------------------------

/**
 * MiniStack behind a proxy that answers the two questions it does not know: it has no contributors, and
 * takes a question for children for one for all alarms.
 */
async function openMiniStackPlace(): Promise<AlarmPlace> {
  const children = new Map<string, readonly string[]>();
  const states = new Map<string, AlarmState>();
  const contributors = new Map<string, readonly ContributorInAlarm[]>();
  const stateOf = (name: string): AlarmState => {
    const below = children.get(name);
    if (below === undefined) return states.get(name) ?? 'INSUFFICIENT_DATA';
    return below.some((child) => stateOf(child) === 'ALARM') ? 'ALARM' : 'OK';
  };

  const proxy = await startHttpProxy(ministack.url, ({ headers, body }) => {
    const input = JSON.parse(body) as { ChildrenOfAlarmName?: string; AlarmName?: string };
    const top = input.ChildrenOfAlarmName;
    if (top !== undefined) {
      const names = children.get(top) ?? [];
      const rows = names.map((name) => stub(localAlarmArn(name), stateOf(name)));
      const isComposite = ({ AlarmName = '' }: MetricAlarm): boolean => children.has(AlarmName);
      return json({
        MetricAlarms: rows.filter((row) => !isComposite(row)),
        CompositeAlarms: rows.filter(isComposite),
      });
    }
    if (!String(headers['x-amz-target']).endsWith('.DescribeAlarmContributors')) {
      return { kind: 'pass' };
    }
    const rows = contributors.get(input.AlarmName ?? '') ?? [];
    return json({
      AlarmContributors: rows.map(({ id, attributes, changedAtMs }) => ({
        ContributorId: id,
        ContributorAttributes: Object.fromEntries(
          attributes.map(({ name, value }) => [name, value]),
        ),
        StateReason: 'Threshold Crossed',
        ...(changedAtMs !== null && { StateTransitionedTimestamp: changedAtMs / 1_000 }),
      })),
    });
  });
  const reader = new CloudWatchAlarmReader((region) => localCloudWatch(proxy.url, region));

  return {
    reader,
    putMetricAlarm: (name, { dimensions = {}, region = 'eu-west-1', hasActionsEnabled } = {}) =>
      putMetricAlarm(ministack.url, name, {
        dimensions,
        region,
        input: { ActionsEnabled: hasActionsEnabled },
      }),
    putCompositeAlarm: async (name, childNames) => {
      children.set(name, childNames);
      const rule = childNames.map((child) => `ALARM("${child}")`).join(' OR ');
      return await putCompositeAlarm(ministack.url, name, rule);
    },
    setState: async (name, state) => {
      states.set(name, state);
      await setAlarmState(ministack.url, name, state);
    },
    setContributors: async (name, rows) => {
      contributors.set(name, rows);
    },
    tag: (arn, key, value) => tagAlarm(ministack.url, arn, key, value),
    remove: (name) => deleteAlarms(ministack.url, [name]),
    close: async () => {
      reader.close();
      await proxy.close();
    },
  };
}

/** What a listing of children tells of an alarm. */
function stub(arn: string, state: AlarmState): MetricAlarm {
  return { AlarmArn: arn, AlarmName: arn.split(':').slice(6).join(':'), StateValue: state };
}

function json(body: object): ProxyAct {
  return { kind: 'answer', status: 200, body: JSON.stringify(body) };
}

function status(code: number): ProxyAct {
  return { kind: 'answer', status: code, body: '{"message":"not now"}' };
}

function refusal(code: number, type: string, message = 'no'): ProxyAct & { kind: 'answer' } {
  return { kind: 'answer', status: code, body: JSON.stringify({ __type: type, message }) };
}
