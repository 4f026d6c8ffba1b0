import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryEvidenceStore } from '../../../src/adapters/memory/memory-evidence-store.ts';
import { systemIdentity } from '../../../src/adapters/system/system-identity.ts';
import { StateStoreUnavailableError } from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { AccessPolicy } from '../../../src/http/access.ts';
import { httpLimits } from '../../../src/http/http-limits.ts';
import { readJson } from '../../../src/http/read-body.ts';
import { makeService, type Service } from '../../../src/http/service.ts';
import { parseTokens } from '../../../src/http/tokens.ts';
import type { LogFields } from '../../../src/ports/logger.ts';
import { alert, alertmanagerMessage } from '../../fakes/alerts.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const host = '127.0.0.1:8080';
const open: AccessPolicy = { kind: 'open', hosts: () => [host, 'localhost:8080'] };
const operatorToken = 'operator-0123456789abcdef';
const viewerToken = 'viewer-0123456789abcdef';
const tokens = parseTokens(`operator ${operatorToken} ana\nviewer ${viewerToken}\n`, 'tokens');

let world: World;
let service: Service;
let lines: { message: string; fields: LogFields }[];

function start(access: AccessPolicy = open): void {
  lines = [];
  const logger = {
    log: (_level: string, message: string, fields: LogFields = {}) => {
      lines.push({ message, fields });
    },
  };
  service = makeService({ deps: { ...world.deps, logger }, access });
}

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  start();
});

type Reply = { status: number; headers: Headers; json: Record<string, unknown> };

async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const isRaw = typeof body === 'string' || body instanceof ReadableStream;
  const request = new Request(`http://${host}${path}`, {
    method,
    headers: {
      host,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body), duplex: 'half' }),
  });
  const response = await service.fetch(request);
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: JSON.parse(text) };
}

