/** Which connections the calls to a registry go over: seen from the other end of them. */
import { createServer as createHttpServer } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { limits } from '../../src/domain/limits.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { engine, sharedRegistry } from '../engines/engines.ts';
import { startMlflow } from '../engines/start.ts';
import { soon } from './model-registry.contract.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function clientFor(url: string, clock: Clock = systemClock): MLflowClient {
  const authorizer = new LoginAuthorizer(new StaticCredentials(null));
  const client = new MLflowClient({ baseUrl: new URL(url), authorizer, workspace: null, clock });
  closing.push(() => client.close());
  return client;
}

async function ask(client: MLflowClient, calls: number): Promise<void> {
  const path = '/api/2.0/mlflow/registered-models/search?max_results=1';
  for (let call = 0; call < calls; call += 1) {
    const answer = await client.send('GET', path, null, soon());
    expect(answer.status).toBe(200);
  }
}

/** A plain registry that may wait between the head and the body of its answers, by a clock of its own. */
async function startRegistry(headers: Readonly<Record<string, string>> = {}): Promise<Registry> {
  const registry = { waitMs: 0, connections: 0, nowMs: 1_000_000, monotonicMs: 0 };
  const server = createHttpServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.write('{');
    // The client has the head before the rest is sent.
    setImmediate(() =>
      setImmediate(() => {
        registry.monotonicMs += registry.waitMs;
        response.end('}');
      }),
    );
  });
  server.on('connection', () => {
    registry.connections += 1;
  });
  const port = await listen(server);
  closing.push(() => server.closeAllConnections());
  closing.push(() => server.close());
  const clock: Clock = {
    ...systemClock,
    nowMs: () => registry.nowMs,
    monotonicMs: () => registry.monotonicMs,
  };
  return Object.assign(registry, { client: clientFor(`http://127.0.0.1:${port}`, clock) });
}

interface Registry {
  waitMs: number;
  nowMs: number;
  monotonicMs: number;
  readonly connections: number;
  readonly client: MLflowClient;
}

describe('connections to a plain registry', () => {
  const first = limits.singleConnectionCalls;

  test('are new for each call of the first rollback, and kept after it', async () => {
    const registry = await startRegistry();
    await ask(registry.client, first);
    expect(registry.connections).toBe(first);
    await ask(registry.client, 20);
    expect(registry.connections).toBe(first + 1);
  });

  test('are new for each call again once a kept one made its caller wait', async () => {
    const registry = await startRegistry();
    await ask(registry.client, first + 2);
    registry.waitMs = limits.keptWaitMs;
    await ask(registry.client, 1);
    registry.waitMs = 0;
    const before = registry.connections;
    await ask(registry.client, 10);
    expect(registry.connections).toBe(before + 10);
  });

  test('stay kept when the wait was that of a new one', async () => {
    const registry = await startRegistry();
    registry.waitMs = 1_000;
    await ask(registry.client, first + 1);
    registry.waitMs = 0;
    await ask(registry.client, 10);
    expect(registry.connections).toBe(first + 1);
  });

  test('are not used again when they were idle, also while the process was frozen', async () => {
    const registry = await startRegistry();
    await ask(registry.client, first + 5);
    registry.nowMs += limits.idleConnectionMs;
    await ask(registry.client, 1);
    expect(registry.connections).toBe(first + 1);
    registry.nowMs += limits.idleConnectionMs + 1;
    await ask(registry.client, 3);
    expect(registry.connections).toBe(first + 2);
  });

  test('are new where the server closes them by itself', async () => {
    const registry = await startRegistry({ connection: 'close' });
    await ask(registry.client, first + 5);
    expect(registry.connections).toBe(first + 5);
  });
});

const mlflow = engine('mlflow');
describe.skipIf(mlflow.isMissing)(mlflow.title('MLflow'), () => {
  const first = limits.singleConnectionCalls;

  test('of one worker answers at once on a kept connection, so it is used on', async () => {
    const opened: number[] = [];
    // A busy machine may make one answer wait all the same, and then its client is careful for good.
    while (opened.length < 3 && opened.at(-1) !== first + 1) {
      const tap = await startTap(sharedRegistry().url);
      await ask(clientFor(tap.url), first + 10);
      opened.push(tap.connections());
    }
    expect(opened).toContain(first + 1);
  });

  test('of several workers answers late on a kept connection, so there is only one such call', async () => {
    const server = await startMlflow({ workers: 2 });
    onTestFinished(() => server.stop());
    const tap = await startTap(server.url);
    await ask(clientFor(tap.url), first + 10);
    // The first kept one is new when it is first used, and makes its caller wait at the next call.
    expect(tap.connections()).toBe(first + 1 + 8);
  });
});

// ---------------------------------------------------------------------------------------------------

/** Passes bytes on, and counts the connections. */
async function startTap(url: string): Promise<{ readonly url: string; connections(): number }> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (near) => {
    connections += 1;
    const far = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
    }
    near.pipe(far).pipe(near);
  });
  const ownPort = await listen(server);
  closing.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${ownPort}`, connections: () => connections };
}

async function listen(server: NetServer): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}
