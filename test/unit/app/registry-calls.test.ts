/** What each path asks of registry and store: the same for 10 versions as for 10,000, and as the page says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../../src/adapters/system/static-credentials.ts';
import { systemIdentity } from '../../../src/adapters/system/system-identity.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { handleAlert } from '../../../src/app/handle-alert.ts';
import { readStatus } from '../../../src/app/read-status.ts';
import { reportPromotion } from '../../../src/app/report-promotion.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import { parseAlertGroup } from '../../../src/domain/alarm/alert-payload.ts';
import { limits } from '../../../src/domain/limits.ts';
import { type ModelPointer, stagePointer } from '../../../src/domain/registry/pointer.ts';
import { type RegistryServer, startRegistryServer } from '../../../src/embedded/registry-server.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { alertmanagerMessage, alert as alertOf } from '../../fakes/alerts.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
let server: RegistryServer;
let registry: MLflowModelRegistry;
let world: World;
let sent: number;

/** Counts what is sent, also what nobody waits for. */
class CountingClient extends MLflowClient {
  override send(...call: Parameters<MLflowClient['send']>): ReturnType<MLflowClient['send']> {
    sent += 1;
    return super.send(...call);
  }
}

let deps: RollbackDeps;

async function open(): Promise<void> {
  server = await startRegistryServer();
  world = makeWorld({ pointers: { default: champion, byModel: new Map() } });
  const { clock } = world;
  sent = 0;
  const client = new CountingClient({
    baseUrl: new URL(server.url),
    authorizer: new LoginAuthorizer(new StaticCredentials(null)),
    workspace: null,
    clock,
  });
  registry = new MLflowModelRegistry(client, clock, systemIdentity, server.url);
  deps = { ...world.deps, registry };
}

beforeEach(open);

afterEach(async () => {
  registry.close();
  await server.close();
});

/** The calls of one rollback from the newest version to the one before, in their order. */
async function callsOf(count: number): Promise<string[]> {
  const name = `of-${count}`;
  server.seed(
    name,
    Array.from({ length: count }, (_, index) => ({
      aliases: index + 1 === count ? ['champion'] : [],
      creationTimestamp: 1_000 + index,
    })),
  );
  const [version, replaced] = [String(count), String(count - 1)];
  const promotion = { modelName: name, version, replaced, pointer: champion };
  await reportPromotion(deps, promotion, world.deadline());
  server.requests.length = 0;
  const answer = await world.ask({ model_name: name }, { deps });
  expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: replaced });
  return server.requests.map(({ method, path }) => `${method} ${path.split('/mlflow/')[1]}`);
}

/** What is found out beside the run, and not waited for: one call, by what is cheap for so many versions. */
const besides: readonly string[] = ['GET registered-models/get', 'GET model-versions/get'];

describe('the calls of a rollback of an alias', () => {
  test('are the same for 10 versions and for 10,000, in two steps before the move', async () => {
    for (const count of [10, 10_000]) {
      const calls = await callsOf(count);
      const beside = calls.indexOf(besides[count === 10 ? 0 : 1] ?? '', 2);
      expect(beside).toBeGreaterThan(0);
      expect(calls.toSpliced(beside, 1)).toEqual([
        'GET registered-models/alias',
        'GET model-versions/search',
        'GET registered-models/alias',
        'GET model-versions/get',
        'POST registered-models/alias',
        'GET registered-models/alias',
        'GET model-versions/get',
        'POST model-versions/set-tag',
        'POST model-versions/set-tag',
      ]);
    }
  });
});

