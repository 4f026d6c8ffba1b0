import { Pool, type PoolClient } from 'pg';
import {
  ConfigurationError,
  isModelRollbackError,
  messageOf,
  StateStoreUnavailableError,
} from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';
import { createTables } from './postgres-schema.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The tables are not there: nobody has written yet. */
export const noTables: unique symbol = Symbol('no tables');

/** A statement of a transaction: its rows, and how many it touched. */
export type Run = (
  sql: string,
  ...values: readonly unknown[]
) => Promise<{ readonly rows: readonly Row[]; readonly touched: number }>;

/** The answer to a COMMIT was lost: it may have been carried out. */
export class LostCommitError extends Error {
  override readonly name = 'LostCommitError';
}

/**
 * A PostgreSQL database, shared by several machines. Each call is bounded by its deadline, and a connection that
 * did not answer in time is not used again.
 */
export class PostgresDatabase {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #address: string;
  #isReady = false;

  /**
   * @param url `postgres://USER:PASSWORD@HOST/DATABASE`; what it lacks is read from PGHOST, PGPASSWORD, …
   * @param address for people: without login
   */
  constructor(url: string, address: string, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
    this.#pool = new Pool({
      connectionString: url,
      max: 10,
      application_name: 'model-rollback',
      connectionTimeoutMillis: limits.storeTimeoutMs,
      idleTimeoutMillis: 30_000,
      // A command ends when its work is done.
      allowExitOnIdle: true,
    });
    // An idle connection that breaks is replaced by the next call.
    this.#pool.on('error', ignored);
  }

  /** One statement, which sees one moment; `noTables` where nobody has written yet. */
  async read(
    deadline: Deadline,
    sql: string,
    ...values: readonly unknown[]
  ): Promise<readonly Row[] | typeof noTables> {
    try {
      return await this.#connected(deadline, async (run) => (await run(sql, ...values)).rows);
    } catch (error) {
      if (codeOf(error) === undefinedTable) return noTables;
      throw this.#mapped(error);
    }
  }

  /**
   * All of the work or nothing: what it gives, null after which all is taken back.
   * @throws LostCommitError when it is not known whether it was carried out
   */
  async write<T>(deadline: Deadline, work: (run: Run) => Promise<T | null>): Promise<T | null> {
    try {
      return await this.#connected(deadline, async (run) => {
        if (!this.#isReady) await createTables(run);
        this.#isReady = true;
        await run('BEGIN');
        const done = await work(run);
        if (done === null) {
          await run('ROLLBACK');
          return null;
        }
        try {
          await run('COMMIT');
        } catch (cause) {
          // The database says no; or it says nothing.
          if (codeOf(cause) !== undefined) throw cause;
          throw new LostCommitError(messageOf(cause), { cause });
        }
        return done;
      });
    } catch (error) {
      throw error instanceof LostCommitError ? error : this.#mapped(error);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #connected<T>(deadline: Deadline, work: (run: Run) => Promise<T>): Promise<T> {
    const within = deadlineWithin(this.#clock, limits.storeTimeoutMs, deadline);
    requireTime(within);
    const client = await this.#connect(within);
    let isSound = false;
    // A connection that ends during a query is reported twice: the query is rejected too.
    client.on('error', ignored);
    try {
      const answer = await work(async (sql, ...values) => {
        requireTime(within);
        const query = { text: sql, values: [...values], query_timeout: Math.ceil(within.leftMs()) };
        const { rows, rowCount } = await client.query(query);
        return { rows, touched: rowCount ?? 0 };
      });
      isSound = true;
      return answer;
    } finally {
      // Whatever is under way on it, or open, ends with it.
      if (isSound) client.off('error', ignored);
      client.release(!isSound);
    }
  }

  /** The pool has no deadline of a call: what connects too late is given back unused. */
  async #connect(within: Deadline): Promise<PoolClient> {
    const connecting = this.#pool.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, within.leftMs(), null);
    });
    const client = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
    if (client !== null) return client;
    connecting.then(
      (unused) => unused.release(),
      () => undefined,
    );
    throw new StateStoreUnavailableError(
      `The database ${this.#address} did not answer. Try again.`,
    );
  }

  #mapped(error: unknown): unknown {
    if (!(error instanceof Error) || isModelRollbackError(error)) return error;
    const code = codeOf(error);
    const setting = settingProblem(code);
    if (setting !== null) {
      return new ConfigurationError(
        `ROLLBACK_STORE names ${this.#address}, and the database refused: ${messageOf(error)}. ${setting}`,
        { cause: error },
      );
    }
    return new StateStoreUnavailableError(
      `The database ${this.#address} failed: ${messageOf(error)}. Try again.`,
      { cause: error },
    );
  }
}

// ---------------------------------------------------------------------------------------------------

function ignored(): void {}

/** SQLSTATE: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const undefinedTable = '42P01';

/** What a person must change; null where a retry may help. */
function settingProblem(code: string | undefined): string | null {
  if (code === undefined) return null;
  if (code.startsWith('28'))
    return 'Check the user and the password, in the address or in PGPASSWORD.';
  if (code === '3D000') return 'Create the database, or correct its name.';
  if (code === '42501') {
    return 'Give this user the rights on the tables of model-rollback, and CREATE on the schema for the first start.';
  }
  if (code === '3F000') return 'Create the schema that search_path names.';
  return null;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : undefined;
}

function requireTime(deadline: Deadline): void {
  if (deadline.leftMs() > 0) return;
  throw new StateStoreUnavailableError('No time was left for the state store. Try again.');
}
