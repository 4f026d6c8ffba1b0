import { noteAliasChange } from '../app/note-alias-change.ts';
import { reportPromotion } from '../app/report-promotion.ts';
import { sweep } from '../app/sweep.ts';
import type { SweepReport } from '../app/sweep-report.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { parseRequest } from '../domain/request/request.ts';
import type { DueItem } from '../ports/rollback-store.ts';
import { alarmActors, tripAgain } from './alarm-actors.ts';
import { operatorActors } from './operator-actors.ts';
import { promotionActors } from './promotion-actors.ts';
import { modelName } from './simulated-registry.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** Who acts in a run, by choice: requests and their duplicates, rivals, a person, sweeps. */
export async function playScenario(world: SimulatedWorld): Promise<void> {
  const { choices, scheduler } = world;
  seedVersions(world);
  scheduler.faultPercent = [0, 4, 12, 25][choices.pick(4)] ?? 0;
  const downMs = choices.happens(25) ? [1_800_000, 10_800_000, 36_000_000][choices.pick(3)] : 0;
  world.topicIsDownUntilMs = scheduler.nowMs + (downMs ?? 0);
  const slowMs = choices.happens(25) ? [600_000, 3_600_000][choices.pick(2)] : 0;
  world.registryIsSlowUntilMs = scheduler.nowMs + (slowMs ?? 0);
  const actors: Promise<void>[] = [];
  // Without it nothing shows what an alias named before.
  if (world.isOneRelease && choices.happens(50)) actors.push(reporter(world));
  const requests = requestsOf(world);
  for (const [index, fields] of requests.entries()) {
    const copies = 1 + choices.pick(3);
    for (let copy = 0; copy < copies; copy += 1) {
      actors.push(requester(world, `request ${index}.${copy}`, fields));
    }
  }
  if (choices.happens(20)) {
    actors.push(requester(world, 'preview', { request_id: 'p', dry_run: true }));
  }
  actors.push(...alarmActors(world));
  actors.push(...operatorActors(world));
  actors.push(...promotionActors(world));
  if (choices.happens(50)) actors.push(promoter(world));
  if (choices.happens(20)) actors.push(promoter(world, '2'));
  const person = choices.pick(5);
  if (person > 2) actors.push(mover(world, person === 3 ? 'the newest' : 'an older'));
  for (let index = 0; index < choices.pick(3); index += 1)
    actors.push(sweeper(world, `sweep ${index}`));
  // A process that was killed never returns: the world is waited for, not the actors.
  for (const actor of actors)
    actor.catch((error) => world.violations.push(`a bug: ${String(error)}`));
  await scheduler.settle(5_000);
}

/**
 * The morning after: no more faults, and whoever is left does its work. Returns when nothing is due.
 * @returns false when something is still due after many sweeps: stuck
 */
export async function comeToRest(world: SimulatedWorld): Promise<boolean> {
  const { scheduler } = world;
  scheduler.faultPercent = 0;
  scheduler.isCalm = true;
  world.calmSinceMs = scheduler.nowMs;
  let left: readonly DueItem[] = [];
  // An alarm that stays in ALARM is checked for half a day, every hour.
  for (let round = 0; round < 40; round += 1) {
    scheduler.nowMs += round < 12 ? 130_000 : 3_600_000;
    const isOver = round === 28 || (round === 12 && world.choices.happens(50));
    if (isOver) world.alarms.recover(scheduler.nowMs);
    const deps = world.depsFor(`morning ${round}`);
    const isTripped = (round === 9 || round === 11) && world.choices.happens(40);
    const tripped = isTripped ? tripAgain(world) : null;
    // Nobody asks for anything, and a pipeline goes on: what observing is for.
    const isPromoted = world.observeMs > 0 && round === 7 && world.choices.happens(50);
    if (isPromoted) {
      promoter(world).catch((error) => world.violations.push(`a bug: ${String(error)}`));
    }
    const startedMs = scheduler.nowMs;
    // This release: the one that is left when an upgrade is done.
    const swept = sweep(deps, world.deadline(deps, 120_000));
    await Promise.all([scheduler.settle(5_000), swept, tripped]);
    const report = await swept;
    judgeClocks(world, report);
    left = stillDue(world, left, await world.due('record', startedMs));
    const due = [...(await world.due('record')), ...(await world.due('notice'))];
    if (round >= 12 && report.due === 0 && due.length === 0) return true;
  }
  return false;
}

/** Nothing that is due stays so through two sweeps on a quiet day, whether notices can be sent or not. */
function stillDue(
  world: SimulatedWorld,
  before: readonly DueItem[],
  now: readonly DueItem[],
): readonly DueItem[] {
  for (const { id, dueAtMs } of now) {
    const wasLeft = before.some((item) => item.id === id && item.dueAtMs === dueAtMs);
    if (wasLeft) world.violations.push(`I8: ${id} is still due after two sweeps`);
  }
  return now;
}

// ---------------------------------------------------------------------------------------------------

function seedVersions({ registry, scheduler, choices }: SimulatedWorld): void {
  const count = 3 + choices.pick(2);
  for (let version = 1; version <= count; version += 1) {
    registry.register(scheduler.nowMs);
    scheduler.nowMs += 1_000;
    registry.promote(String(version), registry.live(), { by: 'others', atMs: scheduler.nowMs });
    scheduler.nowMs += 60_000;
  }
}

