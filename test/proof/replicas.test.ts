/** Services on one PostgreSQL, while one of them is killed and one is stopped: one rollback for each cause. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, type ServiceReply, startService } from '../e2e/service.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
import { engine } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import {
  isPostgresMissing,
  type PostgresServer,
  postgresTitle,
  startPostgres,
} from '../engines/postgres.ts';
import { alert, alertmanagerMessage } from '../fakes/alerts.ts';
import { HORIZON } from './stand.ts';
import { type StoredModel, storedInPostgres } from './stored.ts';
import { startTap, type Tap } from './tap.ts';

const REPLICAS = 3;
const IDENTICAL = 200;
const DIFFERENT = 60;
const MODELS = 20;
/** Rollbacks that alarms may make in an hour; requests do not count. */
const BLAST_RADIUS = 5;
const STAGES = ['Archived', 'Archived', 'Production'] as const;
const title = postgresTitle(suiteTitle('three replicas of the service on one PostgreSQL'));

let world: World;
let server: PostgresServer;
let tap: Tap;
let replicas: ServiceProcess[];
/** Models whose rollback somebody began who is no more. */
let cutOff: readonly string[];

describe.skipIf(isEngineMissing || isPostgresMissing)(title, { timeout: 240_000 }, () => {
  beforeAll(async () => {
    world = await createWorld();
    server = await startPostgres();
    tap = await startTap({
      registry: engine('mlflow').url,
      store: engine('dynamodb').url,
      topic: engine('ministack').url,
    });
    // At the same moment, on a database without tables.
    replicas = await Promise.all(Array.from({ length: REPLICAS }, startReplica));
  });
  afterAll(async () => {
    for (const replica of replicas ?? []) replica.signal('SIGKILL');
    await Promise.all([server?.stop(), tap?.close()]);
  });

  test('of five, when one is killed and one stopped at its work, end what they can', async () => {
    cutOff = await Promise.all(Array.from({ length: 12 }, () => world.model(STAGES, 'replicas')));
    const killed = await startReplica();
    const stopped = await startReplica();
    tap.arm({
      key: 'transition-stage#4',
      moment: 'beside',
      act: async () => {
        killed.signal('SIGKILL');
        stopped.signal('SIGTERM');
      },
    });
    await Promise.allSettled(
      cutOff.map((model, index) => ask(index % 2 === 0 ? killed : stopped, model)),
    );
    expect(await killed.ended).toBeNull();
    // It ends what it began, and only then exits.
    expect(await stopped.ended).toBe(0);
  });

  test(`make one rollback of ${IDENTICAL} identical requests`, async () => {
    const model = await world.model(STAGES, 'replicas');
    const body = { model_name: model, request_id: 'alarm-1' };
    const replies = await sendToAll(Array.from({ length: IDENTICAL }, () => body));
    expectAnswers(replies);
    const answers = replies.filter(({ status }) => status === 200);
    expect(answers.filter(({ json }) => 'replayed' in json && !json.replayed)).toHaveLength(1);
    const stored = await expectOneRollback(model);
    expect(stored.records).toHaveLength(1);
  });

  test(`make one rollback of ${DIFFERENT} requests for one model`, async () => {
    const model = await world.model(STAGES, 'replicas');
    const replies = await sendToAll(
      Array.from({ length: DIFFERENT }, (_, nth) => ({
        model_name: model,
        request_id: `r-${nth}`,
      })),
    );
    expectAnswers(replies);
    const done = replies.filter(({ json }) => 'rolled_back' in json && json.rolled_back);
    expect(done).toHaveLength(1);
    await expectOneRollback(model);
  });

  test('act once on an alert that each of two Alertmanagers sends to all of them', async () => {
    const models = await Promise.all(
      Array.from({ length: MODELS }, () => world.model(STAGES, 'replicas')),
    );
    const startsAt = new Date().toISOString();
    const alerts = models.map((model) =>
      alert({ model, startsAt, fingerprint: Buffer.from(model).toString('hex').slice(-40) }),
    );
    const message = alertmanagerMessage(alerts);
    // Alertmanager sends again whatever was answered with 503; 202 means that it goes on.
    const sendUntilHandled = async (replica: ServiceProcess): Promise<void> => {
      await poll(
        () => replica.post('/v1/alerts', message),
        ({ status }) => status === 200,
        { timeoutMs: 200_000, pauseMs: 3_000 },
      );
    };
    await Promise.all([...replicas, ...replicas].map(sendUntilHandled));
    const ends = await Promise.all(models.map((model) => endOf(model)));
    // No more than the blast radius, over all replicas; all others were refused.
    expect(ends.filter((end) => end === 'ROLLED_BACK')).toHaveLength(BLAST_RADIUS);
    expect(ends.filter((end) => end === 'REFUSED')).toHaveLength(MODELS - BLAST_RADIUS);
    const moved = models.filter((_, index) => ends[index] === 'ROLLED_BACK');
    for (const model of moved) await expectOneRollback(model);
    expect(models.flatMap((model) => tap.moves(model))).toHaveLength(BLAST_RADIUS);
  });

  test('finish what a killed one began, and what a stopped one had to end', async () => {
    const [left] = replicas;
    if (left === undefined) expect.fail('no replica');
    for (const model of cutOff) {
      // A lease ends 61 s after its claim.
      const reply = await poll(
        () => ask(left, model),
        ({ status }) => status !== 409 && status !== 503,
        { timeoutMs: 120_000, pauseMs: 500 },
      );
      expect(reply).toMatchObject({ status: 200, json: { outcome: 'ROLLED_BACK' } });
      await expectOneRollback(model);
    }
  });
});

