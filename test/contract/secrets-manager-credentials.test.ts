import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from 'vitest';
import { SecretsManagerCredentials } from '../../src/adapters/secrets-manager/secrets-manager-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  ConfigurationError,
  type ModelRollbackError,
  RegistryUnavailableError,
} from '../../src/domain/errors.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { changeSecret, createSecret, deleteSecret } from '../engines/secrets.ts';
import { type CredentialsPlace, describeCredentials } from './credentials.contract.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const ministack = engine('ministack');
const PASSWORD = 's3cret-p:w"d';
const LOGIN = { username: 'lovelace', password: PASSWORD };
const NAME = 'mlflow/login';
const ARN = 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:mlflow/login-Ab12Cd';
const basic = ({ username, password }: typeof LOGIN): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

describe.skipIf(ministack.isMissing)(ministack.title('MiniStack'), () => {
  describeCredentials('SecretsManagerCredentials', async (): Promise<CredentialsPlace> => {
    const arn = await createSecret(ministack.url, uniqueName('login'), LOGIN);
    return {
      credentials: credentialsAt(ministack.url, arn),
      authorization: basic(LOGIN),
      secrets: [PASSWORD],
      rotate: async () => {
        await changeSecret(ministack.url, arn, { token: 'token-2' });
        return 'Bearer token-2';
      },
      close: async () => undefined,
    };
  });

  describe('SecretsManagerCredentials', () => {
    test('takes a secret by its name too', async () => {
      const name = uniqueName('login');
      await createSecret(ministack.url, name, LOGIN);
      const credentials = credentialsAt(ministack.url, name);
      expect(await credentials.authorization(soon())).toBe(basic(LOGIN));
    });

    const unusable: readonly [string, string | object | Uint8Array, RegExp][] = [
      ['text', PASSWORD, /is not JSON/],
      ['broken JSON', `{"username": "lovelace", "password": "${PASSWORD}`, /is not JSON/],
      ['bytes', Buffer.from(JSON.stringify(LOGIN)), /is not a text/],
      ['a text in JSON', JSON.stringify(PASSWORD), /holds something else/],
      ['null', 'null', /holds something else/],
      ['a list', [LOGIN], /holds something else/],
      ['other fields', { user: 'lovelace', pass: PASSWORD }, /holds something else/],
      ['no password', { username: PASSWORD }, /holds something else/],
      ['an empty password', { username: PASSWORD, password: '' }, /holds something else/],
      ['a password that is no text', { username: PASSWORD, password: 12 }, /holds something else/],
      ['one field more', { ...LOGIN, host: 'mlflow' }, /holds something else/],
      ['both forms', { ...LOGIN, token: 'token-1' }, /holds something else/],
      ['a colon in the name', { ...LOGIN, username: 'a:b' }, /holds something else/],
      ['a line break', { ...LOGIN, password: `${PASSWORD}\n` }, /holds something else/],
      ['a token with a space', { token: `${PASSWORD} ` }, /holds something else/],
    ];
    test.each(unusable)('refuses %s, and shows nothing of it', async (_, content, message) => {
      const arn = await createSecret(ministack.url, uniqueName('login'), content);
      const error = await failureOf(credentialsAt(ministack.url, arn));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(message);
      expectPlain(error);
    });

    test('says that there is no such secret', async () => {
      const error = await failureOf(credentialsAt(ministack.url, ARN));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain(`MLFLOW_TRACKING_SECRET_ARN names (${ARN}) does not exist`);
    });

    test('shows no name: it may be the password', async () => {
      const error = await failureOf(credentialsAt(ministack.url, 'hunter2-hunter2'));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toContain('does not exist');
      expect(everythingIn(error)).not.toContain('hunter2');
    });

    test('says that a secret which is being deleted has no value', async () => {
      const arn = await createSecret(ministack.url, uniqueName('login'), LOGIN);
      await deleteSecret(ministack.url, arn);
      const error = await failureOf(credentialsAt(ministack.url, arn));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(/InvalidRequestException.*current value/);
    });

    test('is asked again after it could not be read', async () => {
      const name = uniqueName('login');
      const credentials = credentialsAt(ministack.url, name);
      await failureOf(credentials);
      await createSecret(ministack.url, name, LOGIN);
      expect(await credentials.authorization(soon())).toBe(basic(LOGIN));
    });
  });
});

