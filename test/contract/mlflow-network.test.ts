/** The way to a registry: certificates of one's own, a client certificate, a proxy; by the variables that people set. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { registryFromEnv } from '../../src/config/registry-settings.ts';
import { ConfigurationError, RegistryUnavailableError } from '../../src/domain/errors.ts';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { freePort } from '../engines/processes.ts';
import { type Certificate, createCertificate } from '../fakes/certificate.ts';
import { startConnectProxy } from '../fakes/connect-proxy.ts';
import { soon } from './model-registry.contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'model-rollback-tls-'));
const authority = createCertificate({ name: 'own authority', isAuthority: true });
const other = createCertificate({ name: 'other authority', isAuthority: true });
const good = createCertificate({ name: 'localhost', issuer: authority });
const longAgo = { from: new Date('2020-01-01'), until: new Date('2021-01-01') };
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const authorityFile = file('authority.pem', authority.cert);
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('MLFLOW_TRACKING_SERVER_CERT_PATH', () => {
  test('is enough for a certificate of an authority of one’s own', async () => {
    const { url } = await serveTls(good);
    const registry = registryAt({ MLFLOW_TRACKING_URI: url, ...serverFile(authorityFile) });
    expect((await registry.read('m', [], soon())).others).toHaveLength(1);
  });

  test('takes several authorities in one file', async () => {
    const { url } = await serveTls(good);
    const both = file('both.pem', `${other.cert}${authority.cert}`);
    const registry = registryAt({ MLFLOW_TRACKING_URI: url, ...serverFile(both) });
    expect((await registry.read('m', [], soon())).others).toHaveLength(1);
  });

  const refusals: readonly [string, Certificate, Record<string, string>, RegExp][] = [
    ['an unknown authority', good, {}, /MLFLOW_TRACKING_SERVER_CERT_PATH to a PEM file/],
    ['another authority', good, serverFile(file('other.pem', other.cert)), /does not know who/],
    [
      'an expired certificate',
      createCertificate({ name: 'localhost', issuer: authority, ...longAgo }),
      serverFile(authorityFile),
      /has expired/,
    ],
    [
      'another host name',
      createCertificate({ name: 'mlflow.example.test', issuer: authority }),
      serverFile(authorityFile),
      /another host name/,
    ],
  ];
  test.each(refusals)('does not accept %s', async (_, certificate, env, text) => {
    const { url, requests } = await serveTls(certificate);
    const error = await failureOf(registryAt({ MLFLOW_TRACKING_URI: url, ...env }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(text);
    expect(requests()).toBe(0);
    const insecure = registryAt({ MLFLOW_TRACKING_URI: url, MLFLOW_TRACKING_INSECURE_TLS: 'true' });
    expect((await insecure.read('m', [], soon())).others).toHaveLength(1);
  });

  test.each([
    ['SERVER', join(folder, 'absent.pem'), /cannot be read \(ENOENT\)/],
    ['SERVER', folder, /cannot be read \(EISDIR\)/],
    ['SERVER', file('text.pem', 'hello'), /holds something else/],
    ['SERVER', file('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n'), /cannot be used/],
    ['CLIENT', file('no-key.pem', good.cert), /holds something else.*certificate and its key/],
    ['CLIENT', file('two.pem', `${good.cert}${other.key}`), /cannot be used/],
  ])('names the file: %s %s', async (kind, path, text) => {
    const { url, connections } = await serveTls(good);
    const name = `MLFLOW_TRACKING_${kind}_CERT_PATH`;
    const registry = registryAt({ MLFLOW_TRACKING_URI: url, [name]: path });
    const error = await failureOf(registry);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain(`${name} names ${JSON.stringify(path)}`);
    expect(error.message).toMatch(text);
    expect(error.message).not.toMatch(/PRIVATE|BEGIN/);
    expect(await registry.movePointer('m', '1', soon())).toMatchObject({
      kind: 'refused',
      error: expect.any(ConfigurationError),
    });
    expect(connections()).toBe(0);
  });
});

describe('MLFLOW_TRACKING_CLIENT_CERT_PATH', () => {
  const strict = { requestCert: true, rejectUnauthorized: true, ca: authority.cert };
  const mine = (name: string, certificate: Certificate) => ({
    MLFLOW_TRACKING_CLIENT_CERT_PATH: file(name, `${certificate.key}${certificate.cert}`),
  });
  const env = { ...serverFile(authorityFile) };

  test('shows who we are', async () => {
    const { url } = await serveTls(good, strict);
    const client = mine('client.pem', createCertificate({ name: 'me', issuer: authority }));
    const registry = registryAt({ MLFLOW_TRACKING_URI: url, ...env, ...client });
    expect((await registry.read('m', [], soon())).others).toHaveLength(1);
  });

  const wrong: readonly [string, Record<string, string>, RegExp][] = [
    ['none', {}, /wants a certificate of ours.*Set MLFLOW_TRACKING_CLIENT_CERT_PATH/],
    [
      'one of another authority',
      mine('strange.pem', createCertificate({ name: 'me', issuer: other })),
      /does not accept our certificate/,
    ],
    [
      'an expired one',
      mine('old.pem', createCertificate({ name: 'me', issuer: authority, ...longAgo })),
      /does not accept our certificate/,
    ],
  ];
  // A server of Node.js closes the connection without a word; those of others say why.
  const hasOpenSsl = spawnSync('openssl', ['version']).status === 0;
  describe.skipIf(!hasOpenSsl).each(['tls1_2', 'tls1_3'] as const)('by OpenSSL, %s', (version) => {
    test.each(wrong)('%s: says what the server wants', async (_, client, text) => {
      const url = await serveOpenSsl([`-${version}`]);
      const registry = registryAt({ MLFLOW_TRACKING_URI: url, ...env, ...client });
      const error = await failureOf(registry);
      expect(error.message).toMatch(text);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(await registry.movePointer('m', '1', soon())).toMatchObject({
        kind: 'refused',
        error: expect.any(ConfigurationError),
      });
    });
  });

  test.each([
    '<html><body><h1>400 Bad Request</h1><center>The SSL certificate error</center></body></html>',
    '<html><body><center>No required SSL certificate was sent</center></body></html>',
  ])('is what nginx asks for with %s', async (page) => {
    const { url } = await serveTls(good, {}, { status: 400, type: 'text/html', body: page });
    const error = await failureOf(registryAt({ MLFLOW_TRACKING_URI: url, ...env }));
    expect(error.message).toContain('set MLFLOW_TRACKING_CLIENT_CERT_PATH');
  });
});

describe('a proxy', () => {
  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'])('in %s is used', async (name) => {
    const proxy = await proxyFor(null);
    const { url } = await serveTls(good);
    const { host } = new URL(url);
    const env = { MLFLOW_TRACKING_URI: url, ...serverFile(authorityFile), [name]: proxy.url };
    const registry = registryAt(env);
    expect((await registry.read('m', [], soon())).others).toHaveLength(1);
    await registry.read('m', [], soon());
    // One tunnel, kept.
    expect(proxy.passed).toEqual([host]);
  });

  test('without a scheme, and with a login, is used for http', async () => {
    const server = await startRegistryServer();
    open.push(server);
    server.seed('m', [{ stage: 'Production' }]);
    const proxy = await proxyFor('pass word');
    const HTTP_PROXY = proxy.loginUrl.replace('http://', '').replace(' ', '%20');
    const registry = registryAt({ MLFLOW_TRACKING_URI: server.url, HTTP_PROXY });
    expect((await registry.read('m', [], soon())).others).toHaveLength(0);
    expect(proxy.passed[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api/);
    expect(proxy.refused).toEqual([]);
    for (const { headers } of server.requests as readonly { headers?: object }[]) {
      expect(JSON.stringify(headers ?? {})).not.toContain('proxy-authorization');
    }
  });

  test('that wants a login is named, with what to set, and no password is shown', async () => {
    const proxy = await proxyFor('right-password');
    const tls = await serveTls(good);
    const wrong = proxy.url.replace('http://', 'http://me:wrong-password@');
    for (const HTTPS_PROXY of [proxy.url, wrong]) {
      const env = { MLFLOW_TRACKING_URI: tls.url, ...serverFile(authorityFile), HTTPS_PROXY };
      const registry = registryAt(env);
      const error = await failureOf(registry);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(
        /the connection by the proxy 127\.0\.0\.1:\d+ that HTTPS_PROXY/,
      );
      expect(error.message).toContain('Set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT');
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wrong-pass');
      expect(await registry.movePointer('m', '1', soon())).toMatchObject({ kind: 'refused' });
    }
    const plain = await startRegistryServer();
    open.push(plain);
    const HTTP_PROXY = wrong;
    const error = await failureOf(registryAt({ MLFLOW_TRACKING_URI: plain.url, HTTP_PROXY }));
    expect(error.message).toMatch(/answered 407 .*set HTTP_PROXY to/);
    expect(error.message).not.toContain('wrong-password');
    expect(tls.requests()).toBe(0);
  });

  test('that is gone is named', async () => {
    const HTTPS_PROXY = 'http://me:hunter2@127.0.0.1:1';
    const error = await failureOf(
      registryAt({ MLFLOW_TRACKING_URI: 'https://a.test', HTTPS_PROXY }),
    );
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(error.message).toMatch(/by the proxy 127\.0\.0\.1:1 that HTTPS_PROXY names/);
    expect(error.message).not.toContain('hunter2');
  });

  test('is not used for what NO_PROXY names', async () => {
    const proxy = await proxyFor(null);
    const { url } = await serveTls(good);
    const env = {
      MLFLOW_TRACKING_URI: url,
      ...serverFile(authorityFile),
      HTTPS_PROXY: proxy.url,
      NO_PROXY: 'other.test, localhost',
    };
    expect((await registryAt(env).read('m', [], soon())).others).toHaveLength(1);
    expect(proxy.passed).toEqual([]);
  });
});

// ---------------------------------------------------------------------------------------------------

function serverFile(path: string): Record<string, string> {
  return { MLFLOW_TRACKING_SERVER_CERT_PATH: path };
}

async function proxyFor(password: string | null) {
  const proxy = await startConnectProxy(password);
  open.push(proxy);
  return proxy;
}

/** OpenSSL's own server, which wants a certificate of the authority. */
async function serveOpenSsl(args: readonly string[]): Promise<string> {
  const port = await freePort();
  const key = file('server.pem', `${good.key}${good.cert}`);
  const child = spawn(
    'openssl',
    [
      ...['s_server', '-accept', String(port), '-cert', key, '-key', key, '-CAfile', authorityFile],
      ...['-Verify', '2', '-verify_return_error', '-www', ...args],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  open.push({ close: () => child.kill('SIGKILL') });
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => text.includes('ACCEPT') && resolve(undefined));
    child.once('exit', () => reject(new Error('openssl s_server ended')));
  });
  return `https://localhost:${port}`;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const versions: Page = {
  status: 200,
  type: 'application/json',
  body: JSON.stringify({ model_versions: [{ name: 'm', version: '1' }] }),
};

async function serveTls(
  { cert, key }: Certificate,
  options: ServerOptions = {},
  page: Page = versions,
) {
  let requests = 0;
  let connections = 0;
  const server: Server = createServer({ ...options, cert, key }, (_request, response) => {
    requests += 1;
    response.writeHead(page.status, { 'content-type': page.type }).end(page.body);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const { port } = server.address() as AddressInfo;
  const url = `https://localhost:${port}`;
  return { url, requests: () => requests, connections: () => connections };
}

function registryAt(env: Record<string, string>): MLflowModelRegistry {
  const { address, ...settings } = registryFromEnv(env);
  const clock = { ...systemClock, sleep: async () => undefined };
  const authorizer = new LoginAuthorizer(new StaticCredentials(null));
  const client = new MLflowClient({ ...settings, authorizer, clock });
  const registry = new MLflowModelRegistry(client, clock, systemIdentity, address);
  open.push(registry);
  return registry;
}

async function failureOf(registry: MLflowModelRegistry): Promise<Error> {
  const outcome: unknown = await registry.read('m', [], soon()).catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
