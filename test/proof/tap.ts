/** Stands between a function process and its engines, sees every call, and can strike at one of them. */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type EngineRole = 'registry' | 'store' | 'topic' | 'hooks';

/** Hooks where a run has some. */
type ByRole = Readonly<Record<Exclude<EngineRole, 'hooks'>, string>> & { readonly hooks?: string };

/** Before the engine sees the call; after it has acted; before, and the engine acts a little later. */
export type Moment = 'before' | 'after' | 'late';

/** Beside the call, which goes its way. */
type Beside = 'beside';

export interface TappedCall {
  readonly engine: EngineRole;
  /** What is called, and the how-manieth of its kind this is: `search#2`. */
  readonly key: string;
  readonly kind: string;
  /** With its query. */
  readonly path: string;
  readonly body: string;
  /** Of its arrival, by performance.now(). */
  readonly atMs: number;
  /** Set when the engine has answered, whether or not the answer was passed on. */
  status: number | null;
}

/** What happens to one call, once. */
export interface Strike {
  readonly key: string;
  readonly moment: Moment | Beside;
  readonly act: () => Promise<void>;
}

export interface Tap {
  readonly urls: ByRole;
  /** In the order of arrival, over all engines. */
  readonly calls: readonly TappedCall[];
  /** From now on the calls of each kind are counted from 1 again. */
  arm(strike: Strike | null): void;
  /** Resolves when the strike has been carried out. */
  struck(): Promise<TappedCall>;
  /** Transitions, and moves of an alias, that the registry carried out. */
  moves(model: string): readonly TappedCall[];
  close(): Promise<void>;
}

/** How long a late call is on its way; below the write horizon of the tests. */
const LATE_MS = 700;

/** Starts one proxy for each engine, on free ports, with one count of calls. */
export async function startTap(targets: ByRole): Promise<Tap> {
  const calls: TappedCall[] = [];
  const counts = new Map<string, number>();
  const agent = new Agent({ keepAlive: true });
  let armed: Strike | null = null;
  let struck = Promise.withResolvers<TappedCall>();

  const serve = async (
    engine: EngineRole,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> => {
    const body = await textOf(incoming);
    const kind = kindOf(engine, incoming, body);
    const nth = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, nth);
    const path = incoming.url ?? '';
    const call: TappedCall = {
      engine,
      key: `${kind}#${nth}`,
      kind,
      path,
      body,
      atMs: performance.now(),
      status: null,
    };
    calls.push(call);
    const strike: Strike | null = armed?.key === call.key ? armed : null;
    if (strike !== null) armed = null;
    // Of this strike: by the end of it the next one may be armed.
    const { resolve } = struck;
    if (strike?.moment === 'before' || strike?.moment === 'late') {
      await strike.act();
      outgoing.destroy();
      if (strike.moment === 'late') {
        await delay(LATE_MS);
        call.status = (await forward(targets[engine] ?? '', incoming, body, agent)).status;
      }
      resolve(call);
      return;
    }
    const beside = strike?.moment === 'beside' ? strike.act() : null;
    const answer = await forward(targets[engine] ?? '', incoming, body, agent);
    call.status = answer.status;
    beside?.then(
      () => resolve(call),
      () => resolve(call),
    );
    if (strike?.moment === 'after') {
      await strike.act();
      outgoing.destroy();
      resolve(call);
      return;
    }
    outgoing.writeHead(answer.status, answer.headers);
    outgoing.end(answer.body);
  };

  const open = async (engine: EngineRole): Promise<Server> => {
    const server = createServer((incoming, outgoing) => {
      serve(engine, incoming, outgoing).catch(() => outgoing.destroy());
    });
    await listening(server);
    return server;
  };
  const [registry, store, topic, hooks] = await Promise.all([
    open('registry'),
    open('store'),
    open('topic'),
    targets.hooks === undefined ? null : open('hooks'),
  ]);
  return {
    urls: {
      registry: urlOf(registry),
      store: urlOf(store),
      topic: urlOf(topic),
      ...(hooks === null ? {} : { hooks: urlOf(hooks) }),
    },
    calls,
    arm: (strike) => {
      armed = strike;
      counts.clear();
      struck = Promise.withResolvers<TappedCall>();
    },
    struck: () => struck.promise,
    moves: (model) =>
      calls.filter(
        ({ kind, status, body }) =>
          (kind === 'transition-stage' || kind === 'set-alias') &&
          status === 200 &&
          (JSON.parse(body) as { name: string }).name === model,
      ),
    close: async () => {
      agent.destroy();
      const servers = [registry, store, topic, ...(hooks === null ? [] : [hooks])];
      await Promise.all(servers.map(stop));
    },
  };
}

// ---------------------------------------------------------------------------------------------------

function kindOf(
  engine: EngineRole,
  { url, headers, method }: IncomingMessage,
  body: string,
): string {
  if (engine === 'registry') {
    const call = (url ?? '').split('?')[0]?.split('/').at(-1) ?? '';
    // One route for both.
    return call === 'alias' && method === 'POST' ? 'set-alias' : call;
  }
  if (engine === 'hooks') return (JSON.parse(body) as { kind: string }).kind;
  if (engine === 'store') return String(headers['x-amz-target']).split('.').at(-1) ?? '';
  return new URLSearchParams(body).get('Action') ?? 'topic';
}

interface Forwarded {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function forward(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: string,
  agent: Agent,
): Promise<Forwarded> {
  const { promise, resolve, reject } = Promise.withResolvers<Forwarded>();
  const length = String(Buffer.byteLength(body));
  const request = httpRequest(new URL(url ?? '/', target), {
    method: method ?? 'GET',
    headers: { ...headers, 'content-length': length },
    agent,
  });
  request.on('error', reject);
  request.on('response', (response) => {
    const status = response.statusCode ?? 502;
    textOf(response).then(
      (text) => resolve({ status, headers: response.headers, body: text }),
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

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function listening(server: Server): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await promise;
}

async function stop(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
