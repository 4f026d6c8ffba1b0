import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { InvalidRequestError } from '../../../../src/domain/errors.ts';
import { parseRules, ruleFields, rulesFile } from '../../../../src/domain/evidence/parse-rules.ts';
import { tradingRules } from '../../../../src/domain/evidence/rules.ts';

const parse = (value: unknown) => parseRules(value, 'compare.json');
const metrics = { auc: { direction: 'higher' } };
const read = (name: string): unknown =>
  JSON.parse(readFileSync(`docs/reference/${name}`, 'utf8')) as unknown;

describe('parseRules', () => {
  test('reads the shipped example as the default rules', () => {
    expect(parse(read('compare.json'))).toEqual(tradingRules);
  });

  test('reads what it writes', () => {
    const rules = parse({
      metrics: { auc: { direction: 'lower', margin: 0.02, floor: 0.7, weight: 'low' } },
      slices: [{ column: 'market', minimum_rows: 50 }],
      same_data: false,
    });
    expect(parse(rulesFile(rules))).toEqual(rules);
    expect(parse(rulesFile(tradingRules))).toEqual(tradingRules);
  });

  test.each([
    [[], /^compare\.json must be a JSON object; it is \[\]\.$/],
    [{}, /metrics must have between 1 and 32 rules/],
    [{ metrics, slice: [] }, /unknown field "slice"\. Did you mean "slices"\?/],
    [{ metrics, colour: 1 }, /unknown field "colour"\. Known are \$schema, metrics/],
    [
      { metrics: { auc: { direction: 'higher', marign: 0.1 } } },
      /^compare\.json: metrics\.auc has the unknown field "marign"\. Did you mean "margin"\?$/,
    ],
    [
      { metrics: { auc: {} } },
      /metrics\.auc\.direction must be "higher" or "lower"; it is missing/,
    ],
    [{ metrics: { auc: { direction: 'up' } } }, /must be "higher" or "lower"; it is "up"/],
    [{ metrics: { auc: { direction: 'higher', margin: -1 } } }, /margin must be a number from 0/],
    [{ metrics: { auc: { direction: 'higher', critical: 'yes' } } }, /critical must be true or/],
    [
      { metrics: { auc: { direction: 'higher', margin: 0.1, must_improve: true } } },
      /both must_improve and a margin/,
    ],
    [{ metrics, minimum_rows: 1.5 }, /compare\.json: minimum_rows must be a whole number from 2/],
    [{ metrics, significance: 0.5 }, /significance must be a number above 0 and below 0\.5/],
    [{ metrics, slices: {} }, /compare\.json: slices must be a list/],
    [{ metrics, slices: [{ minimum_rows: 9 }] }, /slices\[0\]\.column must be a text/],
    [{ metrics, slices: new Array(9).fill({ column: 'a' }) }, /at most 8 slices/],
  ])('refuses %j', (value, why) => {
    expect(() => parse(value)).toThrow(InvalidRequestError);
    expect(() => parse(value)).toThrow(why);
  });

  test('knows the fields that the published schema has', () => {
    interface Schema {
      readonly properties: Readonly<Record<string, Schema>>;
      readonly additionalProperties: Schema;
      readonly items: Schema;
    }
    const schema = read('compare.schema.json') as Schema;
    const names = (of: Schema | undefined): string[] =>
      Object.keys(of?.properties ?? {}).toSorted();
    expect(names(schema)).toEqual(ruleFields.top.toSorted());
    expect(names(schema.properties['metrics']?.additionalProperties)).toEqual(
      ruleFields.metric.toSorted(),
    );
    expect(names(schema.properties['slices']?.items)).toEqual(ruleFields.slice.toSorted());
  });
});
