/**
 * The crash matrix for an alias, whose move leaves no trace in the registry: the record says that one was
 * sent. Killed before and after every call, it is finished by the caller's retries or by the sweep alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isSent } from '../../src/domain/record/outbox.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { startFunction } from '../e2e/function-process.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
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
import type { Moment } from './tap.ts';

/** One call of a rollback. */
interface Step {
  readonly step: string;
  readonly key: string;
  /** What a crash before it leaves; the one after it leaves what a crash before the next does. */
  readonly leaves: Left;
  /** It may land some time after the crash. */
  readonly mayBeLate?: true;
}

/** How far a run got: what is on record, and whether the alias has moved. */
type Left = 'nothing' | 'claimed' | 'noted' | 'moved' | 'committed';

interface Cell extends Step {
  readonly moment: Moment;
  readonly finisher: Finisher;
  readonly left: Left;
}

/** In their order; what is read of single versions beside these is left out. */
const STEPS: readonly Step[] = [
  { step: 'read state', key: 'BatchGetItem#1', leaves: 'nothing' },
  { step: 'read alias', key: 'alias#1', leaves: 'nothing' },
  { step: 'read registry', key: 'search#1', leaves: 'nothing' },
  { step: 'claim', key: 'TransactWriteItems#1', leaves: 'nothing', mayBeLate: true },
  { step: 'recheck', key: 'alias#2', leaves: 'claimed' },
  { step: 'note the move', key: 'TransactWriteItems#2', leaves: 'claimed' },
  { step: 'move', key: 'set-alias#1', leaves: 'noted', mayBeLate: true },
  { step: 'read back', key: 'alias#3', leaves: 'moved' },
  { step: 'commit', key: 'TransactWriteItems#3', leaves: 'moved', mayBeLate: true },
  { step: 'publish', key: 'Publish#1', leaves: 'committed' },
  { step: 'mark sent', key: 'PutItem#1', leaves: 'committed' },
  { step: 'first tag', key: 'set-tag#1', leaves: 'committed' },
  { step: 'second tag', key: 'set-tag#2', leaves: 'committed' },
];

/** What the sweep makes of a person's request: it must not send a move that may have been sent. */
const SWEPT: Readonly<Record<'sweep' | 'late sweep', Readonly<Record<Left, string>>>> = {
  sweep: {
    nothing: 'NOTHING',
    claimed: 'ROLLED_BACK',
    noted: 'CONTESTED',
    moved: 'ROLLED_BACK',
    committed: 'ROLLED_BACK',
  },
  'late sweep': {
    nothing: 'NOTHING',
    claimed: 'FAILED',
    noted: 'CONTESTED',
    moved: 'ROLLED_BACK',
    committed: 'ROLLED_BACK',
  },
};

const dynamodb = new DynamoDBClient(localClientConfig(engine('dynamodb').url));
const lines = new Map<string, string>();
let world: World;

describe.skipIf(isEngineMissing)(suiteTitle('a rollback of an alias'), () => {
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(report);

  test('makes the calls that the matrix kills at', async () => {
    const stand = await stage('retry');
    const process = await startFunction(stand.env);
    try {
      const answer = await process.invoke(stand.request);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2', warnings: [] });
      const calls = stand.tap.calls.map(({ key }) => key).filter((key) => !key.startsWith('get#'));
      lines.set('calls', `calls of one rollback of an alias: ${calls.join(', ')}`);
      expect(calls.toSorted()).toEqual(STEPS.map(({ key }) => key).toSorted());
    } finally {
      await Promise.all([process.kill(), stand.close()]);
    }
  });

  describe.concurrent('that is killed', () => {
    test.for(cells())(
      '$moment $step is finished by the $finisher',
      { timeout: 90_000 },
      async (cell) => {
        const head = `${cell.moment.padEnd(6)} ${cell.step.padEnd(13)} ${cell.finisher.padEnd(10)}`;
        // Now, so that the table is in the order of the matrix and not of the ends.
        lines.set(head, `${head} not finished`);
        lines.set(head, `${head} ${await runCell(cell)}`);
      },
    );
  });
});

// ---------------------------------------------------------------------------------------------------

function cells(): Cell[] {
  return (['retry', 'sweep', 'late sweep'] as const).flatMap((finisher) =>
    STEPS.flatMap((step, index) => {
      const after = STEPS[index + 1]?.leaves ?? step.leaves;
      const cell = { ...step, finisher };
      return [
        { ...cell, moment: 'before' as const, left: step.leaves },
        { ...cell, moment: 'after' as const, left: after },
        // A late call lands before its lease is over: only the retry lives in real time.
        ...(step.mayBeLate && finisher === 'retry'
          ? [{ ...cell, moment: 'late' as const, left: after }]
          : []),
      ];
    }),
  );
}

