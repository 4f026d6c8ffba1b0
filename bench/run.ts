/**
 * Measures what docs/ARCHITECTURE.md promises about speed, against the real engines. Both sides of a
 * ratio are measured in turns in the same run, so that a busy machine slows both.
 *
 * `npm run bench -- [--runs N] [--workers N] [--only STEP] [--strict] [--markdown]`
 *
 * The figures also go to `.reports/bench.json`; docs/reference/performance.md has those of a release.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, printMarkdown, printTable } from './figures.ts';
import { measureCold, measureFirst, measureStart } from './measure-cold.ts';
import { measurePast, measureVersions } from './measure-flat.ts';
import { measureRuntime } from './measure-runtime.ts';
import { measureSize } from './measure-size.ts';
import { measureWarm } from './measure-warm.ts';
import { startWorld, type World } from './world.ts';

const { values: options } = parseArgs({
  options: {
    /** Pairs of each figure; the warm calls take twice as many. */
    runs: { type: 'string', default: '12' },
    /**
     * Of the MLflow server; 4 is its own default. With more than one, every further answer on a kept
     * connection takes 40 ms longer (a header and a body that wait for each other's acknowledgement).
     */
    workers: { type: 'string', default: '4' },
    /** Exit code 1 when a budget is exceeded. */
    strict: { type: 'boolean', default: false },
    /** As a table for docs/reference/performance.md. */
    markdown: { type: 'boolean', default: false },
    /** Only the figures whose step has this in its name. */
    only: { type: 'string', default: '' },
  },
});
const runs = wholeNumber('--runs', options.runs);
const workers = wholeNumber('--workers', options.workers);

const steps: readonly (readonly [string, (world: World) => Promise<readonly Figure[]>])[] = [
  ['start', (world) => measureStart(world, runs)],
  ['cold', (world) => measureCold(world, runs)],
  ['first', (world) => measureFirst(world, runs)],
  ['runtime', (world) => measureRuntime(world, runs)],
  ['warm', (world) => measureWarm(world, 2 * runs)],
  ['versions', (world) => measureVersions(world, runs, 'newest')],
  ['buried', (world) => measureVersions(world, Math.ceil(runs / 2), 'middle')],
  ['past', (world) => measurePast(world, runs)],
  ['size', (world) => measureSize(world, Math.ceil(runs / 2))],
];

const world = await startWorld(workers);
const figures: Figure[] = [];
try {
  for (const [name, measure] of steps.filter(([name]) => name.includes(options.only))) {
    const startedAtMs = performance.now();
    figures.push(...(await measure(world)));
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0);
    console.error(`bench: ${name} took ${seconds} s`);
  }
} finally {
  await world.stop();
}

if (options.markdown) printMarkdown(figures);
else printTable(figures);
console.log(`\nMLflow with ${workers} worker${workers === 1 ? '' : 's'}.`);
console.log('ratio: median of the ratios of the pairs; this is what a budget is about.');
writeReport(figures);
const over = figures.filter((figure) => figure.verdict === 'over');
if (over.length > 0)
  console.log(`${over.length} over budget: ${over.map(({ what }) => what).join(', ')}`);
process.exit(over.length > 0 && options.strict ? 1 : 0);

// ---------------------------------------------------------------------------------------------------

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
    workers,
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
