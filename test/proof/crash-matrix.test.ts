/**
 * The crash matrix: the function is killed before and after every call of a rollback, on the real
 * engines. Then either the caller's retries finish it, or the sweep alone does.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import { isSent } from '../../src/domain/record/outbox.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { startFunction } from '../e2e/function-process.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine } from '../engines/engines.ts';
import { advancingClock, commitStrike } from './preloads.ts';
import {
  type Crash,
  type Finisher,
  HORIZON,
  killAt,
  openStand,
  retryUntilAnswered,
  type Stand,
  type StoreKind,
  sweepUntilNothingIsDue,
} from './stand.ts';
import type { StoredModel } from './stored.ts';
import type { Moment } from './tap.ts';

/** One call of a rollback. */
interface Step {
  readonly step: string;
  /** The call at the tap, or the n-th commit of SQLite. */
  readonly key: string;
  /** A call that changes something. */
  readonly isWrite: boolean;
}

interface Cell extends Step {
  readonly store: StoreKind;
  readonly moment: Moment;
  readonly finisher: Finisher;
  /** How far a first run got, when it is the sweep after it that is killed here. */
  readonly first: 'claimed' | 'moved' | null;
}

/** The calls of one rollback, in their order; the two first, the next two and the two last go out together. */
const STEPS: Readonly<Record<StoreKind, readonly Step[]>> = {
  dynamodb: [
    { step: 'read state', key: 'BatchGetItem#1', isWrite: false },
    { step: 'read registry', key: 'search#1', isWrite: false },
    { step: 'read aliases', key: 'get#1', isWrite: false },
    { step: 'claim', key: 'TransactWriteItems#1', isWrite: true },
    { step: 'recheck', key: 'search#2', isWrite: false },
    { step: 'move', key: 'transition-stage#1', isWrite: true },
    { step: 'read back', key: 'search#3', isWrite: false },
    { step: 'commit', key: 'TransactWriteItems#2', isWrite: true },
    { step: 'publish', key: 'Publish#1', isWrite: true },
    { step: 'mark sent', key: 'PutItem#1', isWrite: true },
    { step: 'first tag', key: 'set-tag#1', isWrite: true },
    { step: 'second tag', key: 'set-tag#2', isWrite: true },
  ],
  sqlite: [
    { step: 'read registry', key: 'search#1', isWrite: false },
    { step: 'read aliases', key: 'get#1', isWrite: false },
    { step: 'claim', key: 'COMMIT#1', isWrite: true },
    { step: 'recheck', key: 'search#2', isWrite: false },
    { step: 'move', key: 'transition-stage#1', isWrite: true },
    { step: 'read back', key: 'search#3', isWrite: false },
    { step: 'commit', key: 'COMMIT#2', isWrite: true },
    { step: 'publish', key: 'Publish#1', isWrite: true },
    { step: 'mark sent', key: 'COMMIT#3', isWrite: true },
    { step: 'first tag', key: 'set-tag#1', isWrite: true },
    { step: 'second tag', key: 'set-tag#2', isWrite: true },
  ],
};

/** The calls of a sweep that finishes a run: from the list of what is due up to its notice. */
const SWEEP_STEPS: Readonly<Record<'claimed' | 'moved', readonly Step[]>> = {
  claimed: sweepSteps({ hasMoved: false }),
  moved: sweepSteps({ hasMoved: true }),
};

const dynamodb = new DynamoDBClient(localClientConfig(engine('dynamodb').url));
const folder = mkdtempSync(join(tmpdir(), 'model-rollback-proof-'));
const lines = new Map<string, string>();
let world: World;

