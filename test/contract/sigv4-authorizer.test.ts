/** Signed requests, held against what MLflow's own client sends: to SageMaker, and to an API Gateway. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterEach, describe, expect, test } from 'vitest';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { SigV4Authorizer } from '../../src/adapters/sigv4/sigv4-authorizer.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { registryFromEnv, type SignedRequests } from '../../src/config/registry-settings.ts';
import { sageMakerActions } from '../../src/domain/registry/sagemaker-actions.ts';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { tool } from '../engines/tools.ts';
import { type HttpProxy, type ProxiedRequest, startHttpProxy } from './http-proxy.ts';
import { soon, stagesOf } from './model-registry.contract.ts';

const client = await tool('sagemaker-mlflow');
const script = join(import.meta.dirname, '..', 'engines', 'sagemaker-client.py');

const SERVER = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn-1';
const APP = 'arn:aws:sagemaker:us-east-2:123456789012:mlflow-app/app-ABCDEF123456';
const GOV = 'arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:mlflow-app/app-1';
const NOW_MS = Date.UTC(2026, 10, 28, 12);
const clock: Clock = { ...systemClock, nowMs: () => NOW_MS };
const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const withToken = { ...keys, sessionToken: 'FwoGZXIvYXdzEXAMPLE//token==' };

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

describe.skipIf(client.isMissing)(
  client.title('SigV4Authorizer beside the client of MLflow'),
  () => {
    test.each([
      { what: 'a tracking server', arn: SERVER, credentials: keys },
      { what: 'a tracking server, with a token', arn: SERVER, credentials: withToken },
      { what: 'an App', arn: APP, credentials: withToken },
      { what: 'an App of GovCloud', arn: GOV, credentials: keys },
    ])('signs each call to $what as that does', async ({ arn, credentials }) => {
      const { requests, url, output } = await clientCalls(arn, credentials);
      // Every call that we make, and nothing else that we do not compare.
      expect(requests.length).toBeGreaterThanOrEqual(9);
      const { baseUrl, auth } = registryFromEnv({ MLFLOW_TRACKING_URI: arn });
      expect(baseUrl.origin).toBe(output.trim());
      const authorizer = authorizerFor(auth as SignedRequests, credentials);
      for (const request of requests) {
        const asked = { ...requestOf(request, url), headers: signedButOurs(request) };
        const signed = await authorizer.authorize(asked, soon());
        expect(signed, request.path).toEqual(signedOf(request));
      }
    });

    test('signs for an API Gateway as MLflow does', async () => {
      const { requests } = await clientCalls(null, withToken);
      expect(requests.length).toBeGreaterThanOrEqual(7);
      const { auth } = registryFromEnv({
        MLFLOW_TRACKING_URI: 'https://a1b2.execute-api.eu-west-1.amazonaws.com/prod',
        MLFLOW_TRACKING_AWS_SIGV4: 'true',
      });
      const authorizer = authorizerFor(auth as SignedRequests, withToken);
      for (const request of requests) {
        // It signs the host without the port.
        const asked = {
          ...requestOf(request, 'http://127.0.0.1'),
          headers: signedButOurs(request),
        };
        const signed = await authorizer.authorize(asked, soon());
        expect(signed, request.path).toEqual(signedOf(request));
      }
    });
  },
);

describe('MLflowModelRegistry of SageMaker', () => {
  test('sends every call signed, with what routes it to the server', async () => {
    const server = await startRegistryServer();
    open.push(server);
    server.seed('fraud', [{ stage: 'Archived' }, { stage: 'Production' }]);
    const gate = await startHttpProxy(server.url, () => ({ kind: 'pass' }));
    open.push(gate);
    const registry = registryAt(gate.url, SERVER);
    expect(stagesOf(await registry.read('fraud', ['7'], soon()))[0]).toBe('2 Production');
    expect(await registry.movePointer('fraud', '1', soon())).toEqual({ kind: 'moved' });
    await registry.annotate('fraud', '1', { key: 'k', value: 'v' }, soon());
    expect(gate.requests.length).toBeGreaterThanOrEqual(4);
    for (const { headers, method } of gate.requests) {
      expect(headers['x-mlflow-sm-tracking-server-arn']).toBe(SERVER);
      expect(headers['x-amz-security-token']).toBe(withToken.sessionToken);
      expect(headers.host).toBe(new URL(gate.url).host);
      const scope = `${withToken.accessKeyId}/20261128/eu-west-1/sagemaker-mlflow/aws4_request`;
      expect(headers.authorization).toContain(`Credential=${scope}, SignedHeaders=`);
      const names = /SignedHeaders=([\w;-]+)/.exec(headers.authorization ?? '')?.[1]?.split(';');
      const ofBody = method === 'POST' ? ['content-length', 'content-type'] : [];
      expect(names).toEqual([
        'accept',
        ...ofBody,
        'host',
        'x-amz-content-sha256',
        'x-amz-date',
        'x-amz-security-token',
        'x-mlflow-sm-tracking-server-arn',
      ]);
    }
  });

  test('sends what it signed: the query as signatures write it', async () => {
    const gate = await startHttpProxy(null, () => ({ kind: 'answer', status: 404, body: '{}' }));
    open.push(gate);
    await registryAt(gate.url, SERVER)
      .read("a b+c*d~e'(f)", [], soon())
      .catch(() => undefined);
    const [request] = gate.requests;
    expect(request?.path).toContain('a%20b%2Bc%2Ad~e');
    expect(request?.path).not.toMatch(/[+*']|%7E/);
  });

  test('knows the action of every call', async () => {
    const calls = new Set<string>();
    const gate = await startHttpProxy(null, ({ path }) => {
      const { pathname } = new URL(path, 'http://a');
      calls.add(
        pathname
          .replace('/api/2.0/mlflow/', '')
          .replace('model-versions/transition-stage', 'transition-stage')
          .replace('model-versions/set-tag', 'set-tag'),
      );
      return { kind: 'answer', status: 200, body: '{}' };
    });
    open.push(gate);
    const registry = registryAt(gate.url, SERVER);
    await registry.read('fraud', ['7'], soon()).catch(() => undefined);
    await registry.movePointer('fraud', '1', soon()).catch(() => undefined);
    await registry.annotate('fraud', '1', { key: 'k', value: 'v' }, soon());
    for (const call of calls) expect(Object.keys(sageMakerActions)).toContain(call);
  });
});

// ---------------------------------------------------------------------------------------------------

/** What the client of MLflow sends, at a fixed time. Null: to an API Gateway. */
async function clientCalls(
  arn: string | null,
  credentials: typeof keys & { readonly sessionToken?: string },
): Promise<{ requests: readonly ProxiedRequest[]; url: string; output: string }> {
  const listener: HttpProxy = await startHttpProxy(null, () => ({
    kind: 'answer',
    status: 200,
    body: '{}',
  }));
  open.push(listener);
  const { url } = listener;
  const { stdout } = await promisify(execFile)(
    join(client.folder, 'bin', 'python'),
    [script, ...(arn === null ? ['--plain'] : [])],
    {
      env: {
        HOME: '/nonexistent',
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        ...(credentials.sessionToken === undefined
          ? {}
          : { AWS_SESSION_TOKEN: credentials.sessionToken }),
        AWS_DEFAULT_REGION: 'eu-west-1',
        MLFLOW_TRACKING_URI: arn ?? url,
        ...(arn === null
          ? { MLFLOW_TRACKING_AWS_SIGV4: 'true' }
          : { SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: url }),
      },
    },
  );
  return { requests: listener.requests, url, output: stdout };
}

