import { type AlarmTransition, cloudWatchRef, type MessageOrigin } from '../domain/alarm/alarm.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { ownAccount } from './simulated-alarms.ts';
import { modelName, otherModelName } from './simulated-registry.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/**
 * An alarm that goes to ALARM, perhaps again and again, and is delivered by several paths, each at least
 * once; and somebody who may publish to the topic, and sends what is not true.
 */
export function alarmActors(world: SimulatedWorld): Promise<void>[] {
  const { choices } = world;
  const actors: Promise<void>[] = [];
  if (choices.happens(60)) actors.push(flap(world, 1 + choices.pick(3)));
  // Release 0.1.0 takes every message for true.
  if (world.isOneRelease && choices.happens(30)) actors.push(forge(world, 1 + choices.pick(3)));
  return actors;
}

/** In the morning it goes to ALARM once more, when everything else is at rest. */
export async function tripAgain(world: SimulatedWorld): Promise<void> {
  const { alarms, scheduler } = world;
  alarms.recover(scheduler.nowMs);
  scheduler.nowMs += 1;
  const transition = alarms.trip(scheduler.nowMs);
  const way = ways[world.choices.pick(2) * 2] ?? ways[0];
  await deliver(world, `alarm of the morning ${scheduler.nowMs}`, transition, way);
}

// ---------------------------------------------------------------------------------------------------

interface Way {
  readonly isFromEventBus: boolean;
  readonly origin: MessageOrigin | null;
}

const topic: MessageOrigin = { arn: 'arn:aws:sns:eu-west-1:111122223333:t', ownAccount };
const queue: MessageOrigin = { arn: 'arn:aws:sqs:eu-west-1:111122223333:q', ownAccount };

/** CloudWatch's own action, the event bus, a topic, and a queue under a rule of the event bus. */
const ways = [
  { isFromEventBus: false, origin: null },
  { isFromEventBus: true, origin: null },
  { isFromEventBus: false, origin: topic },
  { isFromEventBus: true, origin: queue },
] as const satisfies readonly Way[];

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
    await change(world, 1_000, 'the alarm goes to ALARM', () => {
      transition = alarms.trip(world.scheduler.nowMs);
    });
    const copies = 1 + choices.pick(3);
    for (let copy = 0; copy < copies && transition !== null; copy += 1) {
      const way = ways[(copy + choices.pick(ways.length)) % ways.length] ?? ways[0];
      deliveries.push(deliver(world, `alarm ${time}.${copy}`, transition, way));
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

/** Publishes what is not true, or not any more. */
async function forge(world: SimulatedWorld, times: number): Promise<void> {
  const { choices, scheduler } = world;
  for (let time = 0; time < times; time += 1) {
    const actor = `forger ${time}`;
    const delayMs = [0, 30_000, 600_000][choices.pick(3)] ?? 0;
    await world.depsFor(`${actor}, waiting`).clock.sleep(delayMs);
    const way = ways[2 + choices.pick(2)] ?? ways[2];
    await deliver(world, actor, forgedAt(world, scheduler.nowMs), way);
  }
}

function forgedAt({ choices, alarms }: SimulatedWorld, nowMs: number): AlarmTransition {
  const named = (value: string): AlarmTransition['dimensions'] => [{ name: 'ModelName', value }];
  const real = { ...alarms.transitionAt(nowMs), dimensions: named(modelName) };
  const last = alarms.trippedAtMs.at(-1) ?? nowMs;
  const madeUp = { ...real, ref: cloudWatchRef(`${alarms.arn}-made-up`, 'a-made-up') };
  const foreign = alarms.arn.replace(ownAccount, '444455556666');
  const lies: readonly AlarmTransition[] = [
    madeUp,
    { ...madeUp, dimensions: named(otherModelName) },
    // Another model in a real alarm, at a real time and at a made-up one.
    { ...real, atMs: last, dimensions: named(otherModelName) },
    { ...real, dimensions: named(otherModelName) },
    // The real model at a made-up time, and an old message once more.
    real,
    { ...real, atMs: last },
    { ...real, ref: cloudWatchRef(foreign, 'a') },
  ];
  return lies[choices.pick(lies.length)] ?? real;
}

/** Lambda's asynchronous invocation: two more tries, a minute and two minutes later. */
async function deliver(
  world: SimulatedWorld,
  actor: string,
  transition: AlarmTransition,
  { isFromEventBus, origin }: Way,
): Promise<void> {
  // Topics and queues may be late.
  const delayMs = [0, 0, 300_000, 1_500_000][world.choices.pick(4)] ?? 0;
  if (delayMs > 0) await world.depsFor(`${actor}, late`).clock.sleep(delayMs);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const deps = world.depsFor(`${actor}#${attempt}`);
    const payload = { kind: 'transition', transition: { ...transition, isFromEventBus } } as const;
    try {
      const { handleAlarm } = world.useCasesFor(actor, deps);
      const answer = await handleAlarm(deps, payload, origin, world.deadline(deps, 120_000));
      world.answered.push({ transition, answer });
      return;
    } catch (error) {
      world.judge(error);
      if (!isModelRollbackError(error) || !error.isRetryable) return;
    }
    await deps.clock.sleep(60_000 * (attempt + 1));
  }
}
