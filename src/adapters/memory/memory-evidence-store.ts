import { StateStoreUnavailableError } from '../../domain/errors.ts';
import type { Evidence, EvidencePair } from '../../domain/evidence/evidence.ts';
import {
  decodeEvidence,
  decodeEvidenceList,
  type EvidenceList,
  encodeEvidence,
  evidenceName,
} from '../../domain/evidence/stored-evidence.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';
import type { Identity } from '../../ports/identity.ts';

/** Evidence in the memory of a process. Clients that share the items see the same. */
export class MemoryEvidenceStore implements EvidenceStore {
  readonly #items: Map<string, Map<number, string>>;
  readonly #identity: Identity;

  /** @param items text by the name of the pair, then by its time */
  constructor(items: Map<string, Map<number, string>>, identity: Identity) {
    this.#items = items;
    this.#identity = identity;
  }

  async writeEvidence(evidence: Evidence, deadline: Deadline): Promise<void> {
    requireTime(deadline);
    const name = evidenceName(evidence);
    const ofPair = this.#items.get(name) ?? new Map<number, string>();
    this.#items.set(name, ofPair.set(evidence.createdAtMs, encodeEvidence(evidence)));
  }

  async readEvidence(pair: EvidencePair, deadline: Deadline): Promise<Evidence | undefined> {
    requireTime(deadline);
    const name = evidenceName(pair);
    const ofPair = this.#items.get(name) ?? new Map<number, string>();
    const latest = ofPair.get(Math.max(...ofPair.keys()));
    return latest === undefined
      ? undefined
      : decodeEvidence(latest, name, (text) => this.#identity.digest(text));
  }

  async listEvidence(modelName: string, limit: number, deadline: Deadline): Promise<EvidenceList> {
    requireTime(deadline);
    const start = evidenceName({ modelName, champion: '', challenger: '' }).slice(0, -1);
    const latest = [...this.#items].flatMap(([name, ofPair]) => {
      const atMs = Math.max(...ofPair.keys());
      return name.startsWith(start) ? [{ atMs, doc: ofPair.get(atMs) ?? '' }] : [];
    });
    const newest = latest.toSorted((a, b) => b.atMs - a.atMs).slice(0, limit);
    const docs = newest.map(({ doc }) => doc);
    return decodeEvidenceList(docs, modelName, (text) => this.#identity.digest(text));
  }

  close(): void {}
}

// ---------------------------------------------------------------------------------------------------

function requireTime(deadline: Deadline): void {
  if (deadline.leftMs() > 0) return;
  throw new StateStoreUnavailableError('No time was left for the state store. Try again.');
}
