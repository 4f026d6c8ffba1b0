import type { RollbackResponse } from '../../domain/answer/response.ts';
import { escapeText } from '../../domain/escape.ts';
import { moveText, shownTime } from './render-answer.ts';
import { leastWidth, table } from './table.ts';

/** One column of a list of records. */
interface Column {
  readonly title: string;
  readonly cell: (answer: RollbackResponse) => string;
  /** Cut in the middle where the terminal is narrow. */
  readonly isFlexible?: true;
  /** Left out where it does not fit: the highest first. */
  readonly leftOut?: number;
}

/**
 * Records, one a line. An id is the model's name and a short part: each is shown once.
 * @param columns of the terminal; null: whatever it takes
 */
export function recordTable(
  answers: readonly RollbackResponse[],
  { hasModels, columns }: { readonly hasModels: boolean; readonly columns: number | null },
): string {
  let shown = allColumns.filter(({ title }) => hasModels || title !== 'MODEL');
  for (;;) {
    const rows = [
      shown.map(({ title }) => title),
      ...answers.map((answer) => rowOf(answer, shown)),
    ];
    const flexible = shown.flatMap(({ isFlexible }, index) => (isFlexible ? [index] : []));
    const least = shown.toSorted((a, b) => (b.leftOut ?? 0) - (a.leftOut ?? 0))[0];
    const isFitting = columns === null || leastWidth(rows, flexible) <= columns;
    if (isFitting || least?.leftOut === undefined) return table(rows, { columns, flexible });
    shown = shown.filter((column) => column !== least);
  }
}

/** The model of an answer; in brackets the alarm, where no model is known. */
export function modelOf(answer: RollbackResponse): string {
  return escapeText(answer.model_name ?? `(${answer.alarm_name ?? 'unknown'})`);
}

// ---------------------------------------------------------------------------------------------------

const allColumns: readonly Column[] = [
  { title: 'TIME', cell: ({ timestamp }) => escapeText(shownTime(timestamp)) },
  { title: 'MODEL', cell: modelOf, isFlexible: true },
  { title: 'OUTCOME', cell: ({ outcome }) => escapeText(outcome) },
  { title: 'MOVE', cell: moveText, isFlexible: true },
  { title: 'BY', cell: askedBy, isFlexible: true, leftOut: 1 },
  { title: 'REASON', cell: ({ reason }) => escapeText(reason), leftOut: 2 },
  { title: 'ID', cell: ({ rollback_id: id }) => escapeText(id?.split('/').at(-1) ?? '') },
];

function rowOf(answer: RollbackResponse, columns: readonly Column[]): string[] {
  return columns.map(({ cell }) => cell(answer));
}

/** Who asked or approved; else the alarm. */
function askedBy({ requested_by: person, alarm_name: alarm }: RollbackResponse): string {
  return escapeText(person ?? alarm ?? 'manual');
}
