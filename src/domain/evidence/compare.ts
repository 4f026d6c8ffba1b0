import { InvalidRequestError } from '../errors.ts';
import { escapeText } from '../escape.ts';
import { type Evaluation, pairOf, type ValuePair } from './evaluation.ts';
import { evidenceLimits } from './evidence-limits.ts';
import { unfairness } from './fairness.ts';
import { type Finding, findingOf, type SourceOfValues } from './finding.ts';
import { type Gauged, judgeMetrics, judgeSlices, type MetricFinding } from './judge.ts';
import { measureRows, type SampleOptions } from './measure.ts';
import {
  lackingColumn,
  type PairedColumn,
  type PairedRows,
  pairRows,
  type RowTable,
} from './rows.ts';
import { type MetricRule, type Rules, tradingRules } from './rules.ts';

/** The finding about two versions from the values that the registry has. Each is one number: chance is unknown. */
export function compareValues(
  champion: Evaluation,
  challenger: Evaluation,
  asked: Rules | null,
): { readonly finding: Finding; readonly rules: Rules } {
  const rules = rulesFor(asked, [champion, challenger].map(namesOf));
  const pairs = new Map(
    rules.metrics.map(({ name }) => [name, pairOf(champion, challenger, name)] as const),
  );
  const gauged = rules.metrics.map((rule): Gauged => {
    const pair = pairs.get(rule.name);
    const measured =
      pair === undefined
        ? { why: lackingValue(champion, challenger, rule.name) }
        : { champion: pair.champion.value, challenger: pair.challenger.value, sample: null };
    return { rule, measured };
  });
  // What is only observed decides nothing, so its data need not be the same.
  const counted = rules.metrics.flatMap(({ name, isObserved }) =>
    isObserved ? [] : (pairs.get(name) ?? []),
  );
  const slices =
    rules.slices.length === 0
      ? []
      : ['The rules have slices, which need rows: pass files with the rows of both versions.'];
  const finding = findingOf(
    {
      metrics: judgeMetrics(gauged, rules),
      slices: [],
      problems: [...unfairness(champion, challenger, counted, rules), ...slices],
      data: {
        kind: 'registry',
        champion: sourceOf(champion, counted, 'champion'),
        challenger: sourceOf(challenger, counted, 'challenger'),
      },
    },
    rules,
  );
  return { finding, rules };
}

/** The finding about two versions from their rows. */
export function compareRows(
  { champion, challenger }: { readonly champion: RowTable; readonly challenger: RowTable },
  asked: Rules | null,
  {
    problems = [],
    ...options
  }: Omit<SampleOptions, 'level'> & {
    /** Why the comparison is not fair, beside what the rows show. @default [] */
    readonly problems?: readonly string[];
  } = {},
): { readonly finding: Finding; readonly rules: Rules } {
  const names = [champion, challenger].map(({ columns }) => new Set(columns.keys()));
  const rules = rulesFor(asked, names);
  const paired = pairRows(champion, challenger, rules);
  const sampling = { ...options, level: 1 - 2 * rules.significance };
  const usable = rules.metrics.flatMap((rule) => {
    const column = paired.metrics.get(rule.name);
    return column === undefined || column.notFinite !== null ? [] : [{ rule, column }];
  });
  const measures = paired.rows === 0 ? [] : measureRows(usable, null, sampling);
  const gauged = rules.metrics.map((rule): Gauged => {
    const measured = measures[usable.findIndex((one) => one.rule === rule)];
    return { rule, measured: measured ?? { why: unusable(rule, paired, champion, challenger) } };
  });
  const finding = findingOf(
    {
      metrics: judgeMetrics(gauged, rules),
      slices: sliceFindings(usable, paired, rules, sampling),
      problems: [...problems, ...paired.problems],
      data: {
        kind: 'rows',
        rows: paired.rows,
        champion_sha256: champion.sha256,
        challenger_sha256: challenger.sha256,
      },
    },
    rules,
  );
  return { finding, rules };
}

// ---------------------------------------------------------------------------------------------------

/** @param names what each side has @throws InvalidRequestError when there are none */
function rulesFor(asked: Rules | null, names: readonly ReadonlySet<string>[]): Rules {
  if (asked !== null) return asked;
  const lacking = names.map((has) => tradingRules.metrics.filter(({ name }) => !has.has(name)));
  if (lacking.some((missing) => missing.length === 0)) return tradingRules;
  const known = [...new Set(names.flatMap((has) => [...has]))].slice(0, 10).map(escapeText);
  const found = known.length === 0 ? 'no metric at all' : known.join(', ');
  throw new InvalidRequestError(
    'There are no rules for this comparison: those for a trading strategy need the metrics ' +
      `${tradingRules.metrics.map(({ name }) => name).join(', ')}, and the versions have ${found}. ` +
      'Write a file of rules (docs/reference/compare.md) and pass it with --rules.',
  );
}

function namesOf({ values }: Evaluation): ReadonlySet<string> {
  return new Set(values.map(({ name }) => name));
}

function lackingValue(champion: Evaluation, challenger: Evaluation, name: string): string {
  const lacking = [champion, challenger].filter((side) => !namesOf(side).has(name));
  const versions = lacking.map(({ version }) => version).join(' and ');
  return `version${lacking.length === 1 ? '' : 's'} ${versions} ${lacking.length === 1 ? 'has' : 'have'} no such metric`;
}

function sourceOf(
  { runId, modelId }: Evaluation,
  pairs: readonly ValuePair[],
  side: 'champion' | 'challenger',
): SourceOfValues {
  const sets = new Map(
    pairs.flatMap((pair) => pair[side].dataSets.map((one) => [one.digest, one])),
  );
  const inOrder = [...sets.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  return { run_id: runId, model_id: modelId, data_sets: inOrder };
}

function unusable(
  { name }: MetricRule,
  { metrics }: PairedRows,
  champion: RowTable,
  challenger: RowTable,
): string {
  const column = metrics.get(name);
  if (column === undefined) return lackingColumn(champion, challenger, name);
  return column.notFinite ?? 'the two files have no id in common';
}

/** Each metric in each value of each slice. */
function sliceFindings(
  usable: readonly { readonly rule: MetricRule; readonly column: PairedColumn }[],
  paired: PairedRows,
  rules: Rules,
  sampling: SampleOptions,
): readonly MetricFinding[] {
  const counted = usable.filter(({ rule }) => !rule.isObserved);
  const parts = rules.slices.flatMap(({ column, minimumRows }) =>
    [...placesByValue(paired.slices.get(column) ?? [])].map(([value, at]) => ({
      slice: { column, value },
      minimumRows,
      at: Int32Array.from(at),
    })),
  );
  if (parts.length * counted.length > evidenceLimits.compareTestsMax) {
    throw new InvalidRequestError(
      `The slices have ${parts.length} values, which is too many for ${counted.length} metrics: at most ` +
        `${evidenceLimits.compareTestsMax} tests are made. Put rare values together before the comparison.`,
    );
  }
  const gauged = parts.flatMap(({ at, ...part }) => {
    const isEnough = at.length >= part.minimumRows;
    const measures = measureRows(counted, at, isEnough ? sampling : { ...sampling, resamples: 1 });
    return counted.flatMap(({ rule }, index) => {
      const measured = measures[index];
      return measured === undefined ? [] : [{ rule, measured, ...part }];
    });
  });
  return judgeSlices(gauged, rules);
}

/** In the order of the values. */
function placesByValue(values: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const places = Map.groupBy(values.keys(), (index) => values[index] ?? '');
  return new Map([...places].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
