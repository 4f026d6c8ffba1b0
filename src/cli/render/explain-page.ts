import {
  type ChannelReport,
  type Explanation,
  gapText,
  type Moment,
} from '../../domain/answer/explanation.ts';
import type { RollbackResponse } from '../../domain/answer/response.ts';
import { servingText } from '../../domain/answer/serving.ts';
import { escapeText } from '../../domain/escape.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { type Column, fittedTable, type Screen } from './fitted-table.ts';
import { type AnswerView, renderAnswer, renderWholePlan } from './render-answer.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** What is known of one rollback. */
export interface Explained {
  readonly record: RollbackRecord;
  readonly answer: RollbackResponse;
  readonly explanation: Explanation;
}

/** One page: what happened, why, when, who was notified, and what to do now. */
export function explainPage(
  { record, answer, explanation }: Explained,
  view: AnswerView,
  screen: Screen,
): string {
  const { style } = view;
  const { moments, due, channels, next_steps: steps } = explanation;
  return [
    renderAnswer(answer, view),
    ...section('trigger', [table(triggerRows(record, answer, style))], style),
    ...section('what happened', [fittedTable(withGaps(moments), momentColumns, screen)], style),
    ...section('plan', [renderWholePlan(answer, style)], style),
    ...(record.serving === undefined
      ? []
      : section('serving', [style.times.within(escapeText(servingText(record)))], style)),
    ...section('notices', [noticesText(channels, view, screen)], style),
    ...(due.length === 0 ? [] : section('due', [dueText(due, screen)], style)),
    ...(steps.length === 0 ? [] : section('what to do now', steps.map(stepText), style)),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

function section(title: string, lines: readonly string[], style: Style): string[] {
  return ['', style.bold(`# ${title}`), ...lines];
}

function triggerRows(
  { request, attempts, modelName, subject }: RollbackRecord,
  { alarm, alarm_name: alarmName, requested_by: person, plan, undoes }: RollbackResponse,
  { times }: Style,
): string[][] {
  const rule = plan?.rule_text ?? null;
  return [
    ['asked by', escapeText(`${alarmName ?? person ?? 'manual'}, ${request.reason}`)],
    ...(alarmName !== null && person !== null ? [['person', escapeText(person)]] : []),
    ...(undoes === undefined ? [] : [['undoes', escapeText(undoes)]]),
    ...(subject === 'model' ? [] : [['source', escapeText(modelName)]]),
    ['attempts', String(attempts)],
    [
      'target',
      escapeText(`${request.targetVersion ?? 'not named'}${rule === null ? '' : `; ${rule}`}`),
    ],
    ...(alarm === null
      ? []
      : [
          ['alarm', escapeText(`${alarm.arn}, in ALARM since ${times.full(alarm.red_since)}`)],
          [
            'model by',
            escapeText(
              `${alarm.model_source ?? 'unknown'}; alarm watch: ${alarm.watch}; recovery: ${alarm.recovery}`,
            ),
          ],
        ]),
  ];
}

interface MomentWithGap extends Moment {
  /** Since the one before, in milliseconds; null for the first. */
  readonly gapMs: number | null;
}

function withGaps(moments: readonly Moment[]): readonly MomentWithGap[] {
  return moments.map((moment, index) => {
    const before = moments[index - 1];
    const gapMs = before === undefined ? null : Date.parse(moment.at) - Date.parse(before.at);
    return { ...moment, gapMs };
  });
}

const momentColumns: readonly Column<MomentWithGap>[] = [
  { title: 'TIME', cell: ({ at }, times) => times.short(at) },
  { title: 'AFTER', cell: ({ gapMs }) => (gapMs === null ? '' : gapText(gapMs)) },
  { title: 'WHAT', cell: ({ what }) => escapeText(what), isFlexible: true },
];

function noticesText(
  channels: readonly ChannelReport[],
  { hasTopic }: AnswerView,
  screen: Screen,
): string {
  if (channels.length === 0) return 'none';
  const table = fittedTable(channels, channelColumns, screen);
  return hasTopic ? table : `No topic is set: they were shown on a terminal.\n${table}`;
}

const channelColumns: readonly Column<ChannelReport>[] = [
  { title: 'NOTICE', cell: ({ about }) => escapeText(about) },
  { title: 'CHANNEL', cell: ({ channel }) => escapeText(channel), isFlexible: true },
  {
    title: 'STATE',
    cell: ({ state, failures }) => (state === 'sent' ? 'sent' : `failed ${failures} times`),
  },
  { title: 'TIME', cell: ({ at }, times) => times.short(at) },
];

function dueText(due: readonly Moment[], { columns, times }: Screen): string {
  const rows = due.map(({ at, what }) => [times.full(at), escapeText(what)]);
  return table(rows, { columns, flexible: [1] });
}

function stepText({ text, command }: Explanation['next_steps'][number]): string {
  return `${escapeText(text)}: ${escapeText(command)}`;
}
