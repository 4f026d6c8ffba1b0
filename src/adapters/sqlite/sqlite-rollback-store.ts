import type { SQLOutputValue } from 'node:sqlite';
import { StateCorruptError } from '../../domain/errors.ts';
import { dueAtMs, expiresAtMs, noticeDueAtMs, noticeExpiresAtMs } from '../../domain/record/due.ts';
import { type NoticeTopic, noticeTopics } from '../../domain/record/notice-content.ts';
import { isSent, type OutboxNotice } from '../../domain/record/outbox.ts';
import { readEach } from '../../domain/record/read-each.ts';
import { type RollbackRecord, type StoreChange, shownAtMs } from '../../domain/record/record.ts';
import {
  decodeFleetState,
  decodeModelState,
  decodeRollbackRecord,
  encodeFleet,
  encodeNotice,
  encodeRecord,
  encodeState,
} from '../../domain/record/stored-item.ts';
import { readNoticeRow, readRow } from '../../domain/record/stored-row.ts';
import type { FleetState } from '../../domain/state/fleet.ts';
import type { HeadsItem } from '../../domain/state/live-log.ts';
import type { ModelState } from '../../domain/state/model-state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type {
  DueItem,
  DueKind,
  ListedRecord,
  ListPage,
  LiveLogList,
  RecordList,
  RollbackStore,
  StoreView,
} from '../../ports/rollback-store.ts';
import { SQLiteLiveLog } from './sqlite-live-log.ts';
import { pageOfRows } from './sqlite-record-pages.ts';
import { StateFile } from './state-file.ts';

type Row = Record<string, SQLOutputValue>;

/**
 * State on one machine: one file, several processes at once. Reading leaves the file alone, and makes none:
 * a preview writes nothing.
 */
export class SQLiteRollbackStore implements RollbackStore {
  readonly #file: StateFile;
  readonly #live: SQLiteLiveLog;
  readonly #workspace: string;
  readonly #clock: Clock;

