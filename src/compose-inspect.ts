import type { ChannelConfig } from './config/channel-settings.ts';
import type { Check } from './domain/answer/check.ts';
import type { Deadline } from './ports/deadline.ts';

/** What `doctor` finds out about one channel, without a message to it. */
export async function inspectOne(channel: ChannelConfig, deadline: Deadline): Promise<Check> {
  const loadParts = () => import('./compose-aws.ts');
  if (channel.name === 'eventbridge') {
    const { inspectBus } = await import('./adapters/eventbridge/inspect-bus.ts');
    const client = (await loadParts()).snsClient(channel.bus);
    return await inspectBus(client, channel.bus, deadline).finally(() => client.destroy());
  }
  const { inspectChannel } = await import('./adapters/webhook/inspect-channel.ts');
  const { credentialsOf } = await import('./compose-channels.ts');
  const credentials = await credentialsOf(channel.secret, loadParts);
  const url = 'url' in channel ? channel.url : null;
  return await inspectChannel({ name: channel.name, url }, credentials, deadline).finally(() =>
    credentials.close(),
  );
}
