import { LambdaHookCaller } from './adapters/lambda/lambda-hook.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { HttpHookCaller } from './adapters/webhook/http-hook.ts';
import { type ChannelParts, credentialsOf } from './compose-channels.ts';
import type { SecretSetting } from './config/channel-settings.ts';
import type { HookCaller } from './ports/hook-caller.ts';

/** The part of the composition that is loaded when the first hook is called. */
export async function openHooks(
  signingKey: SecretSetting | null,
  loadParts: () => Promise<ChannelParts>,
): Promise<HookCaller> {
  const key = signingKey === null ? null : await credentialsOf(signingKey, loadParts);
  const http = new HttpHookCaller(key, systemClock);
  let lambda: LambdaHookCaller | null = null;
  return {
    call: async (hook, request, deadline) => {
      if (hook.kind === 'http') return await http.call(hook, request, deadline);
      lambda ??= new LambdaHookCaller((await loadParts()).snsClient);
      return await lambda.call(hook, request, deadline);
    },
    close: () => {
      http.close();
      lambda?.close();
    },
  };
}
