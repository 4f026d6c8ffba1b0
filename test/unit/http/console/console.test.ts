import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../../src/app/deps.ts';
import {
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../../../../src/domain/errors.ts';
import type { AccessPolicy } from '../../../../src/http/access.ts';
import { httpLimits } from '../../../../src/http/http-limits.ts';
import { makeService, type Service } from '../../../../src/http/service.ts';
import { parseTokens } from '../../../../src/http/tokens.ts';
import { alert, alertmanagerMessage } from '../../../fakes/alerts.ts';
import { withCalls } from '../../../fakes/intercept.ts';
import { makeWorld, type World } from '../../../fakes/world.ts';

const host = '127.0.0.1:8080';
const open: AccessPolicy = { kind: 'open', hosts: () => [host], name: 'ana' };
const operatorToken = 'operator-0123456789abcdef';
const viewerToken = 'viewer-0123456789abcdef';
const tokens = parseTokens(`operator ${operatorToken} ben\nviewer ${viewerToken}\n`, 'tokens');

let world: World;
let service: Service;

function start(access: AccessPolicy = open, deps: RollbackDeps = world.deps): void {
  service = makeService({ deps, access });
}

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  start();
});

/** A browser: it keeps its cookie, and follows where a form leads. */
class Browser {
  cookie = '';
  text = '';
  status = 0;
  headers = new Headers();

