/**
 * Events about alarms as AWS delivers them, with invented values. Plain data: any part can be changed by
 * `AlarmParts`, and anything else by `patched`.
 *
 * The way in: `directAlarm` (alarm action), `eventBridgeAlarm` and `contributorEvent` (rule), `snsMessage`
 * inside `snsEvent` (topic), any of them inside `sqsEvent` (queue).
 */
export type JsonObject = Record<string, unknown>;

export type AlarmKind =
  /** One metric. */
  | 'metric'
  /** An expression over metrics that are not returned themselves. */
  | 'math'
  | 'anomaly'
  /** A rule over other alarms. */
  | 'composite'
  /** A query that gives one series per model: the alarm as a whole names none. */
  | 'multi-series'
  | 'promql'
  | 'log';

export interface AlarmParts {
  /** `metric`; `multi-series` for `contributorEvent`. */
  readonly kind?: AlarmKind;
  /** `high-drawdown-alarm` */
  readonly name?: string;
  /**
   * `PascalStrategy`. The registered model that the metric, or the contributor, names; several: one metric
   * each; null: none. Composite, multi-series, PromQL and log alarms never name one.
   */
  readonly model?: string | readonly string[] | null;
  /** `ModelName` */
  readonly dimension?: string;
  /** When the state changed (epoch ms): one minute before the simulated clock starts. */
  readonly atMs?: number;
  /** `ALARM` */
  readonly state?: string;
  /** `OK`; null leaves it out. */
  readonly previousState?: string | null;
  /** Made of region, account and name. */
  readonly arn?: string;
  /** `eu-west-1` */
  readonly region?: string;
  /** `111122223333` */
  readonly account?: string;
  /** Composite: the alarms that made it red. One in ALARM, named after this one. */
  readonly children?: readonly ChildAlarm[];
  /** The series that this is about. */
  readonly contributor?: ContributorParts | null;
  /** `WaitPeriod`, `ExtensionPeriod` or `Alarm`: a composite alarm's actions are held back. */
  readonly suppressedBy?: string | null;
  /** A mute rule holds the actions back. */
  readonly isMuted?: boolean;
}

export interface ChildAlarm {
  readonly arn: string;
  readonly state: string;
}

export interface ContributorParts {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export const topicArn = 'arn:aws:sns:eu-west-1:111122223333:model-alarms';
export const queueArn = 'arn:aws:sqs:eu-west-1:111122223333:model-alarms';

export function alarmArn(name: string, region = 'eu-west-1', account = '111122223333'): string {
  return `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`;
}

/** A time as CloudWatch writes it: `2026-01-01T02:46:00.000+0000`. */
function awsTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '+0000');
}

/** What Lambda gets when the function is the action of an alarm. */
export function directAlarm(parts: AlarmParts = {}): JsonObject {
  const alarm = resolve(parts);
  return {
    source: 'aws.cloudwatch',
    alarmArn: alarm.arn,
    accountId: alarm.account,
    time: awsTime(alarm.atMs),
    region: alarm.region,
    alarmData: detailOf(alarm),
  };
}

/** What a rule for `CloudWatch Alarm State Change` delivers. */
export function eventBridgeAlarm(parts: AlarmParts = {}): JsonObject {
  return envelopeOf(resolve(parts), 'CloudWatch Alarm State Change');
}

/** What a rule for `CloudWatch Alarm Contributor State Change` delivers: one series of an alarm on several. */
export function contributorEvent(parts: AlarmParts = {}): JsonObject {
  const { model = 'PascalStrategy', dimension = 'ModelName' } = parts;
  const attributes = Object.fromEntries(modelsOf(model).map((value) => [dimension, value]));
  const alarm = resolve({
    kind: 'multi-series',
    contributor: { id: '0123456789abcdef', attributes },
    previousState: null,
    ...parts,
  });
  return envelopeOf(alarm, 'CloudWatch Alarm Contributor State Change');
}

