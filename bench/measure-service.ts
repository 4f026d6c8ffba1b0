/** Whether the service keeps up with 200 webhooks a second for a minute, and loses none. */
import { setTimeout as delay } from 'node:timers/promises';
import { startService } from '../test/e2e/service.ts';
import { postgresFolder, startPostgres } from '../test/engines/postgres.ts';
import { alert, alertmanagerMessage } from '../test/fakes/alerts.ts';
import { type Figure, soleFigure } from './figures.ts';
import { newModels, type World } from './world.ts';

const perSecond = 200;
const seconds = 60;
/** Budget of the slowest hundredth (ms). */
const p99Budget = 250;

/** Each second one alert is new, for a model of its own, and rolls it back; all others are repeats of earlier ones. */
export async function measureService(world: World): Promise<readonly Figure[]> {
  if (postgresFolder === null) throw new Error('no initdb and postgres on this machine');
  const models = await newModels(world, seconds);
  const database = await startPostgres();
  const service = await startService({
    ...defined(world.env),
    ROLLBACK_STORE: database.url,
    ROLLBACK_STATE_TABLE: '',
    ROLLBACK_BLAST_RADIUS: 'off',
    ROLLBACK_OBSERVE_MINUTES: '0',
  });
  try {
    const messages = models.map((model) => messageOf(model));
    // The first call makes the tables.
    await service.get('/v1/models');
    const startMs = performance.now();
    const replies = await Promise.all(
      Array.from({ length: perSecond * seconds }, async (_, index) => {
        const second = Math.floor(index / perSecond);
        const isNew = index % perSecond === 0;
        const message = messages[isNew ? second : (index * 7) % Math.max(second, 1)];
        const atMs = startMs + (index * 1_000) / perSecond;
        await delay(Math.max(0, atMs - performance.now()));
        // From when it was due: a queue in front of the service counts too.
        const { status } = await service.post('/v1/alerts', message).catch(() => ({ status: 0 }));
        return { status, isNew, ms: performance.now() - atMs };
      }),
    );
    const lost = replies.filter(({ status }) => status >= 300 || status === 0).length;
    const done = await rolledBack(service.url, models);
    const figure = (what: string, values: readonly number[], budget: number | null): Figure =>
      soleFigure({
        what: `service, ${perSecond} alerts a second: ${what}`,
        unit: 'ms',
        values,
        budget,
      });
    return [
      figure(
        'time of the slowest hundredth',
        [
          percentile(
            replies.map(({ ms }) => ms),
            0.99,
          ),
        ],
        p99Budget,
      ),
      figure(
        'time',
        replies.map(({ ms }) => ms),
        null,
      ),
      figure(
        'time of those that roll back',
        replies.filter(({ isNew }) => isNew).map(({ ms }) => ms),
        null,
      ),
      soleFigure({
        what: 'service: alerts not answered',
        unit: 'calls',
        values: [lost],
        budget: 0,
      }),
      soleFigure({
        what: 'service: models not rolled back',
        unit: 'calls',
        values: [models.length - done],
        budget: 0,
      }),
    ];
  } finally {
    service.signal('SIGTERM');
    await service.ended;
    await database.stop();
  }
}

// ---------------------------------------------------------------------------------------------------

function messageOf(model: string): object {
  const fingerprint = Buffer.from(model).toString('hex').slice(-40);
  return alertmanagerMessage([alert({ model, fingerprint, startsAt: new Date().toISOString() })]);
}

async function rolledBack(url: string, models: readonly string[]): Promise<number> {
  const response = await fetch(`${url}/v1/rollbacks?limit=1000`);
  const { rollbacks } = (await response.json()) as {
    rollbacks: readonly { outcome: string; model_name: string }[];
  };
  const done = rollbacks.filter(({ outcome }) => outcome === 'ROLLED_BACK');
  const names = new Set(done.map(({ model_name: name }) => name));
  return models.filter((model) => names.has(model)).length;
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
