import type { ParseArgsOptionsConfig } from 'node:util';
import { commandText } from '../domain/command-line.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { limits } from '../domain/limits.ts';
import { type ListPosition, parsePosition, positionText } from '../domain/record/list-position.ts';
import type { ListPage } from '../ports/rollback-store.ts';
import { type CommandContext, textOption } from './command.ts';

/** `--limit` and `--before`, for verbs that list. */
export const pageOptions: ParseArgsOptionsConfig = {
  limit: { type: 'string' },
  before: { type: 'string' },
};

export const pageOptionHelp: Readonly<Record<string, string>> = {
  limit: `show at most so many (default: ${limits.historyRows}, at most ${limits.historyRowsMax})`,
  before: 'show only what is older than this time, or what comes after the page before',
};

/** @throws InvalidRequestError */
export function pageOf(context: CommandContext): ListPage & { readonly limit: number } {
  const limit = textOption(context, 'limit');
  const before = textOption(context, 'before');
  return {
    limit: limit === undefined ? limits.historyRows : rowsOf(limit),
    ...(before === undefined ? {} : { before: parsePosition(before, '--before') }),
  };
}

/** On stderr: a list has a fixed shape. */
export function sayNextPage(
  context: CommandContext,
  verb: 'history',
  next: ListPosition | undefined,
): void {
  if (next === undefined) return;
  const [model] = context.positionals;
  const command = commandText(verb, model === undefined ? [] : [model], {
    limit: textOption(context, 'limit'),
    before: positionText(next),
  });
  context.say(`There are more. To see the next page, run ${escapeText(command)}.`);
}

// ---------------------------------------------------------------------------------------------------

function rowsOf(text: string): number {
  const rows = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (rows >= 1 && rows <= limits.historyRowsMax) return rows;
  throw new InvalidRequestError(
    `--limit: ${escapeText(JSON.stringify(text))} is not a number from 1 to ${limits.historyRowsMax}.`,
  );
}
