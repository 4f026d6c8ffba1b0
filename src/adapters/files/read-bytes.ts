import { readFile, stat } from 'node:fs/promises';
import { InvalidRequestError, messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';

/** @throws InvalidRequestError when it cannot be read, or is too large */
export async function bytesOf(path: string, bytesMax: number): Promise<Buffer> {
  const shown = escapeText(path);
  try {
    const { size } = await stat(path);
    if (size > bytesMax) {
      throw new InvalidRequestError(
        `${shown} has ${size} bytes; at most ${bytesMax} are read. Leave out columns that no rule names.`,
      );
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof InvalidRequestError) throw cause;
    throw new InvalidRequestError(`${shown} cannot be read: ${escapeText(messageOf(cause))}.`, {
      cause,
    });
  }
}
