import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { assert } from '../../domain/assert.ts';
import {
  ConfigurationError,
  messageOf,
  StateCorruptError,
  StateStoreUnavailableError,
} from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Deadline } from '../../ports/deadline.ts';
import {
  createTables,
  hasAllTables,
  makeFolder,
  schemaVersion,
  versionOf,
} from './sqlite-schema.ts';

/** The state file: opened when it is there, made at the first write, shared with other processes. */
export class StateFile {
  readonly #path: string;
  /** Null until there is a file with tables in it. */
  #opened: DatabaseSync | null = null;
  #hasAllTables = false;

  /**
   * @throws ConfigurationError when the file is there and cannot be opened, StateCorruptError when it is of
   * a later release
   */
  constructor(path: string) {
    this.#path = path;
    this.#open();
  }

  /** False for a file of an earlier release that was not written since. */
  get hasAllTables(): boolean {
    return this.#hasAllTables;
  }

  get database(): DatabaseSync {
    assert(this.#opened !== null, 'the state file is open');
    return this.#opened;
  }

  /** @param nothing the answer while there is no file */
  read<T>(deadline: Deadline, nothing: T, work: () => T): T {
    requireTime(deadline);
    this.#open();
    return this.#opened === null
      ? nothing
      : this.#run(deadline, () => this.#transaction('BEGIN', work));
  }

  /** Makes the file where it is not there. */
  write<T>(deadline: Deadline, work: () => T): T {
    requireTime(deadline);
    this.#create(deadline);
    return this.#run(deadline, () => this.#transaction('BEGIN IMMEDIATE', work));
  }

  close(): void {
    this.#opened?.close();
    this.#opened = null;
  }

  #transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
    this.database.exec(begin);
    try {
      const result = work();
      this.database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Opens the file, if it is there with its tables. */
  #open(): void {
    if (this.#opened !== null) {
      // Another process may have added it since.
      if (!this.#hasAllTables) this.#hasAllTables = this.#inspect(this.#opened).hasAllTables;
      return;
    }
    if (this.#path === ':memory:' || !existsSync(this.#path)) return;
    const database = this.#connect();
    const { version, hasAllTables: isWhole } = this.#inspect(database);
    if (version === 0) database.close();
    else {
      this.#hasAllTables = isWhole;
      this.#opened = database;
    }
  }

  /** Makes folder, file and tables where they are not there. */
  #create(deadline: Deadline): void {
    this.#open();
    if (this.#opened !== null && this.#hasAllTables) return;
    try {
      if (this.#path !== ':memory:') makeFolder(resolve(dirname(this.#path)));
    } catch (cause) {
      throw this.#unusable(cause);
    }
    const database = this.#opened ?? this.#connect();
    try {
      useJournal(database, deadline);
      createTables(database);
      this.#opened = database;
      this.#hasAllTables = true;
    } catch (cause) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw isBusy(cause) ? unavailable(cause) : this.#unusable(cause);
    }
  }

  #connect(): DatabaseSync {
    try {
      // The busy timeout makes writers of other processes queue instead of failing.
      const database = new DatabaseSync(this.#path, { timeout: busyTimeoutMs });
      database.exec('PRAGMA synchronous = FULL');
      return database;
    } catch (cause) {
      throw isBusy(cause) ? unavailable(cause) : this.#unusable(cause);
    }
  }

  #inspect(database: DatabaseSync): { readonly version: number; readonly hasAllTables: boolean } {
    try {
      const version = versionOf(database);
      if (version <= schemaVersion) return { version, hasAllTables: hasAllTables(database) };
      throw new StateCorruptError(
        `The state file ${this.#path} has schema ${version}; this release reads ${schemaVersion}. ` +
          'Update model-rollback here.',
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

  #run<T>(deadline: Deadline, work: () => T): T {
    try {
      setWait(this.database, deadline);
      return work();
    } catch (error) {
      throw isSqliteError(error) ? unavailable(error) : error;
    }
  }
}

// ---------------------------------------------------------------------------------------------------

const busyTimeoutMs = limits.storeTimeoutMs;

/** A wait for another process's write must not outlast the deadline. */
function setWait(database: DatabaseSync, deadline: Deadline): void {
  const waitMs = Math.ceil(Math.min(deadline.leftMs(), busyTimeoutMs));
  database.exec(`PRAGMA busy_timeout = ${Math.max(1, waitMs)}`);
}

/**
 * Changing the journal does not wait for other processes, whatever the timeout: it is refused at once while
 * one of them makes the tables. An exclusive transaction waits, and after it the journal may be changed.
 */
function useJournal(database: DatabaseSync, deadline: Deadline): void {
  for (;;) {
    setWait(database, deadline);
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || deadline.leftMs() <= 0) throw error;
      database.exec('BEGIN EXCLUSIVE');
      database.exec('COMMIT');
    }
  }
}

function requireTime(deadline: Deadline): void {
  if (deadline.leftMs() > 0) return;
  throw new StateStoreUnavailableError('No time was left for the state store. Try again.');
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
