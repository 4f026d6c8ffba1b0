import { leastWidth, table } from './table.ts';

/** One column of a list. */
export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item) => string;
  /** Cut in the middle where the terminal is narrow. */
  readonly isFlexible?: boolean;
  /** Left out where it does not fit: the highest first. */
  readonly leftOut?: number;
}

/**
 * Items, one a line, below the titles of the columns.
 * @param width of the terminal; null: whatever it takes
 */
export function fittedTable<Item>(
  items: readonly Item[],
  columns: readonly Column<Item>[],
  width: number | null,
): string {
  let shown = columns;
  for (;;) {
    const rows = [
      shown.map(({ title }) => title),
      ...items.map((item) => shown.map(({ cell }) => cell(item))),
    ];
    const flexible = shown.flatMap(({ isFlexible }, index) => (isFlexible === true ? [index] : []));
    const least = shown.toSorted((a, b) => (b.leftOut ?? 0) - (a.leftOut ?? 0))[0];
    const isFitting = width === null || leastWidth(rows, flexible) <= width;
    if (isFitting || least?.leftOut === undefined) return table(rows, { columns: width, flexible });
    shown = shown.filter((column) => column !== least);
  }
}
