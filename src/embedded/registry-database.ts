import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/** The tables and the connection. Columns are named as in MLflow's own SQL store. */

const SCHEMA = `
CREATE TABLE IF NOT EXISTS registered_models (
  name TEXT PRIMARY KEY,
  creation_time INTEGER NOT NULL,
  last_updated_time INTEGER NOT NULL,
  description TEXT
);
CREATE TABLE IF NOT EXISTS model_versions (
  name TEXT NOT NULL REFERENCES registered_models (name) ON DELETE CASCADE ON UPDATE CASCADE,
  version INTEGER NOT NULL,
  creation_time INTEGER NOT NULL,
  last_updated_time INTEGER NOT NULL,
  description TEXT,
  current_stage TEXT NOT NULL,
  source TEXT,
  run_id TEXT,
  run_link TEXT,
  status TEXT NOT NULL,
  status_message TEXT,
  PRIMARY KEY (name, version)
);
CREATE INDEX IF NOT EXISTS model_versions_by_stage
  ON model_versions (name, current_stage, version);
CREATE TABLE IF NOT EXISTS registered_model_tags (
  name TEXT NOT NULL REFERENCES registered_models (name) ON DELETE CASCADE ON UPDATE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name, key)
);
CREATE TABLE IF NOT EXISTS model_version_tags (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name, version, key),
  FOREIGN KEY (name, version) REFERENCES model_versions (name, version)
    ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE IF NOT EXISTS registered_model_aliases (
  name TEXT NOT NULL REFERENCES registered_models (name) ON DELETE CASCADE ON UPDATE CASCADE,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (name, alias)
);
`;

/** One connection, its prepared statements and the clock that stamps the rows. */
export class RegistryDatabase {
  readonly now: () => number;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, now: () => number) {
    this.now = now;
    this.#database = new DatabaseSync(path, { timeout: 20_000 });
    this.#database.exec('PRAGMA foreign_keys = ON');
    // MLflow turns this on, so that LIKE distinguishes cases and ILIKE does not.
    this.#database.exec('PRAGMA case_sensitive_like = ON');
    this.#database.exec(SCHEMA);
  }

  /** All rows of a query. */
  all<Row>(sql: string, ...params: readonly SQLInputValue[]): readonly Row[] {
    return this.#prepared(sql).all(...params) as unknown as readonly Row[];
  }

  /** The first row of a query, if there is one. */
  get<Row>(sql: string, ...params: readonly SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...params) as Row | undefined;
  }

  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, ...params: readonly SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...params).changes);
  }

  /** Runs all of `work` or none of it. */
  transaction<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      return known;
    }
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
