/** The console in Chromium: on the story of the demo, and on real MLflow with its state in a file. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from '../engines/engines.ts';
import { alert, alertmanagerMessage } from '../fakes/alerts.ts';
import {
  browserTitle,
  chromiumPath,
  expectAccessible,
  expectFits,
  openPage,
  startBrowser,
  takePicture,
} from './browser.ts';
import { type ServiceProcess, startService } from './service.ts';
import {
  bareEnv,
  createWorld,
  isEngineMissing,
  type Settings,
  suiteTitle,
  type World,
} from './world.ts';

const THREE = ['Archived', 'Archived', 'Production'] as const;
const OPERATOR = 'operator-0123456789abcdef';
const VIEWER = 'viewer-0123456789abcdef';

const wide = { width: 1_200, height: 800 };
const narrow = { width: 360, height: 740 };
const pageNames = [
  'fleet',
  'model',
  'frozen',
  'plan',
  'refused',
  'explain',
  'no-target',
  'approve',
  'waiting',
  'evidence',
] as const;
type PageName = (typeof pageNames)[number];

describe.skipIf(chromiumPath === null)(browserTitle('the console of the demo'), () => {
  let browser: Browser;
  let service: ServiceProcess;
  /** By what they show. */
  let paths: Readonly<Record<PageName, string>>;

  beforeAll(async () => {
    [browser, service] = await Promise.all([
      startBrowser(),
      startService(bareEnv(), [], ['demo', '--console']),
    ]);
    paths = await pathsOf(service);
  });
  afterAll(async () => {
    await browser?.close();
    service?.signal('SIGTERM');
    expect(await service?.ended).toBe(0);
  });

  test.each(pageNames)(
    'has no barrier on the page %s, no violation of its policy, and never scrolls sideways',
    async (name) => {
      const { page, complaints } = await openPage(browser, { viewport: wide });
      await page.goto(service.url + paths[name]);
      const closed = page.locator('details:not([open]) > summary');
      while ((await closed.count()) > 0) await closed.first().click();
      for (const [view, colorScheme, viewport] of [
        ['light', 'light', wide],
        ['dark', 'dark', wide],
        ['phone', 'light', narrow],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await expectFits(page, `${name} ${view}`);
        // Dark differs in its colours alone.
        await expectAccessible(
          page,
          `${name} ${view}`,
          view === 'dark' ? ['color-contrast'] : undefined,
        );
        await takePicture(page, `${name}-${view}`);
      }
      expect(complaints).toEqual([]);
      await page.context().close();
    },
    120_000,
  );

  test('shows each block of the pages', async () => {
    const { page, complaints } = await openPage(browser);
    const shows = async (...texts: (string | RegExp)[]): Promise<void> => {
      for (const text of texts) expect(await page.locator('body').innerText()).toMatch(text);
    };
    await page.goto(`${service.url}/`);
    await shows('2 of 5 models need you', 'FraudScore', /Review and approve/, 'Latest attempts');
    expect(await page.locator('.models .strip').count()).toBe(5);
    const first = page.locator('.models tbody tr').first();
    expect(await first.innerText()).toMatch(/ChurnForecast[\s\S]*frozen/);

    await page.goto(`${service.url}/models/ChurnForecast`);
    await shows(/Frozen\.\s+The model is frozen until/, 'the feature store is being migrated');

    await page.goto(`${service.url}/models/PascalStrategy?range=7d`);
    expect(await page.locator('.timeline .bar').count()).toBeGreaterThanOrEqual(5);
    for (const kind of ['alarm', 'rollback', 'promotion']) {
      expect(await page.locator(`.timeline > .mark.${kind}`).count(), kind).toBeGreaterThan(0);
    }
    await page.getByText('The same as a list').click();
    await shows(/high-drawdown went to ALARM/, /Version 5 went live/, 'A rollback was refused');
    await page.locator('.timeline .mark.rollback a').last().click();
    await shows('What happened', 'Trigger', 'Notices', 'The plan at that time');

    await page.goto(`${service.url}/models/PascalStrategy/plan`);
    await shows('Refused', 'COOLDOWN', 'Candidates', 'validation score');
    await page.getByText('See the plan that overrides COOLDOWN').click();
    await shows(/Move alias:champion of PascalStrategy from 4 to 2 and override COOLDOWN/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('copies a command, and shows times as the clock of the reader does', async () => {
    const { page, complaints } = await openPage(browser, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.goto(`${service.url}/models/ImageRanker`);
    await page.locator('button.copy').first().click();
    await page.getByText('Copied').waitFor();
    const copied = await page.evaluate('navigator.clipboard.readText()');
    expect(copied).toMatch(/^model-rollback \S+ ImageRanker/);
    expect(await page.locator('footer').innerText()).toContain('Asia/Tokyo');
    const time = page.locator('main time').first();
    const shown = await time.innerText();
    const iso = (await time.getAttribute('datetime')) ?? '';
    const hour = String((new Date(iso).getUTCHours() + 9) % 24).padStart(2, '0');
    expect(shown).toContain(`${hour}:`);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('is read and used by the keyboard alone', async () => {
    const { page } = await openPage(browser);
    await page.goto(`${service.url}/`);
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('FraudScore');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toMatch(/^Review and approve/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/approve$/);
    await page.context().close();
  });

  test('is read and used without JavaScript', async () => {
    const { page } = await openPage(browser, { javaScriptEnabled: false });
    for (const path of Object.values(paths)) {
      const response = await page.goto(service.url + path);
      expect(response?.status()).toBe(200);
      expect(await page.locator('h1').innerText()).not.toBe('');
    }
    await page.goto(`${service.url}/models/DemandForecast`);
    expect(await page.locator('button.copy').first().isVisible()).toBe(false);
    expect(await page.locator('main time').first().innerText()).toMatch(/ UTC$/);
    await page.getByText('in 8 hours').first().waitFor({ state: 'attached' });
    await page.getByLabel('Until').selectOption('8h');
    await page.locator('#reason-freeze').fill('no script');
    await page.getByRole('button', { name: 'Freeze this model' }).click();
    expect(await page.getByRole('status').innerText()).toContain('are frozen until');
    expect(await page.locator('.banner').innerText()).toContain('no script');
    await page.context().close();
  });
});

describe.skipIf(isEngineMissing || chromiumPath === null)(
  suiteTitle(browserTitle('the console on MLflow')),
  { timeout: 120_000 },
  () => {
    let world: World;
    let browser: Browser;
    let folder: string;
    const services: ServiceProcess[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'model-rollback-console-'));
      [world, browser] = await Promise.all([createWorld(), startBrowser()]);
    });
    afterAll(async () => {
      await browser?.close();
      for (const service of services) service.signal('SIGTERM');
      for (const service of services) expect(await service.ended).toBe(0);
      rmSync(folder, { recursive: true, force: true });
    });

    const start = async (
      settings: Settings = {},
      args: readonly string[] = [],
      verb: readonly string[] = ['serve'],
    ): Promise<ServiceProcess> => {
      const env = world.env({
        ROLLBACK_STORE: `sqlite:${join(folder, `${uniqueName('state')}.sqlite`)}`,
        ROLLBACK_STATE_TABLE: '',
        ALERT_SNS_TOPIC_ARN: '',
        ROLLBACK_COOLDOWN_HOURS: '0',
        ...settings,
      });
      const service = await startService(env, args, verb);
      services.push(service);
      return service;
    };
    const fires = async (service: ServiceProcess, model: string): Promise<void> => {
      const fingerprint = Buffer.from(model).toString('hex').slice(-40);
      const parts = { model, fingerprint, startsAt: new Date().toISOString() };
      const { json } = await service.post('/v1/alerts', alertmanagerMessage([alert(parts)]));
      expect(json).toMatchObject({ results: [{ outcome: 'AWAITING_APPROVAL' }] });
    };

    test('approves what waits, once for a double click, and undoes it', async () => {
      const service = await start({ ROLLBACK_MODE: 'ask' });
      const model = await world.model(THREE);
      await fires(service, model);
      const { page, complaints } = await openPage(browser);

      await page.goto(`${service.url}/`);
      await page.getByRole('link', { name: /^Review and approve/ }).click();
      await page.getByRole('button', { name: /^Move stage:Production of/ }).dblclick();
      await page.waitForURL(/\?done=/);
      expect(await page.getByRole('status').innerText()).toContain('Done.');
      expect(await page.locator('h1').innerText()).toMatch(/^3 →\s+to\s+2/);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const { json } = await service.get(`/v1/rollbacks?model=${model}`);
      expect(json).toMatchObject({
        rollbacks: [{ outcome: 'ROLLED_BACK', replayed: false }, { outcome: 'AWAITING_APPROVAL' }],
      });

      await page.getByRole('link', { name: 'Undo this rollback' }).click();
      await page.getByRole('button', { name: /from 2 to 3/ }).click();
      await page.waitForURL(/\?done=/);
      expect(await page.getByRole('status').innerText()).toContain('Done.');
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
      await page.goto(`${service.url}/models/${model}`);
      await page.getByText('The same as a list').click();
      expect(await page.locator('.events').innerText()).toContain('undone, from 2 to 3');
      expect(await page.locator('.title .version').innerText()).toBe('3');
      expect(complaints).toEqual([]);
      await page.context().close();
    });

    test('two people who approve at once act once', async () => {
      const service = await start({ ROLLBACK_MODE: 'ask' });
      const model = await world.model(THREE);
      await fires(service, model);
      const pages = await Promise.all([openPage(browser), openPage(browser)]);
      for (const { page } of pages) {
        await page.goto(`${service.url}/`);
        await page.getByRole('link', { name: /^Review and approve/ }).click();
      }
      await Promise.all(
        pages.map(({ page }) =>
          Promise.all([
            page.waitForEvent('domcontentloaded'),
            page.getByRole('button', { name: /^Move stage:Production of/ }).click(),
          ]),
        ),
      );
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const { json } = await service.get(`/v1/rollbacks?model=${model}`);
      const { rollbacks } = json as unknown as { rollbacks: { outcome: string }[] };
      expect(rollbacks.filter(({ outcome }) => outcome === 'ROLLED_BACK')).toHaveLength(1);
      for (const { page } of pages) await page.context().close();
    });

    test('refuses a plan that a promotion has overtaken', async () => {
      const service = await start({}, [], ['console']);
      const model = await world.model(THREE);
      const { page } = await openPage(browser);
      await page.goto(`${service.url}/models/${model}/plan`);
      expect(await page.locator('table.comparison').first().innerText()).toContain('Version 3');
      await world.mlflow.transition(model, '1', 'Production', true);
      await page.getByRole('button', { name: /from 3 to 2/ }).click();
      await page.waitForURL(/\?done=/);
      expect(await page.locator('main').innerText()).toMatch(
        /Nothing was moved\.[\s\S]*LIVE_VERSION_CHANGED/,
      );
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
      await page.context().close();
    });

    test('asks for a token, which no address holds, and lets a viewer read', async () => {
      const file = join(folder, 'tokens');
      writeFileSync(file, `operator ${OPERATOR} ana\nviewer ${VIEWER} bot\n`);
      chmodSync(file, 0o600);
      const service = await start({}, ['--token-file', file]);
      const model = await world.model(THREE);
      const { page, complaints } = await openPage(browser);
      const login = async (token: string): Promise<void> => {
        await page.getByLabel('Token').fill(token);
        await page.getByRole('button', { name: 'Log in' }).click();
      };

      await page.goto(`${service.url}/models/${model}`);
      await expectAccessible(page, 'login');
      await takePicture(page, 'login');
      await login('a-token-that-nobody-gave');
      expect(await page.getByRole('alert').innerText()).toContain('not known');
      await login(VIEWER);
      await page.waitForURL(`${service.url}/models/${model}`);
      expect(await page.getByRole('button').allInnerTexts()).not.toContain('Freeze this model');
      await page.getByRole('button', { name: 'Log out' }).click();
      await login(OPERATOR);
      await page.goto(`${service.url}/models/${model}/plan`);
      await page.getByRole('button', { name: /^Move / }).click();
      await page.waitForURL(/\?done=/);
      expect(await page.locator('dl').innerText()).toContain('ana');
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const seen = service.stderr();
      for (const token of [OPERATOR, VIEWER]) expect(seen).not.toContain(token);
      // The answer to an unknown token is 401, which a browser names in its console.
      expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
      await page.context().close();
    });
  },
);

// ---------------------------------------------------------------------------------------------------

async function pathsOf(service: ServiceProcess): Promise<Readonly<Record<PageName, string>>> {
  const { json } = await service.get('/v1/rollbacks');
  const { rollbacks } = json as unknown as {
    rollbacks: { rollback_id: string; outcome: string }[];
  };
  const idOf = (outcome: string): string =>
    rollbacks.find((one) => one.outcome === outcome)?.rollback_id ?? '';
  return {
    fleet: '/',
    model: '/models/PascalStrategy',
    frozen: '/models/ChurnForecast',
    plan: '/models/ImageRanker/plan',
    refused: '/models/PascalStrategy/plan',
    explain: `/rollbacks/${idOf('ROLLED_BACK')}`,
    'no-target': `/rollbacks/${idOf('NO_TARGET')}`,
    approve: `/rollbacks/${idOf('AWAITING_APPROVAL')}/approve`,
    waiting: `/rollbacks/${idOf('AWAITING_APPROVAL')}`,
    evidence: '/models/PascalStrategy/evidence',
  };
}

async function focused(page: Page): Promise<string> {
  return (await page.evaluate('document.activeElement.innerText')) as string;
}
