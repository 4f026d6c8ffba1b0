import type { ParseArgsOptionsConfig } from 'node:util';
import type { Env } from '../config/config-from-env.ts';
import type { ExitCode } from './exit-codes.ts';
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
  /** The result: JSON with `--json`, else text. */
  print(text: string, json: unknown): void;
  /** Progress, notices, warnings: stderr. */
  say(text: string): void;
  /** Which store the verb works on: a field of a JSON object, else a line on stderr. */
  showState(label: string): void;
  /** Asks a person; null when nobody is there to ask. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
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