describe('SecretsManagerCredentials', () => {
  const refusal = (status: number, type: string, message = 'no'): ProxyAct => ({
    kind: 'answer',
    status,
    body: JSON.stringify({ __type: type, message }),
    contentType: 'application/x-amz-json-1.1',
  });
  const value = (login: object): ProxyAct => ({
    kind: 'answer',
    status: 200,
    body: JSON.stringify({ ARN, Name: NAME, SecretString: JSON.stringify(login) }),
    contentType: 'application/x-amz-json-1.1',
  });
  const with_ = async <T>(
    act: (index: number) => ProxyAct,
    use: (credentials: SecretsManagerCredentials, proxy: HttpProxy) => Promise<T>,
    secretId: string = ARN,
  ): Promise<T> => {
    const proxy = await startHttpProxy(null, ({ index }) => act(index));
    const credentials = credentialsAt(proxy.url, secretId);
    try {
      return await use(credentials, proxy);
    } finally {
      credentials.close();
      await proxy.close();
    }
  };

  test('asks nothing before it is needed, and then once', async () => {
    await with_(
      () => value(LOGIN),
      async (credentials, { requests }) => {
        expect(requests).toHaveLength(0);
        await Promise.all([1, 2, 3].map(() => credentials.authorization(soon())));
        await credentials.authorization(soon());
        expect(requests).toHaveLength(1);
        expect(requests[0]?.headers['x-amz-target']).toBe('secretsmanager.GetSecretValue');
        expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ SecretId: ARN });
      },
    );
  });

  test('is read again once for calls that are refused together, or late', async () => {
    const other = { ...LOGIN, password: 'other' };
    await with_(
      (index) => value(index === 0 ? LOGIN : other),
      async (credentials, { requests }) => {
        const refused = await credentials.authorization(soon());
        const together = [1, 2, 3].map(() => credentials.renew(refused, soon()));
        expect(await Promise.all(together)).toEqual(Array(3).fill(basic(other)));
        expect(await credentials.renew(refused, soon())).toBe(basic(other));
        expect(requests).toHaveLength(2);
      },
    );
  });

  test.each([
    [400, 'AccessDeniedException'],
    [400, 'DecryptionFailure'],
    [400, 'InvalidParameterException'],
    [400, 'UnrecognizedClientException'],
  ])('%i %s is ConfigurationError with the fix', async (status, type) => {
    const act = refusal(status, type, `not allowed on ${ARN}`);
    const error = await with_(() => act, failureOf);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(
      new RegExp(`MLFLOW_TRACKING_SECRET_ARN.*${type}.*GetSecretValue`),
    );
    expectPlain(error);
  });

  test('a refusal that quotes the name does not show it', async () => {
    const act = refusal(400, 'AccessDeniedException', 'not allowed on hunter2-hunter2');
    const error = await with_(() => act, failureOf, 'hunter2-hunter2');
    expect(everythingIn(error)).not.toContain('hunter2');
  });

  test.each([
    [400, 'ThrottlingException'],
    [500, 'InternalServiceError'],
    [503, 'ServiceUnavailable'],
  ])('%i %s is RegistryUnavailableError after the tries of the SDK', async (status, type) => {
    await with_(
      () => refusal(status, type),
      async (credentials, { requests }) => {
        const error = await failureOf(credentials);
        expect(error).toBeInstanceOf(RegistryUnavailableError);
        expect(error.message).toMatch(/MLFLOW_TRACKING_SECRET_ARN.*Try again\.$/);
        expectPlain(error);
        expect(requests.length).toBeGreaterThan(1);
        expect(requests.length).toBeLessThan(5);
      },
    );
  });

  test.each<ProxyAct>([{ kind: 'hang' }, { kind: 'drip', everyMs: 20 }])(
    'ends within its deadline when the answer is a $kind',
    async (act) => {
      const startMs = performance.now();
      await with_(
        () => act,
        async (credentials) => {
          const read = credentials.authorization(deadlineAfter(systemClock, 300));
          await expect(read).rejects.toBeInstanceOf(RegistryUnavailableError);
        },
      );
      expect(performance.now() - startMs).toBeLessThan(2_000);
    },
  );

  test('gives a call that joins a reading its own time, when that is longer', async () => {
    await with_(
      (index) => (index === 0 ? { kind: 'hang' } : value(LOGIN)),
      async (credentials, { requests }) => {
        const short = credentials.authorization(deadlineAfter(systemClock, 200));
        const long = credentials.authorization(soon());
        await expect(short).rejects.toBeInstanceOf(RegistryUnavailableError);
        expect(await long).toBe(basic(LOGIN));
        expect(requests).toHaveLength(2);
      },
    );
  });

  test('gives a call that joins a reading its own time, when that is shorter', async () => {
    await with_(
      () => ({ kind: 'hang' }),
      async (credentials) => {
        let isLongOver = false;
        const long = credentials.authorization(soon());
        long.catch(() => {
          isLongOver = true;
        });
        const short = credentials.authorization(deadlineAfter(systemClock, 200));
        await expect(short).rejects.toBeInstanceOf(RegistryUnavailableError);
        expect(isLongOver).toBe(false);
      },
    );
  });

  test('asks nothing when no time is left', async () => {
    await with_(
      () => value(LOGIN),
      async (credentials, { requests }) => {
        const read = credentials.authorization({ leftMs: () => 0 });
        await expect(read).rejects.toBeInstanceOf(RegistryUnavailableError);
        expect(requests).toHaveLength(0);
      },
    );
  });

  test('keeps the login when it cannot be read again', async () => {
    await with_(
      (index) => (index === 0 ? value(LOGIN) : refusal(400, 'AccessDeniedException')),
      async (credentials) => {
        const login = await credentials.authorization(soon());
        const renewal = credentials.renew(login, soon());
        await expect(renewal).rejects.toBeInstanceOf(ConfigurationError);
        expect(await credentials.authorization(soon())).toBe(login);
      },
    );
  });
});

// ---------------------------------------------------------------------------------------------------

function credentialsAt(url: string, secretId: string): SecretsManagerCredentials {
  return new SecretsManagerCredentials(new SecretsManagerClient(localClientConfig(url)), secretId);
}

async function failureOf(credentials: SecretsManagerCredentials): Promise<ModelRollbackError> {
  const outcome: unknown = await credentials.authorization(soon()).catch((error) => error);
  if (outcome instanceof Error) return outcome as ModelRollbackError;
  throw new Error('no error');
}

/** The message, and all that a careless logger would show of it. */
function everythingIn(error: Error): string {
  const parts = [error.message, error.stack, JSON.stringify(error)];
  if (error.cause instanceof Error) parts.push(everythingIn(error.cause));
  return parts.join('\n');
}

/** One line, of a bounded length, without the login. */
function expectPlain(error: Error): void {
  const all = everythingIn(error);
  expect(all).not.toContain(PASSWORD);
  expect(all).not.toContain(PASSWORD.slice(0, 6));
  expect(all).not.toContain('lovelace');
  expect(error.message).not.toMatch(/\p{Cc}/u);
  expect(error.message.length).toBeLessThan(1_000);
}
