/**
 * The crash matrix for a promotion: its own function is killed before and after every call, and it is finished by
 * the caller's retries, or by the sweep of the function that rolls back: as a promotion, or not at all.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isSent } from '../../src/domain/record/outbox.ts';
import type { Warning } from '../../src/domain/request/request.ts';
import { pointerState } from '../../src/domain/state/pointer-state.ts';
import { builtFile } from '../e2e/built.ts';
import { startFunction } from '../e2e/function-process.ts';
import {
  createWorld,
  isEngineMissing,
  type Settings,
  suiteTitle,
  type World,
} from '../e2e/world.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine } from '../engines/engines.ts';
import {
  type Finisher,
  killAt,
  openStand,
  retryUntilAnswered,
  type Stand,
  sweepUntilNothingIsDue,
} from './stand.ts';
import type { StoredModel } from './stored.ts';
import type { Moment, TappedCall } from './tap.ts';

type Pointer = 'stage:Production' | 'alias:champion';

/** How far a run got: what is on record, and whether the pointer has moved. */
type Left = 'nothing' | 'claimed' | 'noted' | 'moved' | 'committed';

/** One call of a promotion, and what a crash before it leaves. */
interface Step {
  readonly step: string;
  readonly key: string;
  readonly leaves: Left;
}

interface Cell extends Step {
  readonly pointer: Pointer;
  readonly moment: Moment;
  readonly finisher: Finisher;
  readonly left: Left;
  readonly settings: Settings;
}

/** In their order. The recheck of a stage, and what is read of single versions, run beside these. */
const STEPS: Readonly<Record<Pointer, readonly Step[]>> = {
  'stage:Production': [
    { step: 'read state', key: 'BatchGetItem#1', leaves: 'nothing' },
    { step: 'read registry', key: 'search#1', leaves: 'nothing' },
    { step: 'claim', key: 'TransactWriteItems#1', leaves: 'nothing' },
    { step: 'move', key: 'transition-stage#1', leaves: 'claimed' },
    { step: 'read back', key: 'search#3', leaves: 'moved' },
    { step: 'commit', key: 'TransactWriteItems#2', leaves: 'moved' },
    { step: 'publish', key: 'Publish#1', leaves: 'committed' },
    { step: 'mark sent', key: 'PutItem#1', leaves: 'committed' },
  ],
  'alias:champion': [
    { step: 'read state', key: 'BatchGetItem#1', leaves: 'nothing' },
    { step: 'claim', key: 'TransactWriteItems#1', leaves: 'nothing' },
    { step: 'recheck', key: 'alias#2', leaves: 'claimed' },
    { step: 'note the move', key: 'TransactWriteItems#2', leaves: 'claimed' },
    { step: 'move', key: 'set-alias#1', leaves: 'noted' },
    { step: 'read back', key: 'alias#3', leaves: 'moved' },
    { step: 'commit', key: 'TransactWriteItems#3', leaves: 'moved' },
    { step: 'publish', key: 'Publish#1', leaves: 'committed' },
    { step: 'mark sent', key: 'PutItem#1', leaves: 'committed' },
  ],
};

/** Where `champion-previous` follows `champion`: after the commit, beside the notice. */
const FOLLOWED: readonly Step[] = [
  { step: 'commit', key: 'TransactWriteItems#3', leaves: 'moved' },
  { step: 'set previous', key: 'set-alias#2', leaves: 'committed' },
];
const following: Settings = { ROLLBACK_PREVIOUS_ALIAS: 'on' };

const dynamodb = new DynamoDBClient(localClientConfig(engine('dynamodb').url));
const lines = new Map<string, string>();
let world: World;

