import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { ConsoleNotifier } from './adapters/console/console-notifier.ts';
import { LoginAuthorizer } from './adapters/mlflow/login-authorizer.ts';
import { brokenAuthorizer, brokenStore } from './adapters/system/broken-parts.ts';
import { StaticCredentials } from './adapters/system/static-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import type { CompareDeps } from './app/compare-models.ts';
import type { RollbackDeps } from './app/deps.ts';
import {
  assemble,
  type Composed,
  type ComposeOptions,
  hooksOnDemand,
  type RegistryClass,
} from './assemble.ts';
import type { OpenChannels } from './compose-channels.ts';
import { openEvidence, openStore } from './compose-store.ts';
import type { Config } from './config/config-from-env.ts';
import type { StoreConfig } from './config/store-settings.ts';
import { commandText } from './domain/command-line.ts';
import { ConfigurationError, type ModelRollbackError } from './domain/errors.ts';
import type { AlarmReader } from './ports/alarm-reader.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { ScratchModels } from './ports/scratch-models.ts';
import type { Surroundings } from './ports/surroundings.ts';

/** Composition for the command and the library: what is heavy is loaded when it is asked for. */

/** @throws ConfigurationError when the state file cannot be opened */
export async function compose(config: Config, options: ComposeOptions): Promise<Composed> {
  const { topicArn } = config;
  const [store, first, channels, authorizer, registry] = await Promise.all([
    openStore(config.store, config.registry.workspace),
    topicArn === null
      ? new ConsoleNotifier(
          options.writeNotice,
          options.isService ? null : sharedStateHint(config.store),
        )
      : (await import('./compose-aws.ts')).snsNotifier(topicArn, config.snsFormat),
    furtherChannels(config),
    authorizerFor(config.registry),
    registryClass(config.registry),
  ]);
  return assemble(config, {
    store,
    notifiers: [first, ...(channels?.notifiers ?? [])],
    alarms: alarmsOnDemand(),
    hooks: hooksOnDemand(config.signingKey, () => import('./compose-aws.ts')),
    logger: options.logger,
    authorizer,
    ...registry,
    ...(channels === null ? {} : { closeChannels: channels.close }),
  });
}

async function furtherChannels({ channels }: Config): Promise<OpenChannels | null> {
  if (channels.length === 0) return null;
  return await (await import('./compose-channels.ts')).openChannels(
    channels,
    () => import('./compose-aws.ts'),
  );
}

async function authorizerFor({ auth, ...reached }: Config['registry']): Promise<Authorizer> {
  if (auth.kind === 'signed') return (await import('./compose-aws.ts')).signedRequests(auth);
  if (auth.kind === 'oauth') {
    return (await import('./compose-databricks.ts')).oauthLogin({ ...reached, ...auth });
  }
  return new LoginAuthorizer(
    auth.kind === 'login'
      ? new StaticCredentials(auth.authorization, auth.source)
      : (await import('./compose-aws.ts')).secretCredentials(auth.secretId),
  );
}

/** Nothing where the registry is MLflow's, which `assemble` knows. */
async function registryClass({
  kind,
}: Config['registry']): Promise<{ readonly registryClass?: RegistryClass }> {
  if (kind === 'mlflow') return {};
  const { UnityModelRegistry } = await import('./compose-databricks.ts');
  return { registryClass: UnityModelRegistry };
}

/** A command meets alarms only in what an alarm left behind: the SDK is loaded then. */
function alarmsOnDemand(): AlarmReader {
  let loaded: AlarmReader | null = null;
  const reader = async (): Promise<AlarmReader> => {
    const { cloudWatchAlarms } = await import('./compose-aws.ts');
    loaded ??= cloudWatchAlarms();
    return loaded;
  };
  return {
    read: async (arns, deadline) => await (await reader()).read(arns, deadline),
    readChildrenInAlarm: async (arn, deadline) =>
      await (await reader()).readChildrenInAlarm(arn, deadline),
    readContributors: async (arn, deadline) =>
      await (await reader()).readContributors(arn, deadline),
    readChangesToAlarm: async (arn, of, deadline) =>
      await (await reader()).readChangesToAlarm(arn, of, deadline),
    readTag: async (arn, key, deadline) => await (await reader()).readTag(arn, key, deadline),
    close: () => loaded?.close(),
  };
}

