import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** docs/reference/stories.md and the tests that it names: neither is there without the other. */

interface Row {
  readonly cells: readonly string[];
  readonly file: string;
  readonly name: string;
}

const rows: readonly Row[] = readFileSync('docs/reference/stories.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|(---| story \|)/.test(line))
  .map((line) => {
    const cells = line.split('|').slice(1, -1);
    const [, file = '', name = ''] = /^ `(test\/\S+\.test\.ts)`: (.+) $/.exec(cells[3] ?? '') ?? [];
    return { cells: cells.map((cell) => cell.trim()), file, name };
  });
const namesIn = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/\btest\(\s*'([^']+)'/g)].map(([, name = '']) => name);

describe('stories.md', () => {
  test('has a story, a source, an answer and a test in each row', () => {
    expect(rows.length).toBeGreaterThan(50);
    const incomplete = rows.filter(
      ({ cells, file, name }) => cells.length !== 4 || cells.includes('') || !file || !name,
    );
    expect(incomplete).toEqual([]);
  });

  test('names only tests that exist', () => {
    const missing = rows.filter(
      ({ file, name }) => !existsSync(file) || !namesIn(file).includes(name),
    );
    expect(missing.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });

  test('lists every test of test/stories', () => {
    const files = readdirSync('test/stories').filter((file) => file.endsWith('.test.ts'));
    const written = files.flatMap((file) =>
      namesIn(join('test/stories', file)).map((name) => `test/stories/${file}: ${name}`),
    );
    expect(written.length).toBeGreaterThan(40);
    const listed = rows.map(({ file, name }) => `${file}: ${name}`);
    expect(written.filter((one) => !listed.includes(one))).toEqual([]);
  });
});
