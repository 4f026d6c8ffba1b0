/** Rows in which exactly one of two models was right. */
export interface Discordant {
  /** Only the challenger was right. */
  readonly gained: number;
  /** Only the champion was right. */
  readonly lost: number;
}

/**
 * The exact test of McNemar: if neither model is better, each discordant row is a toss of a coin.
 * @returns the probability of so many gained rows or more, of so many lost rows or more, and the two-sided one
 */
export function mcnemar({ gained, lost }: Discordant): {
  readonly better: number;
  readonly worse: number;
  readonly twoSided: number;
} {
  const rows = gained + lost;
  const [better, worse] = [headsFrom(gained, rows), headsFrom(lost, rows)];
  return { better, worse, twoSided: Math.min(1, 2 * Math.min(better, worse)) };
}

// ---------------------------------------------------------------------------------------------------

/** The probability of at least `least` heads in `tosses` tosses. */
function headsFrom(least: number, tosses: number): number {
  if (least <= 0) return 1;
  // The smaller tail is summed: nothing cancels.
  if (2 * least <= tosses) return 1 - headsFrom(tosses - least + 1, tosses);
  let term = Math.exp(logChoose(tosses, least) - tosses * Math.LN2);
  let sum = 0;
  for (let heads = least; heads <= tosses && term > sum * Number.EPSILON * 1e-3; heads += 1) {
    sum += term;
    term *= (tosses - heads) / (heads + 1);
  }
  return sum;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series; small numbers by the product. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let factor = 2; factor <= n; factor += 1) product *= factor;
    return Math.log(product);
  }
  const x = n + 1;
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
