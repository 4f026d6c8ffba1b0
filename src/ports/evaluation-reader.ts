import type { Evaluation } from '../domain/evidence/evaluation.ts';
import type { Deadline } from './deadline.ts';

/** Reads what was measured of the versions of registered models. */
export interface EvaluationReader {
  /** @throws VersionNotFoundError, ModelNotFoundError, RegistryRefusedError, RegistryUnavailableError */
  readEvaluation(modelName: string, version: string, deadline: Deadline): Promise<Evaluation>;
  close(): void;
}
