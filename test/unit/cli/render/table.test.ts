import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { styleFor } from '../../../../src/cli/render/style.ts';
import { leastWidth, table, wrap } from '../../../../src/cli/render/table.ts';
import { cutMiddle, widthOf } from '../../../../src/cli/render/text-width.ts';

describe('widthOf', () => {
  test.each([
    ['plain', 5],
    ['株価', 4],
    ['ｆｕｌｌ', 8],
    ['한국', 4],
    ['e\u0301a\u0308', 2],
    ['👍', 2],
    ['👍🏽', 2],
    ['🇩🇪', 2],
    ['⌚✅', 4],
    ['→…–', 3],
    ['\u1100\u1161\u11a8', 2],
  ])('%s takes %i columns', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });
});

describe('cutMiddle', () => {
  test.each([
    ['short', 8, 'short'],
    ['a-very-long-name', 9, 'a-ve…name'],
    ['a-very-long-name', 1, '…'],
    ['株価予測モデル', 7, '株…デル'],
  ])('%s in %i', (text, width, cut) => {
    expect(cutMiddle(text, width)).toBe(cut);
  });

  test('never takes more than it may, and leaves no mark alone', () => {
    const unit = fc.constantFrom('a', '株', '\u0301', '👍', '🏽');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 30 }),
        fc.integer({ min: 1, max: 20 }),
        (text, width) => {
          const cut = cutMiddle(text, width);
          expect(widthOf(cut)).toBeLessThanOrEqual(Math.max(width, 0));
          expect(cut).not.toMatch(/…[\u0301🏽]/u);
        },
      ),
    );
  });
});

describe('table', () => {
  test('aligns columns by what is shown', () => {
    expect(
      table([
        ['株価', 'b'],
        ['e\u0301', 'c'],
        ['long-name', 'd'],
      ]),
    ).toBe('株価       b\ne\u0301          c\nlong-name  d');
    const { bad } = styleFor(true);
    expect(
      table([
        [bad('no'), 'b'],
        ['long', 'c'],
      ]),
    ).toBe(`${bad('no')}    b\nlong  c`);
  });

  test('cuts the widest of the flexible columns, and fits', () => {
    const rows = [['a'.repeat(30), 'b'.repeat(20), 'c'.repeat(10)]];
    expect(table(rows, { columns: 50, flexible: [0, 1] })).toBe(
      `${cutMiddle('a'.repeat(30), 18)}  ${cutMiddle('b'.repeat(20), 18)}  ${'c'.repeat(10)}`,
    );
    expect(table(rows, { columns: null, flexible: [0] })).toContain('a'.repeat(30));
  });

  test('fits whenever the columns that are not cut do', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '株', ' '), maxLength: 40 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const flexible = [0, 2];
        const columns = Math.max(60, leastWidth(rows, flexible));
        for (const line of table(rows, { columns, flexible }).split('\n')) {
          expect(widthOf(line)).toBeLessThanOrEqual(columns);
        }
      }),
    );
  });
});

describe('wrap', () => {
  test('breaks between words only', () => {
    expect(wrap('one two three four', 9)).toBe('one two\nthree\nfour');
    expect(wrap('one two', null, '  ')).toBe('  one two');
    expect(wrap('', 9)).toBe('');
  });

  test('keeps a command whole, so that it can be copied', () => {
    expect(wrap('To resume, run `model-rollback resume m`.', 12)).toBe(
      'To resume,\nrun\n`model-rollback resume m`.',
    );
    expect(wrap('an odd ` mark', 5)).toBe('an\nodd `\nmark');
  });
});
