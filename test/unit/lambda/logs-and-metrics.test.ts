import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PowertoolsLogger } from '../../../src/adapters/powertools/powertools-logger.ts';
import { promote } from '../../../src/app/promote.ts';
import {
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../../../src/domain/errors.ts';
import { parsePromotion } from '../../../src/domain/request/promotion-request.ts';
import { initProblemLine, initProblems } from '../../../src/lambda/metrics.ts';
import { serveEvent } from '../../../src/lambda/serve-event.ts';
import { directAlarm, eventBridgeAlarm, sqsEvent } from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

/** docs/reference/logs-and-metrics.md against what the function really writes. */
const document = readFileSync('docs/reference/logs-and-metrics.md', 'utf8');

type Line = Readonly<Record<string, unknown>>;
interface MetricLine extends Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
}

const minuteMs = 60_000;
let world: World;
let written: Line[];

beforeEach(() => {
  vi.stubEnv('_X_AMZN_TRACE_ID', 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1');
  for (const name of ['AWS_LAMBDA_LOG_LEVEL', 'TZ']) vi.stubEnv(name, undefined);
  written = [];
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});
afterEach(() => vi.unstubAllEnvs());

/** The lines of one invocation, as CloudWatch gets them. */
const linesOf = async (event: unknown, deps = world.deps): Promise<Line[]> => {
  const write = (line: string): number => written.push(JSON.parse(line));
  const logger = new PowertoolsLogger({ service: 'model-rollback', level: 'info', write });
  const before = written.length;
  const serving = { invocationId: 'i-1', deadline: world.deadline(), clock: world.clock, write };
  await serveEvent(deps, event, { ...serving, logger: logger.forInvocation('i-1') }).catch(
    () => undefined,
  );
  return written.slice(before);
};
const alarm = (parts: Parameters<typeof directAlarm>[0] = {}): object =>
  directAlarm({ model: 'm', atMs: world.clock.nowMs(), ...parts });

/** Every kind of call and end that the function has much to say about. */
/** A promotion that was cut off, which a sweep finishes. */
const leavePromotion = async (): Promise<void> => {
  world.seed('p', ['Production', 'Staging']);
  const lost = new RegistryUnavailableError('lost');
  const { request, warnings } = parsePromotion({ model_name: 'p' });
  const deps = withCalls(world.deps, {
    registry: { movePointer: async () => ({ kind: 'unknown', error: lost, isAnswered: false }) },
  });
  const call = { request, warnings, invocationId: 'p', deadline: world.deadline() };
  const evidence = { readEvidence: async () => undefined };
  await expect(promote({ ...deps, evidence }, call)).rejects.toThrow('lost');
};

const muchToSay = async (): Promise<void> => {
  await linesOf(alarm());
  await linesOf(alarm());
  world.clock.advance(minuteMs);
  await linesOf({ model_name: 'm', request_id: 'r-1' });
  await linesOf({ model_nam: 'm' });
  await linesOf({ plan_fleet: { models: ['m'] } });
  await linesOf(sqsEvent(['no alarm', eventBridgeAlarm({ state: 'OK' })], 'raw'));
  const late = { model: 'm', atMs: world.clock.nowMs() - 90 * minuteMs };
  await linesOf(directAlarm(late));
  world.seed('n', ['Archived', 'Production']);
  world.notifier.isBroken = true;
  await linesOf(alarm({ name: 'other', model: 'n', atMs: world.clock.nowMs() }));
  await leavePromotion();
  world.clock.advance(10 * minuteMs);
  await linesOf({ sweep: true });
  const down = withCalls(world.deps, {
    registry: {
      read: async () => {
        throw new RegistryUnavailableError('The registry did not answer.');
      },
    },
  });
  await linesOf(alarm({ name: 'third' }), down);
  world.notifier.isBroken = false;
  world.seed('o', ['Archived', 'Production']);
  const rival = withCalls(world.deps, {
    registry: {
      movePointer: async (next) => {
        const answer = await next();
        world.registry.transition('o', world.registry.register('o'), 'Production', false);
        return answer;
      },
    },
  });
  await linesOf({ model_name: 'o' }, rival);
  const storeDown = withCalls(world.deps, {
    store: {
      read: async () => {
        throw new StateStoreUnavailableError('The store is throttled.');
      },
    },
  });
  await linesOf(alarm({ name: 'fourth' }), storeDown);
};

const isMetrics = (line: Line): line is MetricLine => '_aws' in line;
const blocks = (language: string): string[] =>
  [...document.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text = '']) => text);