  async send(method: string, path: string, headers: object, body?: string): Promise<void> {
    const response = await service.fetch(
      new Request(`http://${host}${path}`, {
        method,
        headers: {
          host,
          accept: 'text/html',
          ...(this.cookie === '' ? {} : { cookie: this.cookie }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      }),
    );
    this.status = response.status;
    this.headers = response.headers;
    this.text = await response.text();
    const set = response.headers.get('set-cookie');
    if (set !== null) this.cookie = set.split(';', 1)[0] ?? '';
  }

  async open(path: string, headers: object = {}): Promise<string> {
    await this.send('GET', path, headers);
    return this.text;
  }

  /** The hidden fields of the form with this action, and of this button. */
  form(action: string, label = ''): URLSearchParams {
    const forms = this.text.matchAll(/<form method="post" action="([^"]*)"[\s\S]*?<\/form>/g);
    const found = [...forms].find(([all, to]) => to === action && all.includes(label))?.[0];
    if (found === undefined) throw new Error(`no form ${action} ${label} in ${this.text}`);
    const fields = found.matchAll(/<input type="hidden" name="([^"]*)"\s+value="([^"]*)">/g);
    const pairs = [...fields].map(([, name = '', value = '']): [string, string] => [name, value]);
    return new URLSearchParams(pairs);
  }

  async submit(action: string, form: URLSearchParams, headers: object = {}): Promise<void> {
    const type = { 'content-type': 'application/x-www-form-urlencoded', origin: `http://${host}` };
    await this.send('POST', action, { ...type, ...headers }, form.toString());
  }

  /** The page that a form led to. */
  async follow(): Promise<string> {
    expect(this.status).toBe(303);
    return await this.open(this.headers.get('location') ?? '');
  }
}

/** An alarm that waits for approval. @returns the path of its record */
async function waiting(model = 'm', name = 'drawdown'): Promise<string> {
  const { settings } = world.deps;
  const alarms = { ...settings.alarms, mode: 'ask' as const };
  world = { ...world, deps: { ...world.deps, settings: { ...settings, alarms } } };
  start();
  const startsAt = new Date(world.clock.nowMs() - 60_000).toISOString();
  await service.fetch(
    new Request(`http://${host}/v1/alerts`, {
      method: 'POST',
      headers: { host, 'content-type': 'application/json' },
      body: JSON.stringify(alertmanagerMessage([alert({ model, name, startsAt })])),
    }),
  );
  const record = (await world.records(model)).find(
    ({ progress }) => progress.status === 'AWAITING_APPROVAL',
  );
  if (record === undefined) throw new Error('nothing waits');
  return `/rollbacks/${record.id}`;
}

const live = async (model = 'm'): Promise<string[]> => {
  const { live: rows } = await world.deps.registry.read(model, [], world.deadline());
  return rows.map(({ version }) => version);
};

describe('the pages', () => {
  test('show all models, one model, its plan and an attempt, with no script and no style of their own', async () => {
    await world.ask({ model_name: 'm', requested_by: 'eva' });
    const [record] = await world.records();
    const browser = new Browser();
    for (const [path, shown] of [
      ['/', /No model needs you[\s\S]*Rolled back/],
      ['/models/m', /What was live[\s\S]*Version[\s\S]*In quarantine/],
      ['/models/m/plan', /Guards[\s\S]*COOLDOWN[\s\S]*Candidates/],
      [
        '/models/m/plan?to=1&override=COOLDOWN',
        /Move stage:Production of .* from 2 to 1 and override COOLDOWN/,
      ],
      [
        `/rollbacks/${record?.id}`,
        /What happened[\s\S]*the pointer was moved and read back[\s\S]*eva/,
      ],
      [`/rollbacks/${record?.id}/undo`, /Undo a rollback[\s\S]*from 2 to 3/],
    ] as const) {
      const text = await browser.open(path);
      expect(browser.status, path).toBe(200);
      expect(text).toMatch(shown);
      expect(text).not.toMatch(
        / style="|<style|<script(?! type="module" src="\/console\/)| on\w+="/,
      );
      expect(browser.headers.get('content-security-policy')).toMatch(
        /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/,
      );
      expect(browser.headers.get('referrer-policy')).toBe('same-origin');
      expect(browser.headers.get('cache-control')).toBe('no-store');
      const refs = [...text.matchAll(/(?:href|src)="(\/console\/[^"]+)"/g)].map(([, ref]) => ref);
      for (const ref of refs) {
        await new Browser().open(ref ?? '');
        expect((await service.fetch(new Request(`http://${host}${ref}`))).status).toBe(200);
      }
    }
  });

  test('name every command as it is pasted', async () => {
    await world.ask({ model_name: 'm' });
    const text = await new Browser().open('/models/m');
    const commands = [...text.matchAll(/data-copy="([^"]*)"/g)].map(([, command]) => command);
    expect(commands).toEqual(
      expect.arrayContaining([
        'model-rollback apply m',
        'model-rollback release m 3',
        'model-rollback history m --live',
      ]),
    );
  });

  test('escape a model name that is markup, and isolate one that is written from right to left', async () => {
    const name = '<img src=x onerror=alert(1)>"&\u202e';
    const hebrew = 'מודל';
    for (const one of [name, hebrew]) {
      world.seed(one, ['Archived', 'Production']);
      await world.ask({ model_name: one, requested_by: '<b>eva</b>' });
    }
    const browser = new Browser();
    const fleet = await browser.open('/');
    const shown = '&lt;img src=x onerror=alert(1)&gt;&quot;&amp;\\u202e';
    expect(fleet).toContain(`<bdi>${shown}</bdi>`);
    expect(fleet).toContain(`<bdi>${hebrew}</bdi>`);
    const links = [...fleet.matchAll(/href="(\/(?:models|rollbacks)\/[^"]+)"/g)].map(
      ([, to]) => to,
    );
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) {
      const page = await browser.open(link ?? '');
      expect(browser.status, link).toBe(200);
      expect(page).not.toMatch(/<img|<b>eva|\u202e/);
    }
    const plan = await browser.open(`/models/${encodeURIComponent(name)}/plan?override=COOLDOWN`);
    expect(plan).toContain(shown);
    expect(plan).not.toMatch(/<img|\u202e/);
  });

  test('escape what an alert brings', async () => {
    const path = await waiting('m', '</title><script>alert(1)</script>');
    const browser = new Browser();
    for (const one of ['/', '/models/m', path, `${path}/approve`]) {
      expect(await browser.open(one)).not.toContain('<script>');
      expect(browser.text).toContain('&lt;/title&gt;&lt;script&gt;');
    }
  });

  test('answer for a name that holds a slash, or that no registry knows', async () => {
    world.seed('a/plan', ['Archived', 'Production']);
    const browser = new Browser();
    expect(await browser.open('/models/a%2Fplan')).toContain('<h1><bdi>a/plan</bdi></h1>');
    await browser.open('/models?name=a%2Fplan');
    expect(browser.headers.get('location')).toBe('/models/a%2Fplan');
    for (const [path, status] of [
      ['/models/none', 404],
      ['/models/none/plan', 404],
      ['/models/', 400],
      ['/models/%ff', 400],
      ['/rollbacks/m/0123456789abcdef', 404],
      ['/rollbacks/m/0123456789abcdef/approve', 404],
      ['/rollbacks/nothing', 404],
      ['/models/m/plan?override=NOTHING', 400],
      ['/?before=then', 400],
      ['/console/0/style.css', 404],
    ] as const) {
      expect(await browser.open(path), path).toContain('<h1>');
      expect(browser.status, path).toBe(status);
    }
  });

  test('say that the store is down, with 503, and forget nothing for it', async () => {
    const browser = new Browser();
    await browser.open('/models/m/plan');
    const form = browser.form('/console/rollback');
    let isDown = true;
    const fail = async <T>(call: () => Promise<T>): Promise<T> => {
      if (isDown) throw new StateStoreUnavailableError('The table is <away>. Try again.');
      return await call();
    };
    start(open, withCalls(world.deps, { store: { read: fail, list: fail } }));
    const other = new Browser();
    for (const path of ['/', '/models/m', '/models/m/plan']) {
      expect(await other.open(path)).toContain('The table is &lt;away&gt;.');
      expect(other.status).toBe(503);
      expect(other.text).toContain(`href="${path}">Try again`);
    }
    isDown = false;
    await other.open('/models/m/plan');
    isDown = true;
    const sent = other.form('/console/rollback');
    await other.submit('/console/rollback', sent);
    expect(other.status).toBe(503);
    expect(await live()).toEqual(['3']);
    isDown = false;
    await other.submit('/console/rollback', sent);
    expect(await other.follow()).toContain('Done.');
    // The form of before the restart is of no session any more.
    await browser.submit('/console/rollback', form);
    expect(browser.status).toBe(403);
  });

  test('show what is on record while the registry is down', async () => {
    await world.ask({ model_name: 'm' });
    const read = async (): Promise<never> => {
      throw new RegistryUnavailableError('The registry does not answer.');
    };
    start(open, withCalls(world.deps, { registry: { read } }));
    const text = await new Browser().open('/models/m');
    expect(text).toMatch(
      /What is live could not be read: The registry does not answer\.[\s\S]*Attempts/,
    );
    const plan = new Browser();
    expect(await plan.open('/models/m/plan')).toContain('Not available now');
    expect(plan.status).toBe(503);
  });

  test('hide the detail of a bug', async () => {
    const list = async (): Promise<never> => {
      throw new TypeError('secret detail');
    };
    start(open, withCalls(world.deps, { store: { list } }));
    const browser = new Browser();
    expect(await browser.open('/')).not.toContain('secret detail');
    expect(browser.status).toBe(500);
  });
});

