import { describe, expect, test } from 'vitest';
import { commandConfig } from '../../../src/config/command-config.ts';
import { inspectSettings } from '../../../src/config/inspect-settings.ts';
import { lenientConfig } from '../../../src/config/lenient-config.ts';
import { pointerSettingsFromEnv } from '../../../src/config/pointer-settings.ts';

const sound = {
  MLFLOW_TRACKING_URI: 'http://mlflow:5000',
  ROLLBACK_STATE_TABLE: 'mine',
  ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:111122223333:t',
};

describe('lenientConfig', () => {
  test('is the configuration when nothing is wrong', () => {
    expect(lenientConfig(sound)).toEqual({
      config: commandConfig(sound),
      error: null,
      registryError: null,
      storeError: null,
      topicError: null,
      channelsError: null,
      pointersError: null,
    });
  });

  test.each([
    [{ ROLLBACK_COOLDOWN_HOURS: 'abc' }, null],
    [{ ROLLBACK_COLDOWN_HOURS: '1' }, null],
    [{ MLFLOW_TRACKING_URI: '' }, 'registryError'],
    [{ MLFLOW_TRACKING_USERNAME: 'me' }, 'registryError'],
    [{ ROLLBACK_STATE_TABLE: 'a b' }, 'storeError'],
    [{ ALERT_SNS_TOPIC_ARN: 'topic' }, 'topicError'],
    [{ ROLLBACK_CHANNELS: 'slack' }, 'channelsError'],
    [{ ROLLBACK_POINTER: 'champion' }, 'pointersError'],
    [{ ROLLBACK_RELOAD: 'http://elsewhere.example.com' }, null],
    [{ ROLLBACK_OBSERVE_MINUTES: 'soon', ROLLBACK_MODEL_POINTERS: '{"m":"alias:a"}' }, null],
  ] as const)('keeps the rest beside %j', (env, part) => {
    const { config, error, ...parts } = lenientConfig({ ...sound, ...env });
    expect(error).not.toBeNull();
    for (const [name, partError] of Object.entries(parts)) {
      if (name === part) expect(partError?.message).toBe(error?.message);
      else expect(partError).toBeNull();
    }
    if (part !== 'pointersError') expect(config.pointers).toEqual(pointerSettingsFromEnv(env));
    const whole = commandConfig(sound);
    if (part !== 'registryError') expect(config.registry).toEqual(whole.registry);
    if (part !== 'storeError') expect(config.store).toEqual(whole.store);
    if (part !== 'topicError') expect(config.topicArn).toEqual(whole.topicArn);
  });

  test('tells several parts that are wrong', () => {
    const { error, registryError, storeError } = lenientConfig({ ROLLBACK_STORE: 'redis' });
    expect(error).toEqual(registryError);
    expect(storeError?.message).toContain('ROLLBACK_STORE');
  });
});

describe('inspectSettings', () => {
  const checks = (env: Record<string, string>) =>
    inspectSettings(commandConfig({ ...sound, ...env }), 'This shell');

  test('tells what counts in one line', () => {
    expect(checks({ ROLLBACK_COOLDOWN_HOURS: '0.5', ROLLBACK_BLAST_RADIUS: 'off' })).toEqual([
      {
        name: 'settings',
        verdict: 'ok',
        message:
          'This shell: mode act, pointer stage:Production, cooldown 0.5 h, rule last-good, budget 3 per model, blast radius off.',
        fix: null,
      },
    ]);
  });

  test('names the pointer, and that single models have another', () => {
    const [check] = checks({
      ROLLBACK_POINTER: 'alias:champion',
      ROLLBACK_MODEL_POINTERS: '{"m":"stage:Production"}',
    });
    expect(check?.message).toContain(
      'pointer alias:champion (other models: ROLLBACK_MODEL_POINTERS)',
    );
  });

  test.each([
    [{ ROLLBACK_MODE: 'observe' }, 'mode', 'ROLLBACK_MODE=observe'],
    [{ ROLLBACK_MODE: 'ask' }, 'mode', 'ROLLBACK_MODE=ask'],
    [{ ROLLBACK_COOLDOWN_HOURS: '0' }, 'cooldown', 'ROLLBACK_COOLDOWN_HOURS=0'],
    [{ ROLLBACK_SOMETHING_ELSE: '1' }, 'settings', 'ROLLBACK_SOMETHING_ELSE is unknown'],
    [{ ROLLBACK_WRITE_HORIZON_SECONDS: '1' }, 'settings', 'ROLLBACK_WRITE_HORIZON_SECONDS'],
  ])('warns of %j', (env, name, message) => {
    const [, found, more] = checks(env);
    expect(found).toMatchObject({ name, verdict: 'warning', fix: expect.any(String) });
    expect(found?.message).toContain(message);
    expect(more).toBeUndefined();
  });
});
