/**
 * Whether serving confirmed the version that a rollback restored. Kept in the record, and due by itself:
 *
 *   pending ──confirmed──> confirmed
 *    │  ^  └──a day──> given-up
 *    │  └─ not confirmed: due again later
 *    └──another version is live──> superseded
 */
export type Serving =
  | {
      readonly kind: 'pending';
      readonly dueAtMs: number;
      /** Calls that did not confirm it. */
      readonly tries: number;
      /** Why the last one did not, without a full stop; null before the first. */
      readonly why: string | null;
    }
  /** `version`: what serving named; null where it named none. */
  | {
      readonly kind: 'confirmed';
      readonly atMs: number;
      readonly tries: number;
      readonly version: string | null;
    }
  | {
      readonly kind: 'given-up';
      readonly atMs: number;
      readonly tries: number;
      readonly why: string;
    }
  /** The pointer was moved again before: servers are to load another version. */
  | { readonly kind: 'superseded'; readonly atMs: number };
