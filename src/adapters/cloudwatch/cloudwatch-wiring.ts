import {
  type CloudWatchClient,
  DescribeAlarmsCommand,
  type DescribeAlarmsCommandInput,
  type DescribeAlarmsCommandOutput,
} from '@aws-sdk/client-cloudwatch';
import { isActionOn, parseAlarmArn } from '../../domain/alarm/alarm.ts';
import { messageOf } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { AlarmAnswer } from '../../ports/alarm-reader.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { AskedAlarms, WiredAlarm } from '../../ports/surroundings.ts';
import { alarmsOf, alarmTypes, rowsOf } from './cloudwatch-answer.ts';

/** The alarms that call the function or the topic, and those that are named; each once. Never throws. */
export async function findAlarms(
  client: CloudWatchClient,
  { functionArn, topicArn, names }: AskedAlarms,
  deadline: Deadline,
): Promise<AlarmAnswer<readonly WiredAlarm[]>> {
  return await answering('list the alarms', async () => {
    const found = new Map<string, WiredAlarm>();
    const add = (rows: readonly WiredAlarm[]): void => {
      for (const row of rows) found.set(row.alarm.ref.id, row);
    };
    for (const arn of [functionArn, topicArn]) {
      if (arn === null) continue;
      const rows = await list(client, { ActionPrefix: arn, AlarmTypes: [...alarmTypes] }, deadline);
      // The prefix is that of a longer name too, and also of actions for other states.
      add(rows.filter(({ actions }) => actions.some((one) => isActionOn(one, arn))));
    }
    for (let from = 0; from < names.length; from += limits.alarmPageRows) {
      const AlarmNames = names.slice(from, from + limits.alarmPageRows);
      add(await list(client, { AlarmNames, AlarmTypes: [...alarmTypes] }, deadline));
    }
    return [...found.values()];
  });
}

/** ARNs of all children of a composite alarm, whatever their state. Never throws. */
export async function findChildren(
  client: CloudWatchClient,
  arn: string,
  deadline: Deadline,
): Promise<AlarmAnswer<readonly string[]>> {
  return await answering('list the alarms', async () => {
    // No other filter may stand beside this one.
    const input = { ChildrenOfAlarmName: parseAlarmArn(arn)?.name ?? arn };
    const pages = await pagesOf(client, input, deadline);
    const rows = pages.flatMap(rowsOf);
    return [...new Set(rows.flatMap(({ AlarmArn }) => AlarmArn ?? []))];
  });
}

// ---------------------------------------------------------------------------------------------------

async function list(
  client: CloudWatchClient,
  input: DescribeAlarmsCommandInput,
  deadline: Deadline,
): Promise<readonly WiredAlarm[]> {
  const pages = await pagesOf(client, input, deadline);
  return pages.flatMap((page) => {
    const actions = new Map(rowsOf(page).map((row) => [row.AlarmArn, row.AlarmActions ?? []]));
    return alarmsOf(page).map((alarm) => ({ alarm, actions: actions.get(alarm.ref.id) ?? [] }));
  });
}

async function pagesOf(
  client: CloudWatchClient,
  input: DescribeAlarmsCommandInput,
  deadline: Deadline,
): Promise<readonly DescribeAlarmsCommandOutput[]> {
  const pages: DescribeAlarmsCommandOutput[] = [];
  let NextToken: string | undefined;
  do {
    const abortSignal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
    const command = new DescribeAlarmsCommand({
      ...input,
      NextToken,
      MaxRecords: limits.alarmPageRows,
    });
    const page = await client.send(command, { abortSignal });
    pages.push(page);
    NextToken = page.NextToken;
  } while (NextToken && pages.length < limits.alarmPagesMax);
  return pages;
}

/** @param what CloudWatch was asked to do, for people */
export async function answering<T>(what: string, ask: () => Promise<T>): Promise<AlarmAnswer<T>> {
  try {
    return { kind: 'answer', value: await ask() };
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n', 1);
    const why = `${error instanceof Error ? error.name : 'Error'}: ${line}`;
    const message = `CloudWatch did not ${what} (${why.slice(0, limits.messageLengthMax)}).`;
    return { kind: 'unreachable', message };
  }
}
