/** A promotion by somebody else at the same moment as a rollback: no silence about what is live. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { type FunctionProcess, startFunction } from '../e2e/function-process.ts';
import { type Answer, isFailure } from '../e2e/reply.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
import { createWatchedTopic, localClientConfig, receiveNotices } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { postgresFolder, startPostgresMLflow } from '../engines/postgres.ts';
import { generator, type Offset, randomOffset } from './offset.ts';
import { advancingClock } from './preloads.ts';
import { storedInDynamoDB } from './stored.ts';
import { startTap, type Tap } from './tap.ts';

interface Round {
  readonly model: string;
  readonly offset: Offset;
  readonly answer: Answer;
  /** Whether the registry carried the promotion out. */
  readonly isPromoted: boolean;
  /** The rival had its answer before the last look of the rollback: that look must have seen it. */
  readonly isSeen: boolean;
  /** What is live when both are done. */
  readonly live: readonly string[];
}

/** One function process behind a tap of its own; its rounds come one after the other. */
interface Lane {
  readonly tap: Tap;
  readonly process: FunctionProcess;
  close(): Promise<void>;
}

interface Arena {
  readonly world: World;
  readonly admin: MLflowAdmin;
  readonly registryUrl: string;
  readonly topic: { readonly topicArn: string; readonly queueUrl: string };
  readonly random: () => number;
}

interface Notice {
  readonly subject: string;
  readonly outcome: string;
  readonly rollbackId: string;
  readonly liveVersions: readonly string[];
  readonly text: string;
}

const LANES = 2;
const WARM_UPS = 4;
const ROUNDS = process.env['RIVAL_ROUNDS'];
const SEED = Number(process.env['RIVAL_SEED'] ?? Date.now() % 2 ** 31);
const TIMEOUT_MS = 20 * 60_000;
/** Calls of a rollback beside which the rival strikes, the tight places more often. */
const ANCHORS = [
  'TransactWriteItems#1',
  ...['search#2', 'search#2'],
  ...['transition-stage#1', 'transition-stage#1', 'transition-stage#1'],
  'search#3',
  'TransactWriteItems#2',
] as const;
const NOTICE_TIMEOUT_MS = 15_000;

const dynamodb = new DynamoDBClient(localClientConfig(engine('dynamodb').url));

// Both at once: each has a server of its own, and waits for it most of the time.
const options = { concurrent: true, timeout: TIMEOUT_MS } as const;
const title = suiteTitle('a promotion at the same moment as a rollback');

describe.skipIf(isEngineMissing)(title, options, () => {
  const rounds = Number(ROUNDS ?? 80);
  test(`is reported in ${rounds} rounds on SQLite`, async () => {
    await contend('sqlite', engine('mlflow').url, rounds);
  });

  const isMissing = postgresFolder === null;
  const reason = isMissing ? ' [skipped: no initdb and postgres on this machine]' : '';
  const fewer = Number(ROUNDS ?? 20);
  test.skipIf(isMissing)(`is reported in ${fewer} rounds on PostgreSQL${reason}`, async () => {
    const server = await startPostgresMLflow();
    try {
      await contend('postgresql', server.url, fewer);
    } finally {
      await server.stop();
    }
  });
});

// ---------------------------------------------------------------------------------------------------

