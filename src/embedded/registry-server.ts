import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault, FaultSource, SeenRequest } from './fault.ts';
import { type BasicAuth, type HttpReply, type HttpRequest, replyTo } from './http-reply.ts';
import { RegistryDatabase } from './registry-database.ts';
import { type SeedVersion, seedModel } from './seed.ts';

/**
 * A small MLflow-compatible model registry: the REST calls of MLflow 3.17.2 on a SQLite file. It
 * serves the demo, the tests that need faults, and models with thousands of versions. It listens
 * on the loopback address only.
 */

/** How to start the server. */
export interface RegistryServerOptions {
  /** @default 0, any free port */
  readonly port?: number;
  /** The SQLite file. @default ':memory:' */
  readonly path?: string;
  /** The clock of all timestamps, milliseconds since the epoch. @default the system's */
  readonly now?: () => number;
  /** The first value of {@link RegistryServer.fault}. @default none */
  readonly fault?: FaultSource;
  /** Asks for this login. @default none */
  readonly auth?: BasicAuth;
}

/** A server that is listening. */
export interface RegistryServer {
  /** The address to give to a client as its tracking URI. */
  readonly url: string;
  /** Every request since the start, in the order of arrival; a test may empty it. */
  readonly requests: SeenRequest[];
  /** Chooses the fault of each request from now on; `undefined` for none. */
  fault: FaultSource | undefined;
  /** Adds versions to a model, and the model if it is new; gives their numbers. */
  seed(name: string, versions: readonly SeedVersion[]): readonly number[];
  /** Stops, cutting every open connection. */
  close(): Promise<void>;
}

/** Starts a server and resolves when it listens. */
export async function startRegistryServer(
  options: RegistryServerOptions = {},
): Promise<RegistryServer> {
  const database = new RegistryDatabase(options.path ?? ':memory:', options.now ?? Date.now);
  const requests: SeenRequest[] = [];
  const http = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.socket?.destroy());
  });
  const server: RegistryServer = {
    url: await listen(http, options.port ?? 0),
    requests,
    fault: options.fault,
    seed: (name, versions) => seedModel(database, name, versions),
    close: async () => {
      await stop(http);
      database.close();
    },
  };
  return server;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    const seen = seenRequest(request);
    const index = requests.push(seen) - 1;
    const fault = server.fault?.({ ...seen, index });
    await answer(outgoing, fault, () => replyTo(request, database, options.auth));
  }
}

// ---------------------------------------------------------------------------------------------

async function answer(
  outgoing: ServerResponse,
  fault: Fault | undefined,
  act: () => HttpReply,
): Promise<void> {
  switch (fault?.kind) {
    case undefined:
      send(outgoing, act());
      return;
    case 'status':
      send(outgoing, {
        status: fault.status,
        contentType: fault.contentType ?? 'application/json',
        body: fault.body ?? '',
        ...(fault.headers && { headers: fault.headers }),
      });
      return;
    case 'hang':
      return;
    case 'reset':
      outgoing.socket?.resetAndDestroy();
      return;
    case 'lose-answer':
      act();
      outgoing.socket?.destroy();
      return;
    case 'delay': {
      const reply = act();
      await wait(fault.ms, undefined, { ref: false });
      send(outgoing, reply);
      return;
    }
    case 'before':
      await fault.run();
      send(outgoing, act());
      return;
    case 'after': {
      const reply = act();
      await fault.run();
      send(outgoing, reply);
      return;
    }
    default:
      return fault satisfies never;
  }
}

function send(outgoing: ServerResponse, reply: HttpReply): void {
  outgoing.writeHead(reply.status, {
    ...reply.headers,
    'content-type': reply.contentType,
    'content-length': Buffer.byteLength(reply.body),
  });
  outgoing.end(reply.body);
}

async function readRequest(incoming: IncomingMessage): Promise<HttpRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk as Buffer);
  }
  const url = new URL(incoming.url ?? '/', 'http://registry.invalid');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

function seenRequest(request: HttpRequest): SeenRequest {
  const search = request.query.size > 0 ? `?${request.query}` : '';
  return { method: request.method, path: request.path, search, body: parsed(request.body) };
}

function parsed(text: string): unknown {
  if (text === '') {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function listen(http: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', () => {
      const { port: bound } = http.address() as AddressInfo;
      resolve(`http://127.0.0.1:${bound}`);
    });
  });
}

function stop(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.close(() => resolve());
    http.closeAllConnections();
  });
}
