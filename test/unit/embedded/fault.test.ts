import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, FaultRequest } from '../../../src/embedded/fault.ts';
import { type RegistryServer, startRegistryServer } from '../../../src/embedded/registry-server.ts';

const API = '/api/2.0/mlflow';

let server: RegistryServer;

beforeEach(async () => {
  server = await startRegistryServer();
  server.seed('fraud', [{ stage: 'Archived' }, { stage: 'Production' }, {}]);
});

afterEach(async () => {
  await server.close();
});

describe('a fault', () => {
  test('of status answers in place of acting', async () => {
    failWrites({
      kind: 'status',
      status: 503,
      body: 'busy',
      contentType: 'text/plain',
      headers: { 'retry-after': '2' },
    });
    const response = await promote('1');
    expect([response.status, await response.text()]).toEqual([503, 'busy']);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await production()).toEqual(['2']);
  });

  test('of status needs no body', async () => {
    failWrites({ kind: 'status', status: 502 });
    const response = await promote('1');
    expect([response.status, await response.text()]).toEqual([502, '']);
  });

  test('that hangs takes the request and leaves the caller waiting', async () => {
    failWrites({ kind: 'hang' });
    await expect(promote('1', AbortSignal.timeout(300))).rejects.toThrow(/timeout/i);
    expect(server.requests).toHaveLength(1);
    expect(await production()).toEqual(['2']);
  });

  test('that hangs does not hold up the closing of the server', async () => {
    failWrites({ kind: 'hang' });
    const waiting = promote('1').catch((error: unknown) => error);
    await expect.poll(() => server.requests.length).toBe(1);
    await server.close();
    expect(await waiting).toBeInstanceOf(Error);
    server = await startRegistryServer();
  });

  test('of reset breaks the connection without acting', async () => {
    failWrites({ kind: 'reset' });
    await expect(promote('1')).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(await production()).toEqual(['2']);
  });

  test('of a lost answer acts and says nothing', async () => {
    failWrites({ kind: 'lose-answer' });
    await expect(promote('1')).rejects.toThrow();
    expect(await production()).toEqual(['1']);
  });

  test('of delay acts at once and answers late', async () => {
    failWrites({ kind: 'delay', ms: 150 });
    const start = performance.now();
    const late = promote('1');
    await expect.poll(production).toEqual(['1']);
    expect((await late).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThanOrEqual(140);
  });

  test('that runs something before lets a rival win the race', async () => {
    server.fault = ({ index, method }) =>
      index === 0 && method === 'POST'
        ? { kind: 'before', run: async () => void (await promote('3')) }
        : undefined;
    expect((await promote('1', undefined, false)).status).toBe(200);
    expect(await production()).toEqual(['1', '3']);
  });

  test('that runs something after changes what a read-back finds', async () => {
    server.fault = ({ index }) =>
      index === 0 ? { kind: 'after', run: async () => void (await promote('3')) } : undefined;
    const response = await promote('1');
    expect(await response.json()).toMatchObject({
      model_version: { version: '1', current_stage: 'Production' },
    });
    expect(await production()).toEqual(['3']);
  });

  test('that itself fails breaks the connection', async () => {
    server.fault = () => {
      throw new Error('a mistake in the test');
    };
    await expect(promote('1')).rejects.toThrow();
  });

  test('is chosen from what was asked, and can be given at the start', async () => {
    const seen: FaultRequest[] = [];
    const own = await startRegistryServer({
      fault: (request) => {
        seen.push(request);
        return undefined;
      },
    });
    try {
      await fetch(`${own.url}${API}/registered-models/get?name=fraud`);
      await fetch(`${own.url}${API}/registered-models/create`, {
        method: 'POST',
        body: '{"name":"fraud"}',
      });
      expect(seen).toEqual([
        {
          index: 0,
          method: 'GET',
          path: `${API}/registered-models/get`,
          search: '?name=fraud',
          body: undefined,
        },
        {
          index: 1,
          method: 'POST',
          path: `${API}/registered-models/create`,
          search: '',
          body: { name: 'fraud' },
        },
      ]);
    } finally {
      await own.close();
    }
  });
});

// --- helpers ----------------------------------------------------------------------------------

function failWrites(fault: Fault): void {
  server.fault = ({ method }) => (method === 'POST' ? fault : undefined);
}

function promote(version: string, signal?: AbortSignal, archives = true): Promise<Response> {
  return fetch(`${server.url}${API}/model-versions/transition-stage`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'fraud',
      version,
      stage: 'Production',
      archive_existing_versions: archives,
    }),
    ...(signal && { signal }),
  });
}

async function production(): Promise<readonly string[]> {
  const query = new URLSearchParams({ filter: "name='fraud'", order_by: 'version_number' });
  const response = await fetch(`${server.url}${API}/model-versions/search?${query}`);
  const { model_versions: rows } = (await response.json()) as {
    model_versions: { version: string; current_stage: string }[];
  };
  return rows.filter((row) => row.current_stage === 'Production').map((row) => row.version);
}
