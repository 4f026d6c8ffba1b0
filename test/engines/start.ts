/**
 * Starts the engines on 127.0.0.1, each on a free port and in a temporary folder of its own.
 * Their output goes to `.reports/engines/`.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EngineName, engineFolder, installEngine, LOG_FOLDER } from './install.ts';
import { MLFLOW_VERSION, type MLflowVersion, mlflowName } from './mlflow-versions.ts';
import { type Child, freePort, logTail, startChild } from './processes.ts';

export interface RunningEngine {
  /** The base URL, without a slash at its end. */
  readonly url: string;
  /** The leader of the engine's process group. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface MLflowOptions {
  readonly version?: MLflowVersion;
  /** A database of its own, in place of a new one on SQLite. */
  readonly databaseUri?: string;
  /** Starts the basic-auth app with this user as its admin; the password has 12 characters or more. */
  readonly basicAuth?: { readonly username: string; readonly password: string };
  /** What a login may do without a grant. @default READ */
  readonly defaultPermission?: 'READ' | 'NO_PERMISSIONS';
  /** Workspaces are switched on. */
  readonly hasWorkspaces?: boolean;
  /** A server that answers every registry call with 503. */
  readonly artifactsOnly?: boolean;
  /** Starts with a slash; is part of the returned URL. */
  readonly staticPrefix?: string;
  readonly workers?: number;
  /**
   * Webhooks with a secret, to addresses of this machine, known to the server at once. `keyless`: it has no key to
   * encrypt secrets with.
   */
  readonly webhooks?: 'sound' | 'keyless';
}

interface Launch {
  readonly name: EngineName;
  readonly readyTimeoutMs: number;
  command(place: Place): Command;
  /** Answers whether the engine does its work, not only whether its port is open. */
  isReady(url: string): Promise<boolean>;
  readonly path?: string;
}

