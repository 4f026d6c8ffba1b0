import type { Evaluation } from '../domain/evidence/evaluation.ts';
import type { RowTable } from '../domain/evidence/rows.ts';
import type { Deadline } from './deadline.ts';

/** Reads what was measured of the versions of registered models. */
export interface EvaluationReader {
  /** @throws VersionNotFoundError, ModelNotFoundError, RegistryRefusedError, RegistryUnavailableError */
  readEvaluation(modelName: string, version: string, deadline: Deadline): Promise<Evaluation>;
  /**
   * A table among the artifacts of a run.
   * @throws InvalidRequestError when there is none that can be read, RegistryRefusedError, RegistryUnavailableError
   */
  readTable(runId: string, path: string, deadline: Deadline): Promise<RowTable>;
  close(): void;
}
