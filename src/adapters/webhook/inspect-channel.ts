import { connect } from 'node:net';
import { type Check, failed, ok, problem } from '../../domain/answer/check.ts';
import type { Credentials } from '../../ports/credentials.ts';
import type { Deadline } from '../../ports/deadline.ts';

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

// ---------------------------------------------------------------------------------------------------

/** Why no connection can be opened; null when one can. */
async function reach(
  { hostname, port, protocol }: URL,
  deadline: Deadline,
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect(Number(port) || (protocol === 'https:' ? 443 : 80), host);
  socket.setTimeout(Math.max(1, Math.ceil(deadline.leftMs())), () => resolve('no answer in time'));
  socket.once('connect', () => resolve(null));
  socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.name));
  return await promise.finally(() => socket.destroy());
}
