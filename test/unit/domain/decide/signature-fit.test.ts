import { describe, expect, test } from 'vitest';
import { signatureFit } from '../../../../src/domain/decide/signature-fit.ts';
import type { SignatureField } from '../../../../src/domain/registry/version-details.ts';

const field = (name: string | null, type = 'long', isRequired = true): SignatureField => ({
  name,
  type,
  isRequired,
});
const tensor = (dtype: string, shape: readonly number[]): string =>
  JSON.stringify({ type: 'tensor', 'tensor-spec': { dtype, shape } });
const fitOf = (
  live: readonly SignatureField[] | null,
  target: readonly SignatureField[] | null,
): ReturnType<typeof signatureFit> =>
  signatureFit(
    { version: '3', signature: live && { inputs: live, outputs: null } },
    target && { inputs: target, outputs: null },
  );
const fits = { misfits: [], unsure: [] };

describe('signatureFit', () => {
  const age = field('age');
  test.each([
    ['the same inputs', [age], [age]],
    ['inputs that the target drops', [age, field('sex', 'string')], [age]],
    ['another order', [age, field('sex')], [field('sex'), age]],
    ['an optional input that is not sent', [age], [age, field('sex', 'string', false)]],
    ['what was required and is optional', [age], [field('age', 'long', false)]],
    [
      'a wider number',
      [field('a', 'integer'), field('b', 'float')],
      [field('a'), field('b', 'double')],
    ],
    ['no declaration of the live version', null, [age]],
    ['no declaration of the target', [age], null],
    ['no inputs', [age], []],
    [
      'the same tensor',
      [field(null, tensor('float32', [-1, 10]))],
      [field(null, tensor('float32', [-1, 10]))],
    ],
    [
      'a fixed batch',
      [field(null, tensor('float32', [1, 10]))],
      [field(null, tensor('float32', [-1, 10]))],
    ],
  ])('takes %s', (_, live, target) => {
    expect(fitOf(live, target)).toEqual(fits);
  });

  test.each([
    [
      'an input that is not sent',
      [age],
      [age, field('sex', 'string')],
      'it needs the input "sex", which version 3 does not take',
    ],
    [
      'an input that may not be sent',
      [field('age', 'long', false)],
      [age],
      'it needs the input "age", which is optional for version 3',
    ],
    [
      'another type',
      [field('age', 'string')],
      [age],
      'the input "age" is long, and string for version 3',
    ],
    [
      'a narrower number',
      [age],
      [field('age', 'integer')],
      'the input "age" is integer, and long for version 3',
    ],
    [
      'an optional input of another type',
      [field('age', 'string')],
      [field('age', 'long', false)],
      'the input "age" is long, and string for version 3',
    ],
    [
      'another type of tensor',
      [field(null, tensor('float64', [-1, 10]))],
      [field(null, tensor('float32', [-1, 10]))],
      /^its input is .*float32.*, and .*float64.* for version 3$/,
    ],
    [
      'another shape',
      [field(null, tensor('float32', [-1, 10]))],
      [field(null, tensor('float32', [-1, 12]))],
      /-1,12/,
    ],
    [
      'more columns without names',
      [field(null)],
      [field(null), field(null)],
      'it needs 2 inputs, and version 3 takes 1',
    ],
  ])('does not take %s', (_, live, target, text) => {
    const { misfits, unsure } = fitOf(live, target);
    expect(misfits).toEqual([typeof text === 'string' ? text : expect.stringMatching(text)]);
    expect(unsure).toEqual([]);
  });

  test('is not sure about objects that differ', () => {
    const object = (name: string): string =>
      JSON.stringify({ type: 'object', properties: { [name]: { type: 'string' } } });
    const { misfits, unsure } = fitOf([field('a', object('x'))], [field('a', object('y'))]);
    expect(misfits).toEqual([]);
    expect(unsure).toHaveLength(1);
  });

  test('names three inputs, and counts the rest', () => {
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => field(name));
    const { misfits } = fitOf([], many);
    expect(misfits).toHaveLength(4);
    expect(misfits.at(-1)).toBe('and 2 more inputs differ');
  });

  test('throws for no type that it cannot read', () => {
    for (const type of ['{', '{}', '{"type":"tensor"}', 'null', '']) {
      expect(() => fitOf([field('a', type)], [field('a', tensor('float32', [1]))])).not.toThrow();
    }
  });
});
