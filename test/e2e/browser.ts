/** A headless Chromium of the system (Debian's package `chromium`), for the console's pages. */
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Null when this machine has none. */
export const chromiumPath: string | null = findChromium();

const reason = chromiumPath === null ? ' [skipped: no chromium on this machine]' : '';
if (chromiumPath === null) console.error(`\n*** SKIPPED: the console in Chromium${reason} ***\n`);

/** The title of a suite, with the reason when it is skipped. */
export function browserTitle(text: string): string {
  return `${text}${reason}`;
}

export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: chromiumPath ?? '',
    // Chromium has no sandbox for root, as in a container.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/** A page that keeps what the browser complains about: a violation of the CSP, an error of the script. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: readonly string[];
}

export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ timezoneId: 'Asia/Tokyo', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return { page, complaints };
}

/**
 * What axe finds that keeps people out: nothing serious, and nothing critical.
 * @param rules for a page that differs from one that was checked in this alone. @default all
 */
export async function expectAccessible(
  page: Page,
  about: string,
  rules?: readonly string[],
): Promise<void> {
  // Not within the page: its policy forbids what it did not send.
  await page.evaluate(axe.source);
  const options = rules === undefined ? '{}' : JSON.stringify({ runOnly: rules });
  const found = (await page.evaluate(`axe.run(document, ${options})`)) as axe.AxeResults;
  const bad = found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join('\n')}`);
  expect(bad, about).toEqual([]);
}

/** The page is never wider than the screen. */
export async function expectFits(page: Page, about: string): Promise<void> {
  const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(over, about).toBeLessThanOrEqual(0);
}

/** A picture for people, among the reports of the run. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = join('.reports', 'console');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

// ---------------------------------------------------------------------------------------------------

function findChromium(): string | null {
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const paths = folders
    .filter((folder) => folder !== '')
    .flatMap((folder) => ['chromium', 'chromium-browser'].map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}
