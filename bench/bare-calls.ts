/** The process that makes the calls of a rollback without the product. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from './processes.ts';
import type { RecordedSteps } from './record-calls.ts';
import type { World } from './world.ts';

export interface BareCalls {
  /** That the steps were recorded of. */
  readonly modelName: string;
  readonly steps: RecordedSteps;
  /** To the registry. */
  readonly connections: 'kept' | 'new';
}

export function bareCommand(
  world: World,
  { connections, ...recording }: BareCalls,
  env: NodeJS.ProcessEnv = {},
): Command {
  const file = join(dirname(world.bundle), `calls-${randomUUID()}.json`);
  writeFileSync(file, JSON.stringify(recording));
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, 'bare-sequence.ts')],
    env: { ...world.env, ...env, BENCH_CALLS: file, BENCH_CONNECTIONS: connections },
  };
}

/** The steps up to the notice, without what is written beside it. */
export function untilNotice(steps: RecordedSteps): RecordedSteps {
  const last = steps.findIndex((step) => step.some(({ to }) => to === 'sns'));
  return steps
    .slice(0, last + 1)
    .map((step, index) => (index === last ? step.filter(({ to }) => to === 'sns') : step));
}
