/**
 * Somebody else moves the alias at the same moment as a rollback does. MLflow keeps no trace of either move,
 * so what our answer says must be what we read, and the alias must end on one of the two versions.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { type FunctionProcess, startFunction } from '../e2e/function-process.ts';
import { type Answer, type Failure, isFailure } from '../e2e/reply.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import { generator, type Offset, randomOffset } from './offset.ts';
import { advancingClock } from './preloads.ts';
import { storedInDynamoDB } from './stored.ts';
import { startTap, type Tap } from './tap.ts';

/** What somebody else does meanwhile, and what the alias named before. */
interface Rival {
  readonly name: 'promotes' | 'moves back' | 'sets first' | 'removes it' | 'deletes the target';
  /** What the alias names at the beginning; null: it is not set. */
  readonly from: string | null;
  /** What the rival sets it to; null: nothing. */
  readonly to: string | null;
}

interface Round {
  readonly model: string;
  readonly rival: Rival;
  readonly offset: Offset;
  readonly answer: Answer | Failure;
  /** Whether the registry carried the rival's move out. */
  readonly isCarriedOut: boolean;
  /** The rival had its answer before the last look of the rollback: that look must have seen it. */
  readonly isSeen: boolean;
  /** The rival had its answer before the last look that came before our move. */
  readonly isSeenBefore: boolean;
  /** Moves of ours that the registry carried out. */
  readonly moves: number;
  /** What the alias names when both are done; null: nothing. */
  readonly named: string | null;
}

/** One function process behind a tap of its own; its rounds come one after the other. */
interface Lane {
  readonly tap: Tap;
  readonly process: FunctionProcess;
  close(): Promise<void>;
}

const LANES = 2;
const WARM_UPS = 2;
/** The longer proof is 200. */
const ROUNDS = Number(process.env['RIVAL_ROUNDS'] ?? 40);
const SEED = Number(process.env['RIVAL_SEED'] ?? Date.now() % 2 ** 31);
const TIMEOUT_MS = 20 * 60_000;
const TARGET = '2';
const RIVALS: readonly Rival[] = [
  { name: 'promotes', from: '3', to: '4' },
  { name: 'promotes', from: '3', to: '4' },
  { name: 'moves back', from: '3', to: '3' },
  { name: 'sets first', from: null, to: '4' },
  { name: 'removes it', from: '3', to: null },
  { name: 'deletes the target', from: '3', to: null },
];
/** Calls of a rollback beside which the rival strikes, the tight places more often. */
const ANCHORS = [
  'TransactWriteItems#1',
  ...['alias#2', 'alias#2'],
  ...['set-alias#1', 'set-alias#1', 'set-alias#1'],
  'alias#3',
  'TransactWriteItems#2',
] as const;

const dynamodb = new DynamoDBClient(localClientConfig(engine('dynamodb').url));
let world: World;

describe.skipIf(isEngineMissing)(suiteTitle('a rival move of the same alias'), () => {
  test(`is never overlooked in ${ROUNDS} rounds`, { timeout: TIMEOUT_MS }, async () => {
    world = await createWorld();
    const startMs = performance.now();
    const random = generator(SEED);
    const lanes = await Promise.all(Array.from({ length: LANES }, openLane));
    const rounds: Round[] = [];
    try {
      const medianMs = await warmUp(lanes);
      const plays = Array.from({ length: ROUNDS }, () => ({
        offset: randomOffset(random, ANCHORS, medianMs),
        rival: RIVALS[Math.floor(random() * RIVALS.length)] ?? expect.fail('no rival'),
      }));
      await Promise.all(
        lanes.map(async (lane) => {
          for (let play = plays.pop(); play !== undefined; play = plays.pop()) {
            rounds.push(await playRound(lane, play));
          }
        }),
      );
      await sweepLater();
      const ends = await Promise.all(rounds.map(recordOf));
      report(medianMs, (performance.now() - startMs) / 1_000, rounds, ends);
      const problems = rounds.flatMap((round, index) => problemsOf(round, ends[index]));
      expect(problems, `seed ${SEED}`).toEqual([]);
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()));
    }
  });
});

// ---------------------------------------------------------------------------------------------------

async function openLane(): Promise<Lane> {
  const tap = await startTap({
    registry: engine('mlflow').url,
    store: engine('dynamodb').url,
    topic: engine('ministack').url,
  });
  const process = await startFunction(
    world.env({
      MLFLOW_TRACKING_URI: tap.urls.registry,
      AWS_ENDPOINT_URL_DYNAMODB: tap.urls.store,
      ROLLBACK_WRITE_HORIZON_SECONDS: '1',
    }),
  );
  return {
    tap,
    process,
    close: async () => {
      await process.kill();
      await tap.close();
    },
  };
}

