import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { HttpNotifier, type HttpService } from '../../src/adapters/webhook/http-notifier.ts';
import { pagerDuty } from '../../src/adapters/webhook/pagerduty.ts';
import { signedWebhook } from '../../src/adapters/webhook/signed-webhook.ts';
import { slack } from '../../src/adapters/webhook/slack.ts';
import { teams } from '../../src/adapters/webhook/teams.ts';
import { briefOf, testNotice } from '../../src/domain/answer/brief.ts';
import { noticeOf } from '../../src/domain/answer/notice.ts';
import { limits } from '../../src/domain/limits.ts';
import { type Notice, recordTopics } from '../../src/domain/record/notice-content.ts';
import type { Credentials } from '../../src/ports/credentials.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import type { NoticeResult } from '../../src/ports/notifier.ts';
import { pagerDutyEvent, slackMessage, teamsMessage } from '../fakes/channel-schemas.ts';
import {
  type HttpProxy,
  type ProxiedRequest,
  type ProxyAct,
  startHttpProxy,
} from './http-proxy.ts';
import {
  describeNotifier,
  ENDS,
  LONG_NAME,
  type ReceivedNotice,
  soon,
} from './notifier.contract.ts';
import { modelName, rollbackRecord } from './rollback-arbitraries.ts';
import { committed, firstClaim, NOON_MS } from './rollback-samples.ts';

const PATH = '/services/T0SECRET/B0SECRET/x0SECRETx0';
const KEY = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const ROUTING_KEY = '0123456789abcdef0123456789abcdef';

interface Kind {
  readonly name: string;
  /** The service at a server, and what is secret about it. */
  at(url: string): { readonly service: HttpService; readonly secret: string };
  /** The answer of the real service. */
  readonly receipt: { readonly status: number; readonly body: string };
  /** What a person sees of a request. */
  shown(request: ProxiedRequest): Pick<ReceivedNotice, 'message' | 'shown'>;
}

const kinds: readonly Kind[] = [
  {
    name: 'slack',
    at: (url) => ({ service: slack, secret: `${url}${PATH}` }),
    receipt: { status: 200, body: 'ok' },
    shown: ({ body }) => ({ message: null, shown: slackMessage(body).texts.join('\n') }),
  },
  {
    name: 'teams',
    at: (url) => ({ service: teams, secret: `${url}${PATH}?sig=0SECRETsig` }),
    receipt: { status: 202, body: '' },
    shown: ({ body }) => ({ message: null, shown: teamsMessage(body).texts.join('\n') }),
  },
  {
    name: 'pagerduty',
    at: (url) => ({ service: pagerDuty(new URL('/v2/enqueue', url)), secret: ROUTING_KEY }),
    receipt: {
      status: 202,
      body: '{"status": "success", "message": "Event processed", "dedup_key": "x"}',
    },
    shown: ({ body }) => ({ message: null, shown: pagerDutyEvent(body).texts.join('\n') }),
  },
  {
    name: 'webhook',
    at: (url) => ({ service: signedWebhook(new URL(`${url}${PATH}`)), secret: KEY }),
    receipt: { status: 204, body: '' },
    shown: ({ body, headers }) => {
      expectSigned(headers, body);
      const { schema, event, title, meaning, next_steps, ...message } = JSON.parse(body);
      expect(schema).toBe('model-rollback/1');
      const texts = [event, title, message.text, meaning, JSON.stringify(next_steps)];
      expect(texts.every((text) => typeof text === 'string')).toBe(true);
      return { message, shown: null };
    },
  },
];

const isPagerNews = (notice: Notice): boolean => briefOf(notice).level !== 'info';
const critical = noticeOf(ENDS.FAILED, 'end', 0, NOON_MS);

