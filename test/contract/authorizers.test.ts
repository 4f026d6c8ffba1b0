/** All ways to show the registry who we are: what each sends, and that nobody sees its secrets. */
import { inspect } from 'node:util';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient, type SNSClientConfig } from '@aws-sdk/client-sns';
import { afterEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../src/adapters/mlflow/mlflow-model-registry.ts';
import { OAuthCredentials } from '../../src/adapters/mlflow/oauth-credentials.ts';
import { SecretsManagerCredentials } from '../../src/adapters/secrets-manager/secrets-manager-credentials.ts';
import { assumeRole } from '../../src/adapters/sigv4/assume-role.ts';
import { SigV4Authorizer, type SigV4Options } from '../../src/adapters/sigv4/sigv4-authorizer.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import {
  ConfigurationError,
  RegistryRefusedError,
  RegistryUnavailableError,
} from '../../src/domain/errors.ts';
import type { Authorizer } from '../../src/ports/authorizer.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine } from '../engines/engines.ts';
import { UnityCatalog } from '../fakes/unity-catalog.ts';
import { type ProxiedRequest, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const ministack = engine('ministack');
const ROLE = 'arn:aws:iam::123456789012:role/mlflow-reader';
const ARN = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn';
const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:login-Ab12Cd';
const own = {
  accessKeyId: 'AKIDOWN',
  secretAccessKey: 'own-secret-key-1',
  sessionToken: 'own-token-1==',
};
const options: SigV4Options = {
  service: 'sagemaker-mlflow',
  region: 'eu-west-1',
  routing: { header: 'x-mlflow-sm-tracking-server-arn', value: ARN },
  roleArn: null,
};

const open: { close(): unknown }[] = [];
afterEach(async () => {
  delete process.env['AWS_ENDPOINT_URL_STS'];
  for (const one of open.splice(0)) await one.close();
});

interface Way {
  readonly name: string;
  /** What nobody may see. */
  readonly secrets: readonly string[];
  make(): Promise<Authorizer>;
}

const basicText = Buffer.from('ada:pass-word "1"').toString('base64');
const ways: readonly Way[] = [
  { name: 'none', secrets: [], make: async () => new LoginAuthorizer(new StaticCredentials(null)) },
  {
    name: 'basic',
    secrets: ['pass-word "1"', 'pass-word \\"1\\"', 'pass-word%20%221%22', basicText],
    make: async () => new LoginAuthorizer(new StaticCredentials(`Basic ${basicText}`)),
  },
  {
    name: 'bearer',
    secrets: ['bearer-token-1'],
    make: async () => new LoginAuthorizer(new StaticCredentials('Bearer bearer-token-1')),
  },
  {
    name: 'secret',
    secrets: ['token-in-secret'],
    make: async () => {
      const SecretString = JSON.stringify({ token: 'token-in-secret' });
      const vault = await serve(() => JSON.stringify({ ARN: SECRET_ARN, SecretString }));
      const client = new SecretsManagerClient(localClientConfig(vault.url));
      return new LoginAuthorizer(new SecretsManagerCredentials(client, SECRET_ARN));
    },
  },
  {
    name: 'oauth',
    secrets: ['client-secret "1"', 'client-secret%20%221%22', 'oauth-token-1', 'oauth-token-2'],
    make: async () => {
      const workspace = new UnityCatalog();
      const { url } = await serveActs((request) => workspace.answer(request));
      return new LoginAuthorizer(oauthAt(url, workspace));
    },
  },
  {
    name: 'signed',
    secrets: [own.secretAccessKey, own.sessionToken],
    make: async () => signed(own),
  },
  {
    name: 'signed by a role',
    secrets: [own.secretAccessKey, own.sessionToken, 'role-secret-key-1', 'role-token-1=='],
    make: async () => ofRole((await serve(() => roleAnswer())).url),
  },
];

describe.each(ways)('the authorizer: $name', ({ make, secrets }) => {
  /** Repeats everything that was sent, as a proxy in debug mode does. */
  const echo = ({ headers }: ProxiedRequest): string => {
    const { authorization = '' } = headers;
    const plain = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('utf8');
    const password = plain.slice(plain.indexOf(':') + 1);
    const signature = authorization.replace(/^.*Signature=/, '');
    return [
      headers['x-amz-security-token'],
      authorization,
      ...(authorization.startsWith('Basic') ? [plain, JSON.stringify(plain)] : []),
      ...(authorization.startsWith('Basic') ? [encodeURIComponent(password)] : [signature]),
    ].join(' ');
  };

  test.each([400, 401, 403, 404, 500])(
    'shows no secret that comes back with %i',
    async (status) => {
      const sent: ProxiedRequest[] = [];
      const gate = await serveActs((request) => {
        sent.push(request);
        return { kind: 'answer', status, body: echo(request), contentType: 'text/plain' };
      });
      const authorizer = await make();
      const registry = registryAt(gate.url, authorizer);
      const errors = [
        await failureOf(registry.read('m', [], soon())),
        await failureOf(registry.annotate('m', '1', { key: 'k', value: 'v' }, soon())),
      ];
      const answer = await registry.movePointer('m', '1', soon());
      if (answer.kind !== 'moved') errors.push(answer.error);
      const shown = [...errors.map((error) => inspect(error, { depth: 9 })), inspect(authorizer)];
      const signatures = sent.map(({ headers }) => signatureOf(headers.authorization));
      for (const text of shown) {
        for (const secret of [...secrets, ...signatures]) {
          if (secret !== '') expect(text).not.toContain(secret);
        }
      }
      expect(authorizer.source).toMatch(/MLFLOW_|AWS credentials|DATABRICKS_/);
      for (const secret of secrets) expect(authorizer.source).not.toContain(secret);
    },
  );

  test('shows no secret when nobody answers', async () => {
    const gate = await serveActs(() => ({ kind: 'reset' }));
    const error = await failureOf(registryAt(gate.url, await make()).read('m', [], soon()));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    for (const secret of secrets) expect(inspect(error, { depth: 9 })).not.toContain(secret);
  });
});

describe('SigV4Authorizer', () => {
  test('takes new credentials when the old ones are about to expire, and not before', async () => {
    let given = 0;
    const credentials = async () => {
      given += 1;
      const leftMs = given === 1 ? 60_000 : 3_600_000;
      return { ...own, accessKeyId: `AKID${given}`, expiration: new Date(Date.now() + leftMs) };
    };
    const authorizer = signed(credentials);
    const gate = await serveActs(() => ({ kind: 'answer', status: 404, body: '' }));
    const registry = registryAt(gate.url, authorizer);
    for (let count = 0; count < 4; count += 1) {
      await registry.read('m', [], soon()).catch(() => undefined);
    }
    expect(given).toBe(2);
    expect(gate.requests.at(-1)?.headers.authorization).toContain('Credential=AKID2/');
  });

  test.each([
    ['CredentialsProviderError', 'Could not load credentials from any providers'],
    ['CredentialsProviderError', 'The SSO session associated with this profile has expired.'],
    ['Error', 'Profile nobody could not be found'],
  ])('says that there are no credentials: %s: %s', async (name, message) => {
    const gate = await serveActs(() => ({ kind: 'answer', status: 200, body: '{}' }));
    const authorizer = signed(async () => {
      throw Object.assign(new Error(message), { name });
    });
    const registry = registryAt(gate.url, authorizer);
    const error = await failureOf(registry.read('m', [], soon()));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/Nothing was sent\. Set AWS_PROFILE, or .*aws sso login/);
    const move = await registry.movePointer('m', '1', soon());
    expect(move).toMatchObject({ kind: 'refused', error: expect.any(ConfigurationError) });
    expect(gate.requests).toHaveLength(0);
  });

  test('does not wait for credentials longer than there is time', async () => {
    const authorizer = signed(() => new Promise(() => undefined));
    const gate = await serveActs(() => ({ kind: 'answer', status: 200, body: '{}' }));
    const within = deadlineAfter(systemClock, 50);
    const error = await failureOf(registryAt(gate.url, authorizer).read('m', [], within));
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(gate.requests).toHaveLength(0);
  });

  test('says that there is no region', async () => {
    const sns = new SNSClient({
      credentials: own,
      region: async () => {
        throw new Error('Region is missing');
      },
    });
    const authorizer = new SigV4Authorizer(
      sns,
      { ...options, region: null, service: 'execute-api' },
      systemClock,
    );
    const error = await failureOf(
      registryAt('http://127.0.0.1:1', authorizer).read('m', [], soon()),
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('Set AWS_REGION');
  });
});

describe('MLflowModelRegistry whose requests AWS refuses', () => {
  const gatewayOptions: SigV4Options = { ...options, service: 'execute-api', routing: null };
  const appOptions: SigV4Options = { ...options, service: 'sagemaker' };
  const late =
    'Signature expired: 20261128T120000Z is now earlier than 20261128T123000Z (20261128T123500Z - 5 min.)';
  test.each([
    [
      400,
      `{"__type":"InvalidSignatureException","message":"${late}"}`,
      /clock of this machine.*Set the clock/,
    ],
    [
      403,
      '{"message":"Signature not yet current: 20261128T130000Z is still later"}',
      /Set the clock/,
    ],
    [
      403,
      '{"message":"The security token included in the request is expired"}',
      /have expired\. Sign in again/,
    ],
    [400, '{"__type":"ExpiredTokenException","message":"x"}', /have expired/],
    [
      403,
      '{"message":"The security token included in the request is invalid."}',
      /does not know these credentials/,
    ],
    [403, '{"message":"Credential should be scoped to a valid region."}', /Set AWS_REGION/],
    [
      403,
      '{"message":"The request signature we calculated does not match the signature you provided."}',
      /AWS_SECRET_ACCESS_KEY.*proxy/,
    ],
    [
      403,
      '{"Message":"User: arn:aws:sts::1:assumed-role/r is not authorized"}',
      /needs sagemaker-mlflow:\w+ on it/,
    ],
  ])('explains %i %s', async (status, body, fix) => {
    const gate = await serveActs(() => ({ kind: 'answer', status, body }));
    const registry = registryAt(gate.url, signed(own));
    const error = await failureOf(registry.read('m', [], soon()));
    expect(error).toBeInstanceOf(RegistryRefusedError);
    expect(error.message).toMatch(fix);
    const move = await registry.movePointer('m', '1', soon());
    expect(move).toMatchObject({ kind: 'refused', error: expect.any(RegistryRefusedError) });
  });

  test.each([
    [options, 'sagemaker-mlflow:TransitionModelVersionStage'],
    [appOptions, 'sagemaker:CallMlflowAppApi and sagemaker-mlflow:TransitionModelVersionStage'],
    [gatewayOptions, 'execute-api:Invoke'],
  ])('names the action that a move needs', async (signing, action) => {
    const gate = await serveActs(() => ({ kind: 'answer', status: 403, body: '{"message":"no"}' }));
    const registry = registryAt(gate.url, signed(own, signing));
    const move = await registry.movePointer('m', '1', soon());
    if (move.kind !== 'refused') throw new Error(move.kind);
    expect(move.error.message).toContain(`needs ${action} on it.`);
  });

  test("leaves MLflow's own refusal behind a gateway as it is", async () => {
    const body = '{"error_code":"PERMISSION_DENIED","message":"Permission denied"}';
    const gate = await serveActs(() => ({ kind: 'answer', status: 403, body }));
    const move = await registryAt(gate.url, signed(own, gatewayOptions)).movePointer(
      'm',
      '1',
      soon(),
    );
    if (move.kind !== 'refused') throw new Error(move.kind);
    expect(move.error.message).toContain('needs the permission EDIT');
  });
});

describe('assumeRole', () => {
  test('asks STS once, signed by its own credentials, and signs with those of the role', async () => {
    const sts = await serve(() => roleAnswer());
    const gate = await serveActs(() => ({ kind: 'answer', status: 404, body: '' }));
    const registry = registryAt(gate.url, ofRole(sts.url));
    await Promise.all([1, 2, 3].map(() => registry.read('m', [], soon()).catch(() => undefined)));
    expect(sts.requests).toHaveLength(1);
    const [asked] = sts.requests;
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: ROLE,
      RoleSessionName: 'model-rollback',
    });
    expect(asked?.headers.authorization).toMatch(/Credential=AKIDOWN\/\d{8}\/eu-west-1\/sts\//);
    for (const { headers } of gate.requests) {
      expect(headers.authorization).toContain('Credential=AKIDROLE/');
      expect(headers['x-amz-security-token']).toBe('role-token-1==');
    }
  });

  const denied =
    '<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not authorized</Message></Error></ErrorResponse>';
  const slow =
    '<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>';
  const acts: readonly [string, ProxyAct, new (...args: never[]) => Error, RegExp][] = [
    [
      'denied',
      { kind: 'answer', status: 403, body: denied },
      ConfigurationError,
      /AccessDenied: User is not.*trust policy/,
    ],
    [
      'throttled',
      { kind: 'answer', status: 400, body: slow },
      RegistryUnavailableError,
      /Throttling.*Try again/,
    ],
    ['broken', { kind: 'answer', status: 503, body: '' }, RegistryUnavailableError, /503/],
    [
      'strange',
      { kind: 'answer', status: 200, body: '<html/>' },
      RegistryUnavailableError,
      /something else/,
    ],
    ['gone', { kind: 'reset' }, RegistryUnavailableError, /could not be assumed/],
  ];
  test.each(acts)('names the role when STS is %s', async (_, act, kind, text) => {
    const sts = await serveActs(() => act);
    const gate = await serveActs(() => ({ kind: 'answer', status: 200, body: '{}' }));
    const error = await failureOf(registryAt(gate.url, ofRole(sts.url)).read('m', [], soon()));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toContain(ROLE);
    expect(error.message).toMatch(text);
    expect(gate.requests).toHaveLength(0);
  });

  test.skipIf(ministack.isMissing)(ministack.title('takes what MiniStack answers'), async () => {
    process.env['AWS_ENDPOINT_URL_STS'] = ministack.url;
    const client = new SNSClient(localClientConfig(ministack.url));
    try {
      const found = await assumeRole(client, ROLE);
      expect(found.accessKeyId).toMatch(/^\w{16,}$/);
      expect(found.secretAccessKey.length).toBeGreaterThan(20);
      expect(found.expiration.getTime()).toBeGreaterThan(Date.now());
    } finally {
      client.destroy();
    }
  });
});

