/** Where the built function and the built command are, and whether they are what `src/` says now. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { functionFiles } from '../../src/config/function-files.ts';
import type { ZipFile } from '../../tools/zip.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What `npm run build` makes, relative to the project's folder. */
export const BUILT_FILES = [
  'dist/lambda/index.mjs',
  'dist/promote/index.mjs',
  'dist/http/index.mjs',
  'dist/cli/main.js',
] as const;

/** Of this process: a suite that starts a hundred processes need not walk through `src/` for each. */
let isUpToDate = false;

/** The path of a built file; throws, with what to do, when it is missing or older than the source. */
export function builtFile(name: (typeof BUILT_FILES)[number]): string {
  const problem = isUpToDate ? null : buildProblem(ROOT);
  if (problem !== null) {
    throw new Error(problem);
  }
  isUpToDate = true;
  return join(ROOT, name);
}

/** The built function, as it is deployed. */
export function builtFunction(): ZipFile[] {
  const folder = dirname(builtFile('dist/lambda/index.mjs'));
  return functionFiles.map((name) => ({ name, content: readFileSync(join(folder, name)) }));
}

/** What is wrong with the build of a project folder, and what to do; null when it is up to date. */
export function buildProblem(root: string): string | null {
  const fix = 'The tests of test/e2e run what was built: run "npm run build" first.';
  const missing = BUILT_FILES.filter((name) => !existsSync(join(root, name)));
  if (missing.length > 0) {
    return `${missing.join(' and ')} is missing. ${fix}`;
  }
  const builtAtMs = Math.min(...BUILT_FILES.map((name) => modifiedAtMs(join(root, name))));
  const newer = filesIn(join(root, 'src')).filter((file) => modifiedAtMs(file) > builtAtMs);
  const [first] = newer;
  if (first === undefined) {
    return null;
  }
  return `dist/ is older than ${newer.length} file(s) of src/, such as ${relative(root, first)}. ${fix}`;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function modifiedAtMs(file: string): number {
  return statSync(file).mtimeMs;
}
