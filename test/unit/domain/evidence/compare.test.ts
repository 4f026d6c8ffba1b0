import { describe, expect, test } from 'vitest';
import { InvalidRequestError } from '../../../../src/domain/errors.ts';
import { compareRows, compareValues } from '../../../../src/domain/evidence/compare.ts';
import type { Evaluation } from '../../../../src/domain/evidence/evaluation.ts';
import { evidenceText, type Finding } from '../../../../src/domain/evidence/finding.ts';
import { parseRules } from '../../../../src/domain/evidence/parse-rules.ts';
import type { RowTable } from '../../../../src/domain/evidence/rows.ts';
import { resampledMeans } from '../../../../src/domain/statistics/bootstrap.ts';

const NOON_MS = Date.UTC(2026, 0, 1, 12);
const trading = { profit_total: 1_200, sharpe_ratio: 1.1, max_drawdown: 0.2, win_rate: 0.6 };

/** A version with these metrics, all measured on one data set after it was registered. */
function evaluation(
  version: string,
  metrics: Readonly<Record<string, number>>,
  change: Partial<Evaluation> & { readonly digest?: string | null; readonly atMs?: number } = {},
): Evaluation {
  const { digest = 'd1', atMs = NOON_MS, ...rest } = change;
  const dataSets = digest === null ? [] : [{ name: 'backtest', digest }];
  return {
    version,
    registeredAtMs: NOON_MS - 60_000,
    runId: `run-${version}`,
    modelId: null,
    values: Object.entries(metrics).map(([name, value]) => ({ name, value, atMs, dataSets })),
    ...rest,
  };
}

function table(name: string, columns: Readonly<Record<string, readonly unknown[]>>): RowTable {
  return { name, sha256: `digest of ${name}`, columns: new Map(Object.entries(columns)) };
}

/** So many numbers around 0, the same for a seed: the means of a few rows of a fixed column. */
function noise(count: number, seed: number): Float64Array {
  const values = Float64Array.from({ length: 64 }, (_, index) => (index - 31.5) / 18);
  return resampledMeans([values], count, seed)[0]?.map((value) => 8 * value) ?? new Float64Array();
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);

function rowsOf(champion: Iterable<number>, challenger: Iterable<number>) {
  const [left, right] = [[...champion], [...challenger]];
  return {
    champion: table('v1.csv', { id: ids(left.length), score: left }),
    challenger: table('v2.csv', { id: ids(right.length), score: right }),
  };
}

const scoreRules = (rule: object = {}, more: object = {}) =>
  parseRules({ metrics: { score: { direction: 'higher', ...rule } }, ...more }, 'compare.json');

