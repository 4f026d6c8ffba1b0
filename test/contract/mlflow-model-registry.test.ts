import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  InvalidRequestError,
  ModelNotFoundError,
  type ModelRollbackError,
  RegistryRefusedError,
  RegistryUnavailableError,
} from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { deletedVersion } from '../../src/domain/registry/model.ts';
import { type ModelPointer, stagePointer } from '../../src/domain/registry/pointer.ts';
import type { Fault, FaultRequest } from '../../src/embedded/fault.ts';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import type { SeedVersion } from '../../src/embedded/seed.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { engine, sharedRegistry, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { chosenMLflow, MLFLOW_VERSION, traitsOf } from '../engines/mlflow-versions.ts';
import { GUARD_LOGIN, startMlflow } from '../engines/start.ts';
import { describeAliasPointer } from './alias-pointer.contract.ts';
import {
  type HttpProxy,
  type ProxiedRequest,
  type ProxyAct,
  startHttpProxy,
} from './http-proxy.ts';
import { mlflowPlace, registryAt } from './mlflow-place.ts';
import {
  describeModelRegistry,
  type RegistryPlace,
  soon,
  stagesOf,
} from './model-registry.contract.ts';

const mlflow = engine('mlflow');
const PASSWORD = 's3cret-p:w"d';
const LOGIN = Buffer.from(`ada:${PASSWORD}`).toString('base64');
const MODEL = 'fraud';

describe('the embedded registry', () => {
  const open = async (): Promise<RegistryPlace> => {
    const server = await startRegistryServer();
    const registry = { url: server.url, traits: traitsOf(MLFLOW_VERSION) };
    return mlflowPlace(registry, () => server.close());
  };
  describeModelRegistry('MLflowModelRegistry', open);
  describeAliasPointer('MLflowModelRegistry', open);
});

describe.skipIf(mlflow.isMissing)(mlflow.title('MLflow'), () => {
  const open = async (): Promise<RegistryPlace> => mlflowPlace(sharedRegistry());
  describeModelRegistry('MLflowModelRegistry', open);
  describeAliasPointer('MLflowModelRegistry', open);
  describe('MLflowModelRegistry on a server of its own', describeRealServers);
});

describe('MLflowModelRegistry', () => {
  let server: RegistryServer;
  let registry: MLflowModelRegistry;
  let pausesMs: number[];

  beforeEach(async () => {
    server = await startRegistryServer();
    pausesMs = [];
    registry = registryAt(server.url, { authorization: `Basic ${LOGIN}`, pausesMs });
  });

  afterEach(async () => {
    registry.close();
    await server.close();
  });

  const context: FaultContext = {
    server: () => server,
    registry: () => registry,
    pausesMs: () => pausesMs,
  };
  describe('the number of calls', () => describeCalls(context));
  describe('rows of another model', () => describeForeignRows(context));
  describe('an answer that no retry cures', () => describeRefusals(context));
  describe('an answer that a retry may cure', () => describeTransients(context));
  describe('no answer', () => describeSilence(context));
  describe('the move', () => describeMoveAnswers(context));
  describe('the tag', () => describeTagAnswers(context));
  describe('an alias', () => describeAliasAnswers(context));
});

describe('MLflowClient', describeWire);

// ---------------------------------------------------------------------------------------------------

/** What is done about a 403 depends on what the call needs. */
const fixOf = (fix: RegExp | Record<'read' | 'write', RegExp>, kind: 'read' | 'write'): RegExp =>
  fix instanceof RegExp ? fix : fix[kind];

interface FaultContext {
  server(): RegistryServer;
  registry(): MLflowModelRegistry;
  pausesMs(): readonly number[];
}

