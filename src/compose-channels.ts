import { EventBridgeNotifier } from './adapters/eventbridge/eventbridge-notifier.ts';
import { StaticCredentials } from './adapters/system/static-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { HttpNotifier, type HttpService } from './adapters/webhook/http-notifier.ts';
import { pagerDuty } from './adapters/webhook/pagerduty.ts';
import { signedWebhook } from './adapters/webhook/signed-webhook.ts';
import { slack } from './adapters/webhook/slack.ts';
import { teams } from './adapters/webhook/teams.ts';
import type * as aws from './compose-aws.ts';
import type { ChannelConfig, SecretSetting } from './config/channel-settings.ts';
import type { Credentials } from './ports/credentials.ts';
import type { Notifier } from './ports/notifier.ts';

/** Channels that are open: what they hold is freed with `close`. */
export interface OpenChannels {
  readonly notifiers: readonly Notifier[];
  close(): void;
}

/** What of AWS a channel may need. */
export interface ChannelParts {
  readonly snsClient: typeof aws.snsClient;
  readonly channelCredentials: typeof aws.channelCredentials;
}

/**
 * The part of the composition that is loaded only where channels are configured, beside the topic.
 * @param loadParts is called for a channel that needs AWS
 */
export async function openChannels(
  channels: readonly ChannelConfig[],
  loadParts: () => Promise<ChannelParts>,
): Promise<OpenChannels> {
  const closing: (() => void)[] = [];
  const notifiers: Notifier[] = [];
  for (const channel of channels) {
    if (channel.name === 'eventbridge') {
      const client = (await loadParts()).snsClient(channel.bus);
      closing.push(() => client.destroy());
      notifiers.push(new EventBridgeNotifier(client, channel.bus));
    } else {
      const credentials = await credentialsOf(channel.secret, loadParts);
      closing.push(() => credentials.close());
      notifiers.push(new HttpNotifier(serviceOf(channel), credentials, systemClock));
    }
  }
  return {
    notifiers,
    close: () => {
      for (const close of closing) close();
    },
  };
}

// ---------------------------------------------------------------------------------------------------

function serviceOf(channel: Exclude<ChannelConfig, { name: 'eventbridge' }>): HttpService {
  switch (channel.name) {
    case 'slack':
      return slack;
    case 'teams':
      return teams;
    case 'pagerduty':
      return pagerDuty(channel.url);
    case 'webhook':
      return signedWebhook(channel.url);
  }
}

/** Also for `doctor`, which reads them by themselves. */
export async function credentialsOf(
  { secretId, value, variable, use }: SecretSetting,
  loadParts: () => Promise<ChannelParts>,
): Promise<Credentials> {
  return secretId === null
    ? new StaticCredentials(value, variable)
    : (await loadParts()).channelCredentials(secretId, { variable, what: use });
}