describe('compareValues', () => {
  const compare = (
    change: Readonly<Record<string, number>>,
    {
      champion = evaluation('1', trading),
      more = {},
      rules = null as Parameters<typeof compareValues>[2],
    } = {},
  ): Finding =>
    compareValues(champion, evaluation('2', { ...trading, ...change }, more), rules).finding;

  test('promotes what is better by each of the trading rules', () => {
    const better = { profit_total: 1_300, sharpe_ratio: 1.1, max_drawdown: 0.2, win_rate: 0.54 };
    const finding = compare(better);
    expect(finding).toMatchObject({ decision: 'PROMOTE', confidence: 1, uncertainty: 'unknown' });
    expect(finding.metrics.map(({ reason }) => reason)).toEqual([
      'profit_total is 1300, and 1200 for the champion: +100 (+8.33 %). It must be higher: passed.',
      'sharpe_ratio is 1.1, and 1.1 for the champion: no change. It must be at least 1.1: passed.',
      'max_drawdown is 0.2, and 0.2 for the champion: no change. It must be at most 0.2: passed.',
      'win_rate is 0.54, and 0.6 for the champion: -0.06 (-10 %). ' +
        'It must be at least 0.54 (with a margin of 10 %): passed.',
    ]);
  });

  test.each([
    [{}, 'KEEP', 'profit_total'],
    [{ profit_total: 1_300, sharpe_ratio: 1.09 }, 'KEEP', 'sharpe_ratio'],
    [{ profit_total: 1_300, max_drawdown: 0.21 }, 'KEEP', 'max_drawdown'],
    [{ profit_total: 1_300, win_rate: 0.53 }, 'INVESTIGATE', 'win_rate'],
  ])('of %j says %s, because of %s', (change, decision, failed) => {
    const finding = compare(change);
    expect(finding.decision).toBe(decision);
    const names = finding.metrics.filter(({ passed }) => !passed).map(({ name }) => name);
    expect(names).toEqual([failed]);
  });

  test.each([
    [-100, -95, 'PROMOTE'],
    [-100, -109, 'PROMOTE'],
    [-100, -111, 'KEEP'],
    [0, 0, 'PROMOTE'],
    [0, -1e-9, 'KEEP'],
    [0.3, 0.1 + 0.2, 'PROMOTE'],
  ])('takes the margin of the absolute baseline: %d to %d is %s', (before, after, decision) => {
    const finding = compareValues(
      evaluation('1', { score: before }),
      evaluation('2', { score: after }),
      scoreRules({ margin: 0.1 }),
    ).finding;
    expect(finding.decision).toBe(decision);
  });

  test('holds the challenger to a floor that the champion does not reach either', () => {
    const low = [evaluation('1', { score: 0.5 }), evaluation('2', { score: 0.6 })] as const;
    const { decision, metrics } = compareValues(...low, scoreRules({ floor: 0.7 })).finding;
    expect([decision, metrics[0]?.reason]).toEqual([
      'KEEP',
      expect.stringContaining('at least 0.7 whatever the champion has: failed'),
    ]);
  });

  test('shows a metric that is only observed, and does not count it', () => {
    const metrics = {
      score: { direction: 'higher' },
      cost: { direction: 'lower', observe_only: true },
    };
    const rules = parseRules({ metrics }, 'compare.json');
    const champion = evaluation('1', { score: 1, cost: 1 });
    const { finding } = compareValues(champion, evaluation('2', { score: 2, cost: 9 }), rules);
    expect(finding).toMatchObject({ decision: 'PROMOTE', confidence: 1 });
    expect(finding.metrics[1]).toMatchObject({ passed: false, observe_only: true });
  });

  test.each([
    ['NaN', { sharpe_ratio: Number.NaN }, /the value of the challenger is NaN/],
    ['infinite', { sharpe_ratio: Number.POSITIVE_INFINITY }, /challenger is Infinity/],
  ])('names a value that is %s', (_, change, why) => {
    const finding = compare({ profit_total: 1_300, ...change });
    expect(finding).toMatchObject({ decision: 'INVESTIGATE', confidence: 0 });
    expect(finding.metrics[1]).toMatchObject({ result: 'unknown', challenger: null });
    expect(finding.metrics[1]?.reason).toMatch(why);
  });

  test('names a metric that one side lacks', () => {
    const { win_rate: _, ...three } = { ...trading, profit_total: 1_300 };
    const side = evaluation('2', three);
    const { finding } = compareValues(evaluation('1', trading), side, null);
    expect(finding.decision).toBe('INVESTIGATE');
    expect(finding.metrics[3]?.reason).toBe(
      'win_rate could not be judged: version 2 has no such metric.',
    );
  });

  test('asks for rules where no side has the four metrics of a strategy', () => {
    const sides = [evaluation('1', { auc: 0.8 }), evaluation('2', { auc: 0.9 })] as const;
    expect(() => compareValues(...sides, null)).toThrow(/the versions have auc\. Write a file/);
  });

  const better = { profit_total: 1_300 };
  const problemsOf = (more: object): readonly string[] => {
    const { decision, confidence, problems } = compare(better, { more });
    if (problems.length > 0) expect([decision, confidence]).toEqual(['INVESTIGATE', 0]);
    return problems;
  };

  test('compares only what was measured on the same data', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ digest: 'd2' })[0]).toMatch(/measured on different data sets/);
    expect(problemsOf({ digest: null })[0]).toMatch(/it is not recorded .* mlflow\.log_input/);
  });

  test('finds the values of the same data among later ones', () => {
    const both = evaluation('1', { score: 1 });
    const later = evaluation('1', { score: 9 }, { digest: 'd9', atMs: NOON_MS + 1 });
    const champion = { ...both, values: [...later.values, ...both.values] };
    const { finding } = compareValues(champion, evaluation('2', { score: 2 }), scoreRules());
    expect([finding.decision, finding.metrics[0]?.champion]).toEqual(['PROMOTE', 1]);
  });

  test('takes data that nobody recorded where the rules allow it, and never different data', () => {
    const rules = scoreRules({}, { same_data: false });
    const champion = evaluation('1', { score: 1 });
    const against = (digest: string | null): string =>
      compareValues(champion, evaluation('2', { score: 2 }, { digest }), rules).finding.decision;
    expect([against(null), against('d2')]).toEqual(['PROMOTE', 'INVESTIGATE']);
  });

  test('wants values from after both registrations, but for the difference of clocks', () => {
    expect(problemsOf({ atMs: NOON_MS - 89_000 })).toEqual([]);
    expect(problemsOf({ atMs: NOON_MS - 120_000 })[0]).toMatch(
      /^Version 2 was measured at .* before both versions were registered/,
    );
    expect(problemsOf({ registeredAtMs: NOON_MS + 60_000 })).toHaveLength(2);
  });

  test('compares no version with itself', () => {
    expect(problemsOf({ version: '1' })).toEqual([expect.stringMatching(/^Version 1 would be/)]);
    expect(problemsOf({ runId: 'run-1' })[0]).toMatch(/same run run-1: a version/);
    expect(problemsOf({ modelId: 'm-1' })).toEqual([]);
  });
});

