import { type RollbackResponse, recordRefusals } from '../domain/answer/response.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import type { CallReport } from './serve-call.ts';

/**
 * What an invocation adds to CloudWatch's metrics, in the embedded metric format: lines of the log that
 * CloudWatch itself reads, so that nothing is called and nothing waits.
 */
export interface MetricLine {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly MetricDirective[];
  };
  /** The dimensions and metrics that `_aws` names, and properties. */
  readonly [member: string]: unknown;
}

export interface MetricDirective {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string; readonly Unit: 'Count' | 'Milliseconds' }[];
}

const serviceName = 'model-rollback';

/**
 * The lines of one invocation: one for each model and outcome in it, so nearly always one, or none when
 * there is nothing to count.
 * @param properties further members of each line, to find its invocation by
 */
export function metricsOf(
  reports: readonly CallReport[],
  nowMs: number,
  properties: Readonly<Record<string, string>>,
): readonly MetricLine[] {
  const failures = reports.flatMap(({ seen }) => seen.channelsFailed.map(channelCount));
  const groups = groupsOf([...reports.flatMap(countsOf), ...failures]);
  const whole = wholeMetrics(reports);
  if (groups.length === 0 && whole.length === 0) return [];
  const first: Group = groups[0] ?? { ...noDimensions, counts: new Map() };
  return [first, ...groups.slice(1)].map((group, index) =>
    lineOf(group, index === 0 ? whole : [], nowMs, properties),
  );
}

/** What may not go as it should in an init phase: the function works, and its first call is slower. */
export const initProblems = ['RehearsalFailed', 'CodeCacheUnused'] as const;
export type InitProblem = (typeof initProblems)[number];

/** Counts one of them. */
export function initProblemLine(name: InitProblem, nowMs: number): MetricLine {
  const whole: WholeMetric = { name, unit: 'Count', value: 1 };
  return lineOf({ ...noDimensions, counts: new Map() }, [whole], nowMs, {});
}

// ---------------------------------------------------------------------------------------------------

type Counter =
  | 'RollbackRequested'
  | 'RollbackSucceeded'
  | 'PromotionSucceeded'
  | 'RollbackSkipped'
  | 'RollbackFailed'
  | 'ChannelFailed'
  | 'DuplicateEvent'
  | 'StaleEvent';

interface Dimensions {
  readonly modelName: string | null;
  /** Why a rollback was skipped. */
  readonly reason: string | null;
  readonly errorName: string | null;
  /** The channel that did not take a notice. */
  readonly channel: string | null;
}

/** One thing to count. */
interface Count extends Dimensions {
  readonly counter: Counter;
}

interface Group extends Dimensions {
  readonly counts: ReadonlyMap<Counter, number>;
}

/** A metric of the invocation as a whole. */
interface WholeMetric {
  readonly name: 'RegistryLatencyMs' | 'NotificationFailed' | InitProblem;
  readonly unit: 'Count' | 'Milliseconds';
  readonly value: number;
}

const noDimensions: Dimensions = {
  modelName: null,
  reason: null,
  errorName: null,
  channel: null,
};

function countsOf(report: CallReport): Count[] {
  const { call, result, seen } = report;
  if (!['request', 'alarm'].includes(call.kind)) return seen.ends.filter(isCounted).map(endOf);
  // The answer speaks for its own record; an error speaks for the failure that was recorded with it.
  const own = result.kind === 'answered' ? (answerIn(report)?.rollback_id ?? null) : null;
  const others = seen.ends
    .filter(({ id }) => id !== own)
    .filter(({ progress }) => result.kind === 'answered' || progress.status !== 'FAILED')
    .map(endOf);
  if (call.quality === 'dry-run') return others;
  if (report.isStale) return [...others, { ...noDimensions, counter: 'StaleEvent' }];
  const end =
    result.kind === 'thrown' ? failed(null, errorName(result.error)) : answerCount(report);
  return end === null ? others : [...others, { ...end, counter: 'RollbackRequested' }, end];
}

/** A promotion that moved nothing on purpose is no rollback that did. */
function isCounted({ request, progress: { status } }: RollbackRecord): boolean {
  return !request.promotes || ['PROMOTED', 'FAILED', 'CONTESTED'].includes(status);
}

function answerIn({ result }: CallReport): RollbackResponse | null {
  return result.kind === 'answered' && 'rolled_back' in result.answer ? result.answer : null;
}

/** Null for an answer to what asked for nothing. */
function answerCount(report: CallReport): Count | null {
  const answer = answerIn(report);
  if (answer === null || answer.outcome === 'IGNORED') return null;
  if (report.call.quality === 'unreadable') return failed(null, 'UNREADABLE');
  // A name counts once the registry has answered to it: anybody may write one into an event.
  const modelName = answer.plan === null ? null : answer.model_name;
  if (answer.replayed) return { ...noDimensions, modelName, counter: 'DuplicateEvent' };
  return outcomeCount(modelName, answer.outcome, answer.refusals[0]?.code);
}

