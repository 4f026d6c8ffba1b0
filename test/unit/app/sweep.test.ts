import { beforeEach, describe, expect, test } from 'vitest';
import { sweep } from '../../../src/app/sweep.ts';
import {
  ConfigurationError,
  RegistryUnavailableError,
  StateCorruptError,
} from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import { responseOf } from '../../../src/domain/response.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const key = { model_name: 'm', request_id: 'k' };
const nothing = {
  outcome: 'SWEPT',
  due: 0,
  resumed: 0,
  notices_sent: 0,
  pointers_checked: 0,
  pointers_differ: 0,
  alarms_looked_at: 0,
  recoveries_checked: 0,
  skipped: 0,
  failed: [],
  has_more: false,
};
let world: World;

const record = async () => (await world.store.list('m', world.deadline()))[0];
const run = (deps = world.deps) => sweep(deps, world.deadline());
/** A run whose pointer move is the last thing that happens. */
const dieAfterMove = async (): Promise<void> => {
  const deps = withCalls(world.deps, {
    registry: {
      movePointer: async (next) => {
        await next();
        return await new Promise<never>(() => undefined);
      },
    },
  });
  world.ask(key, { deps }).catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

describe('sweep', () => {
  test('finds nothing on a quiet day', async () => {
    expect(await run()).toEqual(nothing);
  });

  test('leaves a run alone while its lease is alive, then finishes it', async () => {
    await dieAfterMove();
    expect(await run()).toEqual(nothing);
    world.clock.advance(121_000);
    expect(await run()).toEqual({ ...nothing, due: 1, resumed: 1 });
    expect((await record())?.progress.status).toBe('ROLLED_BACK');
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('sends a notice that was not sent, with back-off while it fails', async () => {
    world.notifier.isBroken = true;
    await world.ask(key);
    expect(await run()).toMatchObject({
      due: 1,
      notices_sent: 0,
      failed: [{ error: expect.any(String) }],
    });
    expect(await run()).toEqual(nothing);
    world.clock.advance(limits.noticeBackoffMs);
    expect(await run()).toMatchObject({ failed: [{}] });
    world.clock.advance(limits.noticeBackoffMs);
    expect(await run()).toEqual(nothing);
    world.notifier.isBroken = false;
    world.clock.advance(2 * limits.noticeBackoffMs);
    expect(await run()).toMatchObject({ due: 1, notices_sent: 1 });
    expect((await record())?.notice).toMatchObject({ kind: 'sent', attempts: 4 });
  });

  test('never waits longer than an hour with a notice', async () => {
    world.notifier.isBroken = true;
    await world.ask(key);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await run();
      world.clock.advance(limits.noticeBackoffMaxMs);
    }
    expect((await record())?.notice).toMatchObject({ kind: 'pending', attempts: 21 });
  });

  test('does not send a notice that its sender has in hand', async () => {
    const deps = { ...world.deps, notifier: { send: () => new Promise<never>(() => undefined) } };
    world.ask(key, { deps }).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await run()).toEqual(nothing);
    world.clock.advance(limits.noticeDueMs);
    expect(await run()).toMatchObject({ notices_sent: 1 });
  });

  test('looks at the pointer two minutes after a commit', async () => {
    await world.ask(key);
    world.clock.advance(limits.pointerCheckMs - 1);
    expect(await run()).toEqual(nothing);
    world.clock.advance(1);
    expect(await run()).toEqual({ ...nothing, due: 1, pointers_checked: 1 });
    expect(await run()).toEqual(nothing);
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('reports a pointer that is not what the commit left, once', async () => {
    await world.ask(key);
    world.registry.transition('m', '3', 'Production', true);
    world.clock.advance(limits.pointerCheckMs);
    expect(await run()).toMatchObject({ pointers_checked: 1, pointers_differ: 1 });
    expect(await run()).toEqual(nothing);
    const subjects = world.notifier.sent.map((notice) => notice.subject);
    expect(subjects).toEqual(['Model Rollback: m', 'Model Rollback pointer differs: m']);
    const found = await record();
    if (found === undefined) throw new Error('no record');
    expect(responseOf(found).warnings).toMatchObject([
      { code: 'POINTER_DIFFERS', message: expect.stringContaining('live is 3') },
    ]);
  });

  test('does not report what a newer rollback of ours did', async () => {
    await world.ask(key);
    await world.ask({ ...key, request_id: '2', overrides: ['COOLDOWN'] });
    world.clock.advance(limits.pointerCheckMs);
    expect(await run()).toMatchObject({ pointers_checked: 2, pointers_differ: 0 });
  });

  test('looks at the pointer after a contested end too: a lost move may have come late', async () => {
    let late: () => void = () => undefined;
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (_next, _model, version) => {
          world.registry.register('m');
          world.registry.transition('m', '4', 'Production', true);
          late = () => world.registry.transition('m', version, 'Production', true);
          const error = new RegistryUnavailableError('no answer');
          return { kind: 'unknown', error, isAnswered: false };
        },
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({
      outcome: 'CONTESTED',
      live_versions: ['4'],
    });
    late();
    world.clock.advance(limits.pointerCheckMs);
    expect(await run()).toMatchObject({ pointers_differ: 1 });
    expect(world.notifier.sent.at(-1)).toMatchObject({
      subject: 'Model Rollback pointer differs: m',
      message: { warnings: [{ message: expect.stringContaining('live is 2') }] },
    });
  });

  test('comes back to a pointer that it could not read', async () => {
    await world.ask(key);
    world.clock.advance(limits.pointerCheckMs);
    const deps = withCalls(world.deps, {
      registry: { read: () => Promise.reject(new RegistryUnavailableError('down')) },
    });
    expect(await run(deps)).toMatchObject({ due: 1, failed: [{ error: 'down' }] });
    expect(await run()).toEqual(nothing);
    world.clock.advance(limits.pointerCheckMs);
    expect(await run()).toMatchObject({ pointers_checked: 1 });
  });

  test('goes on past an item that cannot be read', async () => {
    world.seed('n', ['Archived', 'Production']);
    world.notifier.isBroken = true;
    const bad = await world.ask(key);
    await world.ask({ model_name: 'n' });
    world.notifier.isBroken = false;
    const deps = withCalls(world.deps, {
      store: {
        read: (next, _model, id) =>
          id === bad.rollback_id
            ? Promise.reject(new StateCorruptError('item x, field y'))
            : next(),
      },
    });
    expect(await run(deps)).toMatchObject({
      due: 2,
      notices_sent: 1,
      failed: [{ rollback_id: bad.rollback_id, error: 'item x, field y' }],
    });
  });

  test('of several at once, one sends', async () => {
    world.notifier.isBroken = true;
    await world.ask(key);
    world.notifier.isBroken = false;
    await Promise.all([run(), run(), run()]);
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('of several at once, one resumes', async () => {
    await dieAfterMove();
    world.clock.advance(121_000);
    const reports = await Promise.all([run(), run(), run()]);
    expect(reports.map((report) => report.resumed).toSorted()).toEqual([0, 0, 1]);
    expect((await world.store.read('m', null, world.deadline())).state?.rollbackCount).toBe(1);
  });

  test('is bounded, and says when there is more', async () => {
    world.notifier.isBroken = true;
    for (let index = 0; index <= limits.sweepRecordsMax; index += 1) {
      world.seed(`m${index}`, ['Archived', 'Production']);
      await world.ask({ model_name: `m${index}` });
    }
    world.notifier.isBroken = false;
    expect(await run()).toMatchObject({ due: limits.sweepRecordsMax, has_more: true });
    let runs = 1;
    while ((await run()).has_more) runs += 1;
    expect(runs).toBeLessThan(5);
    expect(world.notifier.sent).toHaveLength(limits.sweepRecordsMax + 1);
  });

  test('stops at its deadline and says that there is more', async () => {
    world.notifier.isBroken = true;
    for (const model of ['a', 'b', 'c', 'd', 'e', 'f']) {
      world.seed(model, ['Archived', 'Production']);
      await world.ask({ model_name: model });
    }
    const deps = {
      ...world.deps,
      notifier: {
        send: async () => {
          world.clock.advance(60_000);
          return { kind: 'sent' as const };
        },
      },
    };
    expect(await run(deps)).toMatchObject({ due: 6, has_more: true });
  });
});

describe('clock skew', () => {
  const skewed = (skewMs: number) => ({
    ...withCalls(world.deps, {
      registry: {
        read: async (next) => ({ ...(await next()), clockSkewMs: skewMs }),
      },
    }),
    settings: { ...world.deps.settings, clockSkewMaxMs: limits.clockSkewMaxMs },
  });

  test.each([31_000, -31_000])('of %d ms makes a command refuse to write', async (skewMs) => {
    await expect(world.ask(key, { deps: skewed(skewMs) })).rejects.toThrow(ConfigurationError);
    expect(await record()).toBeUndefined();
    const preview = await world.ask({ ...key, dry_run: true }, { deps: skewed(skewMs) });
    expect(preview.warnings.map((warning) => warning.code)).toEqual(['CLOCK_SKEW']);
  });

  test.each(['registry', 'store'])('is not what a slow %s looks like', async (which) => {
    // Each compares clocks as it answers: the wait for the other is no skew.
    const answering = async <T extends object>(next: () => Promise<T>, waitMs: number) => {
      world.clock.advance(waitMs);
      return { ...(await next()), clockSkewMs: 0 };
    };
    const slowMs = 40_000;
    const deps = {
      ...withCalls(world.deps, {
        registry: { read: (next) => answering(next, which === 'registry' ? slowMs : 0) },
        store: { read: (next) => answering(next, which === 'store' ? slowMs : 0) },
      }),
      settings: { ...world.deps.settings, clockSkewMaxMs: limits.clockSkewMaxMs },
    };
    const preview = await world.ask({ ...key, dry_run: true }, { deps });
    expect(preview.warnings).toEqual([]);
  });

  test.each([29_000, -29_000, 0])('of %d ms is fine', async (skewMs) => {
    expect(await world.ask(key, { deps: skewed(skewMs) })).toMatchObject({ rolled_back: true });
  });
});
