/** Alarms in CloudWatch to go with the events of alarm-events.ts: what a message says is checked there. */
import type {
  MemoryAlarmExtras,
  MemoryAlarmReader,
} from '../../src/adapters/memory/memory-alarm-reader.ts';
import { type AlarmDescription, cloudWatchRef } from '../../src/domain/alarm/alarm.ts';
import { type AlarmParts, alarmArn } from './alarm-events.ts';

/**
 * Makes the alarm that these parts are about, in ALARM since the time in them.
 * @param more what CloudWatch says otherwise
 */
export function putKnownAlarm(
  alarms: MemoryAlarmReader,
  parts: AlarmParts,
  more: Partial<AlarmDescription> = {},
  extras: MemoryAlarmExtras = {},
): void {
  const { name = 'high-drawdown-alarm', kind = 'metric', model = 'PascalStrategy' } = parts;
  const { contributor, dimension = 'ModelName', region, account } = parts;
  const models = model === null ? [] : [model].flat();
  const arn = parts.arn ?? alarmArn(name, region, account);
  const isOnMetrics = kind === 'metric' || kind === 'math' || kind === 'anomaly';
  const children = parts.children ?? [{ arn: `${arn}-child`, state: 'ALARM' }];
  const atMs = parts.atMs ?? Date.UTC(2026, 0, 1, 2, 46);
  const attributes = Object.entries(contributor?.attributes ?? {});
  const series = attributes.map(([key, value]) => ({ name: key, value }));
  alarms.put(
    {
      ref: cloudWatchRef(arn, name),
      state: 'ALARM',
      stateChangedAtMs: atMs,
      configuredAtMs: 0,
      hasActionsEnabled: true,
      isSuppressed: false,
      isComposite: kind === 'composite',
      dimensions: isOnMetrics
        ? [{ name: 'Region', value: 'eu' }, ...models.map((value) => ({ name: dimension, value }))]
        : [],
      isMultiSeries: kind === 'multi-series' || kind === 'promql',
      childrenInAlarm:
        kind === 'composite'
          ? children.flatMap((child) => (child.state === 'ALARM' ? [child.arn] : []))
          : [],
      ...more,
    },
    {
      ...(contributor != null && {
        contributors: [{ id: contributor.id, attributes: series, changedAtMs: atMs }],
      }),
      ...extras,
    },
  );
}
