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

/** Whether the function itself works. */
export interface SelfMetrics {
  readonly errors: IMetric;
  readonly throttles: IMetric;
  readonly dropped: IMetric;
  readonly deadLetters: IMetric;
  readonly deadLetterErrors: IMetric;
  readonly destinationErrors: IMetric;
  readonly eventAge: IMetric;
  readonly unsentNotices: IMetric;
  readonly invocations: IMetric;
  readonly duration: IMetric;
  /** How the requests ended, as the function counts them. */
  readonly rollbacks: readonly IMetric[];
  readonly registryLatency: IMetric;
}

export function selfMetrics(fn: IFunction, deadLetters: IQueue): SelfMetrics {
  const sum = { statistic: 'Sum', period };
  return {
    errors: fn.metricErrors(sum),
    throttles: fn.metricThrottles(sum),
    dropped: fn.metric('AsyncEventsDropped', sum),
    deadLetters: deadLetters.metricApproximateNumberOfMessagesVisible({
      statistic: 'Maximum',
      period,
    }),
    deadLetterErrors: fn.metric('DeadLetterErrors', sum),
    destinationErrors: fn.metric('DestinationDeliveryFailures', sum),
    eventAge: fn.metric('AsyncEventAge', { statistic: 'Maximum', period }),
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
    this.alarms = [
      this.#atOnce('Errors', metrics.errors, 'The function ended with an error'),
      this.#atOnce('Throttles', metrics.throttles, 'Lambda throttled the function'),
      this.#atOnce('EventsDropped', metrics.dropped, 'An event was dropped after its retries'),
      this.#atOnce(
        'DeadLetters',
        metrics.deadLetters,
        'An event that could not be handled is in the dead-letter queue',
      ),
      this.#atOnce(
        'DeadLetterErrors',
        metrics.deadLetterErrors,
        'An event was lost: it could not be sent to the dead-letter queue',
      ),
      this.#atOnce(
        'DestinationErrors',
        metrics.destinationErrors,
        'The failure record of an event could not be sent to the dead-letter queue',
      ),
      this.#atOnce(
        'EventAge',
        metrics.eventAge,
        'Events wait for minutes before the function runs',
        lateEventMs,
      ),
      this.#atOnce('NoticesNotSent', metrics.unsentNotices, 'A notice could not be sent'),
      this.#sweepStopped(metrics.invocations),
    ];
  }

  #atOnce(id: string, metric: IMetric, text: string, threshold = 1): Alarm {
    const alarm = new Alarm(this, id, {
      alarmDescription: `model-rollback: ${text}.`,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(this.#action);
    return alarm;
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

// ---------------------------------------------------------------------------------------------------

const period = Duration.minutes(5);
const lateEventMs = 300_000;

/** The function writes these into its log; several functions of one account and region share them. */
function ownMetric(metricName: string, statistic: string): Metric {
  const dimensionsMap = { service: 'model-rollback' };
  return new Metric({ namespace: 'ModelRollback', metricName, dimensionsMap, statistic, period });
}
