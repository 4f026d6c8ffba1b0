import { type CloudWatchClient, DescribeAlarmHistoryCommand } from '@aws-sdk/client-cloudwatch';
import type { AlarmAnswer } from '../../ports/alarm-reader.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { alarmTypes } from './cloudwatch-answer.ts';
import { answering } from './cloudwatch-wiring.ts';

/** Reads one line of the history of any alarm, to see whether that is allowed. Never throws. */
export async function inspectHistory(
  client: CloudWatchClient,
  deadline: Deadline,
): Promise<AlarmAnswer<null>> {
  return await answering('show the history of alarms', async () => {
    const abortSignal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
    const command = new DescribeAlarmHistoryCommand({
      AlarmTypes: [...alarmTypes],
      HistoryItemType: 'StateUpdate',
      MaxRecords: 1,
    });
    await client.send(command, { abortSignal });
    return null;
  });
}
