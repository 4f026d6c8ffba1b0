/** Fills a store as after a year of many models: by the items that the stores themselves would write. */
import { DatabaseSync } from 'node:sqlite';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { recordItem, stateItem } from '../src/adapters/dynamodb/rollback-item.ts';
import { SQLiteRollbackStore } from '../src/adapters/sqlite/sqlite-rollback-store.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../src/adapters/system/system-identity.ts';
import { type RollbackRecord, shownAtMs } from '../src/domain/record/record.ts';
import { encodeRecord } from '../src/domain/record/stored-item.ts';
import { newModelState } from '../src/domain/state/model-state.ts';
import { deadlineAfter } from '../src/ports/deadline.ts';
import { localClientConfig } from '../test/engines/aws.ts';

/** So many records, ten of each model. */
export interface Fill {
  readonly records: number;
  /** What all of them are like. */
  readonly pattern: RollbackRecord;
}

const recordsPerModel = 10;
const minuteMs = 60_000;
const batch = 25;
const writers = 8;

export async function fillTable(url: string, tableName: string, fill: Fill): Promise<void> {
  const client = new DynamoDBClient(localClientConfig(url));
  const place = { workspace: '', layout: 'sharded' } as const;
  const items = (function* (): Generator<Record<string, AttributeValue>> {
    yield { pk: { S: 'INDEX#' }, sk: { S: 'STATE' }, layout: { S: 'sharded' } };
    for (const record of recordsOf(fill)) yield recordItem(record, place, 'token');
    for (let model = 0; model < fill.records / recordsPerModel; model += 1) {
      yield stateItem({ ...newModelState(modelOf(model), 'none'), revision: 1 }, '', 'token');
    }
  })();
  const write = async (): Promise<void> => {
    for (;;) {
      const page: WriteRequest[] = [];
      // Not with `for`, nor by `take`: both end the generator that the writers share.
      for (let step = items.next(); !step.done; step = items.next()) {
        page.push({ PutRequest: { Item: step.value } });
        if (page.length === batch) break;
      }
      if (page.length === 0) return;
      let left: Record<string, WriteRequest[]> | undefined = { [tableName]: page };
      while (left !== undefined && Object.keys(left).length > 0) {
        left = (await client.send(new BatchWriteItemCommand({ RequestItems: left })))
          .UnprocessedItems;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: writers }, write));
  } finally {
    client.destroy();
  }
}

export async function fillFile(path: string, fill: Fill): Promise<void> {
  const store = new SQLiteRollbackStore(path, '', systemClock);
  const [first] = recordsOf(fill);
  if (first === undefined) throw new Error('no record');
  await store.write({ record: { ...first, revision: 1 } }, deadlineAfter(systemClock, minuteMs));
  store.close();
  const database = new DatabaseSync(path);
  const insert = database.prepare(
    `INSERT OR REPLACE INTO rollback (workspace, id, model_name, revision, shown_at_ms, doc)
     VALUES ('', ?, ?, ?, ?, ?)`,
  );
  database.exec('BEGIN');
  for (const record of recordsOf(fill)) {
    const { id, modelName, revision } = record;
    insert.run(id, modelName, revision, shownAtMs(record), encodeRecord(record));
  }
  database.exec('COMMIT');
  database.close();
}

// ---------------------------------------------------------------------------------------------------

/** Records of a pointer that the sweep has to check now. */
export function dueRecords(pattern: RollbackRecord, count: number): readonly RollbackRecord[] {
  const due = { kind: 'pending', dueAtMs: Date.now() - 1_000 } as const;
  return Array.from({ length: count }, () => {
    const id = `${pattern.modelName}/${systemIdentity.random().slice(0, 16)}`;
    return { ...pattern, id, revision: 1, pointerCheck: due };
  });
}

/** One a minute, each model in turn. */
function* recordsOf({ records, pattern }: Fill): Generator<RollbackRecord> {
  const { progress } = pattern;
  if (progress.status === 'IN_PROGRESS') throw new Error('the pattern has ended');
  const nowMs = Date.now();
  for (let index = 0; index < records; index += 1) {
    const modelName = modelOf(index % (records / recordsPerModel));
    const endedAtMs = nowMs - (index + 1) * minuteMs;
    const id = `${modelName}/${systemIdentity.digest(String(index)).slice(0, 16)}`;
    // Nothing is due of it: it ended long ago.
    const settled = { pointerCheck: { kind: 'none' }, revision: 1 } as const;
    yield { ...pattern, ...settled, id, modelName, progress: { ...progress, endedAtMs } };
  }
}

function modelOf(index: number): string {
  return `model-${String(index).padStart(6, '0')}`;
}
