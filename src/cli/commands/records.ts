import { isNotified, noticeWarnings, type RecordWithNotice } from '../../app/announce.ts';
import { explainInFull } from '../../app/explain-in-full.ts';
import { readDecisions } from '../../app/operate.ts';
import { clock } from '../../assemble.ts';
import { topicFromEnv } from '../../config/config-from-env.ts';
import { storeFromEnv } from '../../config/store-settings.ts';
import { liveTimeline } from '../../domain/answer/live-timeline.ts';
import { noticeOf } from '../../domain/answer/notice.ts';
import { responseOf } from '../../domain/answer/response.ts';
import { commandLine, commandText } from '../../domain/command-line.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { isoTime } from '../../domain/registry/model.ts';
import { parseModelName } from '../../domain/request/request.ts';
import { type Command, type CommandContext, screenOf } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { pageOf, pageOptionHelp, pageOptions, sayNextPage } from '../list-page.ts';
import { decisionTable } from '../render/decision-table.ts';
import { explainPage } from '../render/explain-page.ts';
import { liveTable } from '../render/live-table.ts';
import { recordTable } from '../render/record-table.ts';
import { answerView, warnUnreadable, withStore } from '../session.ts';

/** `history` and `explain`: what happened, and why. */
export const historyCommand: Command = {
  name: 'history',
  usage: '[MODEL]',
  summary:
    'list recorded attempts, newest first; with --live: what the pointers of MODEL named when',
  options: { live: { type: 'boolean' }, decisions: { type: 'boolean' }, ...pageOptions },
  optionHelp: {
    live: 'show what the pointers of MODEL named when, in place of the attempts',
    decisions: 'show what people decided about MODEL; without it: about all models together',
    ...pageOptionHelp,
  },
  arity: [0, 1],
  examples: [
    'model-rollback history',
    'model-rollback history PascalStrategy --json',
    'model-rollback history --limit 50 --before 2026-01-31',
    'model-rollback history --live PascalStrategy',
    'model-rollback history --decisions PascalStrategy',
  ],
  run: async (context) => {
    const [model] = context.positionals;
    const modelName = model === undefined ? null : parseModelName(model);
    if (context.options['live'] === true) return await showLive(context, modelName);
    if (context.options['decisions'] === true) return await showDecisions(context, modelName);
    const page = pageOf(context);
    const list = await withStore(context, (store, startDeadline) =>
      store.list(modelName, startDeadline(), page),
    );
    warnUnreadable(context, list);
    const answers = list.records.map(({ record, isNotified }) =>
      responseOf(record, { isNotified }),
    );
    const [newest] = answers;
    context.print(
      newest === undefined
        ? 'Nothing is on record.'
        : recordTable(answers, { hasModels: modelName === null, ...screenOf(context) }),
      answers,
    );
    if (newest !== undefined && context.columns !== null && !context.isJson) {
      const command = commandLine('explain', [newest.rollback_id ?? '']);
      context.say(`To see one in full, pass MODEL/ID: ${escapeText(command)}`);
    }
    sayNextPage(context, 'history', list.next);
    return ExitCode.DONE;
  },
};

export const explainCommand: Command = {
  name: 'explain',
  usage: 'ID',
  summary: 'show one attempt in full: what happened when, why, who was notified, what to do now',
  options: {},
  optionHelp: {},
  arity: [1, 1],
  examples: ['model-rollback explain PascalStrategy/0123456789abcdef'],
  run: async (context) => {
    const id = context.positionals[0] ?? '';
    const { record, notice, explanation } = await withStore(context, (store, startDeadline) =>
      explainInFull({ store, clock }, id, startDeadline()),
    );
    const answer = responseOf(record, { isNotified: isNotified({ record, notice }) });
    const { env } = context;
    const config = { topicArn: topicFromEnv(env, 'command'), store: storeFromEnv(env, 'command') };
    const explained = { record, answer, explanation };
    const page = explainPage(explained, answerView(context, config), screenOf(context));
    const whole = { ...explanation, notice: noticeMessage({ record, notice }) };
    context.print(page, { ...answer, explanation: whole });
    return ExitCode.DONE;
  },
};

/** What people decided about a model, or about all of them. */
async function showDecisions(context: CommandContext, modelName: string | null): Promise<ExitCode> {
  const actions = await withStore(context, (store, startDeadline) =>
    readDecisions(store, modelName, startDeadline()),
  );
  const about = modelName === null ? 'all models' : escapeText(modelName);
  context.print(
    actions.length === 0
      ? `Nobody decided anything about ${about} that is on record.`
      : decisionTable(actions, screenOf(context)),
    actions.map(({ atMs, verb, what, by, reason }) => ({
      timestamp: isoTime(atMs),
      operation: verb,
      what,
      requested_by: by,
      reason,
    })),
  );
  return ExitCode.DONE;
}

/** @throws InvalidRequestError without a model */
async function showLive(context: CommandContext, modelName: string | null): Promise<ExitCode> {
  if (modelName === null) {
    throw new InvalidRequestError(
      `history --live needs a model: run ${commandText('history', ['MODEL'], { live: true })}.`,
    );
  }
  const log = await withStore(context, (store, startDeadline) =>
    store.listLive(modelName, startDeadline()),
  );
  warnUnreadable(context, log);
  const spans = liveTimeline(log.entries);
  context.print(
    spans.length === 0 ? nothingText(modelName) : liveTable(spans, screenOf(context)),
    spans,
  );
  return ExitCode.DONE;
}

// ---------------------------------------------------------------------------------------------------

function nothingText(modelName: string): string {
  const report = commandText('promoted', [modelName, 'VERSION'], { replaced: 'VERSION' });
  return [
    `Nothing is on record about the pointers of ${escapeText(modelName)}.`,
    `The sweep reads what they name, unless ROLLBACK_OBSERVE_MINUTES=0: run ${commandText('sweep')}.`,
    `To report a promotion, in the pipeline that promotes: run ${escapeText(report)}.`,
  ].join('\n');
}

/** What the notice of the end says: as it waits, or as it was sent. When it was sent is not kept. */
function noticeMessage(found: RecordWithNotice): object | null {
  const { record, notice } = found;
  if (!isNotified(found) && noticeWarnings(found).length === 0) return null;
  const replaces = notice?.replaces ?? 0;
  const content = notice?.content ?? noticeOf(record, 'end', replaces, clock.nowMs());
  const { sent_at: _, ...message } = content.message;
  return message;
}
