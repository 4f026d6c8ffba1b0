import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { httpLimits } from '../../../src/http/http-limits.ts';
import { makeService, type Service } from '../../../src/http/service.ts';
import { alert, alertmanagerMessage } from '../../fakes/alerts.ts';
import { type RegistryCalls, withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const host = '127.0.0.1:8080';
let world: World;
let messages: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  world.seed('quick', ['Archived', 'Production']);
  messages = [];
});
afterEach(() => {
  vi.useRealTimers();
});

function serviceWith(calls: RegistryCalls): Service {
  const logger = { log: (_: string, message: string) => void messages.push(message) };
  const deps = { ...withCalls(world.deps, { registry: calls }), logger };
  return makeService({ deps, access: { kind: 'open', hosts: () => [host] } });
}

const aMinuteAgo = (): string => new Date(world.clock.nowMs() - 60_000).toISOString();

async function send(service: Service, models: readonly string[], startsAt = aMinuteAgo()) {
  const alerts = models.map((model) =>
    alert({
      model,
      fingerprint: model,
      startsAt,
    }),
  );
  const reply = service.fetch(
    new Request(`http://${host}/v1/alerts`, {
      method: 'POST',
      headers: { host, 'content-type': 'application/json' },
      body: JSON.stringify(alertmanagerMessage(alerts)),
    }),
  );
  await vi.advanceTimersByTimeAsync(httpLimits.httpAnswerMs);
  const response = await reply;
  return { status: response.status, json: (await response.json()) as { results: object[] } };
}

const live = async (model: string): Promise<string[]> =>
  (await world.registry.read(model)).live.map((row) => row.version);

describe('an alert whose registry takes long', () => {
  test('has an answer within a second, and is rolled back after it', async () => {
    const slow = Promise.withResolvers<void>();
    const service = serviceWith({
      read: async (next, model) => {
        if (model === 'm') await slow.promise;
        return await next();
      },
    });
    const reply = await send(service, ['m', 'quick']);
    expect(reply).toMatchObject({
      status: 202,
      json: {
        results: [{ pending: true, alarm_name: 'DrawdownHigh' }, { outcome: 'ROLLED_BACK' }],
      },
    });
    expect(await live('m')).toEqual(['3']);

    slow.resolve();
    await service.end(10_000);
    expect(await live('m')).toEqual(['2']);
  });

  test('adds no work when its sender does not wait, and sends it again and again', async () => {
    const slow = Promise.withResolvers<void>();
    let reads = 0;
    const service = serviceWith({
      read: async (next) => {
        reads += 1;
        await slow.promise;
        return await next();
      },
    });
    const startsAt = aMinuteAgo();
    for (let nth = 0; nth < 5; nth += 1) {
      expect(await send(service, ['m'], startsAt)).toMatchObject({ status: 202 });
    }
    expect(reads).toBe(1);
    slow.resolve();
    await service.end(10_000);
    expect(await live('m')).toEqual(['2']);
  });

  test('is tried again by us when that failed, since its sender has its answer', async () => {
    const slow = Promise.withResolvers<void>();
    let reads = 0;
    const service = serviceWith({
      read: async (next, model) => {
        reads += 1;
        await slow.promise;
        if (reads <= 2 && model === 'm') throw new RegistryUnavailableError('not now');
        return await next();
      },
    });
    expect(await send(service, ['m'])).toMatchObject({ status: 202 });
    slow.resolve();
    for (const pauseMs of httpLimits.alertPausesMs) await vi.advanceTimersByTimeAsync(pauseMs);
    await service.end(10_000);
    expect(await live('m')).toEqual(['2']);
    expect(messages).not.toContain('alerts not handled');
  });

  test('is named in the log when the service stops before it could be handled', async () => {
    const slow = Promise.withResolvers<void>();
    const service = serviceWith({
      read: async () => {
        await slow.promise;
        throw new RegistryUnavailableError('not now');
      },
    });
    expect(await send(service, ['m'])).toMatchObject({ status: 202 });
    slow.resolve();
    await service.end(10_000);
    expect(messages).toContain('alerts not handled');
    expect(await live('m')).toEqual(['3']);
  });
});
