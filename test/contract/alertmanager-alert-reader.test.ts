/** What an alert is now, asked of a real Alertmanager, and of servers that answer badly. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AlertmanagerAlertReader } from '../../src/adapters/alertmanager/alertmanager-alert-reader.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { AlarmTransition } from '../../src/domain/alarm/alarm.ts';
import { parseAlertGroup } from '../../src/domain/alarm/alert-payload.ts';
import { limits } from '../../src/domain/limits.ts';
import type { AlertNow } from '../../src/ports/alert-reader.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import {
  type Alertmanager,
  alertmanagerProgram,
  alertmanagerTitle,
  startAlertmanager,
} from '../engines/alertmanager.ts';
import { uniqueName } from '../engines/engines.ts';
import { alert, alertmanagerMessage, grafanaMessage } from '../fakes/alerts.ts';

const minuteMs = 60_000;

/** As its message said it. */
function transitionOf(message: object): AlarmTransition {
  const [read] = parseAlertGroup(message).alerts;
  if (read?.kind !== 'firing') throw new Error('not read');
  return read.transition;
}

/** Asks by a clock that is ahead. */
async function ask(
  url: string,
  transition: AlarmTransition,
  { aheadMs = 0, authorization = null as string | null, budgetMs = 20_000 } = {},
): Promise<AlertNow> {
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
  const reader = new AlertmanagerAlertReader({ baseUrl: new URL(url), authorization }, clock);
  return await reader.read(transition, deadlineAfter(clock, budgetMs));
}

describe.skipIf(alertmanagerProgram === null)(alertmanagerTitle('a real Alertmanager'), () => {
  let alertmanager: Alertmanager;
  beforeAll(async () => {
    alertmanager = await startAlertmanager('route: {receiver: none}\nreceivers: [{name: none}]\n');
  }, 90_000);
  afterAll(() => alertmanager?.stop());

  interface Sent {
    readonly labels: Record<string, string>;
    readonly startsAt: string;
  }
  const fire = async (labels: Record<string, string> = {}, agoMs = minuteMs): Promise<Sent> => {
    const sent = {
      labels: { alertname: uniqueName('Drawdown'), model: 'PascalStrategy', ...labels },
      startsAt: new Date(Date.now() - agoMs).toISOString(),
    };
    await alertmanager.send([sent]);
    return sent;
  };
  /** Alertmanager makes the fingerprint. */
  const known = async ({ labels, startsAt }: Sent): Promise<AlarmTransition> => {
    const response = await fetch(`${alertmanager.url}/api/v2/alerts`);
    const list = (await response.json()) as { labels: object; fingerprint: string }[];
    const found = list.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels));
    if (found === undefined) throw new Error('Alertmanager does not list it');
    const { fingerprint } = found;
    return transitionOf(alertmanagerMessage([{ ...alert({ fingerprint, startsAt }), labels }]));
  };

  test('an alert that fires is in ALARM, among others', async () => {
    await fire();
    const transition = await known(await fire());
    await fire();
    expect(await ask(alertmanager.url, transition)).toBe('ALARM');
    const recorded = { ...transition, dimensions: [{ name: 'model', value: 'PascalStrategy' }] };
    expect(await ask(alertmanager.url, recorded)).toBe('ALARM');
    expect(await ask(`${alertmanager.url}/`, { ...transition, dimensions: [] })).toBe('ALARM');
  });

  test('one whose label has quotes and line breaks is found by it', async () => {
    const value = 'a "b" \\ c\nd=~{}';
    const transition = await known(await fire({ model: value }));
    const dimensions = [{ name: 'model', value }];
    expect(await ask(alertmanager.url, { ...transition, dimensions })).toBe('ALARM');
  });

  test('one that has ended is OK, once Alertmanager has run for a time', async () => {
    const sent = await fire();
    const transition = await known(sent);
    await alertmanager.send([{ ...sent, endsAt: new Date(Date.now() - 1_000).toISOString() }]);

    expect(await ask(alertmanager.url, transition)).toBe('unknown');
    const aheadMs = limits.alertmanagerWarmUpMs;
    expect(await ask(alertmanager.url, transition, { aheadMs })).toBe('OK');
  });

  test('one that fires again has ended', async () => {
    const sent = await fire();
    const transition = await known(sent);
    const earlier = { ...transition, atMs: transition.atMs - minuteMs };
    expect(await ask(alertmanager.url, earlier)).toBe('OK');
  });

  test('one that is silenced is not known', async () => {
    const sent = await fire();
    const transition = await known(sent);
    const { alertname: value } = sent.labels;
    const silenced = await fetch(`${alertmanager.url}/api/v2/silences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        matchers: [{ name: 'alertname', value, isRegex: false, isEqual: true }],
        startsAt: new Date().toISOString(),
        endsAt: new Date(Date.now() + 10 * minuteMs).toISOString(),
        createdBy: 'test',
        comment: 'test',
      }),
    });
    expect(silenced.status).toBe(200);
    await expect.poll(() => ask(alertmanager.url, transition), { timeout: 30_000 }).toBe('unknown');
  });
});

describe('AlertmanagerAlertReader', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const answering = (body: string, status = 200, headers = {}): Promise<string> =>
    serve((_, response) => response.writeHead(status, headers).end(body));
  const transition = transitionOf(alertmanagerMessage());

  test.each([
    ['an error', () => answering('[]', 500)],
    ['a refused login', () => answering('[]', 401)],
    ['a redirect', () => answering('', 302, { location: '/api/v2/alerts' })],
    ['no JSON', () => answering('<html>')],
    ['another form', () => answering('{"status": "success", "data": []}')],
    ['a list of something else', () => answering('[{"labels": {}}]')],
    ['10 MB', () => answering(`[${' '.repeat(10_485_760)}]`)],
    ['nobody', async () => 'http://127.0.0.1:9'],
  ])('cannot tell with %s as the answer', async (_, open) => {
    expect(await ask(await open(), transition)).toBe('unreachable');
  });

  test('waits no longer than its deadline', async () => {
    const url = await serve(() => undefined);
    expect(await ask(url, transition, { budgetMs: 200 })).toBe('unreachable');
  });

  test('follows no redirect, and sends its login to the address that is set', async () => {
    const seen: string[] = [];
    const other = await serve(({ headers }, response) => {
      seen.push(String(headers.authorization));
      response.end('[]');
    });
    const url = await serve(({ headers, url: path }, response) => {
      seen.push(`${headers.authorization} ${path?.split('?')[0]}`);
      response.writeHead(307, { location: other }).end();
    });
    const authorization = 'Basic dTpw';
    expect(await ask(`${url}/am/`, transition, { authorization })).toBe('unreachable');
    expect(seen).toEqual(['Basic dTpw /am/api/v2/alerts']);
  });

  test('knows nothing of alerts of Grafana, and asks nobody', async () => {
    expect(await ask('http://127.0.0.1:9', transitionOf(grafanaMessage()))).toBe('unknown');
  });
});
