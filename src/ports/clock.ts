/** Time as an argument: only the system adapter touches the real clock. */
export interface Clock {
  /** Wall clock, epoch milliseconds; compared between machines, may be off by seconds. */
  nowMs(): number;
  /** Monotonic milliseconds of this process; deadlines are measured on it. */
  monotonicMs(): number;
  sleep(ms: number): Promise<void>;
}
