import { userInfo } from 'node:os';
import { type Composed, clock, jsonLogger } from '../assemble.ts';
import { compose, openStore } from '../compose.ts';
import { configFromEnv, storeFromEnv, workspaceFromEnv } from '../config/config-from-env.ts';
import { limits } from '../domain/limits.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import type { RecordList, RollbackStore } from '../ports/rollback-store.ts';
import type { CommandContext } from './command.ts';
import { safe } from './render.ts';

/** Opens what a verb works with, and closes it whatever happens. */
export async function withComposed<T>(
  context: CommandContext,
  work: (composed: Composed, startDeadline: () => Deadline) => Promise<T>,
): Promise<T> {
  const config = configFromEnv(context.env, 'command');
  for (const warning of config.warnings) context.say(`warning: ${safe(warning.message)}`);
  const composed = await compose(config, {
    logger: jsonLogger((line) => context.say(line), 'warn'),
    writeNotice: (text) => context.say(text.trimEnd()),
  });
  try {
    // A person may think for a while: each step that needs a deadline starts its own.
    return await work(composed, () => deadlineAfter(clock, limits.defaultBudgetMs));
  } finally {
    composed.close();
  }
}

/** The same for verbs that need the state store alone. */
export async function withStore<T>(
  context: CommandContext,
  work: (store: RollbackStore, deadline: Deadline) => Promise<T>,
): Promise<T> {
  const store = await openStore(
    storeFromEnv(context.env, 'command'),
    workspaceFromEnv(context.env),
  );
  try {
    return await work(store, deadlineAfter(clock, limits.defaultBudgetMs));
  } finally {
    store.close();
  }
}

/** What of a list cannot be read is named; the rest is shown. */
export function warnUnreadable(context: CommandContext, { unreadable }: RecordList): void {
  for (const { why } of unreadable) context.say(`warning: ${safe(why)}`);
}

/** Who sits at this terminal, for the record; null where the machine does not say. */
export function requester(): string | null {
  try {
    return userInfo().username.slice(0, limits.textLengthMax) || null;
  } catch {
    return null;
  }
}