describe('the forms', () => {
  test('roll back what the page showed, and undo it', async () => {
    const browser = new Browser();
    await browser.open('/models/m/plan');
    await browser.submit('/console/rollback', browser.form('/console/rollback'));
    expect(await browser.follow()).toMatch(
      /Done\. Servers that loaded version 3[\s\S]*Rolled back/,
    );
    expect(await live()).toEqual(['2']);
    const [record] = await world.records();
    expect(record?.request).toMatchObject({ requestedBy: 'ana' });

    await browser.open(`/rollbacks/${record?.id}/undo`);
    await browser.submit('/console/undo', browser.form('/console/undo'));
    expect(await browser.follow()).toContain('Done.');
    expect(await live()).toEqual(['3']);
  });

  test('approve what waits, once, whoever presses how often', async () => {
    const path = await waiting();
    const [one, other] = [new Browser(), new Browser()];
    expect(await one.open('/')).toMatch(/Waiting for you[\s\S]*Review and approve/);
    await one.open(`${path}/approve`);
    await other.open(`${path}/approve`);
    const [first, second] = [one, other].map((browser) => browser.form('/console/approve'));
    const again = new Browser();
    again.cookie = one.cookie;
    await Promise.all([
      one.submit('/console/approve', first ?? new URLSearchParams()),
      again.submit('/console/approve', first ?? new URLSearchParams()),
      other.submit('/console/approve', second ?? new URLSearchParams()),
    ]);
    expect(one.headers.get('location')).toBe(again.headers.get('location'));
    expect([303, 400, 409]).toContain(other.status);
    expect(await live()).toEqual(['2']);
    const moved = (await world.records()).filter(
      ({ progress }) => progress.status === 'ROLLED_BACK',
    );
    expect(moved).toHaveLength(1);
    expect(moved[0]?.request.requestedBy).toBe('ana');
    expect(await one.open('/')).not.toContain('Waiting for you');
  });

  test('reject what waits, with a reason or without, and show who did', async () => {
    for (const reason of ['the <b>feed</b> was late', '']) {
      world.clock.advance(120_000);
      const path = await waiting();
      const browser = new Browser();
      expect(await browser.open('/')).toContain(`href="${path}#reject"`);
      expect(await browser.open(`${path}/approve`)).toContain(`href="${path}#reject"`);
      await browser.open(path);
      const form = browser.form('/console/decide');
      form.set('reason', reason);
      await browser.submit('/console/decide', form);
      const page = await browser.follow();
      expect(page).toMatch(/was rejected by ana at/);
      expect(page).toMatch(/class="badge calm"[^R]*Rejected/);
      if (reason !== '') expect(page).toContain('(reason: the &lt;b&gt;feed&lt;/b&gt; was late)');
      expect(page).not.toContain('/console/decide');
      expect(await browser.open('/')).not.toContain('Waiting for you');
      expect(await browser.open('/models/m')).toMatch(/A rollback from 3 to 2 was rejected by ana/);
      expect(await live()).toEqual(['3']);
      await browser.submit('/console/decide', form);
      expect(browser.status).toBe(303);
    }
  });

  test('quarantine a version with a reason, and release it', async () => {
    const browser = new Browser();
    expect(await browser.open('/models/m')).toContain('No version is in quarantine.');
    const form = browser.form('/console/decide', 'Quarantine this version');
    form.set('version', '2');
    form.set('reason', 'wrong data');
    await browser.submit('/console/decide', form);
    expect(await browser.follow()).toMatch(/Version 2 of m is in quarantine[\s\S]*wrong data/);
    const { state } = await world.store.read('m', null, world.deadline());
    expect(state?.quarantine).toMatchObject([
      { version: '2', byHand: { by: 'ana', reason: 'wrong data' } },
    ]);
    const bad = new URLSearchParams(form);
    bad.set('version', '02');
    bad.set('request_id', 'another');
    await browser.submit('/console/decide', bad);
    expect(browser.status).toBe(400);
    const empty = new URLSearchParams(form);
    empty.set('reason', '');
    empty.set('request_id', 'third');
    await browser.submit('/console/decide', empty);
    expect(browser.text).toContain('quarantine needs a reason');
  });

  test('do nothing when the world has changed since the page was shown', async () => {
    const browser = new Browser();
    await browser.open('/models/m/plan');
    world.registry.transition('m', world.registry.register('m'), 'Production', true);
    await browser.submit('/console/rollback', browser.form('/console/rollback'));
    expect(await browser.follow()).toMatch(/Nothing was moved\.[\s\S]*LIVE_VERSION_CHANGED/);
    expect(await live()).toEqual(['4']);
  });

  test('send a form twice, and act once', async () => {
    const browser = new Browser();
    await browser.open('/models/m');
    const form = browser.form('/console/decide', 'Freeze this model');
    form.set('until', '2h');
    form.set('reason', 'a <migration>');
    await browser.submit('/console/decide', form);
    await browser.submit('/console/decide', form);
    expect(await browser.follow()).toMatch(
      /Rollbacks of m are frozen until[\s\S]*Frozen\.[\s\S]*a &lt;migration&gt;/,
    );
    const { state } = await world.store.read('m', null, world.deadline());
    expect(state?.actions).toMatchObject([{ verb: 'freeze', by: 'ana', reason: 'a <migration>' }]);

    await browser.submit('/console/decide', browser.form('/console/decide', 'Unfreeze this model'));
    expect(await browser.follow()).toContain('are allowed again');
  });

  test('pause and resume all models, and release a version', async () => {
    await world.ask({ model_name: 'm' });
    const browser = new Browser();
    await browser.open('/');
    const form = browser.form('/console/decide', 'Pause all models');
    form.set('reason', 'noise');
    await browser.submit('/console/decide', form);
    expect(await browser.follow()).toMatch(/<b>Paused\.<\/b> ana paused it: noise\./);
    await browser.submit('/console/decide', browser.form('/console/decide', 'Resume all models'));
    expect(await browser.follow()).toContain('is resumed');
    await browser.open('/models/m');
    await browser.submit('/console/decide', browser.form('/console/decide', 'Release version 3'));
    expect(await browser.follow()).not.toContain('In quarantine');
  });

  test.each([
    ['no token', (form: URLSearchParams) => form.delete('form_token')],
    ['another token', (form: URLSearchParams) => form.set('form_token', 'token-1')],
    ['no request id', (form: URLSearchParams) => form.delete('request_id')],
    ['a request id with markup', (form: URLSearchParams) => form.set('request_id', '<b>')],
  ])('do nothing with %s', async (_, change) => {
    const browser = new Browser();
    await browser.open('/models/m/plan');
    const form = browser.form('/console/rollback');
    change(form);
    await browser.submit('/console/rollback', form);
    expect(browser.status).toBe(403);
    expect(browser.text).toContain('Nothing was done.');
    expect(await world.records()).toEqual([]);
  });

  test('do nothing for another site, another session, or no session', async () => {
    const [own, other, none] = [new Browser(), new Browser(), new Browser()];
    await own.open('/models/m/plan');
    await other.open('/models/m/plan');
    const form = own.form('/console/rollback');
    await other.submit('/console/rollback', form);
    expect(other.status).toBe(403);
    await none.submit('/console/rollback', form);
    expect(none.status).toBe(403);
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { host: 'evil.example:8080', origin: 'http://evil.example:8080' },
    ]) {
      await own.submit('/console/rollback', form, headers);
      expect(own.status).toBe(403);
    }
    expect(await world.records()).toEqual([]);
  });

  test.each([
    ['an action that there is none of', '/console/delete', 404],
    ['what every object has', '/console/constructor', 404],
    ['a body that is no form', '/console/rollback', 415],
  ])('refuse %s', async (_, action, status) => {
    const browser = new Browser();
    await browser.open('/models/m/plan');
    const form = browser.form('/console/rollback');
    const type = status === 415 ? { 'content-type': 'text/plain' } : {};
    await browser.submit(action, form, type);
    expect(browser.status).toBe(status);
    expect(await world.records()).toEqual([]);
  });

  test('refuse a body that is too large', async () => {
    const browser = new Browser();
    await browser.open('/models/m/plan');
    const form = browser.form('/console/rollback');
    form.set('reason', 'x'.repeat(httpLimits.httpBodyBytesMax));
    await browser.submit('/console/rollback', form);
    expect(browser.status).toBe(413);
  });
});

