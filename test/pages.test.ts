import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf, notRun, openPage, runnable, suitesByPage, withValues } from './fakes/pages.ts';

/** Every command that a newcomer would paste is run by a suite, or is in a list with the reason why not. */

const pages = [
  'README.md',
  'AGENTS.md',
  'terraform/README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const commandsOf = (page: string): readonly string[] =>
  blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text);

describe('the commands of the pages', () => {
  test.each(pages)('%s has a suite that runs them, or a reason for each', (page) => {
    const suite = suitesByPage[page];
    if (suite !== undefined) {
      expect(existsSync(suite) && readFileSync(suite, 'utf8')).toContain(`'${page}'`);
      return;
    }
    const left = commandsOf(page).map((text) => runnable(page, text).replaceAll(':\n', ''));
    expect(left.filter((text) => text !== '')).toEqual([]);
  });

  test('are in the languages that say so: sh to paste, console with what is printed', () => {
    for (const page of pages) {
      const typed = blocksOf(page).flatMap(({ language, text }) =>
        language === 'console' ? (text.match(/^\$ .*$/gm) ?? []) : [],
      );
      // test/docs.test.ts knows the verbs and the variables.
      expect(
        typed.filter((line) => !/^\$ (echo |export |([A-Z_]+=\S+ )?model-rollback )/.test(line)),
      ).toEqual([]);
      const others = blocksOf(page).filter(
        ({ language, text }) =>
          /^(aws|cdk|npx|npm|terraform|curl) [a-z-]/m.test(text) &&
          !['sh', 'console'].includes(language),
      );
      expect(others.map(({ section }) => section)).toEqual(
        page === 'AGENTS.md' ? ['Commands'] : [],
      );
    }
  });

  test('are scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    for (const page of pages) {
      const named = [...readFileSync(page, 'utf8').matchAll(/\bnpm run ([a-z]+)/g)];
      expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named.map(([, name]) => name)));
    }
  });

  test('set the region for every program that reads it', () => {
    for (const page of pages) {
      const whole = commandsOf(page).join('');
      const sets = whole.includes('export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1\n');
      expect(sets, page).toBe(/^ *(\w+=\$\()?aws /m.test(whole));
    }
  });
});

describe('the list of commands that are not run', () => {
  test.each(notRun)('$page: $command', ({ page, command, reason }) => {
    const found = commandsOf(page).filter((text) => text.includes(command));
    expect(found).toHaveLength(1);
    expect(reason).toMatch(/^[A-Z].{15,}\.$/);
  });
});

describe('openPage', () => {
  test('gives each block once, in the order of the page, and says what is left', () => {
    const page = openPage('docs/deploy/alarms.md');
    expect(page.take('Test it')).toContain('set-alarm-state');
    expect(page.take('Test it')).toContain('filter-log-events');
    expect(() => page.take('Test it')).toThrow('no (further) commands in "Test it"');
    expect(page.left()).not.toContain('Test it');
    expect(page.left()).toContain('SNS');
  });
});

describe('withValues', () => {
  test('sets other values, and no variable that the commands do not set', () => {
    expect(withValues('a=1\nexport b=2 c=3\n', { a: 'x y', c: 'z' })).toBe(
      "a='x y'\nexport b=2 c='z'\n",
    );
    expect(() => withValues('a=1\n', { b: '2' })).toThrow('no line sets b');
  });
});