/** The JSON that CloudWatch publishes to a topic. For a contributor give `contributor`. */
export function snsMessage(parts: AlarmParts = {}): JsonObject {
  const alarm = resolve(parts);
  const { contributor } = alarm;
  return {
    AlarmName: alarm.name,
    AlarmDescription: 'Drawdown of the live strategy',
    AWSAccountId: alarm.account,
    AlarmConfigurationUpdatedTimestamp: awsTime(alarm.atMs - 30 * 86_400_000),
    NewStateValue: alarm.state,
    NewStateReason: 'Threshold crossed: 3 of the last 3 datapoints were greater than 0.2.',
    StateChangeTime: awsTime(alarm.atMs),
    // A name for people, not the code of the region.
    Region: 'EU (Ireland)',
    AlarmArn: alarm.arn,
    ActionExecutedAfterMuteWindow: false,
    ...(alarm.previousState !== null && { OldStateValue: alarm.previousState }),
    OKActions: [],
    AlarmActions: [topicArn],
    InsufficientDataActions: [],
    ...(contributor !== null && {
      AlarmContributorId: contributor.id,
      AlarmContributorAttributes: contributor.attributes,
    }),
    ...(alarm.suppressedBy !== null && { ActionsSuppressedBy: alarm.suppressedBy }),
    ...snsSubject(alarm),
  };
}

/** What Lambda gets from a topic. Texts as they are, objects as JSON. */
export function snsEvent(messages: readonly unknown[]): JsonObject {
  return {
    Records: messages.map((message, index) => ({
      EventSource: 'aws:sns',
      EventVersion: '1.0',
      EventSubscriptionArn: `${topicArn}:00000000-0000-4000-8000-00000000abcd`,
      Sns: { ...notification(message, index), SigningCertUrl: '', UnsubscribeUrl: '' },
    })),
  };
}

/**
 * What Lambda gets from a queue: `sns`: each body wrapped as a topic wraps it; `raw` and `eventbridge`: as
 * it is. Texts as they are, objects as JSON. Ids are those of `messageId`.
 */
export function sqsEvent(
  bodies: readonly unknown[],
  kind: 'sns' | 'raw' | 'eventbridge',
): JsonObject {
  return {
    Records: bodies.map((body, index) => ({
      messageId: messageId(index),
      receiptHandle: `receipt-${index}`,
      body: textOf(kind === 'sns' ? notification(body, index) : body),
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1767235560000' },
      messageAttributes: {},
      md5OfBody: '00000000000000000000000000000000',
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
      awsRegion: 'eu-west-1',
    })),
  };
}

