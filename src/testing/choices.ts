/**
 * Where a simulated run takes its decisions from: a seed, or a list that was recorded. 0 is always the
 * harmless choice, so a failing run shrinks by cutting its list and by setting entries to 0.
 */
export class Choices {
  readonly #given: readonly number[] | null;
  readonly #made: number[] = [];
  #random: number;

  /** @param from a seed, or the recorded choices of an earlier run */
  constructor(from: number | readonly number[]) {
    this.#given = typeof from === 'number' ? null : from;
    this.#random = typeof from === 'number' ? from >>> 0 : 0;
  }

  /** What was chosen so far. */
  get made(): readonly number[] {
    return this.#made;
  }

  /** A whole number from 0 to `count - 1`. */
  pick(count: number): number {
    const drawn =
      this.#given === null
        ? Math.floor(this.#next() * count)
        : (this.#given[this.#made.length] ?? 0);
    const choice = drawn % count;
    this.#made.push(choice);
    return choice;
  }

  /** True in about `percent` of cases. */
  happens(percent: number): boolean {
    return this.pick(100) >= 100 - percent;
  }

  /** mulberry32: small, and the same on every machine. */
  #next(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let mixed = this.#random;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/**
 * The smallest list of choices that still fails, as far as a bounded search finds it.
 * @param fails runs the choices once more
 */
export async function shrinkChoices(
  choices: readonly number[],
  fails: (choices: readonly number[]) => Promise<boolean>,
  attemptsMax = 400,
): Promise<readonly number[]> {
  let best = choices;
  let attempts = 0;
  const accept = async (candidate: readonly number[]): Promise<boolean> => {
    attempts += 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = choices.length >> 1; size >= 1 && attempts < attemptsMax; size >>= 1) {
    while (attempts < attemptsMax && best.length > size && (await accept(best.slice(0, -size)))) {
      // Cut again.
    }
    for (let at = 0; at < best.length && attempts < attemptsMax; at += size) {
      const isZero = best.slice(at, at + size).every((choice) => choice === 0);
      if (isZero) continue;
      await accept(best.map((choice, index) => (index >= at && index < at + size ? 0 : choice)));
    }
  }
  return best;
}
