/** Runs the built Lambda bundle in a process of its own, as the Lambda service does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { LOCAL_ACCOUNT } from '../engines/alarms.ts';
import { builtFile } from './built.ts';
import type { Answer, Failure, Reply } from './reply.ts';

/** A whole environment: nothing of the developer's own is added to it. */
export type Env = Readonly<Record<string, string>>;

export interface Invocation {
  /** Lambda's own retries repeat it. @default a new one */
  readonly awsRequestId?: string;
  /** @default 120 s, the timeout that the product asks for */
  readonly remainingMs?: number;
}

/** A process that serves events, one after the other or several at once. */
export interface FunctionProcess {
  /** Resolves with what the handler returned or threw; rejects when the process ends before that. */
  invoke(event: unknown, invocation?: Invocation): Promise<Reply>;
  /** SIGKILL: no handler runs any more code. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** What the process has logged so far. */
  log(): string;
}

/** Milliseconds that the wall clock of a function process is ahead. */
export const CLOCK_OFFSET = 'TEST_CLOCK_OFFSET_MS';

/** In the account of the alarms of MiniStack. */
const FUNCTION_ARN = `arn:aws:lambda:eu-west-1:${LOCAL_ACCOUNT}:function:model-rollback`;

const START_TIMEOUT_MS = 20_000;
const REMAINING_MS = 120_000;

/**
 * Starts a process and waits until the bundle is loaded.
 * @param file of another release @default what `npm run build` made
 */
export async function startFunction(
  env: Env,
  file: string = builtFile('dist/lambda/index.mjs'),
): Promise<FunctionProcess> {
  const bundle = pathToFileURL(file).href;
  const args = ['--input-type=module', '--eval', HOST_SCRIPT, '--', bundle];
  const child = spawn(process.execPath, args, {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const log = (): string => output.join('');
  const waiting = new Map<string, (told: Told) => void>();
  child.on('message', (told: Told) => waiting.get(told.id)?.(told));
  const ended = endOf(child);
  const ask = (id: string, message: object | null): Promise<Told> => {
    const { promise, resolve } = Promise.withResolvers<Told>();
    waiting.set(id, resolve);
    if (message !== null) child.send({ id, ...message });
    const gone = ended.then((how): never => {
      throw new Error(`the function process ended (${how})\n${log()}`);
    });
    return Promise.race([promise, gone]).finally(() => waiting.delete(id));
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  await ask('ready', null).finally(() => clearTimeout(timer));
  return { invoke: (event, invocation = {}) => invoke(ask, event, invocation), kill, log };
}

// ---------------------------------------------------------------------------------------------------

/** What the host process sends: `ready`, then one for each event. Texts, so that all of it is JSON. */
interface Told {
  readonly id: string;
  readonly answer?: string;
  readonly failure?: Failure;
}

async function invoke(
  ask: (id: string, message: object) => Promise<Told>,
  event: unknown,
  { awsRequestId = randomUUID(), remainingMs = REMAINING_MS }: Invocation,
): Promise<Reply> {
  // As text: Lambda parses an event from JSON too.
  const told = await ask(randomUUID(), { event: JSON.stringify(event), awsRequestId, remainingMs });
  if (told.failure !== undefined) return told.failure;
  return JSON.parse(told.answer ?? 'null') as Answer;
}

function endOf(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  child.once('error', (error) => resolve(String(error)));
  return promise;
}

/**
 * Stands for Lambda's runtime. Ends with its parent, since the channel then closes. The clock is moved by
 * CLOCK_OFFSET; the monotonic ones go on as they are.
 */
const HOST_SCRIPT = `
const offsetMs = Number(process.env.${CLOCK_OFFSET} ?? 0);
if (offsetMs !== 0) {
  const now = Date.now;
  globalThis.Date = new Proxy(Date, {
    construct: (real, args) => Reflect.construct(real, args.length === 0 ? [now() + offsetMs] : args),
    get: (real, name) => (name === 'now' ? () => now() + offsetMs : Reflect.get(real, name)),
  });
}
const invokedFunctionArn = '${FUNCTION_ARN}';
const { handler } = await import(process.argv[1]);
process.on('disconnect', () => process.exit(0));
process.on('message', async ({ id, event, awsRequestId, remainingMs }) => {
  const endsAt = performance.now() + remainingMs;
  const getRemainingTimeInMillis = () => Math.max(0, Math.floor(endsAt - performance.now()));
  try {
    const context = { awsRequestId, invokedFunctionArn, getRemainingTimeInMillis };
    const answer = await handler(JSON.parse(event), context);
    process.send({ id, answer: JSON.stringify(answer) });
  } catch (error) {
    const { name: errorType, message, code = null } = error;
    process.send({ id, failure: { errorType, message, code } });
  }
});
process.send({ id: 'ready' });
`;
