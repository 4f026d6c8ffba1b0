import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SQLiteRollbackStore } from '../../src/adapters/sqlite/sqlite-rollback-store.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  ConfigurationError,
  StateCorruptError,
  StateStoreUnavailableError,
} from '../../src/domain/errors.ts';
import { afterPointerCheck, withNotice } from '../../src/domain/follow-up.ts';
import { limits } from '../../src/domain/limits.ts';
import type { RollbackRecord } from '../../src/domain/rollback.ts';
import { fail } from '../../src/domain/transition.ts';
import {
  attemptAt,
  committed,
  firstClaim,
  NOON_MS,
  type RaceResult,
  unclaimed,
} from './rollback-samples.ts';
import {
  describeRollbackStore,
  type ItemEdit,
  look,
  type StoreData,
  type StoredItem,
  soon,
} from './rollback-store.contract.ts';

const PROCESSES = 4;
const CLIENTS_EACH = 12;
const ROUNDS = 50;

describeRollbackStore('SQLiteRollbackStore', openData, { isEditable: true, hasWorkspaces: true });

describe('SQLiteRollbackStore', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await newFolder();
    path = join(folder, 'deep', 'down', 'state.db');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const open = (workspace = '', nowMs = NOON_MS): SQLiteRollbackStore =>
    new SQLiteRollbackStore(path, workspace, { ...systemClock, nowMs: () => nowMs });

  test('makes nothing to read from, and changes nothing by reading', async () => {
    const store = open();
    const { state, record, fleet } = await store.read('fraud', 'fraud/1', soon());
    expect([state, record, fleet]).toEqual([undefined, undefined, undefined]);
    expect(await store.list(null, soon())).toEqual([]);
    expect(await store.listDue(NOON_MS, 9, soon())).toEqual([]);
    store.close();
    await expect(stat(join(folder, 'deep'))).rejects.toThrow('ENOENT');

    const writer = open();
    await writer.write(firstClaim('fraud', '1'), soon());
    writer.close();
    const before = await readFile(path);
    const reader = open();
    expect(await reader.list('fraud', soon())).toHaveLength(1);
    reader.close();
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  test('makes the file with its folder, for its owner alone', async () => {
    const store = open();
    await store.write(firstClaim('fraud', '1'), soon());
    store.close();
    expect((await stat(join(folder, 'deep'))).mode & 0o077).toBe(0);
  });

  test('lets exactly one client of several processes win each round', async () => {
    // Nobody has opened the file yet, so the processes also race to make it.
    const children = Array.from({ length: PROCESSES }, (_, index) => startRacers(path, index));
    await Promise.all(children.map((child) => child.ask({ kind: 'open' })));
    const judge = open();
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(children.map((child) => child.ask({ kind: 'prepare', round })));
      const answers = await Promise.all(children.map((child) => child.ask({ kind: 'write' })));

      const results = answers.flat();
      expect(results).toHaveLength(PROCESSES * CLIENTS_EACH);
      const winners = results.filter(({ answer }) => answer === 'written');
      const others = results.filter(({ answer }) => answer !== 'written');
      expect(winners).toHaveLength(1);
      expect(new Set(others.map(({ answer }) => answer))).toEqual(new Set(['conflict']));
      const owner = winners[0]?.owner ?? '';
      const view = await judge.read('fraud', `fraud/${round}-${owner}`, soon());
      expect(view.state?.active?.owner).toBe(owner);
      expect(view.record?.progress).toMatchObject({ status: 'IN_PROGRESS', owner });
      const { state, record } = view;
      if (state === undefined || !record?.plan) throw new Error('no claim');
      const { plan } = record;
      const free = fail({ state, record: { ...record, plan } }, NOON_MS, 'next round');
      expect(await judge.write(free, soon())).toBe('written');
    }
    judge.close();
    await Promise.all(children.map((child) => child.end()));
  });

  test('waits for another process no longer than its deadline, and still reads', async () => {
    const store = open();
    await store.write(firstClaim('other', '1'), soon());
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    const startMs = performance.now();
    const deadline = { leftMs: () => startMs + 300 - performance.now() };
    try {
      // Readers do not wait for writers.
      const nothing = { state: undefined, record: undefined, fleet: undefined };
      expect(await look(store, 'fraud', null, deadline)).toEqual(nothing);
      const write = store.write(firstClaim('fraud', '1'), deadline);
      await expect(write).rejects.toBeInstanceOf(StateStoreUnavailableError);
      await expect(write).rejects.toThrow('Another process holds the file');
      expect(performance.now() - startMs).toBeLessThan(2_500);
    } finally {
      holder.close();
    }
    expect(await store.write(firstClaim('fraud', '1'), soon())).toBe('written');
    store.close();
  });

  test('forgets ends without effect after their time, and nothing else', async () => {
    const store = open();
    const refused = refusal('refused');
    const sent = { kind: 'sent', about: 'end', sentAtMs: NOON_MS, attempts: 1 } as const;
    const settled = refusal('settled');
    const run = firstClaim('kept', '1');
    await store.write({ record: refused }, soon());
    await store.write({ record: { ...settled, notice: sent } }, soon());
    await store.write(run, soon());
    const ended = committed(run);
    await store.write(ended, soon());
    const announced = withNotice(ended.record, sent);
    await store.write({ record: announced }, soon());
    // Nothing of it is due any more, and still it stays.
    await store.write({ record: afterPointerCheck(announced, ['2'], null, NOON_MS) }, soon());
    store.close();

    const onTime = open('', NOON_MS + limits.recordRetentionMs);
    expect(await onTime.list(null, soon())).toHaveLength(3);
    onTime.close();
    const late = open('', NOON_MS + limits.recordRetentionMs + 1);
    // Whoever writes a record sweeps up.
    await late.write({ record: refusal('new') }, soon());
    const models = (await late.list(null, soon())).map(({ modelName }) => modelName);
    late.close();
    expect(models.toSorted()).toEqual(['kept', 'new', 'refused']);
  });

  test('refuses a file of a newer version and leaves it alone', async () => {
    const store = open();
    await store.write(firstClaim('fraud', '1'), soon());
    store.close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 2');
    database.close();
    expect(open).toThrow(StateCorruptError);
    expect(open).toThrow(/schema 2.*Update model-rollback/);
  });

  test('names the setting and the file when it cannot be opened', async () => {
    path = join(folder, 'noise.db');
    await writeFile(path, 'this is no database, however long one looks at it'.repeat(100));
    expect(open).toThrow(ConfigurationError);
    expect(open).toThrow(/ROLLBACK_STORE names .*noise\.db/);
    const before = await readFile(path, 'utf8');
    path = join(path, 'below-a-file.db');
    await expect(open().write(firstClaim('fraud', '1'), soon())).rejects.toThrow(
      ConfigurationError,
    );
    expect(await readFile(join(folder, 'noise.db'), 'utf8')).toBe(before);
  });

  test('keeps everything over a restart', async () => {
    const claimed = firstClaim('fraud', '1');
    const first = open();
    await first.write(claimed, soon());
    first.close();
    const second = open();
    expect(await look(second, 'fraud', claimed.record.id, soon())).toEqual(claimed);
    second.close();
  });
});