function describeCalls({ server, registry }: FaultContext): void {
  const rows = (count: number, liveVersion: number): SeedVersion[] =>
    Array.from({ length: count }, (_, index) => ({
      stage: index + 1 === liveVersion ? 'Production' : 'Archived',
      creationTimestamp: 1_000 + index,
    }));
  const callsOf = async (name: string, include: readonly string[]): Promise<string[]> => {
    server().requests.length = 0;
    await registry().read(name, include, soon());
    return server().requests.map(({ path }) => path.split('/').slice(-2).join('/'));
  };

  test('is one for 10 and for 10,000 versions', async () => {
    server().seed('small', rows(10, 10));
    server().seed('large', rows(10_000, 10_000));
    for (const name of ['small', 'large']) {
      expect(await callsOf(name, [])).toEqual(['model-versions/search']);
    }
    const { live, others, isComplete } = await registry().read('large', [], soon());
    expect(live.map(({ version }) => version)).toEqual(['10000']);
    expect(others).toHaveLength(limits.registryPageRows - 1);
    expect(isComplete).toBe(false);
  });

  test('is two for 200 and for 10,000 versions whose live one has not changed lately', async () => {
    for (const count of [200, 10_000]) {
      const name = `old-${count}`;
      server().seed(name, rows(count, 7));
      expect(await callsOf(name, [])).toEqual([
        'model-versions/search',
        'registered-models/get-latest-versions',
      ]);
      const { live } = await registry().read(name, [], soon());
      expect(live.map(({ version }) => version)).toEqual(['7']);
    }
  });

  test('grows by one for each included version that has not changed lately', async () => {
    for (const count of [200, 10_000]) {
      const name = `include-${count}`;
      server().seed(name, rows(count, count));
      expect(await callsOf(name, ['3', '4', String(count), '999999'])).toEqual([
        'model-versions/search',
        'model-versions/get',
        'model-versions/get',
        'model-versions/get',
      ]);
      const snapshot = await registry().read(name, ['3', '4', '999999'], soon());
      expect(stagesOf(snapshot).slice(-2)).toEqual(['4 Archived', '3 Archived']);
    }
  });

  test('is one for each page of a walk', async () => {
    server().seed('large', rows(10_000, 10_000));
    let below: string | null = '10000';
    const seen: string[] = [];
    for (let page = 1; page <= 3; page += 1) {
      const found = await registry().readBelow('large', below, soon());
      seen.push(...found.map(({ version }) => version));
      below = seen.at(-1) ?? null;
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => String(9_999 - index)));
    expect(server().requests).toHaveLength(3);
  });

  test('is one for each page of a search by tag, and bounded', async () => {
    const tags = { feature_set: 'v7' };
    const names = Array.from({ length: 450 }, (_, index) => `model-${1_000 + index}`);
    for (const name of names) server().seed(name, [{ stage: 'Production', tags }]);
    const tag = { of: 'live-version', key: 'feature_set', value: 'v7' } as const;
    expect(await registry().listByTag(tag, 450, soon())).toEqual({ names, isComplete: true });
    expect(server().requests).toHaveLength(Math.ceil(450 / limits.tagPageRows));

    server().requests.length = 0;
    const some = await registry().listByTag(tag, 100, soon());
    expect(some).toEqual({ names: names.slice(0, 100), isComplete: false });
    expect(server().requests).toHaveLength(1);

    // A server whose pages never end, and hold nothing of use.
    const body = JSON.stringify({ model_versions: [], next_page_token: 'again' });
    server().requests.length = 0;
    server().fault = () => ({ kind: 'status', status: 200, body });
    const endless = await registry().listByTag(tag, 100, soon());
    expect(endless).toEqual({ names: [], isComplete: false });
    expect(server().requests).toHaveLength(limits.tagPagesMax);
  });

  test('is four for a registered model without versions', async () => {
    await new MLflowAdmin(server().url).createModel('empty');
    expect(await callsOf('empty', [])).toEqual([
      'model-versions/search',
      // Is it a prompt?
      'model-versions/search',
      // Does it exist, and does it hide its versions?
      'registered-models/get',
      'model-versions/get',
    ]);
    expect(await registry().read('empty', [], soon())).toMatchObject({ live: [], others: [] });
  });

  test('is one for each page of the changes below a version', async () => {
    server().seed('changed', rows(450, 450));
    server().requests.length = 0;
    const seen: string[] = [];
    let next: string | null = null;
    do {
      const page = await registry().readChangesBelow('changed', '450', next, soon());
      seen.push(...page.rows.map(({ version }) => version));
      next = page.next;
    } while (next !== null);
    expect(seen).toEqual(Array.from({ length: 449 }, (_, index) => String(449 - index)));
    expect(server().requests).toHaveLength(5);
  });

  test('is one for the aliases of a model, and for those of a version', async () => {
    server().seed(MODEL, [{ aliases: ['champion'] }]);
    expect(await registry().readAliases(MODEL, soon())).toHaveLength(1);
    expect(await registry().readAliasesOf(MODEL, '1', soon())).toEqual(['champion']);
    expect(server().requests).toHaveLength(2);
  });

  test('is two for an alias, for 10 and for 150 versions, and one more for each included one', async () => {
    const alias = { kind: 'alias', alias: 'champion' } as const;
    const calls = async (name: string, include: readonly string[], rowsMax?: number) => {
      server().requests.length = 0;
      await registry().through(alias).read(name, include, soon(), rowsMax);
      return server()
        .requests.map(({ path }) => path.split('/').slice(-2).join('/'))
        .toSorted();
    };
    for (const count of [10, 150]) {
      const name = `aliased-${count}`;
      // On the oldest one, which no page of the latest changes holds.
      server().seed(name, [{ aliases: ['champion'] }, ...rows(count, 0).slice(1)]);
      const both = ['model-versions/search', 'registered-models/alias'];
      expect(await calls(name, [])).toEqual(both);
      expect(await calls(name, ['2'])).toEqual(['model-versions/get', ...both]);
      const recheck = await calls(name, ['1', '2'], limits.recheckRows);
      expect(recheck).toEqual([
        'model-versions/get',
        'model-versions/get',
        'registered-models/alias',
      ]);
    }
    // An alias that is not set costs no more.
    server().seed('unset', rows(150, 0));
    expect(await calls('unset', [])).toHaveLength(2);
  });

  test('includes none for the time of the server', async () => {
    server().seed(MODEL, [{}]);
    const { clockSkewMs } = await registry().read(MODEL, [], soon());
    // Whole seconds of the same machine.
    expect(Math.abs(clockSkewMs ?? Number.NaN)).toBeLessThan(5_000);
    expect(server().requests).toHaveLength(1);
  });

  test('shows the clock skew of the answer, not of the wait for it', async () => {
    server().seed(MODEL, [{}]);
    let nowMs = Date.UTC(2026, 0, 1);
    const clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    const slow = registryAt(server().url, { clock });
    const dated = (fault: Fault, headers: Record<string, string> = {}): Fault => {
      const date = new Date(nowMs - 2_000).toUTCString();
      return fault.kind === 'status' ? { ...fault, headers: { ...headers, date } } : fault;
    };
    server().fault = ({ index }) =>
      index === 0
        ? dated(page(503, 'Busy'), { 'retry-after': '40' })
        : dated(json(200, { model_versions: [{ name: MODEL, version: '1' }] }));
    const startMs = nowMs;
    const deadline = { leftMs: () => 100_000 };
    expect((await slow.read(MODEL, [], deadline)).clockSkewMs).toBe(2_000);
    expect(nowMs - startMs).toBe(40_000);
    slow.close();
  });

  test.each([
    ['9223372036854775807', limits.dateMaxMs],
    ['8640000000000001', limits.dateMaxMs],
    ['-1', 0],
    ['"9223372036854775807"', limits.dateMaxMs],
    ['"-62135596800000"', 0],
  ])('keeps a time that no date can hold within one: %s', async (time, expected) => {
    const times = `"creation_timestamp": ${time}, "last_updated_timestamp": ${time}`;
    const body = `{"model_versions": [{"name": "${MODEL}", "version": "1", ${times}}]}`;
    server().fault = () => ({ kind: 'status', status: 200, body });
    const [row] = (await registry().read(MODEL, [], soon())).others;
    expect(row).toMatchObject({ createdAtMs: 0, lastUpdatedAtMs: expected });
  });

  test('tells what is not READY', async () => {
    server().seed(MODEL, [{ status: 'PENDING_REGISTRATION' }, { status: 'FAILED_REGISTRATION' }]);
    const { others } = await registry().read(MODEL, [], soon());
    expect(others.map(({ status }) => status)).toEqual([
      'FAILED_REGISTRATION',
      'PENDING_REGISTRATION',
    ]);
  });
}