const post = (path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply> =>
  send('POST', path, body, headers);
const get = (path: string, headers?: Record<string, string>): Promise<Reply> =>
  send('GET', path, undefined, headers);
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const error = (status: number, name: string, message: RegExp = /./): object => ({
  status,
  json: { error: { name, code: expect.any(String), message: expect.stringMatching(message) } },
});

describe('POST /v1/rollbacks', () => {
  test('rolls back once for a key, and answers as the function does', async () => {
    const body = { model_name: 'm', request_id: 'r-1' };
    const done = await post('/v1/rollbacks', body);
    const again = await post('/v1/rollbacks', body);

    expect(done).toMatchObject({
      status: 200,
      json: { rolled_back: true, from_version: '3', to_version: '2', replayed: false },
    });
    expect(again).toMatchObject({ status: 200, json: { rolled_back: true, replayed: true } });
    expect(done.headers.get('cache-control')).toBe('no-store');
    expect(done.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('answers a preview and a refusal with 200', async () => {
    const preview = await post('/v1/rollbacks', { model_name: 'm', dry_run: true });
    expect(preview).toMatchObject({ status: 200, json: { outcome: 'DRY_RUN' } });
    await post('/v1/rollbacks', { model_name: 'm' });
    const refused = await post('/v1/rollbacks', { model_name: 'm', reason: 'TEST_FAILURE' });
    expect(refused).toMatchObject({ status: 200, json: { outcome: 'REFUSED' } });
  });

  test.each([
    ['a field that is nearly known', { model_name: 'm', dryrun: true }, /dry_run/],
    ['an operation', { model_name: 'm', operation: 'freeze' }, /routes of their own/],
    ['no name', { sweep: true }, /model_name/],
    ['an alarm', { source: 'aws.cloudwatch', alarmData: {} }, /model_name/],
    ['a fleet', { plan_fleet: {} }, /model_name/],
    ['a list', [], /array/],
    ['null', null, /null/],
    ['no JSON', '{', /not JSON/],
    ['nothing', undefined, /model_name|JSON object/],
    ['a deep list', `${'['.repeat(400_000)}${']'.repeat(400_000)}`, /./],
  ])('refuses %s', async (_, body, why) => {
    expect(await post('/v1/rollbacks', body)).toMatchObject(error(400, 'InvalidRequestError', why));
    expect(await world.records()).toEqual([]);
  });

  test('takes __proto__ for one more unknown field', async () => {
    const body = '{"model_name": "m", "__proto__": {"dry_run": true}, "constructor": {}}';
    const { json } = await post('/v1/rollbacks', body);

    expect(json).toMatchObject({ rolled_back: true });
    expect(json['warnings']).toMatchObject([
      { message: 'Ignored 2 unknown field(s): "__proto__", "constructor".' },
    ]);
    expect({}).not.toHaveProperty('dry_run');
  });

  test('maps what is thrown to a status, and keeps name and code', async () => {
    expect(await post('/v1/rollbacks', { model_name: 'none' })).toMatchObject(
      error(404, 'ModelNotFoundError'),
    );
    const body = { model_name: 'm', target_version: '9' };
    expect(await post('/v1/rollbacks', body)).toMatchObject(error(404, 'VersionNotFoundError'));
    await post('/v1/rollbacks', { model_name: 'm', request_id: 'r' });
    const other = { model_name: 'm', request_id: 'r', reason: 'TEST_FAILURE' };
    expect(await post('/v1/rollbacks', other)).toMatchObject(error(400, 'InvalidRequestError'));
  });

  test('answers 503 while the store is down, and 500 without a detail for a bug', async () => {
    const down = (thrown: Error): void => {
      const store = {
        read: async () => {
          throw thrown;
        },
      };
      world = { ...world, deps: withCalls(world.deps, { store }) };
      start();
    };
    down(new StateStoreUnavailableError('the table is away'));
    expect(await post('/v1/rollbacks', { model_name: 'm' })).toMatchObject(
      error(503, 'StateStoreUnavailableError', /away/),
    );
    down(new TypeError('secret detail'));
    const bug = await post('/v1/rollbacks', { model_name: 'm' });
    expect(bug).toMatchObject(error(500, 'InternalError'));
    expect(JSON.stringify(bug.json)).not.toContain('secret detail');
    expect(lines.some(({ fields }) => fields['why'] === 'secret detail')).toBe(true);
  });
});

describe('a body', () => {
  test.each([
    ['compressed', { 'content-encoding': 'gzip' }, 415],
    ['of another type', { 'content-type': 'text/plain' }, 415],
    ['of a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['that says it is large', { 'content-length': '10485760' }, 413],
  ])('%s is refused', async (_, headers, status) => {
    const reply = await post('/v1/rollbacks', { model_name: 'm' }, headers);
    expect(reply.status).toBe(status);
    expect(await world.records()).toEqual([]);
  });

  test('of 10 MB is not read to its end', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    expect(await post('/v1/alerts', endless)).toMatchObject(error(413, 'PayloadTooLargeError'));
    expect(sent).toBeLessThan(2 * httpLimits.httpBodyBytesMax);
  });

  test('that does not arrive in time is not waited for', async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
    });
    const request = new Request(`http://${host}/`, { method: 'POST', body, duplex: 'half' });
    await expect(readJson(request, 1)).rejects.toMatchObject({ name: 'RequestTimeoutError' });
  });

  test('that is no UTF-8 is refused', async () => {
    const bytes = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array([0x22, 0xff, 0x22]));
        controller.close();
      },
    });
    expect(await post('/v1/alerts', bytes)).toMatchObject(error(400, 'InvalidRequestError'));
  });
});

