/** The three real engines, a state table, a topic, and models to roll back. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { createTable } from '../src/adapters/dynamodb/dynamodb-table.ts';
import { reindex } from '../src/adapters/dynamodb/reindex.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../src/adapters/system/system-identity.ts';
import { functionFiles } from '../src/config/function-files.ts';
import { type RegistryServer, startRegistryServer } from '../src/embedded/registry-server.ts';
import { awsEnvironment, localClientConfig } from '../test/engines/aws.ts';
import { engineFolder } from '../test/engines/install.ts';
import { MLflowAdmin } from '../test/engines/mlflow-admin.ts';
import {
  type RunningEngine,
  startDynamoDBLocal,
  startMiniStack,
  startMlflow,
} from '../test/engines/start.ts';
import type { Command } from './processes.ts';

export interface World {
  /** Of the MLflow server. */
  readonly workers: number;
  readonly mlflowUrl: string;
  readonly dynamodbUrl: string;
  readonly snsUrl: string;
  readonly tableName: string;
  readonly topicArn: string;
  readonly embedded: RegistryServer;
  /** The entry of the function, copied: another build in the same folder must not pull it away. */
  readonly bundle: string;
  readonly python: string;
  /** MLflow's own database; null where the system does not tell where it is. */
  readonly mlflowDatabase: string | null;
  /** For a process under measurement: the engines, and nothing that a developer has set. */
  readonly env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '..');
const tableName = 'model-rollback-bench';

/** @param workers of the MLflow server */
export async function startWorld(workers: number): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-bench-'));
  const bundle = join(folder, 'index.mjs');
  for (const name of functionFiles) {
    copyFileSync(join(root, 'dist', 'lambda', name), join(folder, name));
  }
  const started = await Promise.allSettled([
    startMlflow({ workers }),
    startDynamoDBLocal(),
    startMiniStack(),
  ]);
  const engines = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(engines.map((engine) => engine.stop()));
  };
  try {
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const [mlflow, dynamodb, ministack] = engines as [RunningEngine, RunningEngine, RunningEngine];
    const python = join(engineFolder('mlflow'), 'bin', 'python');
    const topicArn = await createTopic(ministack.url);
    await createStateTable(dynamodb.url);
    const embedded = await startRegistryServer();
    return {
      workers,
      mlflowUrl: mlflow.url,
      dynamodbUrl: dynamodb.url,
      snsUrl: ministack.url,
      tableName,
      topicArn,
      embedded,
      bundle,
      python,
      mlflowDatabase: databaseOf(mlflow),
      env: {
        ...inheritedEnvironment(),
        ...withoutEmpty(
          awsEnvironment({
            dynamodb: dynamodb.url,
            sns: ministack.url,
            cloudWatch: ministack.url,
          }),
        ),
        MLFLOW_TRACKING_URI: mlflow.url,
        ROLLBACK_STATE_TABLE: tableName,
        ALERT_SNS_TOPIC_ARN: topicArn,
        BENCH_ABSENT: absentModules(python),
      },
      stop: async () => {
        await embedded.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param bundle of another release */
export function bundleCommand(
  world: World,
  env: NodeJS.ProcessEnv = {},
  bundle: string = world.bundle,
): Command {
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, 'node-handler.mjs'), bundle],
    env: { ...world.env, ...env },
  };
}

export function pythonCommand(world: World): Command {
  const script = join(import.meta.dirname, 'python-handler.py');
  return { command: world.python, args: [script], env: world.env };
}

let modelCount = 0;

/** New registered models with the versions 1 to 3, of which 3 is live and the others were. */
export async function newModels(world: World, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, newName);
  const admin = new MLflowAdmin(world.mlflowUrl);
  for (const name of names) {
    if (world.mlflowDatabase === null) {
      await admin.seedModel(name, ['Archived', 'Archived', 'Production']);
    } else seedMlflow(world.mlflowDatabase, name, 3, 3);
  }
  return names;
}

/** Names of one length, so that requests about them are of one size. */
export function newName(): string {
  modelCount += 1;
  return `bench-${String(modelCount).padStart(6, '0')}`;
}