function describeForeignRows({ server, registry }: FaultContext): void {
  const row = (name: string, version: string): object => ({
    name,
    version,
    creation_timestamp: 1,
    last_updated_timestamp: '2',
    current_stage: 'Production',
    status: 'READY',
  });
  const answerTo = (call: string, body: object): void => {
    server().fault = ({ path }) =>
      path.endsWith(call) ? { kind: 'status', status: 200, body: JSON.stringify(body) } : undefined;
  };

  test('are no rows of the search', async () => {
    server().seed(MODEL, [{}]);
    answerTo('model-versions/search', { model_versions: [row('other', '9'), row(MODEL, '1')] });
    expect(stagesOf(await registry().read(MODEL, [], soon()))).toEqual(['1 Production']);
    const below = await registry().readBelow(MODEL, null, soon());
    expect(below.map(({ version }) => version)).toEqual(['1']);
    expect(below[0]).toMatchObject({ createdAtMs: 1, lastUpdatedAtMs: 2 });
  });

  test('are not listed by tag', async () => {
    const tag = { key: 'feature_set', value: 'v7' };
    const other = { key: 'feature_set', value: 'V7' };
    const rows = [
      { ...row('tagged', '1'), tags: [other, tag] },
      { ...row('other-case', '1'), tags: [other] },
      { ...row('no-tag', '1') },
    ];
    server().fault = ({ path }) => ({
      kind: 'status',
      status: 200,
      body: JSON.stringify(
        path.endsWith('registered-models/search')
          ? { registered_models: rows }
          : {
              model_versions: [
                ...rows,
                { ...row('old', '2'), current_stage: 'Archived', tags: [tag] },
              ],
            },
      ),
    });
    for (const of of ['model', 'live-version'] as const) {
      const found = await registry().listByTag({ of, ...tag }, 10, soon());
      expect(found).toEqual({ names: ['tagged'], isComplete: true });
    }
  });

  test('are no live versions', async () => {
    server().seed(
      MODEL,
      Array.from({ length: 101 }, () => ({ stage: 'Archived' as const })),
    );
    answerTo('get-latest-versions', { model_versions: [row('other', '9')] });
    expect((await registry().read(MODEL, [], soon())).live).toEqual([]);
  });

  test('are no included versions', async () => {
    server().seed(MODEL, [{}]);
    for (const foreign of [row('other', '9'), row(MODEL, '8')]) {
      answerTo('model-versions/get', { model_version: foreign });
      const read = registry().read(MODEL, ['9'], soon());
      await expect(read).rejects.toBeInstanceOf(RegistryRefusedError);
    }
  });
}

