/** The simulation in parts with seeds of their own, one part a file: the workers of a run share them. */
import { expect, test } from 'vitest';
import { type SimulationReport, simulateRollbacks } from '../../src/testing/index.ts';

/**
 * SIMULATION_SEED and SIMULATION_RUNS choose other runs, and more of them in each part:
 * `SIMULATION_SEED=7 SIMULATION_RUNS=50000 npx vitest run --project unit test/simulation`. A failure names
 * its seed, and that seed with one run plays it again.
 */
export const firstSeed: number = Number(process.env['SIMULATION_SEED'] ?? 20_261_123);
const runs = Number(process.env['SIMULATION_RUNS'] ?? 1_200);
/** So far apart are the seeds of two parts. */
const RUNS_MAX = 10_000_000;

export function testPart(part: number): void {
  const seed = firstSeed + (part - 1) * RUNS_MAX;
  test(`holds every invariant in ${runs} runs from seed ${seed}`, {
    timeout: 600_000,
  }, async () => {
    const report = await simulateRollbacks({ seed, runs });
    console.log(
      `simulation: seed ${seed}, ${report.runs} runs, ${report.steps} calls, ` +
        `${report.commits} commits, ${report.unconfirmed} alarms not confirmed, ` +
        `${report.slowReads} slow reads, ${report.observed} changes observed, ` +
        `outcomes ${JSON.stringify(report.outcomes)}`,
    );
    expect(explain(report)).toBe('');
    // A simulation in which little happens would prove little.
    expect(report.commits).toBeGreaterThan(report.runs / 4);
    expect(report.unconfirmed).toBeGreaterThan(report.runs / 50);
    expect(report.slowReads).toBeGreaterThan(report.runs / 4);
    expect(report.observed).toBeGreaterThan(report.runs / 20);
    const outcomes = ['CONTESTED', 'FAILED', 'REFUSED', 'NO_TARGET', 'DEFERRED'];
    for (const outcome of [...outcomes, 'AWAITING_APPROVAL']) {
      expect(report.outcomes[outcome], outcome).toBeGreaterThan(report.runs / 500);
    }
  });
}

/** What broke, and how to see it again; empty when nothing did. */
export function explain({ failure }: SimulationReport): string {
  return failure === null
    ? ''
    : [
        `seed ${failure.seed}: ${failure.problems.join('; ')}`,
        `replayRollbacks(${JSON.stringify(failure.choices)})`,
        ...failure.trace,
      ].join('\n');
}