// ---------------------------------------------------------------------------------------------------

async function startReplica(): Promise<ServiceProcess> {
  return await startService(
    world.env({
      ...HORIZON,
      ROLLBACK_BLAST_RADIUS: `${BLAST_RADIUS}/1h`,
      ROLLBACK_STORE: server.url,
      ROLLBACK_STATE_TABLE: '',
      MLFLOW_TRACKING_URI: tap.urls.registry,
      AWS_ENDPOINT_URL_SNS: tap.urls.topic,
    }),
  );
}

async function ask(replica: ServiceProcess, model: string): Promise<ServiceReply> {
  return await replica.post('/v1/rollbacks', { model_name: model, request_id: 'alarm-1' });
}

/** Dealt out to the replicas in turn, all at the same moment. */
async function sendToAll(bodies: readonly object[]): Promise<readonly ServiceReply[]> {
  return await Promise.all(
    bodies.map(async (body, index) => {
      const replica = replicas[index % REPLICAS] ?? expect.fail('no replica');
      return await replica.post('/v1/rollbacks', body);
    }),
  );
}

/** An answer, or an error after which a caller tries again. */
function expectAnswers(replies: readonly ServiceReply[]): void {
  for (const { status, json } of replies) {
    expect([200, 409, 503], JSON.stringify(json)).toContain(status);
  }
}

async function endOf(model: string): Promise<string | undefined> {
  const { records } = await storedInPostgres(server.url, model);
  expect(records, model).toHaveLength(1);
  return records[0]?.progress.status;
}

async function expectOneRollback(model: string): Promise<StoredModel> {
  const stored = await poll(
    () => storedInPostgres(server.url, model),
    ({ records, notices, state }) =>
      (state?.active ?? null) === null && records.length > 0 && notices.length > 0,
    { timeoutMs: 60_000 },
  );
  const done = stored.records.filter(({ progress }) => progress.status === 'ROLLED_BACK');
  expect(done, model).toHaveLength(1);
  expect(tap.moves(model), model).toHaveLength(1);
  expect(await world.mlflow.liveVersions(model), model).toEqual(['2']);
  expect(stored.state?.rollbackCount, model).toBe(1);
  return stored;
}
