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

/** What a test is about, by its title. One that names neither an alias nor a prompt is about the stage. */
const kinds = {
  stage: (title: string) => !/alias|a prompt/i.test(title),
  alias: (title: string) => /alias/i.test(title) && !/a prompt/i.test(title),
  prompt: (title: string) => /a prompt/i.test(title),
} as const;

const named = process.argv.slice(2);
const servers = named.length > 0 ? named : [...MLFLOW_VERSIONS, `${MLFLOW_VERSION}-postgresql`];
const rows: string[] = [];
process.exitCode = servers.map(runOn).every(Boolean) ? 0 : 1;
process.stdout.write(
  [
    '| MLflow | stage, passed of run | alias, passed of run | prompts, passed of run |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n'),
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
  const tallies = Object.values(kinds).map((kind) => tally(results, kind));
  rows.push(`| ${[server.replace('-', ' on '), ...tallies].join(' | ')} |`);
  for (const { fullName } of results.filter((one) => one.status === 'failed')) {
    process.stdout.write(`  FAILED  ${fullName}\n`);
  }
  return status === 0 && passed > 0;
}

/** Without the tests of the registry server of our own, which are the same for each MLflow, and skipped ones. */
function tally(
  results: Report['testResults'][number]['assertionResults'],
  isOfKind: (title: string) => boolean,
): string {
  const run = results.filter(
    ({ fullName, status }) =>
      isOfKind(fullName) &&
      !fullName.startsWith('the embedded registry') &&
      (status === 'passed' || status === 'failed'),
  );
  if (run.length === 0) return 'none';
  return `${run.filter(({ status }) => status === 'passed').length} of ${run.length}`;
}

function read(file: string): Report | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return null;
  }
}