describe.skipIf(isEngineMissing)(suiteTitle('a rollback'), () => {
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => {
    report();
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each(['dynamodb', 'sqlite'] as const)('with its state in %s', (store) => {
    test('makes the calls that the matrix kills at', async () => {
      const calls = await recordedCalls(store);
      lines.set(`calls ${store}`, `calls of one rollback, ${store}: ${calls.join(', ')}`);
      expect(calls.toSorted()).toEqual(STEPS[store].map(({ key }) => key).toSorted());
    });

    describe.concurrent('that is killed', () => {
      test.for(cellsOf(store))(
        '$moment $step is finished by the $finisher',
        { timeout: 90_000 },
        runAndNote,
      );
    });
  });

  describe.concurrent('that was killed, and whose sweep is killed', () => {
    test.for(secondCells())(
      '$moment $step, with the run $first, is finished by the $finisher',
      { timeout: 90_000 },
      runAndNote,
    );
  });

  test('leaves nothing but looks at the pointer when retries have finished it', async () => {
    // All cells with retries share a table.
    const sweeper = await startFunction(world.env({ ...HORIZON, ...advancingClock(60) }));
    try {
      const swept = (await sweeper.invoke({ sweep: true })) as unknown as SweepReport;
      lines.set('last', `an hour after the retries, dynamodb: ${JSON.stringify(swept)}`);
      expect(swept).toMatchObject({
        outcome: 'SWEPT',
        pointers_checked: swept.due,
        pointers_differ: 0,
        resumed: 0,
        notices_sent: 0,
        failed: [],
      });
      expect(swept.due).toBeGreaterThan(0);
    } finally {
      await sweeper.kill();
    }
  });
});

// ---------------------------------------------------------------------------------------------------

function cellsOf(store: StoreKind): Cell[] {
  return (['retry', 'sweep', 'late sweep'] as const).flatMap((finisher) =>
    STEPS[store].flatMap((step) => {
      const isSocket = !step.key.startsWith('COMMIT');
      const moments: Moment[] = ['before', 'after'];
      // It must land before its lease is over: only this retry lives in real time.
      if (step.isWrite && isSocket && finisher === 'retry') moments.push('late');
      return moments.map((moment) => ({ ...step, store, moment, finisher, first: null }));
    }),
  );
}

function secondCells(): Cell[] {
  return (['claimed', 'moved'] as const).flatMap((first) =>
    SWEEP_STEPS[first].flatMap((step) =>
      (['before', 'after'] as const).map((moment) => ({
        ...step,
        store: 'dynamodb' as const,
        moment,
        finisher: 'second sweep' as const,
        first,
      })),
    ),
  );
}

function sweepSteps({ hasMoved }: { hasMoved: boolean }): Step[] {
  const read = (step: string, key: string): Step => ({ step, key, isWrite: false });
  const write = (step: string, key: string): Step => ({ step, key, isWrite: true });
  return [
    read('list due', 'Query#1'),
    read('read due', 'BatchGetItem#1'),
    read('read run', 'BatchGetItem#2'),
    write('take over', 'TransactWriteItems#1'),
    read('look', 'search#1'),
    ...(hasMoved ? [] : [write('move', 'transition-stage#1'), read('read back', 'search#2')]),
    write('commit', 'TransactWriteItems#2'),
    write('publish', 'Publish#1'),
    write('mark sent', 'PutItem#1'),
  ];
}

/** Keeps the line of a cell in the table, whatever comes of it. */
async function runAndNote(cell: Cell): Promise<void> {
  const { store, first, moment, step, finisher } = cell;
  const where = `${first === null ? '' : `${first}, then `}${moment} ${step}`;
  const head = `${store.padEnd(8)} ${where.padEnd(30)} ${`${finisher}:`.padEnd(13)}`;
  // Now, so that the table is in the order of the matrix and not of the ends.
  lines.set(head, `${head} not finished`);
  try {
    lines.set(head, `${head} ${await runCell(cell)}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    lines.set(head, `${head} BROKEN: ${why.split('\n')[0]}`);
    throw error;
  }
}

async function recordedCalls(store: StoreKind): Promise<string[]> {
  const stand = await stage(store, 'retry');
  const settings = store === 'sqlite' ? commitStrike(null) : {};
  const process = await startFunction({ ...stand.env, ...settings });
  try {
    const answer = await process.invoke(stand.request);
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    const commits = process.log().match(/^COMMIT$/gm) ?? [];
    return [
      ...stand.tap.calls.map(({ key }) => key),
      ...commits.map((_, index) => `COMMIT#${index + 1}`),
    ];
  } finally {
    await Promise.all([process.kill(), stand.close()]);
  }
}

/** Kills, lets it be finished, and judges; returns the words of its line in the table. */
async function runCell(cell: Cell): Promise<string> {
  const stand = await stage(cell.store, cell.finisher);
  try {
    const { landed } = await crash(stand, cell);
    const { how, seconds } = await (cell.finisher === 'retry'
      ? retryUntilAnswered(stand, cell)
      : sweepUntilNothingIsDue(stand, cell.finisher));
    // A late call has landed by now, or it never will.
    await landed();
    return `${await judge(stand, cell)} (${how}, ${seconds.toFixed(1)} s)`;
  } finally {
    await stand.close();
  }
}

async function stage(store: StoreKind, finisher: Finisher): Promise<Stand> {
  const model = await world.model(['Archived', 'Archived', 'Production'], 'crash');
  const request = { alarm_name: 'drawdown' };
  return await openStand({ world, dynamodb, folder, store, finisher, model, request });
}

/** Kills the run, or the sweep after it, at the cell's call. */
async function crash(stand: Stand, cell: Cell): Promise<Crash> {
  const { key, moment, first } = cell;
  if (first === null) return await killAt(stand, { key, moment }, stand.request);
  const firstMoment = first === 'moved' ? 'after' : 'before';
  const { landed } = await killAt(
    stand,
    { key: 'transition-stage#1', moment: firstMoment },
    stand.request,
  );
  await landed();
  return await killAt(stand, { key, moment }, { sweep: true }, advancingClock(2));
}

/** The invariants, on the engines themselves; returns what came of it in a few words. */
async function judge(stand: Stand, cell: Cell): Promise<string> {
  const { model, tap } = stand;
  const [stored, versions, notices] = await Promise.all([
    stand.stored(),
    world.mlflow.versions(model),
    world.notices(model),
  ]);
  const live = versions.filter(({ stage }) => stage === 'Production').map((row) => row.version);
  const moves = tap.moves(model).length;
  const commits = stored.records.filter(({ progress }) => progress.status === 'ROLLED_BACK').length;
  const ids = notices.map(({ message }) => message['rollback_id']);
  const tags = versions.reduce((count, row) => count + Object.keys(row.tags).length, 0);
  const told =
    `live ${live.join('+')}, ${moves} move(s), ${commits} commit(s), ${ids.length} notice(s), ` +
    `${tags} tag(s)`;

  expect(stored.state?.active ?? null, told).toBeNull();
  expect(stored.state?.rollbackCount ?? 0, told).toBe(commits);
  expect(moves, told).toBe(commits);
  for (const record of stored.records) {
    const notice = stored.notices.find(({ rollbackId }) => rollbackId === record.id);
    expect(isSent(notice), told).toBe(true);
    expect(ids, told).toContain(record.id);
  }
  expect(ids.length, told).toBeLessThanOrEqual(stored.records.length * 2);
  const [record] = stored.records;
  expect(stored.records.length, told).toBe(record === undefined ? 0 : 1);
  const outcome = record?.progress.status ?? 'NOTHING';
  expect(possibleOutcomes(cell), told).toContain(outcome);
  expect(live, told).toEqual([outcome === 'ROLLED_BACK' ? '2' : '3']);
  if (record !== undefined && outcome === 'ROLLED_BACK') expectCommit(stored, record, cell);
  return `${outcome.padEnd(11)} ${told}`;
}

/** How far a run may be when it is killed at a call that runs beside others. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  'read aliases': ['claim', 'recheck', 'move', 'read back'],
  recheck: ['claim', 'recheck'],
};

/** What may come of a cell: one thing, unless it is killed beside other calls. */
function possibleOutcomes(cell: Cell): string[] {
  const beside = BESIDE[cell.step];
  if (beside === undefined) return [expectedOutcome(cell)];
  return beside.flatMap((step) =>
    (['before', 'after'] as const).map((moment) => expectedOutcome({ ...cell, step, moment })),
  );
}

/** A retry always gets its rollback. */
function expectedOutcome({ step, moment, finisher }: Cell): string {
  if (finisher === 'retry' || finisher === 'second sweep') return 'ROLLED_BACK';
  const isUnclaimed = step.startsWith('read ') && step !== 'read back';
  if (isUnclaimed || (step === 'claim' && moment === 'before')) return 'NOTHING';
  const isUnmoved =
    step === 'claim' || step === 'recheck' || (step === 'move' && moment === 'before');
  return isUnmoved && finisher === 'late sweep' ? 'FAILED' : 'ROLLED_BACK';
}

function expectCommit(stored: StoredModel, record: RollbackRecord, { finisher }: Cell): void {
  expect(record.warnings).toEqual([]);
  expect(record.plan).toMatchObject({ from: { version: '3' }, to: { version: '2' } });
  expect(stored.state?.lastCommit).toMatchObject({ rollbackId: record.id, from: '3', to: '2' });
  expect(stored.state?.quarantine.map(({ version }) => version)).toEqual(['3']);
  // A retry leaves the look at the pointer to the sweep.
  expect(record.pointerCheck.kind).toBe(finisher === 'retry' ? 'pending' : 'as-left');
}

function report(): void {
  const text = [...lines.values()].join('\n');
  console.log(text);
  mkdirSync('.reports', { recursive: true });
  writeFileSync(join('.reports', 'crash-matrix.txt'), `${text}\n`);
}
