import { MLflowClient } from './adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from './adapters/mlflow/mlflow-model-registry.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { RollbackDeps } from './app/deps.ts';
import type { Config } from './config/config-from-env.ts';
import type { Notice } from './domain/record/notice-content.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { Clock } from './ports/clock.ts';
import type { Credentials } from './ports/credentials.ts';
import type { HookCaller } from './ports/hook-caller.ts';
import type { Identity } from './ports/identity.ts';
import type { Logger } from './ports/logger.ts';
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
}

/** Puts the use cases, the registry and the given parts together. */
export function assemble(
  config: Config,
  {
    credentials,
    closeChannels,
    ...parts
  }: {
    readonly store: RollbackStore;
    readonly notifiers: readonly Notifier[];
    readonly alarms: AlarmReader;
    readonly hooks: HookCaller;
    readonly logger: Logger;
    readonly credentials: Credentials;
    readonly closeChannels?: () => void;
  },
): Composed {
  const { baseUrl, workspace, address } = config.registry;
  const client = new MLflowClient({ baseUrl, workspace, credentials, clock: systemClock });
  const pointer = config.pointers.default;
  const registry = new MLflowModelRegistry(client, systemClock, systemIdentity, address, pointer);
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
      credentials.close();
      closeChannels?.();
      parts.hooks.close();
      parts.store.close();
      parts.alarms.close();
    },
  };
}

/** Nothing of it is loaded before a hook is called: few have one. */
export function hooksOnDemand(open: () => Promise<HookCaller>): HookCaller {
  let opened: Promise<HookCaller> | null = null;
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
