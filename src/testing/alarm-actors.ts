import type { AlarmTransition } from '../domain/alarm.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** An alarm that goes red, perhaps again and again, and is delivered by several paths, each at least once. */
export function alarmActors(world: SimulatedWorld): Promise<void>[] {
  const { choices } = world;
  if (!choices.happens(60)) return [];
  return [flap(world, 1 + choices.pick(3))];
}

// ---------------------------------------------------------------------------------------------------

async function flap(world: SimulatedWorld, times: number): Promise<void> {
  const { choices, alarms } = world;
  const deliveries: Promise<void>[] = [];
  for (let time = 0; time < times; time += 1) {
    const pauseMs = [0, 60_000, 1_200_000, 4_000_000][choices.pick(4)] ?? 0;
    if (time > 0) {
      await change(world, pauseMs, 'the alarm recovers', () =>
        alarms.recover(world.scheduler.nowMs),
      );
    }
    let transition: AlarmTransition | null = null;
    await change(world, 1_000, 'the alarm goes red', () => {
      transition = alarms.trip(world.scheduler.nowMs);
    });
    const copies = 1 + choices.pick(3);
    for (let copy = 0; copy < copies && transition !== null; copy += 1) {
      deliveries.push(deliver(world, `alarm ${time}.${copy}`, transition, copy === 1));
    }
  }
  if (choices.happens(40)) {
    await change(world, 1_800_000, 'the alarm recovers', () =>
      alarms.recover(world.scheduler.nowMs),
    );
  }
  await Promise.all(deliveries);
}

/** CloudWatch itself neither crashes nor is slow. */
async function change(
  world: SimulatedWorld,
  afterMs: number,
  label: string,
  run: () => void,
): Promise<void> {
  const { scheduler } = world;
  const atMs = scheduler.nowMs + afterMs;
  await scheduler.call({
    actor: `CloudWatch ${label} ${atMs}`,
    label,
    isWrite: false,
    isFaultless: true,
    run: async () => {
      scheduler.nowMs = Math.max(scheduler.nowMs, atMs);
      run();
    },
    lost: async () => undefined,
  });
}

/** In the morning it goes red once more, when everything else is at rest. */
export async function tripAgain(world: SimulatedWorld): Promise<void> {
  const { alarms, scheduler } = world;
  alarms.recover(scheduler.nowMs);
  const transition = alarms.trip(scheduler.nowMs);
  await deliver(world, `alarm of the morning ${scheduler.nowMs}`, transition, false);
}

/** Lambda's asynchronous invocation: two more tries, a minute and two minutes later. */
async function deliver(
  world: SimulatedWorld,
  actor: string,
  transition: AlarmTransition,
  isFromEventBus: boolean,
): Promise<void> {
  // Topics and queues may be late.
  const delayMs = [0, 0, 300_000, 1_500_000][world.choices.pick(4)] ?? 0;
  if (delayMs > 0) await world.depsFor(`${actor}, late`).clock.sleep(delayMs);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const deps = world.depsFor(`${actor}#${attempt}`);
    const payload = { kind: 'transition', transition: { ...transition, isFromEventBus } } as const;
    try {
      const { handleAlarm } = world.useCasesFor(actor, deps);
      const answer = await handleAlarm(deps, payload, null, world.deadline(deps, 120_000));
      world.answered.push({ transition, answer });
      return;
    } catch (error) {
      if (!isModelRollbackError(error)) world.violations.push(`a bug: ${String(error)}`);
      if (!isModelRollbackError(error) || !error.isRetryable) return;
    }
    await deps.clock.sleep(60_000 * (attempt + 1));
  }
}