/** A notice that only this terminal showed must not count as sent where a function shares the state. */
function sharedStateHint(store: StoreConfig): string | null {
  return store.kind !== 'sqlite'
    ? 'ALERT_SNS_TOPIC_ARN is not set; the notice waits for a sweep that has a topic'
    : null;
}

/** What `compare` works with. It does not close what it was given. */
export async function openComparison(
  config: Config,
  deps: RollbackDeps,
): Promise<{ readonly deps: CompareDeps; close(): void }> {
  const { withComparison } = await import('./compose-compare.ts');
  const [evidence, authorizer] = await Promise.all([
    openEvidence(config.store, config.registry.workspace),
    authorizerFor(config.registry),
  ]);
  return withComparison(deps, config, { evidence, authorizer });
}

/** What a drill makes registered models with. */
export async function openScratchModels({ registry }: Config): Promise<ScratchModels> {
  const { MLflowScratchModels } = await import('./adapters/mlflow/mlflow-scratch-models.ts');
  const { MLflowClient } = await import('./adapters/mlflow/mlflow-client.ts');
  if (registry.kind === 'unity-catalog') {
    throw new ConfigurationError(
      'A drill makes a registered model of its own, which is not possible in Unity Catalog. To see what would be done ' +
        `with a model of yours, run ${commandText('plan', ['MODEL'])}.`,
    );
  }
  const authorizer = await authorizerFor(registry);
  const client = new MLflowClient({ ...registry, authorizer, clock: systemClock });
  return new MLflowScratchModels(client, systemClock, registry.address);
}

/** What `doctor` works with. A part that cannot be used throws why, so that the others can be checked. */
export async function composeForDoctor(
  config: Config,
  broken: {
    readonly registryError: ModelRollbackError | null;
    readonly storeError: ModelRollbackError | null;
  },
  options: ComposeOptions,
): Promise<Composed & { readonly around: Surroundings }> {
  const [store, authorizer, registry] = await Promise.all([
    broken.storeError === null
      ? openStore(config.store, config.registry.workspace).catch(brokenStore)
      : brokenStore(broken.storeError),
    broken.registryError === null
      ? authorizerFor(config.registry)
      : brokenAuthorizer(broken.registryError),
    registryClass(config.registry),
  ]);
  const composed = assemble(config, {
    store,
    authorizer,
    ...registry,
    notifiers: [new ConsoleNotifier(options.writeNotice)],
    alarms: alarmsOnDemand(),
    hooks: hooksOnDemand(config.signingKey, () => import('./compose-aws.ts')),
    logger: options.logger,
  });
  const around = openSurroundings(config, authorizer);
  const isStoreKnown = broken.storeError === null;
  return { ...composed, around: isStoreKnown ? around : { ...around, state: async () => [] } };
}

