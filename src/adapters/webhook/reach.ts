import { connect } from 'node:net';
import type { Deadline } from '../../ports/deadline.ts';

/** Why no connection can be opened; null when one can. Sends nothing. */
export async function reach(
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
