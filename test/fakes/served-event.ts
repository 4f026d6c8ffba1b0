import type { RollbackDeps } from '../../src/app/deps.ts';
import type { ModelRollbackError } from '../../src/domain/errors.ts';
import type { EventAnswer } from '../../src/lambda/answer-event.ts';
import { serveEvent } from '../../src/lambda/serve-event.ts';
import type { LogFields } from '../../src/ports/logger.ts';
import type { World } from './world.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** What came of an event, and what the function said of it. */
export interface Served {
  readonly answer: EventAnswer | undefined;
  readonly error: unknown;
  readonly lines: readonly LogLine[];
  /** Lines of metrics, parsed. */
  readonly metrics: readonly Readonly<Record<string, unknown>>[];
}

export interface ServeOptions {
  /** What the process was composed to. @default the world's own */
  readonly started?: RollbackDeps | ModelRollbackError;
  /** `invocation-N`, a new one for each event. */
  readonly invocationId?: string;
  readonly budgetMs?: number;
}

let invocations = 0;

/** Serves one event as an invocation of its own. */
export async function serve(
  world: World,
  event: unknown,
  options: ServeOptions = {},
): Promise<Served> {
  invocations += 1;
  const { started = world.deps, invocationId = `invocation-${invocations}`, budgetMs } = options;
  const lines: LogLine[] = [];
  const metrics: Record<string, unknown>[] = [];
  const served = serveEvent(started, event, {
    invocationId,
    deadline: world.deadline(budgetMs),
    clock: world.clock,
    logger: { log: (level, message, fields = {}) => lines.push({ level, message, fields }) },
    write: (line) => metrics.push(JSON.parse(line)),
  });
  const [result] = await Promise.allSettled([served]);
  return {
    answer: result.status === 'fulfilled' ? result.value : undefined,
    error: result.status === 'rejected' ? result.reason : undefined,
    lines,
    metrics,
  };
}
