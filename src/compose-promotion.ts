import { systemIdentity } from './adapters/system/system-identity.ts';
import type { PromotionDeps } from './app/promote.ts';
import type { ComposeOptions } from './assemble.ts';
import { dynamoDBEvidence } from './compose-aws.ts';
import { composeLambda } from './compose-lambda.ts';
import type { Config } from './config/config-from-env.ts';
import { assert } from './domain/assert.ts';
import type { EvidenceStore } from './ports/evidence-store.ts';

/** What the function that promotes works with: the parts of the one that rolls back, and the evidence. */
export async function composePromotion(
  config: Config,
  options: ComposeOptions,
): Promise<PromotionDeps> {
  const [{ deps }, evidence] = await Promise.all([
    composeLambda(config, options),
    openEvidence(config),
  ]);
  return { ...deps, evidence };
}

/** What comparisons found, where a function has it. */
export async function openEvidence({ store, registry }: Config): Promise<EvidenceStore> {
  const workspace = registry.workspace ?? '';
  if (store.kind === 'dynamodb') return dynamoDBEvidence({ ...store, workspace });
  assert(store.kind === 'sqlite', 'the configuration of a function names no other store');
  const { SQLiteEvidenceStore } = await import('./adapters/sqlite/sqlite-evidence-store.ts');
  return new SQLiteEvidenceStore(store.path, workspace, systemIdentity);
}
