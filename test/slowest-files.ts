import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const SHOWN = 10;

/** Prints the files that took longest, at the end of a run: a slow one is seen when it is added. */
export const slowestFiles: Reporter = {
  onTestRunEnd: (modules) => {
    if (modules.length <= SHOWN) return;
    const lines = modules
      .map((module) => ({ name: relative('.', module.moduleId), seconds: secondsOf(module) }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .slice(0, SHOWN)
      .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${name}`);
    console.log(`\nThe ${SHOWN} slowest of ${modules.length} files:\n${lines.join('\n')}`);
  },
};

// ---------------------------------------------------------------------------------------------------

/** With imports, set-up and hooks. */
function secondsOf(module: TestModule): number {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } =
    module.diagnostic();
  return (
    (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) /
    1_000
  );
}
