import { StateStoreUnavailableError } from '../../domain/errors.ts';
import type { NoticeTopic } from '../../domain/record/notice-content.ts';
import type { OutboxNotice } from '../../domain/record/outbox.ts';
import type { StoreChange } from '../../domain/record/record.ts';
import {
  decodeFleetState,
  decodeHeads,
  decodeModelState,
  decodeRollbackRecord,
  encodeFleet,
  encodeLiveLogEntry,
  encodeState,
} from '../../domain/record/stored-item.ts';
import { type HeadsItem, type LiveLogEntry, liveLogName } from '../../domain/state/live-log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import type {
  DueItem,
  DueKind,
  ListPage,
  LiveLogList,
  RecordList,
  RollbackStore,
  StoreView,
} from '../../ports/rollback-store.ts';
import {
  LostCommitError,
  noTables,
  PostgresDatabase,
  type Row,
  type Run,
} from './postgres-database.ts';
import { PostgresLists } from './postgres-lists.ts';
import {
  headsRow,
  noticeRow,
  putRow,
  readNoticeRow,
  readRow,
  recordRow,
  type Stored,
  stateRow,
} from './postgres-rows.ts';

/** @param config `url` as of PostgresDatabase, `address` for people */
export function postgresStore(
  { url, address }: { readonly url: string; readonly address: string },
  workspace: string,
  parts: { readonly clock: Clock; readonly identity: Identity },
): PostgresRollbackStore {
  const database = new PostgresDatabase(url, address, parts.clock);
  return new PostgresRollbackStore(database, workspace, parts);
}

/** State in a PostgreSQL database, for a service with several replicas. Reading makes no tables. */
export class PostgresRollbackStore implements RollbackStore {
  readonly #database: PostgresDatabase;
  readonly #lists: PostgresLists;
  readonly #workspace: string;
  readonly #clock: Clock;
  readonly #identity: Identity;

  /** @param workspace of MLflow; empty when it has none */
  constructor(
    database: PostgresDatabase,
    workspace: string,
    { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
  ) {
    this.#database = database;
    this.#lists = new PostgresLists((...query) => this.#rows(...query));
    this.#workspace = workspace;
    this.#clock = clock;
    this.#identity = identity;
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    const rows = await this.#database.read(
      deadline,
      `SELECT 'state' AS kind, doc, revision, '' AS write_token FROM model_rollback_state
         WHERE workspace = $1 AND model_name = $2
       UNION ALL SELECT 'fleet', doc, revision, '' FROM model_rollback_state
         WHERE workspace = $1 AND model_name = ''
       UNION ALL SELECT 'record', doc, revision, '' FROM model_rollback_record
         WHERE workspace = $1 AND id = $3
       UNION ALL SELECT 'notice', doc, 0, write_token FROM model_rollback_notice
         WHERE workspace = $1 AND rollback_id = $3 AND topic = 'end'
       UNION ALL SELECT 'time', '', floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, ''`,
      this.#workspace,
      modelName,
      rollbackId,
    );
    if (rows === noTables) return nothing;
    const find = (kind: string): Row | undefined => rows.find((row) => row['kind'] === kind);
    const [state, fleet, record, notice] = ['state', 'fleet', 'record', 'notice'].map(find);
    const storeMs = Number(find('time')?.['revision']);
    return {
      state: state && readRow(state, `${modelName}/STATE`, decodeModelState),
      fleet: fleet && readRow(fleet, 'FLEET', decodeFleetState),
      record: record && readRow(record, rollbackId ?? '', decodeRollbackRecord),
      notice: notice && readNoticeRow(notice, `${rollbackId}#end`),
      clockSkewMs: this.#clock.nowMs() - storeMs,
    };
  }

  async readNotice(
    rollbackId: string,
    topic: NoticeTopic,
    deadline: Deadline,
  ): Promise<OutboxNotice | undefined> {
    const [row] = await this.#rows(
      deadline,
      `SELECT write_token, doc FROM model_rollback_notice
       WHERE workspace = $1 AND rollback_id = $2 AND topic = $3`,
      rollbackId,
      topic,
    );
    return row && readNoticeRow(row, `${rollbackId}#${topic}`);
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    const token = change.notice?.item.token ?? this.#identity.random();
    try {
      const done = await this.#database.write(deadline, async (run) =>
        (await this.#writeAll(run, change, token)) ? true : null,
      );
      return done === null ? 'conflict' : 'written';
    } catch (error) {
      if (!(error instanceof LostCommitError)) throw error;
      if (await this.#isWritten(change, token, deadline)) return 'written';
      throw new StateStoreUnavailableError(
        'The connection to the database ended before it answered, and nothing was written. Try again.',
        { cause: error },
      );
    }
  }

