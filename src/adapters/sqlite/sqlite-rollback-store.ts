import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import {
  ConfigurationError,
  messageOf,
  StateCorruptError,
  StateStoreUnavailableError,
} from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  dueAtMs,
  expiresAtMs,
  type ModelState,
  type RollbackRecord,
} from '../../domain/rollback.ts';
import { decodeModelState, decodeRollbackRecord, encodeItem } from '../../domain/stored-item.ts';
import type { StoreChange } from '../../domain/transition.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { DueRecord, RollbackStore, StoreView } from '../../ports/rollback-store.ts';
import { createTables, schemaVersion } from './sqlite-schema.ts';

/** State on one machine: one file, several processes at once. */
export class SQLiteRollbackStore implements RollbackStore {
  readonly #database: DatabaseSync;
  readonly #workspace: string;

  /**
   * Opens the file, and makes it with its folder when it is not there.
   * @param workspace of MLflow; empty when it has none
   * @throws ConfigurationError when it cannot be opened, StateCorruptError when it is of a newer version
   */
  constructor(path: string, workspace: string, clock: Clock) {
    this.#workspace = workspace;
    try {
      if (path !== ':memory:') makeFolder(resolve(dirname(path)));
      // The busy timeout makes writers of other processes queue instead of failing.
      this.#database = new DatabaseSync(path, { timeout: busyTimeoutMs });
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version']);
      if (version > schemaVersion) {
        throw new StateCorruptError(
          `The state file ${path} has schema ${version}; this version reads ${schemaVersion}. Update model-rollback.`,
        );
      }
      createTables(this.#database);
      this.#database
        .prepare('DELETE FROM rollback WHERE expires_at_ms < ? AND due_at_ms IS NULL')
        .run(clock.nowMs());
    } catch (cause) {
      if (cause instanceof StateCorruptError) throw cause;
      if (isBusy(cause)) throw unavailable(cause);
      throw new ConfigurationError(
        `ROLLBACK_STORE names ${path}, which cannot be opened: ${messageOf(cause)}. ` +
          'Set it to sqlite:<path of a writable file>.',
        { cause },
      );
    }
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    return this.#run(deadline, () =>
      this.#transaction('BEGIN', () => ({
        state: this.#state(modelName),
        record: rollbackId === null ? undefined : this.#record(rollbackId),
        serverTimeMs: null,
      })),
    );
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    return this.#run(deadline, () =>
      this.#transaction('BEGIN IMMEDIATE', () => {
        const { state, record } = change;
        const isStale =
          (state !== undefined &&
            this.#revision('model_state', 'model_name', state.modelName) !== state.revision - 1) ||
          (record !== undefined &&
            this.#revision('rollback', 'id', record.id) !== record.revision - 1);
        if (isStale) return 'conflict';
        if (state !== undefined) this.#putState(state);
        if (record !== undefined) this.#putRecord(record);
        return 'written';
      }),
    );
  }

  async list(modelName: string | null, deadline: Deadline): Promise<readonly RollbackRecord[]> {
    const order = 'ORDER BY created_at_ms DESC, id LIMIT ?';
    return this.#run(deadline, () => {
      const rows =
        modelName === null
          ? this.#all(
              `SELECT id, revision, doc FROM rollback WHERE workspace = ? ${order}`,
              this.#workspace,
              limits.historyRowsMax,
            )
          : this.#all(
              `SELECT id, revision, doc FROM rollback WHERE workspace = ? AND model_name = ? ${order}`,
              this.#workspace,
              modelName,
              limits.historyRowsMax,
            );
      return rows.map((row) => readRow(row, String(row['id']), decodeRollbackRecord));
    });
  }

  async listDue(nowMs: number, limit: number, deadline: Deadline): Promise<readonly DueRecord[]> {
    return this.#run(deadline, () =>
      this.#all(
        'SELECT id, due_at_ms FROM rollback WHERE workspace = ? AND due_at_ms <= ? ORDER BY due_at_ms LIMIT ?',
        this.#workspace,
        nowMs,
        limit,
      ).map((row) => ({ id: String(row['id']), dueAtMs: Number(row['due_at_ms']) })),
    );
  }

  close(): void {
    this.#database.close();
  }

  #state(modelName: string): ModelState | undefined {
    const [row] = this.#all(
      'SELECT revision, doc FROM model_state WHERE workspace = ? AND model_name = ?',
      this.#workspace,
      modelName,
    );
    return row && readRow(row, `${modelName}/STATE`, decodeModelState);
  }

  #record(id: string): RollbackRecord | undefined {
    const [row] = this.#all(
      'SELECT revision, doc FROM rollback WHERE workspace = ? AND id = ?',
      this.#workspace,
      id,
    );
    return row && readRow(row, id, decodeRollbackRecord);
  }

  #revision(table: 'model_state' | 'rollback', key: 'model_name' | 'id', value: string): number {
    const [row] = this.#all(
      `SELECT revision FROM ${table} WHERE workspace = ? AND ${key} = ?`,
      this.#workspace,
      value,
    );
    return Number(row?.['revision'] ?? 0);
  }

  #putState(state: ModelState): void {
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO model_state (workspace, model_name, revision, doc) VALUES (?, ?, ?, ?)',
      )
      .run(this.#workspace, state.modelName, state.revision, encodeItem(state));
  }

  #putRecord(record: RollbackRecord): void {
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO rollback
         (workspace, id, model_name, revision, created_at_ms, due_at_ms, expires_at_ms, doc)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        this.#workspace,
        record.id,
        record.modelName,
        record.revision,
        record.createdAtMs,
        dueAtMs(record),
        expiresAtMs(record),
        encodeItem(record),
      );
  }

  #all(sql: string, ...values: (string | number)[]): Record<string, SQLOutputValue>[] {
    return this.#database.prepare(sql).all(...values);
  }

  #transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
    this.#database.exec(begin);
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #run<T>(deadline: Deadline, work: () => T): T {
    const leftMs = deadline.leftMs();
    if (leftMs <= 0) {
      throw new StateStoreUnavailableError('No time was left for the state store. Try again.');
    }
    try {
      // A wait for another process's write must not outlast the deadline.
      const waitMs = Math.ceil(Math.min(leftMs, busyTimeoutMs));
      this.#database.exec(`PRAGMA busy_timeout = ${waitMs}`);
      return work();
    } catch (error) {
      throw isSqliteError(error) ? unavailable(error) : error;
    }
  }
}

// ---------------------------------------------------------------------------------------------------

const busyTimeoutMs = 5_000;

/** Level by level: Node's own recursive form never ends where a folder cannot be made (under /proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process made it at this moment.
    if (!existsSync(path)) throw error;
  }
}

/** Conditions look at the column, decisions at the document: they must not differ. */
function readRow<T extends { readonly revision: number }>(
  row: Record<string, SQLOutputValue>,
  name: string,
  decode: (text: string, itemName: string) => T,
): T {
  const item = decode(String(row['doc']), name);
  if (Number(row['revision']) === item.revision) return item;
  throw new StateCorruptError(
    `The stored item ${name} cannot be read: field revision: it differs from the one in doc. ` +
      'Nothing was written.',
  );
}

function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

/** SQLITE_BUSY and SQLITE_LOCKED, with their extended forms. */
function isBusy(error: unknown): boolean {
  return isSqliteError(error) && [5, 6].includes(error.errcode & 0xff);
}

function unavailable(cause: unknown): StateStoreUnavailableError {
  const hint = isBusy(cause) ? ' Another process holds the file; try again.' : '';
  return new StateStoreUnavailableError(`The state file failed: ${messageOf(cause)}.${hint}`, {
    cause,
  });
}
