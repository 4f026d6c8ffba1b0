import { type MetricLine, metricsOf } from '../lambda/metrics.ts';
import type { CallReport } from '../lambda/serve-call.ts';
import type { Clock } from '../ports/clock.ts';

/** The metrics of a function, added up for Prometheus since the process began. */
export interface MetricsText {
  add(reports: readonly CallReport[]): void;
  /** In the text format of Prometheus. */
  text(): string;
}

export function makeMetricsText(clock: Clock): MetricsText {
  /** By name, then by labels. */
  const sums = new Map<string, Map<string, number>>();
  const add = (name: string, labels: string, value: number): void => {
    const series = sums.get(name) ?? new Map<string, number>();
    // Names of models come from outside: memory has an end.
    const key = series.has(labels) || series.size < seriesMax ? labels : '';
    series.set(key, (series.get(key) ?? 0) + value);
    sums.set(name, series);
  };
  const addLine = (line: MetricLine): void => {
    for (const { Dimensions, Metrics } of line._aws.CloudWatchMetrics) {
      const labels = labelsOf(line, Dimensions.flat());
      for (const { Name, Unit } of Metrics) {
        const value = Number(line[Name]);
        if (Unit === 'Count') add(`${prometheusName(Name)}_total`, labels, value);
        else {
          const name = prometheusName(Name.replace(/Ms$/, 'Seconds'));
          add(`${name}_sum`, labels, value / 1_000);
          add(`${name}_count`, labels, 1);
        }
      }
    }
  };
  return {
    add: (reports) => metricsOf(reports, clock.nowMs(), {}).forEach(addLine),
    text: () =>
      [...families.flatMap(([name, type, help]) => familyOf(sums, name, type, help)), ''].join(
        '\n',
      ),
  };
}

// ---------------------------------------------------------------------------------------------------

const seriesMax = 10_000;

/** In the order of docs/reference/logs-and-metrics.md. */
const families = [
  ['model_rollback_requested', 'counter', 'Requests and alarms that asked for a rollback.'],
  ['model_rollback_succeeded', 'counter', 'Rollbacks that moved a pointer.'],
  ['model_rollback_promotion_succeeded', 'counter', 'Promotions that moved a pointer.'],
  ['model_rollback_skipped', 'counter', 'Rollbacks that were not done, by reason.'],
  ['model_rollback_failed', 'counter', 'Rollbacks that failed, by error.'],
  ['model_rollback_channel_failed', 'counter', 'Notices that a channel did not take.'],
  ['model_rollback_duplicate_event', 'counter', 'Requests and alarms answered from a record.'],
  ['model_rollback_stale_event', 'counter', 'Alarms that were too old.'],
  ['model_rollback_notification_failed', 'counter', 'Notices that could not be sent.'],
  [
    'model_rollback_registry_latency_seconds',
    'summary',
    'Time that calls waited for the registry.',
  ],
] as const;

/** `RollbackSucceeded` is `model_rollback_succeeded`. */
function prometheusName(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).slice(1);
  return `model_rollback_${words.replace(/^rollback_/, '')}`;
}

const labelNames: Readonly<Record<string, string>> = {
  ModelName: 'model',
  Reason: 'reason',
  ErrorName: 'error',
  Channel: 'channel',
};

function labelsOf(line: MetricLine, dimensions: readonly string[]): string {
  const labels = [...new Set(dimensions)].flatMap((name) => {
    const label = labelNames[name];
    return label === undefined ? [] : [`${label}="${escapeLabel(String(line[name]))}"`];
  });
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function familyOf(
  sums: ReadonlyMap<string, ReadonlyMap<string, number>>,
  name: string,
  type: 'counter' | 'summary',
  help: string,
): string[] {
  const family = type === 'counter' ? `${name}_total` : name;
  const parts = type === 'counter' ? [family] : [`${name}_sum`, `${name}_count`];
  return [
    `# HELP ${family} ${help}`,
    `# TYPE ${family} ${type}`,
    ...parts.flatMap((part) =>
      [...(sums.get(part) ?? [])].map(([labels, value]) => `${part}${labels} ${value}`),
    ),
  ];
}
