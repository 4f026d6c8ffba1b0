/**
 * Measures what docs/ARCHITECTURE.md promises about speed, against the real engines. Both sides of a
 * ratio are measured in turns in the same run, so that a busy machine slows both.
 *
 * `npm run bench -- [--runs N] [--workers N …] [--only STEP] [--strict] [--markdown]`
 *
 * The figures also go to `.reports/bench.json`; docs/reference/performance.md has those of a release.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, printMarkdown, printTable } from './figures.ts';
import { measureCold, measureStart } from './measure-cold.ts';
import { measureCompare } from './measure-compare.ts';
import { measureFirst } from './measure-first.ts';
import { measurePast, measureVersions } from './measure-flat.ts';
import { measureFleet } from './measure-fleet.ts';
import { measureRuntime } from './measure-runtime.ts';
import { measureSize } from './measure-size.ts';
import { measureWarm } from './measure-warm.ts';
import { startWorld, type World } from './world.ts';

const { values: options } = parseArgs({
  options: {
    /** Pairs of each figure; the warm calls take twice as many. */
    runs: { type: 'string', default: '12' },
    /**
     * Of the MLflow server, one after the other; 4 is its own default. With more than one, every further
     * answer on a kept connection takes 40 ms longer (its body waits for our acknowledgement of its head).
     */
    workers: { type: 'string', multiple: true, default: ['4', '1'] },
    /** Exit code 1 when a budget is exceeded. */
    strict: { type: 'boolean', default: false },
    /** As a table for docs/reference/performance.md. */
    markdown: { type: 'boolean', default: false },
    /** Only the figures whose step has this in its name. */
    only: { type: 'string', default: '' },
  },
});
const runs = wholeNumber('--runs', options.runs);
const workerCounts = options.workers.map((text) => wholeNumber('--workers', text));

const steps: readonly (readonly [string, (world: World) => Promise<readonly Figure[]>])[] = [
  ['start', (world) => measureStart(world, runs)],
  ['cold', (world) => measureCold(world, runs)],
  ['first', (world) => measureFirst(world, runs)],
  ['runtime', (world) => measureRuntime(world, runs)],
  ['warm', (world) => measureWarm(world, 2 * runs)],
  ['versions', (world) => measureVersions(world, runs, 'newest')],
  ['buried', (world) => measureVersions(world, Math.ceil(runs / 2), 'middle')],
  ['past', (world) => measurePast(world, runs)],
  ['fleet', (world) => measureFleet(world)],
  ['compare', () => measureCompare(Math.ceil(runs / 4))],
  ['size', (world) => measureSize(world, Math.ceil(runs / 2))],
];

/** What the number of workers changes. */
const perWorkers: ReadonlySet<string> = new Set(['cold', 'runtime', 'warm']);

const figures: Figure[] = [];
for (const [index, workers] of workerCounts.entries()) {
  const chosen = steps
    .filter(([name]) => name.includes(options.only))
    .filter(([name]) => index === 0 || perWorkers.has(name));
  if (chosen.length > 0) figures.push(...(await measureAll(chosen, workers)));
}

if (options.markdown) printMarkdown(figures);
else printTable(figures);
console.log('\nratio: median of the ratios of the pairs; this is what a budget is about.');
writeReport(figures);
const over = figures.filter((figure) => figure.verdict === 'over');
if (over.length > 0)
  console.log(`${over.length} over budget: ${over.map(({ what }) => what).join(', ')}`);
process.exit(over.length > 0 && options.strict ? 1 : 0);

// ---------------------------------------------------------------------------------------------------

async function measureAll(chosen: typeof steps, workers: number): Promise<readonly Figure[]> {
  const measured: Figure[] = [];
  const world = await startWorld(workers);
  const suffix = `, ${workers} worker${workers === 1 ? '' : 's'}`;
  try {
    for (const [name, measure] of chosen) {
      const startedAtMs = performance.now();
      const rows = await measure(world);
      measured.push(
        ...rows.map((row) => (perWorkers.has(name) ? { ...row, what: row.what + suffix } : row)),
      );
      const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0);
      console.error(`bench: ${name}${suffix} took ${seconds} s`);
    }
  } finally {
    await world.stop();
  }
  return measured;
}

function writeReport(measured: readonly Figure[]): void {
  const folder = join(import.meta.dirname, '..', '.reports');
  mkdirSync(folder, { recursive: true });
  const machine = {
    node: process.version,
    system: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
  };
  const report = {
    measuredAt: new Date().toISOString(),
    machine,
    workers: workerCounts,
    runs,
    figures: measured,
  };
  writeFileSync(join(folder, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`${name} takes a whole number from 1`);
  return number;
}
