import { describe, expect, test } from 'vitest';
import { senderSettingsFromEnv } from '../../../src/config/sender-settings.ts';

const nothing = { alertmanager: null, grafanaSecret: null, mlflowSecret: null };

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

  test.each([
    ['http://alertmanager:9093', 'http://alertmanager:9093/', null],
    ['https://me:p%40ss@host/am', 'https://host/am', 'Basic bWU6cEBzcw=='],
  ])('reads the address %s with its login', (text, href, authorization) => {
    const { alertmanager } = senderSettingsFromEnv({ ROLLBACK_ALERTMANAGER_URL: text });
    expect(alertmanager?.baseUrl.href).toBe(href);
    expect(alertmanager?.authorization).toBe(authorization);
  });

  test.each(['alertmanager', 'ftp://host', 'https://me:hidden@host/?x', 'me:hidden@ho st'])(
    'refuses the address %s without its login',
    (text) => {
      const read = (): unknown => senderSettingsFromEnv({ ROLLBACK_ALERTMANAGER_URL: text });
      expect(read).toThrow(/^ROLLBACK_ALERTMANAGER_URL is .*http:\/\/alertmanager:9093/);
      expect(read).not.toThrow('hidden');
    },
  );
});
