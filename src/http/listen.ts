import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ConfigurationError, messageOf } from '../domain/errors.ts';
import { httpLimits } from './http-limits.ts';

/** A server of Node around a Web-standard handler. */
export interface Listener {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, and waits for what runs; after the bound it cuts that off. */
  drain(boundMs: number): Promise<void>;
}

/**
 * @param port 0: any that is free
 * @throws ConfigurationError when the address cannot be used
 */
export async function listen(
  fetch: (request: Request) => Promise<Response>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listener> {
  const server = createServer(
    {
      headersTimeout: httpLimits.httpBodyTimeoutMs,
      requestTimeout: 2 * httpLimits.httpBodyTimeoutMs,
      connectionsCheckingInterval: 1_000,
      // Longer than a proxy or a sender keeps an idle connection: who closes it first cuts a request off.
      keepAliveTimeout: 75_000,
      maxHeaderSize: 16_384,
    },
    getRequestListener(fetch, { overrideGlobalObjects: false }),
  );
  await begin(server, { host, port });
  const { port: bound } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${bound}`,
    port: bound,
    drain: async (boundMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      // A connection that is kept alive becomes idle when its answer is out.
      const idle = setInterval(() => server.closeIdleConnections(), 100);
      const timer = setTimeout(() => server.closeAllConnections(), boundMs);
      await promise;
      clearInterval(idle);
      clearTimeout(timer);
    },
  };
}

/** Host names that lead to the loopback interface, and nowhere else. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}

/** What the Host header of a request to a loopback address may be. */
export function loopbackHosts(host: string, port: number): readonly string[] {
  const shown = host.includes(':') ? `[${host}]` : host.toLowerCase();
  const names = [...new Set(['127.0.0.1', 'localhost', '[::1]', shown])];
  return names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
}

// ---------------------------------------------------------------------------------------------------

async function begin(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause) => {
    const why = messageOf(cause);
    reject(
      new ConfigurationError(
        `The service cannot listen on ${host} port ${port}: ${why}. Pass another --host or --port; with port 0 ` +
          'the system chooses one that is free.',
        { cause },
      ),
    );
  });
  server.listen({ host, port }, resolve);
  await promise;
}
