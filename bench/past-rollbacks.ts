/** Gives a model a past: records and a state as after so many rollbacks. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBRollbackStore } from '../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../src/adapters/system/system-identity.ts';
import { limits } from '../src/domain/limits.ts';
import type { RollbackRecord } from '../src/domain/record/record.ts';
import { type ModelState, newModelState } from '../src/domain/state/model-state.ts';
import { deadlineAfter } from '../src/ports/deadline.ts';
import { localClientConfig } from '../test/engines/aws.ts';
import type { World } from './world.ts';

const writers = 24;
const minuteMs = 60_000;

/** @param like a model that was rolled back once; its record is the pattern of all others */
export async function seedPast(
  world: World,
  modelName: string,
  like: string,
  count: number,
): Promise<void> {
  const client = new DynamoDBClient(localClientConfig(world.dynamodbUrl));
  const options = { tableName: world.tableName, workspace: '' };
  const parts = { clock: systemClock, identity: systemIdentity };
  const store = new DynamoDBRollbackStore(client, parts, options);
  const deadline = deadlineAfter(systemClock, 10 * minuteMs);
  try {
    const [pattern] = (await store.list(like, deadline)).records;
    if (pattern === undefined) throw new Error(`${like} has no record`);
    const write = async (first: number): Promise<void> => {
      for (let index = first; index < count; index += writers) {
        await store.write(
          { record: pastRecord(pattern.record, modelName, count - index) },
          deadline,
        );
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, first) => write(first)));
    await store.write({ state: pastState(world, modelName, count) }, deadline);
  } finally {
    store.close();
  }
}

// ---------------------------------------------------------------------------------------------------

function pastRecord(pattern: RollbackRecord, modelName: string, age: number): RollbackRecord {
  const id = `${modelName}/${systemIdentity.digest(`${modelName} ${age}`).slice(0, 16)}`;
  const createdAtMs = Date.now() - age * minuteMs;
  return { ...pattern, revision: 1, id, modelName, createdAtMs };
}

/** Every second version above those that exist was rolled back from: the largest state there can be. */
function pastState(world: World, modelName: string, count: number): ModelState {
  const bad = Array.from({ length: count }, (_, index) => 1_000 + 2 * index);
  const recent = bad.slice(-limits.quarantineRecentMax);
  const earlier = bad.slice(0, -limits.quarantineRecentMax).slice(-limits.quarantineIntervalsMax);
  const atMs = Date.now() - minuteMs;
  return {
    ...newModelState(modelName, world.mlflowUrl),
    revision: 1,
    rollbackCount: count,
    quarantine: recent.map((number) => ({
      version: String(number),
      atMs,
      rollbackId: `${modelName}/0123456789abcdef`,
    })),
    quarantineEarlier: earlier.map((number) => [number, number] as const),
  };
}
