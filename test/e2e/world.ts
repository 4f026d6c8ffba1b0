/** What a suite of this folder runs in: real engines, a state table and a watched topic of its own. */
import { tmpdir } from 'node:os';
import { CreateTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  awsEnvironment,
  createWatchedTopic,
  localClientConfig,
  receiveNotices,
  type WatchedTopic,
} from '../engines/aws.ts';
import {
  type Engine,
  engine,
  type Registry,
  sharedRegistry,
  uniqueName,
} from '../engines/engines.ts';
import { type AdminVersion, MLflowAdmin, type Stage } from '../engines/mlflow-admin.ts';
import type { ServerTraits } from '../engines/mlflow-versions.ts';
import { firstTable } from '../fakes/first-table.ts';
import { runCommand } from './command.ts';
import type { Env } from './function-process.ts';
import type { Answer } from './reply.ts';

/** Variables on top of the usual ones; an empty text takes one away. */
export type Settings = Readonly<Record<string, string>>;

/** A notice as a subscriber got it. */
export interface ReceivedNotice {
  readonly subject: string;
  readonly message: Readonly<Record<string, unknown>>;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface World {
  readonly mlflow: MLflowAdmin;
  readonly traits: ServerTraits;
  readonly tableName: string;
  readonly topicArn: string;
  /** The whole environment of a process that works with the engines. */
  env(settings?: Settings): Env;
  /** Seeds a registered model (see MLflowAdmin.seedModel) under a new name. */
  model(stages: readonly Stage[], prefix?: string): Promise<string>;
  /** `history MODEL --json`; null for all registered models. */
  history(model: string | null, settings?: Settings): Promise<readonly Answer[]>;
  /** Every notice about a model that was published so far. */
  notices(model: string): Promise<readonly ReceivedNotice[]>;
  /** Everything that was published so far, also what names no model. */
  published(): Promise<readonly ReceivedNotice[]>;
  /** The versions of a model, and all items of the table. */
  stored(model: string): Promise<Stored>;
  /** Everything that a dry run or a refused request must leave alone. */
  everything(model: string): Promise<Everything>;
}

export interface Stored {
  readonly versions: readonly AdminVersion[];
  readonly items: readonly unknown[];
}

export interface Everything extends Stored {
  readonly notices: readonly ReceivedNotice[];
}

const engines: readonly Engine[] = [engine('mlflow'), engine('dynamodb'), engine('ministack')];
const SENTINEL_TIMEOUT_MS = 10_000;

/** True when an engine is missing on this machine. */
export const isEngineMissing: boolean = engines.some(({ isMissing }) => isMissing);

/** The title of a suite, with the reason when it is skipped. */
export function suiteTitle(text: string): string {
  return engines.reduce((title, { title: titled }) => titled(title), text);
}

/** The environment of a process without any AWS or MLflow setting. */
export function bareEnv(settings: Settings = {}): Env {
  const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), TZ: 'UTC', ...settings };
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

export interface WorldOptions {
  /** The table is one that release 0.1.0 made. */
  readonly isFirstTable?: boolean;
  /** In place of the shared one. */
  readonly dynamodb?: { readonly url: string };
}

/** Makes the topic, its queue and, by the command, the state table. */
export async function createWorld(
  registry: Registry = sharedRegistry(),
  { isFirstTable = false, dynamodb: own }: WorldOptions = {},
): Promise<World> {
  const ministack = engine('ministack');
  const dynamodb = own ?? engine('dynamodb');
  const tableName = uniqueName('rollback-state');
  const topic = await createWatchedTopic(ministack.url, uniqueName('notices'));
  const admin = new MLflowAdmin(registry.url);
  const env = (settings: Settings = {}): Env =>
    bareEnv({
      ...awsEnvironment({
        dynamodb: dynamodb.url,
        sns: ministack.url,
        cloudWatch: ministack.url,
        lambda: ministack.url,
      }),
      MLFLOW_TRACKING_URI: registry.url,
      ROLLBACK_STATE_TABLE: tableName,
      ALERT_SNS_TOPIC_ARN: topic.topicArn,
      // The suites share a registry with many models; observing.test.ts has one of its own.
      ROLLBACK_OBSERVE_MINUTES: '0',
      ...settings,
    });
  const client = new DynamoDBClient(localClientConfig(dynamodb.url));
  if (isFirstTable) await client.send(new CreateTableCommand(firstTable(tableName)));
  else {
    const made = await runCommand(['create-table', '--json'], env());
    if (made.exitCode !== 0) throw new Error(made.stderr);
  }
  const inbox = openInbox(ministack.url, topic);
  const notices = async (model: string): Promise<readonly ReceivedNotice[]> =>
    (await inbox()).filter(({ message }) => message['model_name'] === model);
  const stored = async (model: string): Promise<Stored> => {
    const [versions, items] = await Promise.all([admin.versions(model), scan(client, tableName)]);
    return { versions, items };
  };
  return {
    mlflow: admin,
    traits: registry.traits,
    tableName,
    topicArn: topic.topicArn,
    env,
    model: async (stages, prefix = 'model') => {
      const name = uniqueName(prefix);
      await admin.seedModel(name, stages);
      return name;
    },
    history: async (model, settings) => {
      const { json, exitCode, stderr } = await runCommand(
        ['history', ...(model === null ? [] : [model]), '--json'],
        env(settings),
      );
      if (exitCode !== 0) throw new Error(stderr);
      return json as Answer[];
    },
    notices,
    published: inbox,
    stored,
    everything: async (model) => ({
      ...(await stored(model)),
      notices: await notices(model),
    }),
  };
}

// ---------------------------------------------------------------------------------------------------

/**
 * Collects what a queue gets. Before it answers it publishes a message of its own and waits for that
 * one: what was published earlier has come by then, so that "no notice" needs no waiting time.
 */
function openInbox(
  endpoint: string,
  topic: WatchedTopic,
): () => Promise<readonly ReceivedNotice[]> {
  const sns = new SNSClient(localClientConfig(endpoint));
  const received: ReceivedNotice[] = [];
  const look = async (): Promise<readonly ReceivedNotice[]> => {
    const sentinel = uniqueName('sentinel');
    await sns.send(
      new PublishCommand({ TopicArn: topic.topicArn, Message: JSON.stringify({ sentinel }) }),
    );
    let isSentinelIn = false;
    for (;;) {
      const timeoutMs = isSentinelIn ? 1 : SENTINEL_TIMEOUT_MS;
      const [notice] = await receiveNotices(topic.queueUrl, { count: 1, timeoutMs });
      if (notice === undefined && isSentinelIn) return [...received];
      if (notice === undefined) throw new Error(`${sentinel} did not come`);
      const message = JSON.parse(notice.message) as Record<string, unknown>;
      if (message['sentinel'] === sentinel) isSentinelIn = true;
      else received.push({ ...notice, message });
    }
  };
  // One look at a time: two would take each other's messages.
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const next = last.then(look, look);
    last = next;
    return next;
  };
}

async function scan(client: DynamoDBClient, tableName: string): Promise<readonly unknown[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateScan({ client }, { TableName: tableName })) {
    items.push(...(page.Items ?? []));
  }
  return items.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