describe('docs/reference/performance.md', () => {
  const page = join(import.meta.dirname, '../../../docs/reference/performance.md');
  /** Path, calls to the registry with a stage and with an alias, calls to the state. */
  const rows = readFileSync(page, 'utf8')
    .split('\n## ')
    .filter((section) => section.startsWith('Calls'))
    .flatMap((section) => section.split('\n'))
    .filter((line) => /^\|.*\d/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  let pointer: ModelPointer;

  /** A model that was promoted three times, with its promotions reported. */
  async function model(name: string): Promise<void> {
    const stages = ['Archived', 'Archived', 'Production'] as const;
    server.seed(
      name,
      stages.map((stage, index) => ({
        ...(pointer.kind === 'stage' ? { stage } : {}),
        aliases: pointer.kind === 'alias' && index === 2 ? ['champion'] : [],
        creationTimestamp: 1_000 + index,
        lastUpdatedTimestamp: 2_000 + index,
      })),
    );
    if (pointer.kind === 'stage') return;
    const promotion = { modelName: name, version: '3', replaced: '2', pointer };
    await reportPromotion(deps, promotion, world.deadline());
  }

  const ask = (fields: object) => world.ask({ model_name: 'm', ...fields }, { deps });
  const alarm = async (): Promise<unknown> => {
    const payload = parseAlarmPayload(directAlarm({ model: 'm', atMs: world.clock.nowMs() }));
    if (payload === undefined) throw new Error('the event is no alarm');
    return await handleAlarm(deps, payload, null, world.deadline());
  };

  const alert = async (): Promise<unknown> => {
    const startsAt = new Date(world.clock.nowMs()).toISOString();
    const message = alertmanagerMessage([alertOf({ model: 'm', startsAt })]);
    const { alerts, source } = parseAlertGroup(message);
    const [first] = alerts;
    if (first === undefined) throw new Error('the message has no alert');
    return await handleAlert(deps, first, source, world.deadline());
  };

  /** Each path: what comes before it, and what is counted. */
  const paths: Readonly<Record<string, readonly [before: () => unknown, counted: () => unknown]>> =
    {
      'preview (dry run)': [() => undefined, () => ask({ dry_run: true })],
      rollback: [() => undefined, () => ask({})],
      'rollback to a version that is given': [() => undefined, () => ask({ target_version: '1' })],
      'rollback for an alarm': [() => undefined, alarm],
      'refusal by a guard': [
        () => ask({}),
        () => ask({ target_version: '1', request_id: 'another' }),
      ],
      'the same request again': [() => ask({ request_id: 'k' }), () => ask({ request_id: 'k' })],
      'the same alert of Alertmanager or Grafana again': [alert, alert],
      status: [() => undefined, () => readStatus(deps, 'm', world.deadline())],
      'sweep without due work': [() => undefined, () => sweep(deps, world.deadline())],
      'sweep that checks the pointer after a rollback': [
        async () => {
          await ask({});
          world.clock.advance(limits.pointerCheckMs);
        },
        () => sweep(deps, world.deadline()),
      ],
    };

  async function count(path: string): Promise<readonly [registry: number, store: number]> {
    const [before, counted] = paths[path] ?? [];
    if (before === undefined || counted === undefined) throw new Error(`no path "${path}"`);
    await model('m');
    await before();
    sent = 0;
    const calls = countCalls();
    await counted();
    return [sent, calls.count];
  }

  /** Counts the calls to the store from now on. */
  function countCalls(): { count: number } {
    const calls = { count: 0 };
    const { store } = world;
    const counting = new Proxy(store, {
      get: (_, name: keyof typeof store) => {
        const value: unknown = Reflect.get(store, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          calls.count += 1;
          return Reflect.apply(value, store, args) as unknown;
        };
      },
    });
    deps = { ...deps, store: counting };
    return calls;
  }

  test('has a row for each path', () => {
    expect(rows.map(([, path]) => path).toSorted()).toEqual(Object.keys(paths).toSorted());
  });

  test.each(['stage', 'alias'] as const)('has the calls of each path, with %s', async (kind) => {
    const measured: [string, number, number][] = [];
    for (const path of Object.keys(paths)) {
      await reset();
      pointer = kind === 'alias' ? champion : stagePointer;
      world = makeWorld({ pointers: { default: pointer, byModel: new Map() } });
      deps = { ...world.deps, registry };
      measured.push([path, ...(await count(path))]);
    }
    const said = Object.keys(paths).map((path) => {
      const row = rows.find(([, name]) => name === path) ?? [];
      const at = kind === 'stage' ? 2 : 4;
      return [path, Number(row[at]), Number(row[at + 1])];
    });
    expect(said).toEqual(measured);
  });

  async function reset(): Promise<void> {
    registry.close();
    await server.close();
    await open();
  }
});
