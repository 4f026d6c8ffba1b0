import { StateCorruptError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { noticeTopics } from '../../domain/record/notice-content.ts';
import { isSent } from '../../domain/record/outbox.ts';
import { readEach } from '../../domain/record/read-each.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { decodeLiveLogEntry, decodeRollbackRecord } from '../../domain/record/stored-item.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type {
  DueItem,
  DueKind,
  ListedRecord,
  ListPage,
  LiveLogList,
  RecordList,
} from '../../ports/rollback-store.ts';
import type { Row } from './postgres-database.ts';
import { readNoticeRow, readRow } from './postgres-rows.ts';

/** Reads rows of one workspace, which is `$1`. */
type ReadRows = (
  deadline: Deadline,
  sql: string,
  ...values: readonly unknown[]
) => Promise<readonly Row[]>;

/** What is listed, page by page; each page is found by an index. */
export class PostgresLists {
  readonly #rows: ReadRows;

  constructor(rows: ReadRows) {
    this.#rows = rows;
  }

  async records(
    modelName: string | null,
    { limit = limits.historyRowsMax, before, isLatestOnly = false }: ListPage,
    deadline: Deadline,
  ): Promise<RecordList> {
    const rows = await this.#rows(
      deadline,
      `SELECT r.id, r.revision, r.shown_at_ms, r.doc, n.write_token, n.doc AS notice
       FROM model_rollback_record r LEFT JOIN model_rollback_notice n
         ON n.workspace = r.workspace AND n.rollback_id = r.id AND n.topic = 'end'
       WHERE r.workspace = $1 AND ($2::text IS NULL OR r.model_name = $2)
         AND ($3::bigint IS NULL OR (r.shown_at_ms, r.id) < ($3, $4))
         ${isLatestOnly ? `AND ${isLatest}` : ''}
       ORDER BY r.shown_at_ms DESC, r.id DESC LIMIT $5`,
      modelName,
      before?.atMs ?? null,
      before?.id ?? null,
      limit + 1,
    );
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    const items = rows.slice(0, limit).map((row) => ({ id: String(row['id']), row }));
    const { read: records, unreadable } = readEach(items, ({ id, row }): ListedRecord => {
      const record = readRow(row, id, decodeRollbackRecord);
      return { record, isNotified: isNotified(record, row) };
    });
    const next = last && { atMs: Number(last['shown_at_ms']), id: String(last['id']) };
    return { records, unreadable, next };
  }

  async due(
    kind: DueKind,
    nowMs: number,
    { limit, after }: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    // Notices of other topics are of a later release, which sends them.
    const [table, id, topic] =
      kind === 'record'
        ? ['record', 'id', `''::text COLLATE "C"`]
        : ['notice', 'rollback_id', 'topic'];
    const rows = await this.#rows(
      deadline,
      `SELECT ${id} AS id, ${topic} AS topic, due_at_ms FROM model_rollback_${table}
       WHERE workspace = $1 AND due_at_ms <= $2
         AND (${kind === 'record'} OR ${topic} = ANY($3::text[]))
         AND (due_at_ms, ${id}, ${topic}) > ($4::bigint, $5, $6)
       ORDER BY due_at_ms, ${id}, ${topic} LIMIT $7`,
      nowMs,
      [...noticeTopics],
      after?.dueAtMs ?? -1,
      after?.id ?? '',
      after?.topic ?? '',
      limit,
    );
    return rows.map((row) => ({
      id: String(row['id']),
      topic: noticeTopics.find((known) => known === row['topic']) ?? null,
      dueAtMs: Number(row['due_at_ms']),
    }));
  }

  async live(modelName: string, deadline: Deadline): Promise<LiveLogList> {
    const rows = await this.#rows(
      deadline,
      `SELECT name, doc FROM model_rollback_live_log WHERE workspace = $1 AND model_name = $2
       ORDER BY name DESC LIMIT $3`,
      modelName,
      limits.liveLogRowsMax,
    );
    const items = rows.map(({ name, doc }) => ({ id: `${modelName}/LIVE#${name}`, doc }));
    const { read: entries, unreadable } = readEach(items, ({ id, doc }) =>
      decodeLiveLogEntry(String(doc), id),
    );
    return { entries, unreadable };
  }
}

// ---------------------------------------------------------------------------------------------------

const isLatest = `NOT EXISTS (
  SELECT 1 FROM model_rollback_record n WHERE n.workspace = r.workspace AND n.model_name = r.model_name
  AND (n.shown_at_ms, n.id) > (r.shown_at_ms, r.id))`;

/** A notice that cannot be read keeps its record off no list. */
function isNotified(record: RollbackRecord, row: Row): boolean {
  if (record.notice.kind === 'sent') return true;
  if (row['notice'] === null) return false;
  try {
    return isSent(
      readNoticeRow({ doc: row['notice'], write_token: row['write_token'] }, `${record.id}#end`),
    );
  } catch (error) {
    if (error instanceof StateCorruptError) return false;
    throw error;
  }
}
