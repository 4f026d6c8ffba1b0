import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../src/embedded/registry-server.ts';
import type { SeedVersion } from '../../../src/embedded/seed.ts';

const API = '/api/2.0/mlflow';

interface Version {
  readonly version: string;
  readonly current_stage: string;
  readonly last_updated_timestamp: number;
  readonly status: string;
}

let server: RegistryServer;

beforeEach(async () => {
  server = await startRegistryServer();
});

afterEach(async () => {
  await server.close();
});

describe('seed', () => {
  test('puts versions in place as told, and numbers them', async () => {
    const numbers = server.seed('fraud', [
      { stage: 'Archived', creationTimestamp: 5, lastUpdatedTimestamp: 9 },
      { stage: 'Production', lastUpdatedTimestamp: 9, creationTimestamp: 6, aliases: ['champion'] },
      { version: 7, status: 'PENDING_REGISTRATION', tags: { k: 'v' }, description: 'text' },
      {},
    ]);
    expect(numbers).toEqual([1, 2, 7, 8]);
    expect(server.seed('fraud', [{}])).toEqual([9]);
    const [, second, third] = await versionsOf('fraud');
    expect(second).toMatchObject({ current_stage: 'Production', creation_timestamp: 6 });
    expect(third).toMatchObject({
      version: '7',
      status: 'PENDING_REGISTRATION',
      tags: [{ key: 'k', value: 'v' }],
    });
    const alias = await call('GET', '/registered-models/alias?name=fraud&alias=champion');
    expect(alias).toMatchObject({ model_version: { version: '2', aliases: ['champion'] } });
    expect(server.requests.map(({ path }) => path)).toEqual([
      `${API}/model-versions/search`,
      `${API}/registered-models/alias`,
    ]);
  });

  test('leaves nothing behind when one version cannot be put in place', async () => {
    expect(() => server.seed('fraud', [{}, { version: 1 }])).toThrow();
    expect(await call('GET', '/registered-models/get?name=fraud')).toMatchObject({
      error_code: 'RESOURCE_DOES_NOT_EXIST',
    });
  });

  test('makes 10,000 versions at once, and they are found one page after the other', async () => {
    const rows: SeedVersion[] = Array.from({ length: 10_000 }, (_, index) => ({
      stage: index === 8_999 ? 'Production' : 'Archived',
      lastUpdatedTimestamp: index,
      creationTimestamp: index,
    }));
    const start = performance.now();
    server.seed('large', rows);
    // A bound for a slow machine; it takes about a tenth of it.
    expect(performance.now() - start).toBeLessThan(2_000);
    const seen = new Set<string>();
    let pages = 0;
    for (let token: string | undefined = ''; token !== undefined; pages += 1) {
      const query = new URLSearchParams({
        filter: "name = 'large'",
        max_results: '1000',
        order_by: 'version_number DESC',
        page_token: token,
      });
      const page = (await call('GET', `/model-versions/search?${query}`)) as {
        model_versions: Version[];
        next_page_token?: string;
      };
      for (const { version } of page.model_versions) {
        seen.add(version);
      }
      token = page.next_page_token;
    }
    expect([seen.size, pages]).toEqual([10_000, 10]);
    const latest = await call('POST', '/registered-models/get-latest-versions', { name: 'large' });
    expect(latest).toMatchObject({ model_versions: [{ version: '9000' }, { version: '10000' }] });
  });
});

describe('the clock', () => {
  test('is read once for all rows that a transition touches', async () => {
    let time = 100;
    const own = await startRegistryServer({
      now: () => {
        time += 1;
        return time;
      },
    });
    try {
      own.seed('fraud', [{ stage: 'Production' }, { stage: 'Production' }, {}, {}]);
      await call('POST', '/model-versions/transition-stage', promotion('3', true), own);
      const rows = await versionsOf('fraud', own);
      expect(rows.map((row) => [row.current_stage, row.last_updated_timestamp])).toEqual([
        ['Archived', 102],
        ['Archived', 102],
        ['Production', 102],
        ['None', 101],
      ]);
    } finally {
      await own.close();
    }
  });
});

describe('a SQLite file', () => {
  test('keeps everything over a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'model-rollback-embedded-'));
    const path = join(folder, 'registry.db');
    try {
      const first = await startRegistryServer({ path });
      first.seed('fraud', [{ tags: { k: 'v' }, aliases: ['champion'] }, {}]);
      await call('POST', '/model-versions/transition-stage', promotion('2', true), first);
      const before = await call('GET', '/registered-models/get?name=fraud', undefined, first);
      await first.close();
      const second = await startRegistryServer({ path });
      expect(await call('GET', '/registered-models/get?name=fraud', undefined, second)).toEqual(
        before,
      );
      expect(second.seed('fraud', [{}])).toEqual([3]);
      await second.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('basic auth', () => {
  test('asks for the login everywhere but at /health', async () => {
    const own = await startRegistryServer({ auth: { username: 'ada', password: 'p:w' } });
    try {
      const login = Buffer.from('ada:p:w').toString('base64');
      const wrong = Buffer.from('ada:no').toString('base64');
      const asked = async (path: string, sent?: string): Promise<number> => {
        const headers = sent === undefined ? {} : { authorization: `Basic ${sent}` };
        return (await fetch(`${own.url}${path}`, { headers })).status;
      };
      expect(await asked('/health')).toBe(200);
      expect(await asked('/version')).toBe(401);
      expect(await asked('/version', login)).toBe(200);
      expect(await asked(`${API}/registered-models/search`)).toBe(401);
      expect(await asked(`${API}/registered-models/search`, wrong)).toBe(401);
      expect(await asked(`${API}/registered-models/search`, login)).toBe(200);
      const refusal = await fetch(`${own.url}${API}/registered-models/search`);
      expect(refusal.headers.get('www-authenticate')).toBe('Basic realm="mlflow"');
      expect(refusal.headers.get('content-type')).toContain('text/html');
    } finally {
      await own.close();
    }
  });
});

describe('requests', () => {
  test('hold what was asked, in order, until they are emptied', async () => {
    await call('GET', '/registered-models/get?name=a%20b');
    await call('POST', '/registered-models/create', { name: 'fraud' });
    await fetch(`${server.url}/nonsense`, { method: 'POST', body: 'no json' });
    expect(server.requests).toEqual([
      { method: 'GET', path: `${API}/registered-models/get`, search: '?name=a+b', body: undefined },
      {
        method: 'POST',
        path: `${API}/registered-models/create`,
        search: '',
        body: { name: 'fraud' },
      },
      { method: 'POST', path: '/nonsense', search: '', body: 'no json' },
    ]);
    server.requests.length = 0;
    await call('GET', '/registered-models/get?name=fraud');
    expect(server.requests).toHaveLength(1);
  });
});

// --- helpers ----------------------------------------------------------------------------------

async function call(
  method: string,
  path: string,
  body?: unknown,
  at: RegistryServer = server,
): Promise<unknown> {
  const response = await fetch(`${at.url}${API}${path}`, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  return response.json();
}

async function versionsOf(name: string, at: RegistryServer = server): Promise<readonly Version[]> {
  const query = new URLSearchParams({ filter: `name='${name}'`, order_by: 'version_number' });
  const body = await call('GET', `/model-versions/search?${query}`, undefined, at);
  return (body as { model_versions: Version[] }).model_versions;
}

function promotion(version: string, archives: boolean): Record<string, unknown> {
  return { name: 'fraud', version, stage: 'Production', archive_existing_versions: archives };
}
