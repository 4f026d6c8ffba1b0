import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import type { Env } from '../../../src/config/config-from-env.ts';
import type { Check } from '../../../src/domain/answer/check.ts';
import { type RegistryServer, startRegistryServer } from '../../../src/embedded/registry-server.ts';
import { pipes } from '../../fakes/terminal.ts';

let server: RegistryServer;
let folder: string;
let env: Env;

beforeEach(async () => {
  server = await startRegistryServer();
  server.seed('m', [{ stage: 'Archived' }, { stage: 'Production' }]);
  folder = mkdtempSync(join(tmpdir(), 'model-rollback-doctor-'));
  env = {
    MLFLOW_TRACKING_URI: server.url,
    ROLLBACK_STORE: `sqlite:${join(folder, 'deep', 'state.sqlite')}`,
  };
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const doctor = async (
  settings: Env = {},
  args: readonly string[] = [],
): Promise<{ exitCode: number; out: string; err: string }> => {
  const streams = { out: '', err: '' };
  const terminal = pipes(streams, { env: { ...env, ...settings } });
  const exitCode = await run(['doctor', ...args], terminal);
  return { exitCode, ...streams };
};
type ShownCheck = Omit<Check, 'fix'> & { readonly mend: string | null };
const checksOf = async (settings: Env = {}): Promise<{ checks: ShownCheck[]; verdict: string }> =>
  JSON.parse((await doctor(settings, ['--json'])).out);
const verdictOf = async (name: string, settings: Env = {}): Promise<string> => {
  const { checks } = await checksOf(settings);
  return checks.find((check) => check.name === name)?.verdict ?? 'missing';
};

describe('doctor', () => {
  test('looks at what there is on one machine, and leaves nothing behind', async () => {
    const { exitCode, out, err } = await doctor();
    expect(exitCode).toBe(0);
    expect(err).toBe(`state  sqlite:${join(folder, 'deep', 'state.sqlite')}\n`);
    expect(out).toMatch(
      /^ok {7}settings {4}This shell: mode act, pointer stage:Production, cooldown 24 h/,
    );
    expect(out).toMatch(/\nok {7}registry {4}http.* answers and accepts the login/);
    expect(out).toMatch(
      /\nwarning {2}topic {7}ALERT_SNS_TOPIC_ARN is not set.*\n {21}-> Set ALERT/,
    );
    expect(out).toMatch(/\n13 checks: 0 with problems, 2 with warnings\.\n$/);
    expect(existsSync(join(folder, 'deep'))).toBe(false);
    expect(server.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('prints one JSON value with every check and the verdict', async () => {
    const { checks, verdict } = await checksOf();
    expect(verdict).toBe('warning');
    expect(checks.map(({ name }) => name)).toEqual([
      'settings',
      'registry',
      'state',
      'file',
      'clock',
      'topic',
      'unsent',
      'overdue',
      'paused',
      'policies',
      'quarantine',
      'pointers',
      'alarms',
    ]);
    for (const check of checks) {
      expect(Object.keys(check)).toEqual(['name', 'verdict', 'message', 'mend']);
      expect(check.mend === null).toBe(check.verdict === 'ok');
    }
  });

  test('exits with 1 when there is a problem, and looks at the rest', async () => {
    const { exitCode, out } = await doctor({ MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' });
    expect(exitCode).toBe(1);
    expect(out).toMatch(/\nproblem {2}registry .*did not answer.*\n.*-> Check MLFLOW_TRACKING_URI/);
    expect(out).toMatch(/\nok {7}state/);
  });

  test('looks at the rest when a setting is wrong', async () => {
    const { exitCode, out } = await doctor({ ROLLBACK_MODE: 'never', MLFLOW_TRACKING_URI: '' });
    expect(exitCode).toBe(1);
    expect(out).toMatch(/^problem {2}settings /);
    expect(out).toMatch(/\nproblem {2}registry {4}MLFLOW_TRACKING_URI is not set/);
    expect(out).toMatch(/\nok {7}state/);
    expect(await verdictOf('state', { ROLLBACK_STORE: 'redis' })).toBe('problem');
    expect(await verdictOf('registry', { ROLLBACK_STORE: 'redis' })).toBe('ok');
    expect(await verdictOf('file', { ROLLBACK_STORE: 'redis' })).toBe('missing');
    expect(await verdictOf('topic', { ALERT_SNS_TOPIC_ARN: 'mine' })).toBe('missing');
    for (const name of ['pointers', 'quarantine']) {
      expect(await verdictOf(name, { ROLLBACK_POINTER: 'champion' })).toBe('missing');
    }
  });

  test('judges by the pointer that is set when another setting is wrong', async () => {
    server.seed('n', [{ aliases: ['champion'] }, {}]);
    const settings = { ROLLBACK_POINTER: 'alias:champion', ROLLBACK_OBSERVE_MINUTES: 'soon' };
    expect(await verdictOf('settings', settings)).toBe('problem');
    expect(await verdictOf('pointers', settings)).toBe('ok');
  });

  test('says what is wrong with a state file', async () => {
    const file = join(folder, 'state.sqlite');
    writeFileSync(file, 'no database at all, but a text that is long enough to look like one');
    const settings = { ROLLBACK_STORE: `sqlite:${file}` };
    expect(await verdictOf('state', settings)).toBe('problem');
    const below = { ROLLBACK_STORE: `sqlite:${join(file, 'state.sqlite')}` };
    expect(await verdictOf('file', below)).toBe('problem');
  });

  test.each([
    ['503', 503, 'no', /answered 503/],
    ['another service', 200, '{"status":"up"}', /^$/],
    ['a page', 200, '<p>Log in', /something else than models|not JSON/],
  ])('judges an answer of %s', async (_, status, body, message) => {
    server.fault = () => ({ kind: 'status', status, body });
    const { checks } = await checksOf();
    const check = checks.find(({ name }) => name === 'registry');
    // An object without models is what MLflow sends when there are none.
    expect(check?.verdict).toBe(message.source === '^$' ? 'warning' : 'problem');
    if (message.source !== '^$') expect(check?.message).toMatch(message);
  });

  test('tells the version of the server, and names one that is too old', async () => {
    for (const [version, verdict] of [
      ['3.17.2', 'ok'],
      ['2.3.0', 'ok'],
      ['2.2.9', 'problem'],
      ['1.30.0', 'problem'],
      ['4.0.0', 'warning'],
    ] as const) {
      server.fault = ({ path }) =>
        path === '/version'
          ? { kind: 'status', status: 200, body: version, contentType: 'text/plain' }
          : undefined;
      const { checks } = await checksOf();
      const check = checks.find(({ name }) => name === 'registry');
      expect(check).toMatchObject({ verdict, message: expect.stringContaining(version) });
    }
  });

  test('shows control characters of the outside as escapes', async () => {
    const { out } = await doctor({ ROLLBACK_STORE: `sqlite:${folder}/\u001b[31m.sqlite` });
    expect(out).toContain('\\u001b[31m.sqlite');
    expect(out).not.toContain('\u001b');
  });
});
