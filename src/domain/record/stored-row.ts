import { StateCorruptError } from '../errors.ts';
import type { OutboxNotice } from './outbox.ts';
import { decodeNotice } from './stored-item.ts';

/** An item in a row of a table, with what conditions are on in columns beside its document. */
type StoredRow = Readonly<Record<string, unknown>>;

/** Conditions use the column, decisions the document: they must not differ. @throws StateCorruptError */
export function readRow<T extends { readonly revision: number }>(
  row: StoredRow,
  name: string,
  decode: (text: string, itemName: string) => T,
): T {
  const item = decode(String(row['doc']), name);
  if (Number(row['revision']) === item.revision) return item;
  throw differs(name, 'revision');
}

/** The same of a notice, whose token stands beside it. @throws StateCorruptError */
export function readNoticeRow(row: StoredRow, name: string): OutboxNotice {
  const notice = decodeNotice(String(row['doc']), name);
  if (row['token'] === notice.token) return notice;
  throw differs(name, 'token');
}

// ---------------------------------------------------------------------------------------------------

function differs(name: string, field: string): StateCorruptError {
  return new StateCorruptError(
    `The stored item ${name} cannot be read: field ${field}: it differs from the one in doc. ` +
      'Nothing was written.',
  );
}
