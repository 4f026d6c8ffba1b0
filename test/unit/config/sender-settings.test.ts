import { describe, expect, test } from 'vitest';
import { senderSettingsFromEnv } from '../../../src/config/sender-settings.ts';

const nothing = { grafanaSecret: null, mlflowSecret: null };

describe('senderSettingsFromEnv', () => {
  test('sets nothing by itself', () => {
    expect(senderSettingsFromEnv({ ROLLBACK_GRAFANA_SECRET: ' ' })).toEqual(nothing);
  });

  test.each([
    ['ROLLBACK_GRAFANA_SECRET', 'grafanaSecret'],
    ['ROLLBACK_MLFLOW_WEBHOOK_SECRET', 'mlflowSecret'],
  ] as const)('reads %s, and never shows it', (name, field) => {
    const secret = 'a-secret-of-a-sender-1';
    expect(senderSettingsFromEnv({ [name]: secret })).toEqual({ ...nothing, [field]: secret });
    for (const wrong of ['too-short', 'two words of a secret', 's'.repeat(1_025)]) {
      const read = (): unknown => senderSettingsFromEnv({ [name]: wrong });
      expect(read).toThrow(new RegExp(`^${name} .* openssl rand -hex 32$`));
      expect(read).not.toThrow(wrong);
    }
  });
});