describe('POST /v1/alerts', () => {
  const message = (...alerts: unknown[]): object => alertmanagerMessage(alerts);
  const firing = (parts: Parameters<typeof alert>[0] = {}): object =>
    alert({
      model: 'm',
      startsAt: new Date(world.clock.nowMs() - 60_000).toISOString(),
      ...parts,
    });

  test('acts once for an alert, and has an answer for each', async () => {
    const body = message(firing(), firing({ fingerprint: 'f2', model: 'none' }), null);
    const first = await post('/v1/alerts', body);
    const again = await post('/v1/alerts', body);

    expect(first).toMatchObject({
      status: 200,
      json: {
        results: [
          { outcome: 'ROLLED_BACK', model_name: 'm', replayed: false },
          { outcome: 'FAILED', replayed: false },
          { outcome: 'FAILED' },
        ],
      },
    });
    expect(again.json['results']).toMatchObject([
      { outcome: 'ROLLED_BACK', replayed: true },
      { outcome: 'FAILED' },
      { outcome: 'FAILED', replayed: true },
    ]);
    expect(
      world.notifier.sent.filter(({ subject }) => subject === 'Model Rollback: m'),
    ).toHaveLength(1);
  });

  test('shows names as they are in JSON, and rolls back one model per name', async () => {
    const name = '<b>\u202e"&';
    world.seed(name, ['Archived', 'Production']);
    const { json } = await post('/v1/alerts', message(firing({ model: name })));
    expect(json['results']).toMatchObject([{ outcome: 'ROLLED_BACK', model_name: name }]);
  });

  test('reads a bounded number, and says how many it left out', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) =>
      firing({ fingerprint: `f${index}`, status: 'resolved' }),
    );
    const { status, json } = await post('/v1/alerts', message(...many));

    expect(status).toBe(200);
    expect(json['results']).toHaveLength(limits.alertsMax);
    expect(json['left_out']).toBe(2_000 - limits.alertsMax);
  });

  test('answers 503 where only a retry helps, with what was done beside it', async () => {
    world.seed('n', ['Archived', 'Production']);
    const store = {
      read: async (next: () => Promise<unknown>, name: string) => {
        if (name === 'n') throw new StateStoreUnavailableError('the table is away');
        return await next();
      },
    };
    world = { ...world, deps: withCalls(world.deps, { store } as never) };
    start();
    const reply = await post(
      '/v1/alerts',
      message(firing(), firing({ model: 'n', fingerprint: 'f2' })),
    );

    expect(reply).toMatchObject({
      status: 503,
      json: {
        error: { name: 'StateStoreUnavailableError' },
        results: [{ outcome: 'ROLLED_BACK' }, { error: { code: 'STATE_STORE_UNAVAILABLE' } }],
      },
    });
    expect(reply.headers.get('retry-after')).toBe('1');
  });

  test.each([[{}], [[]], [{ alerts: {} }], ['null']])('refuses %j', async (body) => {
    expect(await post('/v1/alerts', body)).toMatchObject(error(400, 'InvalidRequestError'));
  });
});

describe('the routes that read', () => {
  test('list models and records, page by page', async () => {
    const { json } = await post('/v1/rollbacks', { model_name: 'm' });
    world.clock.advance(1_000);
    await post('/v1/rollbacks', { model_name: 'm', reason: 'TEST_FAILURE' });

    expect((await get('/v1/models')).json).toMatchObject({ models: [{ model_name: 'm' }] });
    const first = (await get('/v1/rollbacks?model=m&limit=1')).json;
    expect(first).toMatchObject({ rollbacks: [{ outcome: 'REFUSED' }], next: expect.any(String) });
    const before = encodeURIComponent(String(first['next']));
    const second = (await get(`/v1/rollbacks?before=${before}`)).json;
    expect(second).toMatchObject({ rollbacks: [{ rollback_id: json['rollback_id'] }], next: null });
  });

  test('show one model and one record, whatever is in their names', async () => {
    const name = 'team/a b%2F?#ü';
    world.seed(name, ['Archived', 'Production']);
    const { json } = await post('/v1/rollbacks', { model_name: name });
    const id = encodeURIComponent(String(json['rollback_id']));

    const shown = await get(`/v1/models/${encodeURIComponent(name)}`);
    expect(shown).toMatchObject({ status: 200, json: { model_name: name, live_versions: ['1'] } });
    expect((await get(`/v1/rollbacks/${id}`)).json).toMatchObject({
      model_name: name,
      explanation: expect.any(Object),
    });
    expect((await get('/v1/models/m')).json).toMatchObject({ live_versions: ['3'] });
    world.seed('a/b', ['Production']);
    expect((await get('/v1/models/a/b')).json).toMatchObject({ model_name: 'a/b' });
  });

  test.each([
    ['/v1/models/none', 404],
    ['/v1/models/', 400],
    ['/v1/models/%zz', 400],
    ['/v1/models/%ff', 400],
    ['/v1/rollbacks/m', 404],
    ['/v1/rollbacks/m/0123456789abcdef', 404],
    ['/v1/rollbacks?limit=0', 400],
    ['/v1/rollbacks?limit=1e3', 400],
    ['/v1/rollbacks?before=then', 400],
    ['/v1/rollbacks?modle=m', 400],
    ['/v1/nothing', 404],
    ['/console', 404],
  ])('GET %s is %i', async (path, status) => {
    const reply = await get(path);
    expect(reply.status).toBe(status);
    expect(reply.json).toMatchObject({ error: { name: expect.any(String) } });
  });
});

