/** A real MLflow reports moves of aliases by webhook, and the service adds them to the live log. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LiveSpan } from '../../src/domain/answer/live-timeline.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { type RunningEngine, startMlflow } from '../engines/start.ts';
import { alert, alertmanagerMessage } from '../fakes/alerts.ts';
import { runCommand } from './command.ts';
import { type Gate, openGate, type Passed } from './gate.ts';
import { postAlerts, type ServiceProcess, startService } from './service.ts';
import { bareEnv, type Settings } from './world.ts';

const SECRET = 'a-secret-of-mlflow-0123456789';
const EVENTS = [
  'MODEL_VERSION_ALIAS.CREATED',
  'MODEL_VERSION_ALIAS.DELETED',
  'MODEL_VERSION_TAG.SET',
];
const { isMissing, title } = engine('mlflow');

let mlflow: RunningEngine;
let admin: MLflowAdmin;
let service: ServiceProcess;
let gate: Gate;
let folder: string;
let databaseUri: string;
let settings: Settings;
let hookId: string;
let model: string;

describe.skipIf(isMissing)(title("MLflow's webhooks"), () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'model-rollback-webhooks-'));
    databaseUri = `sqlite:///${join(folder, 'mlflow.db')}`;
    mlflow = await startMlflow({ databaseUri, webhooks: 'sound', hasWorkspaces: true });
    admin = new MLflowAdmin(mlflow.url);
    settings = {
      MLFLOW_TRACKING_URI: mlflow.url,
      ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}`,
      ROLLBACK_POINTER: 'alias:champion',
      ROLLBACK_OBSERVE_MINUTES: '0',
      ROLLBACK_MLFLOW_WEBHOOK_SECRET: SECRET,
    };
    service = await startService(bareEnv(settings));
    gate = await openGate(service.url);
    hookId = await admin.createWebhook(`${gate.url}/v1/webhooks/mlflow`, EVENTS, SECRET);
  }, 180_000);
  afterAll(async () => {
    service?.signal('SIGTERM');
    await mlflow?.stop();
    await gate?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    model = uniqueName('hooked');
    await admin.seedModel(model, ['None', 'None', 'None']);
  });

  test('a move of an alias is in the live log, to the moment', async () => {
    await setAlias('1');
    const before = Date.now();
    await setAlias('3');
    const [now, earlier] = await spans();

    expect(now).toMatchObject({ pointer: 'alias:champion', version: '3', how: 'webhook' });
    expect(Date.parse(now?.began_by ?? '')).toBeGreaterThanOrEqual(before - 1);
    expect(now?.began_after).toBe(now?.began_by);
    expect(earlier).toMatchObject({ version: '1', how: 'webhook' });
  });

  test('so an alert goes back to what the alias named before', async () => {
    await setAlias('1');
    await setAlias('3');
    const startsAt = new Date().toISOString();
    const fired = alertmanagerMessage([alert({ model, startsAt, fingerprint: 'f00d' })]);
    const { json } = await postAlerts(service, fired);

    expect(json).toMatchObject({
      results: [{ outcome: 'ROLLED_BACK', to_version: '1', plan: { rule: 'recorded' } }],
    });
    expect(await admin.aliases(model)).toEqual({ champion: '1' });
    // MLflow reports our own move too, before or after it is on record.
    const own = await arrived({ version: '1', count: 2 });
    expect(own.status).toBe(200);
    expect((await spans()).map(({ version }) => version)).toEqual(['1', '3', '1']);
  });

  test('an alias that is deleted names nothing', async () => {
    await setAlias('2');
    await admin.deleteAlias(model, 'champion');
    await arrived({ action: 'deleted' });

    expect((await spans())[0]).toMatchObject({ version: null, how: 'webhook' });
  });

  test('a delivery that MLflow sends again has the same id, and is noted once', async () => {
    gate.refuseNext = 1;
    await admin.setAlias(model, 'champion', '2');
    const noted = await arrived({ status: 200 });
    const refused = await arrived({ status: 503 });
    for (const name of ['x-mlflow-delivery-id', 'x-mlflow-timestamp', 'x-mlflow-signature']) {
      expect(noted.headers[name], name).toBe(refused.headers[name]);
    }
    const again = await resend(noted);

    expect(JSON.parse(noted.answer)).toMatchObject({ result: 'noted' });
    expect(again).toMatchObject({ status: 200, json: { result: 'known' } });
    expect(await spans()).toHaveLength(1);
  });

  test('a second service on the same state knows the delivery', async () => {
    const noted = await setAlias('2');
    const other = await startService(bareEnv(settings));
    const { json } = await resend(noted, {}, other);
    other.signal('SIGTERM');

    expect(json).toMatchObject({ result: 'known' });
    expect(await other.ended).toBe(0);
    expect(await spans()).toHaveLength(1);
  });

  test('a delivery that was changed on its way is refused, and nothing is noted', async () => {
    const noted = await setAlias('2');
    const forged = { body: noted.body.replace('"2"', '"3"') };
    const headers = { ...noted.headers, 'x-mlflow-delivery-id': 'another' };

    for (const change of [forged, { headers }]) {
      expect(await resend(noted, change)).toMatchObject({
        status: 401,
        json: { error: { name: 'UnauthorizedError' } },
      });
    }
    expect(await spans()).toHaveLength(1);
  });

  test('a webhook with another secret, or none, is refused', async () => {
    const path = `${gate.url}/v1/webhooks/mlflow`;
    for (const secret of ['another-secret-0123456789', undefined]) {
      // For events that no test causes.
      const id = await admin.createWebhook(path, ['PROMPT.CREATED'], secret);
      expect(await admin.testWebhook(id)).toMatchObject({ status: 401 });
    }
  });

  test('are checked by doctor: there is one for aliases, and the server can read it', async () => {
    expect(await webhooksCheck()).toMatchObject({ verdict: 'ok' });
    expect(await webhooksCheck({ ROLLBACK_MLFLOW_WEBHOOK_SECRET: '' })).toBeUndefined();
    expect(await webhooksCheck({ MLFLOW_TRACKING_URI: engine('mlflow').url })).toMatchObject({
      verdict: 'warning',
      message: expect.stringContaining('no active webhook'),
    });
  });

  test('of a server without its key cannot be read, and doctor says so', async () => {
    const keyless = await startMlflow({ databaseUri, webhooks: 'keyless', hasWorkspaces: true });
    try {
      expect(await webhooksCheck({ MLFLOW_TRACKING_URI: keyless.url })).toMatchObject({
        verdict: 'warning',
        message: expect.stringContaining('cannot read its own webhooks'),
      });
    } finally {
      await keyless.stop();
    }
  }, 180_000);

  test('of another workspace are ignored', async () => {
    const other = await startService(
      bareEnv({
        ...settings,
        MLFLOW_WORKSPACE: 'team-b',
        ROLLBACK_STORE: `sqlite:${join(folder, 'team-b.sqlite')}`,
      }),
    );
    const noted = await setAlias('2');
    const { json } = await resend(noted, {}, other);
    other.signal('SIGTERM');

    expect(JSON.parse(noted.body)).toMatchObject({ workspace: 'default' });
    expect(json).toMatchObject({ result: 'ignored', why: 'It is about another workspace.' });
  });

  test('other aliases, other events and the example of MLflow change nothing', async () => {
    await admin.setAlias(model, 'shadow', '2');
    await admin.tagVersion(model, '1', 'quality', 'good');
    const [alias, tag] = [await arrived({ version: '2' }), await arrived({ action: 'set' })];
    const example = await admin.testWebhook(hookId);

    for (const { status, answer } of [alias, tag]) {
      expect(status).toBe(200);
      expect(JSON.parse(answer)).toMatchObject({ result: 'ignored' });
    }
    expect(example).toMatchObject({ status: 200 });
    expect(JSON.parse(example.body)).toMatchObject({ result: 'ignored' });
    expect(await spans()).toEqual([]);
  });
});

interface DoctorReport {
  readonly checks: readonly { readonly name: string; readonly verdict: string }[];
}

/** What `doctor` finds of the webhooks of a server. */
async function webhooksCheck(more: Settings = {}): Promise<unknown> {
  const { json } = await runCommand(['doctor', '--json'], bareEnv({ ...settings, ...more }));
  return (json as unknown as DoctorReport).checks.find(({ name }) => name === 'webhooks');
}

