import { escapeText } from '../../domain/escape.ts';
import { isoTime } from '../../domain/registry/model.ts';
import type { OperatorAction } from '../../domain/state/operator.ts';
import { type Column, fittedTable, type Screen } from './fitted-table.ts';

/** What people decided, one a line. */
export function decisionTable(actions: readonly OperatorAction[], screen: Screen): string {
  return fittedTable(actions, allColumns, screen);
}

// ---------------------------------------------------------------------------------------------------

const allColumns: readonly Column<OperatorAction>[] = [
  { title: 'TIME', cell: ({ atMs }, times) => times.short(isoTime(atMs)) },
  { title: 'DECISION', cell: ({ verb }) => escapeText(verb) },
  { title: 'WHAT', cell: ({ what }) => escapeText(what), isFlexible: true },
  { title: 'BY', cell: ({ by }) => escapeText(by ?? 'somebody'), isFlexible: true },
  { title: 'REASON', cell: ({ reason }) => escapeText(reason ?? ''), isFlexible: true },
];