async function contend(name: string, registryUrl: string, count: number): Promise<void> {
  const startMs = performance.now();
  const world = await createWorld();
  const topic = await createWatchedTopic(engine('ministack').url, uniqueName('rivals'));
  const admin = new MLflowAdmin(registryUrl);
  const arena: Arena = { world, admin, registryUrl, topic, random: generator(SEED) };
  const lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(arena)));
  const rounds: Round[] = [];
  try {
    const medianMs = await warmUp(arena, lanes);
    const offsets = Array.from({ length: count }, () =>
      randomOffset(arena.random, ANCHORS, medianMs),
    );
    await Promise.all(
      lanes.map(async (lane) => {
        for (let offset = offsets.pop(); offset !== undefined; offset = offsets.pop()) {
          rounds.push(await playRound(arena, lane, offset));
        }
      }),
    );
    await sweepLater(arena, rounds.length);
    const ends = await Promise.all(rounds.map((round) => recordOf(arena, round)));
    const seconds = (performance.now() - startMs) / 1_000;
    report(name, medianMs, seconds, rounds, ends);
    const notices = await noticesOf(arena, rounds, ends);
    const problems = rounds.flatMap((round, index) =>
      problemsOf(round, ends[index], notices.get(round.answer.rollback_id ?? '') ?? []),
    );
    expect(problems, `seed ${SEED}`).toEqual([]);
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

async function openLane({ world, registryUrl, topic }: Arena): Promise<Lane> {
  const tap = await startTap({
    registry: registryUrl,
    store: engine('dynamodb').url,
    topic: engine('ministack').url,
  });
  const process = await startFunction(
    world.env({
      MLFLOW_TRACKING_URI: tap.urls.registry,
      AWS_ENDPOINT_URL_DYNAMODB: tap.urls.store,
      ALERT_SNS_TOPIC_ARN: topic.topicArn,
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
async function warmUp(arena: Arena, lanes: readonly Lane[]): Promise<number> {
  const durations: number[] = [];
  for (const lane of lanes) {
    for (let nth = 0; nth < WARM_UPS; nth += 1) {
      const model = await seed(arena);
      const startMs = performance.now();
      const answer = await lane.process.invoke({ model_name: model });
      durations.push(performance.now() - startMs);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK' });
    }
  }
  return durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)] ?? 0;
}

/** Three versions, 3 is live and displaced 2; 4 is registered. */
async function seed({ admin }: Arena): Promise<string> {
  const model = uniqueName('rival');
  await admin.seedModel(model, ['Archived', 'Archived', 'Production', 'None']);
  return model;
}

async function playRound(arena: Arena, lane: Lane, offset: Offset): Promise<Round> {
  const model = await seed(arena);
  const promote = async (): Promise<number | null> => {
    if (offset.ms > 0) await delay(offset.ms);
    // PostgreSQL answers some with 503 (a deadlock): then nothing was promoted.
    return await arena.admin.transition(model, '4', 'Production', true).then(
      () => performance.now(),
      () => null,
    );
  };
  const rival = Promise.withResolvers<number | null>();
  const act = async (): Promise<void> => rival.resolve(await promote());
  const isBeside = offset.after !== 'begin';
  const callsBefore = lane.tap.calls.length;
  lane.tap.arm(isBeside ? { key: offset.after, moment: 'beside', act } : null);
  if (!isBeside) void act();
  if (offset.ms < 0) await delay(-offset.ms);
  const answer = await answered(lane, { model_name: model, request_id: 'rival' });
  // A rollback that ends early never comes to that call.
  const calls = lane.tap.calls.slice(callsBefore);
  const isCalled = !isBeside || calls.some(({ key }) => key === offset.after);
  if (!isCalled) void act();
  lane.tap.arm(null);
  const promotedAtMs = await rival.promise;
  const lookedAtMs = calls.findLast(({ kind }) => kind === 'search')?.atMs ?? 0;
  return {
    model,
    offset,
    answer,
    isPromoted: promotedAtMs !== null,
    isSeen: promotedAtMs !== null && promotedAtMs < lookedAtMs,
    live: await arena.admin.liveVersions(model),
  };
}

async function answered(lane: Lane, event: object): Promise<Answer> {
  const reply = await poll(
    () => lane.process.invoke(event),
    (reply) => {
      if (!isFailure(reply)) return true;
      const retryable = ['RollbackInProgressError', 'RegistryUnavailableError'];
      expect(retryable, reply.message).toContain(reply.errorType);
      return false;
    },
    { timeoutMs: 30_000, pauseMs: 300 },
  );
  return reply as Answer;
}

/** The sweep with a clock of three minutes later, until nothing is due. */
async function sweepLater({ world, registryUrl, topic }: Arena, records: number): Promise<void> {
  const process = await startFunction(
    world.env({
      MLFLOW_TRACKING_URI: registryUrl,
      ALERT_SNS_TOPIC_ARN: topic.topicArn,
      ...advancingClock(3),
    }),
  );
  try {
    for (let sweeps = 0; ; sweeps += 1) {
      expect(sweeps, 'sweeps').toBeLessThan(records);
      const swept = (await process.invoke({ sweep: true })) as unknown as SweepReport;
      expect(swept).toMatchObject({ outcome: 'SWEPT', failed: [] });
      if (swept.due === 0) return;
    }
  } finally {
    await process.kill();
  }
}

async function recordOf({ world }: Arena, { model, answer }: Round): Promise<RollbackRecord> {
  const { records } = await storedInDynamoDB(dynamodb, world.tableName, model);
  const record = records.find(({ id }) => id === answer.rollback_id);
  return record ?? expect.fail(`${model}: no record of ${answer.rollback_id}`);
}

/** By the id of the rollback. Waits for one for each end, and one more for each that differs. */
async function noticesOf(
  { topic }: Arena,
  rounds: readonly Round[],
  ends: readonly RollbackRecord[],
): Promise<ReadonlyMap<string, readonly Notice[]>> {
  const differing = ends.filter(({ pointerCheck }) => pointerCheck.kind === 'differs').length;
  const count = rounds.length + differing + LANES * WARM_UPS;
  const received = await receiveNotices(topic.queueUrl, { count, timeoutMs: NOTICE_TIMEOUT_MS });
  const notices = received.map(({ subject, message }): Notice => {
    const fields = JSON.parse(message) as {
      readonly outcome: string;
      readonly rollback_id: string;
      readonly live_versions: readonly string[];
      readonly warnings: readonly { readonly message: string }[];
      readonly text: string;
    };
    const text = [fields.text, ...fields.warnings.map((warning) => warning.message)].join(' ');
    return {
      subject,
      outcome: fields.outcome,
      rollbackId: fields.rollback_id,
      liveVersions: fields.live_versions,
      text,
    };
  });
  return Map.groupBy(notices, ({ rollbackId }) => rollbackId);
}

/** Everything about a round that a person could be deceived by; empty when all is said. */
function problemsOf(
  round: Round,
  end: RollbackRecord | undefined,
  notices: readonly Notice[],
): string[] {
  const { answer, live, isPromoted, model } = round;
  const problems: string[] = [];
  const claim = (isTrue: boolean, what: string): void => {
    if (!isTrue) problems.push(`${model} (${describeRound(round, end)}): ${what}`);
  };
  const { outcome, to_version: to, live_versions: told } = answer;
  claim(outcome === 'ROLLED_BACK' || outcome === 'CONTESTED', `it ended as ${outcome}`);
  claim(
    notices.some((notice) => notice.outcome === outcome),
    'no notice',
  );
  if (outcome === 'ROLLED_BACK') claim(told.join() === to, 'ROLLED_BACK without its target live');
  // A version that our move archived must be named.
  const isDisplaced = isPromoted && answer.from_version !== '4' && live.join() === to;
  if (outcome === 'ROLLED_BACK' && isDisplaced) {
    const warning = answer.warnings.find(({ code }) => code === 'DISPLACED_NEWER');
    claim(warning?.message.includes('version 4 ') === true, '4 was displaced in silence');
  }
  const check = end?.pointerCheck;
  if (isSame(told, live)) {
    claim(check?.kind === 'as-left', `the look at the pointer found ${check?.kind}`);
    return problems;
  }
  claim(!round.isSeen, 'the promotion was over before the last look, and the answer misses it');
  claim(
    check?.kind === 'differs' && isSame(check.liveVersions, live),
    `the answer named ${told.join('+')}, and no later look named what is live`,
  );
  const isTold = notices.some(
    ({ subject, text }) =>
      subject.includes('pointer differs') &&
      text.includes(`live is ${live.toReversed().join(' and ')}`),
  );
  claim(isTold, 'no notice names what is live');
  return problems;
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.toSorted().join() === others.toSorted().join();
}

function describeRound(
  { answer, live, isPromoted }: Round,
  end: RollbackRecord | undefined,
): string {
  const { outcome, from_version: from, to_version: to, warnings } = answer;
  return [
    `${outcome} ${from}->${to}`,
    ...warnings.map(({ code }) => code),
    ...(isPromoted ? [] : ['promotion failed']),
    `live ${live.join('+')}`,
    ...(end?.pointerCheck.kind === 'differs' ? ['then POINTER_DIFFERS'] : []),
  ].join(', ');
}

/** How the rounds ended, overall and by the moment of the rival. */
function report(
  name: string,
  medianMs: number,
  seconds: number,
  rounds: readonly Round[],
  ends: readonly RollbackRecord[],
): void {
  const ended = rounds.map((round, index) => ({ round, how: describeRound(round, ends[index]) }));
  const twoLive = rounds.filter(({ live }) => live.length > 1).length;
  const seen = rounds.filter(({ isSeen }) => isSeen).length;
  const lines = [
    `rivals on ${name}: ${rounds.length} rounds in ${seconds.toFixed(0)} s, seed ${SEED}, ` +
      `one rollback takes ${medianMs.toFixed(0)} ms; two live versions in ${twoLive} rounds; ` +
      `promoted before the last look in ${seen}`,
  ];
  for (const [how, some] of counted(ended, (one) => one.how)) {
    lines.push(`  ${String(some.length).padStart(4)}  ${how}`);
    for (const [after, few] of counted(some, (one) => one.round.offset.after)) {
      lines.push(`          ${String(few.length).padStart(4)}  beside ${after}`);
    }
  }
  console.log(lines.join('\n'));
  mkdirSync('.reports', { recursive: true });
  writeFileSync(join('.reports', `rivals-${name}.txt`), `${lines.join('\n')}\n`);
}

function counted<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  return [...Map.groupBy(items, keyOf)].toSorted(([, a], [, b]) => b.length - a.length);
}