describe.skipIf(isEngineMissing)(suiteTitle('a promotion'), () => {
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => {
    const text = [...lines.values()].join('\n');
    console.log(text);
    mkdirSync('.reports', { recursive: true });
    writeFileSync(join('.reports', 'crash-matrix-promote.txt'), `${text}\n`);
  });

  describe.each(['stage:Production', 'alias:champion'] as const)('of %s', (pointer) => {
    test('makes the calls that the matrix kills at', async () => {
      const stand = await stage(pointer, 'retry');
      const process = await startFunction(stand.env, stand.bundle);
      try {
        expect(await process.invoke(stand.request)).toMatchObject(stand.answer);
        const calls = stand.tap.calls.map(({ key }) => key);
        expect(calls).toEqual(expect.arrayContaining(STEPS[pointer].map(({ key }) => key)));
        const writes = calls.filter((key) => /^(Trans|Put|tran|set)/.test(key));
        const known = STEPS[pointer].map(({ key }) => key);
        expect(writes.filter((key) => !known.includes(key))).toEqual([]);
      } finally {
        await Promise.all([process.kill(), stand.close()]);
      }
    });

    describe.concurrent('that is killed', () => {
      test.for(cellsOf(pointer))(
        '$moment $step is finished by the $finisher',
        { timeout: 90_000 },
        async (cell) => {
          const head = `${pointer} ${cell.moment.padEnd(6)} ${cell.step.padEnd(13)} ${cell.finisher.padEnd(10)}`;
          // Now, so that the table is in the order of the matrix and not of the ends.
          lines.set(head, `${head} not finished`);
          lines.set(head, `${head} ${await runCell(cell)}`);
        },
      );
    });
  });

  describe.concurrent('of an alias that another one follows, killed', () => {
    test.for(cellsOf('alias:champion', FOLLOWED, following))(
      '$moment $step is finished by the $finisher, and the other one names what was left, or nothing',
      { timeout: 90_000 },
      async (cell) => {
        await runCell(cell);
      },
    );
  });
});

// ---------------------------------------------------------------------------------------------------

function cellsOf(
  pointer: Pointer,
  steps: readonly Step[] = STEPS[pointer],
  settings: Settings = {},
): Cell[] {
  return (['retry', 'sweep', 'late sweep'] as const).flatMap((finisher) =>
    steps.flatMap((step, index) => {
      const cell = { ...step, pointer, finisher, settings };
      const after = steps[index + 1]?.leaves ?? step.leaves;
      return [
        { ...cell, moment: 'before' as const, left: step.leaves },
        { ...cell, moment: 'after' as const, left: after },
      ];
    }),
  );
}

async function stage(
  pointer: Pointer,
  finisher: Finisher,
  settings: Settings = {},
): Promise<Stand> {
  const isStage = pointer === 'stage:Production';
  const stages = isStage ? (['Archived', 'Production', 'Staging'] as const) : nowhere;
  const model = await world.model(stages, 'crash');
  if (!isStage) await world.mlflow.setAlias(model, 'champion', '2');
  const parts = {
    world,
    dynamodb,
    folder: tmpdir(),
    store: 'dynamodb',
    finisher,
    settings,
  } as const;
  return await openStand({
    ...parts,
    model,
    request: { pointer, new_version: '3' },
    bundle: builtFile('dist/promote/index.mjs'),
    answer: {
      outcome: 'PROMOTED',
      promoted: true,
      new_version: '3',
      archived_version: '2',
      live_versions: ['3'],
      notified: true,
    },
  });
}

const nowhere = ['None', 'None', 'None'] as const;

/** Kills, lets it be finished, and judges; returns the words of its line in the table. */
async function runCell(cell: Cell): Promise<string> {
  const stand = await stage(cell.pointer, cell.finisher, cell.settings);
  try {
    const { landed } = await killAt(stand, cell, stand.request);
    const left = leftBy(cell, stand);
    const { how, seconds } = await (cell.finisher === 'retry'
      ? retryUntilAnswered(stand, cell)
      : sweepUntilNothingIsDue(stand, cell.finisher));
    await landed();
    return `${await judge(stand, { ...cell, left })} (${how}, ${seconds.toFixed(1)} s)`;
  } finally {
    await stand.close();
  }
}

