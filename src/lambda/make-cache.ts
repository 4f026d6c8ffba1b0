/**
 * Makes the code cache of the function in its own folder, for the very Node that runs this: the build runs it, and
 * whoever deploys may run it again with the Node of the runtime (docs/reference/performance.md).
 */
import { loadScript } from './code-cache.ts';
import type { startFunction } from './function.ts';

// A function that is set up and rehearses, whatever is set here. It calls nobody.
process.env = {
  MLFLOW_TRACKING_URI: 'http://rehearsal.invalid',
  ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:us-east-1:000000000000:rehearsal',
  AWS_REGION: 'us-east-1',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
};
const { exports, writeCache } = loadScript<{ readonly startFunction: typeof startFunction }>(
  `${import.meta.dirname}/index.mjs`,
);
const { failure } = await exports.startFunction({ rehearsed: ['request', 'alarm'] });
if (failure !== null) throw new Error(`The rehearsal failed, so no code cache is made: ${failure}`);
writeCache();
