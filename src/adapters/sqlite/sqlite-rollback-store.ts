import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { assert } from '../../domain/assert.ts';
import {
  ConfigurationError,
  messageOf,
  StateCorruptError,
  StateStoreUnavailableError,
} from '../../domain/errors.ts';
import type { FleetState } from '../../domain/fleet.ts';
import { limits } from '../../domain/limits.ts';
import {
  dueAtMs,
  expiresAtMs,
  type ModelState,
  type RollbackRecord,
  type StoreChange,
  shownAtMs,
} from '../../domain/rollback.ts';
import {
  decodeFleetState,
  decodeModelState,
  decodeRollbackRecord,
  encodeItem,
} from '../../domain/stored-item.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { DueRecord, RollbackStore, StoreView } from '../../ports/rollback-store.ts';
import { createTables, makeFolder, readRow, schemaVersion, versionOf } from './sqlite-schema.ts';

/**
 * State on one machine: one file, several processes at once. Reading leaves the file alone, and makes none:
 * a preview writes nothing.
 */
export class SQLiteRollbackStore implements RollbackStore {
  readonly #path: string;
  readonly #workspace: string;
  readonly #clock: Clock;
  /** Null until there is a file with tables in it. */
  #opened: DatabaseSync | null = null;

  /**
   * @param workspace of MLflow; empty when it has none
   * @throws ConfigurationError when the file is there and cannot be opened, StateCorruptError when it is of
   * a newer version
   */
  constructor(path: string, workspace: string, clock: Clock) {
    this.#path = path;
    this.#workspace = workspace;
    this.#clock = clock;
    this.#open();
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    const nothing = { state: undefined, record: undefined, fleet: undefined, clockSkewMs: null };
    return this.#run(deadline, nothing, () =>
      this.#transaction('BEGIN', () => ({
        state: this.#state(modelName),
        record: rollbackId === null ? undefined : this.#record(rollbackId),
        fleet: this.#fleet(),
        clockSkewMs: null,
      })),
    );
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    if (deadline.leftMs() > 0) this.#create();
    return this.#run<'written' | 'conflict'>(deadline, 'conflict', () =>
      this.#transaction('BEGIN IMMEDIATE', () => {
        const { state, record, fleet } = change;
        const isStale =
          (state !== undefined &&
            this.#revision('model_state', 'model_name', state.modelName) !== state.revision - 1) ||
          (record !== undefined &&
            this.#revision('rollback', 'id', record.id) !== record.revision - 1) ||
          (fleet !== undefined &&
            this.#revision('model_state', 'model_name', fleetRow) !== fleet.revision - 1);
        if (isStale) return 'conflict';
        if (state !== undefined) this.#putState(state.modelName, state);
        if (fleet !== undefined) this.#putState(fleetRow, fleet);
        if (record !== undefined) this.#putRecord(record);
        return 'written';
      }),
    );
  }

  async list(modelName: string | null, deadline: Deadline): Promise<readonly RollbackRecord[]> {
    const order = 'ORDER BY shown_at_ms DESC, id LIMIT ?';
    return this.#run(deadline, [], () => {
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
    return this.#run(deadline, [], () =>
      this.#all(
        'SELECT id, due_at_ms FROM rollback WHERE workspace = ? AND due_at_ms <= ? ORDER BY due_at_ms LIMIT ?',
        this.#workspace,
        nowMs,
        limit,
      ).map((row) => ({ id: String(row['id']), dueAtMs: Number(row['due_at_ms']) })),
    );
  }

  close(): void {
    this.#opened?.close();
    this.#opened = null;
  }

  #state(modelName: string): ModelState | undefined {
    const row = this.#stateRow(modelName);
    return row && readRow(row, `${modelName}/STATE`, decodeModelState);
  }

  #fleet(): FleetState | undefined {
    const row = this.#stateRow(fleetRow);
    return row && readRow(row, 'FLEET', decodeFleetState);
  }

  #stateRow(name: string): Record<string, SQLOutputValue> | undefined {
    return this.#all(
      'SELECT revision, doc FROM model_state WHERE workspace = ? AND model_name = ?',
      this.#workspace,
      name,
    )[0];
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

  #putState(name: string, state: ModelState | FleetState): void {
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO model_state (workspace, model_name, revision, doc) VALUES (?, ?, ?, ?)',
      )
      .run(this.#workspace, name, state.revision, encodeItem(state));
  }

  #putRecord(record: RollbackRecord): void {
    this.#database.prepare('DELETE FROM rollback WHERE expires_at_ms < ?').run(this.#clock.nowMs());
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO rollback
         (workspace, id, model_name, revision, shown_at_ms, due_at_ms, expires_at_ms, doc)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        this.#workspace,
        record.id,
        record.modelName,
        record.revision,
        shownAtMs(record),
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

  get #database(): DatabaseSync {
    assert(this.#opened !== null, 'the state file is open');
    return this.#opened;
  }

  /** Opens the file, if it is there with its tables. */
  #open(): void {
    if (this.#opened !== null || this.#path === ':memory:' || !existsSync(this.#path)) return;
    const database = this.#connect();
    if (versionOf(database) === 0) database.close();
    else this.#opened = database;
  }

  /** Makes folder, file and tables where they are not there. */
  #create(): void {
    this.#open();
    if (this.#opened !== null) return;
    try {
      if (this.#path !== ':memory:') makeFolder(resolve(dirname(this.#path)));
    } catch (cause) {
      throw this.#unusable(cause);
    }
    const database = this.#connect();
    try {
      database.exec('PRAGMA journal_mode = WAL');
      createTables(database);
      this.#opened = database;
    } catch (cause) {
      throw isBusy(cause) ? unavailable(cause) : this.#unusable(cause);
    }
  }

  #connect(): DatabaseSync {
    try {
      // The busy timeout makes writers of other processes queue instead of failing.
      const database = new DatabaseSync(this.#path, { timeout: busyTimeoutMs });
      database.exec('PRAGMA synchronous = FULL');
      const version = versionOf(database);
      if (version <= schemaVersion) return database;
      throw new StateCorruptError(
        `The state file ${this.#path} has schema ${version}; this version reads ${schemaVersion}. Update model-rollback.`,
      );
    } catch (cause) {
      if (cause instanceof StateCorruptError) throw cause;
      throw isBusy(cause) ? unavailable(cause) : this.#unusable(cause);
    }
  }

  #unusable(cause: unknown): ConfigurationError {
    return new ConfigurationError(
      `ROLLBACK_STORE names ${this.#path}, which cannot be opened: ${messageOf(cause)}. ` +
        'Set it to sqlite:<path of a writable file>.',
      { cause },
    );
  }

  /** @param nothing the answer while there is no file */
  #run<T>(deadline: Deadline, nothing: T, work: () => T): T {
    const leftMs = deadline.leftMs();
    if (leftMs <= 0) {
      throw new StateStoreUnavailableError('No time was left for the state store. Try again.');
    }
    this.#open();
    if (this.#opened === null) return nothing;
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

/** The fleet's item stands among those of the models; no registered model has an empty name. */
const fleetRow = '';

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
