import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeText, showJson } from '../../../src/domain/escape.ts';

describe('escapeText', () => {
  test.each([
    ['C0', '\u0000\u001b[2J\r\n\t', '\\u0000\\u001b[2J\\u000d\\u000a\\u0009'],
    ['DEL and C1', '\u007f\u0085\u009b31m', '\\u007f\\u0085\\u009b31m'],
    ['marks of direction', '\u061c\u200e\u200f', '\\u061c\\u200e\\u200f'],
    [
      'embeddings and overrides',
      '\u202a\u202b\u202c\u202d\u202e',
      '\\u202a\\u202b\\u202c\\u202d\\u202e',
    ],
    ['isolates', '\u2066\u2067\u2068\u2069', '\\u2066\\u2067\\u2068\\u2069'],
    ['ends of lines and paragraphs', '\u2028\u2029', '\\u2028\\u2029'],
    [
      'zero width',
      '\u200b\u200c\u200d\u2060\ufeff\u00ad',
      '\\u200b\\u200c\\u200d\\u2060\\ufeff\\u00ad',
    ],
    ['tags', 'a\u{e0001}\u{e0061}\u{e007f}', 'a\\udb40\\udc01\\udb40\\udc61\\udb40\\udc7f'],
    ['variants and fillers', '\ufe0f\u{e0100}\u3164\u115f', '\\ufe0f\\udb40\\udd00\\u3164\\u115f'],
    ['lone halves', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
  ])('escapes %s', (_kind, text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  test('leaves alone what is seen', () => {
    for (const text of ['', 'churn-scorer (v2) "x" \\ `y`', '株価予測 café é 👍 مرحبا שלום']) {
      expect(escapeText(text)).toBe(text);
    }
  });

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = escapeText(text);
        expect(escapeText(once)).toBe(once);
        expect(once).not.toMatch(
          /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u,
        );
      }),
    );
  });
});

describe('showJson', () => {
  test('is the same value, and shows nothing that is not seen', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const whole = { [text]: [value, text] };
        const shown = showJson(whole);
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(whole)));
        for (const line of shown.split('\n')) expect(escapeText(line)).toBe(line);
      }),
    );
  });
});
