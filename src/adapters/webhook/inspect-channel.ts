import { type Check, failed, ok, problem } from '../../domain/answer/check.ts';
import type { Credentials } from '../../ports/credentials.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { reach } from './reach.ts';

/**
 * Can its secret be read, and its server be reached? Opens a connection and sends nothing; never throws. Of an address
 * only the name of the server is shown.
 * @param url null: the address is the secret
 */
export async function inspectChannel(
  { name, url }: { readonly name: string; readonly url: URL | null },
  credentials: Credentials,
  deadline: Deadline,
): Promise<Check> {
  try {
    const secret = await credentials.authorization(deadline);
    const address = url ?? new URL(secret ?? '');
    const trouble = await reach(address, deadline);
    return trouble === null
      ? ok(
          name,
          `${address.hostname} can be reached. Whether it takes notices, only a notice shows.`,
        )
      : problem(
          name,
          `${address.hostname} cannot be reached (${trouble}).`,
          `Check ${credentials.source}, and that the network lets this machine and the function reach it.`,
        );
  } catch (error) {
    return failed(name, error);
  }
}
