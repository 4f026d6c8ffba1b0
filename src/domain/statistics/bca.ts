import { normalBelow, normalQuantile } from './normal.ts';

/**
 * Bias-corrected and accelerated bootstrap (Efron 1987) of a mean. It needs the resampled means in order, the mean of
 * the rows themselves, and the acceleration, which for a mean is a sixth of the skewness of its jackknife.
 */
export interface Resampled {
  /** Ascending. */
  readonly means: Float64Array;
  readonly mean: number;
  readonly acceleration: number;
}

/** @param means of `resampledMeans`; they are put in order in place */
export function resampledOf(column: Float64Array, means: Float64Array): Resampled {
  const mean = meanOf(column);
  let [squares, cubes] = [0, 0];
  for (const value of column) {
    const deviation = value - mean;
    squares += deviation * deviation;
    cubes += deviation * deviation * deviation;
  }
  const acceleration = squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
  return { means: means.sort(), mean, acceleration };
}

/** Two-sided, of so much confidence (0.9 leaves 5 % on each side). */
export function bcaInterval(of: Resampled, level: number): readonly [low: number, high: number] {
  const { means, mean, acceleration } = of;
  if (isConstant(means)) return [mean, mean];
  const bias = normalQuantile(shareBelow(means, mean));
  const end = (share: number): number => {
    const shifted = bias + normalQuantile(share);
    return quantile(means, normalBelow(bias + shifted / (1 - acceleration * shifted)));
  };
  return [end((1 - level) / 2), end((1 + level) / 2)];
}

/**
 * The probability of resamples like these if the true mean were at most `limit`: the level at which the lower end of
 * the interval would reach the limit. Never below one in (resamples + 1), since fewer cannot be seen.
 */
export function bcaBelow(of: Resampled, limit: number): number {
  const { means, mean, acceleration } = of;
  const least = 1 / (means.length + 1);
  if (isConstant(means)) return mean > limit ? least : 1;
  const bias = normalQuantile(within(shareBelow(means, mean), least));
  const shifted = normalQuantile(within(shareBelow(means, limit), least)) - bias;
  // What `bcaInterval` does, the other way round.
  const slope = 1 + acceleration * shifted;
  if (slope <= 0) return shifted < 0 ? least : 1 - least;
  return within(normalBelow(shifted / slope - bias), least);
}

export function meanOf(column: Float64Array): number {
  let sum = 0;
  for (const value of column) sum += value;
  return sum / column.length;
}

// ---------------------------------------------------------------------------------------------------

function isConstant(ordered: Float64Array): boolean {
  return ordered[0] === ordered.at(-1);
}

function within(share: number, least: number): number {
  return Math.min(1 - least, Math.max(least, share));
}

/** The share of values below; those that are equal count half. */
function shareBelow(ordered: Float64Array, value: number): number {
  return (firstFrom(ordered, value) + firstAbove(ordered, value)) / (2 * ordered.length);
}

function firstFrom(ordered: Float64Array, value: number): number {
  return search(ordered, (one) => one < value);
}

function firstAbove(ordered: Float64Array, value: number): number {
  return search(ordered, (one) => one <= value);
}

/** How many values at the beginning are such. */
function search(ordered: Float64Array, isSuch: (value: number) => boolean): number {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSuch(ordered[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Between two values in proportion, as NumPy does. */
function quantile(ordered: Float64Array, share: number): number {
  const at = share * (ordered.length - 1);
  const below = Math.floor(at);
  const value = ordered[below] ?? Number.NaN;
  const next = ordered[below + 1] ?? value;
  return value + (next - value) * (at - below);
}
