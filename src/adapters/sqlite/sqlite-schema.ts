import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

/**
 * The version of the tables, kept in `user_version`. Release 0.1.0 refuses a higher one, so a table that it
 * does not know is added without raising it.
 */
export const schemaVersion = 1;

/** Makes the tables; several processes may do so at once. */
export function createTables(database: DatabaseSync): void {
  database.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS model_state (
      workspace TEXT NOT NULL,
      model_name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      doc TEXT NOT NULL,
      PRIMARY KEY (workspace, model_name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS rollback (
      workspace TEXT NOT NULL,
      id TEXT NOT NULL,
      model_name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      shown_at_ms INTEGER NOT NULL,
      due_at_ms INTEGER,
      expires_at_ms INTEGER,
      doc TEXT NOT NULL,
      PRIMARY KEY (workspace, id)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS rollback_by_time ON rollback (workspace, shown_at_ms);
    CREATE INDEX IF NOT EXISTS rollback_by_model ON rollback (workspace, model_name, shown_at_ms);
    CREATE INDEX IF NOT EXISTS rollback_due ON rollback (workspace, due_at_ms) WHERE due_at_ms IS NOT NULL;
    CREATE INDEX IF NOT EXISTS rollback_expires ON rollback (expires_at_ms)
      WHERE expires_at_ms IS NOT NULL;
    CREATE TABLE IF NOT EXISTS notice (
      workspace TEXT NOT NULL,
      rollback_id TEXT NOT NULL,
      topic TEXT NOT NULL,
      token TEXT NOT NULL,
      due_at_ms INTEGER,
      expires_at_ms INTEGER,
      doc TEXT NOT NULL,
      PRIMARY KEY (workspace, rollback_id, topic)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS notice_due ON notice (workspace, due_at_ms) WHERE due_at_ms IS NOT NULL;
    CREATE INDEX IF NOT EXISTS notice_expires ON notice (expires_at_ms)
      WHERE expires_at_ms IS NOT NULL;
    CREATE TABLE IF NOT EXISTS live_log (
      workspace TEXT NOT NULL,
      model_name TEXT NOT NULL,
      name TEXT NOT NULL,
      doc TEXT NOT NULL,
      PRIMARY KEY (workspace, model_name, name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS live_heads (
      workspace TEXT NOT NULL,
      part TEXT NOT NULL,
      revision INTEGER NOT NULL,
      doc TEXT NOT NULL,
      PRIMARY KEY (workspace, part)
    ) STRICT;
    PRAGMA user_version = ${schemaVersion};
    COMMIT;
  `);
}

/** The version of the tables in a file; 0 when it has none. */
export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

/** True when the file has every table; one of release 0.1.0 has none for notices and the live log. */
export function hasAllTables(database: DatabaseSync): boolean {
  const query =
    "SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' AND name IN ('notice', 'live_log', 'live_heads')";
  return Number(database.prepare(query).get()?.['tables']) === 3;
}

/** Level by level: Node's own recursive form never ends where a folder cannot be made (under /proc). */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process made it at this moment.
    if (!existsSync(path)) throw error;
  }
}
