import { isNotified, noticeWarnings, type RecordWithNotice } from '../../app/announce.ts';
import { explainRollback, readDecisions } from '../../app/operate.ts';
import { clock } from '../../assemble.ts';
import { topicFromEnv } from '../../config/config-from-env.ts';
import { storeFromEnv } from '../../config/store-settings.ts';
import { liveTimeline } from '../../domain/answer/live-timeline.ts';
import { noticeOf } from '../../domain/answer/notice.ts';
import { type RollbackResponse, responseOf } from '../../domain/answer/response.ts';
import { commandLine, commandText } from '../../domain/command-line.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText, showJson } from '../../domain/escape.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { isoTime } from '../../domain/registry/model.ts';
import { parseModelName } from '../../domain/request/request.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { pageOf, pageOptionHelp, pageOptions, sayNextPage } from '../list-page.ts';
import { decisionTable } from '../render/decision-table.ts';
import { liveTable } from '../render/live-table.ts';
import { recordTable } from '../render/record-table.ts';
import {
  type AnswerView,
  renderAnswer,
  renderWholePlan,
  shownTime,
} from '../render/render-answer.ts';
import { table } from '../render/table.ts';
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
    const list = await withStore(context, (store, deadline) =>
      store.list(modelName, deadline, page),
    );
    warnUnreadable(context, list);
    const answers = list.records.map(({ record, isNotified }) =>
      responseOf(record, { isNotified }),
    );
    const [newest] = answers;
    context.print(
      newest === undefined
        ? 'Nothing is on record.'
        : recordTable(answers, { hasModels: modelName === null, columns: context.columns }),
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
  summary: 'show one attempt in full: trigger, guards, candidates, outcome, notice',
  options: {},
  optionHelp: {},
  arity: [1, 1],
  examples: ['model-rollback explain PascalStrategy/0123456789abcdef'],
  run: async (context) => {
    const id = context.positionals[0] ?? '';
    const one = await withStore(context, (store, deadline) => explainRollback(store, id, deadline));
    const answer = responseOf(one.record, { isNotified: isNotified(one) });
    context.print(explainText(context, one, answer), answer);
    return ExitCode.DONE;
  },
};

/** What people decided about a model, or about all of them. */
async function showDecisions(context: CommandContext, modelName: string | null): Promise<ExitCode> {
  const actions = await withStore(context, (store, deadline) =>
    readDecisions(store, modelName, deadline),
  );
  const about = modelName === null ? 'all models' : escapeText(modelName);
  context.print(
    actions.length === 0
      ? `Nobody decided anything about ${about} that is on record.`
      : decisionTable(actions, context.columns),
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
  const log = await withStore(context, (store, deadline) => store.listLive(modelName, deadline));
  warnUnreadable(context, log);
  const spans = liveTimeline(log.entries);
  context.print(
    spans.length === 0 ? nothingText(modelName) : liveTable(spans, context.columns),
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

function explainText(
  context: CommandContext,
  found: RecordWithNotice,
  answer: RollbackResponse,
): string {
  const { record } = found;
  const { style, env } = context;
  const store = storeFromEnv(env, 'command');
  const view = answerView(context, { topicArn: topicFromEnv(env, 'command'), store });
  return [
    renderAnswer(answer, view),
    '',
    table([
      ...triggerRows(record, answer),
      ['first seen', `${shownTime(isoTime(record.createdAtMs))}, attempts ${record.attempts}`],
      ['target', `${escapeText(record.request.targetVersion ?? 'not named')}${ruleOf(answer)}`],
      ...alarmRows(answer),
    ]),
    renderWholePlan(answer, style),
    `${style.bold('notice'.padEnd(12))}${noticeText(found, view)}`,
    ...noticeLines(found),
  ].join('\n');
}

function noticeText(found: RecordWithNotice, { hasTopic }: AnswerView): string {
  if (isNotified(found)) return hasTopic ? 'sent' : 'shown on a terminal: no topic is set';
  return noticeWarnings(found).length > 0 ? 'not sent yet' : 'none';
}

/** What it says: as it waits, or as it was sent. When it was sent is not kept. */
function noticeLines(found: RecordWithNotice): string[] {
  const { record, notice } = found;
  if (!isNotified(found) && noticeWarnings(found).length === 0) return [];
  const replaces = notice?.replaces ?? 0;
  const content = notice?.content ?? noticeOf(record, 'end', replaces, clock.nowMs());
  const { sent_at: _, ...message } = content.message;
  return [showJson(message)];
}

function triggerRows({ request }: RollbackRecord, answer: RollbackResponse): string[][] {
  const { alarm_name: alarm, requested_by: person } = answer;
  const asked = alarm ?? person ?? 'manual';
  return [
    ['asked by', `${escapeText(asked)}, ${request.reason}`],
    ...(alarm !== null && person !== null ? [['person', escapeText(person)]] : []),
  ];
}

function ruleOf({ plan }: RollbackResponse): string {
  const text = plan?.rule_text ?? null;
  return text === null ? '' : `; ${escapeText(text)}`;
}

function alarmRows({ alarm }: RollbackResponse): string[][] {
  if (alarm === null) return [];
  const next = alarm.next_look_at === null ? '' : `, next check ${shownTime(alarm.next_look_at)}`;
  const source = alarm.model_source ?? 'unknown';
  return [
    ['alarm', `${escapeText(alarm.arn)}, in ALARM since ${shownTime(alarm.red_since)}`],
    ['model by', `${source}; alarm watch: ${alarm.watch}${next}; recovery: ${alarm.recovery}`],
  ];
}
