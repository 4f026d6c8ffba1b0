/**
 * A thousand models at once, and what one partition of DynamoDB takes: real rollbacks for real alarms, on a
 * table that counts units by DynamoDB's published rules.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { DynamoDBRollbackStore } from '../../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import type { IndexLayout } from '../../src/adapters/dynamodb/index-entries.ts';
import { handleAlarm } from '../../src/app/handle-alarm.ts';
import { parseAlarmPayload } from '../../src/domain/alarm/alarm-payload.ts';
import { defaultAlarmSettings } from '../../src/domain/alarm/alarm-settings.ts';
import type { StoreChange } from '../../src/domain/record/record.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { PartitionTable, partitionLimits } from '../fakes/partition-table.ts';
import { makeWorld } from '../fakes/world.ts';

const models = 1_000;
const stages = [...Array.from({ length: 24 }, () => 'Archived'), 'Production'];
/** Between two calls of one run. */
const callMs = 25;
const seed = 20_261_128;

/** A call of the state store, without its deadline. */
type Call =
  | { readonly kind: 'read'; readonly args: readonly [modelName: string, id: string | null] }
  | { readonly kind: 'write'; readonly change: StoreChange };

describe('1,000 models rolled back by alarms within a minute', () => {
  let calls: readonly Call[];

  beforeAll(async () => {
    calls = await callsOfOne('model-0');
    const kinds = calls.map(({ kind }) => kind);
    // The claim, the commit with the notice, the mark.
    expect(kinds.filter((kind) => kind === 'write')).toHaveLength(3);
  });

  test.each([
    { how: 'evenly', arrivalOf: evenly },
    { how: 'most of them in the first seconds', arrivalOf: together },
    { how: 'all in one second', arrivalOf: atOnce },
  ])('need no more of any partition than it takes: $how', async ({ arrivalOf }) => {
    const table = await replay(calls, 'sharded', arrivalOf);
    const [write] = table.peaks('writes');
    const [read] = table.peaks('reads');
    expect(write?.units).toBeLessThanOrEqual(partitionLimits.writeUnits);
    expect(read?.units).toBeLessThanOrEqual(partitionLimits.readUnits);
  });

  test('are throttled in the layout of release 0.1.0, as alarms of one cause come', async () => {
    const table = await replay(calls, 'single', together);
    const throttled = table
      .peaks('writes')
      .filter(({ units }) => units > partitionLimits.writeUnits)
      .map(({ partition }) => partition);
    expect(throttled).toEqual(['by-time ROLLBACKS#']);
  });
});

// ---------------------------------------------------------------------------------------------------

/** When an alarm arrives (ms), by a number from 0 to 1. */
type Arrival = (share: number) => number;

function evenly(share: number): number {
  return share * 60_000;
}

/** Alarms of one period are evaluated together: two thirds of them in the first ten seconds. */
function together(share: number): number {
  return Math.min(59_999, -Math.log(1 - share) * 9_000);
}

function atOnce(share: number): number {
  return share * 1_000;
}

/** What a real rollback for a real alarm asks of the store. */
async function callsOfOne(name: string): Promise<readonly Call[]> {
  const world = makeWorld({ alarms: { ...defaultAlarmSettings, blastRadius: null } });
  world.seed(name, stages);
  const calls: Call[] = [];
  const store = Object.assign(Object.create(world.store), {
    read: async (...args: Parameters<RollbackStore['read']>) => {
      calls.push({ kind: 'read', args: [args[0], args[1]] });
      return await world.store.read(...args);
    },
    write: async (...args: Parameters<RollbackStore['write']>) => {
      calls.push({ kind: 'write', change: args[0] });
      return await world.store.write(...args);
    },
  }) as RollbackStore;
  const atMs = world.clock.nowMs() - 1_000;
  const payload = parseAlarmPayload(directAlarm({ model: name, name: 'alarm', atMs }));
  if (payload === undefined) throw new Error('the event is an alarm');
  const answer = await handleAlarm({ ...world.deps, store }, payload, null, world.deadline());
  expect(answer).toMatchObject({ outcome: 'ROLLED_BACK' });
  return calls;
}

/** The same for every model, through the store itself, each call at its time. */
async function replay(
  calls: readonly Call[],
  layout: IndexLayout,
  arrivalOf: Arrival,
): Promise<PartitionTable> {
  let nowMs = 0;
  const table = new PartitionTable(() => nowMs);
  table.place({ pk: { S: 'INDEX#' }, sk: { S: 'STATE' }, layout: { S: layout } });
  const world = makeWorld();
  const options = { tableName: 'state', workspace: '' };
  const store = new DynamoDBRollbackStore(table.client, world.deps, options);
  const text = JSON.stringify(calls);
  const random = randomFrom(seed);
  for (let model = 0; model < models; model += 1) {
    nowMs = arrivalOf(random());
    for (const call of JSON.parse(text.replaceAll('model-0', `model-${model}`)) as Call[]) {
      if (call.kind === 'read') await store.read(...call.args, world.deadline());
      else await store.write(call.change, world.deadline());
      nowMs += callMs;
    }
  }
  return table;
}

/** The same numbers from the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
