import { beforeEach, describe, expect, test } from 'vitest';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { Handed } from '../../../src/http/http-call.ts';
import { httpLimits } from '../../../src/http/http-limits.ts';
import { parseHttpSecret } from '../../../src/http/http-secret.ts';
import { makeService, type Service } from '../../../src/http/service.ts';
import { alert, alertmanagerMessage, grafanaMessage } from '../../fakes/alerts.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const token = 'operator-0123456789abcdef';
const secret = parseHttpSecret(JSON.stringify({ tokens: `operator ${token} ci` }));

let world: World;
let handed: Handed[];
let service: Service;
let isTaken: boolean;

beforeEach(() => {
  world = makeWorld();
  world.seed('PascalStrategy', ['Archived', 'Archived', 'Production']);
  handed = [];
  isTaken = true;
  service = makeService({
    deps: world.deps,
    access: { kind: 'tokens', tokens: secret.tokens },
    handOver: async (one) => {
      if (!isTaken) throw new RegistryUnavailableError('Lambda did not take it.');
      handed.push(one);
    },
  });
});

async function send(message: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await service.fetch(
    new Request('https://x.lambda-url.eu-west-1.on.aws/v1/alerts', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(message),
    }),
  );
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body };
}

const manyLabels = (): Record<string, string> =>
  Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`l${index}`, 'x'.repeat(900)]));

const settle = async (): Promise<void> => {
  for (const one of handed.splice(0)) {
    await service.doHanded(JSON.parse(JSON.stringify({ handed_over: one })));
  }
};

describe('an alert where nothing goes on after an answer', () => {
  test('is handed over, and rolls back when it comes back', async () => {
    const startsAt = new Date(world.clock.nowMs()).toISOString();
    for (const message of [
      alertmanagerMessage([alert({ startsAt })]),
      grafanaMessage([alert({ startsAt, fingerprint: 'aa' })]),
    ]) {
      const { status, body } = await send(message);
      expect([status, body]).toEqual([
        202,
        { results: [{ pending: true, alarm_name: 'DrawdownHigh' }] },
      ]);
    }
    expect(await world.records()).toEqual([]);
    await settle();
    const records = await world.records();
    expect(records.map(({ progress }) => progress.status).toSorted()).toEqual([
      'REFUSED',
      'ROLLED_BACK',
    ]);
    expect(records.map((record) => record.alarm?.transition.ref.source).toSorted()).toEqual([
      'alertmanager',
      'grafana',
    ]);
  });

  test('comes in parts that are small enough, each alert in one of them', async () => {
    const padding = 'x'.repeat(900);
    const alerts = Array.from({ length: limits.alertsMax + 20 }, (_, index) =>
      alert({ model: `m-${index}${padding}`, fingerprint: `f${index}` }),
    );
    const { status, body } = await send(alertmanagerMessage(alerts));
    expect(status).toBe(202);
    expect(body['results']).toHaveLength(limits.alertsMax);
    expect(body['left_out']).toBe(20);
    expect(handed.length).toBeGreaterThan(1);
    const sent = handed.flatMap((one) => {
      expect(JSON.stringify(one).length).toBeLessThan(httpLimits.handedBytesMax + 2_000);
      if (one.kind !== 'alerts') throw new Error('another kind');
      return (one.message as { alerts: { fingerprint: string }[] }).alerts;
    });
    const fingerprints = sent.map(({ fingerprint }) => fingerprint);
    expect(fingerprints).toEqual(
      alerts.slice(0, limits.alertsMax).map((one) => one['fingerprint']),
    );
  });

  test.each([
    ['a label that is never read', { labels: { note: 'x'.repeat(300_000) } }],
    ['labels that are many', { labels: manyLabels() }],
    ['a status', { status: 'x'.repeat(300_000) }],
    ['a fingerprint', { fingerprint: 'x'.repeat(300_000) }],
  ])('is small enough with %s of any size', async (_, parts) => {
    const startsAt = new Date(world.clock.nowMs()).toISOString();
    await send(alertmanagerMessage([alert({ startsAt, ...parts })]));
    for (const one of handed) {
      expect(JSON.stringify(one).length).toBeLessThan(httpLimits.handedBytesMax + 2_000);
    }
    await settle();
    const statuses = (await world.records()).map(({ progress }) => progress.status);
    expect(statuses).toEqual('labels' in parts ? ['ROLLED_BACK'] : [expect.any(String)]);
  });

  test('is not answered as taken when nobody has taken it', async () => {
    isTaken = false;
    const { status, body } = await send(alertmanagerMessage([alert()]));
    expect([status, body['error']]).toEqual([
      503,
      expect.objectContaining({ message: 'Lambda did not take it.' }),
    ]);
    expect((await send({ alerts: [] })).status).toBe(200);
    expect(handed).toEqual([]);
  });

  test('throws while a retry can cure one of them', async () => {
    const startsAt = new Date(world.clock.nowMs()).toISOString();
    await send(alertmanagerMessage([alert({ startsAt })]));
    const event = JSON.parse(JSON.stringify({ handed_over: handed[0] }));
    const read = async (): Promise<never> => {
      throw new RegistryUnavailableError('The registry does not answer.');
    };
    const down = makeService({
      deps: withCalls(world.deps, { registry: { read } }),
      access: { kind: 'tokens', tokens: secret.tokens },
    });
    await expect(down.doHanded(event)).rejects.toThrow(RegistryUnavailableError);
    await service.doHanded(event);
    expect((await world.records()).map(({ progress }) => progress.status)).toEqual(['ROLLED_BACK']);
  });

  test.each([
    ['nothing', null],
    ['a request', { model_name: 'PascalStrategy' }],
    ['something of another kind', { handed_over: { kind: 'promotion' } }],
    ['a delivery without an id', { handed_over: { kind: 'delivery', delivery: { body: {} } } }],
  ])('takes %s for no event of its own', async (_, event) => {
    await expect(service.doHanded(event)).rejects.toThrow(
      'This function answers only requests to its URL.',
    );
    expect(await world.records()).toEqual([]);
  });
});

