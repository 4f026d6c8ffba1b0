import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { SelfMetrics } from './self-alarms.ts';

/** The function at a glance. */
export function selfDashboard(
  scope: Construct,
  id: string,
  metrics: SelfMetrics,
  alarms: readonly Alarm[],
): Dashboard {
  const graph = (title: string, ...left: IMetric[]) =>
    new GraphWidget({ title, left, width: 12, height: 6 });
  const status =
    alarms.length === 0
      ? []
      : [[new AlarmStatusWidget({ title: 'model-rollback', alarms: [...alarms], width: 24 })]];
  return new Dashboard(scope, id, {
    widgets: [
      ...status,
      [
        graph('Rollbacks', ...metrics.rollbacks),
        graph('Time spent on the registry', metrics.registryLatency),
      ],
      [
        graph('Invocations', metrics.invocations, metrics.errors, metrics.throttles),
        graph('Duration', metrics.duration),
      ],
      [
        graph('Events that wait or are lost', metrics.eventAge, metrics.dropped),
        graph('Dead letters and notices', metrics.deadLetters, metrics.unsentNotices),
      ],
    ],
  });
}
