import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MLFLOW_VERSION, MLFLOW_VERSIONS } from '../test/engines/mlflow-versions.ts';

/**
 * `npm run matrix`: the contract of the registry, all scenarios of both kinds of pointer and the alarms about
 * aliases, on one MLflow server after the other. Installs what is missing into `.engines/`; prints one line for
 * each server, and in the end the table for `docs/reference/registries.md`. Name the servers to run fewer: `npm run matrix -- 2.3.2 3.17.2-postgresql`.
 */
const suites = [
  'test/contract/engines.test.ts',
  'test/contract/mlflow-model-registry.test.ts',
  'test/e2e/alias-alarms.test.ts',
  'test/e2e/command.test.ts',
  'test/e2e/function.test.ts',
  'test/e2e/prompts.test.ts',
  'test/e2e/registry-cases.test.ts',
];

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const named = process.argv.slice(2);
const servers = named.length > 0 ? named : [...MLFLOW_VERSIONS, `${MLFLOW_VERSION}-postgresql`];
const rows: string[] = [];
process.exitCode = servers.map(runOn).every(Boolean) ? 0 : 1;
process.stdout.write(
  ['| MLflow | stage, passed of run | alias, passed of run |', '|---|---|---|', ...rows, ''].join(
    '\n',
  ),
);

// ---------------------------------------------------------------------------------------------------

/** Answers whether every test passed. */
function runOn(server: string): boolean {
  // Where vitest.config.ts has it.
  const file = join('.reports', 'vitest.json');
  rmSync(file, { force: true });
  const startMs = performance.now();
  const { status, stderr } = spawnSync(
    join('node_modules', '.bin', 'vitest'),
    ['run', '--project', 'engines', ...suites],
    { encoding: 'utf8', env: { ...process.env, MATRIX_MLFLOW: server } },
  );
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const report = read(file);
  if (report !== null) renameSync(file, join('.reports', `matrix-${server}.json`));
  if (report === null) {
    process.stdout.write(`MLflow ${server}  DID NOT RUN, ${seconds} s\n${stderr}\n`);
    return false;
  }
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report;
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  process.stdout.write(`MLflow ${server.padEnd(18)}  ${counts}, ${seconds} s\n`);
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  rows.push(
    `| ${server.replace('-', ' on ')} | ${tally(results, false)} | ${tally(results, true)} |`,
  );
  for (const { fullName } of results.filter((one) => one.status === 'failed')) {
    process.stdout.write(`  FAILED  ${fullName}\n`);
  }
  return status === 0 && passed > 0;
}

/** Tests that name no alias are about the stage. */
function tally(
  results: Report['testResults'][number]['assertionResults'],
  isAlias: boolean,
): string {
  const run = results.filter(
    ({ fullName, status }) => /alias|prompt/i.test(fullName) === isAlias && status !== 'pending',
  );
  return `${run.filter(({ status }) => status === 'passed').length} of ${run.length}`;
}

function read(file: string): Report | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return null;
  }
}
