import type { Comparison, ComparisonRow } from '../../domain/answer/comparison.ts';
import { escapeText } from '../../domain/escape.ts';
import { type Column, fittedTable, type Screen } from './fitted-table.ts';

/** What differs between the live version and the target; what is equal is only counted. */
export function comparisonTable(comparison: Comparison, screen: Screen): string {
  const { rows, unread, from_version: from, to_version: to } = comparison;
  const different = rows.filter(({ differs }) => differs);
  const equal = rows.length - different.length;
  const more = different.length - rowsShown;
  const shown = different.slice(0, rowsShown);
  return [
    ...(shown.length === 0 ? [] : [fittedTable(shown, columnsFor(from, to), screen)]),
    ...(more > 0 ? [`And ${more} more differ: pass --json.`] : []),
    ...(rows.length === 0 ? [] : [`${equal} of ${rows.length} values are equal.`]),
    ...unread.map(escapeText),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

const rowsShown = 20;

function columnsFor(from: string, to: string): readonly Column<ComparisonRow>[] {
  return [
    { title: 'DIFFERS', cell: ({ part, name }) => escapeText(`${part} ${name}`), isFlexible: true },
    {
      title: `LIVE ${escapeText(from)}`,
      cell: (row, times) => escapeText(times.short(row.from ?? '-')),
      isFlexible: true,
    },
    {
      title: `TARGET ${escapeText(to)}`,
      cell: (row, times) => escapeText(times.short(row.to ?? '-')),
      isFlexible: true,
    },
  ];
}
