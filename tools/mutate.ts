import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `npm run mutate`: Stryker on `src/domain/`, in a temporary copy with its own packages (it brings 200,
 * and wants a TypeScript with the old compiler API, so it is no dependency of ours). Prints the survivors.
 * Name the files: `npm run mutate -- src/domain/decide/guard.ts src/domain/decide/verify.ts` takes half a minute; the whole
 * folder takes long, since mutants of its property tests run into their time limits.
 */
const packages = ['@stryker-mutator/core@10.1.1', '@stryker-mutator/vitest-runner@10.1.1'];
const files = process.argv.slice(2);

const settings = {
  testRunner: 'vitest',
  mutate:
    files.length > 0
      ? files
      : ['src/domain/**/*.ts', '!src/domain/limits.ts', '!src/domain/record/stored-item.ts'],
  // Texts for people are not worth a test each.
  mutator: { excludedMutations: ['StringLiteral'] },
  coverageAnalysis: 'perTest',
  // Mutants of module-level tables cannot be switched on and off within one process.
  ignoreStatic: true,
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { logTests: false, reportTests: false },
  tsconfigFile: 'none.json',
  vitest: { configFile: 'vitest.mutate.ts' },
  timeoutMS: 4_000,
};

const copy = mkdtempSync(join(tmpdir(), 'model-rollback-mutate-'));
try {
  for (const name of ['src', 'test', 'package.json', 'node_modules']) {
    cpSync(name, join(copy, name), { recursive: true, verbatimSymlinks: true });
  }
  const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  // Else npm takes the folder for a workspace, and drops what hangs on it.
  const { workspaces: _workspaces, ...plain } = manifest;
  const vite = JSON.parse(readFileSync('node_modules/vite/package.json', 'utf8')).version;
  writeFileSync(join(copy, 'package.json'), JSON.stringify(plain));
  writeFileSync(join(copy, 'stryker.config.json'), JSON.stringify(settings));
  writeFileSync(
    join(copy, 'vitest.mutate.ts'),
    "export default { test: { include: ['test/unit/domain/**/*.test.ts'] } };\n",
  );
  execFileSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--legacy-peer-deps', `vite@${vite}`, ...packages],
    { cwd: copy, stdio: 'inherit' },
  );
  const stryker = join(copy, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js');
  const { status } = spawnSync(process.execPath, [stryker, 'run'], { cwd: copy, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
