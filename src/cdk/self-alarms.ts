import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** Whether a function is called, and ends well. */
export interface CallMetrics {
  readonly errors: IMetric;
  readonly throttles: IMetric;
  readonly dropped: IMetric;
  readonly deadLetterErrors: IMetric;
  readonly destinationErrors: IMetric;
  readonly eventAge: IMetric;
}

/** Whether the function itself works. */
export interface SelfMetrics extends CallMetrics {
  readonly deadLetters: IMetric;
  readonly unsentNotices: IMetric;
  readonly invocations: IMetric;
  readonly duration: IMetric;
  /** How the requests ended, as the function counts them. */
  readonly rollbacks: readonly IMetric[];
  readonly registryLatency: IMetric;
}

export function callMetrics(fn: IFunction): CallMetrics {
  const sum = { statistic: 'Sum', period };
  return {
    errors: fn.metricErrors(sum),
    throttles: fn.metricThrottles(sum),
    dropped: fn.metric('AsyncEventsDropped', sum),
    deadLetterErrors: fn.metric('DeadLetterErrors', sum),
    destinationErrors: fn.metric('DestinationDeliveryFailures', sum),
    eventAge: fn.metric('AsyncEventAge', { statistic: 'Maximum', period }),
  };
}

export function selfMetrics(fn: IFunction, deadLetters: IQueue): SelfMetrics {
  const sum = { statistic: 'Sum', period };
  return {
    ...callMetrics(fn),
    deadLetters: deadLetters.metricApproximateNumberOfMessagesVisible({
      statistic: 'Maximum',
      period,
    }),
    unsentNotices: ownMetric('NotificationFailed', 'Sum'),
    invocations: fn.metricInvocations(sum),
    duration: fn.metricDuration({ statistic: 'Maximum', period }),
    rollbacks: ['RollbackRequested', 'RollbackSucceeded', 'RollbackSkipped', 'RollbackFailed'].map(
      (name) => ownMetric(name, 'Sum'),
    ),
    registryLatency: ownMetric('RegistryLatencyMs', 'Maximum'),
  };
}

export interface SelfAlarmsProps {
  readonly metrics: SelfMetrics;
  readonly topic: ITopic;
}

/** Alarms on the function itself, so that people learn what is broken before it is needed. */
export class SelfAlarms extends Construct {
  readonly alarms: readonly Alarm[];
  readonly #action: SnsAction;

  constructor(scope: Construct, id: string, { metrics, topic }: SelfAlarmsProps) {
    super(scope, id);
    this.#action = new SnsAction(topic);
    const rows: readonly AlarmRow[] = [
      ...callAlarms('function', metrics),
      [
        'DeadLetters',
        metrics.deadLetters,
        'An event that could not be handled is in the dead-letter queue',
      ],
      ['NoticesNotSent', metrics.unsentNotices, 'A notice could not be sent'],
    ];
    this.alarms = [...makeAlarms(this, rows, topic), this.#sweepStopped(metrics.invocations)];
  }

  /**
   * A function that nobody calls has no data. So a lack of data is reported too; not at the first deployment,
   * since an alarm begins without data.
   */
  #sweepStopped(invocations: IMetric): Alarm {
    const alarm = new Alarm(this, 'SweepStopped', {
      alarmDescription:
        'model-rollback: The sweep does not run: alarms that were refused are not tried again.',
      metric: invocations,
      threshold: 1,
      evaluationPeriods: 3,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.MISSING,
    });
    alarm.addAlarmAction(this.#action);
    alarm.addInsufficientDataAction(this.#action);
    return alarm;
  }
}

export type AlarmRow = readonly [id: string, metric: IMetric, text: string, threshold?: number];

/** Of a function that has such a name for people. */
export function callAlarms(
  name: 'function' | 'HTTP function',
  metrics: CallMetrics,
): readonly AlarmRow[] {
  const where = name === 'function' ? '' : ` for the ${name}`;
  return [
    ['Errors', metrics.errors, `The ${name} ended with an error`],
    ['Throttles', metrics.throttles, `Lambda throttled the ${name}`],
    ['EventsDropped', metrics.dropped, `An event${where} was dropped after its retries`],
    [
      'DeadLetterErrors',
      metrics.deadLetterErrors,
      `An event${where} was lost: it could not be sent to the dead-letter queue`,
    ],
    [
      'DestinationErrors',
      metrics.destinationErrors,
      `The failure record of an event${where} could not be sent to the dead-letter queue`,
    ],
    ['EventAge', metrics.eventAge, `Events wait for minutes before the ${name} runs`, lateEventMs],
  ];
}

/** Alarms to the topic that go off at once. */
export function makeAlarms(
  scope: Construct,
  rows: readonly AlarmRow[],
  topic: ITopic,
): readonly Alarm[] {
  const action = new SnsAction(topic);
  return rows.map(([id, metric, text, threshold = 1]) => {
    const alarm = new Alarm(scope, id, {
      alarmDescription: `model-rollback: ${text}.`,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(action);
    return alarm;
  });
}

// ---------------------------------------------------------------------------------------------------

const period = Duration.minutes(5);
const lateEventMs = 300_000;

/** The function writes these into its log; several functions of one account and region share them. */
function ownMetric(metricName: string, statistic: string): Metric {
  const dimensionsMap = { service: 'model-rollback' };
  return new Metric({ namespace: 'ModelRollback', metricName, dimensionsMap, statistic, period });
}
