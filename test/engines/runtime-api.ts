/**
 * Lambda's Runtime API on a port of this machine: the service's side of what a runtime's client asks for
 * events and tells of its answers. lambda-bootstrap.mjs is such a client.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What an error looks like to a state machine: its `Error`, and what is in its `Cause`. */
export interface PostedError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

/** How the init phase ended: the client asked for its first event, or told why it cannot. */
export type InitEnd =
  | { readonly kind: 'ready'; readonly atMs: number }
  | { readonly kind: 'error'; readonly error: PostedError };

/** What the client posted. */
export type Posted =
  | { readonly kind: 'response'; readonly body: unknown; readonly atMs: number }
  | { readonly kind: 'error'; readonly error: PostedError; readonly atMs: number };

export interface ServedEvent {
  readonly requestId: string;
  readonly event: unknown;
  /** The wall clock at which the service would kill the process. */
  readonly deadlineMs: number;
  readonly functionArn: string;
  /** Value of the trace header; absent: none is sent. */
  readonly traceId?: string;
}

export interface RuntimeApi {
  /** Value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string;
  readonly init: Promise<InitEnd>;
  /**
   * Gives an event to the client, now or when it asks, and resolves with what it posts. For ever, when
   * it posts nothing.
   * @param onPosted called at the very moment, before the client gets the answer to its post
   */
  serve(event: ServedEvent, onPosted?: () => void): Promise<Posted>;
  /** There are no more events: the client ends its loop, now or when it asks again. */
  finish(): void;
  close(): Promise<void>;
}

const BASE = '/2018-06-01/runtime/';

/** Starts a service for one client. Times are by performance.now() of this process. */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  const init = Promise.withResolvers<InitEnd>();
  const queue: ServedEvent[] = [];
  const waiting = new Map<string, (posted: Posted) => void>();
  let asking: ServerResponse | null = null;
  let isFinished = false;

  const give = (): void => {
    if (asking === null) return;
    const [event] = queue;
    if (event === undefined && !isFinished) return;
    const outgoing = asking;
    asking = null;
    if (event === undefined) reply(outgoing, 410);
    else {
      queue.shift();
      outgoing.setHeader('Lambda-Runtime-Aws-Request-Id', event.requestId);
      outgoing.setHeader('Lambda-Runtime-Deadline-Ms', String(event.deadlineMs));
      outgoing.setHeader('Lambda-Runtime-Invoked-Function-Arn', event.functionArn);
      if (event.traceId !== undefined) {
        outgoing.setHeader('Lambda-Runtime-Trace-Id', event.traceId);
      }
      reply(outgoing, 200, JSON.stringify(event.event));
    }
  };

  const receive = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await text(incoming);
    const atMs = performance.now();
    const path = incoming.url?.startsWith(BASE) ? incoming.url.slice(BASE.length) : '';
    const [, id = '', kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const posted = waiting.get(id);
    if (incoming.method === 'GET' && path === 'invocation/next') {
      asking = outgoing;
      init.resolve({ kind: 'ready', atMs });
      give();
    } else if (path === 'init/error') {
      init.resolve({ kind: 'error', error: JSON.parse(body) as PostedError });
      reply(outgoing, 202);
    } else if (posted === undefined) {
      reply(outgoing, 400, JSON.stringify({ errorType: 'InvalidRequestID', errorMessage: path }));
    } else {
      waiting.delete(id);
      const value: unknown = JSON.parse(body);
      if (kind === 'response') posted({ kind, body: value, atMs });
      else posted({ kind: 'error', error: value as PostedError, atMs });
      reply(outgoing, 202);
    }
  };

  const server = createServer((incoming, outgoing) => {
    receive(incoming, outgoing).catch(() => outgoing.destroy());
  });
  // An event may be waited for as long as a test likes.
  server.requestTimeout = 0;
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    init: init.promise,
    serve: (event, onPosted = () => undefined) => {
      const { promise, resolve } = Promise.withResolvers<Posted>();
      waiting.set(event.requestId, (posted) => {
        onPosted();
        resolve(posted);
      });
      queue.push(event);
      give();
      return promise;
    },
    finish: () => {
      isFinished = true;
      give();
    },
    close: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

// ---------------------------------------------------------------------------------------------------

function reply(outgoing: ServerResponse, status: number, body = ''): void {
  const length = String(Buffer.byteLength(body));
  outgoing.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length });
  outgoing.end(body);
}
