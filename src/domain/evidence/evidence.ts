/** What a comparison recommends. */
export const Decision = {
  /** Each gate passed, and the sample is large enough for the limits of the rules. */
  PROMOTE: 'PROMOTE',
  /** A gate failed; also the answer to an error. */
  KEEP: 'KEEP',
  /** The comparison is not fair, or there is not enough to decide with: a person must check. */
  INVESTIGATE: 'INVESTIGATE',
} as const;
export type Decision = (typeof Decision)[keyof typeof Decision];

/** Two versions of a registered model that were compared. */
export interface EvidencePair {
  readonly modelName: string;
  /** The version that was live, or stood for it. */
  readonly champion: string;
  readonly challenger: string;
}

/** What a comparison of two versions found, as it is stored. */
export interface Evidence extends EvidencePair {
  readonly decision: Decision;
  /** 0 to 1: how sure the comparison is of its decision. */
  readonly confidence: number;
  /** SHA-256 of `text` as UTF-8, lower-case hex: the same input gives the same digest. */
  readonly sha256: string;
  readonly createdAtMs: number;
  /** The whole finding as canonical JSON, at most `evidenceLimits.evidenceBytesMax` long; without any time of its making. */
  readonly text: string;
}
