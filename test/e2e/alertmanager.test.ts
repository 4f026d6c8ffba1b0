/** A real Alertmanager drives the service: alerts fire, repeat, end and fire again, and much goes wrong in between. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Alertmanager,
  alertmanagerProgram,
  alertmanagerTitle,
  startAlertmanager,
} from '../engines/alertmanager.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { type Gate, openGate, type Passed } from './gate.ts';
import type { Answer } from './reply.ts';
import { type ServiceProcess, startService } from './service.ts';
import { bareEnv } from './world.ts';

const TOKEN = 'operator-0123456789abcdef';
const { isMissing, title, url: mlflowUrl } = engine('mlflow');
const EFFECT_TIMEOUT_MS = 60_000;

let folder: string;
let tokenFile: string;
let gate: Gate;
let alertmanager: Alertmanager;
let service: ServiceProcess | null = null;
const admin = new MLflowAdmin(mlflowUrl);

/** Groups are sent at once, again when they change, and each 2 s while they fire. */
const configFor = (url: string): string => `
route:
  receiver: model-rollback
  group_by: [model]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 2s
receivers:
  - name: model-rollback
    webhook_configs:
      - url: ${url}/v1/alerts
        send_resolved: true
        http_config:
          authorization: { type: Bearer, credentials_file: ${tokenFile} }
`;

describe.skipIf(isMissing || alertmanagerProgram === null)(
  title(alertmanagerTitle('the service and a real Alertmanager')),
  () => {
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'model-rollback-alerts-'));
      tokenFile = join(folder, 'alertmanager.token');
      writeFileSync(tokenFile, 'not-the-token-0123456789');
      // Nobody listens there: the service is down.
      gate = await openGate('http://127.0.0.1:9');
      alertmanager = await startAlertmanager(configFor(gate.url));
    }, 120_000);
    afterAll(async () => {
      service?.signal('SIGTERM');
      await service?.ended;
      await alertmanager?.stop();
      await gate?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('an alert acts once, whatever goes wrong on its way', async () => {
      const model = uniqueName('model');
      await admin.seedModel(model, ['Archived', 'Archived', 'Production']);
      const labels = { alertname: 'DrawdownHigh', model };
      const startsAt = new Date().toISOString();
      await alertmanager.send([{ labels, startsAt }]);

      // The service is down, and then does not know the token.
      await arrived(model, ({ status }) => status === 502, 2);
      service = await startWithToken();
      gate.target = service.url;
      await arrived(model, ({ status }) => status === 401, 1);
      expect(await admin.liveVersions(model)).toEqual(['3']);

      writeFileSync(tokenFile, TOKEN);
      const [done] = await arrived(model, ({ status }) => status === 200, 1);
      expect(answersIn(done)).toMatchObject([
        { outcome: 'ROLLED_BACK', model_name: model, from_version: '3', replayed: false },
      ]);
      const [again] = await arrived(model, isReplayed, 1);
      const [first] = answersIn(again);
      expect(first).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
      expect(await admin.liveVersions(model)).toEqual(['2']);

      await alertmanager.send([{ labels, startsAt, endsAt: new Date().toISOString() }]);
      await arrived(model, ({ body }) => JSON.parse(body).alerts[0].status === 'resolved', 1);
      const path = `/v1/rollbacks/${encodeURIComponent(first?.rollback_id ?? '')}`;
      const record = await poll(
        () => get(path),
        ({ json }) => JSON.stringify(json).includes('"recovery":"recovered"'),
        { timeoutMs: EFFECT_TIMEOUT_MS },
      );
      expect(record.json).toMatchObject({ alarm: { recovery: 'recovered' } });

      await alertmanager.send([{ labels }]);
      const [next] = await arrived(model, isOfAnother(first?.rollback_id ?? ''), 1);
      expect(answersIn(next)).toMatchObject([
        { outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] },
      ]);
      expect(await admin.liveVersions(model)).toEqual(['2']);
      // The same labels, so the same fingerprint; only the start makes it another alert.
      expect(fingerprintOf(next)).toBe(fingerprintOf(done));
    }, 240_000);
  },
);

async function startWithToken(): Promise<ServiceProcess> {
  const file = join(folder, 'tokens');
  writeFileSync(file, `operator ${TOKEN} alertmanager\n`, { mode: 0o600 });
  const settings = {
    MLFLOW_TRACKING_URI: mlflowUrl,
    ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}`,
    ROLLBACK_OBSERVE_MINUTES: '0',
    ROLLBACK_ALERTMANAGER_URL: alertmanager.url,
  };
  return await startService(bareEnv(settings), ['--token-file', file]);
}

/** Messages about a model that have come, once there are so many. */
async function arrived(
  model: string,
  isWanted: (passed: Passed) => boolean,
  count: number,
): Promise<readonly Passed[]> {
  return await poll(
    async () => gate.passed.filter((one) => one.body.includes(`"${model}"`) && isWanted(one)),
    (found) => found.length >= count,
    { timeoutMs: EFFECT_TIMEOUT_MS, pauseMs: 50 },
  );
}

async function get(path: string): Promise<{ readonly status: number; readonly json: unknown }> {
  if (service === null) throw new Error('the service is down');
  return await service.get(path, { authorization: `Bearer ${TOKEN}` });
}

function answersIn(passed: Passed | undefined): readonly Answer[] {
  return (JSON.parse(passed?.answer ?? '{}') as { results?: Answer[] }).results ?? [];
}

function isReplayed(passed: Passed): boolean {
  return passed.status === 200 && answersIn(passed)[0]?.replayed === true;
}

/** A firing alert that led to a record of its own. */
function isOfAnother(id: string): (passed: Passed) => boolean {
  return (passed) => {
    const [answer] = answersIn(passed);
    const isRecorded = typeof answer?.rollback_id === 'string' && answer.rollback_id !== '';
    return passed.status === 200 && isRecorded && answer.rollback_id !== id;
  };
}

function fingerprintOf(passed: Passed | undefined): unknown {
  return JSON.parse(passed?.body ?? '{}').alerts?.[0]?.fingerprint;
}
