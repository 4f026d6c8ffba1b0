import { describe, expect, test } from 'vitest';
import { channelSettingsFromEnv } from '../../../src/config/channel-settings.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-Ab12Cd';
const SLACK = 'https://hooks.slack.com/services/T0/B0/SECRET';
const KEY = 'SECRET-of-sixteen-or-more';

const errorOf = (env: Record<string, string>): ConfigurationError => {
  try {
    channelSettingsFromEnv(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('the settings were taken');
};

describe('channelSettingsFromEnv', () => {
  test('has no channel and the format json when nothing is set', () => {
    const none = { channels: [], signingKey: null, snsFormat: 'json', warnings: [] };
    expect(channelSettingsFromEnv({})).toEqual(none);
    const blank = { ROLLBACK_CHANNELS: ' , ', ROLLBACK_SLACK_URL: ' ' };
    expect(channelSettingsFromEnv(blank)).toEqual(none);
  });

  test('reads every channel, in one order', () => {
    const { channels, snsFormat, warnings } = channelSettingsFromEnv({
      ROLLBACK_SNS_FORMAT: 'chat',
      ROLLBACK_CHANNELS: 'webhook, slack,teams,,pagerduty,eventbridge,slack',
      ROLLBACK_SLACK_SECRET_ARN: ARN,
      ROLLBACK_TEAMS_URL: 'https://prod-1.westeurope.logic.azure.com/workflows/x?sig=y',
      ROLLBACK_PAGERDUTY_ROUTING_KEY: KEY,
      ROLLBACK_EVENT_BUS: 'arn:aws:events:eu-west-1:123456789012:event-bus/models',
      ROLLBACK_WEBHOOK_URL: 'http://127.0.0.1:8080/hook',
      ROLLBACK_WEBHOOK_SECRET: KEY,
    });
    expect(snsFormat).toBe('chat');
    expect(warnings).toEqual([]);
    expect(channels).toEqual([
      {
        name: 'slack',
        secret: {
          variable: 'ROLLBACK_SLACK_SECRET_ARN',
          use: 'address',
          value: null,
          secretId: ARN,
        },
      },
      { name: 'teams', secret: expect.objectContaining({ secretId: null }) },
      {
        name: 'pagerduty',
        url: new URL('https://events.pagerduty.com/v2/enqueue'),
        secret: {
          variable: 'ROLLBACK_PAGERDUTY_ROUTING_KEY',
          use: 'key',
          value: KEY,
          secretId: null,
        },
      },
      { name: 'eventbridge', bus: 'arn:aws:events:eu-west-1:123456789012:event-bus/models' },
      {
        name: 'webhook',
        url: new URL('http://127.0.0.1:8080/hook'),
        secret: expect.objectContaining({ value: KEY }),
      },
    ]);
  });

  test.each([
    ['slack', 'ROLLBACK_SLACK_URL or ROLLBACK_SLACK_SECRET_ARN'],
    ['teams', 'ROLLBACK_TEAMS_URL or ROLLBACK_TEAMS_SECRET_ARN'],
    ['pagerduty', 'ROLLBACK_PAGERDUTY_ROUTING_KEY or ROLLBACK_PAGERDUTY_SECRET_ARN'],
    ['eventbridge', 'ROLLBACK_EVENT_BUS'],
    ['webhook', 'ROLLBACK_WEBHOOK_URL'],
  ])('names what %s needs', (channel, variables) => {
    expect(errorOf({ ROLLBACK_CHANNELS: channel }).message).toBe(
      `ROLLBACK_CHANNELS names ${channel}, but ${variables} is not set. ` +
        `Set ${variables}, or remove ${channel} from ROLLBACK_CHANNELS.`,
    );
  });

  test('names the channel that a variable needs', () => {
    const env = {
      ROLLBACK_CHANNELS: 'teams',
      ROLLBACK_TEAMS_URL: SLACK,
      ROLLBACK_SLACK_URL: SLACK,
    };
    const { message } = errorOf(env);
    expect(message).toBe(
      'ROLLBACK_SLACK_URL is set, but ROLLBACK_CHANNELS does not name slack, so no notice goes there. ' +
        'Set ROLLBACK_CHANNELS=teams,slack, or unset ROLLBACK_SLACK_URL.',
    );
  });

  test('names an unknown channel, and those that there are', () => {
    expect(errorOf({ ROLLBACK_CHANNELS: 'slack,discord' }).message).toMatch(
      /ROLLBACK_CHANNELS is "slack,discord"; it must be .*slack, teams, pagerduty, eventbridge, webhook/,
    );
    expect(errorOf({ ROLLBACK_SNS_FORMAT: 'q' }).message).toMatch(/`json` or `chat`/);
  });

  const wrong: readonly [string, Record<string, string>, RegExp][] = [
    ['no address', { ROLLBACK_SLACK_URL: 'SECRET' }, /is not an address/],
    ['http', { ROLLBACK_SLACK_URL: 'http://hooks.example.com/SECRET' }, /is not https/],
    [
      'http to a name like this machine',
      { ROLLBACK_SLACK_URL: 'http://127.0.0.1.example.com/SECRET' },
      /is not https/,
    ],
    ['another protocol', { ROLLBACK_SLACK_URL: 'ftp://a/SECRET' }, /is not an https address/],
    ['a login', { ROLLBACK_SLACK_URL: 'https://a:SECRET@example.com/' }, /holds a login/],
    ['both forms', { ROLLBACK_SLACK_URL: SLACK, ROLLBACK_SLACK_SECRET_ARN: ARN }, /both set/],
    [
      'the secret for its name',
      { ROLLBACK_SLACK_SECRET_ARN: SLACK },
      /ARN or the name of a secret/,
    ],
  ];
  test.each(wrong)('refuses %s, and shows nothing of it', (_, env, message) => {
    const error = errorOf({ ROLLBACK_CHANNELS: 'slack', ...env });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('/SECRET');
    expect(error.message.replaceAll(/ROLLBACK_\w+/g, '')).not.toContain('SECRET');
  });

  test('reads the signing key without the channel: it signs calls of hooks too', () => {
    const { channels, signingKey } = channelSettingsFromEnv({ ROLLBACK_WEBHOOK_SECRET_ARN: ARN });
    expect(channels).toEqual([]);
    expect(signingKey).toMatchObject({ secretId: ARN, use: 'key' });
    const both = { ROLLBACK_WEBHOOK_SECRET: KEY, ROLLBACK_WEBHOOK_SECRET_ARN: ARN };
    expect(errorOf(both).message).toMatch(/are both set/);
  });

  test('refuses a key of two words, and warns about a short one', () => {
    const env = { ROLLBACK_CHANNELS: 'webhook', ROLLBACK_WEBHOOK_URL: SLACK };
    expect(errorOf({ ...env, ROLLBACK_WEBHOOK_SECRET: 'two words' }).message).not.toContain(
      'words',
    );
    const { warnings } = channelSettingsFromEnv({ ...env, ROLLBACK_WEBHOOK_SECRET: 'short' });
    expect(warnings).toMatchObject([{ code: 'SHORT_WEBHOOK_SECRET' }]);
    expect(
      errorOf({ ROLLBACK_CHANNELS: 'eventbridge', ROLLBACK_EVENT_BUS: 'a b' }).message,
    ).toMatch(/event bus/);
  });
});
