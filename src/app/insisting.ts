import { RollbackInProgressError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';

/**
 * Reads and writes again while others are quicker (null).
 * @throws RollbackInProgressError when they were, several times
 */
export async function insisting<T>(what: string, attemptOnce: () => Promise<T | null>): Promise<T> {
  for (let attempt = 1; attempt <= limits.commitAttemptsMax; attempt += 1) {
    const result = await attemptOnce();
    if (result !== null) return result;
  }
  throw new RollbackInProgressError(`Others are writing ${what}. Try again.`);
}
