/** What `npm run prove` breaks is still there: it takes long, and runs seldom. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutations } from '../tools/prove.ts';

test('every mutation changes one place of a file, and names a suite', () => {
  const wrong = mutations.filter(({ file, from, to, suite }) => {
    const places = readFileSync(file, 'utf8').split(from).length - 1;
    return places !== 1 || from === to || !existsSync(suite);
  });
  expect(wrong).toEqual([]);
});
