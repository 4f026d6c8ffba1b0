import { describe, expect, test } from 'vitest';
import {
  bcaBelow,
  bcaInterval,
  meanOf,
  resampledOf,
} from '../../../../src/domain/statistics/bca.ts';
import { resampledMeans } from '../../../../src/domain/statistics/bootstrap.ts';
import { holm } from '../../../../src/domain/statistics/holm.ts';
import { mcnemar } from '../../../../src/domain/statistics/mcnemar.ts';
import { normalBelow, normalQuantile } from '../../../../src/domain/statistics/normal.ts';

const column = Float64Array.from({ length: 1_000 }, (_, index) => Math.sin(index) + index / 5_000);

describe('resampledMeans', () => {
  test('gives the same means for the same seed, and others for another', () => {
    const [first] = resampledMeans([column], 50, 1);
    expect(resampledMeans([column], 50, 1)).toEqual([first]);
    expect(resampledMeans([column], 50, 2)).not.toEqual([first]);
  });

  test('draws the same rows for every column', () => {
    const twice = column.map((value) => 2 * value);
    const [one = column, two] = resampledMeans([column, twice], 50, 1);
    expect(two).toEqual(one.map((value) => 2 * value));
    expect(resampledMeans([column], 50, 1)).toEqual([one]);
  });

  test('draws every row about as often as the others', () => {
    const rows = 5;
    const shares = Array.from({ length: rows }, (_, row) => {
      const marks = Float64Array.from({ length: rows }, (_value, index) => Number(index === row));
      const [means = marks] = resampledMeans([marks], 20_000, 3);
      return meanOf(means);
    });
    for (const share of shares) expect(share).toBeCloseTo(1 / rows, 2);
  });

  test('spreads as the standard error of the mean says', () => {
    const [means = column] = resampledMeans([column], 10_000, 1);
    const spread = (values: Float64Array): number =>
      Math.sqrt(meanOf(values.map((value) => (value - meanOf(values)) ** 2)));
    expect(spread(means) / (spread(column) / Math.sqrt(column.length))).toBeCloseTo(1, 1);
  });
});

describe('bcaBelow', () => {
  const of = resampledOf(column, resampledMeans([column], 10_000, 1)[0] ?? column);

  test('is the level at which the interval begins at the limit', () => {
    for (const level of [0.5, 0.8, 0.9, 0.98]) {
      const [low] = bcaInterval(of, level);
      expect(bcaBelow(of, low)).toBeCloseTo((1 - level) / 2, 3);
    }
  });

  test('is never zero: with so many resamples less cannot be seen', () => {
    expect(bcaBelow(of, -100)).toBeCloseTo(1 / 10_001, 4);
    expect(bcaBelow(of, -100)).toBeGreaterThan(0);
    expect(bcaBelow(of, 100)).toBeCloseTo(1, 3);
    expect(bcaBelow(of, 100)).toBeLessThan(1);
  });

  test('knows a difference that is the same in every row', () => {
    const same = new Float64Array(100).fill(0.25);
    const constant = resampledOf(same, resampledMeans([same], 100, 1)[0] ?? same);
    expect(bcaInterval(constant, 0.9)).toEqual([0.25, 0.25]);
    expect([bcaBelow(constant, 0), bcaBelow(constant, 0.25)]).toEqual([1 / 101, 1]);
  });
});

test('normalQuantile is the inverse of normalBelow', () => {
  for (const x of [-8, -5.2, -3, -1, -0.1, 0, 0.4, 2, 5]) {
    expect(normalQuantile(normalBelow(x))).toBeCloseTo(x, 8);
  }
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
  expect([normalBelow(-Infinity), normalBelow(Infinity), normalBelow(Number.NaN)]).toEqual([
    0,
    1,
    Number.NaN,
  ]);
});

describe('mcnemar', () => {
  test('is the toss of a coin for each discordant row', () => {
    expect(mcnemar({ gained: 3, lost: 0 })).toMatchObject({ worse: 1 });
    expect(mcnemar({ gained: 3, lost: 0 }).better).toBeCloseTo(1 / 8, 12);
    expect(mcnemar({ gained: 0, lost: 0 })).toEqual({ better: 1, worse: 1, twoSided: 1 });
    expect(mcnemar({ gained: 5, lost: 5 }).twoSided).toBe(1);
  });

  test('works for millions of rows', () => {
    const { better, worse } = mcnemar({ gained: 1_001_500, lost: 1_000_000 });
    expect(better).toBeCloseTo(0.1445, 3);
    expect(better + worse).toBeCloseTo(1, 3);
  });
});

test('holm keeps the order of the probabilities, and none above 1', () => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  for (const [index, value] of [0.03, 0.06, 0.06, 0.02].entries()) {
    expect(adjusted[index]).toBeCloseTo(value, 12);
  }
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
  expect(holm([])).toEqual([]);
});