interface Place {
  readonly port: number;
  readonly folder: string;
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Of the admin of the MLflow with a login that the suites share. */
export const GUARD_LOGIN = { username: 'admin', password: 'correct horse % battery' } as const;

const ATTEMPTS_MAX = 3;
const PROBE_TIMEOUT_MS = 3_000;
const PROBE_PAUSE_MS = 100;
const PORT_TAKEN = /already in use|EADDRINUSE|BindException|Failed to bind/i;

/** Starts the real MLflow tracking server, by itself on SQLite; ready when a registry call answers. */
export function startMlflow(options: MLflowOptions = {}): Promise<RunningEngine> {
  const headers: Record<string, string> = {};
  if (options.basicAuth !== undefined) {
    const { username, password } = options.basicAuth;
    const login = Buffer.from(`${username}:${password}`).toString('base64');
    headers['Authorization'] = `Basic ${login}`;
  }
  return start({
    name: mlflowName(options.version ?? MLFLOW_VERSION),
    readyTimeoutMs: 90_000,
    path: options.staticPrefix ?? '',
    command: (place) => mlflowCommand(options, place),
    isReady: async (url) => {
      // Not /health, which may answer 200 while the workers crash one after the other.
      const search = `${url}/api/2.0/mlflow/registered-models/search?max_results=1`;
      const response = await probe(search, { headers });
      return response.status === (options.artifactsOnly === true ? 503 : 200);
    },
  });
}

/** Starts DynamoDB Local in memory. It has no option to listen on the loopback interface only. */
export function startDynamoDBLocal(): Promise<RunningEngine> {
  return start({
    name: 'dynamodb',
    readyTimeoutMs: 60_000,
    command: dynamoDBCommand,
    isReady: async (url) => {
      const credential = 'Credential=test/20260101/eu-west-1/dynamodb/aws4_request';
      const response = await probe(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-amz-json-1.0',
          'X-Amz-Target': 'DynamoDB_20120810.ListTables',
          Authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`,
        },
        body: '{}',
      });
      return response.status === 200;
    },
  });
}

/** Starts MiniStack: SNS, SQS and more behind one port. */
export function startMiniStack(): Promise<RunningEngine> {
  return start({
    name: 'ministack',
    readyTimeoutMs: 60_000,
    command: miniStackCommand,
    isReady: async (url) => (await probe(`${url}/_ministack/health`, {})).status === 200,
  });
}

function mlflowCommand(options: MLflowOptions, { port, folder }: Place): Command {
  const args = ['server', '--host', '127.0.0.1', '--port', String(port)];
  args.push('--workers', String(options.workers ?? 1));
  args.push('--artifacts-destination', join(folder, 'artifacts'));
  if (options.artifactsOnly === true) {
    // Such a server refuses to start when it is given a database.
    args.push('--artifacts-only');
  } else {
    const databaseUri = options.databaseUri ?? `sqlite:///${join(folder, 'mlflow.db')}`;
    // The default since 2.0; before, a server with a database does not start without it.
    args.push('--backend-store-uri', databaseUri, '--serve-artifacts');
  }
  if (options.hasWorkspaces === true) args.push('--enable-workspaces');
  if (options.staticPrefix !== undefined) {
    args.push('--static-prefix', options.staticPrefix);
  }
  const bin = join(engineFolder(mlflowName(options.version ?? MLFLOW_VERSION)), 'bin');
  const env: NodeJS.ProcessEnv = {
    ...environmentWithout(/^(MLFLOW_|PG)/),
    // MLflow 2.3 starts gunicorn by its bare name.
    PATH: [bin, process.env['PATH']].join(delimiter),
    PYTHONUNBUFFERED: '1',
    MLFLOW_DISABLE_TELEMETRY: 'true',
    // Seven more processes that serve no registry call.
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  };
  if (options.webhooks !== undefined) {
    // A key of Fernet: 32 bytes, in base64 with - and _.
    const key = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    if (options.webhooks === 'sound') env['MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY'] = key;
    env['MLFLOW_WEBHOOK_ALLOWED_SCHEMES'] = 'http,https';
    env['MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS'] = 'true';
    env['MLFLOW_WEBHOOK_CACHE_TTL'] = '0';
  }
  if (options.basicAuth !== undefined) {
    const file = join(folder, 'basic-auth.ini');
    writeFileSync(file, basicAuthConfig(options, options.basicAuth, folder), { mode: 0o600 });
    args.push('--app-name', 'basic-auth');
    env['MLFLOW_AUTH_CONFIG_PATH'] = file;
    env['MLFLOW_FLASK_SERVER_SECRET_KEY'] = randomBytes(16).toString('hex');
  }
  // Not `python -m mlflow`, which 1.30 does not know.
  return { command: join(bin, 'mlflow'), args, env };
}

function basicAuthConfig(
  { defaultPermission = 'READ' }: MLflowOptions,
  { username, password }: { username: string; password: string },
  folder: string,
): string {
  // Python's configparser reads a percent sign as the start of a reference.
  const escaped = (value: string): string => value.replaceAll('%', '%%');
  return [
    '[mlflow]',
    `default_permission = ${defaultPermission}`,
    `database_uri = sqlite:///${escaped(join(folder, 'basic-auth.db'))}`,
    `admin_username = ${escaped(username)}`,
    `admin_password = ${escaped(password)}`,
    'authorization_function = mlflow.server.auth:authenticate_request_basic_auth',
    '',
  ].join('\n');
}

function dynamoDBCommand({ port, folder }: Place): Command {
  const library = join(engineFolder('dynamodb'), 'lib');
  return {
    command: 'java',
    args: [
      `-Djava.library.path=${library}`,
      `-Djava.io.tmpdir=${folder}`,
      '-Xmx512m',
      '-cp',
      join(library, '*'),
      'software.amazon.dynamodb.services.local.main.ServerRunner',
      '-inMemory',
      '-sharedDb',
      '-disableTelemetry',
      '-port',
      String(port),
    ],
    env: process.env,
  };
}

function miniStackCommand({ port, folder }: Place): Command {
  return {
    command: join(engineFolder('ministack'), 'bin', 'python'),
    args: ['-m', 'ministack'],
    env: {
      // Its functions get this environment too.
      ...environmentWithout(/^(AWS|MINISTACK|LOCALSTACK|S3|MLFLOW|ROLLBACK|ALERT)_|^SERVICES$/),
      // It runs a function of any nodejs runtime on the first node of its path.
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      PYTHONUNBUFFERED: '1',
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      MINISTACK_REGION: 'eu-west-1',
      GATEWAY_PORT: String(port),
      S3_DATA_DIR: join(folder, 's3'),
      TMPDIR: folder,
    },
  };
}

/** What a developer has set for their own servers must not reach the engine. */
function environmentWithout(names: RegExp): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !names.test(name));
  return Object.fromEntries(entries);
}

async function start(launch: Launch): Promise<RunningEngine> {
  await installEngine(launch.name);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const logFile = join(LOG_FOLDER, `${launch.name}-${port}.log`);
    const ownFolder = mkdtempSync(join(tmpdir(), `model-rollback-${launch.name}-`));
    let child: Child | undefined;
    try {
      const command = launch.command({ port, folder: ownFolder });
      child = await startChild({ ...command, cwd: ownFolder, logFile, ownFolder });
      const url = `http://127.0.0.1:${port}${launch.path ?? ''}`;
      const failure = await waitUntilReady(launch, child, url);
      if (failure === null) {
        return { url, pid: child.pid, stop: child.stop };
      }
      throw new Error(`${launch.name} did not come up: ${failure}\n${logTail(logFile)}`);
    } catch (error) {
      await child?.stop();
      rmSync(ownFolder, { recursive: true, force: true });
      // Between our look and its bind another process may have taken the port.
      const isPortTaken = error instanceof Error && PORT_TAKEN.test(error.message);
      if (!isPortTaken || attempt >= ATTEMPTS_MAX) {
        throw error;
      }
    }
  }
}

async function waitUntilReady(launch: Launch, child: Child, url: string): Promise<string | null> {
  const deadline = performance.now() + launch.readyTimeoutMs;
  let last = 'no answer';
  while (performance.now() < deadline) {
    let isReady = false;
    try {
      isReady = await launch.isReady(url);
      last = isReady ? 'ready' : 'not the expected answer';
    } catch (error) {
      last = String(error);
    }
    // After the answer: it may have come from a stranger on the port that our process lost.
    const ended = child.ended();
    if (ended !== null) {
      return ended;
    }
    if (isReady) {
      return null;
    }
    await delay(PROBE_PAUSE_MS);
  }
  return `not ready after ${launch.readyTimeoutMs} ms (${last})`;
}

async function probe(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  await response.arrayBuffer();
  return response;
}
