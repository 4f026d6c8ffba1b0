import { isNotified } from '../../app/announce.ts';
import { explainRollback } from '../../app/operate.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { parseModelName } from '../../domain/request.ts';
import { type RollbackResponse, responseOf } from '../../domain/response.ts';
import type { Command } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { moveText, renderAnswer, renderPlan, safe, table } from '../render.ts';
import { warnUnreadable, withStore } from '../session.ts';

/** `history` and `explain`: what happened, and why. */
export const historyCommand: Command = {
  name: 'history',
  usage: '[MODEL]',
  summary: 'list recorded attempts, newest first',
  options: {},
  optionHelp: {},
  arity: [0, 1],
  examples: ['model-rollback history', 'model-rollback history PascalStrategy --json'],
  run: async (context) => {
    const [model] = context.positionals;
    const modelName = model === undefined ? null : parseModelName(model);
    const list = await withStore(context, (store, deadline) => store.list(modelName, deadline));
    warnUnreadable(context, list);
    const answers = list.records.map(({ record, isNotified }) =>
      responseOf(record, { isNotified }),
    );
    context.print(historyText(answers), answers);
    return ExitCode.DONE;
  },
};

export const explainCommand: Command = {
  name: 'explain',
  usage: 'ID',
  summary: 'tell one attempt in full: trigger, guards, candidates, outcome, notice',
  options: {},
  optionHelp: {},
  arity: [1, 1],
  examples: ['model-rollback explain PascalStrategy/0123456789abcdef'],
  run: async (context) => {
    const id = context.positionals[0] ?? '';
    const found = await withStore(context, (store, deadline) =>
      explainRollback(store, id, deadline),
    );
    if (found === undefined) {
      throw new InvalidRequestError(
        `There is no record of ${safe(id)}. Run "model-rollback history".`,
      );
    }
    const { record } = found;
    const answer = responseOf(record, { isNotified: isNotified(found) });
    const { request } = record;
    const trigger = [
      `asked by   ${safe(request.alarmName ?? request.requestedBy ?? 'manual')}, ${request.reason}`,
      `first seen ${new Date(record.createdAtMs).toISOString()}, attempts ${record.attempts}`,
      `target     ${request.targetVersion ?? 'not named'}${ruleOf(answer)}`,
      ...alarmLines(answer),
    ].join('\n');
    context.print(
      `${renderAnswer(answer, context.style)}\n\n${trigger}\n${renderPlan(answer, context.style)}`,
      answer,
    );
    return ExitCode.DONE;
  },
};

// ---------------------------------------------------------------------------------------------------

function ruleOf({ plan }: RollbackResponse): string {
  const text = plan?.rule_text ?? null;
  return text === null ? '' : `; ${text}`;
}

function alarmLines({ alarm }: RollbackResponse): string[] {
  if (alarm === null) return [];
  const next = alarm.next_look_at === null ? '' : `, next look at ${alarm.next_look_at}`;
  return [
    `alarm      ${safe(alarm.arn)}, red since ${alarm.red_since}`,
    `model by   ${alarm.model_source ?? 'unknown'}; alarm watch: ${alarm.watch}${next}; recovery: ${alarm.recovery}`,
  ];
}

function historyText(answers: readonly RollbackResponse[]): string {
  if (answers.length === 0) return 'Nothing is on record.';
  return table([
    ['TIME', 'MODEL', 'OUTCOME', 'MOVE', 'REASON', 'ID'],
    ...answers.map((answer) => [
      answer.timestamp,
      safe(answer.model_name ?? `(${answer.alarm_name ?? 'unknown'})`),
      answer.outcome,
      moveText(answer),
      answer.reason,
      safe(answer.rollback_id ?? ''),
    ]),
  ]);
}
