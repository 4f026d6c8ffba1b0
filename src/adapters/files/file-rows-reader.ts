import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { InvalidRequestError, messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { evidenceLimits } from '../../domain/evidence/evidence-limits.ts';
import { columnsOfTable } from '../../domain/evidence/json-table.ts';
import type { RowTable } from '../../domain/evidence/rows.ts';
import type { RowsReader } from '../../ports/rows-reader.ts';
import { bytesOf } from './read-bytes.ts';

type Columns = RowTable['columns'];

/**
 * Rows in files: CSV, JSON lines, tables of MLflow and Parquet, by the ending of the name. Readers are loaded when they
 * are needed.
 */
export class FileRowsReader implements RowsReader {
  async readRows(path: string): Promise<RowTable> {
    const name = escapeText(basename(path));
    const bytes = await bytesOf(path, evidenceLimits.rowsBytesMax);
    let columns: Columns;
    try {
      columns = await columnsOf(path, bytes);
    } catch (cause) {
      if (cause instanceof InvalidRequestError) throw cause;
      throw new InvalidRequestError(
        `The rows in ${escapeText(path)} cannot be read: ${escapeText(messageOf(cause))}.`,
        { cause },
      );
    }
    return { name, sha256: createHash('sha256').update(bytes).digest('hex'), columns };
  }
}

// ---------------------------------------------------------------------------------------------------

async function columnsOf(path: string, bytes: Buffer): Promise<Columns> {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase();
  switch (ending) {
    case 'csv': {
      const { parse } = await import('csv-parse/sync');
      return ofLists(parse(bytes, { bom: true, skip_empty_lines: true }));
    }
    case 'jsonl':
    case 'ndjson':
      return ofObjects(jsonLines(bytes.toString('utf8')));
    case 'json':
      return columnsOfTable(bytes.toString('utf8'));
    case 'parquet': {
      const { readParquet } = await import('./read-parquet.ts');
      return ofObjects(await readParquet(bytes));
    }
    default:
      throw new InvalidRequestError(
        `${escapeText(path)} has no file extension that shows its format: use .csv, .jsonl (one JSON object on each line), .json (a table that MLflow logged) or .parquet.`,
      );
  }
}

function ofLists([header = [], ...rows]: readonly (readonly string[])[]): Columns {
  const repeated = header.find((name, index) => header.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`it has the column "${repeated}" twice`);
  return new Map(header.map((name, index) => [name, rows.map((row) => row[index])]));
}

/** A column that a row lacks has no value there. */
function ofObjects(rows: readonly Readonly<Record<string, unknown>>[]): Columns {
  const columns = new Map<string, unknown[]>();
  for (const [index, row] of rows.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const column = columns.get(name) ?? new Array<unknown>(rows.length).fill(undefined);
      column[index] = value;
      columns.set(name, column);
    }
  }
  return columns;
}

function jsonLines(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const value: unknown = parsed(line, index + 1);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(`line ${index + 1} is not a JSON object`);
    }
    return [value as Readonly<Record<string, unknown>>];
  });
}

function parsed(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`line ${number} is not JSON: ${messageOf(cause)}`, { cause });
  }
}
