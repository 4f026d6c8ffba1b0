import { escapeText } from '../escape.ts';
import type { Measure } from './measure.ts';
import type { MetricRule, Result } from './rules.ts';

/** The reasons of a comparison in words: value, baseline, change, interval, rule, result. */

export function reasonText(
  rule: MetricRule,
  { champion, challenger, sample }: Measure,
  {
    result,
    p,
    significance,
    isSlice = false,
  }: {
    readonly result: Result;
    readonly p: number | null;
    readonly significance: number;
    readonly isSlice?: boolean;
  },
): string {
  const [value, base] = [numberText(challenger), numberText(champion)];
  const facts = `${escapeText(rule.name)} is ${value}, and ${base} for the champion: ${changeText(champion, challenger)}`;
  const interval =
    sample === null
      ? ''
      : `, ${percentText(1 - 2 * significance)} interval ${signed(sample.interval[0])} to ` +
        `${signed(sample.interval[1])} from ${sample.rows} rows`;
  return `${facts}${interval}. ${ruleText(rule, champion, isSlice)}: ${resultText(rule, result, p)}.`;
}

export function unknownText(rule: MetricRule, why: string): string {
  return `${escapeText(rule.name)} could not be judged: ${why}.`;
}

/** A number for people: at most six digits. */
export function numberText(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** The same for a change. */
export function signed(value: number, digits = 6): string {
  const text = String(Number(value.toPrecision(digits)));
  return value > 0 ? `+${text}` : text;
}

// ---------------------------------------------------------------------------------------------------

function changeText(champion: number, challenger: number): string {
  const change = challenger - champion;
  const share = champion === 0 ? '' : ` (${signed((100 * change) / Math.abs(champion), 3)} %)`;
  return change === 0 ? 'no change' : `${signed(change)}${share}`;
}

function ruleText(rule: MetricRule, champion: number, isSlice: boolean): string {
  const loss = rule.margin * Math.abs(champion);
  const limit = rule.direction === 'higher' ? champion - loss : champion + loss;
  const word = rule.direction === 'higher' ? 'higher' : 'lower';
  const least = rule.direction === 'higher' ? 'at least' : 'at most';
  const margin = rule.margin === 0 ? '' : ` (with a margin of ${percentText(rule.margin)})`;
  const floor =
    rule.floor === null ? '' : `, and ${least} ${numberText(rule.floor)} whatever the champion has`;
  if (isSlice) return `It must not be shown to be worse than ${numberText(limit)}`;
  const need = rule.mustImprove
    ? `It must be ${word}`
    : `It must be ${least} ${numberText(limit)}${margin}`;
  return `${need}${floor}`;
}

function resultText(rule: MetricRule, result: Result, p: number | null): string {
  const chance = p === null ? '' : ` (p = ${numberText(Number(p.toPrecision(2)))})`;
  const words = {
    passed: `passed${chance}`,
    failed: `failed${chance}`,
    unsure: `the rows show neither that it is nor that it is not${chance}`,
    unknown: 'unknown',
  };
  return rule.isObserved ? `${words[result]}, observed only` : words[result];
}

function percentText(share: number): string {
  return `${Number((100 * share).toPrecision(6))} %`;
}
