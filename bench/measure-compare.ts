/** How long the intervals of a comparison take, beside NumPy's own time for the same resamples on one core. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { measureRows } from '../src/domain/evidence/measure.ts';
import { defaultRule, type MetricRule } from '../src/domain/evidence/rules.ts';
import { resampledMeans } from '../src/domain/statistics/bootstrap.ts';
import { engineFolder, installEngine } from '../test/engines/install.ts';
import { type Figure, pairFigure } from './figures.ts';

const rows = 100_000;
const resamples = 10_000;

export async function measureCompare(runs: number): Promise<readonly Figure[]> {
  await installEngine('scipy');
  const ours: number[] = [];
  const theirs: number[] = [];
  bootstrap(50);
  for (let run = 0; run < runs; run += 1) {
    ours.push(bootstrap(resamples));
    theirs.push(byNumPy());
  }
  return [
    pairFigure({
      what: `compare: ${resamples} resamples of ${rows} paired rows`,
      unit: 'ms',
      ours,
      against: 'NumPy, one core',
      theirs,
      budget: 1.5,
    }),
  ];
}

// ---------------------------------------------------------------------------------------------------

const rule: MetricRule = { ...defaultRule, name: 'profit', direction: 'higher' };
/** Any fixed numbers: the time does not depend on them. */
const [champion = new Float64Array(), shift = champion] = resampledMeans(
  [Float64Array.from({ length: 64 }, (_, index) => index / 18 - 1.75)],
  rows,
  1,
).flatMap((means) => [means, means.toReversed()]);
const column = {
  champion,
  challenger: champion.map((value, index) => value + 0.01 + 0.3 * (shift[index] ?? 0)),
  isRightOrWrong: false,
  notFinite: null,
};

function bootstrap(count: number): number {
  const startedAtMs = performance.now();
  measureRows([{ rule, column }], null, { level: 0.9, resamples: count });
  return performance.now() - startedAtMs;
}

function byNumPy(): number {
  const script = join(import.meta.dirname, 'numpy-bootstrap.py');
  const python = join(engineFolder('scipy'), 'bin', 'python');
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  return Number(
    execFileSync(python, [script, String(rows), String(resamples)], { encoding: 'utf8', env }),
  );
}
