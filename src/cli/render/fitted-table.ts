import { leastWidth, table } from './table.ts';
import { type Times, zoneLine } from './times.ts';

/** Where a table is shown. */
export interface Screen {
  /** Of the terminal; null: as wide as it gets. */
  readonly columns: number | null;
  readonly times: Times;
}

/** One column of a list. */
export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item, times: Times) => string;
  /** Cut in the middle where the terminal is narrow. */
  readonly isFlexible?: boolean;
  /** Left out where it does not fit: the highest first. */
  readonly leftOut?: number;
}

/** Items, one a line, below the titles of the columns; below them the zone of the times. */
export function fittedTable<Item>(
  items: readonly Item[],
  columns: readonly Column<Item>[],
  { columns: width, times }: Screen,
): string {
  let shown = columns;
  for (;;) {
    const rows = [
      shown.map(({ title }) => title),
      ...items.map((item) => shown.map(({ cell }) => cell(item, times))),
    ];
    const flexible = shown.flatMap(({ isFlexible }, index) => (isFlexible === true ? [index] : []));
    const least = shown.toSorted((a, b) => (b.leftOut ?? 0) - (a.leftOut ?? 0))[0];
    const isFitting = width === null || leastWidth(rows, flexible) <= width;
    if (isFitting || least?.leftOut === undefined) {
      return [table(rows, { columns: width, flexible }), ...zoneLine(times)].join('\n');
    }
    shown = shown.filter((column) => column !== least);
  }
}
