import type { CompareDeps } from './app/compare-models.ts';
import type { ComposeOptions } from './assemble.ts';
import { dynamoDBEvidence } from './compose-aws.ts';
import { withComparison } from './compose-compare.ts';
import { authorizerFor, composeLambda } from './compose-lambda.ts';
import type { Config } from './config/config-from-env.ts';
import type { EvidenceStore } from './ports/evidence-store.ts';

/** Composition for the function compare-models; that of the function that rolls back does not hold it. */
export async function composeLambdaComparison(
  config: Config,
  options: ComposeOptions,
): Promise<CompareDeps> {
  const { deps } = await composeLambda(config, options);
  const parts = {
    evidence: await openEvidence(config),
    authorizer: authorizerFor(config.registry),
  };
  return withComparison(deps, config, parts).deps;
}

// ---------------------------------------------------------------------------------------------------

async function openEvidence({ store, registry }: Config): Promise<EvidenceStore> {
  const workspace = registry.workspace ?? '';
  if (store.kind === 'dynamodb') return dynamoDBEvidence({ tableName: store.tableName, workspace });
  // For running the bundle on one machine.
  const { openEvidence: open } = await import('./compose-store.ts');
  return await open(store, workspace);
}
