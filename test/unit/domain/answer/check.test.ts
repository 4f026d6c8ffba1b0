import { describe, expect, test } from 'vitest';
import {
  failed,
  ok,
  problem,
  Verdict,
  warning,
  worstOf,
} from '../../../../src/domain/answer/check.ts';

describe('worstOf', () => {
  test.each([
    [[], Verdict.OK],
    [[ok('a', 'a')], Verdict.OK],
    [[ok('a', 'a'), warning('b', 'b', 'b')], Verdict.WARNING],
    [[problem('c', 'c', 'c'), warning('b', 'b', 'b'), ok('a', 'a')], Verdict.PROBLEM],
  ])('of %j is %s', (checks, verdict) => {
    expect(worstOf(checks)).toBe(verdict);
  });
});

describe('failed', () => {
  test.each([
    [
      'The registry answered 401 to x: no. See https://mlflow.org. Check A and B (or C).',
      'The registry answered 401 to x: no. See https://mlflow.org.',
      'Check A and B (or C).',
    ],
    [
      'X is not set. Set it to y, such as z. It is easy.',
      'X is not set.',
      'Set it to y, such as z. It is easy.',
    ],
    [
      'The table is missing. To create it, run `b`; or set its name.',
      'The table is missing.',
      'To create it, run `b`; or set its name.',
    ],
    [
      'The variable A is unknown: did you mean B?',
      'The variable A is unknown: did you mean B?',
      null,
    ],
    ['Check this.', 'Check this.', null],
  ])('takes the fix out of %s', (text, message, fix) => {
    const check = failed('state', new Error(text));
    expect(check).toMatchObject({ name: 'state', verdict: Verdict.PROBLEM, message });
    expect(check.fix).toBe(fix ?? 'The message says what is wrong. See docs/reference/errors.md.');
  });
});
