/**
 * The crash matrix of the service: `model-rollback serve`, with its state in PostgreSQL, is killed before and
 * after every call of a rollback. Then another one finishes it: by the caller's retry, or by its sweep alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../src/adapters/postgres/postgres-schema.ts';
import { isSent } from '../../src/domain/record/outbox.ts';
import { isFinal } from '../../src/domain/record/record.ts';
import { type ServiceProcess, startService } from '../e2e/service.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from '../e2e/world.ts';
import { engine } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import {
  isPostgresMissing,
  type PostgresServer,
  postgresTitle,
  startPostgres,
} from '../engines/postgres.ts';
import { type PostgresProxy, startPostgresProxy } from '../engines/postgres-proxy.ts';
import { HORIZON } from './stand.ts';
import { type StoredModel, storedInPostgres } from './stored.ts';
import { startTap, type Tap } from './tap.ts';

/** Who finishes what was cut off. */
type Finisher = (typeof FINISHERS)[number];
type Moment = 'before' | 'after';

interface Cell {
  readonly step: string;
  readonly key: string;
  readonly moment: Moment;
}

/** A state of its own, and the runs that were killed in it. */
interface Group {
  readonly url: string;
  readonly models: ReadonlyMap<Cell, string>;
}

/** The calls of one rollback, in their order; those of the claim and the recheck go out together. */
const STEPS = [
  { step: 'read registry', key: 'search#1' },
  { step: 'read aliases', key: 'get#1' },
  { step: 'claim', key: 'COMMIT#1' },
  { step: 'recheck', key: 'search#2' },
  { step: 'move', key: 'transition-stage#1' },
  { step: 'read back', key: 'search#3' },
  { step: 'commit', key: 'COMMIT#2' },
  { step: 'publish', key: 'Publish#1' },
  { step: 'mark sent', key: 'COMMIT#3' },
  { step: 'first tag', key: 'set-tag#1' },
  { step: 'second tag', key: 'set-tag#2' },
] as const;

const FINISHERS = ['retry', 'sweep'] as const;
const CELLS: readonly Cell[] = STEPS.flatMap((step) =>
  (['before', 'after'] as const).map((moment) => ({ ...step, moment })),
);

/** A lease ends 61 s after its claim. */
const FINISH_TIMEOUT_MS = 180_000;
const lines: string[] = [];
const groups = new Map<Finisher, Group>();
let world: World;
let server: PostgresServer;
let tap: Tap;

const title = postgresTitle(suiteTitle('the service, with its state in PostgreSQL'));

describe.skipIf(isEngineMissing || isPostgresMissing)(
  title,
  { timeout: 2 * FINISH_TIMEOUT_MS },
  () => {
    beforeAll(async () => {
      world = await createWorld();
      server = await startPostgres();
      tap = await startTap({
        registry: engine('mlflow').url,
        store: engine('dynamodb').url,
        topic: engine('ministack').url,
      });
    });
    afterAll(async () => {
      await Promise.all([server?.stop(), tap?.close()]);
      const text = lines.join('\n');
      console.log(text);
      mkdirSync('.reports', { recursive: true });
      writeFileSync(join('.reports', 'postgres-crash-matrix.txt'), `${text}\n`);
    });

    test('makes the calls that the matrix kills at', async () => {
      const { proxy } = await newState('calls');
      const service = await start(proxy.url);
      try {
        tap.arm(null);
        proxy.arm(null);
        const from = tap.calls.length;
        const answer = await ask(service, await newModel());
        expect(answer).toMatchObject({ status: 200, json: { outcome: 'ROLLED_BACK' } });
        const called = tap.calls.slice(from).map(({ key }) => key);
        const commits = Array.from({ length: proxy.commits() }, (_, nth) => `COMMIT#${nth + 1}`);
        const wanted = STEPS.map(({ key }) => key);
        expect([...called, ...commits].toSorted()).toEqual(wanted.toSorted());
      } finally {
        service.signal('SIGKILL');
        await proxy.stop();
      }
    });

    // All are killed before the first is finished: so their leases end at about the same time.
    test('is killed at each of them', async () => {
      for (const finisher of FINISHERS) groups.set(finisher, await killAll(finisher));
    });

    test.each(FINISHERS)('that was killed is finished by the %s', async (finisher) => {
      const group = groups.get(finisher) ?? expect.fail('nothing was killed');
      const finished = await start(group.url);
      const problems: string[] = [];
      try {
        for (const [cell, model] of group.models) {
          const end = await finish(finished, group, cell, model, finisher);
          const line = `${cell.moment} ${cell.step}, ${finisher}: ${end.text}`;
          lines.push(line);
          problems.push(...end.problems.map((why) => `${line}: ${why}`));
        }
      } finally {
        finished.signal('SIGTERM');
      }
      expect(await finished.ended).toBe(0);
      expect(problems).toEqual([]);
    });
  },
);

// ---------------------------------------------------------------------------------------------------