// ---------------------------------------------------------------------------------------------------

function signed(
  credentials: NonNullable<SNSClientConfig['credentials']>,
  signing: SigV4Options = options,
): SigV4Authorizer {
  return new SigV4Authorizer(
    new SNSClient({ region: 'eu-west-1', credentials }),
    signing,
    systemClock,
  );
}

function oauthAt(url: string, { client }: UnityCatalog): OAuthCredentials {
  const source = 'DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET';
  const login = { clientId: client.id, clientSecret: client.secret, source };
  return new OAuthCredentials({ baseUrl: new URL(url), ...login }, systemClock);
}

/** As the composition makes it. */
function ofRole(stsUrl: string): SigV4Authorizer {
  process.env['AWS_ENDPOINT_URL_STS'] = stsUrl;
  const client = new SNSClient({ region: 'eu-west-1', credentials: own });
  return signed(() => assumeRole(client, ROLE), { ...options, roleArn: ROLE });
}

function roleAnswer(): string {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
    <AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>role-secret-key-1</SecretAccessKey>
    <SessionToken>role-token-1==</SessionToken><Expiration>${until}</Expiration>
  </Credentials></AssumeRoleResult></AssumeRoleResponse>`;
}

async function serveActs(act: (request: ProxiedRequest) => ProxyAct) {
  const proxy = await startHttpProxy(null, act);
  open.push(proxy);
  return proxy;
}

async function serve(body: () => string) {
  return await serveActs(() => ({ kind: 'answer', status: 200, body: body() }));
}

function registryAt(url: string, authorizer: Authorizer): MLflowModelRegistry {
  const clock = { ...systemClock, sleep: async () => undefined };
  const client = new MLflowClient({ baseUrl: new URL(url), authorizer, workspace: null, clock });
  const registry = new MLflowModelRegistry(client, clock, systemIdentity, url);
  open.push(registry, authorizer);
  return registry;
}

function signatureOf(authorization = ''): string {
  return /Signature=(\w+)/.exec(authorization)?.[1] ?? '';
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