describe('the routes of decisions', () => {
  test('undo the latest rollback once', async () => {
    await post('/v1/rollbacks', { model_name: 'm' });
    const undone = { outcome: 'ROLLED_BACK', from_version: '2', to_version: '3' };

    expect((await post('/v1/models/m/undo')).json).toMatchObject({ ...undone, replayed: false });
    expect((await post('/v1/models/m/undo', {})).json).toMatchObject({ error: {} });
  });

  test('freeze a model until a time, with a reason', async () => {
    const freeze = { until: '2h', reason: 'migration' };
    const frozen = await post('/v1/models/m/freeze', freeze);
    expect(frozen).toMatchObject({ status: 200, json: { operation: 'freeze', changed: true } });
    const refused = await post('/v1/rollbacks', { model_name: 'm' });
    expect(refused.json).toMatchObject({ refusals: [{ code: 'FROZEN' }] });
    await post('/v1/models/m/unfreeze');
    expect((await post('/v1/rollbacks', { model_name: 'm' })).json).toMatchObject({
      rolled_back: true,
    });
  });

  test('approve once, also when two people approve at the same time', async () => {
    const { alarms } = world.deps.settings;
    world = makeWorld({ alarms: { ...alarms, mode: 'ask' } });
    world.seed('m', ['Archived', 'Archived', 'Production']);
    start();
    const startsAt = new Date(world.clock.nowMs() - 60_000).toISOString();
    const { json } = await post(
      '/v1/alerts',
      alertmanagerMessage([alert({ model: 'm', startsAt })]),
    );
    const [waiting] = json['results'] as { rollback_id: string }[];
    const path = `/v1/rollbacks/${waiting?.rollback_id}/approve`;
    const both = await Promise.all([post(path), post(path, {})]);

    expect(both.filter(({ json: one }) => one['replayed'] === false)).toHaveLength(1);
    for (const { status } of both) expect([200, 409]).toContain(status);
    expect(
      world.notifier.sent.filter(({ subject }) => subject === 'Model Rollback: m'),
    ).toHaveLength(1);
  });

  test('promote a version once, with what speaks against it as an answer', async () => {
    const evidence = new MemoryEvidenceStore(new Map(), systemIdentity);
    service = makeService({ deps: world.deps, access: open, evidence });
    const version = world.registry.register('m');
    const body = { new_version: version, request_id: 'r', requested_by: 'ana' };
    const promoted = await post('/v1/models/m/promote', body);
    expect(promoted).toMatchObject({
      status: 200,
      json: { promoted: true, model_name: 'm', new_version: version, archived_version: '3' },
    });
    expect((await post('/v1/models/m/promote', body)).json).toMatchObject({ replayed: true });
    const [record] = await world.records('m');
    expect(record?.request).toMatchObject({ promotes: true, requestedBy: 'ana' });

    await post('/v1/models/m/freeze', { until: '2h', reason: 'migration' });
    const next = world.registry.register('m');
    const refused = await post('/v1/models/m/promote', { new_version: next });
    expect(refused).toMatchObject({
      status: 200,
      json: { promoted: false, refusals: [{ code: 'FROZEN' }] },
    });
    const wrong = [{ new_versoin: next }, { model_name: 'm' }, { new_version: 4 }, []];
    for (const one of wrong) expect((await post('/v1/models/m/promote', one)).status).toBe(400);
    start();
    expect((await post('/v1/models/m/promote', body)).status).toBe(501);
  });

  test('reject what waits, and say so to whoever approves or rejects it afterwards', async () => {
    const { alarms } = world.deps.settings;
    world = makeWorld({ alarms: { ...alarms, mode: 'ask' } });
    world.seed('m', ['Archived', 'Archived', 'Production']);
    start();
    const startsAt = new Date(world.clock.nowMs() - 60_000).toISOString();
    const alerts = [alert({ model: 'm', startsAt })];
    const { json } = await post('/v1/alerts', alertmanagerMessage(alerts));
    const [waiting] = json['results'] as { rollback_id: string }[];
    const path = `/v1/rollbacks/${waiting?.rollback_id}`;

    const rejected = await post(`${path}/reject`, { reason: 'late feed', requested_by: 'ana' });
    expect(rejected).toMatchObject({
      status: 200,
      json: { operation: 'reject', changed: true, reason: 'late feed' },
    });
    const again = await post(`${path}/reject`);
    expect(again).toMatchObject({ status: 200, json: { changed: false } });
    const late = await post(`${path}/approve`);
    expect(late).toMatchObject(error(400, 'InvalidRequestError'));
    expect(JSON.stringify(late.json)).toMatch(/was rejected by ana.*late feed/);
    expect((await get(path)).json).toMatchObject({
      outcome: 'AWAITING_APPROVAL',
      alarm: { watch: 'rejected', rejected_by: 'ana' },
    });
    const repeated = await post('/v1/alerts', alertmanagerMessage(alerts));
    expect(repeated.json['results']).toMatchObject([{ replayed: true }]);
  });

  test.each([
    ['/v1/models/m/frieze', {}, 404],
    ['/v1/models/undo', {}, 400],
    ['/v1/models/m/freeze', {}, 400],
    ['/v1/models/m/freeze', { until: '2h', reason: 'x', fleet: true }, 400],
    ['/v1/models/m/undo', { model_name: 'other' }, 400],
    ['/v1/models/m/undo', { overide: [] }, 400],
    ['/v1/models/m/undo', [], 400],
    ['/v1/models/m/undo', {}, 400],
    ['/v1/rollbacks/m/0123456789abcdef/approve', {}, 404],
    ['/v1/rollbacks/m/0123456789abcdef/reject', {}, 404],
    ['/v1/rollbacks/m/0123456789abcdef/refuse', {}, 404],
    ['/v1/webhooks/mlflow', {}, 501],
  ])('POST %s %j is %i', async (path, body, status) => {
    expect((await post(path, body)).status).toBe(status);
  });

  test('a route answers to its methods only', async () => {
    expect(await send('DELETE', '/v1/models/m')).toMatchObject(error(405, 'MethodNotAllowedError'));
    expect((await get('/v1/alerts')).status).toBe(405);
  });
});

