import { systemClock } from './adapters/system/system-clock.ts';
import type { ChannelConfig } from './config/channel-settings.ts';
import type { Config } from './config/config-from-env.ts';
import type { EnvName } from './config/env-names.ts';
import type { AlertmanagerSettings } from './config/sender-settings.ts';
import type { Check } from './domain/answer/check.ts';
import type { Hook } from './domain/hook.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { Deadline } from './ports/deadline.ts';

/** What `doctor` finds out about each channel and each hook, without a message to any. */
export async function inspectAll(
  { channels, hooks }: Pick<Config, 'channels' | 'hooks'>,
  deadline: Deadline,
): Promise<readonly Check[]> {
  return await Promise.all([
    ...channels.map((channel) => inspectOne(channel, deadline)),
    ...inspectHook('smoke-check', 'ROLLBACK_SMOKE_CHECK', hooks.smokeCheck, deadline),
    ...inspectHook('reload', 'ROLLBACK_RELOAD', hooks.reload, deadline),
  ]);
}

/** What `doctor` finds out about who reports to the service, without a message to any. */
export async function inspectSenders(
  { registry, senders }: Config,
  authorizer: Authorizer,
  deadline: Deadline,
): Promise<readonly Check[]> {
  const webhooks = async (): Promise<Check> => {
    const { inspectWebhooks } = await import('./adapters/mlflow/inspect-webhooks.ts');
    const { MLflowClient } = await import('./adapters/mlflow/mlflow-client.ts');
    const client = new MLflowClient({ ...registry, authorizer, clock: systemClock });
    return await inspectWebhooks(client, deadline).finally(() => client.close());
  };
  const alertmanager = async (place: AlertmanagerSettings): Promise<Check> => {
    const { inspectAlertmanager } = await import('./adapters/alertmanager/inspect-alertmanager.ts');
    return await inspectAlertmanager(place, systemClock, deadline);
  };
  return await Promise.all([
    ...(senders?.mlflowSecret == null ? [] : [webhooks()]),
    ...(senders?.alertmanager == null ? [] : [alertmanager(senders.alertmanager)]),
  ]);
}

// ---------------------------------------------------------------------------------------------------

async function inspectOne(channel: ChannelConfig, deadline: Deadline): Promise<Check> {
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

function inspectHook(
  name: string,
  variable: EnvName,
  hook: Hook | null,
  deadline: Deadline,
): Promise<Check>[] {
  if (hook === null) return [];
  const inspect = async (): Promise<Check> => {
    if (hook.kind === 'http') {
      const { inspectHttpHook } = await import('./adapters/webhook/inspect-http-hook.ts');
      return await inspectHttpHook({ name, variable, url: hook.url }, deadline);
    }
    const { inspectLambdaHook } = await import('./adapters/lambda/inspect-lambda-hook.ts');
    const { functionName } = hook;
    const client = (await import('./compose-aws.ts')).snsClient(functionName);
    return await inspectLambdaHook(client, { name, variable, functionName }, deadline).finally(() =>
      client.destroy(),
    );
  };
  return [inspect()];
}
