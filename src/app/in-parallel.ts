import { limits } from '../domain/limits.ts';
import { together } from '../domain/together.ts';
import type { Deadline } from '../ports/deadline.ts';

/**
 * A few at a time, and none after the deadline. When one throws, no other is begun; those at work end
 * before the error goes up, so that nothing is left behind when a function is frozen.
 */
export async function inParallel<T>(
  items: readonly T[],
  deadline: Deadline,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      if (deadline.leftMs() <= 0) return;
      try {
        await work(item);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: limits.sweepConcurrency }, worker);
  await together(workers);
}
