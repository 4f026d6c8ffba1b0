import { ConfigurationError } from '../domain/errors.ts';
import { clockSkewProblem } from '../domain/protocol/meeting.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * Where the clock may be wrong: a lease has expired only if our clock is right.
 * @throws ConfigurationError
 */
export function requireClock(deps: RollbackDeps, skews: readonly (number | null)[]): void {
  const problem = clockSkewProblem(skews, deps.settings.clockSkewMaxMs);
  if (problem !== null) throw new ConfigurationError(problem);
}

/** The skew (ms) by a small reading of the registry; null where nobody asks, or it cannot be read. */
export async function registrySkewMs(
  deps: RollbackDeps,
  modelName: string,
  deadline: Deadline,
): Promise<number | null> {
  if (deps.settings.clockSkewMaxMs === null) return null;
  try {
    return (await deps.registry.read(modelName, [], deadline, 1)).clockSkewMs;
  } catch {
    // What is wrong with the registry is reported by the reading that follows.
    return null;
  }
}
