import { MemoryRollbackStore } from '../adapters/memory/memory-rollback-store.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';
import { Choices, shrinkChoices } from './choices.ts';
import { brokenInvariants } from './invariants.ts';
import type { OtherRelease } from './release.ts';
import { comeToRest, playScenario } from './scenario.ts';
import { SimulatedWorld } from './simulated-world.ts';

/** How to simulate. */
export interface SimulationOptions {
  /** The first seed; run `n` has the seed `seed + n`. */
  readonly seed: number;
  readonly runs: number;
  /** An empty store per run. @default memory */
  readonly openStore?: () => Promise<RollbackStore>;
  /** Another release that works on the same store, in about half of the processes. @default none */
  readonly otherRelease?: OtherRelease;
}

/** A run that broke an invariant. */
export interface SimulationFailure {
  readonly seed: number;
  readonly problems: readonly string[];
  /** The smallest choices that still break one: hand them to `replayRollbacks`. */
  readonly choices: readonly number[];
  /** What happened in the smallest run, call by call. */
  readonly trace: readonly string[];
}

export interface SimulationReport {
  readonly runs: number;
  /** Calls of ports, over all runs. */
  readonly steps: number;
  readonly commits: number;
  /** Ends of requests by outcome, over all runs. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Records of alarms that CloudWatch did not confirm, among those refused. */
  readonly unconfirmed: number;
  /** Reads of the registry that waited half a minute or more for their answer. */
  readonly slowReads: number;
  /** Changes of the pointer by others that the live log has: observed, or delivered by a webhook. */
  readonly observed: number;
  /** The first failure, shrunk; null when every invariant held in every run. */
  readonly failure: SimulationFailure | null;
}

/**
 * Runs the real protocol in a deterministic world with lost, late and doubled calls, crashes, clock skew, a
 * slow registry, a topic that is down for hours, rivals and sweeps, and checks the invariants after each
 * run. Stops at the first failure.
 */
export async function simulateRollbacks(options: SimulationOptions): Promise<SimulationReport> {
  const outcomes: Record<string, number> = {};
  const totals = { steps: 0, commits: 0, unconfirmed: 0, slowReads: 0, observed: 0 };
  for (let index = 0; index < options.runs; index += 1) {
    const seed = options.seed + index;
    const run = await simulate(new Choices(seed), options);
    totals.steps += run.world.scheduler.trace.length;
    totals.slowReads += run.world.slowReads;
    const log = await run.world.liveLog();
    totals.observed += log.filter(({ how }) => how === 'observed' || how === 'webhook').length;
    for (const record of (await run.world.stored()).records) {
      const { status } = record.progress;
      if (status === 'REFUSED' && record.plan === null) totals.unconfirmed += 1;
      outcomes[status] = (outcomes[status] ?? 0) + 1;
      if (status === 'ROLLED_BACK') totals.commits += 1;
    }
    if (run.problems.length > 0) {
      const failure = await shrinkFailure(seed, run.world.choices.made, options);
      return { runs: index + 1, ...totals, outcomes, failure };
    }
  }
  return { runs: options.runs, ...totals, outcomes, failure: null };
}

/** One run from recorded choices. */
export async function replayRollbacks(
  choices: readonly number[],
  options: Pick<SimulationOptions, 'openStore' | 'otherRelease'> = {},
): Promise<{ readonly problems: readonly string[]; readonly trace: readonly string[] }> {
  const { problems, world } = await simulate(new Choices(choices), options);
  return { problems, trace: world.scheduler.trace };
}

// ---------------------------------------------------------------------------------------------------

async function simulate(
  choices: Choices,
  { openStore, otherRelease }: Pick<SimulationOptions, 'openStore' | 'otherRelease'>,
): Promise<{ problems: string[]; world: SimulatedWorld }> {
  const store = (await openStore?.()) ?? new MemoryRollbackStore();
  const cooldownMs = [86_400_000, 0, 60_000][choices.pick(3)] ?? 0;
  const isCauseChecked = choices.pick(2) === 0;
  const settings = { cooldownMs, writeHorizonMs: 60_000, isCauseChecked };
  const world = new SimulatedWorld(choices, store, settings, otherRelease);
  await playScenario(world);
  const isAtRest = await comeToRest(world);
  return { problems: await brokenInvariants(world, isAtRest), world };
}

async function shrinkFailure(
  seed: number,
  made: readonly number[],
  options: SimulationOptions,
): Promise<SimulationFailure> {
  const choices = await shrinkChoices(made, async (candidate) => {
    const { problems } = await simulate(new Choices(candidate), options);
    return problems.length > 0;
  });
  return { seed, choices, ...(await replayRollbacks(choices, options)) };
}