/** Each part is loaded when it is checked; what was opened for a check is closed after it. */
function openSurroundings(config: Config, authorizer: Authorizer): Surroundings {
  const { registry, store } = config;
  return {
    registry: async (deadline) => {
      const inspect =
        registry.kind === 'mlflow'
          ? (await import('./adapters/mlflow/inspect-registry.ts')).inspectRegistry
          : (await import('./adapters/mlflow/inspect-unity.ts')).inspectUnity;
      const { MLflowClient } = await import('./adapters/mlflow/mlflow-client.ts');
      const client = new MLflowClient({ ...registry, authorizer, clock: systemClock });
      return await inspect(client, registry.address, deadline).finally(() => client.close());
    },
    state: async (deadline) => {
      if (store.kind === 'sqlite') {
        const { inspectFile } = await import('./adapters/sqlite/inspect-file.ts');
        return [inspectFile(store.path)];
      }
      if (store.kind === 'postgres') {
        const { inspectPostgres } = await import('./adapters/postgres/inspect-postgres.ts');
        return [await inspectPostgres(store, systemClock, deadline)];
      }
      const { inspectTable } = await import('./adapters/dynamodb/inspect-table.ts');
      const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
      const client = new DynamoDBClient((await import('./compose-aws.ts')).clientConfig);
      const table = { tableName: store.tableName, workspace: registry.workspace ?? '' };
      return await inspectTable(client, table, deadline).finally(() => client.destroy());
    },
    topic: async (name, arn, use, deadline) => {
      const { inspectTopic } = await import('./adapters/sns/inspect-topic.ts');
      const { SNSClient } = await import('@aws-sdk/client-sns');
      const { clientConfig, regionOf } = await import('./compose-aws.ts');
      const client = new SNSClient({ ...clientConfig, ...regionOf(arn) });
      return await inspectTopic(client, { name, arn, use }, deadline).finally(() =>
        client.destroy(),
      );
    },
    channels: async (deadline) => {
      const { inspectAll } = await import('./compose-inspect.ts');
      return await inspectAll(config, deadline);
    },
    openNotifiers: async () => {
      const { topicArn, snsFormat } = config;
      const further = await furtherChannels(config);
      const topic =
        topicArn === null
          ? []
          : [(await import('./compose-aws.ts')).snsNotifier(topicArn, snsFormat)];
      return {
        notifiers: [...topic, ...(further?.notifiers ?? [])],
        close: () => further?.close(),
      };
    },
    function: async (name, deadline) => {
      const { inspectFunction } = await import('./adapters/lambda/inspect-function.ts');
      return await withLambda(name, (client) => inspectFunction(client, name, deadline));
    },
    functionPolicy: async (arn, deadline) => {
      const { readFunctionPolicy } = await import('./adapters/lambda/inspect-function.ts');
      return await withLambda(arn, (client) => readFunctionPolicy(client, arn, deadline));
    },
    schedules: async (arn, deadline) => {
      const { findSchedules } = await import('./adapters/lambda/find-schedules.ts');
      const { AWS_ENDPOINT_URL_SCHEDULER: own, AWS_ENDPOINT_URL: all } = process.env;
      const endpoint = own || all || null;
      return await withLambda(arn, (client) => findSchedules(client, arn, endpoint, deadline));
    },
    alarms: async (asked, deadline) => {
      const { findAlarms } = await import('./adapters/cloudwatch/cloudwatch-wiring.ts');
      const arn = asked.functionArn ?? asked.topicArn ?? '';
      return await withCloudWatch(arn, (client) => findAlarms(client, asked, deadline));
    },
    alarmHistory: async (arn, deadline) => {
      const { inspectHistory } = await import('./adapters/cloudwatch/inspect-history.ts');
      return await withCloudWatch(arn, (client) => inspectHistory(client, deadline));
    },
    alarmChildren: async (arn, deadline) => {
      const { findChildren } = await import('./adapters/cloudwatch/cloudwatch-wiring.ts');
      return await withCloudWatch(arn, (client) => findChildren(client, arn, deadline));
    },
  };
}

async function withLambda<T>(
  nameOrArn: string,
  inspect: (client: LambdaClient) => Promise<T>,
): Promise<T> {
  const { LambdaClient } = await import('@aws-sdk/client-lambda');
  const { clientConfig, regionOf } = await import('./compose-aws.ts');
  const client = new LambdaClient({ ...clientConfig, ...regionOf(nameOrArn) });
  return await inspect(client).finally(() => client.destroy());
}

async function withCloudWatch<T>(
  arn: string,
  inspect: (client: CloudWatchClient) => Promise<T>,
): Promise<T> {
  const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
  const { clientConfig, regionOf } = await import('./compose-aws.ts');
  const client = new CloudWatchClient({ ...clientConfig, ...regionOf(arn) });
  return await inspect(client).finally(() => client.destroy());
}