/** Rollbacks without a rival, so that the process is warm; returns how long one takes. */
async function warmUp(lanes: readonly Lane[]): Promise<number> {
  const durations: number[] = [];
  for (const { process } of lanes) {
    for (let nth = 0; nth < WARM_UPS; nth += 1) {
      const model = await seed('3');
      const startMs = performance.now();
      expect(await process.invoke(requestFor(model))).toMatchObject({ outcome: 'ROLLED_BACK' });
      durations.push(performance.now() - startMs);
    }
  }
  return durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)] ?? 0;
}

function requestFor(model: string): object {
  const pointer = 'alias:champion';
  return { model_name: model, target_version: TARGET, pointer, request_id: 'rival' };
}

/** Four versions, and an alias unless the rival is to be the first who sets it. */
async function seed(from: string | null): Promise<string> {
  const model = await world.model(['None', 'None', 'None', 'None'], 'rival');
  if (from !== null) await world.mlflow.setAlias(model, 'champion', from);
  return model;
}

async function playRound(
  { tap, process }: Lane,
  { offset, rival }: Pick<Round, 'offset' | 'rival'>,
): Promise<Round> {
  const model = await seed(rival.from);
  const move = async (): Promise<number | null> => {
    if (offset.ms > 0) await delay(offset.ms);
    // Of two who set an alias for the first time, MLflow may refuse one with 400.
    return await strike(model, rival).then(
      () => performance.now(),
      () => null,
    );
  };
  const moved = Promise.withResolvers<number | null>();
  const act = async (): Promise<void> => moved.resolve(await move());
  const isBeside = offset.after !== 'begin';
  const callsBefore = tap.calls.length;
  tap.arm(isBeside ? { key: offset.after, moment: 'beside', act } : null);
  if (!isBeside) void act();
  if (offset.ms < 0) await delay(-offset.ms);
  const answer = await answered(process, model);
  // A rollback that ends early never comes to that call.
  const calls = tap.calls.slice(callsBefore);
  if (isBeside && !calls.some(({ key }) => key === offset.after)) void act();
  tap.arm(null);
  const movedAtMs = (await moved.promise) ?? Number.POSITIVE_INFINITY;
  const looks = calls.filter(({ kind }) => kind === 'alias');
  const sent = calls.find(({ kind }) => kind === 'set-alias');
  const before = looks.filter(({ atMs }) => sent === undefined || atMs < sent.atMs);
  return {
    model,
    rival,
    offset,
    answer,
    isCarriedOut: movedAtMs < Number.POSITIVE_INFINITY,
    isSeen: movedAtMs < (looks.at(-1)?.atMs ?? 0),
    isSeenBefore: movedAtMs < (before.at(-1)?.atMs ?? 0),
    moves: tap.moves(model).length,
    named: (await world.mlflow.aliases(model))['champion'] ?? null,
  };
}

async function strike(model: string, { name, to }: Rival): Promise<void> {
  if (name === 'deletes the target') await world.mlflow.deleteVersion(model, TARGET);
  else if (to === null) await world.mlflow.deleteAlias(model, 'champion');
  else await world.mlflow.setAlias(model, 'champion', to);
}

/** Asks until there is an answer, or until it is certain that there is no such version any more. */
async function answered(process: FunctionProcess, model: string): Promise<Answer | Failure> {
  return await poll(
    () => process.invoke(requestFor(model)),
    (reply) => {
      if (!isFailure(reply) || reply.errorType === 'VersionNotFoundError') return true;
      const retryable = ['RollbackInProgressError', 'RegistryUnavailableError'];
      expect(retryable, reply.message).toContain(reply.errorType);
      return false;
    },
    { timeoutMs: 30_000, pauseMs: 300 },
  );
}

/** The sweep with a clock of three minutes later, until nothing is due. */
async function sweepLater(): Promise<void> {
  const process = await startFunction(world.env(advancingClock(3)));
  try {
    for (let sweeps = 0; ; sweeps += 1) {
      expect(sweeps, 'sweeps').toBeLessThan(ROUNDS + 10);
      const swept = (await process.invoke({ sweep: true })) as unknown as SweepReport;
      expect(swept).toMatchObject({ outcome: 'SWEPT', failed: [] });
      if (swept.due === 0) return;
    }
  } finally {
    await process.kill();
  }
}

