/**
 * The crash matrix for a run with a smoke check before its move and a reload after it: killed before and after the
 * calls that these add, and those around them, it is finished by the caller's retries or by the sweep alone.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import { isSent } from '../../src/domain/record/outbox.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import { startFunction } from '../e2e/function-process.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine } from '../engines/engines.ts';
import { advancingClock, commitStrike } from './preloads.ts';
import {
  HORIZON,
  killAt,
  openStand,
  retryUntilAnswered,
  type Stand,
  type StoreKind,
  sweepUntilNothingIsDue,
} from './stand.ts';
import type { Moment } from './tap.ts';

interface Step {
  readonly step: string;
  /** The call at the tap, or the n-th commit of SQLite. */
  readonly key: string;
  /** True once the claim is written, when the call has been made. */
  readonly isClaimed: boolean;
}

interface Cell extends Step {
  readonly store: StoreKind;
  readonly moment: Moment;
  readonly finisher: 'retry' | 'sweep';
}

const step = (name: string, key: string, isClaimed: boolean): Step => ({
  step: name,
  key,
  isClaimed,
});

/** The calls that hooks add, and those around them; the last ones go out beside each other. */
const STEPS: Readonly<Record<StoreKind, readonly Step[]>> = {
  dynamodb: [
    step('smoke check', 'smoke-check#1', false),
    step('claim', 'TransactWriteItems#1', true),
    step('move', 'transition-stage#1', true),
    step('commit', 'TransactWriteItems#2', true),
    step('reload', 'reload#1', true),
    step('publish', 'Publish#1', true),
    step('first mark', 'PutItem#1', true),
    step('second mark', 'PutItem#2', true),
  ],
  sqlite: [
    step('smoke check', 'smoke-check#1', false),
    step('claim', 'COMMIT#1', true),
    step('move', 'transition-stage#1', true),
    step('commit', 'COMMIT#2', true),
    step('reload', 'reload#1', true),
    step('publish', 'Publish#1', true),
    step('first mark', 'COMMIT#3', true),
    step('second mark', 'COMMIT#4', true),
  ],
};

/** Calls that the other matrices kill at. On a busy machine a recheck is repeated. */
const ELSEWHERE = /^(BatchGetItem|search|get|set-tag)#/;

const dynamodb = new DynamoDBClient(localClientConfig(engine('dynamodb').url));
const folder = mkdtempSync(join(tmpdir(), 'model-rollback-proof-'));
const lines = new Map<string, string>();
let world: World;
let hooks: HttpProxy;

