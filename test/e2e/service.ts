/** Runs `model-rollback serve` of the build, or another verb that serves, as a process, and calls it by HTTP. */
import { spawn } from 'node:child_process';
import { poll } from '../engines/poll.ts';
import { builtFile } from './built.ts';
import type { Env } from './function-process.ts';
import type { Reply } from './reply.ts';

export interface ServiceReply {
  readonly status: number;
  readonly json: Reply;
}

export interface ServiceProcess {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<ServiceReply>;
  post(
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ServiceReply>;
  signal(name: NodeJS.Signals): void;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Lines of its log so far. */
  log(): readonly Readonly<Record<string, unknown>>[];
  stderr(): string;
}

const START_TIMEOUT_MS = 20_000;
const HANDLED_TIMEOUT_MS = 60_000;

/** Sends alerts until none of them is on its way: an answer that takes longer than a second has no results yet. */
export async function postAlerts(service: ServiceProcess, message: object): Promise<ServiceReply> {
  return await poll(
    () => service.post('/v1/alerts', message),
    ({ status }) => status !== 202,
    { timeoutMs: HANDLED_TIMEOUT_MS, pauseMs: 1_000 },
  );
}

/** Starts one, and waits until it prints where it listens. */
export async function startService(
  env: Env,
  args: readonly string[] = [],
  verb: readonly string[] = ['serve'],
): Promise<ServiceProcess> {
  const main = builtFile('dist/cli/main.js');
  const child = spawn(process.execPath, [main, ...verb, ...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const streams = { stdout: '', stderr: '' };
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const listening = Promise.withResolvers<string>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    streams.stdout += text;
    const url = /^(?:listening on|console at) (http:\/\/\S+)\n/.exec(streams.stdout)?.[1];
    if (url !== undefined) listening.resolve(url);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    streams.stderr += text;
  });
  const notStarted = (): void => {
    child.kill('SIGKILL');
    listening.reject(
      new Error(`${verb.join(' ')} did not start:\n${streams.stdout}\n${streams.stderr}`),
    );
  };
  const timer = setTimeout(notStarted, START_TIMEOUT_MS);
  ended.then(notStarted, notStarted);
  const url = await listening.promise.finally(() => clearTimeout(timer));
  const send = async (path: string, init: RequestInit): Promise<ServiceReply> => {
    const response = await fetch(url + path, init);
    return { status: response.status, json: (await response.json()) as Reply };
  };
  const { hostname: host, port } = new URL(url);
  return {
    url,
    host,
    port: Number(port),
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    signal: (name) => child.kill(name),
    ended,
    log: () =>
      streams.stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    stderr: () => streams.stderr,
  };
}
