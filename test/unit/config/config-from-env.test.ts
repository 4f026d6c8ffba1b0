import { describe, expect, test } from 'vitest';
import { configFromEnv, type Env, settingsWarnings } from '../../../src/config/config-from-env.ts';
import { storeFromEnv } from '../../../src/config/store-settings.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

const base = { MLFLOW_TRACKING_URI: 'http://mlflow:5000/prefix/' };
const read = (env: Env = {}) => configFromEnv({ ...base, ...env }, 'command');
const refused = (env: Env, surface: 'lambda' | 'command' = 'command'): string => {
  try {
    configFromEnv({ ...base, ...env }, surface);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('accepted');
};

describe('configFromEnv', () => {
  test('has the defaults of the contract', () => {
    expect(read({ ROLLBACK_STORE: 'dynamodb' })).toMatchObject({
      registry: {
        address: 'http://mlflow:5000/prefix',
        auth: { kind: 'login', authorization: null },
        workspace: null,
      },
      store: { kind: 'dynamodb', tableName: 'tradai-rollback-state' },
      topicArn: null,
      cooldownMs: 86_400_000,
      targetRule: 'last-good',
      writeHorizonMs: 60_000,
      warnings: [],
    });
  });

  test('keeps the registry where it is another server', () => {
    expect(read({ MLFLOW_REGISTRY_URI: 'https://registry' }).registry.address).toBe(
      'https://registry',
    );
  });

  test('takes a login from the address, and shows none of it', () => {
    const { registry } = read({ MLFLOW_TRACKING_URI: 'https://me:p%40ss@mlflow/x' });
    expect(registry.address).toBe('https://mlflow/x');
    expect(registry.baseUrl.href).not.toContain('p%40ss');
    const authorization = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(registry.auth).toEqual({ kind: 'login', authorization });
  });

  test.each([
    [
      { MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'p', MLFLOW_TRACKING_TOKEN: 't' },
      'Basic dTpw',
    ],
    [{ MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_TOKEN: 't' }, 'Bearer t'],
    [{ MLFLOW_TRACKING_TOKEN: 't' }, 'Bearer t'],
  ])('takes the login before the token: %j', (env, authorization) => {
    expect(read(env).registry.auth).toEqual({ kind: 'login', authorization });
  });

  test.each([
    'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mlflow/login-Ab12Cd',
    'arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:mlflow',
    'mlflow/login',
  ])('takes %s as the secret with the login', (secretId) => {
    const { auth } = read({ MLFLOW_TRACKING_SECRET_ARN: ` ${secretId} ` }).registry;
    expect(auth).toEqual({ kind: 'secret', secretId });
  });

  test.each([
    [{ MLFLOW_TRACKING_USERNAME: 'u' }, 'remove MLFLOW_TRACKING_USERNAME.'],
    [{ MLFLOW_TRACKING_TOKEN: 't' }, 'remove MLFLOW_TRACKING_TOKEN.'],
    [
      { MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'hunter2' },
      'remove MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD.',
    ],
    [{ MLFLOW_TRACKING_URI: 'http://me:hunter2@mlflow' }, 'remove the login inside the address.'],
  ])('refuses a secret beside %j, and says what to remove', (env, fix) => {
    const message = refused({ MLFLOW_TRACKING_SECRET_ARN: 'mlflow/login', ...env });
    expect(message).toContain('MLFLOW_TRACKING_SECRET_ARN');
    expect(message).toContain(fix);
    expect(message).not.toContain('hunter2');
  });

  test.each([
    '{"username":"me","password":"hunter2"}',
    'hunter2!',
    'arn:aws:ssm:eu-west-1:111122223333:parameter/hunter2',
    'arn:aws:secretsmanager:eu-west-1:1111:secret:hunter2',
  ])('refuses %s as a secret, and does not show it', (value) => {
    const message = refused({ MLFLOW_TRACKING_SECRET_ARN: value });
    expect(message).toContain('MLFLOW_TRACKING_SECRET_ARN must be');
    expect(message).not.toContain('hunter2');
  });

  test.each([
    ['0', 0],
    ['0.5', 1_800_000],
    ['.25', 900_000],
    ['8760', 31_536_000_000],
    ['', 86_400_000],
    [' 1 ', 3_600_000],
  ])('reads a cooldown of %j hours', (hours, ms) => {
    expect(read({ ROLLBACK_COOLDOWN_HOURS: hours }).cooldownMs).toBe(ms);
  });

  test.each([
    [{ MLFLOW_TRACKING_URI: '' }, 'MLFLOW_TRACKING_URI is not set'],
    [{ MLFLOW_TRACKING_URI: 'mlflow:5000' }, 'MLFLOW_TRACKING_URI is "mlflow:5000"'],
    [{ MLFLOW_TRACKING_URI: 'not an address' }, 'MLFLOW_TRACKING_URI is "not an address"'],
    [{ MLFLOW_TRACKING_URI: 'sqlite:///mlflow.db' }, 'http or https'],
    [{ MLFLOW_TRACKING_URI: 'http://mlflow/#/models' }, 'without ? and #'],
    [{ MLFLOW_TRACKING_USERNAME: 'u' }, 'MLFLOW_TRACKING_PASSWORD is not set'],
    [{ MLFLOW_TRACKING_PASSWORD: 'p' }, 'MLFLOW_TRACKING_USERNAME is not set'],
    [{ MLFLOW_TRACKING_TOKEN: 'a b' }, 'MLFLOW_TRACKING_TOKEN'],
    [{ MLFLOW_WORKSPACE: 'Not/One' }, 'MLFLOW_WORKSPACE is "Not/One"'],
    [{ ROLLBACK_COOLDOWN_HOURS: 'abc' }, 'ROLLBACK_COOLDOWN_HOURS is "abc"'],
    [{ ROLLBACK_COOLDOWN_HOURS: '-1' }, 'hours from 0'],
    [{ ROLLBACK_COOLDOWN_HOURS: '1e3' }, 'hours from 0'],
    [{ ROLLBACK_COOLDOWN_HOURS: 'Infinity' }, 'hours from 0'],
    [{ ROLLBACK_COOLDOWN_HOURS: '9999' }, 'hours from 0'],
    [{ ROLLBACK_WRITE_HORIZON_SECONDS: '0' }, 'whole number from 1'],
    [{ ROLLBACK_WRITE_HORIZON_SECONDS: '1.5' }, 'whole number from 1'],
    [{ ROLLBACK_TARGET_RULE: 'newest' }, '`last-good` or `latest-archived`'],
    [{ ROLLBACK_POINTER: 'champion' }, 'stage:Production'],
    [{ ROLLBACK_POINTER: 'alias:' }, 'ROLLBACK_POINTER'],
    [{ ROLLBACK_POINTER: 'alias:latest' }, 'latest'],
    [{ ROLLBACK_POINTER: 'alias:V3' }, 'v3'],
    [{ ROLLBACK_POINTER: 'alias:my.alias' }, 'letters, digits'],
    [{ ROLLBACK_MODEL_POINTERS: '{"a": "stage:Staging"}' }, 'ROLLBACK_MODEL_POINTERS'],
    [{ ROLLBACK_MODEL_POINTERS: '["alias:a"]' }, 'JSON object'],
    [{ ROLLBACK_MODEL_POINTERS: '{"a*b": "alias:a"}' }, 'prefixes'],
    [{ ROLLBACK_STORE: 'redis' }, '`dynamodb`, `sqlite:<path>` or `postgres:'],
    [{ ROLLBACK_STORE: 'sqlite:' }, '`dynamodb`, `sqlite:<path>` or `postgres:'],
    [{ ROLLBACK_STATE_TABLE: 'a b' }, 'or ARN of a DynamoDB table'],
    [{ ALERT_SNS_TOPIC_ARN: 'topic' }, 'ALERT_SNS_TOPIC_ARN is "topic"'],
    [{ ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:111122223333:t.fifo' }, 'not FIFO'],
    [{ ROLLBACK_COOLDOWN_HOUR: '1' }, 'did you mean ROLLBACK_COOLDOWN_HOURS'],
    [{ ROLLBACK_BUGDET: 'off' }, 'did you mean ROLLBACK_BUDGET'],
  ])('refuses %j', (env, message) => {
    expect(refused(env)).toContain(message);
  });

  test('never shows a secret', () => {
    const env = {
      MLFLOW_TRACKING_URI: 'ftp://me:hunter2@host',
      MLFLOW_TRACKING_PASSWORD: 'hunter2',
    };
    expect(refused(env)).not.toContain('hunter2');
    expect(refused({ MLFLOW_TRACKING_URI: 'http://me:hunter2@ho st' })).not.toContain('hunter2');
    expect(refused({ MLFLOW_TRACKING_TOKEN: 'hunter2 x' })).not.toContain('hunter2');
    for (const uri of [
      'me:hunter2@host',
      'http://me:x/hunter2@host',
      'http://me:1#hunter2@host',
      'http://me:1?hunter2@h',
    ]) {
      expect(refused({ MLFLOW_TRACKING_URI: uri })).not.toContain('hunter2');
    }
  });

  test('warns of unknown and risky settings', () => {
    const { warnings } = read({
      ROLLBACK_SOMETHING_ELSE: '1',
      ROLLBACK_WRITE_HORIZON_SECONDS: '1',
    });
    expect(warnings.map((warning) => warning.code).toSorted()).toEqual([
      'SHORT_WRITE_HORIZON',
      'UNKNOWN_SETTING',
    ]);
  });

  test.each([
    ['ROLLBACK_STATE_TABEL', 'ROLLBACK_STATE_TABLE'],
    ['rollback_state_table', 'ROLLBACK_STATE_TABLE'],
    ['ROLBACK_STORE', 'ROLLBACK_STORE'],
    ['ROLLBACKSTORE', 'ROLLBACK_STORE'],
    ['ROLLBAK_MODE', 'ROLLBACK_MODE'],
  ])('refuses %s, which is nearly known', (name, near) => {
    expect(() => settingsWarnings({ [name]: 'x' })).toThrow(`did you mean ${near}?`);
  });

  test('leaves the variables of other programs alone', () => {
    const others = ['RUNNER_MODE', 'ROLLUP_STORE', 'RABBIT_MODE', 'R_HOME', 'REACT_APP_ROLLBACK'];
    expect(settingsWarnings(Object.fromEntries(others.map((name) => [name, 'x'])))).toEqual([]);
  });

  test('reads the settings for alarms, without a warning', () => {
    expect(read().alarms).toEqual(defaultAlarmSettings);
    const set = read({ ROLLBACK_MODE: 'observe', ROLLBACK_BAKE_MINUTES: '0.5' });
    expect(set.alarms).toEqual({ ...defaultAlarmSettings, mode: 'observe', bakeMs: 30_000 });
    expect(set.warnings).toEqual([]);
  });

  test('wants a topic in Lambda', () => {
    expect(refused({}, 'lambda')).toContain('ALERT_SNS_TOPIC_ARN is not set');
  });
});

describe('storeFromEnv', () => {
  test('takes the address of a PostgreSQL database, and shows it without its login', () => {
    const url = 'postgresql://ana:s3cret@db.example.com:5433/rollback?sslmode=verify-full';
    expect(storeFromEnv({ ROLLBACK_STORE: url }, 'command')).toEqual({
      kind: 'postgres',
      url,
      address: 'postgres://db.example.com:5433/rollback',
    });
  });

  test.each([
    ['command', 'postgres://ana:s3cret@[/x?password=s3cret', 'must be `dynamodb`'],
    ['command', 'mysql://ana:s3cret@db/x', 'must be `dynamodb`'],
    ['lambda', 'postgres://ana:s3cret@db/x', 'keeps its state in DynamoDB only'],
  ] as const)('refuses on %s %s, without its password', (surface, url, message) => {
    const read = () => storeFromEnv({ ROLLBACK_STORE: url }, surface);
    expect(read).toThrow(message);
    expect(read).not.toThrow('s3cret');
  });

  test.each([
    ['lambda', {}, { kind: 'dynamodb', tableName: 'tradai-rollback-state' }],
    ['command', { ROLLBACK_STATE_TABLE: 'mine' }, { kind: 'dynamodb', tableName: 'mine' }],
    [
      'command',
      { ROLLBACK_STORE: 'sqlite:/x/y.db', ROLLBACK_STATE_TABLE: 'mine' },
      { kind: 'sqlite', path: '/x/y.db' },
    ],
    [
      'command',
      { XDG_STATE_HOME: '/s' },
      { kind: 'sqlite', path: '/s/model-rollback/state.sqlite' },
    ],
    ['lambda', { ROLLBACK_STORE: 'sqlite:/x' }, { kind: 'sqlite', path: '/x' }],
  ] as const)('on %s with %j is %j', (surface, env, expected) => {
    expect(storeFromEnv(env, surface)).toEqual(expected);
  });

  test('takes the ARN of a table', () => {
    const arn = 'arn:aws:dynamodb:eu-west-1:111122223333:table/mine';
    expect(storeFromEnv({ ROLLBACK_STATE_TABLE: arn }, 'lambda')).toEqual({
      kind: 'dynamodb',
      tableName: arn,
    });
  });
});