/** Kills, lets it be finished, and judges; returns the words of its line in the table. */
async function runCell(cell: Cell): Promise<string> {
  const stand = await stage(cell.finisher);
  try {
    const { landed } = await killAt(stand, cell, stand.request);
    // On a slow machine the recheck is too old for a move, and comes once more in the place of the read-back.
    const isBeforeMove = cell.step === 'read back' && stand.tap.moves(stand.model).length === 0;
    const left = isBeforeMove ? 'noted' : cell.left;
    const { how, seconds } = await (cell.finisher === 'retry'
      ? retryUntilAnswered(stand, cell)
      : sweepUntilNothingIsDue(stand, cell.finisher));
    // A late call has landed by now, or it never will.
    await landed();
    return `${await judge(stand, { ...cell, left })} (${how}, ${seconds.toFixed(1)} s)`;
  } finally {
    await stand.close();
  }
}

/** The target is named, so that the plan rests on nothing but the request. */
async function stage(finisher: Finisher): Promise<Stand> {
  const model = await world.model(['None', 'None', 'None'], 'crash');
  await world.mlflow.setAlias(model, 'champion', '3');
  const request = { pointer: 'alias:champion', target_version: '2' };
  const parts = { world, dynamodb, folder: tmpdir(), store: 'dynamodb', finisher } as const;
  return await openStand({ ...parts, model, request });
}

/** The invariants, on the engines themselves; returns what came of it in a few words. */
async function judge(stand: Stand, cell: Cell): Promise<string> {
  const { model, tap } = stand;
  const [stored, aliases, notices] = await Promise.all([
    stand.stored(),
    world.mlflow.aliases(model),
    world.notices(model),
  ]);
  const named = aliases['champion'];
  const moves = tap.moves(model).length;
  const told = `names ${named}, ${moves} move(s), ${notices.length} notice(s)`;
  const [record] = stored.records;
  expect(stored.records.length, told).toBe(record === undefined ? 0 : 1);
  expect(stored.state?.active ?? null, told).toBeNull();
  const outcome = record?.progress.status ?? 'NOTHING';
  expect(outcome, told).toBe(expectedOutcome(cell));
  const isDone = outcome === 'ROLLED_BACK';
  expect(named, told).toBe(isDone ? '2' : '3');
  expect(moves, told).toBe(isDone ? 1 : 0);
  if (record === undefined) return `${outcome.padEnd(11)} ${told}`;
  const ids = notices.map(({ message }) => message['rollback_id']);
  expect(ids, told).toContain(record.id);
  expect(ids.length, told).toBeLessThanOrEqual(2);
  expect(stored.notices.every(isSent), told).toBe(true);
  if (isDone) expectCommit(stand, record, cell);
  if (outcome === 'CONTESTED') {
    expect(record.progress).toMatchObject({
      hasMoved: false,
      liveVersions: ['3'],
      message: expect.stringContaining('It is not known whether the move'),
    });
  }
  const codes = record.warnings.map(({ code }) => code);
  return [outcome.padEnd(11), told, ...codes].join(' ');
}

/** A retry always gets its rollback. */
function expectedOutcome({ finisher, left }: Cell): string {
  return finisher === 'sweep' || finisher === 'late sweep' ? SWEPT[finisher][left] : 'ROLLED_BACK';
}

/** A move that was sent, or may have been, and shows no effect is repeated by a retry, which says so. */
function expectCommit(stand: Stand, record: RollbackRecord, { left, finisher }: Cell): void {
  const isRepeated = left === 'noted' && finisher === 'retry';
  expect(record.warnings.map(({ code }) => code)).toEqual(isRepeated ? ['MOVE_REPEATED'] : []);
  expect(record.plan).toMatchObject({
    pointer: 'alias:champion',
    from: { version: '3' },
    to: { version: '2' },
  });
  expect(record.progress).toMatchObject({ liveVersions: ['2'] });
  expect(record.modelName).toBe(stand.model);
  // A retry leaves the check of the pointer to the sweep.
  expect(record.pointerCheck.kind).toBe(finisher === 'retry' ? 'pending' : 'as-left');
}

function report(): void {
  const text = [...lines.values()].join('\n');
  console.log(text);
  mkdirSync('.reports', { recursive: true });
  writeFileSync(join('.reports', 'crash-matrix-alias.txt'), `${text}\n`);
}
