import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { ConsoleNotifier } from './adapters/console/console-notifier.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { assemble, type Composed, type ComposeOptions } from './assemble.ts';
import {
  alarmsOnDemand,
  authorizerFor,
  furtherChannels,
  openStore,
  registryClass,
} from './compose.ts';
import type { Config } from './config/config-from-env.ts';
import type { ModelRollbackError } from './domain/errors.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { RollbackStore } from './ports/rollback-store.ts';
import type { Surroundings } from './ports/surroundings.ts';

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
    logger: options.logger,
  });
  const around = openSurroundings(config, authorizer);
  const isStoreKnown = broken.storeError === null;
  return { ...composed, around: isStoreKnown ? around : { ...around, state: async () => [] } };
}

// ---------------------------------------------------------------------------------------------------

function brokenStore(error: unknown): RollbackStore {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return {
    read: fail,
    readNotice: fail,
    write: fail,
    list: fail,
    listDue: fail,
    readHeads: fail,
    listLive: fail,
    close: () => undefined,
  };
}

function brokenAuthorizer(error: unknown): Authorizer {
  const authorize = async (): Promise<never> => {
    throw error;
  };
  return {
    source: 'the settings',
    iamService: null,
    authorize,
    renew: async () => null,
    close: () => undefined,
  };
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
      const { inspectOne } = await import('./compose-inspect.ts');
      return await Promise.all(config.channels.map((channel) => inspectOne(channel, deadline)));
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
