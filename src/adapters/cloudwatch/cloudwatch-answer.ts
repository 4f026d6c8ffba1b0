import type {
  CompositeAlarm,
  AlarmContributor as Contributor,
  DescribeAlarmsCommandOutput,
  LogAlarm,
  MetricAlarm,
  Dimension as MetricDimension,
} from '@aws-sdk/client-cloudwatch';
import * as v from 'valibot';
import {
  type AlarmDescription,
  type AlarmState,
  type AlarmSubject,
  type ContributorInAlarm,
  cloudWatchRef,
  type Dimension,
} from '../../domain/alarm/alarm.ts';
import { limits } from '../../domain/limits.ts';

/** Kinds of alarms to ask for: without them only metric alarms are listed. */
export const alarmTypes = ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'] as const;

/** The alarms of a page of DescribeAlarms, of every kind. One without an ARN, a name or a state is none. */
export function alarmsOf(page: DescribeAlarmsCommandOutput): readonly AlarmDescription[] {
  const { MetricAlarms = [], CompositeAlarms = [], LogAlarms = [] } = page;
  return [
    ...MetricAlarms.flatMap((alarm) => describe(alarm, metricSubject)),
    ...CompositeAlarms.flatMap((alarm) => describe(alarm, compositeSubject)),
    ...LogAlarms.flatMap((alarm) => describe(alarm, () => nothingKnown)),
  ];
}

/** What a page of DescribeAlarms holds, of every kind, as it came. */
export function rowsOf(page: DescribeAlarmsCommandOutput): readonly AnyAlarm[] {
  const { MetricAlarms = [], CompositeAlarms = [], LogAlarms = [] } = page;
  return [MetricAlarms, CompositeAlarms, LogAlarms].flatMap((alarms: readonly AnyAlarm[]) => {
    // A proxy may answer anything, and a text would be spread into its letters.
    if (!Array.isArray(alarms)) throw new TypeError('the alarms are not a list');
    return alarms;
  });
}

/** ARNs of those alarms of a page that are in ALARM. A listing of children gives little more than that. */
export function arnsInAlarm(page: DescribeAlarmsCommandOutput): readonly string[] {
  return rowsOf(page).flatMap(({ AlarmArn, StateValue }) =>
    isText(AlarmArn) && StateValue === 'ALARM' ? [AlarmArn] : [],
  );
}

/** The rule of a composite alarm; empty when the page has no such alarm. */
export function ruleOf({ CompositeAlarms = [] }: DescribeAlarmsCommandOutput, arn: string): string {
  return CompositeAlarms.find(({ AlarmArn }) => AlarmArn === arn)?.AlarmRule ?? '';
}

export function contributorsOf(rows: readonly Contributor[]): readonly ContributorInAlarm[] {
  return rows.flatMap(({ ContributorId, ContributorAttributes, StateTransitionedTimestamp }) => {
    if (!isText(ContributorId)) return [];
    const changedAtMs = epochMs(StateTransitionedTimestamp);
    return [{ id: ContributorId, attributes: attributesOf(ContributorAttributes), changedAtMs }];
  });
}

// ---------------------------------------------------------------------------------------------------

type AnyAlarm = MetricAlarm | CompositeAlarm | LogAlarm;

/** A log alarm names neither dimensions nor children. */
const nothingKnown: AlarmSubject = {
  isComposite: false,
  dimensions: [],
  isMultiSeries: false,
  childrenInAlarm: [],
};

function describe<T extends AnyAlarm>(
  alarm: T,
  subjectOf: (alarm: T) => AlarmSubject,
): readonly AlarmDescription[] {
  const { AlarmArn, AlarmName, StateValue, StateTransitionedTimestamp, StateUpdatedTimestamp } =
    alarm;
  if (!isText(AlarmArn) || !isText(AlarmName) || !isState(StateValue)) return [];
  return [
    {
      ...subjectOf(alarm),
      ref: cloudWatchRef(AlarmArn, AlarmName),
      state: StateValue,
      // The time of the latest update moves on while the state stays as it is.
      stateChangedAtMs: epochMs(StateTransitionedTimestamp ?? StateUpdatedTimestamp),
      configuredAtMs: epochMs(alarm.AlarmConfigurationUpdatedTimestamp),
      hasActionsEnabled: alarm.ActionsEnabled !== false,
      isSuppressed: 'ActionsSuppressedBy' in alarm && Boolean(alarm.ActionsSuppressedBy),
    },
  ];
}

function metricSubject({
  Dimensions = [],
  Metrics = [],
  EvaluationCriteria,
}: MetricAlarm): AlarmSubject {
  const dimensions = dimensionsOf([
    ...Dimensions,
    ...Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric?.Dimensions ?? []),
  ]);
  const isQuery =
    EvaluationCriteria?.PromQLCriteria !== undefined ||
    Metrics.some(({ Expression }) => /^\s*SELECT\b/i.test(Expression ?? ''));
  return { ...nothingKnown, dimensions, isMultiSeries: isQuery && dimensions.length === 0 };
}

function compositeSubject({ StateReasonData }: CompositeAlarm): AlarmSubject {
  return {
    ...nothingKnown,
    isComposite: true,
    childrenInAlarm: triggeringChildren(StateReasonData ?? ''),
  };
}

const reasonDataSchema = v.object({ triggeringAlarms: v.array(v.unknown()) });
const childInAlarmSchema = v.object({
  arn: v.pipe(v.string(), v.nonEmpty(), v.maxLength(limits.alarmTextLengthMax)),
  state: v.object({ value: v.literal('ALARM') }),
});

/** A forced state has any reason data or none; what cannot be read names no children. */
export function triggeringChildren(reasonData: string): readonly string[] {
  if (reasonData.length > limits.alarmReasonDataLengthMax) return [];
  try {
    const { triggeringAlarms } = v.parse(reasonDataSchema, JSON.parse(reasonData));
    const inAlarm = triggeringAlarms.filter((child) => v.is(childInAlarmSchema, child));
    return [...new Set(inAlarm.map(({ arn }) => arn))];
  } catch {
    return [];
  }
}

export function attributesOf(
  attributes: Readonly<Record<string, string>> = {},
): readonly Dimension[] {
  return dimensionsOf(Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })));
}

function dimensionsOf(rows: readonly MetricDimension[]): readonly Dimension[] {
  return rows
    .flatMap(({ Name, Value }) =>
      isText(Name) && isText(Value) ? [{ name: Name, value: Value }] : [],
    )
    .slice(0, limits.alarmDimensionsMax);
}

/** Null for a time beyond what a date can hold, too. */
export function epochMs(time: Date | undefined): number | null {
  const ms = time?.getTime() ?? Number.NaN;
  return Number.isNaN(ms) || ms < 0 ? null : ms;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= limits.alarmTextLengthMax;
}

export function isState(value: unknown): value is AlarmState {
  return value === 'OK' || value === 'ALARM' || value === 'INSUFFICIENT_DATA';
}