const examples = (): Line[] => blocks('json').map((text) => JSON.parse(text) as Line);
/** Cells of the table whose header begins so, without the header. */
const rowsOf = (header: string): string[][] => {
  const [, table = ''] = document.split(`| ${header} |`);
  return table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').slice(1, -1))
    .slice(
      0,
      table
        .split('\n')
        .slice(2)
        .findIndex((line) => !line.startsWith('|')),
    )
    .map((cells) => cells.map((cell) => cell.trim()));
};
const prose = document.replaceAll(/^```[\s\S]*?^```$/gm, '');
const named = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
const unique = (list: readonly string[]): string[] => [...new Set(list)].toSorted();

describe('logs-and-metrics.md', () => {
  test('tells every field of every line', async () => {
    await muchToSay();
    const fields = unique(written.filter((line) => !isMetrics(line)).flatMap(Object.keys));
    expect(fields.length).toBeGreaterThan(30);
    const told = named(prose);
    expect(fields.filter((field) => !told.includes(field))).toEqual([]);
  });

  test('tells every message that the code writes, and no other', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
      /^(app|lambda|http)[\\/].*\.ts$|commands[\\/]serve\.ts$/.test(name),
    );
    const code = files.map((name) => readFileSync(join('src', name), 'utf8')).join('\n');
    const calls = code.matchAll(/\.log\(\s*(?:'\w+'|\w+\(\w+\)),\s*'([^']+)'/g);
    const messages = unique([...calls].map(([, message = '']) => message));
    expect(messages.length).toBeGreaterThan(12);
    const rows = rowsOf('message | level | meaning | fields of its own');
    expect(unique(rows.flatMap(([cell = '']) => named(cell)))).toEqual(messages);
  });

  test('tells every metric with its unit and its dimensions, and no other', async () => {
    await muchToSay();
    const seen = new Map<string, { unit: string; sets: string[] }>();
    const ofInit = initProblems.map((name) => initProblemLine(name, 0));
    for (const line of [...written.filter(isMetrics), ...ofInit]) {
      for (const { Dimensions: sets, Metrics: metrics } of line._aws.CloudWatchMetrics) {
        for (const { Name: name, Unit: unit } of metrics) {
          const before = seen.get(name)?.sets ?? [];
          seen.set(name, { unit, sets: unique([...before, ...sets.map((set) => set.join())]) });
        }
      }
    }
    const told = rowsOf('metric | unit | dimensions | counts').map(
      ([name = '', unit = '', dimensions = '']) => [
        named(name)[0],
        { unit, sets: unique(dimensions.split(';').map((set) => named(set).join())) },
      ],
    );
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(seen));
  });

  test('shows lines that have the fields of real ones, in their order', async () => {
    const [rolledBack, wrong, swept, metrics] = examples();
    const real = await linesOf(alarm());
    expect(Object.keys(rolledBack ?? {})).toEqual(Object.keys(real.at(-2) ?? {}));
    expect(shapeOf(metrics)).toEqual(shapeOf(real.at(-1)));
    const [error] = await linesOf({ model_nam: 'm' });
    expect(Object.keys(wrong ?? {})).toEqual(Object.keys(error ?? {}));
    const [sweep] = await linesOf({ sweep: true });
    expect(Object.keys(swept ?? {})).toEqual(Object.keys(sweep ?? {}));
  });

  test('asks in its queries for fields that there are', () => {
    const queries = blocks('text');
    expect(queries.length).toBeGreaterThan(4);
    const told = named(prose);
    for (const query of queries) {
      const bare = query.replaceAll(/"[^"]*"/g, '');
      const aliases = [...bare.matchAll(/\bas (\w+)/g)].map(([, name = '']) => name);
      const words = [...bare.matchAll(/(?<![@\w])[a-z_]+(?![\w(])/g)].map(([word]) => word);
      const language = 'fields|filter|sort|stats|limit|desc|by|as|and|in|like'.split('|');
      const unknown = words.filter((word) => ![...aliases, ...language, ...told].includes(word));
      expect(unknown, query).toEqual([]);
    }
  });
});

// ---------------------------------------------------------------------------------------------------

/** Names and nesting, without the values of leaves that are not lists. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]);
}
