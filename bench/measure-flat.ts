/** Whether many versions, or many rollbacks in the past, make a rollback slower. */
import { type Figure, pairFigure } from './figures.ts';
import { seedPast } from './past-rollbacks.ts';
import { startLongLived } from './processes.ts';
import { countCalls, recordRollback } from './record-calls.ts';
import { bundleCommand, newName, seedHistory, type World } from './world.ts';

const few = 10;
const many = 10_000;
const flatBudget = 1.25;
const warmUpRuns = 3;

/** Live is the newest version, or the one in the middle with as many unpromoted ones after it. */
export async function measureVersions(
  world: World,
  runs: number,
  live: 'newest' | 'middle',
): Promise<readonly Figure[]> {
  const url = world.mlflowDatabase === null ? world.embedded.url : world.mlflowUrl;
  const newModel = (count: number): string => {
    const name = newName();
    seedHistory(world, name, count, live === 'newest' ? count : count / 2);
    return name;
  };
  const lambda = startLongLived(bundleCommand(world, { MLFLOW_TRACKING_URI: url }));
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    const pairs = Array.from({ length: runs + warmUpRuns }, () => [newModel(many), newModel(few)]);
    for (const [index, pair] of pairs.entries()) {
      for (const [side, name] of pair.entries()) {
        const { callMs } = await lambda.ask({ model_name: name });
        if (index >= warmUpRuns) (side === 0 ? ours : theirs).push(callMs);
      }
    }
  } finally {
    lambda.stop();
  }
  const noticed: [number[], number[]] = [[], []];
  const calls: [number, number] = [0, 0];
  for (let run = 0; run < runs + warmUpRuns; run += 1) {
    for (const side of [0, 1] as const) {
      const name = newModel(side === 0 ? many : few);
      const { steps, noticedMs } = await recordRollback(world, name, url);
      calls[side] = countCalls(steps, 'registry');
      if (run >= warmUpRuns) noticed[side].push(noticedMs);
    }
  }
  const where = world.mlflowDatabase === null ? ' (embedded)' : '';
  const what = `10,000 versions, live ${live}${where}`;
  const against = '10 versions';
  // A live version below 5,000 newer ones is out of the ordinary: for the record, without a budget.
  const isOrdinary = live === 'newest';
  const time = isOrdinary ? flatBudget : null;
  const [noticedOurs, noticedTheirs] = noticed;
  return [
    pairFigure({ what, unit: 'ms', ours, against, theirs, budget: time }),
    pairFigure({
      what: `${what}: to the notice`,
      unit: 'ms',
      ours: noticedOurs,
      against,
      theirs: noticedTheirs,
      budget: time,
    }),
    pairFigure({
      what,
      unit: 'calls',
      ours: [calls[0]],
      against,
      theirs: [calls[1]],
      budget: isOrdinary ? 1 : null,
    }),
  ];
}

export async function measurePast(world: World, runs: number): Promise<readonly Figure[]> {
  const pattern = newName();
  seedHistory(world, pattern, few, few);
  const url = world.mlflowDatabase === null ? world.embedded.url : world.mlflowUrl;
  await recordRollback(world, pattern, url);
  const names = await Promise.all(
    [many, few].map(async (count) => {
      const name = newName();
      // One version for each rollback of the measurement, and some to choose from.
      const versions = runs + warmUpRuns + few;
      seedHistory(world, name, versions, versions);
      await seedPast(world, name, pattern, count);
      return name;
    }),
  );
  const env = { MLFLOW_TRACKING_URI: url, ROLLBACK_COOLDOWN_HOURS: '0' };
  const lambda = startLongLived(bundleCommand(world, env));
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    for (let run = 0; run < runs + warmUpRuns; run += 1) {
      for (const [side, name] of names.entries()) {
        const { callMs } = await lambda.ask({ model_name: name, request_id: `run ${run}` });
        if (run >= warmUpRuns) (side === 0 ? ours : theirs).push(callMs);
      }
    }
  } finally {
    lambda.stop();
  }
  const what = '10,000 past rollbacks';
  return [pairFigure({ what, unit: 'ms', ours, against: '10', theirs, budget: flatBudget })];
}
