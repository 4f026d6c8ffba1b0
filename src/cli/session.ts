import { userInfo } from 'node:os';
import { type Composed, clock, jsonLogger } from '../assemble.ts';
import { compose } from '../compose.ts';
import { openStore, storeLabel } from '../compose-store.ts';
import { commandConfig } from '../config/command-config.ts';
import { type Config, type Env, settingsWarnings } from '../config/config-from-env.ts';
import { workspaceFromEnv } from '../config/registry-settings.ts';
import { type StoreConfig, storeFromEnv } from '../config/store-settings.ts';
import { escapeText } from '../domain/escape.ts';
import { limits } from '../domain/limits.ts';
import type { Notice } from '../domain/record/notice-content.ts';
import type { Warning } from '../domain/request/request.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import type { Logger } from '../ports/logger.ts';
import type { RecordList, RollbackStore } from '../ports/rollback-store.ts';
import type { CommandContext } from './command.ts';
import type { AnswerView } from './render/render-answer.ts';

/** What a verb works with that needs registry and state. */
export interface Session extends Composed {
  readonly config: Config;
  readonly view: AnswerView;
  /** A person may think for a while: each step that needs a deadline starts its own. */
  startDeadline(): Deadline;
  /** The answer about this rollback is shown, so a notice that says the same is not. */
  answered(rollbackId: string | null): void;
}

/** Opens what a verb works with, and closes it whatever happens. */
export async function withSession<T>(
  context: CommandContext,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const config = commandConfig(context.env);
  showWarnings(context, config.warnings);
  context.showState(await storeLabel(config.store));
  const notices: Notice[] = [];
  let answeredId: string | null = null;
  const composed = await compose(config, {
    logger: commandLogger(context),
    writeNotice: (text, notice) => {
      if (context.isJson) context.say(text.trimEnd());
      else notices.push(notice);
    },
  });
  const answered = (rollbackId: string | null): void => {
    answeredId = rollbackId;
  };
  try {
    const view = answerView(context, config);
    return await work({ ...composed, config, view, startDeadline, answered });
  } finally {
    composed.close();
    const others = notices.filter(({ message }) => message.rollback_id !== answeredId);
    for (const notice of others) context.say(shortNotice(notice));
  }
}

/** Warnings and errors of the log: lines for people, or with `--json` those that the function writes. */
export function commandLogger(context: Pick<CommandContext, 'isJson' | 'say'>): Logger {
  if (context.isJson) return jsonLogger((line) => context.say(line), 'warn');
  return {
    log: (level, message, { error, stack, ...fields } = {}) => {
      if (level !== 'warn' && level !== 'error') return;
      const word = level === 'warn' ? 'warning' : 'error';
      const facts = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
      const about = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
      const why = error === undefined ? '.' : `: ${String(error)}`;
      const lines = [`${word}: ${message}${about}${why}`, ...String(stack ?? '').split('\n')];
      context.say(
        lines
          .filter((line) => line !== '')
          .map(escapeText)
          .join('\n'),
      );
    },
  };
}

/** The same for verbs that need the state store alone. */
export async function withStore<T>(
  context: CommandContext,
  work: (store: RollbackStore, startDeadline: () => Deadline) => Promise<T>,
): Promise<T> {
  const config = await storeInUse(context, context.env);
  const store = await openStore(config, workspaceFromEnv(context.env));
  try {
    return await work(store, startDeadline);
  } finally {
    store.close();
  }
}

/** What of a list cannot be read is named; the rest is shown. */
export function warnUnreadable(
  context: CommandContext,
  { unreadable }: Pick<RecordList, 'unreadable'>,
): void {
  for (const { why } of unreadable) context.say(`warning: ${escapeText(why)}`);
}

/** Which store the settings name; shows it. */
export async function storeInUse(context: CommandContext, env: Env): Promise<StoreConfig> {
  showWarnings(context, settingsWarnings(env));
  const config = storeFromEnv(env, 'command');
  context.showState(await storeLabel(config));
  return config;
}

/** Where no topic is set, what counts as sent was shown on a terminal; a shared table never counts that. */
export function answerView(
  { style }: CommandContext,
  { topicArn, store }: { readonly topicArn: string | null; readonly store: StoreConfig },
): AnswerView {
  return { style, hasTopic: topicArn !== null || store.kind !== 'sqlite' };
}

/** A notice on a terminal: what people read first. `explain` shows all of it. */
export function shortNotice({ subject, message }: Notice): string {
  return `notice: ${escapeText(subject)}\n  ${escapeText(message.text)}`;
}

/** Who sits at this terminal, for the record; null where the machine does not say. */
export function requester(): string | null {
  try {
    return userInfo().username.slice(0, limits.textLengthMax) || null;
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------------------------------------------

function startDeadline(): Deadline {
  return deadlineAfter(clock, limits.defaultBudgetMs);
}

function showWarnings(context: CommandContext, warnings: readonly Warning[]): void {
  for (const warning of warnings) context.say(`warning: ${escapeText(warning.message)}`);
}
