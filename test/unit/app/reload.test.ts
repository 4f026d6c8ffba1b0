import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { briefOf } from '../../../src/domain/answer/brief.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { RollbackRecord } from '../../../src/domain/record/record.ts';
import { late, RecordingHooks } from '../../fakes/hooks.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
let world: World;
let hooks: RecordingHooks;
let deps: RollbackDeps;

beforeEach(() => {
  hooks = new RecordingHooks();
  hooks.answer = () => ({ kind: 'answered', body: null });
  world = makeWorld({
    reload: { kind: 'http', url: 'https://serving.example.com/reload/0SECRET' },
    cooldownMs: 0,
  });
  world.seed('m', ['Archived', 'Archived', 'Production']);
  deps = { ...world.deps, hooks };
});

const ask = async (fields: object = {}): Promise<RollbackResponse> =>
  await world.ask({ model_name: 'm', request_id: 'k', ...fields }, { deps });
const recordOf = async ({ rollback_id: id }: RollbackResponse): Promise<RollbackRecord> => {
  const { record } = await world.store.read('m', id, world.deadline());
  if (record === undefined) throw new Error('there is no record');
  return record;
};
const sweepAfter = async (ms: number) => {
  world.clock.advance(ms);
  return await sweep(deps, world.deadline());
};
const told = (): readonly string[] => world.notifier.sent.map((notice) => briefOf(notice).event);
/** A process that never gets the answer of its call. */
const askAndDie = async (): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  hooks.answer = () => {
    resolve();
    return new Promise(() => undefined);
  };
  ask().catch(() => undefined);
  await promise;
};

