/** Whether a thousand models at once cost more than one after the other. */
import { directAlarm } from '../test/fakes/alarm-events.ts';
import { type Figure, pairFigure } from './figures.ts';
import { type LongLived, startLongLived } from './processes.ts';
import { bundleCommand, newName, seedHistory, type World } from './world.ts';

const models = 1_000;
const batch = 100;
const blastRadius = 5;
const rounds = 3;
/** Calls at a time in the one process: Lambda would start a process for each. */
const width = 20;

/** Processor time of the function, of each rollback or refusal; the registry is the embedded one. */
export async function measureFleet(world: World): Promise<readonly Figure[]> {
  const embedded = { ...world, mlflowDatabase: null };
  const env = {
    MLFLOW_TRACKING_URI: world.embedded.url,
    ROLLBACK_BLAST_RADIUS: `${blastRadius}/30m`,
  };
  const single = startLongLived(bundleCommand(world, env));
  const atOnce: number[] = [];
  const alone: number[] = [];
  const refused: number[] = [];
  try {
    const ask = async (count: number, atOnce: number): Promise<number> => {
      const events = newNames(embedded, count).map((model_name) => ({ model_name }));
      return await cpuOf(single, { events, width: atOnce }, count, count);
    };
    await ask(batch, 1);
    for (let round = 0; round < rounds; round += 1) {
      alone.push(await ask(batch, 1));
      atOnce.push(await ask(models, width));
    }
    const alarms = newNames(embedded, models).map((model) =>
      directAlarm({ model, name: `${model}-alarm`, atMs: Date.now() }),
    );
    const first = alarms.splice(0, blastRadius);
    await cpuOf(single, { events: first, width: 1 }, blastRadius, blastRadius);
    const share = Math.ceil(alarms.length / rounds);
    while (alarms.length > 0) {
      const events = alarms.splice(0, share);
      refused.push(await cpuOf(single, { events, width }, events.length, 0));
    }
  } finally {
    single.stop();
  }
  const row = (what: string, ours: readonly number[], budget: number): Figure =>
    pairFigure({
      what,
      unit: 'ms',
      ours,
      against: 'one after the other',
      theirs: alone,
      budget,
    });
  return [
    row('1,000 models at once: processor time of a rollback', atOnce, 1.1),
    row('1,000 alarms, blast radius 5: processor time of a refusal', refused, 0.3),
  ];
}

// ---------------------------------------------------------------------------------------------------

function newNames(world: World, count: number): string[] {
  return Array.from({ length: count }, () => {
    const name = newName();
    seedHistory(world, name, 3, 3);
    return name;
  });
}

/** @param done how many of the events must have moved a pointer */
async function cpuOf(
  lambda: LongLived,
  event: { readonly events: readonly object[]; readonly width: number },
  share: number,
  done: number,
): Promise<number> {
  const figures = await lambda.ask(event);
  if (figures.done !== done) throw new Error(`${figures.done} rolled back, not ${done}`);
  return (figures.callCpuMs ?? Number.NaN) / share;
}
