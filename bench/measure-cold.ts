/** A process that starts, rolls one model back and ends: what an alarm at night waits for. */
import { statSync } from 'node:fs';
import { type Figure, pairFigure, soleFigure } from './figures.ts';
import { type OnceFigures, runOnce } from './processes.ts';
import { bundleCommand, newModels, pythonCommand, type World } from './world.ts';

/** Budget of the bundle: Lambda reads and compiles all of it at each start. */
const bundleBytesMax = 600_000;

export async function measureCold(world: World, runs: number): Promise<readonly Figure[]> {
  // One pair more, not counted: it fills the caches of the disk and compiles Python's byte code.
  const names = await newModels(world, 2 * (runs + 1));
  const pairs = names.flatMap((name, index) => {
    const other = names[index + 1];
    return index % 2 === 0 && other !== undefined ? [[name, other] as const] : [];
  });
  const ours: OnceFigures[] = [];
  const theirs: OnceFigures[] = [];
  for (const [name, other] of pairs) {
    ours.push(await runOnce(bundleCommand(world), requestFor(name)));
    theirs.push(await runOnce(pythonCommand(world), requestFor(other)));
  }
  const counted = [ours.slice(1), theirs.slice(1)] as const;
  const of = (pick: (one: OnceFigures) => number): [number[], number[]] => [
    counted[0].map(pick),
    counted[1].map(pick),
  ];
  const [wall, wallPython] = of((one) => one.wallMs);
  const [peak, peakPython] = of((one) => one.peakKb / 1024);
  const against = 'Python';
  return [
    pairFigure({
      what: 'cold: start to rolled back',
      unit: 'ms',
      ours: wall,
      against,
      theirs: wallPython,
      budget: world.workers === 1 ? 0.18 : 0.17,
    }),
    pairFigure({
      what: 'cold: peak memory',
      unit: 'MB',
      ours: peak,
      against,
      theirs: peakPython,
      budget: 0.8,
    }),
  ];
}

export async function measureStart(world: World, runs: number): Promise<readonly Figure[]> {
  const command = bundleCommand(world);
  const [script = ''] = command.args;
  const whole: OnceFigures[] = [];
  const empty: OnceFigures[] = [];
  for (let run = 0; run <= runs; run += 1) {
    whole.push(await runOnce(command, '-'));
    empty.push(await runOnce({ ...command, args: [script, ''] }, '-'));
  }
  const counted = whole.slice(1);
  const wall = counted.map((one) => one.wallMs);
  const theirs = empty.slice(1).map((one) => one.wallMs);
  return [
    soleFigure({
      what: 'bundle size',
      unit: 'bytes',
      values: [statSync(world.bundle).size],
      budget: bundleBytesMax,
    }),
    soleFigure({
      what: 'import of the bundle',
      unit: 'ms',
      values: counted.map((one) => one.importMs),
      budget: null,
    }),
    pairFigure({
      what: 'process with the import',
      unit: 'ms',
      ours: wall,
      against: 'bare Node',
      theirs,
      budget: null,
    }),
  ];
}

function requestFor(modelName: string): string {
  return JSON.stringify({
    model_name: modelName,
    reason: 'PERFORMANCE_DEGRADATION',
    alarm_name: 'bench-alarm',
  });
}
