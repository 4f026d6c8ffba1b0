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
import { StateFile } from './state-file.ts';

/** Evidence in the state file, in a table that the first comparison adds. Reading leaves the file alone. */
export class SQLiteEvidenceStore implements EvidenceStore {
  readonly #file: StateFile;
  readonly #workspace: string;
  readonly #identity: Identity;

  /** @param workspace of MLflow; empty when it has none @throws as StateFile does */
  constructor(path: string, workspace: string, identity: Identity) {
    this.#file = new StateFile(path);
    this.#workspace = workspace;
    this.#identity = identity;
  }

  async writeEvidence(evidence: Evidence, deadline: Deadline): Promise<void> {
    const { modelName, champion, challenger, createdAtMs } = evidence;
    this.#file.write(deadline, () => {
      this.#file.database.exec(table);
      this.#file.database
        .prepare('INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?)')
        .run(
          this.#workspace,
          modelName,
          champion,
          challenger,
          createdAtMs,
          encodeEvidence(evidence),
        );
    });
  }

  async readEvidence(pair: EvidencePair, deadline: Deadline): Promise<Evidence | undefined> {
    const doc = this.#file.read(deadline, undefined, () => {
      const { database } = this.#file;
      if (database.prepare(tables).get() === undefined) return undefined;
      return database
        .prepare(
          `SELECT doc FROM evidence
           WHERE workspace = ? AND model_name = ? AND champion = ? AND challenger = ?
           ORDER BY created_at_ms DESC LIMIT 1`,
        )
        .get(this.#workspace, pair.modelName, pair.champion, pair.challenger)?.['doc'];
    });
    return doc === undefined
      ? undefined
      : decodeEvidence(String(doc), evidenceName(pair), (text) => this.#identity.digest(text));
  }

  async listEvidence(modelName: string, limit: number, deadline: Deadline): Promise<EvidenceList> {
    const docs = this.#file.read<readonly string[]>(deadline, [], () => {
      const { database } = this.#file;
      if (database.prepare(tables).get() === undefined) return [];
      // SQLite gives the other columns of the row that has the greatest time.
      return database
        .prepare(
          `SELECT doc, MAX(created_at_ms) AS at_ms FROM evidence
           WHERE workspace = ? AND model_name = ?
           GROUP BY champion, challenger ORDER BY at_ms DESC LIMIT ?`,
        )
        .all(this.#workspace, modelName, limit)
        .map(({ doc }) => String(doc));
    });
    return decodeEvidenceList(docs, modelName, (text) => this.#identity.digest(text));
  }

  close(): void {
    this.#file.close();
  }
}

// ---------------------------------------------------------------------------------------------------

const tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'evidence'";

const table = `
  CREATE TABLE IF NOT EXISTS evidence (
    workspace TEXT NOT NULL,
    model_name TEXT NOT NULL,
    champion TEXT NOT NULL,
    challenger TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (workspace, model_name, champion, challenger, created_at_ms)
  ) STRICT`;
