import { bcaBelow, bcaInterval, meanOf, resampledOf } from '../statistics/bca.ts';
import { resampledMeans } from '../statistics/bootstrap.ts';
import { mcnemar } from '../statistics/mcnemar.ts';
import { evidenceLimits } from './evidence-limits.ts';
import type { PairedColumn } from './rows.ts';
import type { MetricRule } from './rules.ts';

/** What both sides have of one metric, before it is judged. */
export interface Measure {
  readonly champion: number;
  readonly challenger: number;
  /** Of the difference; null where each side is one value, and no uncertainty is known. */
  readonly sample: Sample | null;
}

export interface Sample {
  readonly rows: number;
  /** Of challenger less champion. */
  readonly interval: readonly [low: number, high: number];
  /**
   * Two probabilities of rows like these: `good` if the challenger did not reach its limit (small: it does reach
   * it), `bad` if it did (small: it does not).
   */
  readonly good: number;
  readonly bad: number;
  /** True when no row differs at all. */
  readonly isEqual: boolean;
  /** Of right and wrong rows: the exact test of McNemar. */
  readonly mcnemar: {
    readonly gained: number;
    readonly lost: number;
    readonly twoSided: number;
  } | null;
}

export interface SampleOptions {
  /** Of the interval: 0.9 leaves 5 % on each side. */
  readonly level: number;
  /** @default evidenceLimits.resamples */
  readonly resamples?: number;
  /** @default 1 */
  readonly seed?: number;
}

/**
 * Measures all metrics of the same rows. They are resampled together, each time with the same rows of both versions.
 * @param at the rows that count; null: all
 */
export function measureRows(
  asked: readonly { readonly rule: MetricRule; readonly column: PairedColumn }[],
  at: Int32Array | null,
  { level, resamples = evidenceLimits.resamples, seed = 1 }: SampleOptions,
): readonly Measure[] {
  const parts = asked.map(({ rule, column }) => partsOf(rule, column, at));
  const columns = parts.flatMap(({ change, reserve }) =>
    change === reserve ? [change] : [change, reserve],
  );
  const means = columns.length === 0 ? [] : resampledMeans(columns, resamples, seed);
  return parts.map((part) => {
    const { change, reserve } = part;
    const drawn = (column: Float64Array): Float64Array =>
      means[columns.indexOf(column)] ?? new Float64Array();
    const ofChange = resampledOf(change, drawn(change));
    const ofReserve = reserve === change ? ofChange : resampledOf(reserve, drawn(reserve));
    const [low, high] = bcaInterval(ofChange, level);
    const interval = part.sign > 0 ? ([low, high] as const) : ([-high, -low] as const);
    const bad = bcaBelow({ ...ofReserve, ...flipped(ofReserve) }, 0);
    const bootstrap = { good: bcaBelow(ofReserve, 0), bad };
    return {
      champion: part.champion,
      challenger: part.challenger,
      sample: {
        rows: change.length,
        interval,
        ...(part.exact ?? bootstrap),
        isEqual: change.every((value) => value === 0),
        mcnemar: part.discordant,
      },
    };
  });
}

// ---------------------------------------------------------------------------------------------------

interface Parts {
  readonly sign: 1 | -1;
  readonly champion: number;
  readonly challenger: number;
  /** Of each row: by how much the challenger is better. */
  readonly change: Float64Array;
  /** Of each row: by how much it is better than what the margin allows. The same array without a margin. */
  readonly reserve: Float64Array;
  readonly discordant: Sample['mcnemar'];
  /** Where there is an exact test. */
  readonly exact: { readonly good: number; readonly bad: number } | null;
}

function partsOf(rule: MetricRule, column: PairedColumn, at: Int32Array | null): Parts {
  const taken = (values: Float64Array): Float64Array =>
    at === null ? values : Float64Array.from(at, (index) => values[index] ?? Number.NaN);
  const [champion, challenger] = [taken(column.champion), taken(column.challenger)];
  const sign = rule.direction === 'higher' ? 1 : -1;
  const change = champion.map((value, index) => sign * ((challenger[index] ?? 0) - value));
  const baseline = meanOf(champion);
  // The margin is a share of the baseline's absolute value, which the rows decide as well.
  const allowed = rule.margin * Math.sign(baseline);
  const reserve =
    allowed === 0
      ? change
      : change.map((better, index) => better + allowed * (champion[index] ?? 0));
  const gained = change.reduce((count, better) => count + (better > 0 ? 1 : 0), 0);
  const lost = change.reduce((count, better) => count + (better < 0 ? 1 : 0), 0);
  const test = column.isRightOrWrong ? mcnemar({ gained, lost }) : null;
  return {
    sign,
    champion: baseline,
    challenger: meanOf(challenger),
    change,
    reserve,
    discordant: test && { gained, lost, twoSided: test.twoSided },
    exact: test !== null && allowed === 0 ? { good: test.better, bad: test.worse } : null,
  };
}

/** The same resamples of the opposite difference. */
function flipped(of: {
  readonly means: Float64Array;
  readonly mean: number;
  readonly acceleration: number;
}) {
  return {
    means: of.means.map((mean) => -mean).reverse(),
    mean: -of.mean,
    acceleration: -of.acceleration,
  };
}