// ---------------------------------------------------------------------------------------------------

async function newFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'model-rollback-store-'));
}

async function openData(): Promise<StoreData> {
  const folder = await newFolder();
  const path = join(folder, 'state.db');
  return {
    open: async (workspace = '') => new SQLiteRollbackStore(path, workspace, fixedClock),
    close: () => rm(folder, { recursive: true }),
    edit: async (item, change) => editRow(path, item, change),
  };
}

/** Generated records have any time: none of them expires by surprise. */
const fixedClock = { ...systemClock, nowMs: () => 0 };

function refusal(model: string): RollbackRecord {
  return unclaimed(attemptAt(model, '1', { verdict: 'REFUSED' }), 'REFUSED').record;
}

function editRow(path: string, item: StoredItem, change: ItemEdit): void {
  const database = new DatabaseSync(path);
  const where =
    item.kind === 'record'
      ? { table: 'rollback', key: 'id', value: item.rollbackId }
      : {
          table: 'model_state',
          key: 'model_name',
          value: item.kind === 'fleet' ? '' : item.modelName,
        };
  for (const [column, value] of Object.entries(change)) {
    const sql = `UPDATE ${where.table} SET ${column} = ? WHERE ${where.key} = ?`;
    expect(database.prepare(sql).run(value, where.value).changes).toBe(1);
  }
  database.close();
}

type RaceQuestion = { kind: 'open' } | { kind: 'prepare'; round: number } | { kind: 'write' };

interface RacerProcess {
  ask(question: RaceQuestion): Promise<readonly RaceResult[]>;
  end(): Promise<void>;
}

/** A process with clients of its own, which does each half of a round when it is told to. */
function startRacers(path: string, index: number): RacerProcess {
  const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { systemClock } from ${url('../../src/adapters/system/system-clock.ts')};
    import { SQLiteRollbackStore } from ${url('../../src/adapters/sqlite/sqlite-rollback-store.ts')};
    import { prepareClaims, writeClaims } from ${url('./rollback-samples.ts')};
    const deadline = { leftMs: () => 30_000 };
    const clock = { ...systemClock, nowMs: () => ${NOON_MS} };
    let racers = [];
    let claims = [];
    const acts = {
      open: async () => {
        racers = Array.from({ length: ${CLIENTS_EACH} }, (_, client) => ({
          owner: 'process-${index}-client-' + client,
          store: new SQLiteRollbackStore(${JSON.stringify(path)}, '', clock),
        }));
        return [];
      },
      prepare: async ({ round }) => {
        claims = await prepareClaims(racers, 'fraud', round, deadline);
        return [];
      },
      write: async () => await writeClaims(racers, claims, deadline),
    };
    process.on('message', async (question) => process.send(await acts[question.kind](question)));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  return {
    ask: async (question) => {
      const answer = once(child, 'message');
      child.send(question);
      const first = await Promise.race([answer, exited.then(() => null)]);
      if (first === null) throw new Error('a racing process ended');
      return first[0] as readonly RaceResult[];
    },
    end: async () => {
      child.disconnect();
      await exited;
    },
  };
}