for (const kind of kinds) {
  describeNotifier(`HttpNotifier for ${kind.name}`, async () => {
    const server = await startHttpProxy(null, () => ({ kind: 'answer', ...kind.receipt }));
    return {
      notifier: notifierAt(kind, server.url),
      received: async () =>
        server.requests.map((request) => ({
          subject: null,
          attributes: null,
          ...kind.shown(request),
        })),
      ...(kind.name === 'pagerduty'
        ? { isSilentOn: (notice: Notice) => !isPagerNews(notice) }
        : {}),
      close: async () => server.close(),
    };
  });

  describe(`HttpNotifier for ${kind.name}`, () => {
    const answer = (status: number, body: string, more: object = {}): ProxyAct => ({
      kind: 'answer',
      status,
      body,
      ...more,
    });
    const failures: readonly [string, ProxyAct, RegExp][] = [
      ['a 404 for ever', answer(404, 'no_service'), /404 \(the address does not exist.*no_service/],
      ['a 403', answer(403, 'invalid_token'), /403 \(refused\): invalid_token/],
      ['a 400', answer(400, '{"status":"invalid event"}'), /400 \(it takes no such message\)/],
      ['too many requests', answer(429, 'rate_limited'), /429 \(too many requests/],
      ['a 500', answer(500, ''), /500 \(it is out of order/],
      [
        'a redirect',
        answer(302, '', { headers: { location: 'http://127.0.0.1:1/' } }),
        /302 \(a redirect, which is not followed/,
      ],
      ['10 MB', answer(200, 'x'.repeat(10_000_000)), /larger than 64 KiB/],
      ['a reset', { kind: 'reset' }, /the connection failed \(ECONNRESET\)/],
    ];
    test.each(failures)('reports %s, and nothing of the secret', async (_, act, message) => {
      const { result, secret } = await sendTo(kind, () => act);
      expect(result).toMatchObject({ kind: 'failed', message: expect.stringMatching(message) });
      expectNothingOf(secret, result);
      expect(JSON.stringify(result)).toMatch(/Check ROLLBACK_TEST_SECRET\./);
    });

    test.skipIf(kind.name === 'webhook')('reports an answer of another service', async () => {
      const page = answer(200, '<html>error</html>', { contentType: 'text/html' });
      const { result } = await sendTo(kind, () => page);
      expect(result).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('200 (not the answer of this service)'),
      });
    });

    test.each(['hang', 'drip'] as const)('ends in time when the answer is a %s', async (how) => {
      const act: ProxyAct = how === 'hang' ? { kind: 'hang' } : { kind: 'drip', everyMs: 20 };
      const { result, secret } = await sendTo(kind, () => act, deadlineAfter(systemClock, 300));
      expect(result).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('it did not answer in time'),
      });
      expectNothingOf(secret, result);
    });

    test('shows nothing of a secret that the answer repeats', async () => {
      const { result, secret } = await sendTo(kind, ({ path, body }) =>
        answer(400, `no such hook: ${path}, key ${kind.at('').secret}, in ${body}`),
      );
      expect(result.kind).toBe('failed');
      expectNothingOf(secret, result);
    });

    test('sends nothing when no time is left', async () => {
      const { result, requests } = await sendTo(kind, () => answer(200, 'ok'), {
        leftMs: () => 0,
      });
      expect(result).toEqual({ kind: 'failed', message: 'no time was left' });
      expect(requests).toEqual([]);
    });

    test('says where nobody answers, without the address', async () => {
      const server = await startHttpProxy(null, () => answer(200, ''));
      await server.close();
      const { secret } = kind.at(server.url);
      const result = await notifierAt(kind, server.url).send(critical, soon());
      expect(result).toMatchObject({ message: expect.stringContaining('(ECONNREFUSED)') });
      expectNothingOf(secret, result);
    });

    test('stays within the bounds of the service whatever a record holds', async () => {
      await withServer(
        kind,
        () => answer(kind.receipt.status, kind.receipt.body),
        async (server) => {
          const notifier = notifierAt(kind, server.url);
          const send = async (notice: Notice): Promise<void> => {
            expect(await notifier.send(notice, soon())).toEqual({ kind: 'sent' });
          };
          for (const notice of longNotices()) await send(notice);
          await fc.assert(
            fc.asyncProperty(modelName.chain(rollbackRecord), async (record) => {
              for (const topic of recordTopics) await send(noticeOf(record, topic, 2, NOON_MS));
            }),
            { numRuns: 40 },
          );
          for (const request of server.requests) kind.shown(request);
        },
      );
    });

    test('takes a test notice', async () => {
      await withServer(
        kind,
        () => answer(kind.receipt.status, kind.receipt.body),
        async (server) => {
          const notice = testNotice('2026-11-23T17:36:24.174Z');
          expect(await notifierAt(kind, server.url).send(notice, soon())).toEqual({ kind: 'sent' });
          for (const request of server.requests) kind.shown(request);
          expect(server.requests).toHaveLength(kind.name === 'pagerduty' ? 2 : 1);
        },
      );
    });
  });
}

describe('HttpNotifier', () => {
  test('sends once more with the secret that took the place of a refused one', async () => {
    const server = await startHttpProxy(null, ({ path }) => ({
      kind: 'answer',
      status: path === '/new' ? 200 : 404,
      body: path === '/new' ? 'ok' : 'no_service',
    }));
    const credentials: Credentials = {
      source: 'the secret',
      authorization: async () => `${server.url}/old`,
      renew: async () => `${server.url}/new`,
      close: () => undefined,
    };
    const notifier = new HttpNotifier(slack, credentials, systemClock);
    expect(await notifier.send(critical, soon())).toEqual({ kind: 'sent' });
    expect(server.requests.map(({ path }) => path)).toEqual(['/old', '/new']);
    await server.close();
  });

  test('takes no more than its own time, however far the deadline is', async () => {
    const clock = { ...systemClock, monotonicMs: () => 0 };
    const left: number[] = [];
    const credentials: Credentials = {
      source: 'the secret',
      authorization: async (deadline) => {
        left.push(deadline.leftMs());
        throw new Error('The secret cannot be read.');
      },
      renew: async () => null,
      close: () => undefined,
    };
    const result = await new HttpNotifier(slack, credentials, clock).send(critical, {
      leftMs: () => 1_000_000,
    });
    expect(left).toEqual([limits.noticeTimeoutMs]);
    expect(result).toEqual({
      kind: 'failed',
      message: 'Slack did not take the notice: The secret cannot be read. Check the secret.',
    });
  });
});

