/** The login of the registry: where it comes from a secret, and changes while we run. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { SecretsManagerCredentials } from '../../src/adapters/secrets-manager/secrets-manager-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import {
  ConfigurationError,
  RegistryRefusedError,
  RegistryUnavailableError,
} from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Credentials } from '../../src/ports/credentials.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { changeSecret, createSecret } from '../engines/secrets.ts';
import { GUARD_LOGIN } from '../engines/start.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { soon, stagesOf } from './model-registry.contract.ts';

const guarded = engine('guarded');
const ministack = engine('ministack');
const MODEL = 'fraud';
const OLD = { username: 'lovelace', password: 'correct-"horse"-1' };
const NEW = { username: 'lovelace', password: 'correct-"horse"-2' };
const WRONG = { username: 'lovelace', password: 'correct-"horse"-3' };
const ARN = 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:login-Ab12Cd';

type Login = typeof OLD;
const basic = ({ username, password }: Login): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

describe('MLflowModelRegistry with a login from a secret', () => {
  let server: RegistryServer;
  /** In front of the registry: takes one login only, and repeats what it got in its refusals. */
  let gate: HttpProxy;
  /** Stands for Secrets Manager. */
  let vault: HttpProxy;
  let taken: Login;
  let refusal: (authorization: string) => ProxyAct;
  /** What the secret holds at each reading; the last one stays. */
  let secrets: Login[];
  let registry: MLflowModelRegistry;

  beforeEach(async () => {
    taken = OLD;
    secrets = [OLD];
    refusal = (authorization) => ({ kind: 'answer', status: 401, body: `not ${authorization}` });
    server = await startRegistryServer();
    server.seed(MODEL, [{ stage: 'Archived' }, { stage: 'Production' }]);
    gate = await startHttpProxy(server.url, ({ headers: { authorization = '' } }) =>
      authorization === basic(taken) ? { kind: 'pass' } : refusal(authorization),
    );
    vault = await startHttpProxy(null, ({ index }) => {
      const login = secrets[Math.min(index, secrets.length - 1)];
      const SecretString = JSON.stringify(login);
      return { kind: 'answer', status: 200, body: JSON.stringify({ ARN, SecretString }) };
    });
    registry = registryAt(gate.url, secretAt(vault.url, ARN));
  });

  afterEach(async () => {
    registry.close();
    await Promise.all([server.close(), gate.close(), vault.close()]);
  });

  const rotate = (): void => {
    taken = NEW;
    secrets = [OLD, NEW];
  };
  const calls = (): readonly number[] => [gate.requests.length, vault.requests.length];

  test('reads the secret once for all its calls', async () => {
    await registry.read(MODEL, ['7', '8'], soon());
    expect(await registry.movePointer(MODEL, '1', soon())).toEqual({ kind: 'moved' });
    await registry.annotate(MODEL, '1', { key: 'k', value: 'v' }, soon());
    expect(calls()).toEqual([5, 1]);
  });

  test('reads it again when a read is refused, and sends the call once more', async () => {
    rotate();
    expect(stagesOf(await registry.read(MODEL, [], soon()))[0]).toBe('2 Production');
    expect(calls()).toEqual([2, 2]);
    await registry.read(MODEL, [], soon());
    expect(calls()).toEqual([3, 2]);
  });

  test('reads it again once for calls that are refused together', async () => {
    await registry.read(MODEL, [], soon());
    rotate();
    await registry.read(MODEL, ['7', '8', '9'], soon());
    // Before: 1. The search twice, then three versions.
    expect(calls()).toEqual([1 + 2 + 3, 2]);
  });

  test('reads it again when the move is refused, and moves once', async () => {
    await registry.read(MODEL, [], soon());
    rotate();
    expect(await registry.movePointer(MODEL, '1', soon())).toEqual({ kind: 'moved' });
    expect(calls()).toEqual([1 + 2, 2]);
    expect(server.requests.filter(({ path }) => path.endsWith('transition-stage'))).toHaveLength(1);
    const [first, second] = gate.requests.slice(1);
    expect(second?.body).toBe(first?.body);
    expect(await new MLflowAdmin(server.url).liveVersions(MODEL)).toEqual(['1']);
  });

  test('reads it again when a tag is refused', async () => {
    await registry.read(MODEL, [], soon());
    rotate();
    await registry.annotate(MODEL, '1', { key: 'k', value: 'v' }, soon());
    expect(calls()).toEqual([1 + 2, 2]);
  });

  test('gives a wrong login up after one more reading', async () => {
    taken = NEW;
    const error = await failureOf(registry.read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expect(error.message).toMatch(/401.*secret that MLFLOW_TRACKING_SECRET_ARN names/);
    expectPlain(error);
    expect(calls()).toEqual([1, 2]);
    const answer = await registry.movePointer(MODEL, '1', soon());
    expect(answer).toMatchObject({ kind: 'refused', error: expect.any(RegistryRefusedError) });
    expect(calls()).toEqual([2, 3]);
  });

  test('gives another wrong login up after one more try', async () => {
    taken = NEW;
    secrets = [OLD, WRONG];
    const error = await failureOf(registry.read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expectPlain(error);
    expect(calls()).toEqual([2, 2]);
  });

  test.each([403, 500])('does not read it again for %i', async (status) => {
    taken = NEW;
    refusal = (authorization) => ({ kind: 'answer', status, body: authorization });
    expectPlain(await failureOf(registry.read(MODEL, [], soon())));
    expect(vault.requests).toHaveLength(1);
  });

  const quotes: readonly [string, (authorization: string) => string][] = [
    ['as it was sent', (authorization) => authorization],
    ['as plain text', (authorization) => plain(authorization)],
    ['in JSON', (authorization) => JSON.stringify({ login: plain(authorization) })],
    [
      'in an address',
      (authorization) => encodeURIComponent(plain(authorization).split(':')[1] ?? ''),
    ],
  ];
  test.each(quotes)('shows no login that the registry repeats %s', async (_, quote) => {
    const body = (authorization: string): string => `${quote(authorization)} ${quote(basic(OLD))}`;
    refusal = (authorization) => ({ kind: 'answer', status: 401, body: body(authorization) });
    taken = NEW;
    secrets = [OLD, WRONG];
    const error = await failureOf(registry.read(MODEL, [], soon()));
    expect(error.message).toContain('***');
    expectPlain(error);
    const answer = await registry.movePointer(MODEL, '1', soon());
    if (answer.kind !== 'refused') throw new Error(`not refused but ${answer.kind}`);
    expectPlain(answer.error);
  });

  test('asks the registry nothing while the secret cannot be used', async () => {
    secrets = [{ ...OLD, username: 'a:b' }];
    const error = await failureOf(registry.read(MODEL, [], soon()));
    expect(error).toBeInstanceOf(ConfigurationError);
    const answer = await registry.movePointer(MODEL, '1', soon());
    expect(answer).toMatchObject({ kind: 'refused', error: expect.any(ConfigurationError) });
    await expect(
      registry.annotate(MODEL, '1', { key: 'k', value: 'v' }, soon()),
    ).rejects.toBeInstanceOf(ConfigurationError);
    expect(gate.requests).toHaveLength(0);
  });
});