describe('access', () => {
  test('a page of another site cannot act', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:9090' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      const reply = await post('/v1/rollbacks', { model_name: 'm' }, headers as never);
      expect(reply).toMatchObject(error(403, 'ForbiddenError', /another site/));
    }
    const own = await post('/v1/rollbacks', { model_name: 'm' }, { origin: `http://${host}` });
    expect(own.status).toBe(200);
  });

  test('a name of another site does not lead here (DNS rebinding)', async () => {
    for (const other of ['evil.example:8080', '127.0.0.1:9090', 'localhost']) {
      const reply = await get('/v1/models', { host: other });
      expect(reply).toMatchObject(error(403, 'ForbiddenError', /host name/));
    }
    expect((await get('/v1/models', { host: 'LOCALHOST:8080' })).status).toBe(200);
  });

  test('a token in the address is refused', async () => {
    start({ kind: 'tokens', tokens });
    for (const name of ['token', 'access_token', 'API_KEY']) {
      const reply = await get(`/v1/models?${name}=${operatorToken}`, bearer(operatorToken));
      expect(reply).toMatchObject(error(401, 'UnauthorizedError', /address/));
    }
    expect(JSON.stringify(lines)).not.toContain(operatorToken);
  });

  test('with tokens: none, an unknown one and a viewer may not act', async () => {
    start({ kind: 'tokens', tokens });
    const body = { model_name: 'm' };
    const none = await post('/v1/rollbacks', body);
    expect(none).toMatchObject(error(401, 'UnauthorizedError'));
    expect(none.headers.get('www-authenticate')).toContain('Bearer');
    for (const value of [
      'Bearer x',
      `Basic ${operatorToken}`,
      'Bearer ',
      `Bearer ${operatorToken}x`,
    ]) {
      const reply = await post('/v1/rollbacks', body, { authorization: value });
      expect(reply).toMatchObject(error(401, 'UnauthorizedError'));
    }
    const asViewer = await post('/v1/rollbacks', body, bearer(viewerToken));
    expect(asViewer).toMatchObject(error(403, 'ForbiddenError', /viewer/));
    expect(await world.records()).toEqual([]);
    expect((await get('/v1/models', bearer(viewerToken))).status).toBe(200);
    const done = await post('/v1/rollbacks', body, bearer(operatorToken));
    expect(done.json).toMatchObject({ rolled_back: true, requested_by: 'ana' });
  });

  test('health needs no token, metrics need one', async () => {
    start({ kind: 'tokens', tokens });
    expect((await get('/healthz')).json).toEqual({ status: 'ok' });
    expect((await get('/readyz')).json).toEqual({ status: 'ready' });
    expect((await get('/metrics')).status).toBe(401);
  });

  test('a token may ask so often, and another one still may', async () => {
    start({ kind: 'tokens', tokens });
    const ask = async (token: string): Promise<number> =>
      (await get('/v1/models', bearer(token))).status;
    for (let count = 0; count < httpLimits.httpBurst; count += 1) {
      expect(await ask(viewerToken)).toBe(200);
    }
    expect(await ask(viewerToken)).toBe(429);
    expect(await ask(operatorToken)).toBe(200);
    world.clock.advance(1_000);
    expect(await ask(viewerToken)).toBe(200);
  });
});

