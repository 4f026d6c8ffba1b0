/** What is measured, as rows of one table. */
import { type Ratio, ratioOf, type Summary, summaryOf } from './statistics.ts';

export interface Figure {
  readonly what: string;
  readonly unit: 'ms' | 'MB' | 'bytes' | 'calls';
  readonly ours: Summary;
  /** Null where a figure has a budget of its own. */
  readonly against: {
    readonly name: string;
    readonly summary: Summary;
    readonly ratio: Ratio;
  } | null;
  /** The most that is allowed, of the ratio or else of the median; null for a figure to know only. */
  readonly budget: number | null;
  readonly verdict: 'pass' | 'over' | '';
}

export function pairFigure(options: {
  readonly what: string;
  readonly unit: Figure['unit'];
  readonly ours: readonly number[];
  readonly against: string;
  readonly theirs: readonly number[];
  readonly budget: number | null;
}): Figure {
  const { what, unit, ours, theirs, budget } = options;
  const ratio = ratioOf(ours, theirs);
  return {
    what,
    unit,
    ours: summaryOf(ours),
    against: { name: options.against, summary: summaryOf(theirs), ratio },
    budget,
    verdict: verdictOf(ratio.ofPairs, budget),
  };
}

export function soleFigure(options: {
  readonly what: string;
  readonly unit: Figure['unit'];
  readonly values: readonly number[];
  readonly budget: number | null;
}): Figure {
  const { what, unit, values, budget } = options;
  const ours = summaryOf(values);
  return { what, unit, ours, against: null, budget, verdict: verdictOf(ours.median, budget) };
}

export function printTable(figures: readonly Figure[]): void {
  const rows = rowsOf(figures);
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** The same for docs/reference/performance.md. */
export function printMarkdown(figures: readonly Figure[]): void {
  const [head = [], ...rows] = rowsOf(figures);
  const rule = head.map(() => '---');
  for (const row of [head, rule, ...rows]) console.log(`| ${row.join(' | ')} |`);
}

// ---------------------------------------------------------------------------------------------------

function rowsOf(figures: readonly Figure[]): string[][] {
  const head = [
    'figure',
    'ours',
    '(min–max)',
    'against',
    'theirs',
    '(min–max)',
    'ratio',
    'of medians',
    'budget',
    '',
  ];
  return [head, ...figures.map(cellsOf)];
}

function verdictOf(value: number, budget: number | null): Figure['verdict'] {
  if (budget === null) return '';
  return value <= budget ? 'pass' : 'over';
}

function cellsOf(figure: Figure): string[] {
  const { ours, against, budget, unit } = figure;
  return [
    figure.what,
    `${amount(ours.median, unit)} ${unit}`,
    range(ours, unit),
    against?.name ?? '',
    against === null ? '' : `${amount(against.summary.median, unit)} ${unit}`,
    against === null ? '' : range(against.summary, unit),
    against === null ? '' : against.ratio.ofPairs.toFixed(3),
    against === null ? '' : against.ratio.ofMedians.toFixed(3),
    budget === null ? '' : `≤ ${against === null ? amount(budget, unit) : budget}`,
    figure.verdict,
  ];
}

function range(summary: Summary, unit: Figure['unit']): string {
  if (summary.min === summary.max) return '';
  return `(${amount(summary.min, unit)}–${amount(summary.max, unit)})`;
}

function amount(value: number, unit: Figure['unit']): string {
  if (unit === 'bytes') return value.toLocaleString('en');
  if (unit === 'calls') return String(value);
  return value.toFixed(value < 100 ? 1 : 0);
}
