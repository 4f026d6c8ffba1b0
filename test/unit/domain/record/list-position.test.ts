import { describe, expect, test } from 'vitest';
import { InvalidRequestError } from '../../../../src/domain/errors.ts';
import {
  comparePositions,
  parsePosition,
  positionText,
} from '../../../../src/domain/record/list-position.ts';

const atMs = Date.UTC(2026, 0, 31, 12);

describe('parsePosition', () => {
  test('reads what positionText made, whatever the id holds', () => {
    for (const id of ['fraud/1', 'a#b/c', 'a b/é', '']) {
      expect(parsePosition(positionText({ atMs, id }), '--before')).toEqual({ atMs, id });
    }
  });

  test.each([
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['2026-01-31T12:00:00Z', atMs],
    ['2026-01-31T13:00:00+01:00', atMs],
  ])('reads the time %s', (text, expected) => {
    expect(parsePosition(text, '--before')).toEqual({ atMs: expected, id: '' });
  });

  test.each(['', 'yesterday', '12', '2026', '2026-13-01', '1969-01-01', '#fraud/1'])(
    'refuses %o, and says what it takes',
    (text) => {
      const read = (): unknown => parsePosition(text, '--before');
      expect(read).toThrow(InvalidRequestError);
      expect(read).toThrow(/--before.*2026-01-31T12:00:00Z/);
    },
  );
});

describe('comparePositions', () => {
  test('puts the newest first, then the greater id; an empty id stands behind its millisecond', () => {
    const places = [
      { atMs, id: '' },
      { atMs: atMs + 1, id: 'a' },
      { atMs, id: 'b' },
      { atMs, id: 'a' },
    ];
    expect(places.toSorted(comparePositions).map(positionText)).toEqual([
      '2026-01-31T12:00:00.001Z#a',
      '2026-01-31T12:00:00.000Z#b',
      '2026-01-31T12:00:00.000Z#a',
      '2026-01-31T12:00:00.000Z#',
    ]);
  });
});
