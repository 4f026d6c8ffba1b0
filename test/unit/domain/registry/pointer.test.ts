import { describe, expect, test } from 'vitest';
import {
  type ModelPointer,
  parsePointer,
  pointerFor,
  pointerText,
  stagePointer,
} from '../../../../src/domain/registry/pointer.ts';

const alias = (name: string): ModelPointer => ({ kind: 'alias', alias: name });

describe('parsePointer', () => {
  test.each(['stage:Production', 'alias:champion', 'alias:Champion', 'alias:a_b-1', 'alias:vvv3'])(
    'reads %s, and writes it as it was',
    (text) => expect(pointerText(parsePointer(text, 'pointer'))).toBe(text),
  );

  test.each([
    ['champion', 'pointer must be'],
    ['stage:Staging', 'pointer must be'],
    ['Alias:champion', 'pointer must be'],
    ['alias:', 'letters, digits'],
    ['alias:a b', 'letters, digits'],
    ['alias:a.b', 'letters, digits'],
    ['alias:模型', 'letters, digits'],
    ['alias:a\n', 'letters, digits'],
    [`alias:${'a'.repeat(256)}`, '255'],
    ['alias:latest', 'can be read and never moved'],
    ['alias:LATEST', 'can be read and never moved'],
    ['alias:v3', 'version numbers'],
    ['alias:V10', 'version numbers'],
    [7, 'not a number'],
    [{ alias: 'champion' }, 'not an object'],
  ])('refuses %j: %s', (value, why) => {
    expect(() => parsePointer(value, 'pointer')).toThrow(why);
  });
});

describe('pointerFor', () => {
  const settings = {
    default: stagePointer,
    byModel: new Map([
      ['churn', alias('exact')],
      ['churn-*', alias('prefix')],
      ['churn-eu-*', alias('longer')],
      ['constructor', alias('own')],
    ]),
  };

  test.each([
    ['churn', 'alias:exact'],
    ['churn-us', 'alias:prefix'],
    ['churn-eu-1', 'alias:longer'],
    ['Churn-us', 'stage:Production'],
    ['constructor', 'alias:own'],
    ['toString', 'stage:Production'],
  ])('gives %s the pointer %s', (model, expected) => {
    expect(pointerText(pointerFor(settings, model))).toBe(expected);
  });
});
