import { escapeText } from '../../domain/escape.ts';
import { isoTime } from '../../domain/registry/model.ts';
import type { OperatorAction } from '../../domain/state/operator.ts';
import { type Column, fittedTable } from './fitted-table.ts';
import { shownTime } from './render-answer.ts';

/**
 * What people decided, one a line.
 * @param columns of the terminal; null: whatever it takes
 */
export function decisionTable(actions: readonly OperatorAction[], columns: number | null): string {
  return fittedTable(actions, allColumns, columns);
}

// ---------------------------------------------------------------------------------------------------

const allColumns: readonly Column<OperatorAction>[] = [
  { title: 'TIME', cell: ({ atMs }) => shownTime(isoTime(atMs)) },
  { title: 'DECISION', cell: ({ verb }) => escapeText(verb) },
  { title: 'WHAT', cell: ({ what }) => escapeText(what), isFlexible: true },
  { title: 'BY', cell: ({ by }) => escapeText(by ?? 'somebody'), isFlexible: true },
  { title: 'REASON', cell: ({ reason }) => escapeText(reason ?? ''), isFlexible: true },
];
