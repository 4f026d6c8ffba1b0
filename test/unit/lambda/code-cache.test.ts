/** The code cache beside the script of the function: used when it fits, and never in the way. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { embedded, loadScript } from '../../../src/lambda/code-cache.ts';

interface Sample {
  answer(): string;
  fail(): never;
  readonly separator: string;
}

const script = (answer: string): string => `(function (require, module) {
  module.exports = {
    answer() { return '${answer}'; },
    fail() { throw new Error('on line 4'); },
    separator: require('node:path').sep,
  };
})`;

let folder: string;
const cacheFile = (): string => join(folder, 'function.cache');
const load = (): ReturnType<typeof loadScript<Sample>> =>
  loadScript<Sample>(join(folder, 'index.mjs'));
const writeScript = (answer: string): void =>
  writeFileSync(join(folder, 'index.mjs'), `loader();\n${embedded(script(answer))}`);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'model-rollback-cache-'));
  writeScript('one');
  const first = load();
  first.exports.answer();
  first.writeCache();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('loadScript', () => {
  test('uses the cache that was written for the script', () => {
    const { exports, isCacheUsed } = load();
    expect(isCacheUsed).toBe(true);
    expect([exports.answer(), exports.separator]).toEqual(['one', '/']);
  });

  test('leaves the script its own lines in a stack trace', () => {
    expect(load().isCacheUsed).toBe(true);
    expect(load().exports.fail).toThrow(
      expect.objectContaining({ stack: expect.stringContaining(`${folder}/index.mjs:7:`) }),
    );
  });

  test('brings back what would end a comment, and names a file that was cut off', () => {
    const file = join(folder, 'index.mjs');
    const ends = `(function (require, module) {
      module.exports = { answer: () => 'a*/c'.replace(/a*\\/c/, 'd') };
    })`;
    writeFileSync(file, embedded(ends));
    expect(load().exports.answer()).toBe('a*d');
    writeFileSync(file, embedded(ends).slice(0, -2));
    expect(load).toThrow(/is not whole/);
    expect(() => embedded('*~/')).toThrow(/cannot stand/);
    expect(() => embedded('é')).toThrow(/cannot stand/);
  });

  const spoiled: readonly (readonly [name: string, spoil: () => void])[] = [
    ['is missing', () => rmSync(cacheFile())],
    ['is empty', () => writeFileSync(cacheFile(), '')],
    ['is cut off', () => writeFileSync(cacheFile(), readFileSync(cacheFile()).subarray(0, -1))],
    ['differs in a single byte', flipByte],
    [
      'is of another version of V8',
      () => writeFileSync(cacheFile(), sealed(data(), { v8: '1.2.3' })),
    ],
    [
      'is for another kind of processor',
      () => writeFileSync(cacheFile(), sealed(data(), { arch: 'x' })),
    ],
  ];
  test.each(spoiled)('compiles the script when the cache %s', (_, spoil) => {
    spoil();
    const { exports, isCacheUsed } = load();
    expect([exports.answer(), isCacheUsed]).toEqual(['one', false]);
  });

  test('compiles the script when V8 rejects the cache', () => {
    // Of this source V8 has compiled nothing in this process yet.
    writeScript('new');
    writeFileSync(cacheFile(), sealed(Buffer.from('no cache of V8'), { answer: 'new' }));
    const { exports, isCacheUsed } = load();
    expect([exports.answer(), isCacheUsed]).toEqual(['new', false]);
  });

  test('never takes the code of another script, also of one of the same length', () => {
    writeScript('two');
    const { exports, isCacheUsed } = load();
    expect([exports.answer(), isCacheUsed]).toEqual(['two', false]);
  });

  test('would use a cache that this test has sealed itself', () => {
    writeFileSync(cacheFile(), sealed(data()));
    expect(load().isCacheUsed).toBe(true);
  });
});

// ---------------------------------------------------------------------------------------------------

function data(): Buffer {
  const cache = readFileSync(cacheFile());
  return cache.subarray(cache.indexOf('\n') + 1 + 32);
}

function flipByte(): void {
  const bytes = readFileSync(cacheFile());
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(cacheFile(), bytes);
}

/** As the build writes a cache, with the digest that goes with it. */
function sealed(
  content: Buffer,
  { answer = 'one', v8 = process.versions.v8, arch = process.arch as string } = {},
): Buffer {
  const digest = createHash('sha256').update(script(answer)).update(content).digest();
  return Buffer.concat([Buffer.from(`${v8} ${process.platform} ${arch}\n`), digest, content]);
}
