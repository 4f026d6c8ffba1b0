import { limits } from '../domain/limits.ts';
import type { Deadline } from '../ports/deadline.ts';

/** A few at a time, and none after the deadline. */
export async function inParallel<T>(
  items: readonly T[],
  deadline: Deadline,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      if (deadline.leftMs() <= 0) return;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: limits.sweepConcurrency }, worker));
}
