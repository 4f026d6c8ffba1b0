import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { configFromEnv, type Env } from '../../../src/config/config-from-env.ts';
import { registryFromEnv } from '../../../src/config/registry-settings.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

const SERVER = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn-1';
const APP = 'arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:mlflow-app/app-1A';
const ROLE = 'arn:aws:iam::123456789012:role/path/mlflow';

function refused(env: Env): string {
  try {
    registryFromEnv(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('accepted');
}

const warned = (env: Env): readonly string[] =>
  configFromEnv(env, 'command').warnings.map(({ code, message }) => `${code} ${message}`);

describe('registryFromEnv with an ARN', () => {
  test('knows where a tracking server is, and how its requests are signed', () => {
    expect(registryFromEnv({ MLFLOW_TRACKING_URI: SERVER })).toMatchObject({
      baseUrl: new URL('https://eu-west-1.experiments.sagemaker.aws'),
      address: SERVER,
      auth: {
        kind: 'signed',
        service: 'sagemaker-mlflow',
        region: 'eu-west-1',
        routing: { header: 'x-mlflow-sm-tracking-server-arn', value: SERVER },
        roleArn: null,
      },
      workspace: null,
      warnings: [],
    });
  });

  test('knows that an App has another host, service and header', () => {
    const { baseUrl, auth } = registryFromEnv({ MLFLOW_TRACKING_URI: APP });
    expect(baseUrl.href).toBe('https://mlflow.sagemaker.us-gov-west-1.app.aws/');
    expect(auth).toMatchObject({
      service: 'sagemaker',
      region: 'us-gov-west-1',
      routing: { header: 'x-sm-mlflow-app-arn', value: APP },
    });
  });

  test('takes the region from the ARN, whatever region is set', () => {
    const { auth } = registryFromEnv({ MLFLOW_TRACKING_URI: SERVER, AWS_REGION: 'us-east-1' });
    expect(auth).toMatchObject({ region: 'eu-west-1' });
  });

  test('takes a role, and an endpoint of its own', () => {
    const { auth, baseUrl, address } = registryFromEnv({
      MLFLOW_REGISTRY_URI: SERVER,
      SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN: ROLE,
      SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: 'http://127.0.0.1:5000',
    });
    expect([baseUrl.origin, address]).toEqual(['http://127.0.0.1:5000', SERVER]);
    expect(auth).toMatchObject({ roleArn: ROLE });
  });

  test.each([
    ['arn:aws:s3:::bucket', 'mlflow-tracking-server/NAME'],
    ['arn:aws:sagemaker:eu-west-1:123456789012:endpoint/churn', 'mlflow-tracking-server/NAME'],
    ['arn:aws:sagemaker:eu-west-1:1234:mlflow-app/app-1', 'mlflow-tracking-server/NAME'],
    ['arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app', 'mlflow-tracking-server/NAME'],
    ['arn:aws:sagemaker::123456789012:mlflow-app/a', 'mlflow-tracking-server/NAME'],
    ['arn:aws:sagemaker:evil.example.com/:123456789012:mlflow-app/a', 'mlflow-tracking-server/'],
    ['ARN:aws:sagemaker:eu-west-1:123456789012:mlflow-app/a', 'mlflow-tracking-server/NAME'],
    [
      'arn:aws-cn:sagemaker:cn-north-1:123456789012:mlflow-app/app-1',
      'there is no managed MLflow in the partition aws-cn',
    ],
    [
      'arn:aws:sagemaker:us-gov-west-1:123456789012:mlflow-app/app-1',
      'us-gov-west-1 is not in aws',
    ],
    ['arn:aws-us-gov:sagemaker:eu-west-1:123456789012:mlflow-app/a', 'is not in aws-us-gov'],
    ['arn:aws:sagemaker:cn-north-1:123456789012:mlflow-app/a', 'cn-north-1 is not in aws'],
  ])('refuses %s', (arn, fix) => {
    const message = refused({ MLFLOW_TRACKING_URI: arn });
    expect(message).toContain('MLFLOW_TRACKING_URI is "');
    expect(message).toContain(fix);
  });

  test.each([
    ['mlflow-reader', 'arn:aws:iam::ACCOUNT:role/NAME'],
    ['arn:aws:iam::123456789012:user/me', 'arn:aws:iam::ACCOUNT:role/NAME'],
    ['arn:aws-us-gov:iam::123456789012:role/me', 'in the same partition'],
  ])('refuses %s as the role', (role, fix) => {
    const env = { MLFLOW_TRACKING_URI: SERVER, SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN: role };
    expect(refused(env)).toContain('SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN is "');
    expect(refused(env)).toContain(fix);
  });

  test.each(['mlflow', 'ftp://a', 'https://me:hunter2@a', 'https://a?b'])(
    'refuses %s as the endpoint, and shows no login',
    (endpoint) => {
      const env = { MLFLOW_TRACKING_URI: SERVER, SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: endpoint };
      expect(refused(env)).toContain('SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT is "');
      expect(refused(env)).not.toContain('hunter2');
    },
  );

  test('refuses a secret beside signatures', () => {
    const env = { MLFLOW_TRACKING_URI: SERVER, MLFLOW_TRACKING_SECRET_ARN: 'mlflow/login' };
    expect(refused(env)).toContain('Unset MLFLOW_TRACKING_SECRET_ARN');
  });

  test('warns of each variable that has no effect', () => {
    const env = {
      MLFLOW_TRACKING_URI: SERVER,
      MLFLOW_TRACKING_USERNAME: 'hunter1',
      MLFLOW_TRACKING_TOKEN: 'hunter2',
    };
    const why = 'is set, and has no effect: requests are signed with AWS credentials.';
    expect(warned(env)).toEqual([
      `SETTING_WITHOUT_EFFECT MLFLOW_TRACKING_USERNAME ${why}`,
      `SETTING_WITHOUT_EFFECT MLFLOW_TRACKING_TOKEN ${why}`,
    ]);
  });
});

describe('registryFromEnv with MLFLOW_TRACKING_AWS_SIGV4', () => {
  const signedAt = (uri: string, flag = 'true') =>
    registryFromEnv({ MLFLOW_TRACKING_URI: uri, MLFLOW_TRACKING_AWS_SIGV4: flag }).auth;

  test.each([
    ['https://a1b2.execute-api.eu-west-1.amazonaws.com/prod', 'eu-west-1'],
    ['https://a1b2.execute-api.cn-north-1.amazonaws.com.cn/prod', 'cn-north-1'],
    ['https://a1-vpce-1.execute-api.us-east-2.amazonaws.com/prod', 'us-east-2'],
    ['https://vpce-1.execute-api.us-east-2.vpce.amazonaws.com/prod', 'us-east-2'],
    ['https://mlflow.example.com', null],
    ['https://execute-api.eu-west-1.amazonaws.com.example.com', null],
  ])('signs for the API Gateway at %s in %s', (uri, region) => {
    const signing = { service: 'execute-api', region, routing: null, roleArn: null };
    expect(signedAt(uri)).toEqual({ kind: 'signed', ...signing });
  });

  test.each(['false', '0', ''])('signs nothing when it is %j', (flag) => {
    expect(signedAt('https://mlflow', flag)).toEqual({ kind: 'login', authorization: null });
  });

  test.each([
    [{ MLFLOW_TRACKING_AWS_SIGV4: 'yes' }, 'MLFLOW_TRACKING_AWS_SIGV4 is "yes"; it must be `true`'],
    [{ MLFLOW_TRACKING_URI: 'https://me:hunter2@mlflow' }, 'remove the login from the address'],
    [{ MLFLOW_TRACKING_SECRET_ARN: 'a' }, 'Unset MLFLOW_TRACKING_SECRET_ARN'],
  ])('refuses %j', (env, fix) => {
    const base = { MLFLOW_TRACKING_URI: 'https://mlflow', MLFLOW_TRACKING_AWS_SIGV4: '1' };
    expect(refused({ ...base, ...env })).toContain(fix);
    expect(refused({ ...base, ...env })).not.toContain('hunter2');
  });

  test('warns of what only SageMaker knows, and of plugins', () => {
    const env = {
      MLFLOW_TRACKING_URI: 'https://mlflow',
      SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN: ROLE,
      SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: 'https://a',
      MLFLOW_TRACKING_AUTH: 'arn',
    };
    expect(warned(env).map((text) => text.split(' ')[1])).toEqual([
      'SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN',
      'SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT',
      'MLFLOW_TRACKING_AUTH',
    ]);
  });
});

describe('registryFromEnv with ~/.mlflow/credentials', () => {
  const home = mkdtempSync(join(tmpdir(), 'model-rollback-home-'));
  const empty = mkdtempSync(join(tmpdir(), 'model-rollback-home-'));
  const broken = mkdtempSync(join(tmpdir(), 'model-rollback-home-'));
  const path = join(home, '.mlflow', 'credentials');
  mkdirSync(join(home, '.mlflow'));
  writeFileSync(
    path,
    '[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = stored\n',
  );
  mkdirSync(join(broken, '.mlflow', 'credentials'), { recursive: true });
  afterAll(() => {
    for (const folder of [home, empty, broken]) rmSync(folder, { recursive: true });
  });
  const auth = (env: Env = {}, surface: 'lambda' | 'command' = 'command') =>
    registryFromEnv({ MLFLOW_TRACKING_URI: 'http://mlflow', HOME: home, ...env }, surface).auth;
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  test('takes what is nowhere else, and says where it is', () => {
    expect(auth()).toEqual({ kind: 'login', authorization: basic('ada:stored'), source: path });
    expect(auth({ MLFLOW_TRACKING_USERNAME: 'me' })).toMatchObject({
      authorization: basic('me:stored'),
    });
    const whole = { MLFLOW_TRACKING_USERNAME: 'me', MLFLOW_TRACKING_PASSWORD: 'p' };
    expect(auth(whole)).toEqual({ kind: 'login', authorization: basic('me:p') });
    expect(auth({ MLFLOW_TRACKING_URI: 'http://me:p@mlflow' })).toMatchObject({
      authorization: basic('me:p'),
    });
    // A whole login comes before a token, as in MLflow.
    expect(auth({ MLFLOW_TRACKING_TOKEN: 't' })).toMatchObject({
      authorization: basic('ada:stored'),
    });
  });

  test('is not for a function, nor beside a secret or signatures', () => {
    expect(auth({}, 'lambda')).toEqual({ kind: 'login', authorization: null });
    expect(auth({ MLFLOW_TRACKING_SECRET_ARN: 'a' })).toEqual({ kind: 'secret', secretId: 'a' });
    expect(auth({ MLFLOW_TRACKING_URI: SERVER })).toMatchObject({ kind: 'signed' });
    expect(auth({ HOME: empty })).toEqual({ kind: 'login', authorization: null });
    expect(auth({ HOME: '' })).toEqual({ kind: 'login', authorization: null });
  });

  test('is named when it cannot be read, or lacks a part', () => {
    expect(() => auth({ HOME: broken })).toThrow(/credentials, where MLflow.*\(EISDIR\)/);
    writeFileSync(join(empty, '.mlflow'), 'a file');
    expect(auth({ HOME: empty })).toEqual({ kind: 'login', authorization: null });
    writeFileSync(path, '[mlflow]\nmlflow_tracking_username = ada\n');
    expect(() => auth()).toThrow(`MLFLOW_TRACKING_PASSWORD is not set, also not in ${path}`);
  });
});
