import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AccessPolicy } from '../../../src/http/access.ts';
import { httpLimits } from '../../../src/http/http-limits.ts';
import { makeService, type Service, type ServiceOptions } from '../../../src/http/service.ts';
import { parseTokens } from '../../../src/http/tokens.ts';
import { alert, grafanaMessage } from '../../fakes/alerts.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const host = '127.0.0.1:8080';
const open: AccessPolicy = { kind: 'open', hosts: () => [host] };
const token = 'operator-0123456789abcdef';
const closed: AccessPolicy = { kind: 'tokens', tokens: parseTokens(`operator ${token} ana`, 't') };
const secret = 'a-secret-that-signs-0123456789';

let world: World;
let service: Service;

function start(options: Partial<ServiceOptions> = {}): void {
  const senders = { grafanaSecret: secret, mlflow: { secret, workspace: null } };
  service = makeService({ deps: world.deps, access: closed, ...senders, ...options });
}

beforeEach(() => {
  const pointers = { default: { kind: 'alias', alias: 'champion' }, byModel: new Map() } as const;
  world = makeWorld({ pointers });
  world.seed('m', ['None', 'None', 'None']);
  world.registry.setAlias('m', 'champion', '3');
  start();
});

type Headers = Readonly<Record<string, string>>;
type Reply = { status: number; json: Record<string, unknown> };

async function post(path: string, body: string | Uint8Array, headers: Headers): Promise<Reply> {
  const sent = { host, 'content-type': 'application/json', ...headers };
  const request = new Request(`http://${host}${path}`, { method: 'POST', headers: sent, body });
  const response = await service.fetch(request);
  return { status: response.status, json: (await response.json()) as Reply['json'] };
}

const unauthorized = (why: RegExp): object => ({
  status: 401,
  json: { error: { name: 'UnauthorizedError', message: expect.stringMatching(why) } },
});
const seconds = (offsetMs = 0): string =>
  String(Math.floor((world.clock.nowMs() + offsetMs) / 1e3));
const hmac = (text: string, encoding: 'hex' | 'base64', key = secret): string =>
  createHmac('sha256', key).update(text).digest(encoding);

describe('a webhook of MLflow', () => {
  const event = (fields: object = {}, data: object = {}): string =>
    JSON.stringify({
      entity: 'model_version_alias',
      action: 'created',
      timestamp: new Date(world.clock.nowMs()).toISOString(),
      data: { name: 'm', alias: 'champion', version: '3', ...data },
      ...fields,
    });
  const signed = (body: string, { id = 'd-1', time = seconds(), key = secret } = {}): Headers => ({
    'x-mlflow-delivery-id': id,
    'x-mlflow-timestamp': time,
    'x-mlflow-signature': `v1,${hmac(`${id}.${time}.${body}`, 'base64', key)}`,
  });
  const deliver = (body = event(), headers: Headers = signed(body)): Promise<Reply> =>
    post('/v1/webhooks/mlflow', body, headers);
  const noted = async (): Promise<number> => {
    const { entries } = await world.store.listLive('m', world.deadline());
    return entries.length;
  };

  test('is noted without a token, once, and never rolls back', async () => {
    const body = event();
    const headers = signed(body);
    expect(await deliver(body, headers)).toMatchObject({ status: 200, json: { result: 'noted' } });
    world.clock.advance(30 * 60_000);
    expect(await deliver(body, headers)).toMatchObject({ status: 200, json: { result: 'known' } });

    expect(await noted()).toBe(1);
    expect(await world.records()).toEqual([]);
  });

  test.each<[string, (headers: Headers) => Headers, RegExp]>([
    ['without a signature', () => ({}), /not signed/],
    ['with a token alone', () => ({ authorization: `Bearer ${token}` }), /not signed/],
    ['with another id', (all) => ({ ...all, 'x-mlflow-delivery-id': 'd-2' }), /does not fit/],
    ['with another time', (all) => ({ ...all, 'x-mlflow-timestamp': seconds(5e3) }), /not fit/],
    ['with another version of signatures', (all) => later(all, 'v2,'), /does not fit/],
    ['with a signature that is cut', (all) => later(all, 'v1,', 20), /does not fit/],
    ['with an empty signature', (all) => later(all, 'v1,', 0), /does not fit/],
  ])('is refused %s', async (_, change, why) => {
    const body = event();
    expect(await deliver(body, change(signed(body)))).toMatchObject(unauthorized(why));
    expect(await noted()).toBe(0);
  });

  const later = (headers: Headers, prefix: string, length = 99): Headers => {
    const signature = headers['x-mlflow-signature']?.slice(3, 3 + length);
    return { ...headers, 'x-mlflow-signature': `${prefix}${signature}` };
  };

  test('is refused with the secret of somebody else, and with a body that was changed', async () => {
    const body = event();
    const other = signed(body, { key: 'b-secret-that-signs-0123456789' });
    expect(await deliver(body, other)).toMatchObject(unauthorized(/does not fit/));
    const changed = event({}, { version: '1' });
    expect(await deliver(changed, signed(body))).toMatchObject(unauthorized(/does not fit/));
  });

  test.each([
    [-httpLimits.deliveryAgeMaxMs + 60_000, 200],
    [-httpLimits.deliveryAgeMaxMs - 60_000, 401],
    [httpLimits.signedAgeMaxMs - 60_000, 200],
    [httpLimits.signedAgeMaxMs + 60_000, 401],
  ])('signed %i ms from now gets %i', async (offsetMs, status) => {
    const body = event();
    expect((await deliver(body, signed(body, { time: seconds(offsetMs) }))).status).toBe(status);
  });

  test.each(['', 'soon', '-1', '1e9', '9'.repeat(400)])(
    'with the time %j is refused',
    async (time) => {
      const body = event();
      expect((await deliver(body, signed(body, { time }))).status).toBe(401);
    },
  );

  test.each<[string, object, object]>([
    ['another model', {}, { name: 'none' }],
    ['a version that is not there', {}, { version: '9' }],
    ['another alias', {}, { alias: 'shadow' }],
    ['a workspace', { workspace: 'team-b' }, {}],
    ['a tag', { entity: 'model_version_tag', action: 'set' }, {}],
    ['something new', { entity: 'budget_policy', action: 'exceeded' }, {}],
    ['a time before the version was made', { timestamp: '2020-01-01T00:00:00Z' }, {}],
  ])('about %s is ignored', async (_, fields, data) => {
    const body = event(fields, data);
    expect(await deliver(body)).toMatchObject({ status: 200, json: { result: 'ignored' } });
    expect(await noted()).toBe(0);
  });

  test('about the workspace of this registry is noted, and one of the default workspace not', async () => {
    start({ mlflow: { secret, workspace: 'team-b' } });
    for (const [workspace, result] of [
      ['team-b', 'noted'],
      ['default', 'ignored'],
      [undefined, 'ignored'],
    ]) {
      expect((await deliver(event({ workspace }))).json).toMatchObject({ result });
    }
    start();
    const body = event({ workspace: 'default' });
    expect((await deliver(body, signed(body, { id: 'd-2' }))).json).toMatchObject({
      result: 'known',
    });
  });

  test.each([
    '{',
    '[]',
    'null',
    '{"entity": 1}',
    '{"__proto__": {"entity": "model_version_alias"}}',
  ])('with the body %j is an error, although it is signed', async (body) => {
    expect((await deliver(body)).status).toBe(400);
    expect({}).not.toHaveProperty('entity');
  });

  test('is wanted again while the store is down, or others write the model', async () => {
    const busy = { write: async () => 'conflict' as const };
    start({ deps: withCalls(world.deps, { store: busy }) });
    expect(await deliver()).toMatchObject({
      status: 503,
      json: { error: { name: 'RollbackInProgressError' } },
    });
  });

  test('has 1 MiB, and no encoding', async () => {
    const body = 'x'.repeat(10 * 1_048_576);
    expect((await deliver(body, {})).status).toBe(413);
    const bomb = { ...signed('x'), 'content-encoding': 'gzip' };
    expect((await deliver('x', bomb)).status).toBe(415);
  });

  test('is off without a secret, which needs no token to know', async () => {
    start({ mlflow: null });
    expect(await deliver()).toMatchObject({
      status: 501,
      json: { error: { message: expect.stringContaining('ROLLBACK_MLFLOW_WEBHOOK_SECRET') } },
    });
  });

  test('of a stranger is answered with 429 when there are many', async () => {
    const headers = signed('y');
    const statuses = new Set<number>();
    for (let n = 0; n <= httpLimits.httpBurst; n += 1)
      statuses.add((await deliver('x', headers)).status);
    expect([...statuses]).toEqual([401, 429]);
    expect((await deliver()).status).toBe(200);
  });
});

