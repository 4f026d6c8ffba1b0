import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { HttpHookCaller } from '../../src/adapters/webhook/http-hook.ts';
import { confirmationOf, type HookAnswer, smokeResult } from '../../src/domain/hook.ts';
import type { Credentials } from '../../src/ports/credentials.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import {
  describeHookCaller,
  type HookAct,
  reloadRequest,
  smokeRequest,
} from './hook-caller.contract.ts';
import { type ProxiedRequest, type ProxyAct, startHttpProxy } from './http-proxy.ts';

const PATH = '/hooks/T0SECRETx0SECRETx0';
const KEY = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';

const answer = (status: number, body: string, more: object = {}): ProxyAct => ({
  kind: 'answer',
  status,
  body,
  ...more,
});

describeHookCaller('HttpHookCaller', async (act) => {
  const server = await startHttpProxy(null, () => actOf(act));
  return {
    caller: new HttpHookCaller(null, systemClock),
    hook: { kind: 'http', url: `${server.url}${PATH}` },
    received: () => server.requests.map(({ body }): unknown => JSON.parse(body)),
    close: async () => server.close(),
  };
});

describe('HttpHookCaller', () => {
  const failures: readonly [string, ProxyAct, RegExp][] = [
    ['a 404 for ever', answer(404, 'no route'), /404 \(the address does not exist.*no route/],
    ['a 401', answer(401, ''), /^it answered 401 \(refused\)$/],
    ['a 400', answer(400, '{"error":"no"}'), /400 \(it takes no such call\): \{"error":"no"\}/],
    ['a 500', answer(500, 'Traceback.'), /500 \(it is out of order\): Traceback$/],
    [
      'a redirect',
      answer(302, '', { headers: { location: 'http://127.0.0.1:1/' } }),
      /302 \(a redirect, which is not followed/,
    ],
    ['a reset', { kind: 'reset' }, /the connection failed \(ECONNRESET\)/],
  ];
  test.each(failures)('reports %s, and follows nothing', async (_, act, why) => {
    const { answers, requests } = await callTo(() => act);
    expect(answers).toEqual([{ kind: 'failed', why: expect.stringMatching(why) }]);
    expect(requests).toHaveLength(1);
    expect(JSON.stringify(answers)).not.toContain('0SECRET');
  });

  test('ends in time when a byte comes now and then', async () => {
    const act: ProxyAct = { kind: 'drip', everyMs: 20 };
    const { answers } = await callTo(() => act, { deadline: deadlineAfter(systemClock, 300) });
    expect(answers).toEqual([{ kind: 'failed', why: 'it did not answer in time' }]);
  });

  test('says where nobody answers, without the address', async () => {
    const server = await startHttpProxy(null, () => answer(200, ''));
    await server.close();
    const hook = { kind: 'http', url: `${server.url}${PATH}` } as const;
    const caller = new HttpHookCaller(null, systemClock);
    const result = await caller.call(hook, smokeRequest, deadlineAfter(systemClock, 5_000));
    expect(result).toEqual({ kind: 'failed', why: 'the connection failed (ECONNREFUSED)' });
  });

  test('an empty 204 confirms a reload, and is no yes to a smoke check', async () => {
    const { answers } = await callTo(() => answer(204, ''));
    const [given = { kind: 'failed', why: '' }] = answers;
    expect(confirmationOf(given, '2')).toEqual({ kind: 'confirmed', version: null });
    expect(smokeResult('it', given)).toMatchObject({ kind: 'failed' });
  });

  test('keeps the words of its path in an answer, and no secret that the answer repeats', async () => {
    const url = '/serving/T0SECRETx0SECRETx0';
    const { answers } = await callTo(
      ({ path, index }) =>
        index === 0
          ? answer(200, JSON.stringify({ serving_version: '2', reason: `${path} ${KEY}` }))
          : answer(500, `no such hook: ${path}, key ${KEY}`),
      { path: url, key: KEY, calls: 2 },
    );
    expect(answers[0]).toMatchObject({ body: { serving_version: '2' } });
    expect(JSON.stringify(answers)).not.toMatch(/0SECRET|c2VjcmV0/);
  });

  test('signs each call when a key is set: a reload each time with the same id', async () => {
    const { requests } = await callTo(() => answer(200, '{}'), {
      key: KEY,
      calls: 2,
      request: reloadRequest,
    });
    expect(requests).toHaveLength(2);
    for (const { headers, body } of requests) expectSigned(headers, body);
    const [first, second] = requests.map(({ headers }) => headers['webhook-id']);
    expect(second).toBe(first);
    const { requests: unsigned } = await callTo(() => answer(200, '{}'));
    expect(Object.keys(unsigned[0]?.headers ?? {}).join()).not.toContain('webhook-');
  });

  test('calls once more with the key that took the place of a refused one', async () => {
    const credentials: Credentials = {
      source: 'the secret',
      authorization: async () => 'the-old-key-of-sixteen',
      renew: async () => KEY,
      close: () => undefined,
    };
    const { answers, requests } = await callTo(
      ({ index }) => (index === 0 ? answer(401, '') : answer(200, '{"ok": true}')),
      { credentials },
    );
    expect(answers).toEqual([{ kind: 'answered', body: { ok: true } }]);
    expectSigned(requests[1]?.headers ?? {}, requests[1]?.body ?? '');
  });

  test('calls nobody when the key cannot be read', async () => {
    const credentials: Credentials = {
      source: 'the secret',
      authorization: async () => {
        throw new Error('The secret cannot be read.');
      },
      renew: async () => null,
      close: () => undefined,
    };
    const { answers, requests } = await callTo(() => answer(200, '{}'), { credentials });
    expect(answers).toEqual([{ kind: 'failed', why: 'The secret cannot be read' }]);
    expect(requests).toEqual([]);
  });
});

// ---------------------------------------------------------------------------------------------------

function actOf(act: HookAct): ProxyAct {
  switch (act.kind) {
    case 'return':
      return answer(200, typeof act.body === 'string' ? act.body : JSON.stringify(act.body));
    case 'large':
      return answer(200, 'x'.repeat(act.bytes));
    case 'fail':
      return answer(500, act.words);
    case 'hang':
      return act;
  }
}

async function callTo(
  act: (request: ProxiedRequest) => ProxyAct,
  {
    path = PATH,
    key = null,
    credentials = key === null ? null : new StaticCredentials(key),
    calls = 1,
    request = smokeRequest,
    deadline = deadlineAfter(systemClock, 5_000),
  }: {
    readonly path?: string;
    readonly key?: string | null;
    readonly credentials?: Credentials | null;
    readonly calls?: number;
    readonly request?: typeof smokeRequest | typeof reloadRequest;
    readonly deadline?: ReturnType<typeof deadlineAfter>;
  } = {},
): Promise<{ readonly answers: HookAnswer[]; readonly requests: readonly ProxiedRequest[] }> {
  const server = await startHttpProxy(null, act);
  const caller = new HttpHookCaller(credentials, systemClock);
  const answers: HookAnswer[] = [];
  for (let call = 0; call < calls; call += 1) {
    answers.push(await caller.call({ kind: 'http', url: server.url + path }, request, deadline));
  }
  caller.close();
  await server.close();
  return { answers, requests: server.requests };
}

/** As a receiver checks it. */
function expectSigned(headers: ProxiedRequest['headers'], body: string): void {
  const { 'webhook-id': id, 'webhook-timestamp': seconds } = headers;
  const key = Buffer.from(KEY.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  expect(seconds).toMatch(/^\d{10}$/);
  expect(id).toMatch(/^msg_[0-9a-f]{32}$/);
}