describe('metrics and log', () => {
  test('count in the form of Prometheus what the function counts', async () => {
    world.seed('a"b\\', ['Archived', 'Production']);
    await post('/v1/rollbacks', { model_name: 'm' });
    await post('/v1/rollbacks', { model_name: 'm', reason: 'TEST_FAILURE' });
    await post('/v1/rollbacks', { model_name: 'a"b\\' });
    const response = await service.fetch(
      new Request(`http://${host}/metrics`, { headers: { host } }),
    );
    const text = await response.text();

    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('# TYPE model_rollback_succeeded_total counter\n');
    expect(text).toContain('model_rollback_succeeded_total{model="m"} 1\n');
    expect(text).toContain('model_rollback_succeeded_total{model="a\\"b\\\\"} 1\n');
    expect(text).toMatch(/^model_rollback_skipped_total\{model="m",reason="COOLDOWN"\} 1$/m);
    expect(text).toContain('model_rollback_registry_latency_seconds_count 3\n');
  });

  test('have a line for each request, with who asked, and never a query', async () => {
    start({ kind: 'tokens', tokens });
    await get('/v1/rollbacks?model=m', bearer(operatorToken));
    await get('/v1/rollbacks');

    expect(lines.filter(({ message }) => message === 'http request')).toMatchObject([
      {
        fields: {
          method: 'GET',
          path: '/v1/rollbacks',
          status: 200,
          role: 'operator',
          caller: 'ana',
        },
      },
      { fields: { method: 'GET', path: '/v1/rollbacks', status: 401 } },
    ]);
  });

  test('a service that is being stopped is not ready', async () => {
    service = makeService({ deps: world.deps, access: open, isStopping: () => true });
    expect(await get('/readyz')).toMatchObject(error(503, 'ShuttingDownError'));
    expect((await get('/healthz')).status).toBe(200);
  });
});
