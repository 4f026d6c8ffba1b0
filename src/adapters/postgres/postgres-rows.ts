import { StateCorruptError } from '../../domain/errors.ts';
import { dueAtMs, expiresAtMs, noticeDueAtMs, noticeExpiresAtMs } from '../../domain/record/due.ts';
import type { OutboxNotice } from '../../domain/record/outbox.ts';
import { type RollbackRecord, type StoreChange, shownAtMs } from '../../domain/record/record.ts';
import {
  decodeNotice,
  encodeHeads,
  encodeNotice,
  encodeRecord,
} from '../../domain/record/stored-item.ts';
import type { HeadsItem } from '../../domain/state/live-log.ts';
import type { Row, Run } from './postgres-database.ts';

/** A row to write, and the one that must be there before. */
export interface Stored {
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, string | number | null>>;
  /** Null: no row yet. */
  readonly over: readonly [column: 'revision' | 'write_token', value: string | number] | null;
}

/** @returns false when the row is not as it was read */
export async function putRow(
  run: Run,
  table: string,
  { key, columns, over }: Stored,
): Promise<boolean> {
  const names = Object.keys(columns);
  const values = Object.values(columns);
  const place = (name: string): string => `$${names.indexOf(name) + 1}`;
  if (over === null) {
    const { touched } = await run(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(place).join(', ')})
       ON CONFLICT DO NOTHING`,
      ...values,
    );
    return touched === 1;
  }
  const where = ['workspace', ...key].map((name) => `${name} = ${place(name)}`);
  const [column, before] = over;
  const { touched } = await run(
    `UPDATE ${table} SET ${names.map((name) => `${name} = ${place(name)}`).join(', ')}
     WHERE ${where.join(' AND ')} AND ${column} = $${names.length + 1}`,
    ...values,
    before,
  );
  return touched === 1;
}

function overRevision({ revision }: { readonly revision: number }): Stored['over'] {
  return revision === 1 ? null : ['revision', revision - 1];
}

export function stateRow(name: string, item: { readonly revision: number }, doc: string): Stored {
  const columns = { model_name: name, revision: item.revision, doc };
  return { key: ['model_name'], columns, over: overRevision(item) };
}

export function recordRow(record: RollbackRecord): Stored {
  return {
    key: ['id'],
    columns: {
      id: record.id,
      model_name: record.modelName,
      revision: record.revision,
      shown_at_ms: shownAtMs(record),
      due_at_ms: dueAtMs(record),
      expires_at_ms: expiresAtMs(record),
      doc: encodeRecord(record),
    },
    over: overRevision(record),
  };
}

export function noticeRow({ item, over }: NonNullable<StoreChange['notice']>): Stored {
  return {
    key: ['rollback_id', 'topic'],
    columns: {
      rollback_id: item.rollbackId,
      topic: item.topic,
      due_at_ms: noticeDueAtMs(item),
      expires_at_ms: noticeExpiresAtMs(item),
      doc: encodeNotice(item),
    },
    over: over === null ? null : ['write_token', over],
  };
}

export function headsRow(heads: HeadsItem): Stored {
  const columns = { part: heads.part, revision: heads.revision, doc: encodeHeads(heads) };
  return { key: ['part'], columns, over: overRevision(heads) };
}

/** Conditions use the column, decisions the document: they must not differ. */
export function readRow<T extends { readonly revision: number }>(
  row: Row,
  name: string,
  decode: (text: string, itemName: string) => T,
): T {
  const item = decode(String(row['doc']), name);
  if (Number(row['revision']) === item.revision) return item;
  throw differs(name, 'revision');
}

export function readNoticeRow(row: Row, name: string): OutboxNotice {
  const notice = decodeNotice(String(row['doc']), name);
  if (row['write_token'] === notice.token) return notice;
  throw differs(name, 'token');
}

function differs(name: string, field: string): StateCorruptError {
  return new StateCorruptError(
    `The stored item ${name} cannot be read: field ${field}: it differs from the one in doc. ` +
      'Nothing was written.',
  );
}
