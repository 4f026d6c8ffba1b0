import type { Evidence, EvidencePair } from '../domain/evidence/evidence.ts';
import type { EvidenceList } from '../domain/evidence/stored-evidence.ts';
import type { Deadline } from './deadline.ts';

/**
 * Keeps what comparisons found, beside the state of the models. Nothing is replaced: each finding is an item of its
 * own, by its pair and its time.
 *
 * Every call may throw StateStoreUnavailableError (retry), ConfigurationError (missing table, no permission) or
 * StateCorruptError (an item that cannot be read).
 */
export interface EvidenceStore {
  /** Safe to repeat: the same pair and time is the same item. */
  writeEvidence(evidence: Evidence, deadline: Deadline): Promise<void>;
  /** The latest of this pair, in these places; undefined when they were never compared. */
  readEvidence(pair: EvidencePair, deadline: Deadline): Promise<Evidence | undefined>;
  /**
   * Of each pair of a model the latest, the newest first. What cannot be read is named, not thrown.
   * @param limit of pairs
   */
  listEvidence(modelName: string, limit: number, deadline: Deadline): Promise<EvidenceList>;
  /** Frees what the store holds (files, sockets). */
  close(): void;
}
