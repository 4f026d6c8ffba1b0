import type { RollbackResponse } from '../../domain/answer/response.ts';
import { escapeText } from '../../domain/escape.ts';
import { WatchEnd } from '../../domain/record/trigger.ts';
import { type Column, fittedTable, type Screen } from './fitted-table.ts';
import { moveText } from './render-answer.ts';

/** Records, one a line. An id is the model's name and a short part: each is shown once. */
export function recordTable(
  answers: readonly RollbackResponse[],
  { hasModels, ...screen }: Screen & { readonly hasModels: boolean },
): string {
  const shown = allColumns.filter(({ title }) => hasModels || title !== 'MODEL');
  return fittedTable(answers, shown, screen);
}

/** The model of an answer; in brackets the alarm, where no model is known. */
export function modelOf(answer: RollbackResponse): string {
  return escapeText(answer.model_name ?? `(${answer.alarm_name ?? 'unknown'})`);
}

// ---------------------------------------------------------------------------------------------------

const allColumns: readonly Column<RollbackResponse>[] = [
  { title: 'TIME', cell: ({ timestamp }, times) => escapeText(times.short(timestamp)) },
  { title: 'MODEL', cell: modelOf, isFlexible: true },
  { title: 'OUTCOME', cell: outcomeOf },
  { title: 'MOVE', cell: moveText, isFlexible: true },
  { title: 'BY', cell: askedBy, isFlexible: true, leftOut: 1 },
  { title: 'REASON', cell: ({ reason }) => escapeText(reason), leftOut: 2 },
  { title: 'ID', cell: ({ rollback_id: id }) => escapeText(id?.split('/').at(-1) ?? '') },
];

/** What waited for a person and was rejected does not wait any more. */
function outcomeOf({ outcome, alarm }: RollbackResponse): string {
  return `${escapeText(outcome)}${alarm?.watch === WatchEnd.REJECTED ? ' (rejected)' : ''}`;
}

/** Who asked or approved; else the alarm. */
function askedBy({ requested_by: person, alarm_name: alarm }: RollbackResponse): string {
  return escapeText(person ?? alarm ?? 'manual');
}
