import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandConfig, commandRegistry } from '../../../src/config/command-config.ts';
import type { Env } from '../../../src/config/config-from-env.ts';
import { lenientConfig } from '../../../src/config/lenient-config.ts';
import { registryFromEnv } from '../../../src/config/registry-settings.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

const HOST = 'https://dbc-a1b2345c-d6e7.cloud.databricks.com';
const uc: Env = { MLFLOW_TRACKING_URI: 'databricks-uc', DATABRICKS_HOST: HOST };
const withToken: Env = { ...uc, DATABRICKS_TOKEN: 'dapi-1' };

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'model-rollback-databricks-'));
  const text = [
    '[DEFAULT]',
    `host = ${HOST}`,
    'token = dapi-default',
    '[prod]',
    'host=prod.cloud.databricks.com',
    'client_id = id-1',
    'client_secret = secret-1',
    '[half]',
    `host = ${HOST}`,
  ];
  writeFileSync(join(home, '.databrickscfg'), text.join('\n'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function refused(env: Env, read: (env: Env) => unknown = commandRegistry): string {
  try {
    read(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('accepted');
}

describe('commandRegistry for Databricks', () => {
  test.each([
    ['databricks-uc', 'unity-catalog'],
    ['databricks', 'mlflow'],
  ])('knows that %s is %s, at the host, with the token', (uri, kind) => {
    expect(commandRegistry({ ...withToken, MLFLOW_TRACKING_URI: uri })).toMatchObject({
      kind,
      baseUrl: new URL(HOST),
      address: HOST,
      auth: { kind: 'login', authorization: 'Bearer dapi-1', source: 'DATABRICKS_TOKEN' },
      warnings: [],
    });
  });

  test('takes the registry of its own variable first', () => {
    const env = {
      ...withToken,
      MLFLOW_TRACKING_URI: 'http://x',
      MLFLOW_REGISTRY_URI: 'databricks-uc',
    };
    expect(commandRegistry(env).kind).toBe('unity-catalog');
  });

  test('takes a service principal', () => {
    const env = { ...uc, DATABRICKS_CLIENT_ID: 'id-1', DATABRICKS_CLIENT_SECRET: 'secret-1' };
    expect(commandRegistry(env).auth).toEqual({
      kind: 'oauth',
      clientId: 'id-1',
      clientSecret: 'secret-1',
      source: 'DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET',
    });
  });

  test('takes a token from a secret', () => {
    const env = { ...uc, MLFLOW_TRACKING_SECRET_ARN: 'databricks' };
    expect(commandRegistry(env).auth).toEqual({ kind: 'secret', secretId: 'databricks' });
  });

  test('takes a host without https', () => {
    const env = { ...withToken, DATABRICKS_HOST: 'adb-1.2.azuredatabricks.net' };
    expect(commandRegistry(env).baseUrl.href).toBe('https://adb-1.2.azuredatabricks.net/');
  });

  test.each<[string, Env, RegExp]>([
    ['no host', { ...withToken, DATABRICKS_HOST: '' }, /DATABRICKS_HOST is not set\. Set it to/],
    [
      'a host with a path',
      { ...withToken, DATABRICKS_HOST: `${HOST}/x` },
      /address of the workspace alone/,
    ],
    ['a host with a login', { ...withToken, DATABRICKS_HOST: 'https://a:b@c' }, /workspace alone/],
    ['no login', uc, /no login to Databricks.*Set DATABRICKS_TOKEN, or/],
    [
      'half a login',
      { ...uc, DATABRICKS_CLIENT_ID: 'x' },
      /DATABRICKS_CLIENT_SECRET is not set.*Set both/,
    ],
    [
      'two logins',
      { ...withToken, DATABRICKS_CLIENT_ID: 'x' },
      /more than one login.*Remove all but one/,
    ],
    ['a secret too', { ...withToken, MLFLOW_TRACKING_SECRET_ARN: 's' }, /more than one login/],
    ['a token with a space', { ...uc, DATABRICKS_TOKEN: 'a b' }, /Set it again/],
    [
      'another form',
      { ...withToken, MLFLOW_TRACKING_URI: 'databricks:prod' },
      /must be `databricks`/,
    ],
  ])('refuses %s, with the fix', (_, env, text) => {
    const message = refused(env);
    expect(message).toMatch(text);
    expect(message).not.toMatch(/dapi-1|a:b/);
  });

  test('reads a profile of a person, and the profile DEFAULT where no variable is set', () => {
    const prod = { HOME: home, MLFLOW_TRACKING_URI: 'databricks-uc://prod' };
    expect(commandRegistry(prod)).toMatchObject({
      baseUrl: new URL('https://prod.cloud.databricks.com'),
      auth: {
        kind: 'oauth',
        clientId: 'id-1',
        source: expect.stringContaining('the profile prod'),
      },
    });
    const none = { HOME: home, MLFLOW_TRACKING_URI: 'databricks-uc' };
    expect(commandRegistry(none).auth).toMatchObject({
      authorization: 'Bearer dapi-default',
    });
    expect(refused({ ...prod, MLFLOW_TRACKING_URI: 'databricks-uc://half' })).toMatch(
      /no login to Databricks in the profile half of .*Set token/,
    );
    expect(refused({ ...prod, MLFLOW_TRACKING_URI: 'databricks-uc://no' })).toMatch(
      /has no profile "no"\. Add it with/,
    );
  });

  test.each(['databricks-uc', 'databricks', 'databricks-uc://prod'])(
    'the function refuses %s, and says what to use',
    (uri) => {
      const message = refused({ ...withToken, MLFLOW_TRACKING_URI: uri }, registryFromEnv);
      expect(message).toMatch(
        /the function does not contain what Databricks needs\. Use the command/,
      );
    },
  );

  test('warns of a login of MLflow that has no effect', () => {
    const { warnings } = commandRegistry({ ...withToken, MLFLOW_TRACKING_USERNAME: 'ada' });
    expect(warnings).toMatchObject([
      {
        code: 'SETTING_WITHOUT_EFFECT',
        message: expect.stringContaining('MLFLOW_TRACKING_USERNAME'),
      },
    ]);
  });
});

describe('commandConfig for Unity Catalog', () => {
  const whole = { ...withToken, ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:t' };

  test('wants an alias as the pointer', () => {
    const config = commandConfig({ ...whole, ROLLBACK_POINTER: 'alias:champion' });
    expect(config.registry.kind).toBe('unity-catalog');
  });

  test.each([
    [{}, /ROLLBACK_POINTER is not set\. Set it to the alias/],
    [{ ROLLBACK_POINTER: 'stage:Production' }, /ROLLBACK_POINTER names the stage Production/],
    [
      { ROLLBACK_POINTER: 'alias:a', ROLLBACK_MODEL_POINTERS: '{"m*":"stage:Production"}' },
      /ROLLBACK_MODEL_POINTERS names the stage/,
    ],
  ])('refuses a stage: %j', (pointers, text) => {
    const read = (): unknown => commandConfig({ ...whole, ...pointers });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(text);
    expect(lenientConfig({ ...whole, ...pointers })).toMatchObject({
      pointersError: expect.any(ConfigurationError),
      registryError: null,
    });
  });

  test('leaves the registry of a workspace its stages', () => {
    const env = { ...whole, MLFLOW_TRACKING_URI: 'databricks' };
    expect(commandConfig(env).pointers.default).toMatchObject({ kind: 'stage' });
  });
});