async function spans(): Promise<readonly LiveSpan[]> {
  const args = ['history', '--live', model, '--json'];
  const { json, exitCode, stderr } = await runCommand(args, bareEnv(settings));
  if (exitCode !== 0) throw new Error(stderr);
  return json as LiveSpan[];
}

/** Moves the alias, and waits until the service has heard of it. */
async function setAlias(version: string): Promise<Passed> {
  await admin.setAlias(model, 'champion', version);
  return await arrived({ version, status: 200 });
}

interface Wanted {
  readonly version?: string;
  readonly action?: string;
  readonly status?: number;
  /** The last of so many. */
  readonly count?: number;
}

/** A delivery about the model that has come. */
async function arrived({ version, action, status, count = 1 }: Wanted): Promise<Passed> {
  const fits = (one: Passed): boolean => {
    const sent = JSON.parse(one.body) as { action: string; data: Record<string, unknown> };
    return (
      sent.data['name'] === model &&
      (version === undefined || sent.data['version'] === version) &&
      (action === undefined || sent.action === action) &&
      (status === undefined || one.status === status)
    );
  };
  const found = await poll(
    async () => gate.passed.filter(fits),
    (all) => all.length >= count,
    { timeoutMs: 30_000 },
  );
  const last = found[count - 1];
  if (last === undefined) throw new Error('nothing came');
  return last;
}

async function resend(
  { path, headers, body }: Passed,
  change: Partial<Passed> = {},
  to: ServiceProcess = service,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const { 'content-length': _, ...rest } = change.headers ?? headers;
  const response = await fetch(to.url + path, {
    method: 'POST',
    headers: rest,
    body: change.body ?? body,
  });
  return { status: response.status, json: await response.json() };
}