function requestsOf({ choices }: SimulatedWorld): Record<string, unknown>[] {
  const first = { request_id: 'a' };
  const others = [
    { request_id: 'b' },
    { request_id: 'b', overrides: ['COOLDOWN'] },
    { request_id: 'b', target_version: '1', overrides: ['COOLDOWN', 'QUARANTINED'] },
    { request_id: 'b', expected_from_version: '3' },
    {},
  ];
  const second = others[choices.pick(others.length + 1) - 1];
  return second === undefined ? [first] : [first, second];
}

/** A caller: tries again on what a retry can cure, as Step Functions and Lambda do. */
async function requester(
  world: SimulatedWorld,
  actor: string,
  fields: Record<string, unknown>,
): Promise<void> {
  const isDryRun = fields['dry_run'] === true;
  const budgetMs = [120_000, 6_000, 30_000][world.choices.pick(3)] ?? 120_000;
  for (let attempt = 0; attempt < 4; attempt += 1) {
    // Each try is a process of its own: a crash ends this one only.
    const process = `${actor}#${attempt}`;
    const deps = world.depsFor(process, { isDryRun });
    const { request, warnings } = parseRequest({ model_name: modelName, ...fields });
    const deadline = world.deadline(deps, budgetMs);
    const call = { request, warnings, invocationId: actor, deadline };
    try {
      await world.useCasesFor(process, deps).rollBack(deps, call);
      return;
    } catch (error) {
      world.judge(error);
      if (!isModelRollbackError(error) || !error.isRetryable) return;
    }
    await deps.clock.sleep(20_000 * (attempt + 1));
  }
}

/** A promotion pipeline: registers the next version (or takes an old one) and promotes it. */
async function promoter(world: SimulatedWorld, version?: string): Promise<void> {
  const actor = `promoter of ${version ?? 'a new version'}`;
  const { scheduler, registry, choices } = world;
  const delayMs = [0, 0, 120_000, 600_000][choices.pick(4)] ?? 0;
  if (delayMs > 0) await world.depsFor(`${actor}, later`).clock.sleep(delayMs);
  const act = async (label: string, run: () => void): Promise<void> =>
    await scheduler.call({
      actor,
      label,
      isWrite: true,
      run: async () => run(),
      lost: async () => undefined,
    });
  let promoted = version ?? '';
  await act('register', () => {
    if (version === undefined) promoted = registry.register(scheduler.nowMs);
  });
  if (promoted === '') return;
  let seenLive: readonly string[] = [];
  await act('begin to promote', () => {
    seenLive = registry.live();
  });
  let promotedAtMs = 0;
  await act(`promote ${promoted}`, () => {
    promotedAtMs = scheduler.nowMs;
    registry.promote(promoted, seenLive, { by: 'others', atMs: promotedAtMs });
  });
  const isReported = registry.pointer.kind === 'alias' && choices.happens(40);
  if (isReported && promotedAtMs > 0) await deliver(world, promoted, promotedAtMs);
}

/** MLflow's webhook about an alias: late at times, and at times twice. */
async function deliver(world: SimulatedWorld, version: string, atMs: number): Promise<void> {
  const { choices } = world;
  const delayMs = [0, 10_000, 600_000][choices.pick(3)] ?? 0;
  const deliveryId = `delivery of ${version}`;
  const change = { modelName, alias: 'champion', version, atMs, deliveryId };
  for (let copy = 0; copy <= choices.pick(2); copy += 1) {
    const deps = world.depsFor(`webhook of ${version}, ${copy}`);
    if (delayMs > 0) await deps.clock.sleep(delayMs);
    try {
      await noteAliasChange(deps, change, world.deadline(deps, 30_000));
    } catch (error) {
      world.judge(error);
    }
  }
}

/** A pipeline that reports what its last promotion replaced. */
async function reporter(world: SimulatedWorld): Promise<void> {
  const deps = world.depsFor('reporter');
  const { pointer } = world.registry;
  const [version = ''] = world.registry.live();
  const replaced = String(Number(version) - 1);
  try {
    const promotion = { modelName, version, replaced, pointer };
    await reportPromotion(deps, promotion, world.deadline(deps, 30_000));
  } catch (error) {
    world.judge(error);
  }
}

/** A person who moves the pointer by hand. */
async function mover(world: SimulatedWorld, which: 'the newest' | 'an older'): Promise<void> {
  const { scheduler, registry } = world;
  await scheduler.call({
    actor: 'person',
    label: `moves to ${which}`,
    isWrite: true,
    run: async () => {
      const { others } = registry.snapshot(modelName);
      const isStage = registry.pointer.kind === 'stage';
      const wereLive = others.filter((row) => !isStage || row.stage === 'Archived');
      const row = which === 'the newest' ? wereLive[0] : wereLive.at(-1);
      const change = { by: 'others' as const, atMs: scheduler.nowMs };
      if (row !== undefined) registry.promote(row.version, registry.live(), change);
    },
    lost: async () => undefined,
  });
}

/** A sweep names its failures, and goes on. */
function judgeClocks(world: SimulatedWorld, { failed }: SweepReport): void {
  for (const { rollback_id: id, error } of failed) {
    if (error.includes('The clock of this machine')) {
      world.violations.push(`a right clock was taken for a wrong one: ${id}: ${error}`);
    }
  }
}

async function sweeper(world: SimulatedWorld, actor: string): Promise<void> {
  const deps = world.depsFor(actor);
  try {
    const report = await world.useCasesFor(actor, deps).sweep(deps, world.deadline(deps, 120_000));
    judgeClocks(world, report);
  } catch (error) {
    world.judge(error);
  }
}
