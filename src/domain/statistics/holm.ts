/**
 * Holm's correction for several tests: with it, the probability that any of them is significant by chance alone is at
 * most the level. The adjusted value of each, in the order given.
 */
export function holm(probabilities: readonly number[]): readonly number[] {
  const order = probabilities.map((_, index) => index);
  order.sort((a, b) => (probabilities[a] ?? 0) - (probabilities[b] ?? 0));
  const adjusted = new Array<number>(probabilities.length).fill(1);
  let least = 0;
  for (const [rank, index] of order.entries()) {
    const factor = probabilities.length - rank;
    least = Math.max(least, Math.min(1, factor * (probabilities[index] ?? 1)));
    adjusted[index] = least;
  }
  return adjusted;
}