/** The id of the message at this index of `snsEvent` and `sqsEvent`. */
export function messageId(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** A copy with another value at a path, such as `['alarmData', 'state', 'value']`; undefined takes it away. */
export function patched(
  event: JsonObject,
  path: readonly (string | number)[],
  value: unknown,
): JsonObject {
  const copy = structuredClone(event);
  const parent = path
    .slice(0, -1)
    .reduce<JsonObject>((holder, key) => holder[key] as JsonObject, copy);
  const last = path.at(-1) ?? '';
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

// ---------------------------------------------------------------------------------------------------

interface ResolvedAlarm {
  readonly kind: AlarmKind;
  readonly name: string;
  readonly models: readonly string[];
  readonly dimension: string;
  readonly atMs: number;
  readonly state: string;
  readonly previousState: string | null;
  readonly arn: string;
  readonly region: string;
  readonly account: string;
  readonly children: readonly ChildAlarm[];
  readonly contributor: ContributorParts | null;
  readonly suppressedBy: string | null;
  readonly isMuted: boolean;
}

function resolve(parts: AlarmParts): ResolvedAlarm {
  const { name = 'high-drawdown-alarm', region = 'eu-west-1', account = '111122223333' } = parts;
  const child = { arn: alarmArn(`${name}-child`, region, account), state: 'ALARM' };
  return {
    kind: parts.kind ?? 'metric',
    name,
    models: modelsOf(parts.model === undefined ? 'PascalStrategy' : parts.model),
    dimension: parts.dimension ?? 'ModelName',
    atMs: parts.atMs ?? Date.UTC(2026, 0, 1, 2, 46),
    state: parts.state ?? 'ALARM',
    previousState: parts.previousState === undefined ? 'OK' : parts.previousState,
    arn: parts.arn ?? alarmArn(name, region, account),
    region,
    account,
    children: parts.children ?? [child],
    contributor: parts.contributor ?? null,
    suppressedBy: parts.suppressedBy ?? null,
    isMuted: parts.isMuted ?? false,
  };
}

function modelsOf(model: string | readonly string[] | null): readonly string[] {
  if (model === null) return [];
  return typeof model === 'string' ? [model] : model;
}

function envelopeOf(alarm: ResolvedAlarm, detailType: string): JsonObject {
  return {
    version: '0',
    id: '00000000-0000-4000-8000-00000000eeee',
    'detail-type': detailType,
    source: 'aws.cloudwatch',
    account: alarm.account,
    // Whole seconds only.
    time: `${new Date(alarm.atMs).toISOString().slice(0, 19)}Z`,
    region: alarm.region,
    resources: [alarm.arn],
    detail: detailOf(alarm),
  };
}

/** The same in a direct event and on the event bus. */
function detailOf(alarm: ResolvedAlarm): JsonObject {
  const { contributor, previousState, atMs } = alarm;
  return {
    alarmName: alarm.name,
    ...(contributor !== null && { alarmContributor: contributor }),
    state: {
      ...(alarm.suppressedBy !== null && {
        actionsSuppressedBy: alarm.suppressedBy,
        actionsSuppressedReason: `Actions suppressed by ${alarm.suppressedBy}`,
      }),
      value: alarm.state,
      reason: 'Threshold crossed: 3 of the last 3 datapoints were greater than 0.2.',
      ...(hasReasonData(alarm) && { reasonData: JSON.stringify(reasonDataOf(alarm)) }),
      timestamp: awsTime(atMs),
    },
    ...(previousState !== null && {
      previousState: {
        value: previousState,
        reason: 'Threshold crossed: no datapoint was greater than 0.2.',
        timestamp: awsTime(atMs - 3_600_000),
      },
    }),
    configuration: configurationOf(alarm),
    ...(alarm.isMuted && {
      muteDetail: {
        mutedByArn: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm-mute-rule:weekend',
        muteWindowStart: awsTime(atMs - 3_600_000),
        muteWindowEnd: awsTime(atMs + 3_600_000),
      },
    }),
  };
}

function hasReasonData({ kind, contributor }: ResolvedAlarm): boolean {
  return contributor === null && kind !== 'multi-series';
}

function reasonDataOf({ kind, children, atMs }: ResolvedAlarm): JsonObject {
  if (kind !== 'composite') {
    return { version: '1.0', queryDate: awsTime(atMs), period: 60, recentDatapoints: [0.3] };
  }
  const triggeringAlarms = children.map(({ arn, state }) => ({
    arn,
    state: { value: state, timestamp: awsTime(atMs - 60_000) },
  }));
  return { triggeringAlarms };
}

/** One line of an alarm's list of metrics, before either spelling. */
type Line =
  | {
      readonly id: string;
      readonly dimensions: Readonly<Record<string, string>>;
      readonly isReturned: boolean;
    }
  | { readonly id: string; readonly expression: string };

function linesOf({ kind, models, dimension }: ResolvedAlarm): readonly Line[] {
  const isReturned = kind === 'metric' || kind === 'anomaly';
  const owners = models.length === 0 ? [null] : models;
  const inputs = owners.map((model, index) => ({
    id: `m${index + 1}`,
    dimensions: { Region: 'eu', ...(model !== null && { [dimension]: model }) },
    isReturned,
  }));
  switch (kind) {
    case 'metric':
      return inputs;
    case 'math':
      return [{ id: 'e1', expression: 'm1 * 100' }, ...inputs];
    case 'anomaly':
      return [...inputs, { id: 'ad1', expression: 'ANOMALY_DETECTION_BAND(m1, 2)' }];
    case 'multi-series':
      return [
        { id: 'q1', expression: `SELECT MAX(Drawdown) FROM "Trading/Live" GROUP BY ${dimension}` },
      ];
    default:
      return [];
  }
}

function configurationOf(alarm: ResolvedAlarm): JsonObject {
  const description = 'Drawdown of the live strategy';
  switch (alarm.kind) {
    case 'composite':
      return {
        alarmRule: alarm.children.map(({ arn }) => `ALARM("${arn}")`).join(' OR '),
        actionsSuppressor: 'deploy-in-progress',
        actionsSuppressorWaitPeriod: 120,
        actionsSuppressorExtensionPeriod: 180,
      };
    case 'promql':
      return {
        description,
        evaluationCriteria: { promQLCriteria: promQL },
        evaluationInterval: 60,
      };
    case 'log':
      return { description, scheduledQueryConfiguration: logQuery, threshold: 10 };
    default:
      return {
        description,
        metrics: linesOf(alarm).map((line) =>
          'expression' in line
            ? { id: line.id, expression: line.expression, label: line.id, returnData: true }
            : {
                id: line.id,
                metricStat: {
                  metric: {
                    namespace: 'Trading/Live',
                    name: 'Drawdown',
                    dimensions: line.dimensions,
                  },
                  period: 60,
                  stat: 'Maximum',
                },
                returnData: line.isReturned,
              },
        ),
      };
  }
}

const promQL = {
  query: 'max by (model) (drawdown) > 0.2',
  pendingPeriod: 120,
  recoveryPeriod: 300,
};
const logQuery = { queryString: 'filter level = "ERROR"', aggregationExpression: 'count(*)' };

/** What a message to a topic says of the metrics. */
function snsSubject(alarm: ResolvedAlarm): JsonObject {
  const common = { Period: 60, EvaluationPeriods: 3, Threshold: 0.2, TreatMissingData: 'missing' };
  switch (alarm.kind) {
    case 'composite':
      return {
        AlarmRule: alarm.children.map(({ arn }) => `ALARM("${arn}")`).join(' OR '),
        TriggeringChildren: alarm.children.map(({ arn, state }) => ({
          Arn: arn,
          State: { Value: state, Timestamp: awsTime(alarm.atMs - 60_000) },
        })),
      };
    case 'promql':
      return {
        Trigger: { EvaluationCriteria: { PromQLCriteria: promQL }, EvaluationInterval: 60 },
      };
    case 'log':
      return { Trigger: { ScheduledQueryConfiguration: logQuery, Threshold: 10 } };
    default:
      return { Trigger: { ...common, ...snsMetrics(linesOf(alarm)) } };
  }
}

function snsMetrics(lines: readonly Line[]): JsonObject {
  const [first, ...others] = lines;
  const names = { Namespace: 'Trading/Live', MetricName: 'Drawdown' };
  if (first !== undefined && 'dimensions' in first && others.length === 0) {
    return { ...names, Statistic: 'MAXIMUM', Unit: null, Dimensions: listOf(first.dimensions) };
  }
  return {
    Metrics: lines.map((line) =>
      'expression' in line
        ? { Id: line.id, Expression: line.expression, Label: line.id, ReturnData: true }
        : {
            Id: line.id,
            MetricStat: {
              Metric: { ...names, Dimensions: listOf(line.dimensions) },
              Period: 60,
              Stat: 'Maximum',
            },
            ReturnData: line.isReturned,
          },
    ),
  };
}

/** A topic has dimensions as a list, with its names in lower case. */
function listOf(dimensions: Readonly<Record<string, string>>): readonly JsonObject[] {
  return Object.entries(dimensions).map(([name, value]) => ({ value, name }));
}

function notification(message: unknown, index: number): JsonObject {
  return {
    Type: 'Notification',
    MessageId: messageId(index),
    TopicArn: topicArn,
    Subject: 'ALARM: "high-drawdown-alarm" in EU (Ireland)',
    Message: textOf(message),
    Timestamp: '2026-01-01T02:46:00.500Z',
    SignatureVersion: '1',
    MessageAttributes: {},
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
