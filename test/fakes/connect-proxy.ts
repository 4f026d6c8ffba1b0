/** A proxy that people put between networks: tunnels for https, whole addresses for http, with a login if it wants one. */
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ConnectProxy {
  /** Without a login. */
  readonly url: string;
  /** With the right one. */
  readonly loginUrl: string;
  /** What it passed on: host and port, or an address. */
  readonly passed: readonly string[];
  /** What it refused. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

/** @param password null: it wants no login @param hosts what stands for a name that nobody else knows */
export async function startConnectProxy(
  password: string | null,
  hosts: Readonly<Record<string, string>> = {},
): Promise<ConnectProxy> {
  const passed: string[] = [];
  const refused: string[] = [];
  const open = new Set<Socket>();
  const expected = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
  const takes = ({ headers, url = '' }: IncomingMessage): boolean => {
    const isRight = password === null || headers['proxy-authorization'] === expected;
    (isRight ? passed : refused).push(url);
    return isRight;
  };
  const server = createServer((incoming, outgoing) => {
    if (!takes(incoming)) {
      outgoing.writeHead(407, { 'proxy-authenticate': 'Basic' }).end('Login needed');
      return;
    }
    const { 'proxy-authorization': _own, ...headers } = incoming.headers;
    const target = new URL(incoming.url ?? '');
    target.host = hosts[target.host] ?? target.host;
    const onward = httpRequest(target, { method: incoming.method, headers, agent: false });
    onward.on('error', () => outgoing.destroy());
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    open.add(client);
    client.on('error', () => client.destroy());
    if (!takes(request)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${hosts[request.url ?? ''] ?? request.url}`);
    const onward = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.pipe(client).pipe(onward);
    });
    open.add(onward);
    onward.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    loginUrl: `http://me:${password}@127.0.0.1:${port}`,
    passed,
    refused,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
