/** The moments at which a rival strikes. */

/** When the rival calls: by the time from the beginning, or after a call of the rollback is sent. */
export interface Offset {
  readonly after: string;
  /** Below zero: the rival comes first. */
  readonly ms: number;
}

const BESIDE_MS = 15;

/** Two of five by the time, from a little before to the end of a rollback; the rest beside a call. */
export function randomOffset(
  random: () => number,
  anchors: readonly string[],
  medianMs: number,
): Offset {
  const isByTime = random() < 0.4;
  const anchor = anchors[Math.floor(random() * anchors.length)] ?? 'begin';
  return isByTime
    ? { after: 'begin', ms: Math.round((random() * 1.3 - 0.2) * medianMs) }
    : { after: anchor, ms: Math.round(random() * BESIDE_MS) };
}

/** mulberry32 */
export function generator(seedNumber: number): () => number {
  let state = seedNumber >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
