import { RegistryRefusedError, RegistryUnavailableError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { ModelAlias, RegistrySnapshot } from '../domain/registry/model.ts';
import { type ModelPointer, pointerText } from '../domain/registry/pointer.ts';
import type { Clock } from '../ports/clock.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { ModelRegistry, MoveAnswer } from '../ports/model-registry.ts';
import { isTakenFrozen } from './operator-invariants.ts';
import { modelName } from './simulated-registry.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** How long a slow registry takes before it answers (ms); the first is the harmless one. */
const slownessMs = [0, 0, 30_000, 45_000, 120_000];

/**
 * The registry of the world, as a process reaches it over the network; it watches what no run may do.
 * @param clock of that process
 */
export function registryFor(
  world: SimulatedWorld,
  actor: string,
  clock: Clock,
  isDryRun: boolean,
): ModelRegistry {
  const { registry, scheduler } = world;
  const read = async <T>(label: string, run: () => T, deadline: Deadline): Promise<T> => {
    if (deadline.leftMs() <= 0) throw unavailable('no time was left');
    const lost = async (): Promise<T> => Promise.reject(unavailable('the registry did not answer'));
    await beSlow(world, actor, deadline);
    return await scheduler.call({ actor, label, isWrite: false, run: async () => run(), lost });
  };
  const port: ModelRegistry = {
    address: 'simulated:',
    pointer: registry.pointer,
    // The world has one pointer of one model; any other names nothing.
    through: (pointer) =>
      pointerText(pointer) === pointerText(registry.pointer) ? port : unusedPort(pointer),
    readAlias: async (model, alias, deadline) =>
      await read('read alias', () => registry.named(model, alias), deadline),
    read: async (model, _include, deadline) =>
      await read('read registry', () => answered(world, model, clock), deadline),
    readBelow: async (model, _version, deadline) =>
      await read('read below', () => registry.snapshot(model).others, deadline),
    listByTag: async (_tag, _namesMax, deadline) =>
      await read('list by tag', () => ({ names: [], isComplete: true }), deadline),
    listPointers: async (_page, deadline) =>
      await read(
        'list pointers',
        () => ({ rows: [registry.pointers(modelName)], next: null }),
        deadline,
      ),
    readChangesBelow: async (model, _version, _from, deadline) =>
      await read(
        'read changes below',
        () => ({ rows: registry.snapshot(model).others, next: null }),
        deadline,
      ),
    readAliases: async (_model, deadline) => await read('read aliases', () => [], deadline),
    readAliasesOf: async (_model, _version, deadline) =>
      await read('read aliases of', () => [], deadline),
    readDetails: async (_model, version, deadline) =>
      await read('read details', () => registry.details(version), deadline),
    readRun: async () => Promise.reject(unavailable('the world has no runs')),
    readSignature: async (_model, _version, deadline) =>
      await read('read signature', () => null, deadline),
    annotate: async (_model, version, tag, deadline) =>
      await read('set tag', () => registry.tag(version, tag), deadline),
    movePointer: async (model, version, deadline) => {
      if (model !== modelName) world.violations.push(`${actor} moved the model ${model}`);
      if (isDryRun) world.violations.push('I9: a dry run moved the pointer');
      if (deadline.leftMs() < limits.writeTimeoutMinMs) {
        world.violations.push(`I3: ${actor} moved the pointer without time`);
      }
      await requireClaim(world, actor, clock);
      return await move(world, actor, version);
    },
  };
  const unusedPort = (pointer: ModelPointer): ModelRegistry => ({
    ...port,
    pointer,
    through: port.through,
    read: async (model, _include, deadline) =>
      await read(
        'read another pointer',
        () => {
          const snapshot = answered(world, model, clock);
          return { ...snapshot, pointer, live: [], others: [...snapshot.live, ...snapshot.others] };
        },
        deadline,
      ),
    readAliases: async (_model, deadline) => await read('read aliases', usedAliases, deadline),
    movePointer: async () => {
      // A promotion may be the first use of a pointer; this world has one pointer only.
      if (await isPromoting(world)) {
        return { kind: 'refused', error: new RegistryRefusedError('nobody uses it') };
      }
      world.violations.push(`I11: ${actor} moved ${pointerText(pointer)}, which nobody uses`);
      return await Promise.reject(unavailable('nobody uses it'));
    },
  });
  const usedAliases = (): readonly ModelAlias[] => registry.pointers(modelName).aliases;
  return port;
}

// ---------------------------------------------------------------------------------------------------

function unavailable(message: string): RegistryUnavailableError {
  return new RegistryUnavailableError(message);
}

/** Clocks are compared as the answer comes in, as the adapters do. */
function answered(world: SimulatedWorld, model: string, clock: Clock): RegistrySnapshot {
  const clockSkewMs = clock.nowMs() - world.scheduler.nowMs;
  return { ...world.registry.snapshot(model), clockSkewMs };
}

/** Time passes before the answer, but never past the deadline of the caller. */
async function beSlow(world: SimulatedWorld, actor: string, deadline: Deadline): Promise<void> {
  const { scheduler, choices, registryIsSlowUntilMs } = world;
  if (scheduler.isCalm || scheduler.nowMs >= registryIsSlowUntilMs) return;
  const slowMs = slownessMs[choices.pick(slownessMs.length)] ?? 0;
  const waitMs = Math.min(slowMs, deadline.leftMs());
  if (slowMs > 0) world.slowReads += 1;
  if (waitMs > 0) await world.pass(actor, waitMs, 'the registry is slow');
  if (waitMs < slowMs) throw unavailable('the registry did not answer in time');
}

async function move(world: SimulatedWorld, actor: string, version: string): Promise<MoveAnswer> {
  const { scheduler, choices, registry } = world;
  const error = unavailable('the registry did not answer');
  // A 503 with a body: answered, and not done.
  const isBusy = scheduler.faultPercent > 0 && choices.happens(5);
  // MLflow reads the live versions before it writes: with a promotion in between, two stay live.
  let seenLive: readonly string[] | null = null;
  const sentAtMs = scheduler.nowMs;
  if (scheduler.faultPercent > 0 && choices.happens(5)) {
    await scheduler.call({
      actor,
      label: `the move to ${version} begins`,
      isWrite: false,
      run: async () => {
        seenLive = registry.live();
      },
      lost: async () => undefined,
    });
  }
  return await scheduler.call<MoveAnswer>({
    actor,
    label: `move to ${version}${isBusy ? ' (busy)' : ''}`,
    isWrite: true,
    sentAtMs,
    run: async () => {
      if (isBusy) return { kind: 'unknown', error, isAnswered: true };
      await requireNoOtherClaim(world, actor);
      const change = { by: 'us' as const, atMs: scheduler.nowMs };
      registry.promote(version, seenLive ?? registry.live(), change);
      return { kind: 'moved' };
    },
    lost: async () => ({ kind: 'unknown', error, isAnswered: false }),
  });
}

async function requireClaim(world: SimulatedWorld, actor: string, clock: Clock): Promise<void> {
  const { state } = await world.stored();
  const active = state?.active ?? null;
  if (active === null || !active.owner.startsWith(`${actor} `)) {
    world.violations.push(`I3: ${actor} moved the pointer without the claim`);
  } else if (active.leaseEndsAtMs <= clock.nowMs()) {
    world.violations.push(`I3: ${actor} moved the pointer after its lease`);
  } else if (isTakenFrozen(world, active.owner)) {
    world.violations.push(`${actor} moved the pointer, and resumed the run while it was frozen`);
  }
}

async function isPromoting(world: SimulatedWorld): Promise<boolean> {
  const { state, records } = await world.stored();
  const holder = records.find(({ id }) => id === state?.active?.rollbackId);
  return holder?.request.promotes === true;
}

async function requireNoOtherClaim(world: SimulatedWorld, actor: string): Promise<void> {
  const { state } = await world.stored();
  const owner = state?.active?.owner;
  if (owner !== undefined && !owner.startsWith(`${actor} `)) {
    world.violations.push(`I3: a write of ${actor} landed while ${owner} held the claim`);
  }
}
