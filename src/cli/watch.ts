import { clock } from '../assemble.ts';
import { isModelRollbackError, messageOf } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { isoTime } from '../domain/registry/model.ts';
import type { CommandContext } from './command.ts';
import { ExitCode } from './exit-codes.ts';

/** What is watched, at one time. */
export interface Watched {
  /** A whole screen. */
  readonly screen: string;
  /** How a log of changes begins. */
  readonly first: string;
  /** One line for each thing that may change, by its name. */
  readonly lines: ReadonlyMap<string, string>;
}

/** Short enough to see a rollback go by, long enough for a shared table. */
const pauseMs = 5_000;

/**
 * Shows what is read, again and again, until somebody stops it: a terminal is drawn anew, elsewhere each change is a
 * line. What may pass (a store that does not answer) is shown, and does not end it.
 * @throws what a retry does not cure
 */
export async function watch(
  context: CommandContext,
  read: () => Promise<Watched>,
): Promise<ExitCode> {
  const interrupt = context.listen();
  const { signal } = interrupt;
  const stopped = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  let before: Watched | null = null;
  try {
    while (!signal.aborted) {
      const found = await Promise.race([readOrSay(context, read), stopped]);
      if (found !== null) {
        show(context, found, before);
        before = found;
      }
      if (!signal.aborted) await interrupt.wait(pauseMs);
    }
    return ExitCode.DONE;
  } finally {
    interrupt.close();
  }
}

// ---------------------------------------------------------------------------------------------------

async function readOrSay(
  context: CommandContext,
  read: () => Promise<Watched>,
): Promise<Watched | null> {
  try {
    return await read();
  } catch (error) {
    if (!isModelRollbackError(error) || !error.isRetryable) throw error;
    context.say(`warning: ${escapeText(messageOf(error))}`);
    return null;
  }
}

function show(context: CommandContext, found: Watched, before: Watched | null): void {
  const { rows, style } = context;
  if (rows !== null) {
    const shown = found.screen.split('\n').slice(0, Math.max(1, rows - 2));
    const lines = [...shown, style.dim('Ctrl-C ends it.')].map((line) => `${line}${clearLine}`);
    const start = before === null ? clearScreen : toTop;
    context.print(`${start}${lines.join('\n')}${clearBelow}`, null);
    return;
  }
  if (before === null) context.print(found.first, null);
  else for (const line of changes(found.lines, before.lines)) context.print(stamped(line), null);
}

function changes(now: Watched['lines'], before: Watched['lines']): readonly string[] {
  return [
    ...[...now].flatMap(([name, line]) => (before.get(name) === line ? [] : [line])),
    ...[...before].flatMap(([name, line]) =>
      now.has(name) ? [] : [`not listed any more: ${line}`],
    ),
  ];
}

function stamped(line: string): string {
  return `${isoTime(clock.nowMs())}  ${line}`;
}

const clearScreen = '\u001b[2J\u001b[H';
const toTop = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
