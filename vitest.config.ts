import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { slowestFiles } from './test/slowest-files.ts';

/** Many calls at once, or at chosen moments: they run alone, one file at a time, after all others. */
const stormFiles = [
  'test/e2e/alarm-storm.test.ts',
  'test/e2e/storm.test.ts',
  'test/proof/alias-rivals.test.ts',
  'test/proof/rivals.test.ts',
  'test/proof/storm.test.ts',
];

/** Longer proofs, of servers that few have and of waits in real time: `npm run proofs`, not a part of `npm test`. */
const longFiles = [
  'test/e2e/mlflow-1-30.test.ts',
  'test/e2e/mlflow-2-3.test.ts',
  'test/e2e/mlflow-2-22.test.ts',
  'test/e2e/mlflow-postgres.test.ts',
  'test/proof/postgres-crash-matrix.test.ts',
  'test/proof/replicas.test.ts',
];

const withEngines = {
  globalSetup: ['test/engines/global-setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
};

const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', ['json', { outputFile: '.reports/vitest.json' }], slowestFiles],
    // Most tests wait for processes and engines, also on two cores.
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,simulation,stories}/**/*.test.ts', 'test/*.test.ts'],
          // The engines of the other projects share the cores.
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'cdk',
          include: ['test/cdk/**/*.test.ts'],
          setupFiles: ['test/cdk/set-up.ts'],
          // The CDK takes a second or more to import: the files share it.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...withEngines,
          name: 'engines',
          include: [
            'test/contract/**/*.test.ts',
            'test/e2e/**/*.test.ts',
            'test/proof/**/*.test.ts',
          ],
          exclude: [...stormFiles, ...longFiles],
        },
      },
      {
        test: {
          ...withEngines,
          name: 'storms',
          include: stormFiles,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...withEngines,
          name: 'proofs',
          include: longFiles,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

export default config;
