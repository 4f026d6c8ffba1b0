/** Processes that have rolled back before: the time of a call alone. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Figure, pairFigure } from './figures.ts';
import { type LongLived, startLongLived } from './processes.ts';
import { recordRollback } from './record-calls.ts';
import { bundleCommand, newModels, pythonCommand, type World } from './world.ts';

const warmUpRuns = 6;

export async function measureWarm(world: World, runs: number): Promise<readonly Figure[]> {
  const kinds = [
    startLongLived(bundleCommand(world)),
    startLongLived(await bareCommand(world)),
    startLongLived(pythonCommand(world)),
  ] as const;
  const timesMs: [number[], number[], number[]] = [[], [], []];
  try {
    const names = [...(await newModels(world, kinds.length * (runs + warmUpRuns)))];
    for (let run = 0; run < runs + warmUpRuns; run += 1) {
      // Each kind is first, second and third equally often: what comes before leaves its trace.
      for (const turn of [0, 1, 2]) {
        const kind = ((run + turn) % 3) as 0 | 1 | 2;
        const name = names.pop();
        if (name === undefined) throw new Error('no model is left');
        const { callMs } = await (kinds[kind] satisfies LongLived).ask(requestFor(name));
        if (run >= warmUpRuns) timesMs[kind].push(callMs);
      }
    }
  } finally {
    for (const kind of kinds) kind.stop();
  }
  const [ours, bare, python] = timesMs;
  return [
    pairFigure({
      what: 'warm rollback',
      unit: 'ms',
      ours,
      against: 'Python',
      theirs: python,
      budget: 0.7,
    }),
    pairFigure({
      what: 'warm rollback',
      unit: 'ms',
      ours,
      against: 'its bare calls',
      theirs: bare,
      budget: 1.1,
    }),
  ];
}

// ---------------------------------------------------------------------------------------------------

async function bareCommand(world: World): Promise<Parameters<typeof startLongLived>[0]> {
  const [modelName = ''] = await newModels(world, 1);
  const { steps } = await recordRollback(world, modelName, world.mlflowUrl);
  const file = join(dirname(world.bundle), 'calls.json');
  writeFileSync(file, JSON.stringify({ modelName, steps }));
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, 'bare-sequence.ts')],
    env: { ...world.env, BENCH_CALLS: file },
  };
}

function requestFor(modelName: string): object {
  return {
    model_name: modelName,
    reason: 'PERFORMANCE_DEGRADATION',
    alarm_name: 'bench-alarm',
  };
}