function requestOf({ method, path, body }: ProxiedRequest, url: string) {
  return {
    method: method as 'GET' | 'POST',
    url: new URL(path, url),
    body: body === '' ? null : Buffer.from(body),
  };
}

/** The headers that the client signed, with the signature. */
function signedOf({ headers }: ProxiedRequest): Record<string, string> {
  const { authorization = '' } = headers;
  const names = /SignedHeaders=([\w;-]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  return Object.fromEntries([
    ...names.map((name) => [name, String(headers[name])]),
    ['authorization', authorization],
  ]);
}

/** Those of them that an authorizer does not add itself. */
function signedButOurs(request: ProxiedRequest): Record<string, string> {
  const added = /^(authorization|host|x-amz-.*|x-mlflow-sm-.*|x-sm-.*)$/;
  return Object.fromEntries(
    Object.entries(signedOf(request)).filter(([name]) => !added.test(name)),
  );
}

function authorizerFor(
  auth: SignedRequests,
  credentials: typeof keys & { readonly sessionToken?: string },
): SigV4Authorizer {
  const sns = new SNSClient({ region: auth.region ?? 'eu-west-1', credentials });
  const authorizer = new SigV4Authorizer(sns, auth, clock);
  open.push(authorizer);
  return authorizer;
}

function registryAt(url: string, arn: string): MLflowModelRegistry {
  const { auth, baseUrl, workspace } = registryFromEnv({
    MLFLOW_TRACKING_URI: arn,
    SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: url,
  });
  const authorizer = authorizerFor(auth as SignedRequests, withToken);
  const mlflow = new MLflowClient({ baseUrl, authorizer, workspace, clock: systemClock });
  const quick = { ...systemClock, sleep: async () => undefined };
  const registry = new MLflowModelRegistry(mlflow, quick, systemIdentity, arn);
  open.push(registry);
  return registry;
}
