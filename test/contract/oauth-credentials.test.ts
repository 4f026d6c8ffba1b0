/** Tokens of a service principal, from a stub of a workspace of Databricks. */
import { afterEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { OAuthCredentials } from '../../src/adapters/mlflow/oauth-credentials.ts';
import { UnityModelRegistry } from '../../src/adapters/mlflow/unity-model-registry.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { ConfigurationError, RegistryUnavailableError } from '../../src/domain/errors.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { UnityCatalog } from '../fakes/unity-catalog.ts';
import { describeCredentials } from './credentials.contract.ts';
import {
  type HttpProxy,
  type ProxiedRequest,
  type ProxyAct,
  startHttpProxy,
} from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

describeCredentials('OAuthCredentials', async () => {
  let token = 'token-1';
  const server = await startHttpProxy(null, () => ({
    kind: 'answer',
    status: 200,
    body: JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3_600 }),
  }));
  const workspace = new UnityCatalog();
  return {
    credentials: oauthAt(server.url, workspace),
    authorization: 'Bearer token-1',
    secrets: ['token-1', workspace.client.secret],
    rotate: async () => {
      token = 'token-2';
      return 'Bearer token-2';
    },
    close: () => server.close(),
  };
});

describe('OAuthCredentials', () => {
  const startAt = Date.UTC(2026, 10, 28);

  test('gets a token once for many calls, and another shortly before its end', async () => {
    const { workspace, credentials, clock } = await oauthPlace();
    const first = await Promise.all([1, 2, 3].map(() => credentials.authorization(soon())));
    expect(new Set(first)).toEqual(new Set(['Bearer oauth-token-1']));
    clock.moveTo(startAt + 3_539_000);
    expect(await credentials.authorization(soon())).toBe('Bearer oauth-token-1');
    clock.moveTo(startAt + 3_540_000);
    expect(await credentials.authorization(soon())).toBe('Bearer oauth-token-2');
    expect(workspace.tokensGiven).toBe(2);
  });

  test('gets another when one is refused, once for calls at the same moment', async () => {
    const { workspace, credentials } = await oauthPlace();
    const refused = await credentials.authorization(soon());
    const renewed = await Promise.all([1, 2].map(() => credentials.renew(refused, soon())));
    expect(renewed).toEqual(['Bearer oauth-token-2', 'Bearer oauth-token-2']);
    expect(workspace.tokensGiven).toBe(2);
  });

  test('lets a call go on whose token was revoked, and its write happens once', async () => {
    const { workspace, credentials, url, requests } = await oauthPlace();
    workspace.seed('main.ml.churn', 3);
    const client = new MLflowClient({
      baseUrl: new URL(url),
      authorizer: new LoginAuthorizer(credentials),
      workspace: null,
      clock: systemClock,
    });
    const pointer = { kind: 'alias', alias: 'champion' } as const;
    const registry = new UnityModelRegistry(client, systemClock, systemIdentity, url, pointer);
    open.push(registry);
    await registry.read('main.ml.churn', [], soon());
    workspace.revokeTokens();
    expect(await registry.movePointer('main.ml.churn', '2', soon())).toEqual({ kind: 'moved' });
    const puts = requests.filter(({ method }) => method === 'PUT');
    expect(puts.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer oauth-token-1',
      'Bearer oauth-token-2',
    ]);
    workspace.revokeTokens();
    const again = await registry.read('main.ml.churn', [], soon());
    expect(again.live).toMatchObject([{ version: '2' }]);
  });

  const html = '<html>sign in</html>';
  const acts: readonly [string, ProxyAct, new (...args: never[]) => Error, RegExp][] = [
    [
      'a wrong secret',
      { kind: 'answer', status: 401, body: '{"error":"invalid_client"}' },
      ConfigurationError,
      /401: .*invalid_client.*Check DATABRICKS_HOST and DATABRICKS_CLIENT_ID/,
    ],
    [
      'an address that is no workspace',
      { kind: 'answer', status: 200, body: html },
      ConfigurationError,
      /answered with something else\. Check that DATABRICKS_HOST/,
    ],
    [
      'too many requests',
      { kind: 'answer', status: 429, body: '' },
      RegistryUnavailableError,
      /Try again/,
    ],
    ['a broken one', { kind: 'answer', status: 503, body: '' }, RegistryUnavailableError, /503/],
    [
      'nobody',
      { kind: 'reset' },
      RegistryUnavailableError,
      /Check DATABRICKS_HOST, then try again/,
    ],
  ];
  test.each(acts)('explains %s', async (_, act, kind, text) => {
    const { url } = await serveActs(() => act);
    const credentials = oauthAt(url, new UnityCatalog());
    open.push(credentials);
    const error = await failureOf(credentials.authorization(soon()));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(text);
  });

  test('waits no longer than its caller has time', async () => {
    const { url } = await serveActs(() => ({ kind: 'hang' }));
    const credentials = oauthAt(url, new UnityCatalog());
    open.push(credentials);
    const short = credentials.authorization(deadlineAfter(systemClock, 30));
    await expect(short).rejects.toBeInstanceOf(RegistryUnavailableError);
  });

  async function oauthPlace() {
    const workspace = new UnityCatalog();
    const server = await serveActs((request) => workspace.answer(request));
    let nowMs = startAt;
    const moveTo = (atMs: number): void => {
      nowMs = atMs;
    };
    const clock = { ...systemClock, nowMs: () => nowMs, moveTo };
    const credentials = oauthAt(server.url, workspace, clock);
    open.push(credentials);
    return { ...server, workspace, credentials, clock };
  }
});

// ---------------------------------------------------------------------------------------------------

function oauthAt(
  url: string,
  { client }: UnityCatalog,
  clock: Clock = systemClock,
): OAuthCredentials {
  const source = 'DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET';
  const login = { clientId: client.id, clientSecret: client.secret, source };
  return new OAuthCredentials({ baseUrl: new URL(url), ...login }, clock);
}

async function serveActs(act: (request: ProxiedRequest) => ProxyAct): Promise<HttpProxy> {
  const server = await startHttpProxy(null, act);
  open.push(server);
  return server;
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
