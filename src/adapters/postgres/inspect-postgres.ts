import { type Check, ok, problem } from '../../domain/answer/check.ts';
import { messageOf } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { noTables, PostgresDatabase } from './postgres-database.ts';

/** Could the state be kept in this database? Nothing is written. Never throws. */
export async function inspectPostgres(
  { url, address }: { readonly url: string; readonly address: string },
  clock: Clock,
  deadline: Deadline,
): Promise<Check> {
  const database = new PostgresDatabase(url, address, clock);
  try {
    const tables = await database.read(
      deadline,
      'SELECT version FROM model_rollback_schema LIMIT 1',
    );
    if (tables !== noTables) return ok('database', `State is kept in ${address}.`);
    const [row] = rowsOf(
      await database.read(
        deadline,
        "SELECT has_schema_privilege(current_schema(), 'CREATE') AS may, current_user AS who",
      ),
    );
    return row?.['may'] === true
      ? ok('database', `State will be kept in ${address}; the first rollback creates the tables.`)
      : problem(
          'database',
          `ROLLBACK_STORE names ${address}, where the user ${row?.['who']} may not create the tables.`,
          'Give this user CREATE on the schema for the first start.',
        );
  } catch (error) {
    return problem('database', messageOf(error), 'Correct ROLLBACK_STORE, or start the database.');
  } finally {
    await database.close();
  }
}

// ---------------------------------------------------------------------------------------------------

function rowsOf<T>(rows: readonly T[] | typeof noTables): readonly T[] {
  return rows === noTables ? [] : rows;
}
