/** Messages of Alertmanager 0.25 and Grafana, as they come to a webhook, with invented values. */

export interface AlertParts {
  readonly name?: string;
  readonly model?: string | null;
  readonly status?: string;
  readonly startsAt?: string;
  readonly fingerprint?: string;
  readonly labels?: Readonly<Record<string, unknown>>;
}

/** One alert of a group. By default it fires since a minute before the simulated clock starts. */
export function alert(parts: AlertParts = {}): Record<string, unknown> {
  const { name = 'DrawdownHigh', model = 'PascalStrategy', status = 'firing' } = parts;
  return {
    status,
    labels: {
      alertname: name,
      severity: 'page',
      ...(model === null ? {} : { model }),
      ...parts.labels,
    },
    annotations: { summary: 'drawdown above 20 %' },
    startsAt: parts.startsAt ?? '2026-01-01T02:46:00.123456789Z',
    endsAt: status === 'firing' ? '0001-01-01T00:00:00Z' : '2026-01-01T02:50:00Z',
    generatorURL: 'http://prometheus:9090/graph?g0.expr=drawdown',
    fingerprint: parts.fingerprint ?? 'c1f0a2b3c4d5e6f7',
  };
}

/** What Alertmanager posts. */
export function alertmanagerMessage(
  alerts: readonly unknown[] = [alert()],
  fields: object = {},
): Record<string, unknown> {
  return {
    receiver: 'model-rollback',
    status: 'firing',
    alerts,
    groupLabels: { alertname: 'DrawdownHigh' },
    commonLabels: { alertname: 'DrawdownHigh' },
    commonAnnotations: {},
    externalURL: 'http://alertmanager:9093',
    version: '4',
    groupKey: '{}:{alertname="DrawdownHigh"}',
    truncatedAlerts: 0,
    ...fields,
  };
}

/** What Grafana posts: the same, with fields of its own. */
export function grafanaMessage(alerts: readonly unknown[] = [alert()]): Record<string, unknown> {
  return alertmanagerMessage(alerts, { version: '1', orgId: 7, state: 'alerting', title: 'x' });
}
