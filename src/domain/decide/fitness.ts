import type { SmokeResult } from '../hook.ts';

/** What was found out about a target beside its row. */
export interface Fitness {
  /** Why it is unfit, a sentence each. */
  readonly unfit: readonly string[];
  /** What could not be read, and so was not checked; a sentence each. */
  readonly unchecked: readonly string[];
  /** Null where it was not called, or where there is none. */
  readonly smoke: SmokeResult | null;
}

/** Nothing was looked up. */
export const noFitness: Fitness = { unfit: [], unchecked: [], smoke: null };