describe('pagerDuty', () => {
  const actionOf = (notice: Notice): readonly unknown[] =>
    pagerDuty(new URL('https://events.pagerduty.com/v2/enqueue'))
      .requestsFor(notice, ROUTING_KEY)
      .map(({ body }) => (JSON.parse(body) as { event_action: string }).event_action);

  test('pages for what needs a person, and for nothing else', () => {
    const actions = Object.entries(ENDS).map(([outcome, record]) => [
      outcome,
      ...actionOf(noticeOf(record, 'end', 0, NOON_MS)),
    ]);
    expect(actions).toEqual([
      // A person asked for this one.
      ['ROLLED_BACK'],
      ['REFUSED'],
      ['NO_TARGET', 'trigger'],
      ['ALREADY_LIVE'],
      ['CONTESTED', 'trigger'],
      ['FAILED', 'trigger'],
      ['DEFERRED'],
      ['AWAITING_APPROVAL', 'trigger'],
      ['OBSERVED'],
      ['PROMOTED'],
    ]);
  });
});

describe('text of others', () => {
  const evil =
    '<!channel> <@U0> <https://evil.example|log in> [log in](https://evil.example) <at>a</at>';
  const notice = noticeOf(committed(firstClaim(evil, '1')).record, 'end', 0, NOON_MS);

  test('mentions nobody and makes no link in Slack', () => {
    const [request] = slack.requestsFor(notice, 'https://hooks.slack.com/services/x');
    expect(request?.body).not.toMatch(/[<>]/);
    expect(request?.body).toContain('&lt;!channel&gt;');
    const { formatted } = slackMessage(request?.body ?? '');
    expect(formatted).toHaveLength(2);
    // The commands, each within a fence that its text cannot end.
    for (const text of formatted) expect(text.split('```')).toHaveLength(3);
  });

  test('is a run without markdown in Teams', () => {
    const [request] = teams.requestsFor(notice, 'https://example.com/x');
    const { texts } = teamsMessage(request?.body ?? '');
    expect(texts.join()).toContain('[log in](https://evil.example)');
  });
});

// ---------------------------------------------------------------------------------------------------

function notifierAt(kind: Kind, url: string): HttpNotifier {
  const { service, secret } = kind.at(url);
  const credentials = new StaticCredentials(secret);
  const named: Credentials = {
    source: 'ROLLBACK_TEST_SECRET',
    authorization: () => credentials.authorization(),
    renew: async () => null,
    close: () => undefined,
  };
  return new HttpNotifier(service, named, systemClock);
}

async function withServer(
  _kind: Kind,
  act: (request: ProxiedRequest) => ProxyAct,
  use: (server: HttpProxy) => Promise<void>,
): Promise<void> {
  const server = await startHttpProxy(null, act);
  await use(server).finally(() => server.close());
}

async function sendTo(
  kind: Kind,
  act: (request: ProxiedRequest) => ProxyAct,
  deadline = soon(),
): Promise<{ result: NoticeResult; secret: string; requests: readonly ProxiedRequest[] }> {
  const server = await startHttpProxy(null, act);
  const { secret } = kind.at(server.url);
  const result = await notifierAt(kind, server.url).send(critical, deadline);
  await server.close();
  return { result, secret, requests: server.requests };
}

/** Neither the whole nor the part of it that opens the door. */
function expectNothingOf(secret: string, result: NoticeResult): void {
  const text = JSON.stringify(result);
  expect(text).not.toContain(secret);
  expect(text).not.toMatch(/0SECRET/);
  expect(text).not.toContain(ROUTING_KEY);
  expect(text).not.toContain(KEY);
}

/** As a receiver checks it. */
function expectSigned(headers: ProxiedRequest['headers'], body: string): void {
  const {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': signature,
  } = headers;
  const key = Buffer.from(KEY.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  expect(signature).toBe(`v1,${expected}`);
  expect(seconds).toMatch(/^\d{10}$/);
  expect(id).toMatch(/^msg_[0-9a-f]{32}$/);
}

function longNotices(): readonly Notice[] {
  const names = [
    LONG_NAME,
    '🤖'.repeat(128),
    '<&>'.repeat(85),
    '`'.repeat(250),
    'a b '.repeat(64).trim(),
  ];
  return names.flatMap((name) =>
    (['FAILED', 'AWAITING_APPROVAL', 'ROLLED_BACK'] as const).map((outcome) => {
      const notice = noticeOf(committed(firstClaim(name, '1')).record, 'end', 0, NOON_MS);
      const text = `${'模'.repeat(60_000)} <!channel> & ${'words '.repeat(1_000)}`;
      return {
        ...notice,
        message: { ...notice.message, outcome, text, triggered_by: name, requested_by: name },
      };
    }),
  );
}
