/** A proxy in front of an engine that can lose, hold back and replace answers. */
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Place in the order of arrival, from 0. */
  readonly index: number;
}

export type ProxyAct =
  | { readonly kind: 'pass'; readonly body?: string }
  /** The engine acts, and nobody hears of it. */
  | { readonly kind: 'lose-answer' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Headers and a byte every few milliseconds, without an end. */
  | { readonly kind: 'drip'; readonly everyMs: number };

export interface HttpProxy {
  readonly url: string;
  readonly requests: readonly ProxiedRequest[];
  /** Connections since the start. */
  connections(): number;
  close(): Promise<void>;
}

/**
 * Starts one on a free port.
 * @param target base URL of the engine; null for a server that only acts by itself
 */
export async function startHttpProxy(
  target: string | null,
  act: (request: ProxiedRequest) => ProxyAct,
): Promise<HttpProxy> {
  const requests: ProxiedRequest[] = [];
  let connections = 0;
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.on('connection', () => {
    connections += 1;
  });
  return {
    url: await listen(server),
    requests,
    connections: () => connections,
    close: () => stop(server),
  };

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request: ProxiedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: await textOf(incoming),
      index: requests.length,
    };
    requests.push(request);
    await reply(target, request, act(request), outgoing);
  }
}

// ---------------------------------------------------------------------------------------------------

async function reply(
  target: string | null,
  request: ProxiedRequest,
  act: ProxyAct,
  outgoing: ServerResponse,
): Promise<void> {
  switch (act.kind) {
    case 'hang':
      return;
    case 'reset':
      outgoing.socket?.resetAndDestroy();
      return;
    case 'answer':
      outgoing.writeHead(act.status, {
        'content-type': act.contentType ?? 'application/json',
        ...act.headers,
      });
      outgoing.end(act.body);
      return;
    case 'drip': {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => outgoing.write(' '), act.everyMs);
      outgoing.on('close', () => clearInterval(timer));
      return;
    }
    case 'pass':
    case 'lose-answer': {
      const body = act.kind === 'pass' ? (act.body ?? request.body) : request.body;
      const answer = await forward(target ?? '', { ...request, body });
      if (act.kind === 'lose-answer') {
        outgoing.socket?.destroy();
        return;
      }
      outgoing.writeHead(answer.status, answer.headers);
      outgoing.end(answer.body);
      return;
    }
    default:
      return act satisfies never;
  }
}

interface Forwarded {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function forward(
  target: string,
  { method, path, headers, body }: ProxiedRequest,
): Promise<Forwarded> {
  const { promise, resolve, reject } = Promise.withResolvers<Forwarded>();
  const length = String(Buffer.byteLength(body));
  const request = httpRequest(new URL(path, target), {
    method,
    headers: { ...headers, 'content-length': length },
    agent: false,
  });
  request.on('error', reject);
  request.on('response', (response) => {
    textOf(response).then(
      (text) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      reject,
    );
  });
  request.end(body);
  return promise;
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function listen(server: Server): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    resolve(`http://127.0.0.1:${port}`);
  });
  return promise;
}

function stop(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  return promise;
}
