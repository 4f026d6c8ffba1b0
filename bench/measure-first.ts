/**
 * The first event of a process, as a request and as an alarm: nearly every event is one. At 256 MB Lambda gives
 * the init phase about two processors, and a call a seventh of one: what was done in the init phase is what the
 * caller does not wait for. So processor time counts, and time under a quota of a seventh where the machine has one.
 */
import { join } from 'node:path';
import { putMetricAlarm, setAlarmState } from '../test/engines/alarms.ts';
import { lastReleaseFolder, lastReleaseProblem } from '../test/engines/last-release.ts';
import { directAlarm } from '../test/fakes/alarm-events.ts';
import { type Figure, pairFigure } from './figures.ts';
import { type Command, type Figures, runFirst } from './processes.ts';
import { openQuota, type Quota, shareAt256Mb } from './quota.ts';
import { bundleCommand, newModels, pythonCommand, type World } from './world.ts';

type Kind = 'request' | 'alarm';

const env = { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256', ROLLBACK_BLAST_RADIUS: 'off' };

/** Of what release 0.1.0 takes. */
const budgets = { call: 0.45, whole: 1.1, peak: 1 };

export async function measureFirst(world: World, runs: number): Promise<readonly Figure[]> {
  const problem = lastReleaseProblem();
  if (problem !== null) {
    console.error(`bench: first call not compared: ${problem}`);
    return [];
  }
  const last = join(lastReleaseFolder(), 'dist', 'lambda', 'index.mjs');
  const sides = [
    bundleCommand(world, env),
    bundleCommand(world, env, last),
    pythonCommand(world),
  ] as const;
  const figures: Figure[] = [];
  for (const kind of ['request', 'alarm'] as const) {
    figures.push(...processorFigures(kind, await inTurns(world, kind, { sides, runs })));
  }
  return [...figures, ...(await measureUnderQuota(world, sides.slice(0, 2), runs))];
}

// ---------------------------------------------------------------------------------------------------

async function measureUnderQuota(
  world: World,
  sides: readonly Command[],
  runs: number,
): Promise<readonly Figure[]> {
  let quota: Quota;
  try {
    quota = openQuota(shareAt256Mb);
  } catch (error) {
    console.error(
      `bench: no first call under a quota, which this machine does not allow: ${error}`,
    );
    return [];
  }
  try {
    const figures: Figure[] = [];
    for (const kind of ['request', 'alarm'] as const) {
      const [ours = [], theirs = []] = await inTurns(world, kind, { sides, runs, quota });
      const what = `first ${kind} at 1/7 of a processor`;
      figures.push(compare({ what, ours, theirs, pick: ({ callMs }) => callMs, budget: null }));
    }
    return figures;
  } finally {
    quota.close();
  }
}

/** The figures of each side; each is first, second and third equally often. */
async function inTurns(
  world: World,
  kind: Kind,
  options: { readonly sides: readonly Command[]; readonly runs: number; readonly quota?: Quota },
): Promise<readonly Figures[][]> {
  const { sides, runs, quota } = options;
  const names = [...(await newModels(world, sides.length * (runs + 1)))];
  const measured: Figures[][] = sides.map(() => []);
  // One round more, not counted: it fills the caches of the disk and compiles Python's byte code.
  for (let run = 0; run <= runs; run += 1) {
    for (let turn = 0; turn < sides.length; turn += 1) {
      const index = (run + turn) % sides.length;
      const side = sides[index];
      if (side === undefined) throw new Error('no such side');
      const event = await eventFor(world, kind, names.pop() ?? '');
      const figures = await runFirst(side, event, (pid) => quota?.limit(pid));
      if (run > 0) measured[index]?.push(figures);
    }
  }
  return measured;
}

async function eventFor(world: World, kind: Kind, model: string): Promise<object> {
  if (kind === 'request') {
    return { model_name: model, reason: 'PERFORMANCE_DEGRADATION', alarm_name: 'bench-alarm' };
  }
  const name = `${model}-alarm`;
  const arn = await putMetricAlarm(world.snsUrl, name, { dimensions: { ModelName: model } });
  await setAlarmState(world.snsUrl, name, 'ALARM');
  return directAlarm({ name, arn, model, atMs: Date.now() });
}

function processorFigures(kind: Kind, measured: readonly Figures[][]): readonly Figure[] {
  const [ours = [], last = [], python = []] = measured;
  const call = ({ callCpuMs = Number.NaN }: Figures): number => callCpuMs;
  const whole = (one: Figures): number => call(one) + (one.importCpuMs ?? Number.NaN);
  const peak = ({ peakKb }: Figures): number => peakKb / 1024;
  const [first, both] = [`first ${kind}: processor time`, `init and first ${kind}: processor time`];
  const against = 'Python';
  return [
    compare({ what: first, ours, theirs: last, pick: call, budget: budgets.call }),
    compare({ what: first, ours, theirs: python, pick: call, against, budget: null }),
    compare({ what: both, ours, theirs: last, pick: whole, budget: budgets.whole }),
    compare({ what: both, ours, theirs: python, pick: whole, against, budget: null }),
    compare({
      what: `first ${kind}: peak memory`,
      unit: 'MB',
      ours,
      theirs: last,
      pick: peak,
      budget: budgets.peak,
    }),
  ];
}

function compare({
  what,
  unit = 'ms',
  ours,
  against = '0.1.0',
  theirs,
  pick,
  budget,
}: {
  readonly what: string;
  readonly unit?: Figure['unit'];
  readonly ours: readonly Figures[];
  readonly against?: string;
  readonly theirs: readonly Figures[];
  readonly pick: (figures: Figures) => number;
  readonly budget: number | null;
}): Figure {
  return pairFigure({
    what,
    unit,
    ours: ours.map(pick),
    against,
    theirs: theirs.map(pick),
    budget,
  });
}
