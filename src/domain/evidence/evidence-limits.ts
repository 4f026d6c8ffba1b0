/**
 * The bounds of comparisons. They stand here and not in `limits.ts`, because the function that rolls back holds all of
 * that file and compares nothing.
 */
export const evidenceLimits = {
  /** The finding of a comparison as it is stored; an item of DynamoDB has at most 400 KB. */
  evidenceBytesMax: 65_536,
  /** Rules of a comparison, slices, and tests of both together (metrics times the values of all slices). */
  compareMetricsMax: 32,
  compareSlicesMax: 8,
  compareTestsMax: 200,
  /** Pairs of a model whose evidence is listed, and stored findings that are looked through for them. */
  pairsShownMax: 12,
  findingsReadMax: 2_000,
  /** Resamples of a bootstrap. */
  resamples: 10_000,
  /** A file of rules, and one with rows (512 MB: the longest text that Node holds). */
  rulesBytesMax: 1_048_576,
  rowsBytesMax: 536_870_000,
  /** Ids, and other examples, that a message names. */
  examplesMax: 3,
} as const;
