import { describe, expect, test } from 'vitest';
import { alarmSettingsFromEnv } from '../../../src/config/alarm-settings.ts';
import type { Env } from '../../../src/config/read-env.ts';
import {
  defaultAlarmSettings,
  modelByAlarmName,
} from '../../../src/domain/alarm/alarm-settings.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

const refused = (env: Env): string => {
  try {
    alarmSettingsFromEnv(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('accepted');
};
const dayMs = 86_400_000;

describe('alarmSettingsFromEnv', () => {
  test('has the defaults of the contract', () => {
    expect(alarmSettingsFromEnv({})).toEqual(defaultAlarmSettings);
    expect(defaultAlarmSettings).toEqual({
      mode: 'act',
      modelDimension: 'ModelName',
      alertLabel: 'model',
      modelsByAlarm: new Map(),
      allowedAccounts: new Set(),
      alarmAgeMinMs: 0,
      eventAgeMaxMs: 3_600_000,
      pendingActMs: 3_600_000,
      bakeMs: 900_000,
      isCauseChecked: true,
      budget: { commits: 3, windowMs: 7 * dayMs },
      blastRadius: { models: 5, windowMs: 1_800_000 },
    });
  });

  test('reads every variable', () => {
    expect(
      alarmSettingsFromEnv({
        ROLLBACK_MODE: ' ask ',
        ROLLBACK_MODEL_DIMENSION: '@resource.model',
        ROLLBACK_ALERT_LABEL: 'mlflow_model',
        ROLLBACK_ALARM_MODELS: '{"a": "one", "b*": "two"}',
        ROLLBACK_ALLOWED_ACCOUNTS: '111122223333, 444455556666',
        ROLLBACK_ALARM_AGE_MIN_MINUTES: '0.01',
        ROLLBACK_EVENT_AGE_MAX_MINUTES: '10080',
        ROLLBACK_PENDING_ACT_MINUTES: '.5',
        ROLLBACK_BAKE_MINUTES: '1440',
        ROLLBACK_CAUSE_CHECK: 'off',
        ROLLBACK_BUDGET: '50/0.1m',
        ROLLBACK_BLAST_RADIUS: '100/90d',
      }),
    ).toEqual({
      mode: 'ask',
      modelDimension: '@resource.model',
      alertLabel: 'mlflow_model',
      modelsByAlarm: new Map([
        ['a', 'one'],
        ['b*', 'two'],
      ]),
      allowedAccounts: new Set(['111122223333', '444455556666']),
      alarmAgeMinMs: 600,
      eventAgeMaxMs: 604_800_000,
      pendingActMs: 30_000,
      bakeMs: dayMs,
      isCauseChecked: false,
      budget: { commits: 50, windowMs: 6_000 },
      blastRadius: { models: 100, windowMs: 90 * dayMs },
    });
  });

  test('switches budget and blast radius off', () => {
    const off = alarmSettingsFromEnv({ ROLLBACK_BUDGET: 'off', ROLLBACK_BLAST_RADIUS: 'off' });
    expect(off).toEqual({ ...defaultAlarmSettings, budget: null, blastRadius: null });
  });

  test.each([
    ['45m', 2_700_000],
    ['36h', 129_600_000],
    ['1.5d', 129_600_000],
  ])('reads a budget of 2 in %s', (time, windowMs) => {
    const { budget } = alarmSettingsFromEnv({ ROLLBACK_BUDGET: `2/${time}` });
    expect(budget).toEqual({ commits: 2, windowMs });
  });

  test('takes blank for not set', () => {
    expect(
      alarmSettingsFromEnv({ ROLLBACK_MODE: ' ', ROLLBACK_BUDGET: '', ROLLBACK_ALARM_MODELS: '' }),
    ).toEqual(defaultAlarmSettings);
  });

  test.each([
    [{ ROLLBACK_MODE: 'off' }, 'ROLLBACK_MODE is "off"; it must be `act` or `ask` or `observe`'],
    [{ ROLLBACK_MODE: 'ACT' }, 'ROLLBACK_MODE is "ACT"'],
    [{ ROLLBACK_CAUSE_CHECK: 'true' }, '`on` or `off`'],
    [{ ROLLBACK_MODEL_DIMENSION: 'a\nb' }, 'name of a metric dimension'],
    [{ ROLLBACK_ALERT_LABEL: 'a-b' }, 'the name of a label'],
    [{ ROLLBACK_ALLOWED_ACCOUNTS: '11112222333' }, 'account ids of 12 digits with commas'],
    [
      { ROLLBACK_ALLOWED_ACCOUNTS: '111122223333,' },
      'ROLLBACK_ALLOWED_ACCOUNTS is "111122223333,"',
    ],
    [{ ROLLBACK_ALLOWED_ACCOUNTS: '*' }, 'account ids of 12 digits'],
    [{ ROLLBACK_ALLOWED_ACCOUNTS: 'arn:aws:iam::111122223333:root' }, 'account ids of 12 digits'],
    [{ ROLLBACK_MODEL_DIMENSION: 'd'.repeat(256) }, 'at most 255 characters'],
    [{ ROLLBACK_ALARM_AGE_MIN_MINUTES: '-1' }, 'minutes from 0 to 10080, such as 0 or 0.5'],
    [{ ROLLBACK_EVENT_AGE_MAX_MINUTES: '10081' }, 'minutes from 0 to 10080'],
    [{ ROLLBACK_EVENT_AGE_MAX_MINUTES: '1h' }, 'minutes from 0 to 10080'],
    [{ ROLLBACK_PENDING_ACT_MINUTES: 'Infinity' }, 'minutes from 0 to 10080'],
    [{ ROLLBACK_BAKE_MINUTES: '1441' }, 'minutes from 0 to 1440, such as 15 or 0.5'],
    [{ ROLLBACK_BAKE_MINUTES: '1e1' }, 'minutes from 0 to 1440'],
    [{ ROLLBACK_BUDGET: '3' }, 'such as `3/7d`'],
    [{ ROLLBACK_BUDGET: '0/7d' }, 'a number from 1 to 50'],
    [{ ROLLBACK_BUDGET: '51/7d' }, 'a number from 1 to 50'],
    [{ ROLLBACK_BUDGET: '3/0d' }, 'at most 90 days'],
    [{ ROLLBACK_BUDGET: '3/91d' }, 'at most 90 days'],
    [{ ROLLBACK_BUDGET: '3/7w' }, 'in m, h or d'],
    [{ ROLLBACK_BUDGET: '3/-7d' }, 'in m, h or d'],
    [{ ROLLBACK_BUDGET: '1.5/7d' }, 'a number from 1'],
    [{ ROLLBACK_BLAST_RADIUS: '101/1h' }, 'a number from 1 to 100'],
    [{ ROLLBACK_BLAST_RADIUS: 'Off' }, 'such as `5/30m`'],
    [
      { ROLLBACK_ALARM_MODELS: 'churn' },
      'ROLLBACK_ALARM_MODELS is "churn"; it must be a JSON object',
    ],
    [{ ROLLBACK_ALARM_MODELS: '["a"]' }, 'a JSON object'],
    [{ ROLLBACK_ALARM_MODELS: 'null' }, 'a JSON object'],
    [{ ROLLBACK_ALARM_MODELS: '{"a": 3}' }, 'at "a", does not name a registered model'],
    [{ ROLLBACK_ALARM_MODELS: '{"a": ""}' }, 'must not be empty'],
    [{ ROLLBACK_ALARM_MODELS: `{"a": "it's \\"b\\""}` }, 'both kinds of quotes'],
    [{ ROLLBACK_ALARM_MODELS: '{"": "m"}' }, 'has the key ""'],
    [{ ROLLBACK_ALARM_MODELS: '{"a\\n": "m"}' }, 'has the key "a\\n"'],
    [{ ROLLBACK_ALARM_MODELS: `{"${'k'.repeat(256)}": "m"}` }, 'at most 255 characters'],
  ])('refuses %j', (env, message) => {
    expect(refused(env)).toContain(message);
  });

  test('keeps what it shows short', () => {
    expect(refused({ ROLLBACK_ALARM_MODELS: 'x'.repeat(100_000) }).length).toBeLessThan(500);
    expect(refused({ ROLLBACK_ALARM_MODELS: `{"${'k'.repeat(100_000)}": 1}` }).length).toBeLessThan(
      500,
    );
  });
});

describe('modelByAlarmName', () => {
  const byName = (models: object, name: string): string | null =>
    modelByAlarmName(alarmSettingsFromEnv({ ROLLBACK_ALARM_MODELS: JSON.stringify(models) }), name);

  test('takes the whole name first, then the longest prefix', () => {
    const models = { '*': 'any', 'churn-*': 'churn', 'churn-eu-*': 'churn-eu', 'churn-eu-x': 'x' };
    expect(byName(models, 'churn-eu-x')).toBe('x');
    expect(byName(models, 'churn-eu-xy')).toBe('churn-eu');
    expect(byName(models, 'churn-')).toBe('churn');
    expect(byName(models, 'churn')).toBe('any');
  });

  test('knows no prefix without its *', () => {
    expect(byName({ churn: 'm' }, 'churn-errors')).toBeNull();
    expect(byName({}, 'churn')).toBeNull();
  });

  test.each(['constructor', '__proto__', 'toString'])(
    'is not misled by an alarm named %s',
    (name) => {
      expect(byName({ other: 'm' }, name)).toBeNull();
      expect(
        modelByAlarmName(alarmSettingsFromEnv({ ROLLBACK_ALARM_MODELS: `{"${name}": "m"}` }), name),
      ).toBe('m');
    },
  );
});
