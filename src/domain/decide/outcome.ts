/** How a request can end. Expected ends are values; errors.ts holds what is thrown. */
export const Outcome = {
  ROLLED_BACK: 'ROLLED_BACK',
  REFUSED: 'REFUSED',
  NO_TARGET: 'NO_TARGET',
  ALREADY_LIVE: 'ALREADY_LIVE',
  CONTESTED: 'CONTESTED',
  FAILED: 'FAILED',
  /** An alarm that could not be handled now; the sweep tries again while it is in ALARM. */
  DEFERRED: 'DEFERRED',
  /** An alarm that waits for a person's approval. */
  AWAITING_APPROVAL: 'AWAITING_APPROVAL',
  /** Mode `observe`: an alarm would have rolled back. */
  OBSERVED: 'OBSERVED',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