describe('MLflowModelRegistry whose login takes its time', () => {
  let gate: HttpProxy;
  let server: RegistryServer;
  beforeEach(async () => {
    server = await startRegistryServer();
    server.seed(MODEL, [{ stage: 'Archived' }, { stage: 'Production' }]);
    gate = await startHttpProxy(server.url, ({ headers }) =>
      headers.authorization === 'Bearer new'
        ? { kind: 'pass' }
        : { kind: 'answer', status: 401, body: '' },
    );
  });
  afterEach(async () => {
    await Promise.all([server.close(), gate.close()]);
  });

  /** A clock that can be moved, and a login that moves it while it is read again. */
  const slowRegistry = (
    moved: { readonly monotonicMs?: number; readonly nowMs?: number },
    renewed = 'Bearer new',
  ): { registry: MLflowModelRegistry; clock: Clock } => {
    let [monotonicMs, nowMs] = [0, 0];
    const clock = {
      ...systemClock,
      monotonicMs: () => systemClock.monotonicMs() + monotonicMs,
      nowMs: () => systemClock.nowMs() + nowMs,
    };
    const credentials: Credentials = {
      source: 'the test',
      authorization: async () => 'Bearer old',
      renew: async () => {
        monotonicMs += moved.monotonicMs ?? 0;
        nowMs += moved.nowMs ?? 0;
        return renewed;
      },
      close: () => undefined,
    };
    return { registry: registryAt(gate.url, credentials, clock), clock };
  };
  const late: readonly [string, { monotonicMs?: number; nowMs?: number }][] = [
    ['too little is left for a write', { monotonicMs: 8_000 }],
    ['the deadline is over', { monotonicMs: 60_000 }],
    ['the machine slept', { nowMs: 3_600_000 }],
  ];
  test.each(late)('does not move once more when %s', async (_, moved) => {
    const { registry, clock } = slowRegistry(moved);
    const answer = await registry.movePointer(MODEL, '1', deadlineAfter(clock, 10_000));
    expect(answer).toMatchObject({
      kind: 'refused',
      error: expect.any(RegistryUnavailableError),
    });
    expect(gate.requests).toHaveLength(1);
    expect(server.requests).toHaveLength(0);
  });

  test('moves once more when there is time', async () => {
    const { registry, clock } = slowRegistry({ monotonicMs: 5_000, nowMs: 5_000 });
    const answer = await registry.movePointer(MODEL, '1', deadlineAfter(clock, 10_000));
    expect(answer).toEqual({ kind: 'moved' });
  });

  test('does not read once more after the deadline', async () => {
    const { registry, clock } = slowRegistry({ monotonicMs: limits.readTimeoutMs });
    const error = await failureOf(registry.read(MODEL, [], deadlineAfter(clock, 1_000)));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(gate.requests).toHaveLength(1);
  });
});