describe('compareRows', () => {
  const base = noise(400, 1);
  const shifted = (by: number): Float64Array => {
    const jitter = noise(400, 2);
    return base.map((value, index) => value + by + 0.3 * (jitter[index] ?? 0));
  };
  const decide = (rows: ReturnType<typeof rowsOf>, rules = scoreRules()): Finding =>
    compareRows(rows, rules, { resamples: 2_000 }).finding;

  test('promotes what the rows show to be better, and keeps what they show to be worse', () => {
    const better = decide(rowsOf(base, shifted(0.2)));
    expect(better).toMatchObject({ decision: 'PROMOTE', uncertainty: 'measured' });
    expect(better.metrics[0]?.interval?.[0]).toBeGreaterThan(0);
    expect(decide(rowsOf(base, shifted(-0.2)))).toMatchObject({ decision: 'KEEP' });
  });

  test('says what it cannot tell, and does not promote it', () => {
    const unsure = decide(rowsOf(base, shifted(0.005)));
    expect(unsure.decision).not.toBe('PROMOTE');
    expect(unsure.metrics[0]).toMatchObject({ result: 'unsure', passed: false });
    expect(unsure.metrics[0]?.reason).toMatch(/the rows show neither/);
  });

  test('takes a small loss within the margin, of negative values too', () => {
    const rules = scoreRules({ margin: 0.1 });
    const up = (values: Float64Array, by: number): Float64Array => values.map((one) => one + by);
    expect(decide(rowsOf(up(base, 10), up(shifted(-0.2), 10)), rules).decision).toBe('PROMOTE');
    expect(decide(rowsOf(up(base, -10), up(shifted(-0.2), -10)), rules).decision).toBe('PROMOTE');
    expect(decide(rowsOf(up(base, -10), up(shifted(-2), -10)), rules).decision).toBe('KEEP');
  });

  test('counts lower as better where the rule says so', () => {
    const finding = decide(rowsOf(base, shifted(-0.2)), scoreRules({ direction: 'lower' }));
    expect(finding.decision).toBe('PROMOTE');
    expect(finding.metrics[0]?.interval?.[1]).toBeLessThan(0);
  });

  test('decides right and wrong by the exact test', () => {
    const bits = (right: number): number[] =>
      base.reduce<number[]>((all) => [...all, Number(all.length < right)], []);
    const finding = decide(rowsOf(bits(300), bits(312)));
    expect(finding.metrics[0]?.mcnemar).toEqual({
      gained: 12,
      lost: 0,
      twoSided: expect.closeTo(2 ** -11, 12),
    });
    expect(finding.metrics[0]?.p_value).toBeCloseTo(2 ** -12, 12);
    expect(finding.decision).toBe('PROMOTE');
  });

  test('is the same finding for rows in another order', () => {
    const rows = rowsOf(base, shifted(0.2));
    const turned = (side: RowTable): RowTable => ({
      ...side,
      columns: new Map([...side.columns].map(([name, values]) => [name, values.toReversed()])),
    });
    const text = ({ champion, challenger }: typeof rows): string => {
      const { finding, rules } = compareRows({ champion, challenger }, scoreRules());
      const pair = { modelName: 'fraud', champion: '1', challenger: '2' };
      return evidenceText(pair, rules, finding);
    };
    expect(text({ champion: turned(rows.champion), challenger: rows.challenger })).toBe(text(rows));
  });

  test('calls rows without any difference equal, not better', () => {
    expect(decide(rowsOf(base, base)).decision).toBe('PROMOTE');
    expect(decide(rowsOf(base, base), scoreRules({ must_improve: true })).decision).toBe('KEEP');
  });

  test.each([
    ['three rows', rowsOf([1, 2, 3], [2, 3, 4]), /there are 3 rows, and at least 30 are needed/],
    ['no row', rowsOf([], []), /no id in common/],
    [
      'a value that is no number',
      rowsOf(base, shifted(1).with(7, Number.NaN)),
      /1 value of v2\.csv is not a finite number \(id t7: NaN\)/,
    ],
    [
      'a column that a side lacks',
      { ...rowsOf(base, base), challenger: table('v2.csv', { id: ids(400), scor: [...base] }) },
      /v2\.csv has no column "score"\. Did you mean "scor"\?/,
    ],
  ])('cannot judge %s', (_, rows, why) => {
    const finding = decide(rows);
    expect(finding).toMatchObject({ decision: 'INVESTIGATE', confidence: 0 });
    expect(finding.metrics[0]?.reason).toMatch(why);
  });

  test.each([
    ['ids twice', { id: [...ids(399), 't0'] }, /v2\.csv has 1 id more than once: t0/],
    [
      'ids of one side',
      { id: [...ids(399), 'x'] },
      /1 id of v2\.csv is not in the other file: x\./,
    ],
    ['no id', { id: [...ids(399), null] }, /v2\.csv has 1 row without an id/],
  ])('does not decide with %s', (_, columns, why) => {
    const rows = rowsOf(base, shifted(0.2));
    const challenger = table('v2.csv', { score: [...shifted(0.2)], ...columns });
    const finding = decide({ ...rows, challenger });
    expect(finding).toMatchObject({ decision: 'INVESTIGATE', confidence: 0 });
    expect(finding.problems.join('\n')).toMatch(why);
  });

  test('compares no file with itself', () => {
    const { champion } = rowsOf(base, base);
    expect(decide({ champion, challenger: champion }).problems[0]).toMatch(/the same content/);
  });

  test('names the columns of a file without ids', () => {
    const rows = { ...rowsOf(base, base), challenger: table('v2.csv', { key: [], score: [] }) };
    expect(() => decide(rows)).toThrow(InvalidRequestError);
    expect(() => decide(rows)).toThrow(/has no column "id".*its columns are key, score/);
  });

  describe('with slices', () => {
    const markets = ids(400).map((_, index) => (index % 4 === 0 ? 'US' : 'EU'));
    const sliced = (challenger: Float64Array) => {
      const rows = rowsOf(base, challenger);
      const withMarket = (side: RowTable): RowTable => ({
        ...side,
        columns: new Map([...side.columns, ['market', markets]]),
      });
      return { champion: withMarket(rows.champion), challenger: withMarket(rows.challenger) };
    };
    const rules = (minimum: number) =>
      scoreRules({}, { slices: [{ column: 'market', minimum_rows: minimum }] });

    test('promotes what is not shown to be worse in any of them', () => {
      const finding = decide(sliced(shifted(0.2)), rules(50));
      expect(finding.decision).toBe('PROMOTE');
      expect(finding.slices.map(({ slice, rows }) => [slice?.value, rows])).toEqual([
        ['EU', 300],
        ['US', 100],
      ]);
    });

    test('keeps the champion for a slice that became worse, though the whole is better', () => {
      const mixed = shifted(0.4).map((value, index) => (index % 4 === 0 ? value - 0.8 : value));
      const finding = decide(sliced(mixed), rules(50));
      expect(finding.metrics[0]?.passed).toBe(true);
      expect(finding.decision).toBe('KEEP');
      expect(finding.slices.filter(({ passed }) => !passed).map(({ slice }) => slice)).toEqual([
        { column: 'market', value: 'US' },
      ]);
    });

    test('does not decide with a slice that has too few rows', () => {
      const finding = decide(sliced(shifted(0.2)), rules(101));
      expect(finding).toMatchObject({ decision: 'INVESTIGATE', confidence: 0 });
      expect(finding.slices[1]?.reason).toMatch(/there are 100 rows, and at least 101 are needed/);
    });

    test('names a column that no file has, and slices without rows', () => {
      const finding = decide(rowsOf(base, shifted(0.2)), rules(50));
      expect(finding.problems).toEqual(['Neither file has the column "market" of the slices.']);
      const values = [evaluation('1', { score: 1 }), evaluation('2', { score: 2 })] as const;
      expect(compareValues(...values, rules(50)).finding.problems[0]).toMatch(/need rows/);
    });
  });
});