  async list(
    modelName: string | null,
    deadline: Deadline,
    page: ListPage = {},
  ): Promise<RecordList> {
    return await this.#lists.records(modelName, page, deadline);
  }

  async listDue(
    kind: DueKind,
    nowMs: number,
    page: { readonly limit: number; readonly after: DueItem | null },
    deadline: Deadline,
  ): Promise<readonly DueItem[]> {
    return await this.#lists.due(kind, nowMs, page, deadline);
  }

  async readHeads(parts: readonly string[], deadline: Deadline): Promise<readonly HeadsItem[]> {
    const rows = await this.#rows(
      deadline,
      `SELECT part, revision, doc FROM model_rollback_live_heads
       WHERE workspace = $1 AND part = ANY($2::text[])`,
      parts,
    );
    return rows.map((row) => readRow(row, `HEADS#${row['part']}`, decodeHeads));
  }

  async listLive(modelName: string, deadline: Deadline): Promise<LiveLogList> {
    return await this.#lists.live(modelName, deadline);
  }

  close(): void {
    void this.#database.close();
  }

  /** Rows of this workspace, which is `$1`; none where nobody has written yet. */
  async #rows(
    deadline: Deadline,
    sql: string,
    ...values: readonly unknown[]
  ): Promise<readonly Row[]> {
    const rows = await this.#database.read(deadline, sql, this.#workspace, ...values);
    return rows === noTables ? [] : rows;
  }

  /** In one order for everybody, so that two writers never wait for each other. False: something is stale. */
  async #writeAll(run: Run, change: StoreChange, token: string): Promise<boolean> {
    const { state, record, fleet, notice, live = [], heads } = change;
    const put = (table: string, item: Stored): Promise<boolean> =>
      putRow(run, `model_rollback_${table}`, {
        ...item,
        columns: { ...item.columns, workspace: this.#workspace, write_token: token },
      });
    return (
      (state === undefined ||
        (await put('state', stateRow(state.modelName, state, encodeState(state))))) &&
      (fleet === undefined || (await put('state', stateRow('', fleet, encodeFleet(fleet))))) &&
      (record === undefined || (await put('record', recordRow(record)))) &&
      (notice === undefined || (await put('notice', noticeRow(notice)))) &&
      (heads === undefined || (await put('live_heads', headsRow(heads)))) &&
      (await this.#putLive(run, live)) &&
      (record === undefined || (await this.#forgetExpired(run)))
    );
  }

  async #putLive(run: Run, live: readonly LiveLogEntry[]): Promise<true> {
    for (const entry of live) {
      await run(
        `INSERT INTO model_rollback_live_log (workspace, model_name, name, doc) VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace, model_name, name) DO UPDATE SET doc = excluded.doc`,
        this.#workspace,
        entry.modelName,
        liveLogName(entry),
        encodeLiveLogEntry(entry),
      );
    }
    return true;
  }

  /** A few at a time, and none that another writer holds. */
  async #forgetExpired(run: Run): Promise<true> {
    for (const table of ['model_rollback_record', 'model_rollback_notice']) {
      await run(
        `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table}
         WHERE expires_at_ms < $1 LIMIT 100 FOR UPDATE SKIP LOCKED))`,
        this.#clock.nowMs(),
      );
    }
    return true;
  }

  /** After an answer that was lost: the token stands on each item of a change that was written. */
  async #isWritten(change: StoreChange, token: string, deadline: Deadline): Promise<boolean> {
    const { state, record, fleet, notice, heads } = change;
    const [table, column, value] =
      notice !== undefined
        ? ['notice', 'rollback_id', notice.item.rollbackId]
        : record !== undefined
          ? ['record', 'id', record.id]
          : heads !== undefined
            ? ['live_heads', 'part', heads.part]
            : ['state', 'model_name', state?.modelName ?? (fleet === undefined ? null : '')];
    const rows = await this.#rows(
      deadline,
      `SELECT 1 FROM model_rollback_${table} WHERE workspace = $1 AND ${column} = $2 AND write_token = $3`,
      value,
      token,
    );
    return rows.length > 0;
  }
}

// ---------------------------------------------------------------------------------------------------

const nothing: StoreView = {
  state: undefined,
  record: undefined,
  notice: undefined,
  fleet: undefined,
  clockSkewMs: null,
};
