import type { ModelPointer } from '../domain/registry/pointer.ts';
import type { Deadline } from './deadline.ts';

/**
 * Makes registered models, for a drill alone: a rollback makes and deletes nothing. Every call is tried once, and may
 * throw RegistryRefusedError (with the permission that it needs) or RegistryUnavailableError: then it may have
 * happened.
 */
export interface ScratchModels {
  /** A registered model that did not exist before. */
  createModel(modelName: string, deadline: Deadline): Promise<void>;
  /** The next version of it, ready to be promoted. @returns its number */
  createVersion(modelName: string, deadline: Deadline): Promise<string>;
  /** Takes the pointer away from a version: nothing is live after it. */
  archive(
    modelName: string,
    version: string,
    pointer: ModelPointer,
    deadline: Deadline,
  ): Promise<void>;
  close(): void;
}
