import { MLflowClient } from './adapters/mlflow/mlflow-client.ts';
import { MLflowEvaluationReader } from './adapters/mlflow/mlflow-evaluation-reader.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { CompareDeps } from './app/compare-models.ts';
import type { RollbackDeps } from './app/deps.ts';
import type { Config } from './config/config-from-env.ts';
import { ConfigurationError } from './domain/errors.ts';
import type { RowTable } from './domain/evidence/rows.ts';
import type { Rules } from './domain/evidence/rules.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { EvaluationReader } from './ports/evaluation-reader.ts';
import type { EvidenceStore } from './ports/evidence-store.ts';
import type { RowsReader } from './ports/rows-reader.ts';

/** The parts of a rollback, and what reads values and keeps evidence; `close` frees the latter. */
export function withComparison(
  deps: RollbackDeps,
  { registry }: Config,
  parts: { readonly evidence: EvidenceStore; readonly authorizer: Authorizer },
): { readonly deps: CompareDeps; close(): void } {
  const { evidence, authorizer } = parts;
  const evaluations =
    registry.kind === 'mlflow'
      ? new MLflowEvaluationReader(
          new MLflowClient({ ...registry, authorizer, clock: systemClock }),
          { clock: systemClock, identity: systemIdentity },
          registry.address,
        )
      : unreadableValues;
  return {
    deps: { ...deps, evaluations, evidence },
    close: () => {
      evaluations.close();
      authorizer.close();
      evidence.close();
    },
  };
}

/** The rows in a file. @throws InvalidRequestError */
export async function openRowsFile(path: string): Promise<RowTable> {
  const { FileRowsReader } = await import('./adapters/files/file-rows-reader.ts');
  const reader: RowsReader = new FileRowsReader();
  return await reader.readRows(path);
}

/** The rows of both versions, from files. @throws InvalidRequestError */
export async function openRows(
  champion: string,
  challenger: string,
): Promise<{ readonly champion: RowTable; readonly challenger: RowTable }> {
  return { champion: await openRowsFile(champion), challenger: await openRowsFile(challenger) };
}

/** The rules in a file. @throws InvalidRequestError */
export async function openRules(path: string): Promise<Rules> {
  const { readRules } = await import('./adapters/files/read-rules.ts');
  return await readRules(path);
}

// ---------------------------------------------------------------------------------------------------

const unreadableValues: EvaluationReader = {
  readEvaluation: async () => {
    throw notFromUnity();
  },
  readTable: async () => {
    throw notFromUnity();
  },
  close: () => undefined,
};

function notFromUnity(): ConfigurationError {
  return new ConfigurationError(
    'Metrics and tables are read from MLflow, and this registry is Unity Catalog. Pass files with the rows of both ' +
      'versions (--champion-rows and --challenger-rows).',
  );
}
