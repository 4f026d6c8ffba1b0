import * as v from 'valibot';
import { limits } from '../limits.ts';
import type { AlarmContributor, AlarmSubject, Dimension } from './alarm.ts';
import { parseAlarmArn } from './alarm.ts';
import { alarmArnOf } from './alarm-arn.ts';

/**
 * The forms in which AWS reports an alarm, read into one. Reading is lenient: AWS adds fields at any time,
 * and a part of an unexpected type counts as absent. What the parts mean is decided in alarm-payload.ts.
 */
export interface AlarmReport {
  readonly kind: 'report';
  readonly isFromEventBus: boolean;
  readonly arn: string | null;
  readonly name: string | null;
  readonly state: string | null;
  readonly previousState: string | null;
  /** As it came. */
  readonly changedAt: unknown;
  /** Why the alarm's actions were not run; null when they were. */
  readonly heldBack: 'suppressed' | 'muted' | null;
  readonly contributor: AlarmContributor | null;
  readonly subject: AlarmSubject;
}

/** An event of CloudWatch that is not about a change of an alarm's state. */
export interface OtherReport {
  readonly kind: 'other';
  readonly detailType: string;
  readonly name: string | null;
}

/** undefined: the value is none of the forms. */
export function readAlarmReport(value: unknown): AlarmReport | OtherReport | undefined {
  const form = v.safeParse(formSchema, value);
  if (!form.success) return undefined;
  const { source, 'detail-type': detailType, alarmData } = form.output;
  if (source === 'aws.cloudwatch' && detailType !== undefined) {
    const detail = v.parse(detailSchema, form.output.detail) ?? {};
    if (!stateChanges.includes(detailType)) {
      return { kind: 'other', detailType, name: detail.alarmName ?? null };
    }
    return reportOfDetail(detail, v.parse(text, form.output.resources?.[0]), true);
  }
  if (source === 'aws.cloudwatch' && isPresent(alarmData)) {
    return reportOfDetail(v.parse(detailSchema, alarmData) ?? {}, form.output.alarmArn, false);
  }
  const { AlarmName, NewStateValue } = form.output;
  const isMessage = AlarmName !== undefined && NewStateValue !== undefined;
  return isMessage ? reportOfMessage(v.parse(messageSchema, value)) : undefined;
}

// ---------------------------------------------------------------------------------------------------

const attributesMax = 50;
/** CloudWatch's limit on the children of one composite alarm. */
const childrenMax = 100;

const stateChanges = ['CloudWatch Alarm State Change', 'CloudWatch Alarm Contributor State Change'];

function lenient<Schema extends v.GenericSchema>(
  schema: Schema,
): v.SchemaWithFallback<v.OptionalSchema<Schema, undefined>, undefined> {
  return v.fallback(v.optional(schema), undefined);
}

const text = lenient(v.string());
const anything = v.optional(v.unknown());
const list = lenient(v.array(v.unknown()));

const metricSchema = lenient(
  v.object({
    expression: text,
    metricStat: lenient(v.object({ metric: lenient(v.object({ dimensions: anything })) })),
  }),
);

const detailSchema = lenient(
  v.object({
    alarmName: text,
    state: lenient(
      v.object({
        value: text,
        timestamp: anything,
        reasonData: text,
        actionsSuppressedBy: anything,
      }),
    ),
    previousState: lenient(v.object({ value: text })),
    configuration: lenient(
      v.object({ alarmRule: text, metrics: list, evaluationCriteria: anything }),
    ),
    alarmContributor: lenient(v.object({ id: text, attributes: anything })),
    muteDetail: anything,
  }),
);
type Detail = NonNullable<v.InferOutput<typeof detailSchema>>;

/** An object that has no form of an alarm passes too: it has none of these fields. */
const formSchema = v.object({
  source: text,
  'detail-type': text,
  resources: list,
  detail: anything,
  alarmArn: text,
  alarmData: anything,
  AlarmName: anything,
  NewStateValue: anything,
});

const messageMetricSchema = lenient(
  v.object({
    Expression: text,
    MetricStat: lenient(v.object({ Metric: lenient(v.object({ Dimensions: anything })) })),
  }),
);

const messageSchema = v.object({
  AlarmName: text,
  AlarmArn: text,
  AWSAccountId: text,
  Region: text,
  AlarmActions: list,
  NewStateValue: text,
  OldStateValue: text,
  StateChangeTime: anything,
  ActionsSuppressedBy: anything,
  AlarmContributorId: text,
  AlarmContributorAttributes: anything,
  AlarmRule: text,
  TriggeringChildren: list,
  Trigger: lenient(v.object({ Dimensions: anything, Metrics: list, EvaluationCriteria: anything })),
});

const reasonDataSchema = v.object({ triggeringAlarms: list });
const childSchema = v.object({ arn: v.string(), state: v.object({ value: v.literal('ALARM') }) });
const messageChildSchema = v.object({
  Arn: v.string(),
  State: v.object({ Value: v.literal('ALARM') }),
});

