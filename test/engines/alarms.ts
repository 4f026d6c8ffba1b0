/** Alarms in MiniStack, for tests. */
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutCompositeAlarmCommand,
  type PutCompositeAlarmCommandInput,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
  TagResourceCommand,
} from '@aws-sdk/client-cloudwatch';
import type { AlarmState } from '../../src/domain/alarm/alarm.ts';
import { localClientConfig } from './aws.ts';

/** The account of MiniStack, where the access key is no account number. */
export const LOCAL_ACCOUNT = '000000000000';

/** A client for a region of the engine; alarms of one region are not seen in another. */
export function localCloudWatch(endpoint: string, region: string = REGION): CloudWatchClient {
  return new CloudWatchClient({ ...localClientConfig(endpoint), region });
}

/** The ARN that the engine gives to an alarm. */
export function localAlarmArn(name: string, region: string = REGION): string {
  return `arn:aws:cloudwatch:${region}:${LOCAL_ACCOUNT}:alarm:${name}`;
}

/**
 * Makes a metric alarm, in INSUFFICIENT_DATA, and answers its ARN. The engine drops `Metrics`: no metric
 * math and no query.
 */
export async function putMetricAlarm(
  endpoint: string,
  name: string,
  options: PutMetricAlarmOptions = {},
): Promise<string> {
  const { region = REGION, dimensions = {}, input = {} } = options;
  await use(endpoint, region, (client) =>
    client.send(
      new PutMetricAlarmCommand({
        AlarmName: name,
        Namespace: 'ML/Serving',
        MetricName: 'ErrorRate',
        Statistic: 'Average',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 0.05,
        ComparisonOperator: 'GreaterThanThreshold',
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        ...input,
      }),
    ),
  );
  return localAlarmArn(name, region);
}

/** Makes a composite alarm over alarms that exist, and answers its ARN. */
export async function putCompositeAlarm(
  endpoint: string,
  name: string,
  rule: string,
  input: Partial<PutCompositeAlarmCommandInput> = {},
): Promise<string> {
  await use(endpoint, REGION, (client) =>
    client.send(new PutCompositeAlarmCommand({ AlarmName: name, AlarmRule: rule, ...input })),
  );
  return localAlarmArn(name);
}

/** When an alarm went to its state, as the engine says it (epoch ms, to the second). */
export async function stateChangedAt(endpoint: string, name: string): Promise<number> {
  return await use(endpoint, REGION, async (client) => {
    const AlarmTypes = ['MetricAlarm', 'CompositeAlarm'] as const;
    const command = new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: [...AlarmTypes] });
    const { MetricAlarms = [], CompositeAlarms = [] } = await client.send(command);
    const [alarm] = [...MetricAlarms, ...CompositeAlarms];
    // The engine keeps the former of composite alarms only.
    const time = alarm?.StateTransitionedTimestamp ?? alarm?.StateUpdatedTimestamp;
    if (time === undefined) throw new Error(`there is no alarm ${name}`);
    return time.getTime();
  });
}

/** Forces a state. Its actions fire, and composite alarms above it follow. */
export async function setAlarmState(
  endpoint: string,
  name: string,
  state: AlarmState,
  reason: { readonly text?: string; readonly data?: string } = {},
): Promise<void> {
  await use(endpoint, REGION, (client) =>
    client.send(
      new SetAlarmStateCommand({
        AlarmName: name,
        StateValue: state,
        StateReason: reason.text ?? 'set by a test',
        StateReasonData: reason.data,
      }),
    ),
  );
}

export async function tagAlarm(
  endpoint: string,
  arn: string,
  key: string,
  value: string,
): Promise<void> {
  const Tags = [{ Key: key, Value: value }];
  await use(endpoint, REGION, (client) =>
    client.send(new TagResourceCommand({ ResourceARN: arn, Tags })),
  );
}

/** At most one of them may be composite, and none the child of another alarm. */
export async function deleteAlarms(endpoint: string, names: readonly string[]): Promise<void> {
  await use(endpoint, REGION, (client) =>
    client.send(new DeleteAlarmsCommand({ AlarmNames: [...names] })),
  );
}

// ---------------------------------------------------------------------------------------------------

const REGION = 'eu-west-1';

interface PutMetricAlarmOptions {
  readonly region?: string;
  readonly dimensions?: Readonly<Record<string, string>>;
  /** Anything else, such as `AlarmActions`. */
  readonly input?: Partial<PutMetricAlarmCommandInput>;
}

async function use<T>(
  endpoint: string,
  region: string,
  act: (client: CloudWatchClient) => Promise<T>,
): Promise<T> {
  const client = localCloudWatch(endpoint, region);
  return await act(client).finally(() => client.destroy());
}
