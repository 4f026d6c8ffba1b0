/** A registry behind TLS whose certificate is not accepted: no retry cures it, so it is a setting. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import {
  ConfigurationError,
  type ModelRollbackError,
  RegistryUnavailableError,
} from '../../src/domain/errors.ts';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { type Certificate, createCertificate } from '../fakes/certificate.ts';
import { soon } from './model-registry.contract.ts';

const known = createCertificate({ name: 'known authority', isAuthority: true });
const unknown = createCertificate({ name: 'unknown authority', isAuthority: true });
const name = 'localhost';
const good = createCertificate({ name, issuer: known });
const longAgo = { from: new Date('2020-01-01'), until: new Date('2021-01-01') };
const later = { from: new Date('2048-01-01'), until: new Date('2049-01-01') };

const servers: Server[] = [];
const registries: MLflowModelRegistry[] = [];
let before: string[];

beforeAll(() => {
  before = getCACertificates('default');
  setDefaultCACertificates([...before, known.cert]);
});

afterAll(() => setDefaultCACertificates(before));

afterEach(async () => {
  for (const registry of registries.splice(0)) registry.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('MLflowModelRegistry behind TLS', () => {
  test('is read when its certificate is accepted', async () => {
    const { registry, requests } = await registryBehind([good]);
    expect((await registry.read('m', [], soon())).others).toHaveLength(1);
    expect(requests()).toBe(1);
  });

  const problems: readonly {
    readonly title: string;
    readonly chain: readonly [Certificate, ...Certificate[]];
    readonly what: RegExp;
    readonly fix: RegExp;
  }[] = [
    {
      title: 'signed itself',
      chain: [createCertificate({ name })],
      what: /self-signed \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
      fix: /Set MLFLOW_TRACKING_SERVER_CERT_PATH to a PEM file with this certificate/,
    },
    {
      title: 'comes from an authority that is not known',
      chain: [createCertificate({ name, issuer: unknown })],
      what: /does not know who issued it.*\(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/,
      fix: /Set MLFLOW_TRACKING_SERVER_CERT_PATH to a PEM file with the certificate of the authority/,
    },
    {
      title: 'comes with the authority of its own',
      chain: [createCertificate({ name, issuer: unknown }), unknown],
      what: /authority of its own \(SELF_SIGNED_CERT_IN_CHAIN\)/,
      fix: /Set MLFLOW_TRACKING_SERVER_CERT_PATH to a PEM file with the certificate of the authority/,
    },
    {
      title: 'has expired',
      chain: [createCertificate({ name, issuer: known, ...longAgo })],
      what: /has expired \(CERT_HAS_EXPIRED\)/,
      fix: /renewed/,
    },
    {
      title: 'is not valid yet',
      chain: [createCertificate({ name, issuer: known, ...later })],
      what: /not valid yet \(CERT_NOT_YET_VALID\)/,
      fix: /Check the clock/,
    },
    {
      title: 'is for another host name',
      chain: [createCertificate({ name: 'mlflow.example.test', issuer: known })],
      what: /another host name \(ERR_TLS_CERT_ALTNAME_INVALID: .*mlflow\.example\.test/,
      fix: /Set MLFLOW_TRACKING_URI to a host name that the certificate names/,
    },
  ];

  test.each(problems)('says that a certificate $title, once', async ({ chain, what, fix }) => {
    const { registry, requests, connections } = await registryBehind(chain);
    const error = await failure(registry.read('m', [], soon()));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.isRetryable).toBe(false);
    expect(error.message).toMatch(
      /^MLFLOW_TRACKING_URI names https:\/\/localhost:\d+, and its cert/,
    );
    expect(error.message).toMatch(what);
    expect(error.message).toMatch(fix);
    expect(error.message).not.toMatch(/try again/i);
    expect(connections()).toBe(1);
    // Nothing was sent, so a move is refused for certain.
    const answer = await registry.movePointer('m', '1', soon());
    expect(answer).toMatchObject({ kind: 'refused', error: expect.any(ConfigurationError) });
    const tag = registry.annotate('m', '1', { key: 'k', value: 'v' }, soon());
    await expect(tag).rejects.toBeInstanceOf(ConfigurationError);
    expect(requests()).toBe(0);
  });

  test('says that a server does not speak TLS', async () => {
    const plain = await startRegistryServer();
    try {
      const registry = registryAt(plain.url.replace('http:', 'https:'));
      const error = await failure(registry.read('m', [], soon()));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(/does not speak TLS.*MLFLOW_TRACKING_URI.*http:\/\//);
    } finally {
      await plain.close();
    }
  });

  test('is unavailable, not misconfigured, when a handshake is cut off', async () => {
    const { createServer: createPlainServer } = await import('node:net');
    const cutting = createPlainServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => cutting.listen(0, '127.0.0.1', resolve));
    const { port } = cutting.address() as AddressInfo;
    try {
      const error = await failure(registryAt(`https://127.0.0.1:${port}`).read('m', [], soon()));
      expect(error).toBeInstanceOf(RegistryUnavailableError);
    } finally {
      cutting.close();
    }
  });
});

// ---------------------------------------------------------------------------------------------------

async function registryBehind(chain: readonly [Certificate, ...Certificate[]]): Promise<{
  readonly registry: MLflowModelRegistry;
  requests(): number;
  connections(): number;
}> {
  let requests = 0;
  let connections = 0;
  const cert = chain.map((each) => each.cert).join('');
  const server = createServer({ cert, key: chain[0].key }, (_request, response) => {
    requests += 1;
    const body = JSON.stringify({ model_versions: [{ name: 'm', version: '1' }] });
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  server.on('connection', () => {
    connections += 1;
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const registry = registryAt(`https://localhost:${port}`);
  return { registry, requests: () => requests, connections: () => connections };
}

function registryAt(url: string): MLflowModelRegistry {
  const authorizer = new LoginAuthorizer(new StaticCredentials(null));
  const clock = { ...systemClock, sleep: async () => undefined };
  const client = new MLflowClient({ baseUrl: new URL(url), authorizer, workspace: null, clock });
  const registry = new MLflowModelRegistry(client, clock, systemIdentity, url);
  registries.push(registry);
  return registry;
}

async function failure(call: Promise<unknown>): Promise<ModelRollbackError> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome as ModelRollbackError;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