const HTML = 'text/html; charset=utf-8';
const page = (status: number, text: string): Fault => ({
  kind: 'status',
  status,
  contentType: HTML,
  body: `<!doctype html><style>body { color: red }</style><title>${status}</title><p>${text}</p>`,
});
const json = (status: number, body: unknown): Fault => ({
  kind: 'status',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const failed = (status: number, error_code: string, message: string): Fault =>
  json(status, { error_code, message });

/** Certain for reads and writes alike. */
const REFUSALS: readonly {
  title: string;
  fault: Fault;
  fix: RegExp | Record<'read' | 'write', RegExp>;
}[] = [
  {
    title: '401',
    fault: page(401, 'You are not authenticated.'),
    fix: /MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD/,
  },
  {
    title: '403 of the permissions',
    fault: failed(403, 'PERMISSION_DENIED', 'Permission denied'),
    fix: {
      read: /\(a read\).*permission READ on (?:the registered model, and no role with DENY on it\. MLflow 3\.18 gives the same answer.*"fraud"|registered models\.)/,
      write: /\(a write\).*permission EDIT on the registered model\./,
    },
  },
  {
    title: '403 of the Host check',
    fault: {
      kind: 'status',
      status: 403,
      contentType: 'text/plain',
      body: 'Invalid Host header - possible DNS rebinding attack detected',
    },
    fix: /--allowed-hosts/,
  },
  {
    title: '403 of the Origin check',
    fault: {
      kind: 'status',
      status: 403,
      contentType: 'text/plain',
      body: 'Cross-origin request blocked',
    },
    fix: /Origin header/,
  },
  {
    title: '404 in HTML',
    fault: page(404, 'The requested URL was not found on the server.'),
    fix: /path prefix in MLFLOW_TRACKING_URI/,
  },
  { title: '400', fault: failed(400, 'INVALID_PARAMETER_VALUE', 'no'), fix: /retry does not help/ },
  { title: '405', fault: page(405, 'Method Not Allowed'), fix: /retry does not help/ },
];

/** 5xx that stay; a write cannot be certain of them. */
const PERMANENT: readonly { title: string; fault: Fault; fix: RegExp }[] = [
  {
    title: '500 FEATURE_DISABLED',
    fault: failed(500, 'FEATURE_DISABLED', 'Workspace APIs are not available'),
    fix: /unset MLFLOW_WORKSPACE/,
  },
  {
    title: '503 of an artifacts-only server',
    fault: {
      kind: 'status',
      status: 503,
      contentType: HTML,
      body: 'Endpoint: /x disabled due to the mlflow server running in `--artifacts-only` mode. To enable tracking server functionality, run `mlflow server` without `--artifacts-only`',
    },
    fix: /MLFLOW_TRACKING_URI to the server with the registry/,
  },
];

/** 200s that MLflow never sends. */
const STRANGE: readonly { title: string; fault: Fault }[] = [
  { title: 'HTML', fault: page(200, 'Welcome. Please log in.') },
  { title: 'broken JSON', fault: json(200, '{"model_versions": [') },
  { title: 'an empty body', fault: json(200, '') },
  { title: 'null', fault: json(200, 'null') },
  { title: 'a list', fault: json(200, '[]') },
  { title: 'JSON of another service', fault: json(200, { status: 'ok', hello: 'world' }) },
  { title: 'another type of list', fault: json(200, { model_versions: {} }) },
  { title: 'rows without a name', fault: json(200, { model_versions: [{ version: '1' }] }) },
  {
    title: 'a version that is no number',
    fault: json(200, { model_versions: [{ name: MODEL, version: '1; DROP' }] }),
  },
  {
    title: 'a time that is no time',
    fault: json(200, {
      model_versions: [{ name: MODEL, version: '1', last_updated_timestamp: 'yesterday' }],
    }),
  },
  { title: 'deep JSON', fault: json(200, '['.repeat(1_000_000) + ']'.repeat(1_000_000)) },
];

function describeRefusals({ server, registry }: FaultContext): void {
  for (const { title, fault, fix } of [...REFUSALS, ...PERMANENT]) {
    test(`${title} is RegistryRefusedError at once, with the fix`, async () => {
      server().fault = () => fault;
      const error = await failure(() => registry().read(MODEL, [], soon()));
      expect(error).toBeInstanceOf(RegistryRefusedError);
      expect(error.message).toMatch(fixOf(fix, 'read'));
      expectPlain(error);
      expect(server().requests).toHaveLength(1);
      const tag = { of: 'model', key: 'k', value: 'v' } as const;
      const listed = await failure(() => registry().listByTag(tag, 10, soon()));
      expect(listed).toBeInstanceOf(RegistryRefusedError);
      expect(listed.message).toMatch(fixOf(fix, 'read'));
    });
  }

  test('a name that the server lists and takes no more is RegistryRefusedError', async () => {
    server().seed('team/fraud', [{ stage: 'Archived' }, { stage: 'Production' }]);
    // MLflow 3.11 and later list a model of such a name, from an older server, and refuse all else.
    expect((await registry().read('team/fraud', [], soon())).live).toHaveLength(1);
    const moved = await registry().movePointer('team/fraud', '1', soon());
    const told = moved.kind === 'refused' ? moved.error : null;
    for (const error of [
      await failure(() => registry().readAliasesOf('team/fraud', '2', soon())),
      await failure(() => registry().readAliases('team/fraud', soon())),
      await failure(() => registry().read('team/fraud', ['9'], soon())),
      told,
    ]) {
      expect(error).toBeInstanceOf(RegistryRefusedError);
      expect(error?.message).toMatch(/Names cannot contain '\/'.*Change the name in the database/);
    }
    const missing = await failure(() => registry().read('team/missing', [], soon()));
    expect(missing).toBeInstanceOf(ModelNotFoundError);
  });

  test.each([
    ['says that more follow', json(200, { next_page_token: 'abc' })],
    ['is empty', json(200, {})],
  ])('a search that hides all versions and %s is RegistryRefusedError', async (_, empty) => {
    server().seed(MODEL, [{ stage: 'Production' }]);
    server().fault = ({ path }) => (path.endsWith('/search') ? empty : undefined);
    const error = await failure(() => registry().read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expect(error.message).toContain('hidden from this login');
  });

  for (const { title, fault } of STRANGE) {
    test(`200 with ${title} is RegistryRefusedError that doubts the address`, async () => {
      server().fault = () => fault;
      const error = await failure(() => registry().read(MODEL, [], soon()));
      expect(error).toBeInstanceOf(RegistryRefusedError);
      expect(error.message).toContain('MLFLOW_TRACKING_URI');
      expectPlain(error);
    });
  }

  for (const status of [301, 302, 307, 308]) {
    test(`${status} is RegistryRefusedError, and nothing is sent to the other place`, async () => {
      const elsewhere = await startRegistryServer();
      try {
        server().fault = ({ path, search }) => ({
          kind: 'status',
          status,
          headers: { location: `${elsewhere.url}${path}${search}` },
        });
        const error = await failure(() => registry().read(MODEL, [], soon()));
        expect(error).toBeInstanceOf(RegistryRefusedError);
        expect(error.message).toContain('Redirects are not followed');
        const answer = await registry().movePointer(MODEL, '1', soon());
        expect(answer.kind).toBe('refused');
        expect(elsewhere.requests).toEqual([]);
      } finally {
        await elsewhere.close();
      }
    });
  }
}

const TRANSIENTS: readonly { title: string; fault: Fault }[] = [
  { title: '500 in HTML', fault: page(500, 'Internal Server Error') },
  { title: '500 INTERNAL_ERROR', fault: failed(500, 'INTERNAL_ERROR', 'database is locked') },
  { title: '502', fault: page(502, 'Bad Gateway') },
  { title: '503', fault: page(503, 'Service Unavailable') },
  { title: '503 without a body', fault: json(503, '') },
  { title: '504', fault: page(504, 'Gateway Timeout') },
  { title: '408', fault: page(408, 'Request Timeout') },
  { title: '429', fault: failed(429, 'REQUEST_LIMIT_EXCEEDED', 'slow down') },
  { title: '499', fault: json(499, '') },
  { title: '520', fault: page(520, 'Unknown Error') },
  { title: 'a reset', fault: { kind: 'reset' } },
  { title: 'a lost answer', fault: { kind: 'lose-answer' } },
  { title: '500 with deep JSON', fault: json(500, `{"error_code":${'['.repeat(1_000_000)}`) },
  {
    title: '500 full of brackets',
    fault: { kind: 'status', status: 500, contentType: HTML, body: '<style'.repeat(60_000) },
  },
];

function describeTransients({ server, registry, pausesMs }: FaultContext): void {
  for (const { title, fault } of TRANSIENTS) {
    test(`${title} is RegistryUnavailableError after ${limits.readAttemptsMax} tries`, async () => {
      server().fault = () => fault;
      const error = await failure(() => registry().read(MODEL, [], soon()));
      expect(error).toBeInstanceOf(RegistryUnavailableError);
      expect(error.isRetryable).toBe(true);
      expect(error.message).toMatch(/[Tt]ry again\.$/);
      expectPlain(error);
      expect(server().requests).toHaveLength(limits.readAttemptsMax);
      const [first, second] = pausesMs();
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThanOrEqual(first ?? Number.NaN);
    });

    test(`${title} once is no trouble`, async () => {
      server().seed(MODEL, [{ stage: 'Production' }]);
      server().fault = ({ index }) => (index === 0 ? fault : undefined);
      expect(stagesOf(await registry().read(MODEL, [], soon()))).toEqual(['1 Production']);
      expect(server().requests).toHaveLength(2);
    });
  }

  const beside: readonly { pointer: ModelPointer; call: string; calls: number }[] = [
    { pointer: stagePointer, call: 'model-versions/get', calls: 2 },
    // The third is for a prompt.
    { pointer: { kind: 'alias', alias: 'champion' }, call: 'model-versions/search', calls: 3 },
  ];
  for (const { pointer, call, calls } of beside) {
    test(`of ${call} ends before the error of the call beside it goes up`, async () => {
      const tries = (): number =>
        server().requests.filter(({ path }) => path.endsWith(call)).length;
      // The other call says at once that there is no such model.
      server().fault = ({ path }) =>
        path.endsWith(call) && tries() === 1 ? { kind: 'status', status: 503 } : undefined;
      const error = await failure(() => registry().through(pointer).read('absent', [], soon()));
      expect(error).toBeInstanceOf(ModelNotFoundError);
      expect(tries()).toBe(calls);
    });
  }

  test('is tried again although less than a whole read timeout is left', async () => {
    server().fault = () => page(503, 'Service Unavailable');
    const deadline = deadlineAfter(systemClock, limits.readTimeoutMs - 1_000);
    const error = await failure(() => registry().read(MODEL, [], deadline));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(server().requests).toHaveLength(limits.readAttemptsMax);
  });

  test('is not tried again when the pause would outlast the deadline', async () => {
    server().fault = () => page(503, 'Service Unavailable');
    // Every look at this deadline finds the same 50 ms: less than any pause.
    const error = await failure(() => registry().read(MODEL, [], { leftMs: () => 50 }));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(server().requests).toHaveLength(1);
  });

  test('is waited for as long as the server asks, in seconds or as a time', async () => {
    server().seed(MODEL, [{ stage: 'Production' }]);
    const at = new Date(Date.now() + 9_000).toUTCString();
    const waits = [
      { ...failed(429, 'REQUEST_LIMIT_EXCEEDED', 'slow down'), headers: { 'retry-after': '7' } },
      { ...page(503, 'Service Unavailable'), headers: { 'retry-after': at } },
    ];
    server().fault = ({ index }) => waits[index];
    expect(stagesOf(await registry().read(MODEL, [], soon()))).toEqual(['1 Production']);
    const [first, second] = pausesMs();
    expect(first).toBe(7_000);
    // Whole seconds, by the clock of the server.
    expect(second).toBeGreaterThan(6_000);
    expect(second).toBeLessThanOrEqual(9_000);
  });

  test('is an error at once when the server asks for more time than is left', async () => {
    const busy = { ...page(503, 'Service Unavailable'), headers: { 'retry-after': '31' } };
    server().fault = () => busy;
    const error = await failure(() => registry().read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(error.message).toMatch(/Try again in 31 s\.$/);
    expect(server().requests).toHaveLength(1);
  });

  test.each(['', 'soon', '-1', '1.5', '99999999999', 'Fri, 99 Foo GMT'])(
    'is not waited for when the server asks for %j',
    async (header) => {
      server().seed(MODEL, [{}]);
      const busy = { ...page(503, 'Service Unavailable'), headers: { 'retry-after': header } };
      server().fault = ({ index }) => (index === 0 ? busy : undefined);
      await registry().read(MODEL, [], soon());
      expect(pausesMs()[0]).toBeLessThan(1_000);
    },
  );
}

function describeSilence({ server, registry }: FaultContext): void {
  test('ends a read at its deadline', async () => {
    server().fault = () => ({ kind: 'hang' });
    const startMs = performance.now();
    const error = await failure(() => registry().read(MODEL, [], within(300)));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(error.message).toContain('MLFLOW_TRACKING_URI');
    expectPlain(error);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(server().requests).toHaveLength(1);
  });

  test('is the same when the answer drips in', async () => {
    const dripping = await startHttpProxy(null, () => ({ kind: 'drip', everyMs: 10 }));
    const other = registryAt(dripping.url);
    try {
      const startMs = performance.now();
      const error = await failure(() => other.read(MODEL, [], within(300)));
      expect(error).toBeInstanceOf(RegistryUnavailableError);
      const answer = await other.movePointer(MODEL, '1', within(300));
      expect(answer).toMatchObject({ kind: 'unknown', isAnswered: false });
      expect(performance.now() - startMs).toBeLessThan(3_000);
    } finally {
      other.close();
      await dripping.close();
    }
  });

  test('comes from a port where nobody listens', async () => {
    const gone = await startRegistryServer();
    await gone.close();
    const other = registryAt(gone.url, { authorization: `Basic ${LOGIN}` });
    const error = await failure(() => other.read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(error.message).toMatch(/ECONNREFUSED/);
    expectPlain(error);
    // Nothing can have reached it, so that one more try is safe.
    const answer = await other.movePointer(MODEL, '1', soon());
    expect(answer).toMatchObject({ kind: 'unknown', isAnswered: true });
  });

  test('is not waited for when no time is left, and nothing is sent', async () => {
    server().seed(MODEL, [{}]);
    const over: Deadline = { leftMs: () => 0 };
    for (const call of [
      () => registry().read(MODEL, [], over),
      () => registry().readBelow(MODEL, null, over),
      () => registry().annotate(MODEL, '1', { key: 'k', value: 'v' }, over),
      () => registry().listByTag({ of: 'model', key: 'k', value: 'v' }, 10, over),
    ]) {
      expect(await failure(call)).toBeInstanceOf(RegistryUnavailableError);
    }
    const answer = await registry().movePointer(MODEL, '1', over);
    expect(answer).toMatchObject({
      kind: 'unknown',
      error: expect.any(RegistryUnavailableError),
      isAnswered: true,
    });
    expect(server().requests).toEqual([]);
  });
}

function describeMoveAnswers({ server, registry }: FaultContext): void {
  const fault = (on: Fault): void => {
    server().seed(MODEL, [{ stage: 'Archived' }, { stage: 'Production' }]);
    server().fault = ({ path }: FaultRequest) =>
      path.endsWith('transition-stage') ? on : undefined;
  };
  const live = async (): Promise<readonly string[]> =>
    await new MLflowAdmin(server().url).liveVersions(MODEL);
  const moves = (): number =>
    server().requests.filter(({ path }) => path.endsWith('transition-stage')).length;

  test('is one call with the canonical stage and the archiving of the others', async () => {
    fault({ kind: 'delay', ms: 0 });
    expect(await registry().movePointer(MODEL, '1', soon())).toEqual({ kind: 'moved' });
    expect(server().requests).toEqual([
      {
        method: 'POST',
        path: '/api/2.0/mlflow/model-versions/transition-stage',
        search: '',
        body: { name: MODEL, version: '1', stage: 'Production', archive_existing_versions: true },
      },
    ]);
  });

  for (const { title, fault: on, fix } of REFUSALS) {
    test(`is refused by ${title}, with the fix`, async () => {
      fault(on);
      const answer = await registry().movePointer(MODEL, '1', soon());
      if (answer.kind !== 'refused') throw new Error(`not refused but ${answer.kind}`);
      expect(answer.error).toBeInstanceOf(RegistryRefusedError);
      expect(answer.error.message).toMatch(fixOf(fix, 'write'));
      expectPlain(answer.error);
      expect(moves()).toBe(1);
      expect(await live()).toEqual(['2']);
    });
  }

  test('is refused by 429, which a later request may cure', async () => {
    fault(failed(429, 'REQUEST_LIMIT_EXCEEDED', 'slow down'));
    const answer = await registry().movePointer(MODEL, '1', soon());
    expect(answer).toMatchObject({
      kind: 'refused',
      error: expect.any(RegistryUnavailableError),
    });
    expect(moves()).toBe(1);
  });

  const unknown: readonly { title: string; fault: Fault; isAnswered: boolean }[] = [
    { title: '503 with a body', fault: page(503, 'Service Unavailable'), isAnswered: true },
    { title: '503 without a body', fault: json(503, ''), isAnswered: false },
    { title: '500 in HTML', fault: page(500, 'Internal Server Error'), isAnswered: false },
    { title: '500 in JSON', fault: failed(500, 'INTERNAL_ERROR', 'locked'), isAnswered: false },
    { title: '502', fault: page(502, 'Bad Gateway'), isAnswered: false },
    { title: '504', fault: page(504, 'Gateway Timeout'), isAnswered: false },
    { title: '408', fault: page(408, 'Request Timeout'), isAnswered: false },
    { title: '499', fault: json(499, ''), isAnswered: false },
    { title: '204', fault: json(204, ''), isAnswered: false },
    { title: '200 in HTML', fault: page(200, 'Please log in.'), isAnswered: false },
    { title: '200 with broken JSON', fault: json(200, '{"model_version":'), isAnswered: false },
    { title: 'a reset', fault: { kind: 'reset' }, isAnswered: false },
    {
      title: 'a huge answer',
      fault: json(200, ' '.repeat(limits.registryAnswerBytesMax + 1)),
      isAnswered: false,
    },
  ];
  for (const { title, fault: on, isAnswered } of unknown) {
    test(`is unknown after ${title}, and not sent again`, async () => {
      fault(on);
      const answer = await registry().movePointer(MODEL, '1', soon());
      expect(answer).toMatchObject({ kind: 'unknown', isAnswered });
      if (answer.kind === 'unknown') expectPlain(answer.error);
      expect(moves()).toBe(1);
    });
  }

  for (const { title, fault: on, fix } of PERMANENT) {
    test(`is unknown after ${title}, with the fix`, async () => {
      fault(on);
      const answer = await registry().movePointer(MODEL, '1', soon());
      if (answer.kind !== 'unknown') throw new Error(`not unknown but ${answer.kind}`);
      expect(answer.error).toBeInstanceOf(RegistryRefusedError);
      expect(answer.error.message).toMatch(fix);
      expect(moves()).toBe(1);
    });
  }

  test('is unknown after a lost answer, although it happened', async () => {
    fault({ kind: 'lose-answer' });
    const answer = await registry().movePointer(MODEL, '1', soon());
    if (answer.kind !== 'unknown') throw new Error(`not unknown but ${answer.kind}`);
    expect(answer.isAnswered).toBe(false);
    expect(answer.error).toBeInstanceOf(RegistryUnavailableError);
    expect(answer.error.message).toMatch(/was sent.*not known whether it took effect/);
    expect(answer.error.message).not.toContain('reachable');
    expect(moves()).toBe(1);
    expect(await live()).toEqual(['1']);
  });

  test('is unknown when nothing comes until the deadline', async () => {
    fault({ kind: 'hang' });
    const startMs = performance.now();
    const answer = await registry().movePointer(MODEL, '1', within(300));
    expect(answer).toMatchObject({ kind: 'unknown', isAnswered: false });
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(moves()).toBe(1);
  });
}

function describeAliasAnswers({ server, registry }: FaultContext): void {
  const champion = (at: MLflowModelRegistry = registry()): ModelRegistry =>
    at.through({ kind: 'alias', alias: 'champion' });
  const route = '/api/2.0/mlflow/registered-models/alias';
  const fault = (method: 'GET' | 'POST', on: Fault): void => {
    server().seed(MODEL, [{}, { aliases: ['champion'] }]);
    server().fault = (request) =>
      request.method === method && request.path === route ? on : undefined;
  };
  const moves = (): number =>
    server().requests.filter(({ method, path }) => method === 'POST' && path === route).length;
  const named = async (): Promise<string | undefined> => {
    server().fault = () => undefined;
    return (await registry().readAlias(MODEL, 'champion', soon()))?.version;
  };
  /** What MLflow 2.3 to 3.18 answers when two set an alias for the first time at once (SQLite). */
  const lostRace = failed(
    400,
    'BAD_REQUEST',
    '(sqlite3.IntegrityError) UNIQUE constraint failed: registered_model_aliases.name',
  );

  test('moves by one call', async () => {
    server().seed(MODEL, [{}, { aliases: ['champion'] }]);
    expect(await champion().movePointer(MODEL, '1', soon())).toEqual({ kind: 'moved' });
    const body = { name: MODEL, alias: 'champion', version: '1' };
    expect(server().requests).toEqual([{ method: 'POST', path: route, search: '', body }]);
  });

  test('that somebody else set first in the same moment: it is not known what it names', async () => {
    fault('POST', lostRace);
    const answer = await champion().movePointer(MODEL, '1', soon());
    expect(answer).toMatchObject({ kind: 'unknown', isAnswered: true });
    if (answer.kind === 'unknown') expectPlain(answer.error);
    expect(moves()).toBe(1);
    expect(await named()).toBe('2');
  });

  const unknown: readonly { readonly title: string; readonly fault: Fault }[] = [
    { title: '500', fault: failed(500, 'INTERNAL_ERROR', 'locked') },
    { title: '504', fault: page(504, 'Gateway Timeout') },
    { title: '200 in HTML', fault: page(200, 'Please log in.') },
    { title: 'a reset', fault: { kind: 'reset' } },
  ];
  for (const { title, fault: on } of unknown) {
    test(`may have moved after ${title}, and the move is not sent again`, async () => {
      fault('POST', on);
      const answer = await champion().movePointer(MODEL, '1', soon());
      expect(answer).toMatchObject({ kind: 'unknown', isAnswered: false });
      if (answer.kind === 'unknown') expectPlain(answer.error);
      expect(moves()).toBe(1);
    });
  }

  test('may have moved after a 500 that came after the commit', async () => {
    server().seed(MODEL, [{}, { aliases: ['champion'] }]);
    const committed = await startHttpProxy(null, () => {
      server().seed(MODEL, [{ aliases: ['champion'] }]);
      return { kind: 'answer', status: 500, body: '{"error_code":"INTERNAL_ERROR"}' };
    });
    const proxied = registryAt(committed.url);
    try {
      const answer = await champion(proxied).movePointer(MODEL, '3', soon());
      expect(answer).toMatchObject({ kind: 'unknown', isAnswered: false });
      expect(committed.requests).toHaveLength(1);
      expect(await named()).toBe('3');
    } finally {
      proxied.close();
      await committed.close();
    }
  });

  test('may have moved when the answer is lost', async () => {
    fault('POST', { kind: 'lose-answer' });
    const answer = await champion().movePointer(MODEL, '1', soon());
    expect(answer).toMatchObject({ kind: 'unknown', isAnswered: false });
    expect(moves()).toBe(1);
    expect(await named()).toBe('1');
  });

  for (const { title, fault: on, fix } of REFUSALS) {
    test(`is not moved by a move that meets ${title}, with the fix`, async () => {
      fault('POST', on);
      const answer = await champion().movePointer(MODEL, '1', soon());
      if (answer.kind !== 'refused') throw new Error(`not refused but ${answer.kind}`);
      expect(answer.error).toBeInstanceOf(RegistryRefusedError);
      expect(answer.error.message).toMatch(fixOf(fix, 'write'));
      expectPlain(answer.error);
      expect(moves()).toBe(1);
      expect(await named()).toBe('2');
    });

    test(`is not taken for unset when its reading meets ${title}`, async () => {
      fault('GET', on);
      for (const read of [
        () => champion().read(MODEL, [], soon()),
        () => champion().read(MODEL, ['1'], soon(), limits.recheckRows),
        () => registry().readAlias(MODEL, 'champion', soon()),
      ]) {
        const error = await failure(read);
        expect(error).toBeInstanceOf(RegistryRefusedError);
        expect(error.message).toMatch(fixOf(fix, 'read'));
        expectPlain(error);
      }
    });
  }

  test('cannot be used on a server without them, which the error says', async () => {
    fault('GET', page(404, 'The requested URL was not found on the server.'));
    const error = await failure(() => champion().read(MODEL, [], soon()));
    expect(error.message).toMatch(/alias.*MLflow 2\.3 or later/);
    fault('POST', page(404, 'The requested URL was not found on the server.'));
    const answer = await champion().movePointer(MODEL, '1', soon());
    if (answer.kind !== 'refused') throw new Error(`not refused but ${answer.kind}`);
    expect(answer.error.message).toMatch(/alias.*MLflow 2\.3 or later/);
  });

  test('is not taken for unset by a transient failure of its reading', async () => {
    fault('GET', page(503, 'Service Unavailable'));
    const error = await failure(() => champion().read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
  });

  describe('of a version that was deleted', () => {
    /** As MLflow to 3.5.1 answers after every such delete, and later ones by a race. */
    const dangling = failed(
      404,
      'RESOURCE_DOES_NOT_EXIST',
      `Model Version (name=${MODEL}, version=2) not found`,
    );

    test('names it, by the list of the aliases of the model', async () => {
      fault('GET', dangling);
      for (const rowsMax of [limits.registryPageRows, limits.recheckRows]) {
        server().requests.length = 0;
        const { live } = await champion().read(MODEL, [], soon(), rowsMax);
        expect(live).toEqual([deletedVersion('2')]);
        expect(server().requests.map(({ path }) => path.split('/').at(-1))).toContain('get');
      }
      expect(await registry().readAlias(MODEL, 'champion', soon())).toBeNull();
    });

    test('is not set when the list does not have it either: somebody removed it meanwhile', async () => {
      server().seed(MODEL, [{}]);
      server().fault = ({ path }) => (path === route ? dangling : undefined);
      expect((await champion().read(MODEL, [], soon())).live).toEqual([]);
    });

    test('is an error when the list cannot be read', async () => {
      server().seed(MODEL, [{}, { aliases: ['champion'] }]);
      server().fault = ({ path }) => {
        if (path === route) return dangling;
        return path.endsWith('registered-models/get') ? page(503, 'Busy') : undefined;
      };
      const error = await failure(() => champion().read(MODEL, [], soon()));
      expect(error).toBeInstanceOf(RegistryUnavailableError);
    });

    test('is no version of a model that was deleted', async () => {
      server().fault = ({ path }) => (path === route ? dangling : undefined);
      const error = await failure(() => champion().read(MODEL, [], soon()));
      expect(error).toBeInstanceOf(ModelNotFoundError);
    });
  });

  test('is no version of another model', async () => {
    const foreign = { name: 'other', version: '1', current_stage: 'None', status: 'READY' };
    fault('GET', json(200, { model_version: foreign }));
    const error = await failure(() => champion().read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
  });

  test('picks no models by a tag of what it names: MLflow cannot search that', async () => {
    const tag = { of: 'live-version', key: 'k', value: 'v' } as const;
    const error = await failure(() => champion().listByTag(tag, 10, soon()));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error.message).toContain('alias:champion');
    expect(server().requests).toEqual([]);
  });
}

function describeTagAnswers({ server, registry }: FaultContext): void {
  const annotate = async (deadline: Deadline = soon()): Promise<Error> =>
    await failure(() => registry().annotate(MODEL, '1', { key: 'k', value: 'v' }, deadline));
  const writes = (): number =>
    server().requests.filter(({ path }) => path.endsWith('set-tag')).length;

  const answers: readonly { title: string; fault: Fault; isRetryable: boolean }[] = [
    ...REFUSALS.map(({ title, fault }) => ({ title, fault, isRetryable: false })),
    ...PERMANENT.map(({ title, fault }) => ({ title, fault, isRetryable: false })),
    ...TRANSIENTS.map(({ title, fault }) => ({ title, fault, isRetryable: true })),
    { title: '200 in HTML', fault: page(200, 'Please log in.'), isRetryable: false },
  ];
  for (const { title, fault, isRetryable } of answers) {
    const name = isRetryable ? 'RegistryUnavailableError' : 'RegistryRefusedError';
    test(`meets ${title} with ${name} and is not sent again`, async () => {
      server().seed(MODEL, [{}]);
      server().fault = () => fault;
      const error = await annotate();
      expect(error.name).toBe(name);
      expectPlain(error);
      expect(writes()).toBe(1);
    });
  }

  test('is given up at the deadline', async () => {
    server().fault = () => ({ kind: 'hang' });
    const startMs = performance.now();
    expect(await annotate(within(300))).toBeInstanceOf(RegistryUnavailableError);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(writes()).toBe(1);
  });
}

function describeWire(): void {
  let server: RegistryServer;
  let proxy: HttpProxy;

  beforeEach(async () => {
    server = await startRegistryServer();
    server.seed(MODEL, [{ stage: 'Archived' }, { stage: 'Production' }]);
    proxy = await startHttpProxy(server.url, (): ProxyAct => ({ kind: 'pass' }));
  });

  afterEach(async () => {
    await proxy.close();
    await server.close();
  });

  const everyCall = async (registry: MLflowModelRegistry): Promise<void> => {
    await registry.read(MODEL, ['7'], soon());
    await registry.readBelow(MODEL, '2', soon());
    await registry.movePointer(MODEL, '1', soon());
    await registry.annotate(MODEL, '1', { key: 'k', value: '模型' }, soon());
    await registry.read('missing', [], soon()).catch(() => undefined);
    registry.close();
  };

  test('sends every body with its length in bytes, and no Origin', async () => {
    await everyCall(registryAt(proxy.url));
    const posts = proxy.requests.filter(({ method }) => method === 'POST');
    expect(posts).toHaveLength(2);
    for (const { headers, body } of posts) {
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      });
      expect(headers).not.toHaveProperty('transfer-encoding');
    }
    for (const { headers, body, method } of proxy.requests) {
      expect(headers).not.toHaveProperty('origin');
      expect(headers).not.toHaveProperty('authorization');
      if (method === 'GET') expect(body).toBe('');
    }
  });

  // A kept one is slower there, with several workers (docs/ARCHITECTURE.md, "node:http").
  test('opens a connection for each call of a plain http registry', async () => {
    await everyCall(registryAt(proxy.url));
    expect(proxy.requests.length).toBeGreaterThan(5);
    expect(proxy.connections()).toBe(proxy.requests.length);
  });

  test('sends the login and the workspace with every call', async () => {
    const guarded = await startHttpProxy(null, () => ({ kind: 'answer', status: 401, body: '' }));
    const registry = registryAt(guarded.url, { authorization: 'Bearer token-1', workspace: 'red' });
    await failure(() => registry.read(MODEL, [], soon()));
    await failure(() => registry.readBelow(MODEL, null, soon()));
    await failure(() => registry.annotate(MODEL, '1', { key: 'k', value: 'v' }, soon()));
    await registry.movePointer(MODEL, '1', soon());
    registry.close();
    await guarded.close();
    expect(guarded.requests).toHaveLength(4);
    for (const { headers } of guarded.requests) {
      expect(headers).toMatchObject({
        authorization: 'Bearer token-1',
        'x-mlflow-workspace': 'red',
      });
    }
  });

  test('keeps the path of the address, with and without a slash at its end', async () => {
    const paths: ProxiedRequest[] = [];
    const prefixed = await startHttpProxy(null, (request) => {
      paths.push(request);
      return { kind: 'answer', status: 401, body: '{}' };
    });
    for (const prefix of ['/mlflow', '/mlflow/', '/a%20b/c//']) {
      const registry = registryAt(`${prefixed.url}${prefix}`);
      await failure(() => registry.read(MODEL, [], soon()));
      await registry.movePointer(MODEL, '1', soon());
      registry.close();
    }
    await prefixed.close();
    const api = '/api/2.0/mlflow/model-versions';
    expect(paths.map(({ path }) => path.split('?')[0])).toEqual(
      ['/mlflow', '/mlflow', '/a%20b/c'].flatMap((prefix) => [
        `${prefix}${api}/search`,
        `${prefix}${api}/transition-stage`,
      ]),
    );
  });

  test('writes spaces in queries as %20', async () => {
    await everyCall(registryAt(proxy.url));
    for (const { path } of proxy.requests) expect(path).not.toContain('+');
  });
}

function describeRealServers(): void {
  const login = GUARD_LOGIN;
  const guarded = engine('guarded').url;
  const name = uniqueName('fraud');

  const basic = (password: string): string =>
    `Basic ${Buffer.from(`${login.username}:${password}`).toString('base64')}`;

  // It starts a server, on cores that are shared with other suites.
  test('keeps the path prefix', { timeout: 180_000 }, async () => {
    const server = await startMlflow({ staticPrefix: '/ml/flow' });
    onTestFinished(() => server.stop());
    const prefixed = server.url;
    await new MLflowAdmin(prefixed).seedModel(name, ['Archived', 'Production']);
    const registry = registryAt(prefixed);
    expect(await registry.movePointer(name, '1', soon())).toEqual({ kind: 'moved' });
    const snapshot = await registry.read(name, [], soon());
    expect(stagesOf(snapshot)).toEqual(['1 Production', '2 Archived']);
    registry.close();

    const lost = registryAt(new URL(prefixed).origin);
    const error = await failure(() => lost.read(name, [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expect(error.message).toContain('path prefix');
    lost.close();
  });

  test('gets in with the right login', async () => {
    await new MLflowAdmin(guarded, login).seedModel(name, ['Archived', 'Production']);
    const registry = registryAt(guarded, { authorization: basic(login.password) });
    expect(await registry.movePointer(name, '1', soon())).toEqual({ kind: 'moved' });
    expect(stagesOf(await registry.read(name, [], soon()))[0]).toBe('1 Production');
    registry.close();
  });

  test('names the settings when the login is wrong or missing', async () => {
    for (const authorization of [basic('wrong-password'), null]) {
      const registry = registryAt(guarded, { authorization });
      const error = await failure(() => registry.read(name, [], soon()));
      expect(error).toBeInstanceOf(RegistryRefusedError);
      expect(error.message).toMatch(/401.*MLFLOW_TRACKING_USERNAME/);
      expect(error.message).not.toContain('wrong-password');
      const answer = await registry.movePointer(name, '2', soon());
      expect(answer).toMatchObject({
        kind: 'refused',
        error: expect.any(RegistryRefusedError),
      });
      registry.close();
    }
  });

  describe('for a login with few permissions', () => {
    const bob = { username: uniqueName('bob'), password: 'correct-horse-bob' };
    const model = uniqueName('guarded');
    const admin = async (path: string, body: object): Promise<void> => {
      const response = await fetch(`${guarded}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: basic(login.password) },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    };
    const permit = async (resource_type: string, resource_id: string, permission: string) => {
      const grant = { username: bob.username, resource_type, resource_id };
      const users = '/api/3.0/mlflow/users/permissions';
      await admin(`${users}/revoke`, grant).catch(() => undefined);
      await admin(`${users}/grant`, { ...grant, permission });
    };
    const asBob = async <T>(use: (registry: MLflowModelRegistry) => Promise<T>): Promise<T> => {
      const text = Buffer.from(`${bob.username}:${bob.password}`).toString('base64');
      const registry = registryAt(guarded, { authorization: `Basic ${text}` });
      return await use(registry).finally(() => registry.close());
    };

    beforeAll(async () => {
      const owner = new MLflowAdmin(guarded, login);
      await owner.createUser(bob);
      await owner.seedModel(model, ['Archived', 'Production']);
    });

    test('says that a move and a tag need EDIT, where it may read', async () => {
      await permit('registered_model', model, 'READ');
      await asBob(async (registry) => {
        expect((await registry.read(model, [], soon())).live).toHaveLength(1);
        const answer = await registry.movePointer(model, '1', soon());
        if (answer.kind !== 'refused') throw new Error(`not refused but ${answer.kind}`);
        expect(answer.error).toBeInstanceOf(RegistryRefusedError);
        expect(answer.error.message).toMatch(/403 to transition-stage \(a write\).*EDIT/);
        const tag = registry.annotate(model, '1', { key: 'k', value: 'v' }, soon());
        await expect(tag).rejects.toThrow(/403 to set-tag \(a write\).*EDIT/);
      });
    });

    test('says that a read needs READ, or that the model may not exist', async () => {
      await permit('registered_model', model, 'DENY');
      await asBob(async (registry) => {
        const error = await failure(() => registry.read(model, [], soon()));
        expect(error).toBeInstanceOf(RegistryRefusedError);
        expect(error.message).toMatch(/403 to registered-models\/get \(a read\).*READ.*not exist/);
        expect(error.message).not.toContain('EDIT');
      });
    });

    test('says that versions are hidden, not that none is live', async () => {
      await permit('registered_model', model, 'EDIT');
      await permit('registered_model_version', '*', 'DENY');
      await asBob(async (registry) => {
        // The model can be read, and a search of its versions is empty, with 200.
        const error = await failure(() => registry.read(model, [], soon()));
        expect(error).toBeInstanceOf(RegistryRefusedError);
        expect(error.message).toMatch(/shows none of its versions.*hidden from this login.*READ/);
      });
    });
  });

  // An older server ignores the header.
  const { hasWorkspaces } = traitsOf(chosenMLflow().version);
  test.skipIf(!hasWorkspaces)('names the setting when the server has no workspaces', async () => {
    const registry = registryAt(mlflow.url, { workspace: 'red' });
    const error = await failure(() => registry.read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expect(error.message).toContain('MLFLOW_WORKSPACE');
    registry.close();
  });
}

// ---------------------------------------------------------------------------------------------------

function within(ms: number): Deadline {
  return deadlineAfter(systemClock, ms);
}

async function failure(call: () => Promise<unknown>): Promise<ModelRollbackError> {
  const outcome: unknown = await call().catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome as ModelRollbackError;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}

/** One line, of a bounded length, without the login. */
function expectPlain({ message }: Error): void {
  expect(message).not.toContain(PASSWORD);
  expect(message).not.toContain(LOGIN);
  expect(message).not.toMatch(/\p{Cc}/u);
  expect(message.length).toBeLessThan(1_000);
}