/** On a slow machine the recheck is too old for a move, and comes once more in the place of the read-back. */
function leftBy({ step, left, pointer }: Cell, { tap, model }: Stand): Left {
  if (step !== 'read back' || tap.moves(model).length > 0) return left;
  return pointer === 'alias:champion' ? 'noted' : 'claimed';
}

/** The invariants, on the engines themselves; returns what came of it in a few words. */
async function judge(stand: Stand, cell: Cell): Promise<string> {
  const { model, tap } = stand;
  const [stored, live, notices] = await Promise.all([
    stand.stored(),
    liveOf(model, cell.pointer),
    world.notices(model),
  ]);
  const isOfPointer = ({ body }: TappedCall): boolean => !body.includes('champion-previous');
  const moves = tap.moves(model).filter(isOfPointer).length;
  const told = `live ${live}, ${moves} move(s), ${notices.length} notice(s)`;
  const [record] = stored.records;
  const outcome = record?.progress.status ?? 'NOTHING';
  expect(stored.records.length, told).toBe(record === undefined ? 0 : 1);
  expect(outcome, told).toBe(expectedOutcome(cell));
  const isDone = outcome === 'PROMOTED';
  expect(live, told).toBe(isDone ? '3' : '2');
  expect(moves, told).toBe(isDone ? 1 : 0);
  await expectPrevious(model, cell, record?.warnings ?? [], told);
  if (stored.state !== undefined) expectNoRollback(stored, cell.pointer, isDone);
  if (record === undefined) return `${outcome.padEnd(9)} ${told}`;
  expect(record.request.promotes, told).toBe(true);
  expect(stored.notices.every(isSent), told).toBe(true);
  const ids = notices.map(({ message }) => message['rollback_id']);
  expect(ids, told).toContain(record.id);
  expect(ids.length, told).toBeLessThanOrEqual(2);
  return `${outcome.padEnd(9)} ${told}`;
}

/** Whoever makes the commit sets it, unless it dies first; nobody repairs that, and nobody waits for it. */
async function expectPrevious(
  model: string,
  cell: Cell,
  warnings: readonly Warning[],
  told: string,
): Promise<void> {
  // It waits three seconds for the registry, and then says that it did not set it.
  const isSlow = warnings.some(({ code }) => code === 'PREVIOUS_ALIAS_NOT_SET');
  const previous = (await world.mlflow.aliases(model))['champion-previous'];
  if (cell.settings !== following) expect(previous, told).toBeUndefined();
  else if (cell.left === 'moved' && !isSlow) expect(previous, told).toBe('2');
  else expect([undefined, '2'], told).toContain(previous);
}

/** It is no rollback, whoever finishes it; and what it replaced is on record. */
function expectNoRollback({ state }: StoredModel, pointer: Pointer, isDone: boolean): void {
  expect(state).toMatchObject({ active: null, quarantine: [], rollbackCount: 0 });
  if (state === undefined) return;
  const { lastCommit, recentCommits, liveHistory } = pointerState(state, pointer);
  expect({ lastCommit, recentCommits }).toEqual({ lastCommit: null, recentCommits: [] });
  const versions = liveHistory.map(({ version }) => version);
  expect(versions).toEqual(isDone ? ['2', '3'] : []);
}

async function liveOf(model: string, pointer: Pointer): Promise<string | undefined> {
  if (pointer === 'alias:champion') return (await world.mlflow.aliases(model))['champion'];
  return (await world.mlflow.liveVersions(model)).join('+');
}

/** A retry gets its promotion. The sweep never sends a move of an alias that may have been sent. */
function expectedOutcome({ finisher, left, pointer }: Cell): string {
  if (finisher === 'retry' || left === 'moved' || left === 'committed') return 'PROMOTED';
  if (left === 'nothing') return 'NOTHING';
  if (left === 'noted' && pointer === 'alias:champion') return 'CONTESTED';
  return finisher === 'late sweep' ? 'FAILED' : 'PROMOTED';
}
