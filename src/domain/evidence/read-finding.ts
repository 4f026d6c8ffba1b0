import * as v from 'valibot';
import type { Evidence } from './evidence.ts';

/** What stored evidence says, for those who show it. */
export interface ShownFinding {
  readonly metrics: readonly ShownMetric[];
  /** The same for parts of the rows. */
  readonly slices: readonly ShownMetric[];
  /** Why the comparison is not fair, or cannot be made. */
  readonly problems: readonly string[];
  /** Of the intervals: 0.9 for 90 %. */
  readonly level: number;
}

export interface ShownMetric {
  readonly name: string;
  readonly champion: number | null;
  readonly challenger: number | null;
  /** Challenger less champion. */
  readonly change: number | null;
  readonly interval: readonly [low: number, high: number] | null;
  /** A `Result`, or one of a later release. */
  readonly result: string;
  readonly reason: string;
  readonly isCritical: boolean;
  readonly isObserved: boolean;
  readonly slice: { readonly column: string; readonly value: string } | null;
  /** The change that the rule allows at worst, and on which side of it what it does not allow is. */
  readonly limit: {
    readonly change: number;
    readonly worse: 'below' | 'above';
    /** False: exactly this change is not enough. */
    readonly isEnough: boolean;
  } | null;
}

/** Null for a text of another form, as a later release may write it. */
export function readFinding({ text }: Pick<Evidence, 'text'>): ShownFinding | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), shape), text);
  if (!parsed.success) return null;
  const { rules, metrics, slices, problems } = parsed.output;
  const shown = (metric: StoredMetric): ShownMetric => {
    const { critical, observe_only: isObserved, slice = null, ...rest } = metric;
    const limit = limitOf(metric, rules.metrics.get(metric.name));
    return { ...rest, isCritical: critical, isObserved, slice, limit };
  };
  const level = 1 - 2 * rules.significance;
  return { metrics: metrics.map(shown), slices: slices.map(shown), problems, level };
}

// ---------------------------------------------------------------------------------------------------

const number = v.nullable(v.number());

const metricShape = v.object({
  name: v.string(),
  champion: number,
  challenger: number,
  change: number,
  interval: v.nullable(v.tuple([v.number(), v.number()])),
  result: v.string(),
  reason: v.string(),
  critical: v.boolean(),
  observe_only: v.boolean(),
  slice: v.optional(v.object({ column: v.string(), value: v.string() })),
});
type StoredMetric = v.InferOutput<typeof metricShape>;

const ruleShape = v.object({
  direction: v.picklist(['higher', 'lower']),
  margin: v.number(),
  must_improve: v.boolean(),
});

/** By their names, which may be those of what every object has: `constructor`. */
const ruleMap = v.pipe(
  // An object of valibot leaves such names out.
  v.custom<object>((value) => typeof value === 'object' && value !== null),
  v.transform((rules) => Object.entries(rules)),
  v.array(v.tuple([v.string(), ruleShape])),
  v.transform((entries) => new Map(entries)),
);

const shape = v.object({
  rules: v.object({ metrics: ruleMap, significance: v.number() }),
  metrics: v.array(metricShape),
  slices: v.array(metricShape),
  problems: v.array(v.string()),
});

function limitOf(
  { champion, slice }: StoredMetric,
  rule: v.InferOutput<typeof ruleShape> | undefined,
): ShownMetric['limit'] {
  if (rule === undefined || champion === null) return null;
  const loss = rule.margin * Math.abs(champion);
  // That it is better need not be shown in each slice.
  const isEnough = !rule.must_improve || slice !== undefined;
  return rule.direction === 'higher'
    ? { change: loss === 0 ? 0 : -loss, worse: 'below', isEnough }
    : { change: loss, worse: 'above', isEnough };
}
