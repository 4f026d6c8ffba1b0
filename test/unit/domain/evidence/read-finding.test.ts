import { describe, expect, test } from 'vitest';
import { compareRows } from '../../../../src/domain/evidence/compare.ts';
import { evidenceText } from '../../../../src/domain/evidence/finding.ts';
import { parseRules } from '../../../../src/domain/evidence/parse-rules.ts';
import { readFinding } from '../../../../src/domain/evidence/read-finding.ts';
import type { RowTable } from '../../../../src/domain/evidence/rows.ts';

const rules = parseRules(
  {
    metrics: {
      score: { direction: 'higher', margin: 0.1 },
      loss: { direction: 'lower', margin: 0.5, critical: false },
      hits: { direction: 'higher', must_improve: true },
      absent: { direction: 'higher', observe_only: true },
    },
    slices: [{ column: 'market', minimum_rows: 20 }],
    significance: 0.025,
  },
  'rules',
);

const table = (name: string, gain: number): RowTable => {
  const ids = Array.from({ length: 40 }, (_, index) => index);
  return {
    name,
    sha256: name,
    columns: new Map<string, readonly unknown[]>([
      ['id', ids],
      ['market', ids.map((id) => (id % 2 === 0 ? 'A' : 'B'))],
      ['score', ids.map((id) => 10 + (id % 7) + gain)],
      ['loss', ids.map((id) => -4 + (id % 3) - gain)],
      ['hits', ids.map((id) => Number(id % 5 > 0))],
    ]),
  };
};

const stored = (): string => {
  const rows = { champion: table('one', 0), challenger: table('two', 0.5) };
  const { finding, rules: used } = compareRows(rows, rules);
  return evidenceText({ modelName: 'm', champion: '1', challenger: '2' }, used, finding);
};

describe('readFinding', () => {
  test('gives each metric with the limit of its rule', () => {
    const finding = readFinding({ text: stored() });
    expect(finding?.level).toBeCloseTo(0.95);
    const [score, loss, hits, absent] = finding?.metrics ?? [];
    expect(score).toMatchObject({ name: 'score', result: 'passed', isCritical: true, slice: null });
    expect(score?.limit?.change).toBeCloseTo(-0.1 * (score?.champion ?? 0));
    expect(score?.limit).toMatchObject({ worse: 'below', isEnough: true });
    // Of a negative champion the margin is a share of its absolute value.
    expect(loss?.limit?.change).toBeCloseTo(0.5 * Math.abs(loss?.champion ?? 0));
    expect(loss).toMatchObject({ isCritical: false, limit: { worse: 'above', isEnough: true } });
    expect(hits?.limit).toEqual({ change: 0, worse: 'below', isEnough: false });
    expect(absent).toMatchObject({ change: null, isObserved: true, limit: null });
    const slice = finding?.slices.find(({ name }) => name === 'hits');
    expect(slice).toMatchObject({
      slice: { column: 'market', value: 'A' },
      limit: { isEnough: true },
    });
  });

  test.each([
    '',
    'no JSON',
    '{}',
    '{"metrics":[]}',
    '[]',
    '{"rules":{"metrics":{}},"metrics":[{}]}',
  ])('is null for %j', (text) => {
    expect(readFinding({ text })).toBe(null);
  });

  test.each(['constructor', 'toString', '__proto__'])(
    'finds the rule of a metric named %s',
    (name) => {
      const text = stored().replaceAll('"score"', JSON.stringify(name));
      const [metric] = readFinding({ text })?.metrics ?? [];
      expect(metric?.name).toBe(name);
      expect(metric?.limit?.change).toBeCloseTo(-0.1 * (metric?.champion ?? 0));
      // One that has no rule has no limit.
      const bare = text.replace(`${JSON.stringify(name)}:{`, '"other":{');
      const [alone] = readFinding({ text: bare })?.metrics ?? [];
      expect([alone?.name, alone?.limit]).toEqual([name, null]);
    },
  );

  test('passes over fields of a later release', () => {
    const later = JSON.stringify({ ...JSON.parse(stored()), schema: 9, more: { x: 1 } });
    expect(readFinding({ text: later })?.metrics).toHaveLength(4);
  });
});
