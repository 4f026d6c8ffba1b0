/** The statistics of comparisons, held against SciPy and statsmodels on the same numbers. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bcaInterval, resampledOf } from '../../src/domain/statistics/bca.ts';
import { resampledMeans } from '../../src/domain/statistics/bootstrap.ts';
import { holm } from '../../src/domain/statistics/holm.ts';
import { mcnemar } from '../../src/domain/statistics/mcnemar.ts';
import { normalBelow, normalQuantile } from '../../src/domain/statistics/normal.ts';
import { tool } from '../engines/tools.ts';

interface Cases {
  readonly bootstrap: Readonly<
    Record<
      string,
      {
        readonly column: readonly number[];
        readonly level: number;
        readonly means: readonly number[];
        readonly low: number;
        readonly high: number;
        readonly error: number;
      }
    >
  >;
  readonly mcnemar: readonly {
    readonly gained: number;
    readonly lost: number;
    readonly twoSided: number;
    readonly better: number;
    readonly worse: number;
  }[];
  readonly holm: readonly { readonly raw: number[]; readonly adjusted: number[] }[];
  readonly normal: readonly { readonly x: number; readonly below: number }[];
  readonly quantile: readonly { readonly p: number; readonly x: number }[];
}

const scipy = await tool('scipy');

/** Equal but for so small a share of the other side's value. */
function expectNear(value: number, other: number, share: number): void {
  expect(Math.abs(value - other)).toBeLessThanOrEqual(share * Math.max(Math.abs(other), 1e-300));
}

describe.skipIf(scipy.isMissing)(scipy.title('the statistics, beside SciPy'), () => {
  let cases: Cases;

  beforeAll(() => {
    const script = join(import.meta.dirname, '..', 'engines', 'statistics-cases.py');
    const python = join(scipy.folder, 'bin', 'python');
    cases = JSON.parse(
      execFileSync(python, [script], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
    ) as Cases;
  }, 120_000);

  test('give the same BCa interval from the same resamples, to 1e-9', () => {
    expect(Object.keys(cases.bootstrap)).toHaveLength(5);
    for (const { column, level, means, low, high } of Object.values(cases.bootstrap)) {
      const of = resampledOf(Float64Array.from(column), Float64Array.from(means));
      const [ourLow, ourHigh] = bcaInterval(of, level);
      expectNear(ourLow, low, 1e-9);
      expectNear(ourHigh, high, 1e-9);
    }
  });

  // With 10,000 resamples an end moves by about 0.035 standard errors from seed to seed, on both sides.
  test('give nearly the same interval from resamples of their own, to 0.2 standard errors', () => {
    for (const { column, level, low, high, error } of Object.values(cases.bootstrap)) {
      const values = Float64Array.from(column);
      const [means = values] = resampledMeans([values], 10_000, 1);
      const [ourLow, ourHigh] = bcaInterval(resampledOf(values, means), level);
      expect(Math.abs(ourLow - low)).toBeLessThan(0.2 * error);
      expect(Math.abs(ourHigh - high)).toBeLessThan(0.2 * error);
    }
  });

  test("give the same exact McNemar's test, to 1e-9", () => {
    for (const { gained, lost, ...theirs } of cases.mcnemar) {
      const ours = mcnemar({ gained, lost });
      expectNear(ours.twoSided, theirs.twoSided, 1e-9);
      expectNear(ours.better, theirs.better, 1e-9);
      expectNear(ours.worse, theirs.worse, 1e-9);
    }
  });

  test("give the same correction by Holm's method, to 1e-12", () => {
    for (const { raw, adjusted } of cases.holm) {
      const ours = holm(raw);
      for (const [index, value] of adjusted.entries()) expectNear(ours[index] ?? -1, value, 1e-12);
    }
  });

  test('give the same normal distribution, to 1e-8 in the far tail and 1e-12 elsewhere', () => {
    for (const { x, below } of cases.normal) {
      if (x < -37) expect(normalBelow(x)).toBeLessThan(1e-300);
      else expectNear(normalBelow(x), below, x < -5 ? 1e-7 : 1e-12);
    }
    for (const { p, x } of cases.quantile) expect(normalQuantile(p)).toBeCloseTo(x, 9);
  });
});
