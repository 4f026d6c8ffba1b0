import { StateStoreUnavailableError } from '../../domain/errors.ts';
import type { Evidence, EvidencePair } from '../../domain/evidence/evidence.ts';
import {
  decodeEvidence,
  decodeEvidenceList,
  type EvidenceList,
  encodeEvidence,
  evidenceName,
} from '../../domain/evidence/stored-evidence.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';
import type { Identity } from '../../ports/identity.ts';
import { LostCommitError, noTables, PostgresDatabase } from './postgres-database.ts';

/** @param config `url` as of PostgresDatabase, `address` for people */
export function postgresEvidence(
  { url, address }: { readonly url: string; readonly address: string },
  workspace: string,
  { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
): PostgresEvidenceStore {
  return new PostgresEvidenceStore(new PostgresDatabase(url, address, clock), workspace, identity);
}

/** Evidence in a table of the state's database. Reading makes no tables. */
export class PostgresEvidenceStore implements EvidenceStore {
  readonly #database: PostgresDatabase;
  readonly #workspace: string;
  readonly #identity: Identity;

  /** @param workspace of MLflow; empty when it has none */
  constructor(database: PostgresDatabase, workspace: string, identity: Identity) {
    this.#database = database;
    this.#workspace = workspace;
    this.#identity = identity;
  }

  async writeEvidence(evidence: Evidence, deadline: Deadline): Promise<void> {
    const { modelName, champion, challenger, createdAtMs } = evidence;
    const values = [this.#workspace, modelName, champion, challenger, createdAtMs];
    try {
      await this.#database.write(deadline, async (run) => {
        await run(
          `INSERT INTO model_rollback_evidence
             (workspace, model_name, champion, challenger, created_at_ms, doc)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (workspace, model_name, champion, challenger, created_at_ms)
           DO UPDATE SET doc = EXCLUDED.doc`,
          ...values,
          encodeEvidence(evidence),
        );
        return true;
      });
    } catch (cause) {
      if (!(cause instanceof LostCommitError)) throw cause;
      throw new StateStoreUnavailableError(
        'The connection to the database ended before it answered: the evidence may be stored or not. Try again.',
        { cause },
      );
    }
  }

  async readEvidence(pair: EvidencePair, deadline: Deadline): Promise<Evidence | undefined> {
    const rows = await this.#database.read(
      deadline,
      `SELECT doc FROM model_rollback_evidence
       WHERE workspace = $1 AND model_name = $2 AND champion = $3 AND challenger = $4
       ORDER BY created_at_ms DESC LIMIT 1`,
      this.#workspace,
      pair.modelName,
      pair.champion,
      pair.challenger,
    );
    const [latest] = rows === noTables ? [] : rows;
    return (
      latest &&
      decodeEvidence(String(latest['doc']), evidenceName(pair), (text) =>
        this.#identity.digest(text),
      )
    );
  }

  async listEvidence(modelName: string, limit: number, deadline: Deadline): Promise<EvidenceList> {
    const rows = await this.#database.read(
      deadline,
      `SELECT doc FROM (
         SELECT DISTINCT ON (champion, challenger) doc, created_at_ms
         FROM model_rollback_evidence WHERE workspace = $1 AND model_name = $2
         ORDER BY champion, challenger, created_at_ms DESC
       ) AS latest ORDER BY created_at_ms DESC LIMIT $3`,
      this.#workspace,
      modelName,
      limit,
    );
    const docs = rows === noTables ? [] : rows.map(({ doc }) => String(doc));
    return decodeEvidenceList(docs, modelName, (text) => this.#identity.digest(text));
  }

  close(): void {
    void this.#database.close();
  }
}
