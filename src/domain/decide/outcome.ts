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
  /** The pointer was moved to a new version, which is no rollback. */
  PROMOTED: 'PROMOTED',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** True for what moves the pointer, or moved it. */
export function movesPointer(outcome: string): outcome is 'ROLLED_BACK' | 'PROMOTED' {
  return outcome === Outcome.ROLLED_BACK || outcome === Outcome.PROMOTED;
}
