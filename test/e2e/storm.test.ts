/** Many at once, over several processes: one rollback for each cause, and no more. */
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import { type FunctionProcess, startFunction } from './function-process.ts';
import { type Answer, isFailure, type Reply } from './reply.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

interface Move {
  readonly name: string;
  readonly version: string;
  readonly status: number;
}

interface CountingProxy extends AsyncDisposable {
  readonly url: string;
  /** Every answered call that moves a version, in the order of the answers. */
  readonly moves: Move[];
}

const PROCESSES = 3;

let world: World;
let proxy: CountingProxy;
let processes: FunctionProcess[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('a storm'), () => {
  beforeAll(async () => {
    [world, proxy] = await Promise.all([createWorld(), countingProxy(engine('mlflow').url)]);
    const env = world.env({ MLFLOW_TRACKING_URI: proxy.url });
    processes = await Promise.all(Array.from({ length: PROCESSES }, () => startFunction(env)));
  });
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.kill()));
    await proxy?.[Symbol.asyncDispose]();
  });

  test('of 60 identical requests is one rollback', async () => {
    const model = await world.model(['Archived', 'Archived', 'Archived', 'Production']);
    const event = { model_name: model, request_id: 'alarm-1', alarm_name: 'drawdown' };

    const replies = await sendAll(Array.from({ length: 60 }, () => event));

    const answers = answersIn(replies, ['RollbackInProgressError']);
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const answer of answers) {
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '3' });
    }
    expect(new Set(answers.map(({ timestamp }) => timestamp)).size).toBe(1);
    await expectOneRollback(model, '3');
    // Whoever was told to try again gets the same answer now.
    const [late] = answersIn(await sendAll([event]), []);
    expect(late).toMatchObject({ replayed: true, timestamp: answers[0]?.timestamp });
  });

  test('of 30 different requests for one registered model is one rollback', async () => {
    const model = await world.model(['Archived', 'Archived', 'Archived', 'Production']);

    const replies = await sendAll(
      Array.from({ length: 30 }, (_, index) => ({ model_name: model, request_id: `r-${index}` })),
    );

    const answers = answersIn(replies, ['RollbackInProgressError']);
    const outcomes = Map.groupBy(answers, ({ outcome }) => outcome);
    expect(outcomes.get('ROLLED_BACK')).toHaveLength(1);
    const refused = outcomes.get('REFUSED') ?? [];
    expect(refused).toHaveLength(answers.length - 1);
    for (const { refusals } of refused) {
      expect(refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
    }
    await expectOneRollback(model, '3');
  });

  test('of requests for 20 registered models is 20 rollbacks', async () => {
    const models = await Promise.all(
      Array.from({ length: 20 }, () => world.model(['Archived', 'Archived', 'Production'])),
    );

    const replies = await sendAll(models.map((model) => ({ model_name: model })));

    const answers = answersIn(replies, []);
    expect(answers.map(({ outcome }) => outcome)).toEqual(models.map(() => 'ROLLED_BACK'));
    expect(answers.map(({ model_name }) => model_name)).toEqual(models);
    const history = await world.history(null);
    for (const model of models) await expectOneRollback(model, '2', history);
  });
});

// ---------------------------------------------------------------------------------------------------

/** All at once, dealt out to the processes in turn. */
function sendAll(events: readonly object[]): Promise<Reply[]> {
  return Promise.all(
    events.map(async (event, index) => {
      const process = processes[index % processes.length];
      return process === undefined ? expect.fail('no process') : await process.invoke(event);
    }),
  );
}

/** The answers; fails when there is an error of another name. */
function answersIn(replies: readonly Reply[], allowed: readonly string[]): Answer[] {
  return replies.flatMap((reply) => {
    if (!isFailure(reply)) return [reply];
    expect(allowed, reply.message).toContain(reply.errorType);
    return [];
  });
}

async function expectOneRollback(
  model: string,
  to: string,
  history?: readonly Answer[],
): Promise<void> {
  const moves = proxy.moves.filter(({ name }) => name === model);
  expect(moves).toEqual([{ name: model, version: to, status: 200 }]);
  expect(await world.mlflow.liveVersions(model)).toEqual([to]);
  const records = history ?? (await world.history(model));
  const isCommit = ({ model_name, outcome }: Answer): boolean =>
    model_name === model && outcome === 'ROLLED_BACK';
  expect(records.filter(isCommit)).toHaveLength(1);
  // The run that moved may still be at its notice when a replay has answered.
  const notices = await poll(
    () => world.notices(model),
    (notices) => notices.some(({ message }) => message['outcome'] === 'ROLLED_BACK'),
    { timeoutMs: 5_000 },
  );
  const commits = notices.filter(({ message }) => message['outcome'] === 'ROLLED_BACK');
  expect(commits).toHaveLength(1);
}

/** Stands before the registry, passes everything on, and counts what moves a version. */
async function countingProxy(target: string): Promise<CountingProxy> {
  const moves: Move[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = 'GET', url = '/', headers } = incoming;
      const onward = forward(new URL(url, target), { method, headers }, (answer) => {
        const status = answer.statusCode ?? 502;
        if (url.endsWith('/transition-stage')) {
          const { name, version } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Move;
          moves.push({ name, version, status });
        }
        outgoing.writeHead(status, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      onward.end(Buffer.concat(chunks));
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    moves,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}
