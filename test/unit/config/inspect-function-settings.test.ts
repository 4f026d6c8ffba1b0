import { describe, expect, test } from 'vitest';
import { configFromEnv } from '../../../src/config/config-from-env.ts';
import { inspectFunctionSettings } from '../../../src/config/inspect-function-settings.ts';
import type { Check } from '../../../src/domain/answer/check.ts';

const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:notices';
const deployed = {
  MLFLOW_TRACKING_URI: 'https://mlflow.example.com',
  ALERT_SNS_TOPIC_ARN: TOPIC,
};
const here = { ...deployed, ROLLBACK_STATE_TABLE: 'tradai-rollback-state' };

function inspect(
  functionEnv: Record<string, string>,
  shellEnv: Record<string, string>,
): Record<string, Check> {
  const checks = inspectFunctionSettings(functionEnv, configFromEnv(shellEnv, 'command'));
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

describe('inspectFunctionSettings', () => {
  test('shows what the function is set to', () => {
    const checks = inspect({ ...deployed, ROLLBACK_MODE: 'observe' }, here);
    expect(checks['function-settings']).toMatchObject({
      verdict: 'ok',
      message: expect.stringMatching(
        /^The function: mode observe, pointer stage:Production, cooldown 24 h,/,
      ),
    });
    expect(checks['mode']?.message).toMatch(/^The function has ROLLBACK_MODE=observe/);
  });

  test('finds no difference where there is none, defaults included', () => {
    expect(inspect(deployed, here)['differences']).toMatchObject({ verdict: 'ok' });
  });

  test('names each difference, and the command that takes it away', () => {
    const { differences } = inspect(
      { ...deployed, ROLLBACK_MODE: 'ask', ROLLBACK_STATE_TABLE: 'others' },
      { ...here, ROLLBACK_COOLDOWN_HOURS: '1', ALERT_SNS_TOPIC_ARN: '' },
    );
    expect(differences?.verdict).toBe('warning');
    expect(differences?.message).toBe(
      'The function has other settings than this shell: state dynamodb:others (here ' +
        `dynamodb:tradai-rollback-state), topic ${TOPIC} (here none), mode ask (here act), ` +
        'cooldown 24 h (here 1 h).',
    );
    expect(differences?.fix).toBe(
      'To work on what the function does, run `export ROLLBACK_STATE_TABLE=others; export ' +
        `ALERT_SNS_TOPIC_ARN=${TOPIC}; export ROLLBACK_MODE=ask; unset ROLLBACK_COOLDOWN_HOURS\`.`,
    );
  });

  test('says what is wrong with its settings', () => {
    const checks = inspect({ ...deployed, ROLLBACK_MODE: 'never' }, here);
    expect(Object.keys(checks)).toEqual(['function-settings']);
    expect(checks['function-settings']).toMatchObject({
      verdict: 'problem',
      message: expect.stringContaining('ROLLBACK_MODE is "never"'),
    });
    expect(inspectFunctionSettings({}, null)[0]?.verdict).toBe('problem');
  });

  test('shows no secret, whatever is set', () => {
    const secrets = {
      MLFLOW_TRACKING_URI: 'https://ana:hunter2@mlflow.example.com/other',
      MLFLOW_TRACKING_TOKEN: 'hunter2',
      OTHER_SECRET: 'hunter2',
    };
    const text = JSON.stringify([
      inspect({ ...deployed, ...secrets }, here),
      inspect({ ...deployed, ...secrets, MLFLOW_TRACKING_PASSWORD: 'hunter2' }, here),
      inspect({ ...deployed, ...secrets, MLFLOW_TRACKING_URI: 'hunter2@nowhere' }, here),
    ]);
    expect(text).toContain('https://mlflow.example.com/other');
    expect(text).not.toContain('hunter2');
  });
});
