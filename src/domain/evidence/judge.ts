import { holm } from '../statistics/holm.ts';
import type { Measure, Sample } from './measure.ts';
import { type MetricRule, Result, type Rules, Weight } from './rules.ts';
import { reasonText, unknownText } from './sentences.ts';

/** A metric as it is shown, stored and decided with. */
export interface MetricFinding {
  readonly name: string;
  /** Null where a side has no value, or one that is no finite number. */
  readonly champion: number | null;
  readonly challenger: number | null;
  /** Challenger less champion. */
  readonly change: number | null;
  /** Of the change; null where each side is one value. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly passed: boolean;
  readonly reason: string;
  readonly result: Result;
  /** Null for a single value; else of the test that decided, after Holm's correction. */
  readonly p_value: number | null;
  readonly rows: number | null;
  readonly mcnemar: Sample['mcnemar'];
  readonly weight: Weight;
  readonly critical: boolean;
  readonly observe_only: boolean;
  /** How far this metric speaks for the challenger, from 0 to 1. */
  readonly support: number;
  /** Only of a slice. */
  readonly slice?: { readonly column: string; readonly value: string };
}

/** What is judged: a rule with what was measured for it, or why nothing was. */
export interface Gauged {
  readonly rule: MetricRule;
  readonly measured: Measure | { readonly why: string };
}

/** Judges all metrics at once: several tests together need stricter ones. */
export function judgeMetrics(gauged: readonly Gauged[], rules: Rules): readonly MetricFinding[] {
  const samples = gauged.map(({ rule, measured }) =>
    !rule.isObserved && 'champion' in measured ? measured.sample : null,
  );
  const [good, bad] = [adjusted(samples, 'good'), adjusted(samples, 'bad')];
  return gauged.map(({ rule, measured }, index) => {
    if ('why' in measured) return unknownFinding(rule, measured.why);
    if (!Number.isFinite(measured.champion) || !Number.isFinite(measured.challenger)) {
      return unknownFinding(rule, notFiniteText(measured), measured);
    }
    const { sample } = measured;
    if (sample !== null && sample.rows < rules.minimumRows) {
      return unknownFinding(rule, fewRowsText(sample.rows, rules.minimumRows), measured);
    }
    // What is only observed is not one of the tests that are corrected for.
    const chance = sample && { good: good[index] ?? sample.good, bad: bad[index] ?? sample.bad };
    const result = resultOf(rule, measured, { chance, significance: rules.significance });
    const isDecidedByRows = reachesFloor(rule, measured.challenger);
    const p = !isDecidedByRows || chance === null ? null : pOf(result, chance);
    return finding(rule, measured, { result, p, significance: rules.significance });
  });
}

/**
 * Judges a metric in slices. A slice fails when the challenger is shown to be worse there than its margin allows; that
 * it is better need not be shown in each of them.
 */
export function judgeSlices(
  gauged: readonly (Gauged & {
    readonly slice: { readonly column: string; readonly value: string };
    readonly minimumRows: number;
  })[],
  rules: Rules,
): readonly MetricFinding[] {
  const bad = adjusted(
    gauged.map(({ measured }) => ('champion' in measured ? measured.sample : null)),
    'bad',
  );
  return gauged.map(({ rule, measured, slice, minimumRows }, index) => {
    if ('why' in measured) return { ...unknownFinding(rule, measured.why), slice };
    const { sample } = measured;
    const rows = sample?.rows ?? 0;
    if (rows < minimumRows) {
      return { ...unknownFinding(rule, fewRowsText(rows, minimumRows), measured), slice };
    }
    const p = bad[index] ?? 1;
    const result = p <= rules.significance ? Result.FAILED : Result.PASSED;
    const judged = { result, p, significance: rules.significance, isSlice: true };
    return { ...finding(rule, measured, judged), slice };
  });
}

// ---------------------------------------------------------------------------------------------------

interface Judged {
  readonly result: Result;
  readonly p: number | null;
  readonly significance: number;
  readonly isSlice?: boolean;
}

function adjusted(
  samples: readonly (Sample | null)[],
  side: 'good' | 'bad',
): readonly (number | null)[] {
  const tested = samples.flatMap((sample) => (sample === null ? [] : [sample[side]]));
  const corrected = holm(tested).values();
  return samples.map((sample) => (sample === null ? null : (corrected.next().value ?? 1)));
}