describe('sessions', () => {
  const login = async (token: string, next = '/models/m'): Promise<Browser> => {
    const browser = new Browser();
    await browser.open('/');
    const fields = { token, next };
    await browser.submit('/console/login', new URLSearchParams(fields));
    return browser;
  };

  test('a viewer cannot reject, and nothing that is not on record is rejected', async () => {
    const path = await waiting();
    start({ kind: 'tokens', tokens });
    const viewer = await login(viewerToken);
    expect(await viewer.open(path)).not.toContain('/console/decide');
    const operator = await login(operatorToken);
    await operator.open(path);
    const form = operator.form('/console/decide');
    form.set('rollback_id', 'm/0123456789abcdef');
    await operator.submit('/console/decide', form);
    expect(operator.status).toBe(404);
  });

  test('begin with a token, which no address and no cookie holds', async () => {
    start({ kind: 'tokens', tokens });
    const browser = new Browser();
    expect(await browser.open('/models/m')).toMatch(/<h1>Log in<\/h1>[\s\S]*value="\/models\/m"/);
    expect(browser.status).toBe(401);
    expect(browser.text).not.toContain('stage:Production');

    const wrong = await login('operator-0123456789abcdeX');
    expect(wrong.status).toBe(401);
    expect(wrong.text).toMatch(/role="alert"[^>]*>This token is not known/);
    expect(wrong.cookie).toBe('');

    const right = await login(operatorToken);
    expect(right.headers.get('location')).toBe('/models/m');
    const set = right.headers.get('set-cookie') ?? '';
    expect(set).toMatch(
      /^model-rollback-8080=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(set).not.toContain('0123456789abcdef');
    expect(await right.follow()).toMatch(/ben, operator[\s\S]*Log out/);
    await right.submit('/console/logout', right.form('/console/logout'));
    expect(await new Browser().open('/')).toContain('Log in');
    expect(await right.open('/')).toContain('Log in');
  });

  test('give an operator what a viewer is refused', async () => {
    start({ kind: 'tokens', tokens });
    const viewer = await login(viewerToken);
    for (const path of ['/', '/models/m', '/models/m/plan']) {
      const text = await viewer.open(path);
      expect(viewer.status).toBe(200);
      expect(text.match(/action="\/console\/(?!logout)/g)).toBeNull();
    }
    const token = viewer.form('/console/logout').get('form_token') ?? '';
    const form = { form_token: token, request_id: 'abc', model_name: 'm', confirmed_live: '3' };
    await viewer.submit('/console/rollback', new URLSearchParams({ ...form, confirmed_to: '2' }));
    expect(viewer.status).toBe(403);
    expect(viewer.text).toContain('You may read.');
    expect(await world.records()).toEqual([]);

    const operator = await login(operatorToken);
    await operator.open('/models/m/plan');
    await operator.submit('/console/rollback', operator.form('/console/rollback'));
    expect(operator.status).toBe(303);
    expect((await world.records())[0]?.request.requestedBy).toBe('ben');
  });

  test.each(['//evil.example', '/\\evil.example', 'http://evil.example', '/a\r\nb: c', ''])(
    'lead nowhere else after a login (%j)',
    async (next) => {
      start({ kind: 'tokens', tokens });
      expect((await login(operatorToken, next)).headers.get('location')).toBe('/');
    },
  );

  test('end after their time, when they are ended, and with the token', async () => {
    start({ kind: 'tokens', tokens });
    const first = await login(operatorToken);
    expect(await first.open('/')).toContain('Log out');
    world.clock.advance(httpLimits.sessionMs);
    expect(await first.open('/')).toContain('Log in');

    const second = await login(operatorToken);
    await second.open('/');
    const kept = second.cookie;
    await second.submit('/console/logout', second.form('/console/logout'));
    second.cookie = kept;
    expect(await second.open('/')).toContain('Log in');

    const third = await login(operatorToken);
    expect(await third.open('/')).toContain('Log out');
    start({ kind: 'tokens', tokens: tokens.filter(({ role }) => role === 'viewer') });
    expect(await third.open('/')).toContain('Log in');
  });

  test('are known to every replica, and so are their forms', async () => {
    start({ kind: 'tokens', tokens });
    const browser = await login(operatorToken);
    await browser.open('/models/m/plan');
    const form = browser.form('/console/rollback');
    start({ kind: 'tokens', tokens });
    await browser.submit('/console/rollback', form);
    expect(browser.status).toBe(303);
    start({ kind: 'tokens', tokens });
    await browser.submit('/console/rollback', form);
    expect(browser.status).toBe(303);
    expect(await world.records()).toHaveLength(1);
  });

  test('cannot be made up', async () => {
    start({ kind: 'tokens', tokens });
    const viewer = await login(viewerToken);
    const operator = await login(operatorToken);
    const [idOfViewer, idOfOperator] = [viewer, operator].map(
      ({ cookie }) => /=(\w+)\./.exec(cookie)?.[1] ?? '',
    );
    const own = viewer.cookie;
    const longer = (_: string, until: string): string => `.${until.slice(0, -1)}z.`;
    for (const made of [
      own.replace(idOfViewer ?? '', idOfOperator ?? ''),
      own.replace(/\.(\w+)\./, longer),
      own.replace(/\w$/, (last) => (last === 'A' ? 'B' : 'A')),
      own.replace(/=\w+/, '=open'),
      own.replace(/\.[\w-]+$/, '.'),
      'model-rollback-8080=',
    ]) {
      expect(made).not.toBe(own);
      viewer.cookie = made;
      expect(await viewer.open('/')).toContain('Log in');
    }
  });

  test('let a browser that comes from another site call again, with its cookie', async () => {
    const text = await new Browser().open('/models/m', { 'sec-fetch-site': 'cross-site' });
    expect(text).toContain('<meta http-equiv="refresh" content="0">');
    expect(text).not.toContain('form_token');
  });

  test('are not begun for programs, which read all the same', async () => {
    start({ kind: 'tokens', tokens });
    const program = new Browser();
    const headers = { accept: '*/*', authorization: `Bearer ${operatorToken}` };
    expect(await program.open('/', headers)).toContain('<h1>');
    expect([program.status, program.cookie]).toEqual([200, '']);
    expect(program.text).not.toContain('action="/console/');
  });

  test('have a cookie that TLS alone carries behind a proxy that ends it', async () => {
    const browser = new Browser();
    await browser.open('/', { 'x-forwarded-proto': 'https' });
    expect(browser.headers.get('set-cookie')).toMatch(/; Secure$/);
  });
});