describe.skipIf(isEngineMissing)(suiteTitle('a rollback with hooks'), () => {
  beforeAll(async () => {
    world = await createWorld();
    hooks = await startHttpProxy(null, ({ body }) => {
      const call = JSON.parse(body) as { kind: string; version: string };
      const answer = call.kind === 'reload' ? { serving_version: call.version } : { ok: true };
      return { kind: 'answer', status: 200, body: JSON.stringify(answer) };
    });
  });
  afterAll(async () => {
    report();
    await hooks?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each(['dynamodb', 'sqlite'] as const)('with its state in %s', (store) => {
    test('makes the calls that the matrices kill at, and its smoke check before the claim', async () => {
      const stand = await stage(store, 'retry');
      const settings = store === 'sqlite' ? commitStrike(null) : {};
      const process = await startFunction({ ...stand.env, ...settings });
      try {
        const answer = await process.invoke(stand.request);
        expect(answer).toMatchObject({
          outcome: 'ROLLED_BACK',
          warnings: [],
          serving: { state: 'confirmed', version: '2' },
        });
        const commits = process.log().match(/^COMMIT$/gm) ?? [];
        const calls = [
          ...stand.tap.calls.map(({ key }) => key),
          ...commits.map((_, index) => `COMMIT#${index + 1}`),
        ];
        lines.set(`calls ${store}`, `calls of one rollback, ${store}: ${calls.join(', ')}`);
        const own = calls.filter((key) => !ELSEWHERE.test(key));
        expect(own.toSorted()).toEqual(STEPS[store].map(({ key }) => key).toSorted());
        const claim = calls.indexOf('TransactWriteItems#1');
        if (claim !== -1) expect(calls.indexOf('smoke-check#1')).toBeLessThan(claim);
        expect(calls.indexOf('smoke-check#1')).toBeLessThan(calls.indexOf('search#2'));
      } finally {
        await Promise.all([process.kill(), stand.close()]);
      }
    });

    describe.concurrent('that is killed', () => {
      test.for(cellsOf(store))(
        '$moment $step is finished by the $finisher',
        { timeout: 90_000 },
        async (cell) => {
          const head = `${store.padEnd(8)} ${cell.moment.padEnd(6)} ${cell.step.padEnd(11)} ${cell.finisher}`;
          // Now, so that the table is in the order of the matrix and not of the ends.
          lines.set(head, `${head} not finished`);
          lines.set(head, `${head} ${await runCell(cell)}`);
        },
      );
    });
  });

  test('has made servers reload an hour after the retries, whatever was cut off', async () => {
    // All cells with retries share a table.
    const sweeper = await startFunction(
      world.env({ ...HORIZON, ...advancingClock(60), ROLLBACK_RELOAD: `${hooks.url}/reload` }),
    );
    try {
      const swept = (await sweeper.invoke({ sweep: true })) as unknown as SweepReport;
      lines.set('last', `an hour after the retries, dynamodb: ${JSON.stringify(swept)}`);
      expect(swept).toMatchObject({ outcome: 'SWEPT', resumed: 0, failed: [] });
      for (const answer of await world.history(null)) {
        expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', serving: { state: 'confirmed' } });
        expect(callsOf(answer.model_name ?? '', 'reload')).toBeGreaterThan(0);
      }
    } finally {
      await sweeper.kill();
    }
  });
});

// ---------------------------------------------------------------------------------------------------

function cellsOf(store: StoreKind): Cell[] {
  return (['retry', 'sweep'] as const).flatMap((finisher) =>
    STEPS[store].flatMap((one) =>
      (['before', 'after'] as const).map((moment) => ({ ...one, store, moment, finisher })),
    ),
  );
}

async function stage(store: StoreKind, finisher: Cell['finisher']): Promise<Stand> {
  const model = await world.model(['Archived', 'Archived', 'Production'], 'hooks');
  const parts = { world, dynamodb, folder, store, finisher, model };
  return await openStand({ ...parts, request: {}, hooks: hooks.url });
}

/** Kills, lets it be finished, and judges; returns the words of its line in the table. */
async function runCell(cell: Cell): Promise<string> {
  const stand = await stage(cell.store, cell.finisher);
  try {
    const { landed } = await killAt(stand, cell, stand.request);
    const { how, seconds } = await (cell.finisher === 'retry'
      ? retryUntilAnswered(stand, cell)
      : sweepUntilNothingIsDue(stand, cell.finisher));
    await landed();
    return `${await judge(stand, cell)} (${how}, ${seconds.toFixed(1)} s)`;
  } finally {
    await stand.close();
  }
}

/** The invariants, on the engines themselves; returns what came of it in a few words. */
async function judge(stand: Stand, cell: Cell): Promise<string> {
  const { model, tap } = stand;
  const [stored, live] = await Promise.all([stand.stored(), world.mlflow.liveVersions(model)]);
  const checks = callsOf(model, 'smoke-check');
  const reloads = callsOf(model, 'reload');
  const [record] = stored.records;
  const told = `live ${live.join()}, ${checks} check(s), ${reloads} reload(s)`;
  const isNothing = cell.finisher === 'sweep' && !isClaimedIn(cell);
  expect(record?.progress.status ?? 'NOTHING', told).toBe(isNothing ? 'NOTHING' : 'ROLLED_BACK');
  expect(live, told).toEqual([isNothing ? '3' : '2']);
  expect(tap.moves(model).length, told).toBe(isNothing ? 0 : 1);
  expect(stored.state?.active ?? null, told).toBeNull();
  // A run that is taken over is not checked again; one that had claimed nothing is.
  const isKnown = isClaimedIn(cell) || cell.finisher === 'sweep';
  const fromBefore = cell.step === 'smoke check' && cell.moment === 'before' ? 1 : 2;
  expect(checks, told).toBeLessThanOrEqual(isKnown ? 1 : fromBefore);
  if (record === undefined) return `NOTHING     ${told}`;
  expect(stored.notices.every(isSent), told).toBe(true);
  expectServing(record, reloads, cell);
  return `ROLLED_BACK ${told}, serving ${record.serving?.kind}`;
}

/** A retry leaves to the sweep what is not due yet. */
function expectServing({ serving, plan }: RollbackRecord, reloads: number, cell: Cell): void {
  const guard = plan?.guards.find(({ code }) => code === 'TARGET_UNFIT');
  expect(guard?.message).toMatch(/^the target is READY, and the smoke check .* said ok$/);
  expect(reloads).toBeLessThanOrEqual(2);
  if (cell.finisher === 'retry') {
    expect(['confirmed', 'pending']).toContain(serving?.kind);
    return;
  }
  expect(serving).toMatchObject({ kind: 'confirmed', version: '2' });
  expect(reloads).toBeGreaterThan(0);
}

function isClaimedIn({ step: name, moment, isClaimed }: Cell): boolean {
  return isClaimed && !(name === 'claim' && moment === 'before');
}

function callsOf(model: string, kind: string): number {
  return hooks.requests.filter(({ body }) => {
    const call = JSON.parse(body) as { model_name: string; kind: string };
    return call.model_name === model && call.kind === kind;
  }).length;
}

function report(): void {
  const text = [...lines.values()].join('\n');
  console.log(text);
  mkdirSync('.reports', { recursive: true });
  writeFileSync(join('.reports', 'crash-matrix-hooks.txt'), `${text}\n`);
}
