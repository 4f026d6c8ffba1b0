import type { RowTable } from '../domain/evidence/rows.ts';

/** Reads the rows of one version. */
export interface RowsReader {
  /** @throws InvalidRequestError when there are none, or none that can be read */
  readRows(path: string): Promise<RowTable>;
}
