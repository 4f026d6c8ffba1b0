import { assert } from '../assert.ts';

/**
 * Means of resampled rows: `resamples` times as many rows as there are, drawn with replacement. All columns get the
 * same rows of each resample, so what is measured of one row stays together. The same seed gives the same rows.
 *
 * An index is the upper part of a 32-bit random number, times the number of rows: of a million rows some are drawn
 * up to one in 4,000 more often than others, far below what 10,000 resamples can show.
 */
export function resampledMeans(
  columns: readonly Float64Array[],
  resamples: number,
  seed: number,
): Float64Array[] {
  const rows = columns[0]?.length ?? 0;
  assert(rows > 0 && columns.every(({ length }) => length === rows), 'columns of one length');
  const state = seeded(seed);
  const means = columns.map(() => new Float64Array(resamples));
  // Small enough for the nearest cache.
  const drawn = new Int32Array(4_096);
  for (let resample = 0; resample < resamples; resample += 1) {
    for (let from = 0; from < rows; from += drawn.length) {
      const count = Math.min(drawn.length, rows - from);
      draw(state, drawn, count, rows);
      for (const [index, column] of columns.entries()) {
        const sums = means[index];
        if (sums !== undefined) {
          sums[resample] = (sums[resample] ?? 0) + sumOf(column, drawn, count);
        }
      }
    }
  }
  return means.map((sums) => sums.map((sum) => sum / rows));
}

// ---------------------------------------------------------------------------------------------------

/** xoshiro128++ (Blackman and Vigna), started by splitmix32: four words that are not all zero. */
function seeded(seed: number): Int32Array {
  const state = new Int32Array(4);
  let word = seed | 0;
  for (let index = 0; index < 4; index += 1) {
    word = (word + 0x9e3779b9) | 0;
    let mixed = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    state[index] = mixed ^ (mixed >>> 15);
  }
  return state;
}

/** The state stands in variables meanwhile: in the array each step would be a write to memory. */
function draw(state: Int32Array, drawn: Int32Array, count: number, rows: number): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  const scale = rows / 4_294_967_296;
  for (let index = 0; index < count; index += 1) {
    const sum = (a + d) | 0;
    const random = (((sum << 7) | (sum >>> 25)) + a) | 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    drawn[index] = ((random >>> 0) * scale) | 0;
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
}

/**
 * Four sums at a time: one alone would wait for each addition before the next. Every index that is drawn exists; a
 * function in between would see two kinds of arrays, which is slower.
 */
function sumOf(column: Float64Array, drawn: Int32Array, count: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let index = 0;
  for (; index + 3 < count; index += 4) {
    first += column[drawn[index] as number] as number;
    second += column[drawn[index + 1] as number] as number;
    third += column[drawn[index + 2] as number] as number;
    fourth += column[drawn[index + 3] as number] as number;
  }
  for (; index < count; index += 1) first += column[drawn[index] as number] as number;
  return first + second + (third + fourth);
}
