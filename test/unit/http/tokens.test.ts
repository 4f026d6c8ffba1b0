import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../../src/domain/errors.ts';
import { findToken, parseTokens } from '../../../src/http/tokens.ts';

const token = 'abcdefgh12345678';

describe('parseTokens', () => {
  test('reads roles, tokens and names, and skips comments', () => {
    const text = `# who\n\n operator ${token} the pipeline  # ci\nviewer ${token}2\r\n`;
    expect(parseTokens(text, 'f')).toMatchObject([
      { role: 'operator', name: 'the pipeline' },
      { role: 'viewer', name: null },
    ]);
  });

  test.each([
    ['', /holds no token/],
    ['# nothing\n', /holds no token/],
    [`admin ${token}`, /f, line 1: .*ROLE is viewer or operator/],
    [`\n${token}`, /f, line 2: /],
    ['operator short', /at least 16 characters/],
    [`operator ${token.slice(1)}ü`, /ASCII/],
    [`operator ${token}\nviewer ${token}`, /a token twice/],
  ])('refuses %j without showing a token', (text, why) => {
    const parse = (): unknown => parseTokens(text, 'f');
    expect(parse).toThrow(ConfigurationError);
    expect(parse).toThrow(why);
    try {
      parse();
    } catch (error) {
      expect(String(error)).not.toContain(token);
    }
  });
});

describe('findToken', () => {
  test('finds exactly the token that was sent', () => {
    const tokens = parseTokens(`operator ${token} a\nviewer ${token}2 b`, 'f');
    expect(findToken(tokens, `${token}2`)?.name).toBe('b');
    for (const other of ['', token.slice(1), `${token}3`, token.toUpperCase()]) {
      expect(findToken(tokens, other)).toBeNull();
    }
  });
});
