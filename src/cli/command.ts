import type { ParseArgsOptionsConfig } from 'node:util';
import type { Env } from '../config/config-from-env.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Screen } from './render/fitted-table.ts';
import type { Style } from './render/style.ts';

/** What a verb sees of the outside. */
export interface CommandContext {
  readonly env: Env;
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly isJson: boolean;
  readonly style: Style;
  /** Of the terminal; null where the output goes elsewhere: then nothing is cut or wrapped. */
  readonly columns: number | null;
  /** The same for its rows; where there are some, the screen can be drawn anew. */
  readonly rows: number | null;
  /** The result: JSON with `--json`, else text. */
  print(text: string, json: unknown): void;
  /** Progress, notices, warnings: stderr. */
  say(text: string): void;
  /** A line of the log of a service: stderr, as it is. */
  log(line: string): void;
  /** Work that may take a while: a terminal shows a line on stderr meanwhile, which goes away. */
  during<T>(what: string, work: (update: (what: string) => void) => Promise<T>): Promise<T>;
  /** For a verb that goes on until it is stopped, or says what it leaves behind when it is. */
  listen(): Interrupt;
  /** Which store the verb works on: a field of a JSON object, else a line on stderr. */
  showState(label: string): void;
  /** Asks a person; null when nobody is there to ask. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
}

/** Ctrl-C, an end by the system, or an output that nobody reads any more. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** Waits so long, or until the signal. */
  wait(ms: number): Promise<void>;
  /** From now on an interrupt ends the process again. */
  close(): void;
}

/** One verb of the command. */
export interface Command {
  readonly name: string;
  /** Behind the name: `MODEL [VERSION]`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: ParseArgsOptionsConfig;
  /** One line per option of `options`. */
  readonly optionHelp: Readonly<Record<string, string>>;
  /** Least and most number of positional arguments. */
  readonly arity: readonly [number, number];
  readonly examples: readonly string[];
  run(context: CommandContext): Promise<ExitCode>;
}

/** A text option, if it was given. */
export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Where its tables are shown. */
export function screenOf({ columns, style }: CommandContext): Screen {
  return { columns, times: style.times };
}