describe('an alert that Grafana signs', () => {
  const message = (): string => {
    const startsAt = new Date(world.clock.nowMs() - 60_000).toISOString();
    return JSON.stringify(grafanaMessage([alert({ model: 'm', startsAt })]));
  };
  const signature = (text: string, key = secret): Headers => ({
    'x-grafana-alerting-signature': hmac(text, 'hex', key),
  });
  const timed = (body: string, time = seconds()): Headers => ({
    ...signature(`${time}:${body}`),
    'x-grafana-alerting-timestamp': time,
  });
  const send = (body: string, headers: Headers): Promise<Reply> =>
    post('/v1/alerts', body, headers);

  test.each([
    ['the body', (body: string) => signature(body)],
    ['its time and the body', (body: string) => timed(body)],
  ])('needs no token: %s', async (_, sign) => {
    const body = message();
    expect(await send(body, sign(body))).toMatchObject({
      status: 200,
      json: { results: [{ model_name: 'm' }] },
    });
    expect(await world.records()).toHaveLength(1);
  });

  test('is refused when the signature does not fit, also with a token and on loopback', async () => {
    const body = message();
    const wrong = signature(body, 'b-secret-that-signs-0123456789');
    for (const access of [closed, open]) {
      start({ access });
      const headers = { ...wrong, authorization: `Bearer ${token}` };
      expect(await send(body, headers)).toMatchObject(unauthorized(/does not fit/));
    }
    const { 'x-grafana-alerting-timestamp': _, ...without } = timed(body);
    expect(await send(body, without)).toMatchObject(unauthorized(/does not fit/));
    const late = timed(body, seconds(-httpLimits.signedAgeMaxMs - 60_000));
    expect(await send(body, late)).toMatchObject(unauthorized(/5 minutes ago/));
    expect(await world.records()).toEqual([]);
  });

  test('needs a token where no secret is set', async () => {
    start({ grafanaSecret: null });
    const body = message();
    expect(await send(body, signature(body))).toMatchObject(unauthorized(/no token/));
    const headers = { ...signature(body), authorization: `Bearer ${token}` };
    expect((await send(body, headers)).status).toBe(200);
  });
});

describe('basic authentication', () => {
  const login = (text: string): Headers => ({
    authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  });

  test.each([
    [`alertmanager:${token}`, 200],
    [`:${token}`, 200],
    [`${token}:`, 401],
    [token, 401],
    [`alertmanager:${token}x`, 401],
    ['', 401],
  ])('of %j gets %i: the password is the token', async (text, status) => {
    const body = JSON.stringify(grafanaMessage([]));
    expect((await post('/v1/alerts', body, login(text))).status).toBe(status);
  });
});
