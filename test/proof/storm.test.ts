/** Hundreds at once over six processes: one rollback for each cause, and a bounded number of calls. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stage } from '../../src/embedded/naming-rules.ts';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import { type FunctionProcess, startFunction } from '../e2e/function-process.ts';
import { type Answer, type Failure, isFailure, type Reply } from '../e2e/reply.ts';
import {
  createWorld,
  isEngineMissing,
  type Settings,
  suiteTitle,
  type World,
} from '../e2e/world.ts';
import { createWatchedTopic, receiveNotices } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import { startTap, type Tap, type TappedCall } from './tap.ts';

/** Processes that requests are dealt out to in turn. */
interface Fleet {
  send(events: readonly object[]): Promise<Reply[]>;
  close(): Promise<void>;
}

interface Wave {
  readonly answers: readonly Answer[];
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

const PROCESSES = 6;
const IDENTICAL = 200;
const DIFFERENT = 60;
const MODELS = 200;
/** read → decide → claim, at most so often in one request. */
const ATTEMPTS_MAX = 3;
/** Recheck and read-back, of the one that has the claim. */
const OWNER_READS = 2;
/** One more recheck, where the claim took so long that the first one is too old (`recheckAgeMaxMs`). */
const LATE_READS_MAX = 1;
const STAGES: readonly Stage[] = ['Archived', 'Archived', 'Production'];
const RETRYABLE = [
  'RollbackInProgressError',
  'RegistryUnavailableError',
  'StateStoreUnavailableError',
];
const TIMEOUT_MS = 180_000;

const lines: string[] = [];
let world: World;

describe.skipIf(isEngineMissing)(suiteTitle('a storm'), { timeout: TIMEOUT_MS }, () => {
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(report);

  describe('before a real registry', () => {
    let tap: Tap;
    let fleet: Fleet;

    beforeAll(async () => {
      tap = await startTap({
        registry: engine('mlflow').url,
        store: engine('dynamodb').url,
        topic: engine('ministack').url,
      });
      fleet = await startFleet({ MLFLOW_TRACKING_URI: tap.urls.registry });
    });
    afterAll(async () => {
      await fleet?.close();
      await tap?.close();
    });

    test(`of ${IDENTICAL} identical requests is one rollback`, async () => {
      const model = await world.model(STAGES, 'storm');
      const event = { model_name: model, request_id: 'alarm-1', alarm_name: 'drawdown' };

      const wave = await sendAtOnce(
        fleet,
        Array.from({ length: IDENTICAL }, () => event),
      );

      note(`${IDENTICAL} identical requests`, wave, callsOf(tap, model));
      expectRetryable(wave);
      expect(wave.answers.length).toBeGreaterThan(0);
      expect(wave.answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      for (const answer of wave.answers) {
        expect(answer).toMatchObject({
          outcome: 'ROLLED_BACK',
          from_version: '3',
          to_version: '2',
        });
      }
      expect(new Set(wave.answers.map(({ timestamp }) => timestamp)).size).toBe(1);
      await expectOneRollback(tap, model, { requests: IDENTICAL, records: 1 });
      const late = await sendAtOnce(fleet, [event]);
      expect(late.answers).toMatchObject([{ replayed: true, outcome: 'ROLLED_BACK' }]);
    });

    test(`of ${DIFFERENT} different requests for one registered model is one rollback`, async () => {
      const model = await world.model(STAGES, 'storm');
      const events = Array.from({ length: DIFFERENT }, (_, index) => ({
        model_name: model,
        request_id: `request-${index}`,
      }));

      const wave = await sendAtOnce(fleet, events);

      note(`${DIFFERENT} different requests`, wave, callsOf(tap, model));
      expectRetryable(wave);
      const outcomes = Map.groupBy(wave.answers, ({ outcome }) => outcome);
      expect(outcomes.get('ROLLED_BACK')).toHaveLength(1);
      const refused = outcomes.get('REFUSED') ?? [];
      expect(refused).toHaveLength(wave.answers.length - 1);
      for (const { refusals } of refused) {
        expect(refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
      }
      await expectOneRollback(tap, model, {
        requests: DIFFERENT,
        records: wave.answers.length,
      });
    });
  });

  describe(`of requests for ${MODELS} registered models`, () => {
    let registry: RegistryServer;

    beforeAll(async () => {
      registry = await startRegistryServer();
    });
    afterAll(() => registry?.close());

    test('is one rollback and one notice for each', async () => {
      const topic = await createWatchedTopic(engine('ministack').url, uniqueName('storm'));
      const models = Array.from({ length: MODELS }, () => uniqueName('storm'));
      for (const model of models) seedModel(registry, model);
      const fleet = await startFleet({
        MLFLOW_TRACKING_URI: registry.url,
        ALERT_SNS_TOPIC_ARN: topic.topicArn,
      });
      try {
        const wave = await sendAtOnce(
          fleet,
          models.map((model) => ({ model_name: model })),
        );

        const calls = registry.requests.map(({ path }) => path.split('/').at(-1) ?? '');
        note(`${MODELS} registered models`, wave, calls);
        expect(wave.failures).toEqual([]);
        for (const [index, answer] of wave.answers.entries()) {
          expect(answer).toMatchObject({
            outcome: 'ROLLED_BACK',
            model_name: models[index],
            from_version: '3',
            to_version: '2',
            notified: true,
          });
        }
        const moved = registry.requests
          .filter(({ path }) => path.endsWith('/transition-stage'))
          .map(({ body }) => (body as { name: string }).name);
        expect(moved.toSorted()).toEqual(models.toSorted());
        const reads = calls.filter((name) => name === 'search').length;
        expect(reads).toBeGreaterThanOrEqual(MODELS * (1 + OWNER_READS));
        expect(reads).toBeLessThanOrEqual(MODELS * (1 + OWNER_READS + LATE_READS_MAX));
        const received = await receiveNotices(topic.queueUrl, {
          count: MODELS + 1,
          timeoutMs: 5_000,
        });
        const told = received.map(({ attributes }) => attributes['model_name'] ?? '');
        expect(told.toSorted()).toEqual(models.toSorted());
      } finally {
        await fleet.close();
      }
    });
  });
});

// ---------------------------------------------------------------------------------------------------

async function startFleet(settings: Settings): Promise<Fleet> {
  const env = world.env(settings);
  const processes: FunctionProcess[] = await Promise.all(
    Array.from({ length: PROCESSES }, () => startFunction(env)),
  );
  return {
    send: (events) =>
      Promise.all(
        events.map(async (event, index) => {
          const process = processes[index % processes.length];
          return process === undefined ? expect.fail('no process') : await process.invoke(event);
        }),
      ),
    close: async () => {
      await Promise.all(processes.map((process) => process.kill()));
    },
  };
}

async function sendAtOnce(fleet: Fleet, events: readonly object[]): Promise<Wave> {
  const startMs = performance.now();
  const replies = await fleet.send(events);
  return {
    answers: replies.flatMap((reply) => (isFailure(reply) ? [] : [reply])),
    failures: replies.flatMap((reply) => (isFailure(reply) ? [reply] : [])),
    seconds: (performance.now() - startMs) / 1_000,
  };
}

/** Version 3 is live, and its promotion displaced 2. */
function seedModel(registry: RegistryServer, model: string): void {
  const at = Date.now() - 60_000;
  registry.seed(
    model,
    STAGES.map((stage, index) => ({ stage, lastUpdatedTimestamp: at + Math.max(index, 1) * 10 })),
  );
}

function expectRetryable({ failures }: Wave): void {
  for (const { errorType, message } of failures) expect(RETRYABLE, message).toContain(errorType);
}

/** The kinds of the calls to the registry that were about a model. */
function callsOf(tap: Tap, model: string): string[] {
  const isAbout = ({ engine: role, path, body }: TappedCall): boolean =>
    role === 'registry' &&
    (decodeURIComponent(path).includes(`'${model}'`) || body.includes(model));
  return tap.calls.filter(isAbout).map(({ kind }) => kind);
}

async function expectOneRollback(
  tap: Tap,
  model: string,
  { requests, records }: { readonly requests: number; readonly records: number },
): Promise<void> {
  const calls = callsOf(tap, model);
  const count = (kind: string): number => calls.filter((name) => name === kind).length;
  expect(count('transition-stage')).toBe(1);
  expect(tap.moves(model)).toHaveLength(1);
  // Each attempt reads once, and once more beside its claim, also when it loses that.
  expect(count('search')).toBeLessThanOrEqual(
    2 * requests * ATTEMPTS_MAX + OWNER_READS + LATE_READS_MAX,
  );
  expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  const history = await world.history(model);
  expect(history.filter(({ outcome }) => outcome === 'ROLLED_BACK')).toHaveLength(1);
  // A refusal whose notice is still on its way has its record already.
  expect(history).toHaveLength(records);
  const notices = await poll(
    () => world.notices(model),
    (notices) => notices.length >= records,
    { timeoutMs: 10_000 },
  );
  const commits = notices.filter(({ message }) => message['outcome'] === 'ROLLED_BACK');
  expect(commits).toHaveLength(1);
  expect(notices).toHaveLength(records);
}

function note(what: string, { answers, failures, seconds }: Wave, calls: readonly string[]): void {
  const counted = (names: readonly string[]): string =>
    [...Map.groupBy(names, (name) => name)]
      .map(([name, all]) => `${all.length} ${name}`)
      .join(', ');
  const ends = answers.map(({ outcome, replayed }) => (replayed ? `${outcome} replayed` : outcome));
  const errors = failures.map(({ errorType }) => errorType);
  lines.push(
    `${what}, ${PROCESSES} processes, ${seconds.toFixed(1)} s: ${counted([...ends, ...errors])}; ` +
      `calls to the registry: ${counted(calls)}`,
  );
}

function report(): void {
  const text = lines.join('\n');
  console.log(text);
  mkdirSync('.reports', { recursive: true });
  writeFileSync(join('.reports', 'storm.txt'), `${text}\n`);
}
