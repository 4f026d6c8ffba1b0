/** What is made of the measured numbers. */
export interface Summary {
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Ratio {
  /** Median of the ratios of each pair: a slow minute of the machine slows both sides of a pair. */
  readonly ofPairs: number;
  readonly ofMedians: number;
}

export function summaryOf(values: readonly number[]): Summary {
  const sorted = sortedOf(values);
  return {
    runs: sorted.length,
    median: medianOf(sorted),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** The first list against the second, which was measured in the same pairs. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  const pairs = ours.map((value, index) => value / (theirs[index] ?? Number.NaN));
  return { ofPairs: medianOf(pairs), ofMedians: medianOf(ours) / medianOf(theirs) };
}

function medianOf(values: readonly number[]): number {
  const sorted = sortedOf(values);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  if (!Number.isInteger(middle)) return upper;
  return ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

// ---------------------------------------------------------------------------------------------------

function sortedOf(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}