function endOf(record: RollbackRecord): Count {
  const { subject, modelName, plan, progress } = record;
  const known = subject === 'model' && plan !== null ? modelName : null;
  return outcomeCount(known, progress.status, recordRefusals(record)[0]?.code);
}

function outcomeCount(
  modelName: string | null,
  outcome: RollbackResponse['outcome'],
  refusal: string | undefined,
): Count {
  if (outcome === 'ROLLED_BACK') {
    return { ...noDimensions, modelName, counter: 'RollbackSucceeded' };
  }
  if (outcome === 'PROMOTED') {
    return { ...noDimensions, modelName, counter: 'PromotionSucceeded' };
  }
  if (outcome === 'FAILED' || outcome === 'CONTESTED') return failed(modelName, outcome);
  const reason = outcome === 'REFUSED' ? (refusal ?? outcome) : outcome;
  return { ...noDimensions, modelName, reason, counter: 'RollbackSkipped' };
}

function channelCount(channel: string): Count {
  return { ...noDimensions, channel, counter: 'ChannelFailed' };
}

function failed(modelName: string | null, name: string): Count {
  return { ...noDimensions, modelName, errorName: name, counter: 'RollbackFailed' };
}

/** Few values: a dimension is a metric of its own, which costs money. */
function errorName(error: unknown): string {
  return isModelRollbackError(error) ? error.name : 'UnexpectedError';
}

function groupsOf(counts: readonly Count[]): Group[] {
  const groups = new Map<string, Dimensions & { readonly counts: Map<Counter, number> }>();
  for (const { counter, ...dimensions } of counts) {
    const modelName = isDimensionValue(dimensions.modelName) ? dimensions.modelName : null;
    const key = JSON.stringify({ ...dimensions, modelName });
    const group = groups.get(key) ?? { ...dimensions, modelName, counts: new Map() };
    group.counts.set(counter, (group.counts.get(counter) ?? 0) + 1);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** CloudWatch takes no other text, and would drop the whole metric. MLflow's names may be in any script. */
function isDimensionValue(text: string | null): boolean {
  return text !== null && /^[\x20-\x7e]{1,1024}$/.test(text) && text.trim() !== '';
}

function wholeMetrics(reports: readonly CallReport[]): WholeMetric[] {
  const waits = reports.flatMap(({ seen }) => seen.registryMs ?? []);
  const latencyMs = waits.reduce((sum, ms) => sum + ms, 0);
  const notices = reports.map(noticesOf);
  const isTried = notices.some(({ tried }) => tried > 0);
  return [
    ...(waits.length === 0
      ? []
      : [{ name: 'RegistryLatencyMs', unit: 'Milliseconds', value: tenths(latencyMs) } as const]),
    ...(isTried
      ? [
          {
            name: 'NotificationFailed',
            unit: 'Count',
            value: notices.reduce((sum, { failed: count }) => sum + count, 0),
          } as const,
        ]
      : []),
  ];
}

/** A notice that there was no time to send counts as well: nobody was notified. */
function noticesOf(report: CallReport): { tried: number; failed: number } {
  const { noticesSent, noticesFailed } = report.seen;
  const warnings = answerIn(report)?.warnings ?? [];
  const isUnsent = warnings.some(({ code }) => code === 'NOTICE_NOT_SENT');
  const failures = noticesFailed === 0 && isUnsent ? 1 : noticesFailed;
  return { tried: noticesSent + failures, failed: failures };
}

function tenths(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 10) / 10 : 0;
}

function lineOf(
  { modelName, reason, errorName: name, channel, counts }: Group,
  whole: readonly WholeMetric[],
  nowMs: number,
  properties: Readonly<Record<string, string>>,
): MetricLine {
  const model = modelName === null ? [] : [['service', 'ModelName']];
  const own: Partial<Record<Counter, string>> = {
    RollbackSkipped: 'Reason',
    RollbackFailed: 'ErrorName',
    ChannelFailed: 'Channel',
  };
  const directives = [...counts.keys()].map((counter): MetricDirective => {
    const dimension = own[counter];
    return directive(
      [['service'], ...model, ...(dimension === undefined ? [] : [['service', dimension]])],
      [{ Name: counter, Unit: 'Count' }],
    );
  });
  const wholeDirectives =
    whole.length === 0
      ? []
      : [
          directive(
            [['service']],
            whole.map(({ name: Name, unit: Unit }) => ({ Name, Unit })),
          ),
        ];
  return {
    _aws: { Timestamp: nowMs, CloudWatchMetrics: [...directives, ...wholeDirectives] },
    ...properties,
    service: serviceName,
    ...(modelName === null ? {} : { ModelName: modelName }),
    ...(reason === null ? {} : { Reason: reason }),
    ...(name === null ? {} : { ErrorName: name }),
    ...(channel === null ? {} : { Channel: channel }),
    ...Object.fromEntries(counts),
    ...Object.fromEntries(whole.map(({ name: metric, value }) => [metric, value])),
  };
}

function directive(
  dimensions: MetricDirective['Dimensions'],
  metrics: MetricDirective['Metrics'],
): MetricDirective {
  return { Namespace: 'ModelRollback', Dimensions: dimensions, Metrics: metrics };
}