/** A direct event and one from the event bus have the same content; only the ARN is in another place. */
function reportOfDetail(
  detail: Detail,
  arn: string | undefined,
  isFromEventBus: boolean,
): AlarmReport {
  const { state, configuration, alarmContributor, muteDetail } = detail;
  const metrics = (configuration?.metrics ?? []).map((entry) => v.parse(metricSchema, entry));
  const isSuppressed = isPresent(state?.actionsSuppressedBy);
  return {
    kind: 'report',
    isFromEventBus,
    arn: arn ?? null,
    name: detail.alarmName ?? null,
    state: state?.value ?? null,
    previousState: detail.previousState?.value ?? null,
    changedAt: state?.timestamp,
    heldBack: isSuppressed ? 'suppressed' : isPresent(muteDetail) ? 'muted' : null,
    contributor: contributorOf(alarmContributor?.id, alarmContributor?.attributes),
    subject: subjectOf({
      isComposite: configuration?.alarmRule !== undefined && metrics.length === 0,
      dimensions: metrics.map((metric) => metric?.metricStat?.metric?.dimensions),
      expressions: metrics.map((metric) => metric?.expression),
      criteria: configuration?.evaluationCriteria,
      readChildren: () => childrenOfReason(state?.reasonData ?? ''),
    }),
  };
}

function reportOfMessage(message: v.InferOutput<typeof messageSchema>): AlarmReport {
  const { Trigger } = message;
  const metrics = (Trigger?.Metrics ?? []).map((entry) => v.parse(messageMetricSchema, entry));
  return {
    kind: 'report',
    isFromEventBus: false,
    arn: message.AlarmArn ?? alarmArnOf(message),
    name: message.AlarmName ?? null,
    state: message.NewStateValue ?? null,
    previousState: message.OldStateValue ?? null,
    changedAt: message.StateChangeTime,
    heldBack: isPresent(message.ActionsSuppressedBy) ? 'suppressed' : null,
    contributor: contributorOf(message.AlarmContributorId, message.AlarmContributorAttributes),
    subject: subjectOf({
      isComposite: message.AlarmRule !== undefined && Trigger === undefined,
      dimensions: [
        Trigger?.Dimensions,
        ...metrics.map((metric) => metric?.MetricStat?.Metric?.Dimensions),
      ],
      expressions: metrics.map((metric) => metric?.Expression),
      criteria: Trigger?.EvaluationCriteria,
      readChildren: () =>
        arnsOf(message.TriggeringChildren ?? [], (child) =>
          v.is(messageChildSchema, child) ? child.Arn : null,
        ),
    }),
  };
}

function subjectOf(facts: {
  readonly isComposite: boolean;
  readonly dimensions: readonly unknown[];
  readonly expressions: readonly (string | undefined)[];
  readonly criteria: unknown;
  readonly readChildren: () => readonly string[];
}): AlarmSubject {
  const { isComposite } = facts;
  const dimensions = dimensionsOf(facts.dimensions, limits.alarmDimensionsMax);
  const isQuery =
    facts.expressions.some((expression) => /^\s*select\b/i.test(expression ?? '')) ||
    hasPromQL(facts.criteria);
  return {
    isComposite,
    dimensions,
    isMultiSeries: isQuery && dimensions.length === 0,
    childrenInAlarm: isComposite ? facts.readChildren() : [],
  };
}

/** How the events spell it is not documented. */
function hasPromQL(criteria: unknown): boolean {
  return pairsOf(criteria).some(
    ([key, value]) => key.toLowerCase() === 'promqlcriteria' && isPresent(value),
  );
}

/** Composite: JSON within a text, which CloudWatch leaves out after a forced state. */
function childrenOfReason(reasonData: string): readonly string[] {
  if (reasonData.length > limits.alarmReasonDataLengthMax) return [];
  try {
    const { triggeringAlarms } = v.parse(reasonDataSchema, JSON.parse(reasonData));
    return arnsOf(triggeringAlarms ?? [], (child) => (v.is(childSchema, child) ? child.arn : null));
  } catch {
    return [];
  }
}

function arnsOf(
  children: readonly unknown[],
  arnInAlarm: (child: unknown) => string | null,
): readonly string[] {
  const arns = children
    .map(arnInAlarm)
    .filter((arn) => arn !== null)
    .filter((arn) => isUsable(arn) && parseAlarmArn(arn) !== null);
  return [...new Set(arns)].slice(0, childrenMax);
}

/** Only its id distinguishes a series from another one that went to ALARM at the same time. */
function contributorOf(id: string | undefined, attributes: unknown): AlarmContributor | null {
  if (id === undefined || !isUsable(id)) return null;
  return { id, attributes: dimensionsOf([attributes], attributesMax) };
}

/** Each once: two metrics of an expression mostly share theirs. */
function dimensionsOf(sources: readonly unknown[], most: number): readonly Dimension[] {
  const found = new Map<string, Dimension>();
  for (const source of sources) {
    for (const [name, value] of pairsOf(source)) {
      if (found.size >= most) return [...found.values()];
      if (typeof value !== 'string' || !isUsable(name) || !isUsable(value)) continue;
      found.set(JSON.stringify([name, value]), { name, value });
    }
  }
  return [...found.values()];
}

const pairSchema = v.object({ name: text, value: text, Name: text, Value: text });

/** A map, or a list of names and values. */
function pairsOf(source: unknown): readonly (readonly [string, unknown])[] {
  if (typeof source !== 'object' || source === null) return [];
  if (!Array.isArray(source)) return Object.entries(source);
  return source.flatMap((entry: unknown) => {
    const pair = v.safeParse(pairSchema, entry);
    if (!pair.success) return [];
    const { name, value, Name, Value } = pair.output;
    return [[name ?? Name ?? '', value ?? Value] as const];
  });
}

function isUsable(value: string): boolean {
  return value !== '' && value.length <= limits.alarmTextLengthMax;
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
