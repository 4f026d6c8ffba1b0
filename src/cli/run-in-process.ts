import { setTimeout as delay } from 'node:timers/promises';
import type { Interrupt } from './command.ts';
import { run } from './run.ts';

/**
 * The command on this process. A stream that nobody reads any more (`| head`, a connection that was cut)
 * changes neither what is done nor the exit code: what is begun is finished.
 */
export async function runInProcess(): Promise<void> {
  const { stdin, stdout, stderr, env, argv } = process;
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
  // A terminal that is gone: every verb ends by itself, and a question is declined.
  process.on('SIGHUP', () => undefined);
  process.exitCode = await run(argv.slice(2), {
    env,
    // Some terminals report 0: they do not know.
    columns: (stdout.isTTY && stdout.columns) || null,
    rows: stdout.isTTY ? stdout.rows || 24 : null,
    timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    isColoured: (stream) =>
      !env['NO_COLOR'] && (stream === 'stdout' ? stdout : stderr).isTTY === true,
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    line:
      stderr.isTTY && env['TERM'] !== 'dumb' ? (text) => stderr.write(`\r\u001b[K${text}`) : null,
    listen,
    ask: stdin.isTTY && stderr.isTTY ? askPerson : null,
  });
}

// ---------------------------------------------------------------------------------------------------

function listen(): Interrupt {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  process.stdout.on('error', stop);
  return {
    signal: controller.signal,
    wait: async (ms) => {
      await delay(ms, undefined, { signal: controller.signal }).catch(() => undefined);
    },
    close: () => {
      for (const signal of signals) process.off(signal, stop);
      process.stdout.off('error', stop);
    },
  };
}

/**
 * Only a whole line that says yes is one: Ctrl-C, Ctrl-D and a terminal that is gone decline. The terminal
 * edits the line; Node's readline would switch that off, and fails to switch it on again on one that is gone.
 */
async function askPerson(question: string): Promise<boolean> {
  const { stdin, stderr } = process;
  const { promise, resolve } = Promise.withResolvers<string | null>();
  let typed = '';
  const read = (text: string): void => {
    typed += text;
    if (typed.includes('\n')) resolve(typed);
  };
  const decline = (): void => resolve(null);
  stdin.setEncoding('utf8').on('data', read);
  for (const event of ['end', 'error', 'close']) stdin.once(event, decline);
  process.once('SIGINT', decline);
  stderr.write(`${question} [y/N] `);
  const line = await promise;
  for (const event of ['end', 'error', 'close']) stdin.off(event, decline);
  process.off('SIGINT', decline);
  stdin.off('data', read).pause();
  if (line === null) stderr.write('\n');
  return line !== null && /^y(es)?\s*$/i.test(line.split('\n', 1)[0] ?? '');
}
