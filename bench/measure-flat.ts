/** Whether many versions, or many rollbacks in the past, make a rollback slower. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bareCommand, untilNotice } from './bare-calls.ts';
import { type Figure, pairFigure } from './figures.ts';
import { seedPast } from './past-rollbacks.ts';
import { startLongLived } from './processes.ts';
import { countCalls, recordRollback } from './record-calls.ts';
import { bundleCommand, newName, seedHistory, type World } from './world.ts';

const few = 10;
const many = 10_000;
const flatBudget = 1.25;
const warmUpRuns = 3;

/** Live is the newest version, or the one in the middle with as many unpromoted ones after it. */
export async function measureVersions(
  world: World,
  runs: number,
  live: 'newest' | 'middle',
): Promise<readonly Figure[]> {
  const url = world.mlflowDatabase === null ? world.embedded.url : world.mlflowUrl;
  const newModel = (count: number): string => {
    const name = newName();
    seedHistory(world, name, count, live === 'newest' ? count : count / 2);
    return name;
  };
  const lambda = startLongLived(bundleCommand(world, { MLFLOW_TRACKING_URI: url }));
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    const pairs = Array.from({ length: runs + warmUpRuns }, () => [newModel(many), newModel(few)]);
    for (const [index, pair] of pairs.entries()) {
      for (const [side, name] of pair.entries()) {
        const { callMs } = await lambda.ask({ model_name: name });
        if (index >= warmUpRuns) (side === 0 ? ours : theirs).push(callMs);
      }
    }
  } finally {
    lambda.stop();
  }
  const calls: number[] = [];
  for (const count of [many, few]) {
    calls.push(countCalls((await recordRollback(world, newModel(count), url)).steps, 'registry'));
  }
  const where = world.mlflowDatabase === null ? ' (embedded)' : '';
  const what = `10,000 versions, live ${live}${where}`;
  const against = '10 versions';
  // MLflow itself takes longer for most calls at 10,000, so this time has no budget of its own.
  const rows = [
    pairFigure({ what, unit: 'ms', ours, against, theirs, budget: null }),
    pairFigure({
      what,
      unit: 'calls',
      ours: calls.slice(0, 1),
      against,
      theirs: calls.slice(1),
      budget: live === 'newest' ? 1 : null,
    }),
  ];
  // A live version below 5,000 newer ones is out of the ordinary: for the record, without a budget.
  return live === 'newest' ? [...rows, ...(await measureNotice(world, runs, newModel))] : rows;
}

/** Time to the notice against the same calls made bare, and what the two tags cost apart. */
async function measureNotice(
  world: World,
  runs: number,
  newModel: (count: number) => string,
): Promise<readonly Figure[]> {
  const url = world.mlflowDatabase === null ? world.embedded.url : world.mlflowUrl;
  const recorded = newModel(many);
  const { steps } = await recordRollback(world, recorded, url);
  const topic = await startNoticeTap(world.snsUrl);
  const env = { MLFLOW_TRACKING_URI: url, AWS_ENDPOINT_URL_SNS: topic.url };
  const connections = world.workers === 1 ? 'kept' : 'new';
  const bareCalls = { modelName: recorded, steps: untilNotice(steps), connections } as const;
  const sides = [
    startLongLived(bundleCommand(world, env)),
    startLongLived(bareCommand(world, bareCalls, env)),
  ];
  const timesMs: readonly number[][] = [[], []];
  const tagMs: readonly number[][] = [[], []];
  try {
    for (let run = 0; run < runs + warmUpRuns; run += 1) {
      for (const turn of [0, 1]) {
        const side = (run + turn) % 2;
        const model_name = newModel(many);
        const askedAtMs = performance.now();
        await sides[side]?.ask({ model_name });
        const atMs = topic.noticedAtMs();
        if (run >= warmUpRuns) timesMs[side]?.push(atMs - askedAtMs);
      }
      for (const [side, count] of [many, few].entries()) {
        const ms = await timeTag(url, newModel(count));
        if (run >= warmUpRuns) tagMs[side]?.push(ms);
      }
    }
  } finally {
    for (const side of sides) side.stop();
    topic.close();
  }
  const [ours = [], theirs = []] = timesMs;
  const [tags = [], tagsOfFew = []] = tagMs;
  return [
    pairFigure({
      what: '10,000 versions: to the notice',
      unit: 'ms',
      ours,
      against: 'its bare calls',
      theirs,
      budget: flatBudget,
    }),
    pairFigure({
      what: '10,000 versions: one tag, which MLflow writes beside the notice',
      unit: 'ms',
      ours: tags,
      against: '10 versions',
      theirs: tagsOfFew,
      budget: null,
    }),
  ];
}

async function timeTag(url: string, name: string): Promise<number> {
  const startedAtMs = performance.now();
  const response = await fetch(new URL('/api/2.0/mlflow/model-versions/set-tag', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, version: '1', key: 'bench', value: '1' }),
  });
  await response.text();
  if (!response.ok) throw new Error(`the tag was answered ${response.status}`);
  return performance.now() - startedAtMs;
}

interface NoticeTap {
  readonly url: string;
  /** When the latest notice was answered. */
  noticedAtMs(): number;
  close(): void;
}

/** Stands in front of the topic, and sees when a notice is out. */
async function startNoticeTap(target: string): Promise<NoticeTap> {
  let atMs = Number.NaN;
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming;
    const forward = request(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('end', () => {
        atMs = performance.now();
      });
      answer.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    noticedAtMs: () => atMs,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export async function measurePast(world: World, runs: number): Promise<readonly Figure[]> {
  const pattern = newName();
  seedHistory(world, pattern, few, few);
  const url = world.mlflowDatabase === null ? world.embedded.url : world.mlflowUrl;
  await recordRollback(world, pattern, url);
  const names = await Promise.all(
    [many, few].map(async (count) => {
      const name = newName();
      // One version for each rollback of the measurement, and some to choose from.
      const versions = runs + warmUpRuns + few;
      seedHistory(world, name, versions, versions);
      await seedPast(world, name, pattern, count);
      return name;
    }),
  );
  const env = { MLFLOW_TRACKING_URI: url, ROLLBACK_COOLDOWN_HOURS: '0' };
  const lambda = startLongLived(bundleCommand(world, env));
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    for (let run = 0; run < runs + warmUpRuns; run += 1) {
      for (const [side, name] of names.entries()) {
        const { callMs } = await lambda.ask({ model_name: name, request_id: `run ${run}` });
        if (run >= warmUpRuns) (side === 0 ? ours : theirs).push(callMs);
      }
    }
  } finally {
    lambda.stop();
  }
  const what = '10,000 past rollbacks';
  return [pairFigure({ what, unit: 'ms', ours, against: '10', theirs, budget: flatBudget })];
}