describe('a reload', () => {
  test('is called after the commit, once, and its confirmation is on record', async () => {
    hooks.answer = async (request) => {
      const { record } = await world.store.read('m', request.rollback_id, world.deadline());
      expect(record?.progress.status).toBe('ROLLED_BACK');
      return { kind: 'answered', body: { serving_version: '2' } };
    };
    const answer = await ask({ reason: 'DRIFT_SEVERE' });

    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      notified: true,
      warnings: [],
      serving: { state: 'confirmed', version: '2', tries: 1, next_try_at: null },
    });
    expect(hooks.calls.map(({ request }) => request)).toEqual([
      {
        kind: 'reload',
        model_name: 'm',
        version: '2',
        pointer: 'stage:Production',
        from_version: '3',
        reason: 'DRIFT_SEVERE',
        rollback_id: answer.rollback_id,
      },
    ]);
    expect(hooks.calls[0]?.leftMs).toBe(limits.hookTimeoutMs);
    await sweepAfter(60 * minuteMs);
    expect(hooks.calls).toHaveLength(1);
    expect(told()).toEqual(['Rollback Completed']);
  });

  test.each([
    [late, 'it did not answer in time'],
    [{ kind: 'answered', body: { serving_version: '3' } } as const, 'it serves version 3'],
  ])('that does not confirm is a warning of a rollback that stands: %j', async (given, why) => {
    hooks.answer = () => given;
    const answer = await ask();

    expect(answer).toMatchObject({
      rolled_back: true,
      notified: true,
      serving: { state: 'pending', tries: 1 },
      warnings: [{ code: 'SERVING_NOT_CONFIRMED', message: expect.stringContaining(why) }],
    });
    expect(answer.warnings[0]?.message).toContain('https://serving.example.com: ');
    expect(told()).toEqual(['Rollback Completed']);
    const [notice] = world.notifier.sent;
    expect(notice?.message.warnings).toEqual([]);
    expect(JSON.stringify([answer, await recordOf(answer)])).not.toContain('0SECRET');
  });

  test('is tried again by the sweep, and a later success is recorded and shown', async () => {
    hooks.answer = () => late;
    await ask();
    hooks.answer = () => ({ kind: 'answered', body: { serving_version: '2' } });
    expect(await sweepAfter(minuteMs)).toMatchObject({ reloads_retried: 1, failed: [] });

    const replayed = await ask();
    expect(replayed).toMatchObject({
      replayed: true,
      warnings: [],
      serving: { state: 'confirmed', version: '2', tries: 2 },
    });
    // One failure is no news.
    expect(told()).toEqual(['Rollback Completed']);
    expect(hooks.calls).toHaveLength(2);
  });

  test('that fails again is announced once, and so is its success after that', async () => {
    hooks.answer = () => late;
    const answer = await ask();
    await sweepAfter(minuteMs);
    expect(told()).toEqual(['Rollback Completed', 'Serving Not Confirmed']);
    const { subject, message } = world.notifier.sent[1] ?? {};
    expect(subject).toBe('Model Rollback serving not confirmed: m');
    expect(message?.text).toMatch(
      /^The registry changed, and serving did not confirm version 2: https:\/\/serving\.example\.com: it did not answer in time\. It is tried again/,
    );
    for (let minute = 0; minute < 30; minute += 1) await sweepAfter(minuteMs);
    expect(told()).toHaveLength(2);
    // 2, 4, 8 and 15 minutes apart.
    expect(hooks.calls).toHaveLength(2 + 4);

    hooks.answer = () => ({ kind: 'answered', body: null });
    await sweepAfter(15 * minuteMs);
    expect(told()).toEqual(['Rollback Completed', 'Serving Not Confirmed', 'Serving Confirmed']);
    expect((await recordOf(answer)).serving).toMatchObject({ kind: 'confirmed', version: null });
  });

  test('is given up after a day, which is announced', async () => {
    hooks.answer = () => late;
    const answer = await ask();
    for (let hour = 0; hour < 30; hour += 1) await sweepAfter(60 * minuteMs);

    expect(told()).toEqual([
      'Rollback Completed',
      'Serving Not Confirmed',
      'Serving Not Confirmed',
    ]);
    expect((await recordOf(answer)).serving).toMatchObject({ kind: 'given-up' });
    const calls = hooks.calls.length;
    await sweepAfter(60 * minuteMs);
    expect(hooks.calls).toHaveLength(calls);
    const again = await ask();
    expect(again.warnings[0]).toMatchObject({
      code: 'SERVING_NOT_CONFIRMED',
      message: expect.stringContaining('within 24 h'),
    });
    expect(hooks.calls).toHaveLength(calls);
  });

  test('is due by itself: notices that cannot be sent do not hold it back', async () => {
    hooks.answer = () => late;
    world.notifier.isBroken = true;
    await ask();
    await sweepAfter(minuteMs);
    expect(hooks.calls).toHaveLength(2);
    world.notifier.isBroken = false;
    await sweepAfter(60 * minuteMs);
    expect(told().toSorted()).toEqual(['Rollback Completed', 'Serving Not Confirmed']);
  });

  test('of a version that is not live any more is not tried again', async () => {
    hooks.answer = () => late;
    const first = await ask();
    world.registry.transition('m', '3', 'Production', true);
    await sweepAfter(minuteMs);
    expect((await recordOf(first)).serving).toMatchObject({ kind: 'superseded' });
    expect(hooks.calls).toHaveLength(1);
    expect((await ask()).warnings.map(({ code }) => code)).not.toContain('SERVING_NOT_CONFIRMED');
  });

  test('of a rollback that was undone leaves the word to the undo', async () => {
    hooks.answer = () => late;
    const first = await ask();
    const undone = await ask({
      request_id: 'u',
      target_version: '3',
      overrides: ['COOLDOWN', 'QUARANTINED'],
    });
    expect(undone).toMatchObject({ rolled_back: true, serving: { state: 'pending' } });
    await sweepAfter(minuteMs);
    expect(hooks.calls.map(({ request }) => request.version)).toEqual(['2', '3', '3']);
    expect((await recordOf(first)).serving?.kind).toBe('superseded');
  });

  test('waits while the registry cannot be read, and is bounded then too', async () => {
    hooks.answer = () => late;
    const answer = await ask();
    const working = deps;
    deps = withCalls(deps, {
      registry: { read: () => Promise.reject(new Error('the registry is down.')) },
    });
    for (let hour = 0; hour < 30; hour += 1) await sweepAfter(60 * minuteMs);
    expect(hooks.calls).toHaveLength(1);
    const { serving } = await recordOf(answer);
    expect(serving).toMatchObject({
      kind: 'given-up',
      why: 'the registry could not be read: the registry is down',
    });
    deps = working;
  });

  test('that was cut off with its process is called by the sweep', async () => {
    await askAndDie();
    hooks.answer = () => ({ kind: 'answered', body: null });
    await sweepAfter(minuteMs);
    const [record] = await world.records('m');
    expect(record?.serving).toMatchObject({ kind: 'confirmed', tries: 1 });
    expect(hooks.calls).toHaveLength(2);
  });

  test('that was cut off is called by a replay, once it is due', async () => {
    await askAndDie();
    hooks.answer = () => ({ kind: 'answered', body: null });
    expect((await ask()).serving).toMatchObject({ state: 'pending' });
    expect(hooks.calls).toHaveLength(1);
    world.clock.advance(minuteMs);
    expect((await ask()).serving).toMatchObject({ state: 'confirmed' });
    expect(hooks.calls).toHaveLength(2);
  });

  test('is called by one of two sweeps', async () => {
    hooks.answer = () => late;
    await ask();
    hooks.answer = () => ({ kind: 'answered', body: null });
    world.clock.advance(minuteMs);
    await Promise.all([sweep(deps, world.deadline()), sweep(deps, world.deadline())]);
    expect(hooks.calls).toHaveLength(2);
  });

  test('that answers while the record changes is recorded on top of the change', async () => {
    hooks.answer = async (request) => {
      const { record } = await world.store.read('m', request.rollback_id, world.deadline());
      if (record === undefined) throw new Error('there is no record');
      const changed = {
        ...record,
        revision: record.revision + 1,
        warnings: [{ code: 'X', message: 'x' }],
      };
      await world.store.write({ record: changed }, world.deadline());
      return { kind: 'answered', body: null };
    };
    const answer = await ask();
    expect(answer).toMatchObject({ warnings: [{ code: 'X' }], serving: { state: 'confirmed' } });
  });

  test('whose answer cannot be recorded throws nothing, and is called again', async () => {
    let isDown = false;
    deps = withCalls(deps, {
      store: {
        write: async (next, change) => {
          const isServing = change.record?.serving?.kind === 'confirmed';
          if (isServing && !isDown) {
            isDown = true;
            throw new Error('the table is gone');
          }
          return await next();
        },
      },
    });
    expect(await ask()).toMatchObject({ rolled_back: true, serving: { state: 'pending' } });
    await sweepAfter(minuteMs);
    expect(hooks.calls).toHaveLength(2);
    expect((await ask()).serving).toMatchObject({ state: 'confirmed' });
  });

  test('is not called for what moved nothing, nor for a dry run', async () => {
    await ask({ dry_run: true });
    await ask({ expected_from_version: '1' });
    expect(hooks.calls).toEqual([]);
    const [record] = await world.records('m');
    expect(record).not.toHaveProperty('serving');
  });

  test('says so where the sweep has no such setting', async () => {
    hooks.answer = () => late;
    const answer = await ask();
    deps = { ...deps, settings: { ...deps.settings, reload: null } };
    await sweepAfter(minuteMs);
    expect((await recordOf(answer)).serving).toMatchObject({
      kind: 'pending',
      why: 'neither ROLLBACK_RELOAD nor the policy of the model sets a hook here',
    });
  });
});