  /**
   * @param workspace of MLflow; empty when it has none
   * @throws ConfigurationError when the file is there and cannot be opened, StateCorruptError when it is of
   * a later release
   */
  constructor(path: string, workspace: string, clock: Clock) {
    this.#file = new StateFile(path);
    this.#workspace = workspace;
    this.#live = new SQLiteLiveLog(this.#file, workspace);
    this.#clock = clock;
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    const nothing = {
      state: undefined,
      record: undefined,
      notice: undefined,
      fleet: undefined,
      clockSkewMs: null,
    };
    return this.#file.read<StoreView>(deadline, nothing, () => ({
      ...nothing,
      state: this.#state(modelName),
      record: rollbackId === null ? undefined : this.#record(rollbackId),
      notice: rollbackId === null ? undefined : this.#notice(rollbackId, 'end'),
      fleet: this.#fleet(),
    }));
  }

  async readNotice(
    rollbackId: string,
    topic: NoticeTopic,
    deadline: Deadline,
  ): Promise<OutboxNotice | undefined> {
    return this.#file.read(deadline, undefined, () => this.#notice(rollbackId, topic));
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    return this.#file.write<'written' | 'conflict'>(deadline, () => {
      const { state, record, fleet, notice, live = [], heads } = change;
      if (this.#isStale(change)) return 'conflict';
      if (state !== undefined) {
        this.#putState(state.modelName, state.revision, encodeState(state));
      }
      if (fleet !== undefined) this.#putState(fleetRow, fleet.revision, encodeFleet(fleet));
      if (record !== undefined) this.#putRecord(record);
      if (notice !== undefined) this.#putNotice(notice.item);
      for (const entry of live) this.#live.put(entry);
      if (heads !== undefined) this.#live.putHeads(heads);
      return 'written';
    });
  }

  async list(
    modelName: string | null,
    deadline: Deadline,
    page: ListPage = {},
  ): Promise<RecordList> {
    const of = { workspace: this.#workspace, modelName };
    return this.#file.read<RecordList>(deadline, { records: [], unreadable: [] }, () => {
      const { rows, next } = pageOfRows(this.#file.database, of, page);
      const items = rows.map((row) => ({ id: String(row['id']), row }));
      const { read: records, unreadable } = readEach(items, ({ id, row }): ListedRecord => {
        const record = readRow(row, id, decodeRollbackRecord);
        return { record, isNotified: this.#isNotified(record) };
      });
      return { records, unreadable, next };
    });
  }

  async listDue(
    kind: DueKind,
    nowMs: number,
    { limit, after }: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    // Notices of other topics are of a later release, which sends them.
    const [table, id, topic, where] =
      kind === 'record'
        ? ['rollback', 'id', "''", '']
        : ['notice', 'rollback_id', 'topic', `AND topic IN (${topicList})`];
    return this.#file.read<readonly DueItem[]>(deadline, [], () => {
      if (kind === 'notice' && !this.#file.hasAllTables) return [];
      const rows = this.#all(
        `SELECT ${id} AS id, ${topic} AS topic, due_at_ms FROM ${table}
         WHERE workspace = ? AND due_at_ms <= ? ${where} AND (due_at_ms, ${id}, ${topic}) > (?, ?, ?)
         ORDER BY due_at_ms, ${id}, ${topic} LIMIT ?`,
        this.#workspace,
        nowMs,
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
    });
  }

  async readHeads(parts: readonly string[], deadline: Deadline): Promise<readonly HeadsItem[]> {
    return this.#file.read<readonly HeadsItem[]>(deadline, [], () => this.#live.heads(parts));
  }

  async listLive(modelName: string, deadline: Deadline): Promise<LiveLogList> {
    const nothing = { entries: [], unreadable: [] };
    return this.#file.read<LiveLogList>(deadline, nothing, () => this.#live.list(modelName));
  }

  close(): void {
    this.#file.close();
  }

  /** A notice that cannot be read keeps its record off no list. */
  #isNotified({ id, notice }: RollbackRecord): boolean {
    if (notice.kind === 'sent') return true;
    try {
      return isSent(this.#notice(id, 'end'));
    } catch (error) {
      if (error instanceof StateCorruptError) return false;
      throw error;
    }
  }

  #isStale({ state, record, fleet, notice, heads }: StoreChange): boolean {
    const revisionOf = (table: string, key: string, value: string): number => {
      const sql = `SELECT revision FROM ${table} WHERE workspace = ? AND ${key} = ?`;
      return Number(this.#all(sql, this.#workspace, value)[0]?.['revision'] ?? 0);
    };
    const token = (item: OutboxNotice): string | null => {
      const row = this.#noticeRow(item.rollbackId, item.topic);
      return row === undefined ? null : String(row['token']);
    };
    return (
      (heads !== undefined && this.#live.isStale(heads)) ||
      (state !== undefined &&
        revisionOf('model_state', 'model_name', state.modelName) !== state.revision - 1) ||
      (record !== undefined && revisionOf('rollback', 'id', record.id) !== record.revision - 1) ||
      (fleet !== undefined &&
        revisionOf('model_state', 'model_name', fleetRow) !== fleet.revision - 1) ||
      (notice !== undefined && token(notice.item) !== notice.over)
    );
  }

  #state(modelName: string): ModelState | undefined {
    const row = this.#stateRow(modelName);
    return row && readRow(row, `${modelName}/STATE`, decodeModelState);
  }

  #fleet(): FleetState | undefined {
    const row = this.#stateRow(fleetRow);
    return row && readRow(row, 'FLEET', decodeFleetState);
  }

  #stateRow(name: string): Row | undefined {
    return this.#all(
      'SELECT revision, doc FROM model_state WHERE workspace = ? AND model_name = ?',
      this.#workspace,
      name,
    )[0];
  }

  #record(id: string): RollbackRecord | undefined {
    const [row] = this.#all(
      'SELECT revision, doc FROM rollback WHERE workspace = ? AND id = ?',
      this.#workspace,
      id,
    );
    return row && readRow(row, id, decodeRollbackRecord);
  }

  #notice(id: string, topic: NoticeTopic): OutboxNotice | undefined {
    const row = this.#noticeRow(id, topic);
    return row && readNoticeRow(row, `${id}#${topic}`);
  }

  #noticeRow(id: string, topic: NoticeTopic): Row | undefined {
    if (!this.#file.hasAllTables) return undefined;
    return this.#all(
      'SELECT token, doc FROM notice WHERE workspace = ? AND rollback_id = ? AND topic = ?',
      this.#workspace,
      id,
      topic,
    )[0];
  }

  #putState(name: string, revision: number, doc: string): void {
    this.#put(
      'INSERT OR REPLACE INTO model_state (workspace, model_name, revision, doc) VALUES (?, ?, ?, ?)',
      name,
      revision,
      doc,
    );
  }

  #putRecord(record: RollbackRecord): void {
    const expired = 'WHERE expires_at_ms < ?';
    for (const table of ['rollback', 'notice']) {
      this.#file.database.prepare(`DELETE FROM ${table} ${expired}`).run(this.#clock.nowMs());
    }
    this.#put(
      `INSERT OR REPLACE INTO rollback
       (workspace, id, model_name, revision, shown_at_ms, due_at_ms, expires_at_ms, doc)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      record.id,
      record.modelName,
      record.revision,
      shownAtMs(record),
      dueAtMs(record),
      expiresAtMs(record),
      encodeRecord(record),
    );
  }

  #putNotice(notice: OutboxNotice): void {
    this.#put(
      `INSERT OR REPLACE INTO notice
       (workspace, rollback_id, topic, token, due_at_ms, expires_at_ms, doc)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      notice.rollbackId,
      notice.topic,
      notice.token,
      noticeDueAtMs(notice),
      noticeExpiresAtMs(notice),
      encodeNotice(notice),
    );
  }

  #put(sql: string, ...values: (string | number | null)[]): void {
    this.#file.database.prepare(sql).run(this.#workspace, ...values);
  }

  #all(sql: string, ...values: (string | number)[]): Row[] {
    return this.#file.database.prepare(sql).all(...values);
  }
}

// ---------------------------------------------------------------------------------------------------

/** The fleet's item stands among those of the models; no registered model has an empty name. */
const fleetRow = '';

const topicList = noticeTopics.map((topic) => `'${topic}'`).join();
