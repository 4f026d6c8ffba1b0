/**
 * The release before this one, from its commit: it works on one table with this one in the tests of
 * upgrades, and stands for it in benchmarks. Made once, in the git-ignored folder `.engines/`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const COMMIT = 'b8ab324';
const FOLDER = join(ROOT, '.engines', `release-0.1.0-${COMMIT}`);
const STEP_TIMEOUT_MS = 120_000;

/** Why it cannot be made here; null when it can: a shallow clone has no history to make it from. */
export function lastReleaseProblem(): string | null {
  if (existsSync(FOLDER)) return null;
  try {
    execFileSync('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return null;
  } catch {
    return `release 0.1.0 (commit ${COMMIT}) is not in this clone; run: git fetch --unshallow`;
  }
}

/** The folder with its source and what it built: `src/`, `dist/lambda/index.mjs`, `dist/cli/main.js`. */
export function lastReleaseFolder(): string {
  if (existsSync(FOLDER)) return FOLDER;
  mkdirSync(join(ROOT, '.engines'), { recursive: true });
  const making = mkdtempSync(`${FOLDER}.new-`);
  try {
    const archive = execFileSync('git', ['archive', '--format=tar', COMMIT], {
      cwd: ROOT,
      maxBuffer: 100_000_000,
    });
    execFileSync('tar', ['-x', '-C', making], { input: archive });
    const bin = join(ROOT, 'node_modules', '.bin');
    execFileSync(process.execPath, ['tools/build.mjs'], {
      cwd: making,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: STEP_TIMEOUT_MS,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
    });
    renameSync(making, FOLDER);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    // Another process made it at this moment.
    if (!existsSync(FOLDER)) throw error;
  }
  return FOLDER;
}
