import { stripVTControlCharacters } from 'node:util';
import { cutMiddle, widthOf } from './text-width.ts';

const gap = '  ';
/** What a cell is cut down to at most. */
const cellWidthMin = 8;
/** A name that is cut to this still differs from others. */
const readableWidth = 16;

/**
 * Columns, padded by what is shown; the last one as long as it is.
 * @param fit how wide it may be, and which columns are cut in the middle to fit
 */
export function table(
  rows: readonly (readonly string[])[],
  fit: { readonly columns: number | null; readonly flexible: readonly number[] } = anyWidth,
): string {
  const widths = widthsOf(rows);
  if (fit.columns !== null) shrink(widths, fit.columns, fit.flexible);
  return rows
    .map((row) =>
      row
        .map((cell, index) => {
          const width = widths[index] ?? 0;
          const shown = fit.flexible.includes(index) ? cutMiddle(cell, width) : cell;
          return index === row.length - 1 ? shown : pad(shown, width);
        })
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}

/** How wide the rows are when the flexible columns are cut down as far as reads well. */
export function leastWidth(
  rows: readonly (readonly string[])[],
  flexible: readonly number[],
): number {
  const widths = widthsOf(rows);
  return totalOf(
    widths.map((width, index) =>
      flexible.includes(index) ? Math.min(width, readableWidth) : width,
    ),
  );
}

/**
 * Lines of whole words. What stands in backticks stays on one line, so that it can be copied.
 * @param columns null: one line
 */
export function wrap(text: string, columns: number | null, indent = ''): string {
  if (columns === null) return `${indent}${text}`;
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(indent) + widthOf(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].map((one) => `${indent}${one}`).join('\n');
}

// ---------------------------------------------------------------------------------------------------

const anyWidth = { columns: null, flexible: [] };

function shownWidth(cell: string): number {
  return widthOf(stripVTControlCharacters(cell));
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - shownWidth(cell)));
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, shownWidth(cell));
    });
  }
  return widths;
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, gap.length * Math.max(0, widths.length - 1));
}

/** Takes from the widest flexible column, again and again. */
function shrink(widths: number[], columns: number, flexible: readonly number[]): void {
  for (let excess = totalOf(widths) - columns; excess > 0; excess -= 1) {
    const [widest] = flexible.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
    if (widest === undefined || (widths[widest] ?? 0) <= cellWidthMin) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
