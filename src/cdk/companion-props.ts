import type { Duration } from 'aws-cdk-lib';
import type { Code } from 'aws-cdk-lib/aws-lambda';

/** The props for the functions beside the one that rolls back. All are off by default. */
export interface CompanionProps {
  /**
   * Whether there is a function that compares two versions, for a state machine.
   * @default false
   */
  readonly compareFunction?: boolean;
  /**
   * Whether there is a function that promotes a version, for a state machine.
   * @default false
   */
  readonly promoteFunction?: boolean;
  /**
   * Code of these functions: `compare/index.mjs` and `promote/index.mjs`.
   * @default - the bundles of this version of the package
   */
  readonly companionCode?: Code;
  /**
   * A promotion requires a comparison of the two versions that says PROMOTE and is not older than this.
   * @default - no comparison is required
   */
  readonly promotionEvidence?: Duration;
}
