/** A real MLflow behind TLS with a private authority, a client certificate and a proxy that wants a login: command and bundle. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../engines/engines.ts';
import { type Certificate, createCertificate } from '../fakes/certificate.ts';
import { type ConnectProxy, startConnectProxy } from '../fakes/connect-proxy.ts';
import { runCommand } from './command.ts';
import { startFunction } from './function-process.ts';
import { answerIn, failureIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const PASSWORD = 'pr0xy-pass';
const authority = createCertificate({ name: 'own authority', isAuthority: true });
const longAgo = { from: new Date('2020-01-01'), until: new Date('2021-01-01') };
const folder = mkdtempSync(join(tmpdir(), 'model-rollback-network-'));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const ca = file('ca.pem', authority.cert);
const me = createCertificate({ name: 'me', issuer: authority });
const mine = file('me.pem', `${me.cert}${me.key}`);

let world: World;
let proxy: ConnectProxy;
const servers: Server[] = [];
let settings: Settings;

describe.skipIf(isEngineMissing)(suiteTitle('the way to the registry'), () => {
  beforeAll(async () => {
    world = await createWorld();
    proxy = await startConnectProxy(PASSWORD);
    const url = await serve(createCertificate({ name: 'localhost', issuer: authority }), true);
    settings = {
      MLFLOW_TRACKING_URI: url,
      MLFLOW_TRACKING_SERVER_CERT_PATH: ca,
      MLFLOW_TRACKING_CLIENT_CERT_PATH: mine,
      HTTPS_PROXY: proxy.loginUrl,
      NO_PROXY: '127.0.0.1',
    };
  });
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await proxy.close();
    rmSync(folder, { recursive: true });
  });

  test('is found by the command', async () => {
    const model = await world.model(['Archived', 'Production']);
    const before = proxy.passed.length;
    const { exitCode, stderr } = await runCommand(['apply', model, '--yes'], world.env(settings));
    expect([exitCode, stderr.split('\n').length]).toEqual([0, 2]);
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    // The registry alone: AWS is reached as before.
    const passed = new Set(proxy.passed.slice(before));
    expect([...passed]).toEqual([new URL(settings['MLFLOW_TRACKING_URI'] ?? '').host]);
  });

  test('is found by the bundle', async () => {
    const model = await world.model(['Archived', 'Production']);
    const before = proxy.passed.length;
    const started = await startFunction(world.env(settings));
    expect(answerIn(await started.invoke({ model_name: model })).outcome).toBe('ROLLED_BACK');
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    expect(proxy.passed.length).toBeGreaterThan(before);
    expect(started.log()).not.toContain(PASSWORD);
    await started.kill();
  });

  const host = createCertificate({ name: 'mlflow.example.test', issuer: authority });
  const old = createCertificate({ name: 'localhost', issuer: authority, ...longAgo });
  const faults: readonly [string, () => Promise<Settings>, RegExp][] = [
    ['no authority', async () => ({ MLFLOW_TRACKING_SERVER_CERT_PATH: '' }), /not trusted/],
    ['an expired certificate', async () => uri(await serve(old)), /has expired/],
    ['a wrong host name', async () => uri(await serve(host)), /another host name/],
    [
      'a file that is not there',
      async () => ({ MLFLOW_TRACKING_CLIENT_CERT_PATH: join(folder, 'absent') }),
      /MLFLOW_TRACKING_CLIENT_CERT_PATH names .* cannot be read \(ENOENT\)/,
    ],
    [
      'no login for the proxy',
      async () => ({ HTTPS_PROXY: proxy.url }),
      /Set HTTPS_PROXY to http:\/\/USER:PASSWORD@HOST:PORT/,
    ],
    [
      'a wrong login for the proxy',
      async () => ({ HTTPS_PROXY: proxy.loginUrl.replace(PASSWORD, 'wr0ng-pass') }),
      /Set HTTPS_PROXY to/,
    ],
  ];
  test.each(faults)('%s: a ConfigurationError, and nothing is written', async (_, make, text) => {
    const model = await world.model(['Archived', 'Production']);
    const before = await world.everything(model);
    const env = world.env({ ...settings, ...(await make()) });
    const started = await startFunction(env);
    const failure = failureIn(await started.invoke({ model_name: model }));
    expect(failure.errorType).toBe('ConfigurationError');
    expect(failure.message).toMatch(text);
    const { exitCode, stderr } = await runCommand(['apply', model, '--yes'], env);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(text);
    expect(await world.everything(model)).toEqual(before);
    for (const shown of [failure.message, started.log(), stderr]) {
      expect(shown).not.toMatch(/pr0xy-pass|wr0ng-pass|PRIVATE KEY/);
    }
    await started.kill();
  });

  test('a certificate that is not checked is a warning', async () => {
    const model = await world.model(['Archived', 'Production']);
    const env = world.env({
      ...settings,
      ...uri(await serve(old)),
      MLFLOW_TRACKING_SERVER_CERT_PATH: '',
      MLFLOW_TRACKING_INSECURE_TLS: 'true',
    });
    const { exitCode, stderr } = await runCommand(['plan', model], env);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('MLFLOW_TRACKING_INSECURE_TLS is true');
  });
});

// ---------------------------------------------------------------------------------------------------

function uri(url: string): Settings {
  return { MLFLOW_TRACKING_URI: url };
}

/** TLS in front of MLflow, as a load balancer has it. */
async function serve({ cert, key }: Certificate, isStrict = false): Promise<string> {
  const strict = { requestCert: true, rejectUnauthorized: true, ca: authority.cert };
  const options = { cert, key, ...(isStrict ? strict : {}) };
  const server = createServer(options, (incoming, outgoing) => {
    const target = new URL(incoming.url ?? '', engine('mlflow').url);
    const { method, headers } = incoming;
    const host = { ...headers, host: target.host };
    const onward = httpRequest(target, { method, headers: host, agent: false });
    onward.on('error', () => outgoing.destroy());
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}
