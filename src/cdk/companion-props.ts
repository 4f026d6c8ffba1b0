import type { Duration } from 'aws-cdk-lib';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

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
   * Secret of a function that has an address (a Function URL) for alerts, webhooks and the API: JSON with `tokens`,
   * the text of a token file, and `grafana_secret` and `mlflow_webhook_secret`, where they are used. Without it there
   * is no such function.
   * @default - none
   */
  readonly httpSecret?: ISecret;
  /**
   * Code of these functions: `compare/index.mjs`, `promote/index.mjs` and `http/index.mjs`.
   * @default - the bundles of this version of the package
   */
  readonly companionCode?: Code;
  /**
   * A promotion requires a comparison of the two versions that says PROMOTE and is not older than this.
   * @default - no comparison is required
   */
  readonly promotionEvidence?: Duration;
}