describe.skipIf(guarded.isMissing || ministack.isMissing)(
  guarded.title(ministack.title('MLflow with basic auth and MiniStack')),
  () => {
    test('a password that was changed on the server and then in the secret is taken up', async () => {
      const model = uniqueName('fraud');
      await new MLflowAdmin(guarded.url, GUARD_LOGIN).createUser(OLD);
      await new MLflowAdmin(guarded.url, OLD).seedModel(model, ['Archived', 'Production']);
      const proxy = await startHttpProxy(guarded.url, () => ({ kind: 'pass' }));
      const arn = await createSecret(ministack.url, uniqueName('login'), OLD);
      const registry = registryAt(proxy.url, secretAt(ministack.url, arn));
      await registry.read(model, [], soon());

      await changePassword(guarded.url, OLD, NEW.password);
      const error = await failureOf(registry.read(model, [], soon()));
      expect(error).toBeInstanceOf(RegistryRefusedError);
      expectPlain(error);

      await changeSecret(ministack.url, arn, NEW);
      const before = proxy.requests.length;
      expect(await registry.movePointer(model, '1', soon())).toEqual({ kind: 'moved' });
      expect(proxy.requests.length - before).toBe(2);
      expect(stagesOf(await registry.read(model, [], soon()))[0]).toBe('1 Production');
      expect(proxy.requests.length - before).toBe(3);
      registry.close();
      await proxy.close();
    });
  },
);

// ---------------------------------------------------------------------------------------------------

function secretAt(url: string, secretId: string): Credentials {
  return new SecretsManagerCredentials(new SecretsManagerClient(localClientConfig(url)), secretId);
}

function registryAt(
  url: string,
  credentials: Credentials,
  clock: Clock = systemClock,
): MLflowModelRegistry {
  const authorizer = new LoginAuthorizer(credentials);
  const client = new MLflowClient({ baseUrl: new URL(url), authorizer, workspace: null, clock });
  return new MLflowModelRegistry(client, clock, systemIdentity, url);
}

async function changePassword(url: string, login: Login, password: string): Promise<void> {
  const { username } = login;
  const response = await fetch(`${url}/api/2.0/mlflow/users/update-password`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', authorization: basic(login) },
    body: JSON.stringify({ username, password, current_password: login.password }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}

function plain(authorization: string): string {
  return Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('utf8');
}

/** Without any of the logins, in any form. */
function expectPlain({ message }: Error): void {
  for (const login of [OLD, NEW, WRONG]) {
    expect(message).not.toContain('horse');
    expect(message).not.toContain(basic(login).replace('Basic ', ''));
  }
}
