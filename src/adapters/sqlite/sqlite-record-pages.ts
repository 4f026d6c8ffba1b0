import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { limits } from '../../domain/limits.ts';
import type { ListPosition } from '../../domain/record/list-position.ts';
import type { ListPage } from '../../ports/rollback-store.ts';

interface PageOfRows {
  readonly rows: readonly Record<string, SQLOutputValue>[];
  readonly next: ListPosition | undefined;
}

/** The rows of one page of records, newest first; each page is found by an index, however many there are. */
export function pageOfRows(
  database: DatabaseSync,
  of: { readonly workspace: string; readonly modelName: string | null },
  { limit = limits.historyRowsMax, before, isLatestOnly = false }: ListPage,
): PageOfRows {
  const conditions: readonly (readonly [string, readonly (string | number)[]])[] = [
    ['r.workspace = ?', [of.workspace]],
    ...(of.modelName === null ? [] : [['r.model_name = ?', [of.modelName]] as const]),
    ...(before === undefined
      ? []
      : [['(r.shown_at_ms, r.id) < (?, ?)', [before.atMs, before.id]] as const]),
    ...(isLatestOnly ? [[isLatest, []] as const] : []),
  ];
  const rows = database
    .prepare(
      `SELECT r.id, r.revision, r.shown_at_ms, r.doc FROM rollback r
       WHERE ${conditions.map(([sql]) => sql).join(' AND ')}
       ORDER BY r.shown_at_ms DESC, r.id DESC LIMIT ?`,
    )
    .all(...conditions.flatMap(([, values]) => values), limit + 1);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    rows: rows.slice(0, limit),
    next: last && { atMs: Number(last['shown_at_ms']), id: String(last['id']) },
  };
}

// ---------------------------------------------------------------------------------------------------

const isLatest = `NOT EXISTS (
  SELECT 1 FROM rollback n WHERE n.workspace = r.workspace AND n.model_name = r.model_name
  AND n.shown_at_ms >= r.shown_at_ms AND (n.shown_at_ms, n.id) > (r.shown_at_ms, r.id))`;