async function newState(name: string): Promise<{ url: string; proxy: PostgresProxy }> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query(`CREATE SCHEMA matrix_${name}; SET search_path = matrix_${name}`);
    // The COMMIT of the tables is none of a rollback.
    await createTables(async (sql, ...values) => {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(sql, [...values]);
      return { rows, touched: rowCount ?? 0 };
    });
  } finally {
    await client.end();
  }
  const url = `${server.url}?options=-c%20search_path%3Dmatrix_${name}`;
  return { url, proxy: await startPostgresProxy(url) };
}

async function newModel(): Promise<string> {
  return await world.model(['Archived', 'Archived', 'Production'], 'crash');
}

async function start(stateUrl: string): Promise<ServiceProcess> {
  return await startService(
    world.env({
      ...HORIZON,
      ROLLBACK_STORE: stateUrl,
      ROLLBACK_STATE_TABLE: '',
      MLFLOW_TRACKING_URI: tap.urls.registry,
      AWS_ENDPOINT_URL_SNS: tap.urls.topic,
    }),
  );
}

async function ask(service: ServiceProcess, model: string): ReturnType<ServiceProcess['post']> {
  return await service.post('/v1/rollbacks', { model_name: model, request_id: 'alarm-1' });
}

/** One process for each cell, killed at its call. */
async function killAll(finisher: Finisher): Promise<Group> {
  const { url, proxy } = await newState(finisher);
  const models = new Map<Cell, string>();
  for (const cell of CELLS) {
    const model = await newModel();
    models.set(cell, model);
    const victim = await start(proxy.url);
    const act = async (): Promise<void> => {
      victim.signal('SIGKILL');
      await victim.ended;
    };
    const [kind, nth] = cell.key.split('#');
    const isCommit = kind === 'COMMIT';
    proxy.arm(isCommit ? { nth: Number(nth), moment: cell.moment, act } : null);
    tap.arm(isCommit ? null : { key: cell.key, moment: cell.moment, act });
    const where = `it was to be killed ${cell.moment} ${cell.step}`;
    await expect(ask(victim, model), where).rejects.toThrow();
    expect(await victim.ended, where).toBeNull();
    tap.arm(null);
  }
  await proxy.stop();
  return { url, models };
}

async function finish(
  service: ServiceProcess,
  { url }: Group,
  cell: Cell,
  model: string,
  finisher: Finisher,
): Promise<{ readonly text: string; readonly problems: readonly string[] }> {
  if (finisher === 'retry') {
    const reply = await poll(
      () => ask(service, model),
      ({ status }) => status !== 409 && status !== 503,
      { timeoutMs: FINISH_TIMEOUT_MS, pauseMs: 500 },
    );
    expect(reply, cell.step).toMatchObject({
      status: 200,
      json: { outcome: 'ROLLED_BACK', from_version: '3', to_version: '2', notified: true },
    });
  }
  const stored = await poll(
    () => storedInPostgres(url, model),
    ({ records, notices }) => records.every(isFinal) && notices.every(isSent),
    { timeoutMs: FINISH_TIMEOUT_MS, pauseMs: 500 },
  );
  return await judge(stored, cell, model, finisher);
}

/** The invariants, on the engines themselves. */
async function judge(
  stored: StoredModel,
  cell: Cell,
  model: string,
  finisher: Finisher,
): Promise<{ readonly text: string; readonly problems: readonly string[] }> {
  const live = (await world.mlflow.liveVersions(model)).join('+');
  const moves = tap.moves(model).length;
  const ids = (await world.notices(model)).map(({ message }) => message['rollback_id']);
  const [record] = stored.records;
  const outcome = record?.progress.status ?? 'NOTHING';
  const isDone = outcome === 'ROLLED_BACK';
  const isWanted = possibleOutcomes(cell, finisher).includes(outcome);
  const checks: readonly (readonly [boolean, string])[] = [
    [isWanted, 'another outcome was to come of it'],
    [(stored.state?.active ?? null) === null, 'the claim is left'],
    [stored.records.length === (record === undefined ? 0 : 1), 'more than one record'],
    [moves === (isDone ? 1 : 0), 'moves and commits differ'],
    [live === (isDone ? '2' : '3'), 'another version is live'],
    [stored.state?.rollbackCount === (isDone ? 1 : undefined), 'another number of rollbacks'],
    [record === undefined || ids.includes(record.id), 'no notice'],
    [ids.length <= stored.records.length * 2, 'too many notices'],
  ];
  return {
    text: `${outcome}, live ${live}, ${moves} move(s), ${ids.length} notice(s)`,
    problems: checks.filter(([isFine]) => !isFine).map(([, why]) => why),
  };
}

/** A retry always gets its rollback. A sweep finishes what was claimed; what runs beside the claim may not be. */
function possibleOutcomes({ step, moment }: Cell, finisher: Finisher): readonly string[] {
  if (finisher === 'retry') return ['ROLLED_BACK'];
  if (step === 'read aliases' || step === 'recheck') return ['NOTHING', 'ROLLED_BACK'];
  const isUnclaimed = step === 'read registry' || (step === 'claim' && moment === 'before');
  return [isUnclaimed ? 'NOTHING' : 'ROLLED_BACK'];
}
