/** Whether lists, checks and sweeps take longer with a hundred thousand records than with a thousand. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBRollbackStore } from '../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import { createTable } from '../src/adapters/dynamodb/dynamodb-table.ts';
import { SQLiteRollbackStore } from '../src/adapters/sqlite/sqlite-rollback-store.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../src/adapters/system/system-identity.ts';
import type { RollbackRecord } from '../src/domain/record/record.ts';
import { deadlineAfter } from '../src/ports/deadline.ts';
import type { RollbackStore } from '../src/ports/rollback-store.ts';
import { localClientConfig } from '../test/engines/aws.ts';
import { type Figure, pairFigure } from './figures.ts';
import { dueRecords, fillFile, fillTable } from './fill-store.ts';
import { recordRollback } from './record-calls.ts';
import { newName, seedHistory, type World } from './world.ts';

const many = 100_000;
const few = 1_000;
const timeBudget = 2;
const memoryBudget = 1.25;
const dueItems = 20;

/** What people and schedules run; each as a process of its own. */
const commands = [
  { name: 'status', args: ['status', '--json'] },
  { name: 'history --limit 50', args: ['history', '--limit', '50', '--json'] },
  { name: 'doctor', args: ['doctor', '--json'] },
  { name: 'sweep', args: ['sweep', '--json'] },
] as const;

/** A store that was filled. */
interface Place {
  readonly env: NodeJS.ProcessEnv;
  open(): RollbackStore;
}

export async function measureSize(world: World, runs: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-bench-size-'));
  try {
    const pattern = await patternOf(world);
    const figures: Figure[] = [];
    for (const store of ['DynamoDB', 'SQLite'] as const) {
      const places = await Promise.all(
        [many, few].map(async (records) =>
          store === 'DynamoDB'
            ? await filledTable(world, records, pattern)
            : await filledFile(join(folder, `${records}.sqlite`), records, pattern),
        ),
      );
      for (const command of commands) {
        figures.push(...(await measure(world, { store, places, pattern, command, runs })));
      }
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ---------------------------------------------------------------------------------------------------

interface Side {
  readonly callMs: number;
  readonly peakKb: number;
}

async function measure(
  world: World,
  {
    store,
    places,
    pattern,
    command,
    runs,
  }: {
    readonly store: string;
    readonly places: readonly Place[];
    readonly pattern: RollbackRecord;
    readonly command: (typeof commands)[number];
    readonly runs: number;
  },
): Promise<readonly Figure[]> {
  const sides: [Side[], Side[]] = [[], []];
  // The first one of each side warms the caches of the engine.
  for (let run = 0; run <= runs; run += 1) {
    for (const [index, place] of places.entries()) {
      if (command.name === 'sweep') await addDue(place, pattern);
      const side = await runCommand({ ...world.env, ...place.env }, command.args);
      if (run > 0) sides[index]?.push(side);
    }
  }
  const of = (field: keyof Side): readonly [number[], number[]] => [
    sides[0].map((side) => side[field]),
    sides[1].map((side) => side[field]),
  ];
  const what = `${command.name}, 100,000 records, ${store}`;
  const against = '1,000 records';
  const [ours, theirs] = of('callMs');
  const [peak, theirPeak] = of('peakKb').map((values) => values.map((kb) => kb / 1_024));
  return [
    pairFigure({ what, unit: 'ms', ours, against, theirs, budget: timeBudget }),
    pairFigure({
      what: `${what}: peak memory`,
      unit: 'MB',
      ours: peak ?? [],
      against,
      theirs: theirPeak ?? [],
      budget: memoryBudget,
    }),
  ];
}

/** A record of a real rollback. */
async function patternOf(world: World): Promise<RollbackRecord> {
  const name = newName();
  seedHistory(world, name, 10, 10);
  await recordRollback(world, name, registryUrl(world));
  const store = openTable(world, world.tableName);
  const [found] = (await store.list(name, deadlineAfter(systemClock, 60_000))).records;
  store.close();
  if (found === undefined) throw new Error(`${name} has no record`);
  return found.record;
}

async function filledTable(world: World, records: number, pattern: RollbackRecord): Promise<Place> {
  const tableName = `model-rollback-bench-${records}`;
  const client = new DynamoDBClient(localClientConfig(world.dynamodbUrl));
  await createTable(client, tableName, systemClock);
  client.destroy();
  await fillTable(world.dynamodbUrl, tableName, { records, pattern });
  const env = { ROLLBACK_STATE_TABLE: tableName, ROLLBACK_STORE: 'dynamodb' };
  return { env, open: () => openTable(world, tableName) };
}

async function filledFile(path: string, records: number, pattern: RollbackRecord): Promise<Place> {
  await fillFile(path, { records, pattern });
  return {
    env: { ROLLBACK_STORE: `sqlite:${path}` },
    open: () => new SQLiteRollbackStore(path, '', systemClock),
  };
}

function openTable(world: World, tableName: string): RollbackStore {
  const client = new DynamoDBClient(localClientConfig(world.dynamodbUrl));
  const parts = { clock: systemClock, identity: systemIdentity };
  return new DynamoDBRollbackStore(client, parts, { tableName, workspace: '' });
}

async function addDue(place: Place, pattern: RollbackRecord): Promise<void> {
  const store = place.open();
  for (const record of dueRecords(pattern, dueItems)) {
    await store.write({ record }, deadlineAfter(systemClock, 60_000));
  }
  store.close();
}

function registryUrl(world: World): string {
  return world.mlflowDatabase === null ? world.embedded.url : world.mlflowUrl;
}

async function runCommand(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Side> {
  const script = join(import.meta.dirname, 'command-peak.mjs');
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...env, ROLLBACK_OBSERVE_MINUTES: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const [, figures] = /^@bench (.*)$/m.exec(said) ?? [];
  // What the doctor finds here is no part of the measurement.
  const isDone = code === 0 || (code === 1 && args[0] === 'doctor');
  if (!isDone || figures === undefined) throw new Error(`${args.join(' ')} (${code}): ${said}`);
  return JSON.parse(figures) as Side;
}
