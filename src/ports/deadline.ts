import type { Clock } from './clock.ts';

/** The hard end of one invocation. No step starts after it. */
export interface Deadline {
  /** Milliseconds left; 0 or less when it has passed. */
  leftMs(): number;
}

/** A deadline `budgetMs` from now, on the monotonic clock. */
export function deadlineAfter(clock: Clock, budgetMs: number): Deadline {
  const endsAtMs = clock.monotonicMs() + budgetMs;
  return { leftMs: () => endsAtMs - clock.monotonicMs() };
}

/** So much time from now, but not past `deadline`. */
export function deadlineWithin(clock: Clock, budgetMs: number, deadline: Deadline): Deadline {
  return deadlineAfter(clock, Math.min(budgetMs, deadline.leftMs()));
}
