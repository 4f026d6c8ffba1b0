import { describe, expect, test } from 'vitest';
import { hookSettingsFromEnv } from '../../../src/config/hook-settings.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

describe('hookSettingsFromEnv', () => {
  test('has no hook, and targets of any age, when nothing is set', () => {
    const none = {
      smokeCheck: null,
      reload: null,
      targetMaxAgeMs: null,
      promotionEvidenceMs: null,
      previousAlias: 'off',
    };
    expect(hookSettingsFromEnv({})).toEqual(none);
    const blank = { ROLLBACK_RELOAD: ' ', ROLLBACK_TARGET_MAX_AGE: 'off' };
    expect(hookSettingsFromEnv(blank)).toEqual(none);
  });

  test('reads an address, a function and an age', () => {
    const settings = hookSettingsFromEnv({
      ROLLBACK_SMOKE_CHECK: ' smoke-check:live ',
      ROLLBACK_RELOAD: 'https://serving.example.com/reload/s0',
      ROLLBACK_TARGET_MAX_AGE: '90d',
      ROLLBACK_PROMOTION_EVIDENCE: '7d',
      ROLLBACK_PREVIOUS_ALIAS: 'on',
    });
    expect(settings).toEqual({
      smokeCheck: { kind: 'lambda', functionName: 'smoke-check:live' },
      reload: { kind: 'http', url: 'https://serving.example.com/reload/s0' },
      targetMaxAgeMs: 90 * 86_400_000,
      promotionEvidenceMs: 7 * 86_400_000,
      previousAlias: 'on',
    });
  });

  test.each([
    ['ROLLBACK_SMOKE_CHECK', 'http://serving.example.com/0SECRET'],
    ['ROLLBACK_SMOKE_CHECK', 'two words 0SECRET'],
    ['ROLLBACK_RELOAD', 'https://a:0SECRET@serving.example.com'],
    ['ROLLBACK_TARGET_MAX_AGE', '90'],
    ['ROLLBACK_TARGET_MAX_AGE', '0d'],
    ['ROLLBACK_TARGET_MAX_AGE', '-1d'],
    ['ROLLBACK_TARGET_MAX_AGE', '40000d'],
    ['ROLLBACK_TARGET_MAX_AGE', '3 months'],
  ])('refuses %s=%s by name, and shows no address', (name, value) => {
    const read = () => hookSettingsFromEnv({ [name]: value });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(name);
    expect(read).not.toThrow(/0SECRET/);
  });
});