/** The versions 1 to `count`, promoted one after the other in the past; `live` is live. */
export function seedHistory(world: World, name: string, count: number, live: number): void {
  if (world.mlflowDatabase === null) seedEmbedded(world, name, count, live);
  else seedMlflow(world.mlflowDatabase, name, count, live);
}

// ---------------------------------------------------------------------------------------------------

function inheritedEnvironment(): NodeJS.ProcessEnv {
  // Of a proxy too: a Python client would send what is for 127.0.0.1 through it.
  const unwanted = /^(AWS|MLFLOW|ROLLBACK|ALERT|NODE|PYTHON|npm)_|_proxy$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.test(name)));
}

/** boto3 takes an empty AWS_PROFILE for a name; what a developer has set is gone already. */
function withoutEmpty(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

function absentModules(python: string): string {
  const script = join(import.meta.dirname, 'python-absent.py');
  return execFileSync(python, [script], { encoding: 'utf8' }).trim().split('\n').join(',');
}

async function createTopic(endpoint: string): Promise<string> {
  const sns = new SNSClient(localClientConfig(endpoint));
  const { TopicArn: arn } = await sns.send(new CreateTopicCommand({ Name: 'bench' }));
  sns.destroy();
  if (arn === undefined) throw new Error('the topic has no ARN');
  return arn;
}

async function createStateTable(endpoint: string): Promise<void> {
  const client = new DynamoDBClient(localClientConfig(endpoint));
  await createTable(client, tableName, systemClock);
  // The first write of all finds out where index entries go, with calls that no later one makes.
  const parts = { clock: systemClock, identity: systemIdentity };
  const onProgress = (): void => undefined;
  await reindex(client, parts, { tableName, workspace: '', layout: 'sharded', onProgress });
  client.destroy();
}

/** The engine works in a folder of its own, which holds the database too. */
function databaseOf(mlflow: RunningEngine): string | null {
  try {
    return join(readlinkSync(`/proc/${mlflow.pid}/cwd`), 'mlflow.db');
  } catch {
    return null;
  }
}

interface SeededRow {
  readonly version: number;
  readonly stage: 'None' | 'Archived' | 'Production';
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** One version a minute; each was promoted half a minute later, and archived by the next promotion. */
function* historyRows(count: number, live: number): Generator<SeededRow> {
  const startMs = Date.now() - (count + 5) * 60_000;
  for (let version = 1; version <= count; version += 1) {
    const createdAtMs = startMs + version * 60_000;
    const promotedAtMs = createdAtMs + 30_000;
    if (version > live) {
      yield { version, stage: 'None', createdAtMs, updatedAtMs: createdAtMs };
    } else if (version === live) {
      yield { version, stage: 'Production', createdAtMs, updatedAtMs: promotedAtMs };
    } else {
      yield { version, stage: 'Archived', createdAtMs, updatedAtMs: promotedAtMs + 60_000 };
    }
  }
}

function seedEmbedded(world: World, name: string, count: number, live: number): void {
  const versions = [...historyRows(count, live)].map(({ createdAtMs, updatedAtMs, ...row }) => ({
    ...row,
    creationTimestamp: createdAtMs,
    lastUpdatedTimestamp: updatedAtMs,
  }));
  world.embedded.seed(name, versions);
}

/** 10,000 versions over REST would take minutes. */
function seedMlflow(path: string, name: string, count: number, live: number): void {
  const database = new DatabaseSync(path, { timeout: 20_000 });
  const now = Date.now();
  try {
    database.exec('BEGIN IMMEDIATE');
    database
      .prepare(
        'INSERT INTO registered_models (name, creation_time, last_updated_time, description) VALUES (?, ?, ?, ?)',
      )
      .run(name, now, now, '');
    const insert = database.prepare(
      `INSERT INTO model_versions
         (name, version, creation_time, last_updated_time, current_stage, source, run_id, status)
       VALUES (?, ?, ?, ?, ?, ?, '', 'READY')`,
    );
    for (const { version, stage, createdAtMs, updatedAtMs } of historyRows(count, live)) {
      insert.run(name, version, createdAtMs, updatedAtMs, stage, `s3://models/${name}/${version}`);
    }
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}
