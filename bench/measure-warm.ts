/** Processes that have rolled back before: the time of a call alone. */
import { bareCommand } from './bare-calls.ts';
import { type Figure, pairFigure } from './figures.ts';
import { startLongLived } from './processes.ts';
import { recordRollback } from './record-calls.ts';
import { bundleCommand, newModels, pythonCommand, type World } from './world.ts';

/** A process tries kept connections after the first of them. */
const warmUpRuns = 6;

export async function measureWarm(world: World, runs: number): Promise<readonly Figure[]> {
  const [modelName = ''] = await newModels(world, 1);
  const { steps } = await recordRollback(world, modelName, world.mlflowUrl);
  const bare = { modelName, steps };
  const kinds = [
    startLongLived(bundleCommand(world)),
    startLongLived(bareCommand(world, { ...bare, connections: 'new' })),
    startLongLived(bareCommand(world, { ...bare, connections: 'kept' })),
    startLongLived(pythonCommand(world)),
  ] as const;
  const timesMs: readonly number[][] = kinds.map(() => []);
  try {
    const names = [...(await newModels(world, kinds.length * (runs + warmUpRuns)))];
    for (let run = 0; run < runs + warmUpRuns; run += 1) {
      // Each kind is in each place equally often: what comes before leaves its trace.
      for (const turn of kinds.keys()) {
        const kind = (run + turn) % kinds.length;
        const { callMs = Number.NaN } = (await kinds[kind]?.ask(requestFor(names.pop()))) ?? {};
        if (run >= warmUpRuns) timesMs[kind]?.push(callMs);
      }
    }
  } finally {
    for (const kind of kinds) kind.stop();
  }
  const [ours = [], bareNew = [], bareKept = [], python = []] = timesMs;
  const row = (against: string, theirs: readonly number[], budget: number | null): Figure =>
    pairFigure({ what: 'warm rollback', unit: 'ms', ours, against, theirs, budget });
  // The product keeps connections where it sees that they are no slower: those of one worker.
  const isKept = world.workers === 1;
  return [
    row('Python', python, isKept ? 0.95 : 0.4),
    row('its bare calls, new connections', bareNew, isKept ? null : 1.25),
    row('its bare calls, kept connections', bareKept, isKept ? 1.25 : null),
  ];
}

// ---------------------------------------------------------------------------------------------------

function requestFor(modelName = ''): object {
  return {
    model_name: modelName,
    reason: 'PERFORMANCE_DEGRADATION',
    alarm_name: 'bench-alarm',
  };
}