describe('the secret of a function behind a URL', () => {
  test('has tokens, and the secrets of those that sign', () => {
    const key = 'a-key-0123456789';
    const read = parseHttpSecret(
      JSON.stringify({
        tokens: `operator ${token} ci\nviewer viewer-0123456789abcdef\n`,
        grafana_secret: key,
        mlflow_webhook_secret: '',
      }),
    );
    expect(read.tokens.map(({ role, name }) => [role, name])).toEqual([
      ['operator', 'ci'],
      ['viewer', null],
    ]);
    expect([read.grafanaSecret, read.mlflowSecret]).toEqual([key, null]);
  });

  test.each([
    ['no JSON', 'operator s3cret-s3cret-s3cret', /is not JSON/],
    ['a list', '["s3cret"]', /does not have the expected form/],
    ['no tokens', '{"grafana_secret": "s3cret-s3cret-s3cret"}', /does not have the expected form/],
    ['a field too many', '{"tokens": "", "grafana": "s3cret"}', /does not have the expected form/],
    ['no line in tokens', '{"tokens": ""}', /tokens in the secret holds no token/],
    ['a short token', '{"tokens": "operator s3cret"}', /line 1: the token must have at least 16/],
    [
      'a short key',
      `{"tokens": "operator ${token}", "grafana_secret": "s3cret"}`,
      /holds a grafana_secret that has fewer than 16 characters/,
    ],
  ])('is refused with %s, and not shown', (_, text, message) => {
    expect(() => parseHttpSecret(text)).toThrow(message);
    try {
      parseHttpSecret(text);
    } catch (error) {
      expect(String(error)).not.toContain('s3cret');
    }
  });
});