describe('the rate of wrong promotions', () => {
  const runs = 400;
  const rowsMax = 120;
  /** Two models of the same worth; of skewed values, as profits are. */
  const equalModels = (run: number, names: readonly string[]) => {
    const columns = (offset: number): Record<string, readonly unknown[]> =>
      Object.fromEntries([
        ['id', ids(rowsMax)],
        ...names.map((name, index) => {
          const values = noise(rowsMax, 1 + run * 64 + 2 * index + offset * 32);
          return [name, [...values].map((value) => Math.exp(value / 2))] as const;
        }),
      ]);
    return { champion: table('v1', columns(0)), challenger: table('v2', columns(1)) };
  };
  const promotions = (names: readonly string[]): number => {
    const rule = { direction: 'higher', must_improve: true };
    const metrics = Object.fromEntries(names.map((name) => [name, rule]));
    const rules = parseRules({ metrics }, 'compare.json');
    let promoted = 0;
    for (let run = 0; run < runs; run += 1) {
      const { finding } = compareRows(equalModels(run, names), rules, {
        resamples: 500,
        seed: run,
      });
      promoted += Number(finding.decision === 'PROMOTE');
    }
    return promoted / runs;
  };

  // Three standard errors of 400 runs at 0.05 are 0.033.
  test('is the level of significance for one metric', () => {
    const rate = promotions(['score']);
    expect(rate).toBeGreaterThan(0.017);
    expect(rate).toBeLessThan(0.083);
  });

  test('is far below it where several metrics must all be better', () => {
    expect(promotions(['score', 'gain', 'yield'])).toBeLessThan(0.02);
  });
});