async function recordOf({ model, answer }: Round): Promise<RollbackRecord | undefined> {
  if (isFailure(answer)) return undefined;
  const { records } = await storedInDynamoDB(dynamodb, world.tableName, model);
  const record = records.find(({ id }) => id === answer.rollback_id);
  return record ?? expect.fail(`${model}: no record of ${answer.rollback_id}`);
}

/** Everything about a round that a person could be deceived by; empty when all is said. */
function problemsOf(round: Round, end: RollbackRecord | undefined): string[] {
  const { answer, rival, named, model, moves, isCarriedOut } = round;
  const problems: string[] = [];
  const claim = (isTrue: boolean, what: string): void => {
    if (!isTrue) problems.push(`${model} (${describeRound(round, end)}): ${what}`);
  };
  if (rival.name === 'deletes the target') {
    const outcome = isFailure(answer) ? 'FAILED' : answer.outcome;
    claim(outcome !== 'ROLLED_BACK' || !round.isSeen, 'ROLLED_BACK to a version that was deleted');
    claim(outcome !== 'FAILED' || moves === 0, 'FAILED, and moved');
    const check = end?.pointerCheck;
    const isTold = check?.kind === 'differs' && check.liveVersions.length === 0;
    claim(outcome !== 'ROLLED_BACK' || isTold, `the check of the pointer found ${check?.kind}`);
    claim(named === '3' || moves === 1, `the alias names ${named}`);
    return problems;
  }
  if (isFailure(answer)) return [`${model}: ${answer.message}`];
  const { outcome, live_versions: told } = answer;
  const isDone = outcome === 'ROLLED_BACK';
  claim(isDone || outcome === 'CONTESTED', `it ended as ${outcome}`);
  claim(named === TARGET || (isCarriedOut && named === rival.to), `the alias names ${named}`);
  claim(!isDone || told.join() === TARGET, 'ROLLED_BACK without having read the target');
  claim(isDone || told.join() !== TARGET || moves === 0, 'CONTESTED although the target was read');
  claim(moves === 1 || (!isDone && moves === 0), `${moves} moves of ours`);
  // What the look before our move must have seen is not moved over.
  const isPlannedFrom = answer.from_version === rival.to;
  claim(
    !round.isSeenBefore || isPlannedFrom || moves === 0,
    'a newer move was moved over knowingly',
  );
  const check = end?.pointerCheck;
  if (told.join() === (named ?? '')) {
    claim(check?.kind === 'as-left', `the check of the pointer found ${check?.kind}`);
    return problems;
  }
  claim(!round.isSeen, 'the rival was done before the last look, and the answer misses it');
  claim(
    check?.kind === 'differs' && check.liveVersions.join() === (named ?? ''),
    `the answer named ${told.join()}, and no later check named what is live`,
  );
  return problems;
}

function describeRound(
  { rival, answer, isCarriedOut, named, moves }: Round,
  end: RollbackRecord | undefined,
): string {
  const head = isFailure(answer)
    ? [answer.errorType]
    : [
        `${answer.outcome} ${answer.from_version}->${answer.to_version}`,
        ...answer.warnings.map(({ code }) => code),
      ];
  return [
    `somebody ${rival.name}: ${head.join(', ')}`,
    ...(isCarriedOut ? [] : ['the rival was refused']),
    `${moves} move(s)`,
    `names ${named}`,
    ...(end?.pointerCheck.kind === 'differs' ? ['then POINTER_DIFFERS'] : []),
  ].join(', ');
}

/** How the rounds ended. */
function report(
  medianMs: number,
  seconds: number,
  rounds: readonly Round[],
  ends: readonly (RollbackRecord | undefined)[],
): void {
  const ended = rounds.map((round, index) => describeRound(round, ends[index]));
  const counts = [...Map.groupBy(ended, (how) => how)].map(([how, some]) => ({
    how,
    count: some.length,
  }));
  const lines = [
    `rivals of an alias: ${rounds.length} rounds in ${seconds.toFixed(0)} s, seed ${SEED}, one rollback takes ` +
      `${medianMs.toFixed(0)} ms`,
    ...counts
      .toSorted((a, b) => b.count - a.count)
      .map(({ how, count }) => `  ${String(count).padStart(4)}  ${how}`),
  ];
  console.log(lines.join('\n'));
  mkdirSync('.reports', { recursive: true });
  writeFileSync(join('.reports', 'rivals-alias.txt'), `${lines.join('\n')}\n`);
}
