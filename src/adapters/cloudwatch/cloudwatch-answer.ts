import type {
  CompositeAlarm,
  AlarmContributor as Contributor,
  DescribeAlarmsCommandOutput,
  LogAlarm,
  MetricAlarm,
  Dimension as MetricDimension,
} from '@aws-sdk/client-cloudwatch';
import * as v from 'valibot';
import type {
  AlarmContributor,
  AlarmDescription,
  AlarmState,
  AlarmSubject,
  Dimension,
} from '../../domain/alarm.ts';
import { limits } from '../../domain/limits.ts';

/** Kinds of alarms to ask for: without them only metric alarms are told. */
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

export function contributorsOf(rows: readonly Contributor[]): readonly AlarmContributor[] {
  return rows.flatMap(({ ContributorId, ContributorAttributes }) => {
    if (!isText(ContributorId)) return [];
    const attributes = Object.entries(ContributorAttributes ?? {});
    const named = attributes.map(([Name, Value]) => ({ Name, Value }));
    return [{ id: ContributorId, attributes: dimensionsOf(named) }];
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
  const { AlarmArn, AlarmName, StateValue, AlarmConfigurationUpdatedTimestamp } = alarm;
  const configuredAtMs = AlarmConfigurationUpdatedTimestamp?.getTime();
  if (!isText(AlarmArn) || !isText(AlarmName) || !isState(StateValue)) return [];
  return [
    {
      ...subjectOf(alarm),
      arn: AlarmArn,
      name: AlarmName,
      state: StateValue,
      configuredAtMs: Number.isFinite(configuredAtMs) ? (configuredAtMs ?? null) : null,
      hasActionsEnabled: alarm.ActionsEnabled !== false,
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
function triggeringChildren(reasonData: string): readonly string[] {
  if (reasonData.length > limits.alarmReasonDataLengthMax) return [];
  try {
    const { triggeringAlarms } = v.parse(reasonDataSchema, JSON.parse(reasonData));
    const inAlarm = triggeringAlarms.filter((child) => v.is(childInAlarmSchema, child));
    return [...new Set(inAlarm.map(({ arn }) => arn))];
  } catch {
    return [];
  }
}

function dimensionsOf(rows: readonly MetricDimension[]): readonly Dimension[] {
  return rows
    .flatMap(({ Name, Value }) =>
      isText(Name) && isText(Value) ? [{ name: Name, value: Value }] : [],
    )
    .slice(0, limits.alarmDimensionsMax);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= limits.alarmTextLengthMax;
}

function isState(value: unknown): value is AlarmState {
  return value === 'OK' || value === 'ALARM' || value === 'INSUFFICIENT_DATA';
}
