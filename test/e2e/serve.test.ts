/** The service of the build as a process, on real MLflow, with its state in a file and in DynamoDB. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import { alert, alertmanagerMessage } from '../fakes/alerts.ts';
import { runCommand } from './command.ts';
import { postAlerts, type ServiceProcess, startService } from './service.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const THREE = ['Archived', 'Archived', 'Production'] as const;
const OPERATOR = 'operator-0123456789abcdef';
const VIEWER = 'viewer-0123456789abcdef';

let world: World;
let folder: string;

/** Also fires again: the same fingerprint with another start. */
const message = (model: string, parts: { startsAt?: string; status?: string } = {}): object =>
  alertmanagerMessage([
    alert({ model, fingerprint: uniqueFingerprint(model), startsAt: now(), ...parts }),
  ]);
const now = (): string => new Date().toISOString();
const uniqueFingerprint = (model: string): string => Buffer.from(model).toString('hex').slice(-40);

describe.skipIf(isEngineMissing)(suiteTitle('model-rollback serve'), () => {
  beforeAll(async () => {
    world = await createWorld();
    folder = mkdtempSync(join(tmpdir(), 'model-rollback-serve-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const inFile = (): Settings => ({
    ROLLBACK_STORE: `sqlite:${join(folder, `${uniqueName('state')}.sqlite`)}`,
    ROLLBACK_STATE_TABLE: '',
    ALERT_SNS_TOPIC_ARN: '',
  });

  describe.each([
    ['a file', inFile],
    ['DynamoDB', (): Settings => ({})],
  ])('with its state in %s', (_, settingsOf) => {
    let service: ServiceProcess;
    let settings: Settings;
    beforeAll(async () => {
      settings = { ...settingsOf(), ROLLBACK_COOLDOWN_HOURS: '0' };
      service = await startService(world.env(settings));
    });
    afterAll(async () => {
      service.signal('SIGTERM');
      expect(await service.ended).toBe(0);
    });

    test('rolls back by a request, once, and undoes it', async () => {
      const model = await world.model(THREE);
      const body = { model_name: model, request_id: 'r-1' };
      const both = await Promise.all([
        service.post('/v1/rollbacks', body),
        service.post('/v1/rollbacks', body),
      ]);
      const done = both.find(({ json }) => 'replayed' in json && json.replayed === false);

      expect(done).toMatchObject({
        status: 200,
        json: { rolled_back: true, from_version: '3', to_version: '2' },
      });
      for (const { status } of both) expect([200, 409]).toContain(status);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);

      const undone = await service.post(`/v1/models/${model}/undo`, { requested_by: 'ana' });
      expect(undone).toMatchObject({ status: 200, json: { rolled_back: true, to_version: '3' } });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
      const shown = await service.get(`/v1/models/${model}`);
      expect(shown.json).toMatchObject({ live_versions: ['3'], rollback_count: 2 });
    });

    test('promotes once the evidence is there, and shows it', async () => {
      const model = uniqueName('promoted');
      await world.mlflow.createModel(model);
      await world.mlflow.createMeasuredVersion(model, { score: 1 });
      await world.mlflow.createMeasuredVersion(model, { score: 2 });
      await world.mlflow.transition(model, '1', 'Production', true);
      const env = world.env(settings);
      const reason = ['--reason', 'pays salaries'];
      const policy = ['policy', 'set', model, '--promotion-evidence', '1d', ...reason];
      expect(await runCommand(policy, env)).toMatchObject({ exitCode: 0 });
      const path = `/v1/models/${model}/promote`;
      const body = { new_version: '2', request_id: 'p-1' };
      const refused = await service.post(path, body);
      expect(refused).toMatchObject({
        status: 200,
        json: { promoted: false, refusals: [{ code: 'EVIDENCE_MISSING' }] },
      });

      const rules = join(folder, 'rules.json');
      writeFileSync(rules, '{"metrics": {"score": {"direction": "higher"}}}');
      const compare = ['compare', model, '--challenger', '2', '--rules', rules, '--json'];
      const compared = await runCommand(compare, env);
      expect(compared).toMatchObject({ exitCode: 0, json: { decision: 'PROMOTE' } });
      const page = await fetch(`${service.url}/models/${model}/evidence`);
      const { evidence_sha256: sha256 } = compared.json as { evidence_sha256: string };
      const text = await page.text();
      expect(text).toContain(sha256);
      expect(text).toContain(`model-rollback promote ${model} 2`);

      const promoted = await service.post(path, body);
      expect(promoted).toMatchObject({
        status: 200,
        json: { promoted: true, new_version: '2', archived_version: '1', replayed: false },
      });
      expect((await service.post(path, body)).json).toMatchObject({ replayed: true });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    }, 120_000);

    test('shares what it decided with the command', async () => {
      const model = await world.model(THREE);
      const freeze = { until: '2h', reason: 'migration' };
      const frozen = await service.post(`/v1/models/${model}/freeze`, freeze);
      expect(frozen).toMatchObject({ status: 200, json: { changed: true } });
      const args = ['apply', model, '--yes', '--json'];
      const refused = await runCommand(args, world.env(settings));
      expect(refused.json).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'FROZEN' }] });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);

      const list = await service.get(`/v1/rollbacks?model=${model}`);
      expect(list.json).toMatchObject({ rollbacks: [{ outcome: 'REFUSED' }], next: null });
    });

    test('acts once for an alert that comes again, and notes that it is resolved', async () => {
      const model = await world.model(THREE);
      const startsAt = now();
      const first = await postAlerts(service, message(model, { startsAt }));
      const again = await postAlerts(service, message(model, { startsAt }));
      const resolved = await postAlerts(service, message(model, { startsAt, status: 'resolved' }));

      expect(first).toMatchObject({
        status: 200,
        json: { results: [{ outcome: 'ROLLED_BACK', model_name: model }] },
      });
      expect(again.json).toMatchObject({ results: [{ outcome: 'ROLLED_BACK', replayed: true }] });
      expect(resolved.json).toMatchObject({ results: [{ outcome: 'IGNORED' }] });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const [record] = (await service.get(`/v1/rollbacks?model=${model}`)).json[
        'rollbacks' as never
      ] as { rollback_id: string }[];
      const whole = await service.get(
        `/v1/rollbacks/${encodeURIComponent(record?.rollback_id ?? '')}`,
      );
      expect(whole.json).toMatchObject({ alarm: { recovery: 'recovered' } });
    });

    test('sweeps by itself, and logs lines of JSON', async () => {
      await poll(
        async () => service.log(),
        (lines) => lines.some(({ outcome }) => outcome === 'SWEPT'),
        { timeoutMs: 20_000 },
      );
      await service.get('/healthz?secret=x');
      const [last] = service.log().filter(({ path }) => path === '/healthz');
      expect(last).toMatchObject({
        message: 'http request',
        status: 200,
        timestamp: expect.any(String),
      });
      expect(service.stderr()).not.toContain('secret=x');
    });
  });

  test('ends what runs when it is stopped, and takes nothing new', async () => {
    const model = await world.model(THREE);
    const service = await startService(world.env(inFile()));
    const body = JSON.stringify({ model_name: model });
    const socket = connect(service.port, service.host);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(
      `POST /v1/rollbacks HTTP/1.1\r\nhost: ${service.host}:${service.port}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await service.get('/healthz');
    service.signal('SIGTERM');
    await poll(
      async () =>
        await fetch(`${service.url}/healthz`).then(
          () => true,
          () => false,
        ),
      (isUp) => !isUp,
      { timeoutMs: 10_000 },
    );
    socket.write(body.slice(5));

    expect(await service.ended).toBe(0);
    await closed;
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
    expect(answer).toContain('"rolled_back":true');
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('on another address wants a token file, and then a token of the right role', async () => {
    const bare = await runCommand(['serve', '--host', '0.0.0.0'], world.env(inFile()));
    expect(bare.exitCode).toBe(2);
    expect(bare.stderr).toContain('Pass --token-file');

    const file = join(folder, 'tokens');
    writeFileSync(file, `operator ${OPERATOR} ci\nviewer ${VIEWER}\n`);
    chmodSync(file, 0o644);
    const args = ['--host', '0.0.0.0', '--token-file', file];
    const service = await startService(world.env(inFile()), args);
    const as = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
    const model = await world.model(THREE);

    expect(service.stderr()).toContain('Set its mode to 600');
    expect((await service.get('/v1/models')).status).toBe(401);
    expect((await service.get('/v1/models', as(VIEWER))).status).toBe(200);
    const body = { model_name: model };
    expect((await service.post('/v1/rollbacks', body, as(VIEWER))).status).toBe(403);
    expect((await service.post(`/v1/rollbacks?token=${OPERATOR}`, body)).status).toBe(401);
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    const done = await service.post('/v1/rollbacks', body, as(OPERATOR));
    expect(done.json).toMatchObject({ rolled_back: true, requested_by: 'ci' });
    expect(service.stderr()).not.toContain(OPERATOR);
    service.signal('SIGINT');
    expect(await service.ended).toBe(0);
  });

  test('says what is wrong with its options', async () => {
    const cases: readonly [string[], number, RegExp][] = [
      [['--port', '70000'], 2, /--port: "70000" is not a number from 0 to 65535/],
      [['--host', 'a b'], 2, /--host: "a b" is no address/],
      [['--token-file', join(folder, 'none')], 2, /token file .* cannot be read/],
    ];
    for (const [args, exitCode, why] of cases) {
      const ended = await runCommand(['serve', ...args], world.env(inFile()));
      expect(ended.exitCode).toBe(exitCode);
      expect(ended.stderr).toMatch(why);
    }
    const first = await startService(world.env(inFile()));
    const taken = await runCommand(['serve', '--port', String(first.port)], world.env(inFile()));
    expect(taken.exitCode).toBe(2);
    expect(taken.stderr).toMatch(/cannot listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE/);
    first.signal('SIGTERM');
    expect(await first.ended).toBe(0);
  });
});
