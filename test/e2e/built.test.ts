import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BUILT_FILES, buildProblem } from './built.ts';

describe('buildProblem', () => {
  let root = '';

  function put(name: string, atSeconds: number): void {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
    utimesSync(file, atSeconds, atSeconds);
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'model-rollback-built-'));
    put('src/domain/old.ts', 1_000);
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  test('is null when all built files are newer than the source', () => {
    for (const name of BUILT_FILES) put(name, 2_000);
    expect(buildProblem(root)).toBeNull();
  });

  test.each(BUILT_FILES)('names %s when it is missing', (missing) => {
    for (const name of BUILT_FILES.filter((name) => name !== missing)) put(name, 2_000);
    expect(buildProblem(root)).toMatch(`${missing} is missing. `);
  });

  test.each(BUILT_FILES)('names the source file that is newer than %s', (stale) => {
    for (const name of BUILT_FILES) put(name, name === stale ? 2_000 : 4_000);
    put('src/cli/new.ts', 3_000);
    expect(buildProblem(root)).toMatch(/such as src\/cli\/new\.ts\..*npm run build/);
  });
});
