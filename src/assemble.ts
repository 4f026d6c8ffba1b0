import { MLflowClient } from './adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from './adapters/mlflow/mlflow-model-registry.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { RollbackDeps } from './app/deps.ts';
import type { ChannelParts } from './compose-channels.ts';
import type { SecretSetting } from './config/channel-settings.ts';
import type { Config } from './config/config-from-env.ts';
import type { Notice } from './domain/record/notice-content.ts';
import { registryAddress } from './domain/registry/address.ts';
import type { ModelPointer } from './domain/registry/pointer.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { AlertReader } from './ports/alert-reader.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { Clock } from './ports/clock.ts';
import type { HookCaller } from './ports/hook-caller.ts';
import type { Identity } from './ports/identity.ts';
import type { Logger } from './ports/logger.ts';
import type { ModelRegistry } from './ports/model-registry.ts';
import type { Notifier } from './ports/notifier.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

/** Everything in its place. */
export interface Composed {
  readonly deps: RollbackDeps;
  /** Frees sockets and files. */
  close(): void;
}

export interface ComposeOptions {
  readonly logger: Logger;
  /** Where notices go when no topic is configured: the whole of one as text. */
  readonly writeNotice: (text: string, notice: Notice) => void;
  /** True where what is written is the log of a service: then a notice counts as sent. @default false */
  readonly isService?: boolean;
}

/** An adapter for one API of a registry. */
export type RegistryClass = new (
  client: MLflowClient,
  clock: Clock,
  identity: Identity,
  address: string,
  pointer: ModelPointer,
) => ModelRegistry & { close(): void };

/** Puts the use cases, the registry and the given parts together. */
export function assemble(
  config: Config,
  {
    authorizer,
    registryClass: Registry = MLflowModelRegistry,
    closeChannels,
    ...parts
  }: {
    readonly store: RollbackStore;
    readonly notifiers: readonly Notifier[];
    readonly alarms: AlarmReader;
    readonly alerts?: AlertReader;
    readonly hooks: HookCaller;
    readonly logger: Logger;
    readonly authorizer: Authorizer;
    /** @default that of MLflow */
    readonly registryClass?: RegistryClass;
    readonly closeChannels?: () => void;
  },
): Composed {
  const { address: url, ...registrySettings } = config.registry;
  const address = registryAddress(url, registrySettings.workspace);
  const client = new MLflowClient({ ...registrySettings, authorizer, clock: systemClock });
  const pointer = config.pointers.default;
  const registry = new Registry(client, systemClock, systemIdentity, address, pointer);
  return {
    deps: {
      ...parts,
      registry,
      clock: systemClock,
      identity: systemIdentity,
      settings: {
        cooldownMs: config.cooldownMs,
        targetRule: config.targetRule,
        pointers: config.pointers,
        observeMs: config.observeMs,
        writeHorizonMs: config.writeHorizonMs,
        clockSkewMaxMs: config.clockSkewMaxMs,
        alarms: config.alarms,
        ...config.hooks,
      },
    },
    close: () => {
      registry.close();
      authorizer.close();
      closeChannels?.();
      parts.hooks.close();
      parts.store.close();
      parts.alarms.close();
    },
  };
}

/** Nothing of it is loaded before a hook is called: few have one. */
export function hooksOnDemand(
  signingKey: SecretSetting | null,
  loadParts: () => Promise<ChannelParts>,
): HookCaller {
  let opened: Promise<HookCaller> | null = null;
  const open = async (): Promise<HookCaller> => {
    const { openHooks } = await import('./compose-hooks.ts');
    return await openHooks(signingKey, loadParts);
  };
  return {
    call: async (hook, request, deadline) => {
      opened ??= open();
      return await (await opened).call(hook, request, deadline);
    },
    close: () => {
      opened?.then(
        (hooks) => hooks.close(),
        () => undefined,
      );
    },
  };
}

export { jsonLogger } from './adapters/system/json-logger.ts';

/** The real clock, for entries that measure deadlines. */
export const clock: Clock = systemClock;
/** Real chance and digests. */
export const identity: Identity = systemIdentity;