function resultOf(
  rule: MetricRule,
  measured: Measure,
  {
    chance,
    significance,
  }: {
    readonly chance: { readonly good: number; readonly bad: number } | null;
    readonly significance: number;
  },
): Result {
  const { champion, challenger, sample } = measured;
  if (!reachesFloor(rule, challenger)) return Result.FAILED;
  if (chance === null) {
    const better = oriented(rule, challenger - champion) + allowedLoss(rule, champion);
    // Values that are equal but for the rounding of decimal numbers are equal.
    const same = 1e-12 * Math.max(Math.abs(champion), Math.abs(challenger));
    return (rule.mustImprove ? better > same : better >= -same) ? Result.PASSED : Result.FAILED;
  }
  if (sample?.isEqual === true && allowedLoss(rule, champion) === 0) {
    return rule.mustImprove ? Result.FAILED : Result.PASSED;
  }
  if (chance.good <= significance) return Result.PASSED;
  return chance.bad <= significance ? Result.FAILED : Result.UNSURE;
}

/** By how much it may be worse. */
function allowedLoss(rule: MetricRule, champion: number): number {
  return rule.margin * Math.abs(champion);
}

function pOf(
  result: Result,
  { good, bad }: { readonly good: number; readonly bad: number },
): number {
  return result === Result.FAILED ? bad : good;
}

function reachesFloor(rule: MetricRule, challenger: number): boolean {
  if (rule.floor === null) return true;
  return oriented(rule, challenger - rule.floor) >= -1e-12 * Math.abs(rule.floor);
}

function oriented({ direction }: MetricRule, change: number): number {
  return direction === 'higher' ? change : -change;
}

function finding(rule: MetricRule, measured: Measure, judged: Judged): MetricFinding {
  const { champion, challenger, sample } = measured;
  const { result } = judged;
  return {
    name: rule.name,
    champion,
    challenger,
    change: challenger - champion,
    interval: sample?.interval ?? null,
    passed: result === Result.PASSED,
    reason: reasonText(rule, measured, judged),
    result,
    p_value: judged.p,
    rows: sample?.rows ?? null,
    mcnemar: sample?.mcnemar ?? null,
    weight: rule.weight,
    critical: rule.isCritical,
    observe_only: rule.isObserved,
    support: supportOf(sample, result),
  };
}

/** Of one value on each side: all or nothing. Of rows: the confidence that the challenger reaches its limit. */
function supportOf(sample: Sample | null, result: Result): number {
  const isDecided = result === Result.PASSED || result === Result.FAILED;
  const isPassed = result === Result.PASSED;
  if (sample === null || sample.isEqual) return isPassed ? 1 : 0;
  const share = 1 - sample.good;
  // A floor that is not reached outweighs the comparison.
  return isDecided && !isPassed ? Math.min(share, 0.5) : share;
}

function unknownFinding(rule: MetricRule, why: string, measured?: Measure): MetricFinding {
  const finite = (value: number | undefined): number | null =>
    value !== undefined && Number.isFinite(value) ? value : null;
  const [champion, challenger] = [finite(measured?.champion), finite(measured?.challenger)];
  return {
    name: rule.name,
    champion,
    challenger,
    change: champion === null || challenger === null ? null : challenger - champion,
    interval: null,
    passed: false,
    reason: unknownText(rule, why),
    result: Result.UNKNOWN,
    p_value: null,
    rows: measured?.sample?.rows ?? null,
    mcnemar: null,
    weight: rule.weight,
    critical: rule.isCritical,
    observe_only: rule.isObserved,
    support: 0,
  };
}

function notFiniteText({ champion, challenger }: Measure): string {
  const sides = [
    ['champion', champion],
    ['challenger', challenger],
  ] as const;
  const strange = sides.filter(([, value]) => !Number.isFinite(value));
  return strange.map(([side, value]) => `the value of the ${side} is ${value}`).join(' and ');
}

function fewRowsText(rows: number, least: number): string {
  return `there ${rows === 1 ? 'is 1 row' : `are ${rows} rows`}, and at least ${least} are needed`;
}

/** The share of all weight that speaks for the challenger. */
export function totalSupport(findings: readonly MetricFinding[]): number {
  const counted = findings.filter(({ observe_only: isObserved }) => !isObserved);
  const total = counted.reduce((sum, { weight }) => sum + Weight[weight], 0);
  const share = counted.reduce((sum, { weight, support }) => sum + Weight[weight] * support, 0);
  return total === 0 ? 0 : share / total;
}
