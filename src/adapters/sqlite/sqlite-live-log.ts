import { limits } from '../../domain/limits.ts';
import { readEach } from '../../domain/record/read-each.ts';
import {
  decodeHeads,
  decodeLiveLogEntry,
  encodeHeads,
  encodeLiveLogEntry,
} from '../../domain/record/stored-item.ts';
import { readRow } from '../../domain/record/stored-row.ts';
import { type HeadsItem, type LiveLogEntry, liveLogName } from '../../domain/state/live-log.ts';
import type { LiveLogList } from '../../ports/rollback-store.ts';
import type { StateFile } from './state-file.ts';

/** The tables of what was live when. Every call is within a transaction of the file. */
export class SQLiteLiveLog {
  readonly #file: StateFile;
  readonly #workspace: string;

  constructor(file: StateFile, workspace: string) {
    this.#file = file;
    this.#workspace = workspace;
  }

  heads(parts: readonly string[]): readonly HeadsItem[] {
    if (!this.#file.hasAllTables) return [];
    const sql = 'SELECT part, revision, doc FROM live_heads WHERE workspace = ?';
    return this.#file.database
      .prepare(sql)
      .all(this.#workspace)
      .filter((row) => parts.includes(String(row['part'])))
      .map((row) => readRow(row, `HEADS#${row['part']}`, decodeHeads));
  }

  list(modelName: string): LiveLogList {
    if (!this.#file.hasAllTables) return { entries: [], unreadable: [] };
    const sql = `SELECT name, doc FROM live_log WHERE workspace = ? AND model_name = ?
                 ORDER BY name DESC LIMIT ?`;
    const rows = this.#file.database
      .prepare(sql)
      .all(this.#workspace, modelName, limits.liveLogRowsMax);
    const items = rows.map(({ name, doc }) => ({ id: `${modelName}/LIVE#${name}`, doc }));
    const { read: entries, unreadable } = readEach(items, ({ id, doc }) =>
      decodeLiveLogEntry(String(doc), id),
    );
    return { entries, unreadable };
  }

  /** True when the part is not stored as it was read. */
  isStale({ part, revision }: HeadsItem): boolean {
    const sql = 'SELECT revision FROM live_heads WHERE workspace = ? AND part = ?';
    const row = this.#file.database.prepare(sql).get(this.#workspace, part);
    return Number(row?.['revision'] ?? 0) !== revision - 1;
  }

  put(entry: LiveLogEntry): void {
    const sql =
      'INSERT OR REPLACE INTO live_log (workspace, model_name, name, doc) VALUES (?, ?, ?, ?)';
    this.#file.database
      .prepare(sql)
      .run(this.#workspace, entry.modelName, liveLogName(entry), encodeLiveLogEntry(entry));
  }

  putHeads(item: HeadsItem): void {
    const sql =
      'INSERT OR REPLACE INTO live_heads (workspace, part, revision, doc) VALUES (?, ?, ?, ?)';
    this.#file.database
      .prepare(sql)
      .run(this.#workspace, item.part, item.revision, encodeHeads(item));
  }
}
