import { StateCorruptError } from '../../domain/errors.ts';
import type { Run } from './postgres-database.ts';

/**
 * The steps that make the tables, each once and in order; a release adds to the end and changes none that was
 * released. Text is compared by its bytes, as in the other stores: the order of a list does not depend on the
 * database's language.
 */
const migrations: readonly string[] = [
  `CREATE TABLE model_rollback_state (
     workspace TEXT COLLATE "C" NOT NULL,
     model_name TEXT COLLATE "C" NOT NULL,
     revision BIGINT NOT NULL,
     write_token TEXT COLLATE "C" NOT NULL,
     doc TEXT NOT NULL,
     PRIMARY KEY (workspace, model_name)
   );
   CREATE TABLE model_rollback_record (
     workspace TEXT COLLATE "C" NOT NULL,
     id TEXT COLLATE "C" NOT NULL,
     model_name TEXT COLLATE "C" NOT NULL,
     revision BIGINT NOT NULL,
     write_token TEXT COLLATE "C" NOT NULL,
     shown_at_ms BIGINT NOT NULL,
     due_at_ms BIGINT,
     expires_at_ms BIGINT,
     doc TEXT NOT NULL,
     PRIMARY KEY (workspace, id)
   );
   CREATE INDEX model_rollback_record_by_time ON model_rollback_record (workspace, shown_at_ms, id);
   CREATE INDEX model_rollback_record_by_model
     ON model_rollback_record (workspace, model_name, shown_at_ms, id);
   CREATE INDEX model_rollback_record_due ON model_rollback_record (workspace, due_at_ms, id)
     WHERE due_at_ms IS NOT NULL;
   CREATE INDEX model_rollback_record_expires ON model_rollback_record (expires_at_ms)
     WHERE expires_at_ms IS NOT NULL;
   CREATE TABLE model_rollback_notice (
     workspace TEXT COLLATE "C" NOT NULL,
     rollback_id TEXT COLLATE "C" NOT NULL,
     topic TEXT COLLATE "C" NOT NULL,
     write_token TEXT COLLATE "C" NOT NULL,
     due_at_ms BIGINT,
     expires_at_ms BIGINT,
     doc TEXT NOT NULL,
     PRIMARY KEY (workspace, rollback_id, topic)
   );
   CREATE INDEX model_rollback_notice_due ON model_rollback_notice (workspace, due_at_ms, rollback_id, topic)
     WHERE due_at_ms IS NOT NULL;
   CREATE INDEX model_rollback_notice_expires ON model_rollback_notice (expires_at_ms)
     WHERE expires_at_ms IS NOT NULL;
   CREATE TABLE model_rollback_live_log (
     workspace TEXT COLLATE "C" NOT NULL,
     model_name TEXT COLLATE "C" NOT NULL,
     name TEXT COLLATE "C" NOT NULL,
     doc TEXT NOT NULL,
     PRIMARY KEY (workspace, model_name, name)
   );
   CREATE TABLE model_rollback_live_heads (
     workspace TEXT COLLATE "C" NOT NULL,
     part TEXT COLLATE "C" NOT NULL,
     revision BIGINT NOT NULL,
     write_token TEXT COLLATE "C" NOT NULL,
     doc TEXT NOT NULL,
     PRIMARY KEY (workspace, part)
   );`,
  `CREATE TABLE model_rollback_evidence (
     workspace TEXT COLLATE "C" NOT NULL,
     model_name TEXT COLLATE "C" NOT NULL,
     champion TEXT COLLATE "C" NOT NULL,
     challenger TEXT COLLATE "C" NOT NULL,
     created_at_ms BIGINT NOT NULL,
     doc TEXT NOT NULL,
     PRIMARY KEY (workspace, model_name, champion, challenger, created_at_ms)
   );`,
];

/** Any number that no other program locks: these are the letters of `rollback`. */
const lockKey = '8245069110478463851';

/**
 * Brings the tables to what this release needs; several processes may do so at once, and one of an earlier release
 * may go on beside them.
 * @throws StateCorruptError for tables of a later release that this one must not use
 */
export async function createTables(run: Run): Promise<void> {
  if ((await versionOf(run)) === migrations.length) return;
  await run('BEGIN');
  await run('SELECT pg_advisory_xact_lock($1::bigint)', lockKey);
  await run('CREATE TABLE IF NOT EXISTS model_rollback_schema (version INTEGER NOT NULL)');
  const { rows } = await run('SELECT max(version) AS version FROM model_rollback_schema');
  const made = Number(rows[0]?.['version'] ?? 0);
  for (const [index, migration] of migrations.slice(made).entries()) {
    await run(migration);
    await run('INSERT INTO model_rollback_schema (version) VALUES ($1)', made + index + 1);
  }
  await run('COMMIT');
}

// ---------------------------------------------------------------------------------------------------

async function versionOf(run: Run): Promise<number> {
  const { rows: tables } = await run("SELECT to_regclass('model_rollback_schema') AS found");
  if (tables[0]?.['found'] === null) return 0;
  const { rows } = await run('SELECT max(version) AS version FROM model_rollback_schema');
  const version = Number(rows[0]?.['version'] ?? 0);
  if (version <= migrations.length) return version;
  throw new StateCorruptError(
    `The tables of model-rollback have schema ${version}; this release knows ${migrations.length}. ` +
      'Update model-rollback here.',
  );
}
