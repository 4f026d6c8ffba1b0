import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Check, ok, problem } from '../../domain/answer/check.ts';
import { messageOf } from '../../domain/errors.ts';

/** Could the state file be written? It is not tried: a check leaves no file behind. */
export function inspectFile(path: string): Check {
  if (path === ':memory:') return ok('file', 'State is kept in memory, for this process only.');
  const file = resolve(path);
  const place = nearest(file);
  try {
    accessSync(place, constants.W_OK);
    // Beside the file stand its journals.
    if (place === file) accessSync(dirname(file), constants.W_OK);
    else if (!statSync(place).isDirectory()) throw new Error(`${place} is not a folder`);
  } catch (error) {
    const message = `ROLLBACK_STORE names ${file}, which this user may not write: ${messageOf(error)}.`;
    return problem('file', message, 'Set it to sqlite:<path of a writable file>.');
  }
  return place === file
    ? ok('file', `State is kept in ${file}.`)
    : ok('file', `State will be kept in ${file}, which the first rollback creates.`);
}

// ---------------------------------------------------------------------------------------------------

/** The file, or the folder above it that is there. */
function nearest(path: string): string {
  const above = dirname(path);
  return existsSync(path) || above === path ? path : nearest(above);
}
