/** Starts the processes under measurement and takes their figures off their output. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export interface Figures {
  /** The pointer was moved. */
  readonly isDone: boolean;
  /** Of several events at once, those that moved a pointer; only processes of Node say it. */
  readonly done?: number;
  /** The call alone, by the clock of the process itself. */
  readonly callMs: number;
  readonly importMs: number;
  /** Processor time of the import and of the call, of all threads. */
  readonly importCpuMs?: number;
  readonly callCpuMs?: number;
  /** The most resident memory that the process ever had. */
  readonly peakKb: number;
}

export interface OnceFigures extends Figures {
  /** From the start of the process to its answer, by the clock of the benchmark. */
  readonly wallMs: number;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** A process that answers one request after the other. */
export interface LongLived {
  ask(event: object): Promise<Figures>;
  stop(): void;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const answerTimeoutMs = 60_000;
const mark = '@bench ';

/** A fresh process that answers one request, named by its last argument. */
export async function runOnce(command: Command, event: string): Promise<OnceFigures> {
  const startedAtMs = performance.now();
  const child = start({ ...command, args: [...command.args, event] });
  const figures = await nextAnswer(child);
  const wallMs = performance.now() - startedAtMs;
  await ended(child.process);
  return { ...figures, wallMs };
}

/**
 * A fresh process that answers one request, which it gets when it has loaded.
 * @param onLoaded called in between, with the id of the process
 */
export async function runFirst(
  command: Command,
  event: object,
  onLoaded: (pid: number) => void,
): Promise<Figures> {
  const child = start(command);
  const timer = setTimeout(() => child.process.kill(), answerTimeoutMs);
  try {
    await child.loaded;
    onLoaded(child.process.pid ?? 0);
    child.process.stdin.end(`${JSON.stringify(event)}\n`);
    return await nextAnswer(child);
  } finally {
    clearTimeout(timer);
    child.process.kill();
    await ended(child.process);
  }
}

export function startLongLived(command: Command): LongLived {
  const child = start(command);
  return {
    ask: async (event) => {
      child.process.stdin.write(`${JSON.stringify(event)}\n`);
      return await nextAnswer(child);
    },
    stop: () => {
      child.process.stdin.end();
      child.process.kill();
    },
  };
}

// ---------------------------------------------------------------------------------------------------

interface Listened {
  readonly process: Child;
  /** It waits for its first event. */
  readonly loaded: Promise<void>;
  /** Everything that it said so far, for the message of an error. */
  said: string;
  /** Set while somebody waits for an answer. */
  waiting: { resolve(figures: Figures): void; reject(error: Error): void } | null;
}

function start({ command, args, env }: Command): Listened {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const {
    promise: loaded,
    resolve: setLoaded,
    reject: failLoading,
  } = Promise.withResolvers<void>();
  // Not everybody waits for it.
  loaded.catch(() => undefined);
  const listened: Listened = { process: child, loaded, said: '', waiting: null };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith(mark)) {
        listened.waiting?.resolve(JSON.parse(line.slice(mark.length)) as Figures);
      } else if (line === '@ready') setLoaded();
      else listened.said += `${line}\n`;
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    listened.said += text;
  });
  child.stdin.on('error', () => undefined);
  child.on('error', (error) => listened.waiting?.reject(error));
  child.on('close', (code, signal) => {
    const end = signal ?? `exit code ${code}`;
    const tail = listened.said.slice(-6_000);
    const error = new Error(`${args[0]} ended (${end}) without an answer:\n${tail}`);
    failLoading(error);
    listened.waiting?.reject(error);
  });
  return listened;
}

async function nextAnswer(child: Listened): Promise<Figures> {
  const { promise, resolve, reject } = Promise.withResolvers<Figures>();
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${answerTimeoutMs} ms:\n${child.said.slice(-6_000)}`));
  }, answerTimeoutMs);
  child.waiting = { resolve, reject };
  try {
    const figures = await promise;
    if (!figures.isDone) throw new Error(`nothing was rolled back:\n${child.said.slice(-6_000)}`);
    return figures;
  } finally {
    clearTimeout(timer);
    child.waiting = null;
  }
}

function ended(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('close', () => resolve());
  return promise;
}
