import { beforeEach, describe, expect, test } from 'vitest';
import { rollBack } from '../../../src/app/roll-back.ts';
import { sweep } from '../../../src/app/sweep.ts';
import {
  InvalidRequestError,
  ModelNotFoundError,
  RegistryRefusedError,
  RegistryUnavailableError,
  RollbackInProgressError,
  StateStoreUnavailableError,
  VersionNotFoundError,
} from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import { parseRequest } from '../../../src/domain/request/request.ts';
import { isQuarantined } from '../../../src/domain/state/quarantine.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;
const key = { model_name: 'm', request_id: 'k' };
let world: World;

const live = async (): Promise<string[]> =>
  (await world.registry.read('m')).live.map((row) => row.version);
const history = () => world.records('m');
const state = async () => (await world.store.read('m', null, world.deadline())).state;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

describe('rollBack', () => {
  test('moves the pointer, records it, tells people, tags both versions', async () => {
    const answer = await world.ask({ ...key, alarm_name: 'a', reason: 'DRIFT_SEVERE' });
    expect(answer).toMatchObject({
      rolled_back: true,
      from_version: '3',
      to_version: '2',
      outcome: 'ROLLED_BACK',
      notified: true,
      warnings: [],
      plan: { rule: 'displaced' },
    });
    expect(await live()).toEqual(['2']);
    expect(await state()).toMatchObject({
      active: null,
      rollbackCount: 1,
      quarantine: [{ version: '3' }],
    });
    expect(world.notifier.sent.map((notice) => notice.subject)).toEqual(['Model Rollback: m']);
    expect(world.registry.tag('m', '3', 'model_rollback.rolled_back')).toContain('to 2, 2026-');
    expect(world.registry.tag('m', '2', 'model_rollback.restored')).toContain(answer.rollback_id);
  });

  test('writes nothing in a dry run', async () => {
    const refuse = () => {
      throw new Error('a dry run wrote');
    };
    const deps = {
      ...withCalls(world.deps, {
        store: { write: refuse },
        registry: { movePointer: refuse, annotate: refuse },
      }),
      notifier: { send: refuse },
    };
    const answer = await world.ask({ ...key, dry_run: true }, { deps });
    expect(answer).toMatchObject({ outcome: 'DRY_RUN', rolled_back: false, to_version: '2' });
    expect(await history()).toEqual([]);
  });

  test('previews a refusal that a real request would meet', async () => {
    await world.ask(key);
    const preview = await world.ask({ model_name: 'm', dry_run: true });
    expect(preview.plan?.verdict).toBe('REFUSED');
    expect(preview.refusals.map((refusal) => refusal.code)).toEqual(['COOLDOWN']);
  });

  test('refuses within the cooldown, and acts after it', async () => {
    await world.ask(key);
    const refused = await world.ask({ model_name: 'm', reason: 'TEST_FAILURE' });
    expect(refused).toMatchObject({ outcome: 'REFUSED', from_version: '2', to_version: '1' });
    expect(await live()).toEqual(['2']);
    world.clock.advance(24 * hourMs);
    expect(await world.ask({ model_name: 'm', reason: 'TEST_FAILURE' })).toMatchObject({
      outcome: 'ROLLED_BACK',
      to_version: '1',
    });
  });

  test('never chooses a version that it rolled back from, however often it is asked', async () => {
    world.clock.advance(hourMs);
    await world.ask({ ...key, request_id: '1' });
    world.clock.advance(24 * hourMs);
    await world.ask({ ...key, request_id: '2' });
    world.clock.advance(24 * hourMs);
    const third = await world.ask({ ...key, request_id: '3' });
    expect(third).toMatchObject({ outcome: 'NO_TARGET', from_version: '1', to_version: null });
    expect(await live()).toEqual(['1']);
  });

  test('throws for an unknown model or version, and records nothing', async () => {
    await expect(world.ask({ model_name: 'x' })).rejects.toThrow(ModelNotFoundError);
    await expect(world.ask({ model_name: 'm', target_version: '9' })).rejects.toThrow(
      VersionNotFoundError,
    );
    expect(await history()).toEqual([]);
  });

  test('a failed notice neither hides nor undoes the rollback, and a replay sends it', async () => {
    world.notifier.isBroken = true;
    const answer = await world.ask(key);
    expect(answer).toMatchObject({ rolled_back: true, notified: false });
    expect(answer.warnings.map((warning) => warning.code)).toEqual(['NOTICE_NOT_SENT']);
    world.notifier.isBroken = false;
    expect(await world.ask(key)).toMatchObject({
      rolled_back: true,
      replayed: true,
      notified: true,
    });
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('a failed tag is a warning, said once where both fail alike', async () => {
    const deps = withCalls(world.deps, {
      registry: { annotate: () => Promise.reject(new RegistryRefusedError('no EDIT')) },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ rolled_back: true });
    expect(answer.warnings).toEqual([
      { code: 'TAG_NOT_WRITTEN', message: 'A tag was not written: no EDIT' },
    ]);
  });

  test('walks down the versions when the latest changes hold no target', async () => {
    const pages: (string | null)[] = [];
    const deps = withCalls(world.deps, {
      registry: {
        read: async (next) => ({ ...(await next()), others: [], isComplete: false }),
        readBelow: async (next, _model, below) => {
          pages.push(below);
          const rows = await next();
          return below === '3' ? rows.slice(0, 0).concat(rows.slice(1)) : rows;
        },
      },
    });
    const answer = await world.ask({ ...key, dry_run: true }, { deps });
    expect(pages).toEqual(['3']);
    expect(answer.to_version).toBe('1');
  });

  test('stops walking at the bound', async () => {
    let pages = 0;
    const deps = withCalls(world.deps, {
      registry: {
        read: async (next) => ({ ...(await next()), others: [], isComplete: false }),
        readBelow: async () => {
          pages += 1;
          const version = String(1_000 - pages);
          return [{ version, stage: 'None', status: 'READY', createdAtMs: 0, lastUpdatedAtMs: 0 }];
        },
      },
    });
    const { plan } = await world.ask({ ...key, dry_run: true }, { deps });
    expect(plan?.verdict).toBe('NO_TARGET');
    expect(pages).toBe(limits.registryPagesMax);
  });
});

describe('the same request again', () => {
  test('gets the first answer, once, whatever happened since', async () => {
    const first = await world.ask(key);
    world.clock.advance(100 * hourMs);
    world.registry.transition('m', '3', 'Production', true);
    const again = await world.ask(key);
    expect(again).toEqual({ ...first, replayed: true });
    expect(await live()).toEqual(['3']);
    expect(world.notifier.sent).toHaveLength(1);
    expect(await history()).toHaveLength(1);
  });

  test('is answered although the registry is down', async () => {
    await world.ask(key);
    const deps = withCalls(world.deps, {
      registry: { read: () => Promise.reject(new RegistryUnavailableError('down')) },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ replayed: true });
  });

  test('with another body is an error', async () => {
    await world.ask(key);
    await expect(world.ask({ ...key, reason: 'TEST_FAILURE' })).rejects.toThrow(
      InvalidRequestError,
    );
  });

  test('without a key is recognised by its invocation', async () => {
    await world.ask({ model_name: 'm' }, { invocationId: 'i' });
    world.clock.advance(100 * hourMs);
    expect(await world.ask({ model_name: 'm' }, { invocationId: 'i' })).toMatchObject({
      replayed: true,
    });
  });

  test('without a key in a new invocation is recognised by its body, for 15 minutes', async () => {
    const first = await world.ask({ model_name: 'm' });
    world.clock.advance(15 * minuteMs - 1);
    const again = await world.ask({ model_name: 'm' });
    expect(again).toMatchObject({ replayed: true, rollback_id: first.rollback_id });
    expect(again.warnings.map((warning) => warning.code)).toEqual(['EQUAL_REQUEST_REPLAYED']);
    world.clock.advance(1);
    expect(await world.ask({ model_name: 'm' })).toMatchObject({
      outcome: 'REFUSED',
      replayed: false,
    });
  });

  test('with a key of its own is a request of its own', async () => {
    await world.ask(key);
    expect(await world.ask({ ...key, request_id: 'other' })).toMatchObject({ outcome: 'REFUSED' });
  });

  test('opens a refused record again, and announces an equal refusal once', async () => {
    await world.ask(key);
    const second = { ...key, request_id: '2' };
    await world.ask(second);
    await world.ask(second);
    expect(world.notifier.sent.map((notice) => notice.subject)).toEqual([
      'Model Rollback: m',
      'Model Rollback refused: m',
    ]);
    world.clock.advance(24 * hourMs);
    expect(await world.ask(second)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
    expect(await history()).toHaveLength(2);
  });
});

describe('a refusal that the caller shows to the person itself', () => {
  const quietly = async (request_id: string): ReturnType<typeof rollBack> =>
    await rollBack(world.deps, {
      ...parseRequest({ model_name: 'm', request_id }),
      invocationId: 'command',
      deadline: world.deadline(),
      announcesRefusals: false,
    });

  test('is recorded, and not announced', async () => {
    await world.ask(key);
    const refused = await quietly('2');
    expect(refused).toMatchObject({ outcome: 'REFUSED', notified: false, warnings: [] });
    await quietly('2');
    expect(await history()).toHaveLength(2);
    expect(world.notifier.sent.map(({ subject }) => subject)).toEqual(['Model Rollback: m']);
  });

  test('leaves nothing for the sweep, and a later rollback of that key is announced', async () => {
    await world.ask(key);
    await quietly('2');
    world.clock.advance(24 * hourMs);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({ notices_sent: 0 });
    expect(await quietly('2')).toMatchObject({ outcome: 'ROLLED_BACK', notified: true });
  });
});

describe('two runs at once', () => {
  test('of one request: one moves, the other is told to come back', async () => {
    const results = await Promise.allSettled([world.ask(key), world.ask(key)]);
    const done = results.filter((result) => result.status === 'fulfilled');
    const rejected = results.filter((result) => result.status === 'rejected');
    expect(done.length).toBeGreaterThan(0);
    for (const { reason } of rejected) expect(reason).toBeInstanceOf(RollbackInProgressError);
    expect(await history()).toHaveLength(1);
    expect((await state())?.rollbackCount).toBe(1);
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('a run that is always late gives up as in progress', async () => {
    const deps = withCalls(world.deps, { store: { write: async () => 'conflict' } });
    await expect(world.ask(key, { deps })).rejects.toThrow(RollbackInProgressError);
    expect(await live()).toEqual(['3']);
  });
});

describe('the move', () => {
  const moving = (movePointer: Parameters<typeof withCalls>[1]['registry']) =>
    withCalls(world.deps, { registry: movePointer ?? {} });
  const unknown = (isAnswered: boolean) => ({
    kind: 'unknown' as const,
    error: new RegistryUnavailableError('lost'),
    isAnswered,
  });

  test('whose answer was lost is found out by reading', async () => {
    const deps = moving({
      movePointer: async (next) => {
        await next();
        return unknown(false);
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
  });

  test('that may still happen is left to a retry, with a short lease', async () => {
    const deps = moving({ movePointer: async () => unknown(false) });
    await expect(world.ask(key, { deps })).rejects.toThrow(RegistryUnavailableError);
    expect((await state())?.active?.leaseEndsAtMs).toBe(world.clock.nowMs() + 60_000);
    await expect(world.ask(key)).rejects.toThrow(RollbackInProgressError);
    world.clock.advance(60_000);
    expect(await world.ask(key)).toMatchObject({ rolled_back: true, replayed: false });
    expect((await state())?.rollbackCount).toBe(1);
  });

  test('that the registry answered with 503 is tried once more, and only once', async () => {
    let calls = 0;
    const once = moving({
      movePointer: async (next) => {
        calls += 1;
        return calls === 1 ? unknown(true) : await next();
      },
    });
    expect(await world.ask(key, { deps: once })).toMatchObject({ rolled_back: true });
    world = makeWorld();
    world.seed('m', ['Archived', 'Production']);
    calls = 0;
    const always = moving({
      movePointer: async () => {
        calls += 1;
        return unknown(true);
      },
    });
    await expect(world.ask(key, { deps: always })).rejects.toThrow(RegistryUnavailableError);
    expect(calls).toBe(2);
  });

  test('that is refused ends as FAILED, is announced, and costs no cooldown', async () => {
    const deps = moving({
      movePointer: async () => ({
        kind: 'refused',
        error: new RegistryRefusedError('403: no EDIT'),
      }),
    });
    await expect(world.ask(key, { deps })).rejects.toThrow('no EDIT');
    expect(await state()).toMatchObject({ active: null, lastCommit: null });
    const [record] = await history();
    expect(record?.progress).toMatchObject({ status: 'FAILED', message: '403: no EDIT' });
    expect(world.notifier.sent.map((notice) => notice.subject)).toEqual([
      'Model Rollback failed: m',
    ]);
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
  });

  test('that is answered but does not show is not believed', async () => {
    const deps = moving({ movePointer: async () => ({ kind: 'moved' }) });
    await expect(world.ask(key, { deps })).rejects.toThrow('still shows 3');
  });

  test('does not start without enough time', async () => {
    let moves = 0;
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: (next) => {
          moves += 1;
          return next();
        },
      },
      store: {
        write: async (next) => {
          const result = await next();
          world.clock.advance(60_000 - limits.writeTimeoutMinMs + 1);
          return result;
        },
      },
    });
    await expect(world.ask(key, { deps })).rejects.toThrow('Too little time');
    expect(moves).toBe(0);
    // Nothing was sent, so the retry need not wait.
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
  });

  test('a promotion between plan and recheck is left alone', async () => {
    let reads = 0;
    const deps = moving({
      read: async (next) => {
        reads += 1;
        if (reads === 2) {
          world.registry.register('m');
          world.clock.advance(1);
          world.registry.transition('m', '4', 'Production', true);
        }
        return await next();
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({
      outcome: 'CONTESTED',
      live_versions: ['4'],
      rolled_back: false,
    });
    expect(await live()).toEqual(['4']);
    expect((await state())?.lastCommit).toBeNull();
    expect(await world.ask(key)).toMatchObject({ outcome: 'CONTESTED', replayed: true });
  });

  test('a target that vanished between plan and recheck fails', async () => {
    let reads = 0;
    const deps = moving({
      read: async (next) => {
        reads += 1;
        const snapshot = await next();
        const others = snapshot.others.filter((row) => row.version !== '2');
        return reads === 2 ? { ...snapshot, others } : snapshot;
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ outcome: 'FAILED', to_version: '2' });
    expect(await live()).toEqual(['3']);
  });

  test('a promotion between recheck and move is named, not quarantined', async () => {
    const deps = moving({
      movePointer: async (next) => {
        world.registry.register('m');
        world.registry.transition('m', '4', 'Production', true);
        world.clock.advance(1);
        return await next();
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    expect(answer.warnings).toMatchObject([{ code: 'DISPLACED_NEWER' }]);
    expect(answer.warnings[0]?.message).toContain('version 4');
    expect((await state())?.quarantine.map((entry) => entry.version)).toEqual(['3']);
  });

  test('a promotion beside our move is contested and quarantines from', async () => {
    const deps = moving({
      movePointer: async (next) => {
        const answer = await next();
        world.registry.register('m');
        world.registry.transition('m', '4', 'Production', false);
        return answer;
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4', '2'] });
    expect(await state()).toMatchObject({
      lastCommit: { to: '2' },
      quarantine: [{ version: '3' }],
    });
    expect(world.notifier.sent.map((notice) => notice.subject)).toEqual([
      'Model Rollback contested: m',
    ]);
  });
});

describe('the recheck', () => {
  /** A claim whose write takes its time, while `meanwhile` happens. */
  const slowClaim = (ms: number, meanwhile: () => unknown = () => undefined) => {
    const order: string[] = [];
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          writes += 1;
          if (writes > 1) return await next();
          order.push('claim begins');
          // Whatever was begun beside it has its answer by now.
          for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
          await meanwhile();
          world.clock.advance(ms);
          order.push('claim ends');
          return await next();
        },
      },
      registry: {
        read: async (next) => {
          order.push('read');
          return await next();
        },
        movePointer: async (next) => {
          order.push('move');
          return await next();
        },
      },
    });
    return { deps, order };
  };
  const promote = (): Promise<unknown> => world.registry.movePointer('m', '1');

  test('is beside the write of the claim', async () => {
    const { deps, order } = slowClaim(limits.recheckAgeMaxMs);
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
    expect(order).toEqual(['read', 'claim begins', 'read', 'claim ends', 'move', 'read']);
  });

  test('is made again when the claim took longer than a reading may be old', async () => {
    const { deps, order } = slowClaim(limits.recheckAgeMaxMs + 1, promote);
    expect(await world.ask(key, { deps })).toMatchObject({ outcome: 'CONTESTED' });
    expect(order).toEqual(['read', 'claim begins', 'read', 'claim ends', 'read']);
    expect(await live()).toEqual(['1']);
  });

  test('of a run that lost the claim has ended before its next attempt', async () => {
    let reading = 0;
    let writes = 0;
    const deps = withCalls(world.deps, {
      registry: {
        read: async (next) => {
          reading += 1;
          const answer = await next();
          for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
          reading -= 1;
          return answer;
        },
      },
      store: {
        read: async (next) => {
          expect(reading).toBeLessThanOrEqual(1);
          return await next();
        },
        write: async (next) => {
          writes += 1;
          return writes === 1 ? 'conflict' : await next();
        },
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
    expect(reading).toBe(0);
  });
});

describe('a registry that fails after the claim', () => {
  const failingAt = (call: number, error: Error) => {
    let reads = 0;
    return withCalls(world.deps, {
      registry: {
        read: (next) => {
          reads += 1;
          return reads === call ? Promise.reject(error) : next();
        },
      },
    });
  };

  test('at the recheck, for now: the claim is let go at once', async () => {
    const deps = failingAt(2, new RegistryUnavailableError('down'));
    await expect(world.ask(key, { deps })).rejects.toThrow('down');
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
  });

  test('at the recheck, for good: FAILED', async () => {
    const deps = failingAt(2, new RegistryRefusedError('401'));
    await expect(world.ask(key, { deps })).rejects.toThrow('401');
    expect((await history())[0]?.progress).toMatchObject({ status: 'FAILED' });
  });

  test.each([new RegistryUnavailableError('down'), new RegistryRefusedError('401')])(
    'at the read-back: left to a retry, which finds the move (%s)',
    async (error) => {
      const deps = failingAt(3, error);
      await expect(world.ask(key, { deps })).rejects.toThrow(error.message);
      expect(await live()).toEqual(['2']);
      world.clock.advance(60_000);
      expect(await world.ask(key)).toMatchObject({ rolled_back: true, replayed: false });
      expect((await state())?.rollbackCount).toBe(1);
    },
  );
});

describe('a store that fails', () => {
  test('after the claim was written: the owner token tells', async () => {
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          writes += 1;
          const result = await next();
          if (writes === 1) throw new StateStoreUnavailableError('lost');
          return result;
        },
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
  });

  test('before the claim was written: nothing is moved', async () => {
    const deps = withCalls(world.deps, {
      store: { write: () => Promise.reject(new StateStoreUnavailableError('down')) },
    });
    await expect(world.ask(key, { deps })).rejects.toThrow(StateStoreUnavailableError);
    expect(await live()).toEqual(['3']);
  });

  test('at the commit: tried again, since the registry is changed by now', async () => {
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          writes += 1;
          if (writes === 2 || writes === 3) throw new StateStoreUnavailableError('throttled');
          return await next();
        },
      },
    });
    const startedMs = world.clock.nowMs();
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
    // The cooldown counts from the try that was written.
    expect((await state())?.lastCommit?.atMs).toBe(startedMs + 2 * limits.commitBackoffMs);
  });

  test('at the commit for good: a retry finishes it after the lease', async () => {
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: (next) => {
          writes += 1;
          return writes > 1 ? Promise.reject(new StateStoreUnavailableError('down')) : next();
        },
      },
    });
    await expect(world.ask(key, { deps })).rejects.toThrow(StateStoreUnavailableError);
    expect(await live()).toEqual(['2']);
    world.clock.advance(121_000);
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
    expect((await history()).map((record) => record.progress.status)).toEqual(['ROLLED_BACK']);
  });

  test('at the commit by an operator verb in between: both changes stand', async () => {
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          writes += 1;
          if (writes === 2) {
            const before = await state();
            if (before === undefined) throw new Error('no state');
            const touched = { ...before, revision: before.revision + 1, rollbackCount: 41 };
            await world.store.write({ state: touched }, world.deadline());
          }
          return await next();
        },
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
    expect((await state())?.rollbackCount).toBe(42);
  });

  test('at the commit by a throttled store: the live log has the time of the reading', async () => {
    const readAtMs = world.clock.nowMs();
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          writes += 1;
          if (writes !== 2) return await next();
          world.clock.advance(20_000);
          throw new StateStoreUnavailableError('throttled');
        },
      },
    });
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
    const now = await state();
    expect(now?.lastCommit?.atMs).toBeGreaterThanOrEqual(readAtMs + 20_000);
    expect(now?.liveHistory.at(-1)).toMatchObject({ how: 'made', atMs: readAtMs });
  });
});

describe('resume', () => {
  /** Runs until the given write, then is killed: nothing after it happens. */
  const killedAtWrite = async (at: number): Promise<void> => {
    let writes = 0;
    const dead = () => new Promise<never>(() => undefined);
    const deps = withCalls(world.deps, {
      store: {
        write: (next) => {
          writes += 1;
          return writes >= at ? dead() : next();
        },
      },
    });
    const run = world.ask(key, { deps });
    run.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  };

  test('finishes a run that died after its move', async () => {
    await killedAtWrite(2);
    expect(await live()).toEqual(['2']);
    await expect(world.ask(key)).rejects.toThrow(RollbackInProgressError);
    world.clock.advance(121_000);
    const moveAgain = () => Promise.reject(new Error('moved twice'));
    const deps = withCalls(world.deps, { registry: { movePointer: moveAgain } });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false, notified: true });
    expect((await state())?.rollbackCount).toBe(1);
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('another request finishes it first, then meets the cooldown', async () => {
    await killedAtWrite(2);
    world.clock.advance(121_000);
    const answer = await world.ask({ ...key, request_id: 'other' });
    expect(answer).toMatchObject({ outcome: 'REFUSED', from_version: '2' });
    expect(world.notifier.sent.map((notice) => notice.subject)).toEqual([
      'Model Rollback: m',
      'Model Rollback refused: m',
    ]);
  });

  const diedBeforeMove = async (): Promise<void> => {
    const deps = withCalls(world.deps, {
      registry: { movePointer: () => new Promise<never>(() => undefined) },
    });
    world.ask(key, { deps }).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  };

  test('moves when the pointer was not moved yet', async () => {
    await diedBeforeMove();
    expect(await live()).toEqual(['3']);
    world.clock.advance(121_000);
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
    expect(await live()).toEqual(['2']);
  });

  test('fails a claim that is too old to act on', async () => {
    await diedBeforeMove();
    world.clock.advance(limits.staleClaimMs + 1);
    expect(await world.ask(key)).toMatchObject({
      outcome: 'FAILED',
      message: expect.stringContaining('not continued'),
    });
    expect(await live()).toEqual(['3']);
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
  });

  test('is contested when the pointer was touched meanwhile', async () => {
    await diedBeforeMove();
    world.registry.transition('m', '1', 'Production', true);
    world.clock.advance(1);
    world.registry.transition('m', '3', 'Production', true);
    world.clock.advance(121_000);
    expect(await world.ask(key)).toMatchObject({ outcome: 'CONTESTED', live_versions: ['3'] });
    expect(await live()).toEqual(['3']);
  });

  test('keeps the claim when the registry refuses the look: the move may have happened', async () => {
    await killedAtWrite(2);
    world.clock.advance(121_000);
    const deps = withCalls(world.deps, {
      registry: { read: () => Promise.reject(new RegistryRefusedError('401')) },
    });
    await expect(world.ask(key, { deps })).rejects.toThrow('401');
    expect((await history())[0]?.progress.status).toBe('IN_PROGRESS');
    world.clock.advance(60_000);
    expect(await world.ask(key)).toMatchObject({ rolled_back: true });
  });

  test('leaves a run on another registry alone', async () => {
    await killedAtWrite(2);
    world.clock.advance(121_000);
    const registry = { ...withCalls(world.deps, {}).registry, address: 'http://other' };
    const deps = { ...world.deps, registry };
    await expect(world.ask(key, { deps })).rejects.toThrow('Use one state table per registry');
    expect((await history())[0]?.progress.status).toBe('IN_PROGRESS');
  });

  describe('of an earlier release, which names no workspace, is', () => {
    /** This release on the same registry, in a workspace. */
    const inWorkspace = (): typeof world.deps => {
      const { registry } = withCalls(world.deps, {});
      return {
        ...world.deps,
        registry: { ...registry, address: `${registry.address} (workspace team-a)` },
      };
    };

    test('finished where its move took effect', async () => {
      await killedAtWrite(2);
      world.clock.advance(121_000);
      const answer = await world.ask(key, { deps: inWorkspace() });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    });

    test.each([
      { before: killedAtWrite.bind(null, 2), outcome: 'ROLLED_BACK', what: 'settled' },
      { before: diedBeforeMove, outcome: 'FAILED', what: 'closed without a move' },
    ])(
      '$what by what the registry shows after 15 minutes: $outcome',
      async ({ before, outcome }) => {
        await before();
        const shown = await live();
        world.clock.advance(limits.staleClaimMs + 1);
        expect(await world.ask(key, { deps: inWorkspace() })).toMatchObject({ outcome });
        expect(await live()).toEqual(shown);
      },
    );

    test('not the reason for a warning about the address', async () => {
      await world.ask(key);
      const again = { ...key, request_id: 'again', overrides: ['COOLDOWN'] };
      expect((await world.ask(again, { deps: inWorkspace() })).warnings).not.toContainEqual(
        expect.objectContaining({ code: 'REGISTRY_ADDRESS_CHANGED' }),
      );
    });
  });

  test('an owner that wakes up after its deadline does nothing', async () => {
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          const result = await next();
          world.clock.advance(61_000);
          return result;
        },
      },
    });
    await expect(world.ask(key, { deps })).rejects.toThrow(RegistryUnavailableError);
    expect(await live()).toEqual(['3']);
  });
});

describe('the notice', () => {
  test('of a rollback in hand is waited for by a replay, not sent twice', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = {
      ...world.deps,
      notifiers: [
        {
          channel: 'recording',
          send: async (...args: Parameters<typeof world.notifier.send>) => {
            await held;
            return await world.notifier.send(...args);
          },
        },
      ],
    };
    const first = world.ask(key, { deps: slow });
    while ((await history())[0]?.progress.status !== 'ROLLED_BACK') await Promise.resolve();
    const replayed = world.ask(key);
    release();
    expect(await replayed).toMatchObject({ replayed: true, notified: true });
    await first;
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('is sent and marked while the registry is slow to take the tags', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const deps = withCalls(world.deps, {
      registry: {
        annotate: async (next) => {
          await held;
          return await next();
        },
      },
    });
    const answer = world.ask(key, { deps });
    const isMarked = async (): Promise<boolean> => {
      const [record] = await history();
      return record !== undefined && (await world.notice(record.id))?.content === null;
    };
    while (!(await isMarked())) await Promise.resolve();
    expect(world.notifier.sent).toHaveLength(1);
    release();
    expect(await answer).toMatchObject({ rolled_back: true, notified: true });
  });

  test('of a rollback whose sender died is sent by a replay when its lease is over', async () => {
    const deps = {
      ...world.deps,
      notifiers: [{ channel: 'recording', send: () => new Promise<never>(() => undefined) }],
    };
    world.ask(key, { deps }).catch(() => undefined);
    while ((await history())[0]?.progress.status !== 'ROLLED_BACK') await Promise.resolve();
    expect(await world.ask(key)).toMatchObject({ replayed: true, notified: true });
    expect(world.notifier.sent).toHaveLength(1);
  });
});

describe('what a retry must not do', () => {
  const open = { model_name: 'm' };
  const busyAtRecheck = () => {
    let reads = 0;
    return withCalls(world.deps, {
      registry: {
        read: (next) => {
          reads += 1;
          return reads === 2 ? Promise.reject(new RegistryUnavailableError('503')) : next();
        },
      },
    });
  };
  const promoteFix = (): void => {
    world.registry.register('m');
    world.clock.advance(1);
    world.registry.transition('m', '4', 'Production', true);
  };

  test('undo a promotion that came between the tries, without a key', async () => {
    await expect(world.ask(open, { deps: busyAtRecheck() })).rejects.toThrow('503');
    promoteFix();
    expect(await world.ask(open)).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4'] });
    expect(await live()).toEqual(['4']);
    // Nor when a sweep ended the first try before.
    expect(await world.ask(open)).toMatchObject({ outcome: 'CONTESTED', replayed: true });
    expect(await live()).toEqual(['4']);
  });

  test('go one version further back after a refused second try: the first may come late', async () => {
    let moves = 0;
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async () => {
          moves += 1;
          const error = new RegistryUnavailableError('503');
          return moves === 1
            ? { kind: 'unknown', error, isAnswered: true }
            : { kind: 'refused', error: new RegistryRefusedError('403') };
        },
      },
    });
    await expect(world.ask(key, { deps })).rejects.toThrow(RegistryUnavailableError);
    world.registry.transition('m', '2', 'Production', true);
    world.clock.advance(60_000);
    expect(await world.ask(key)).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
  });

  test('be told "no" for good by a read-back after a move that was sent', async () => {
    let reads = 0;
    const deps = withCalls(world.deps, {
      registry: {
        read: (next) => {
          reads += 1;
          return reads === 3 ? Promise.reject(new RegistryRefusedError('403')) : next();
        },
      },
    });
    const error = await world.ask(key, { deps }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RegistryUnavailableError);
    expect(String(error)).toContain('A move may have been sent');
  });
});

describe('a run that cannot be settled', () => {
  const cutOff = async (): Promise<void> => {
    const deps = withCalls(world.deps, {
      registry: { movePointer: () => new Promise<never>(() => undefined) },
    });
    world.ask(key, { deps }).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  };

  test('ends when its registered model is gone', async () => {
    await cutOff();
    world.clock.advance(121_000);
    const deps = withCalls(world.deps, {
      registry: { read: () => Promise.reject(new ModelNotFoundError('gone')) },
    });
    expect(await world.ask(key, { deps })).toMatchObject({
      outcome: 'CONTESTED',
      live_versions: [],
    });
    expect((await state())?.active).toBeNull();
  });

  test('ends when it is stale and the registry refuses to be read', async () => {
    await cutOff();
    const deps = withCalls(world.deps, {
      registry: { read: () => Promise.reject(new RegistryRefusedError('401')) },
    });
    world.clock.advance(121_000);
    await expect(world.ask(key, { deps })).rejects.toThrow('401');
    world.clock.advance(limits.staleClaimMs);
    expect(await world.ask(key, { deps })).toMatchObject({ outcome: 'CONTESTED' });
  });

  test('ends when it is stale and the registry is another one', async () => {
    await cutOff();
    world.clock.advance(limits.staleClaimMs + 1);
    const registry = { ...withCalls(world.deps, {}).registry, address: 'http://new' };
    const deps = { ...world.deps, registry };
    expect(await world.ask(key, { deps })).toMatchObject({
      outcome: 'CONTESTED',
      message: expect.stringContaining('began on the registry memory:'),
    });
  });
});

describe('an answer that must be true', () => {
  test('is not made of a state and a registry of different moments', async () => {
    let reads = 0;
    const deps = withCalls(world.deps, {
      store: {
        read: async (next) => {
          const view = await next();
          reads += 1;
          // Another request rolls back between this look at the state and the look at the registry.
          if (reads === 1) await world.ask(key);
          return view;
        },
      },
      registry: {
        read: async (next) => {
          while (reads === 0 || (await state())?.rollbackCount !== 1) await Promise.resolve();
          return await next();
        },
      },
    });
    const answer = await world.ask(
      { model_name: 'm', request_id: 'b', target_version: '2' },
      { deps },
    );
    expect(answer.outcome).toBe('ALREADY_LIVE');
    const refused = await world.ask({ model_name: 'm', request_id: 'c' });
    expect(refused.refusals.map((refusal) => refusal.code)).toEqual(['COOLDOWN']);
  });

  test('says that a description was edited, not that somebody moved the pointer', async () => {
    let reads = 0;
    const deps = withCalls(world.deps, {
      registry: {
        read: async (next) => {
          reads += 1;
          const snapshot = await next();
          if (reads !== 2) return snapshot;
          const touched = snapshot.live.map((row) => ({
            ...row,
            lastUpdatedAtMs: row.lastUpdatedAtMs + 5,
          }));
          return { ...snapshot, live: touched };
        },
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({
      outcome: 'CONTESTED',
      message: expect.stringContaining('was changed or deleted'),
    });
  });

  test('a refusal whose notice was not sent gives way to the next end of the key', async () => {
    await world.ask({ ...key, request_id: '0' });
    world.notifier.isBroken = true;
    await world.ask(key);
    world.notifier.isBroken = false;
    world.clock.advance(24 * hourMs);
    await world.ask(key);
    expect(world.notifier.sent.map((notice) => notice.subject)).toEqual([
      'Model Rollback: m',
      'Model Rollback: m',
    ]);
    expect(world.notifier.sent.at(-1)?.message.replaces).toBe(1);
  });

  test('does not claim what it has no time to do', async () => {
    const { request, warnings } = parseRequest(key);
    const call = { request, warnings, invocationId: 'i', deadline: world.deadline(2_000) };
    await expect(rollBack(world.deps, call)).rejects.toThrow('Too little time');
    expect(await history()).toEqual([]);
  });

  test('does not move what a person saw would not move', async () => {
    const { request, warnings } = parseRequest(key);
    const call = {
      request,
      warnings,
      invocationId: 'i',
      deadline: world.deadline(),
      confirmed: { kind: 'no-move' },
    } as const;
    await expect(rollBack(world.deps, call)).rejects.toThrow('moved nothing');
    expect(await live()).toEqual(['3']);
  });

  test('does not hold the past of a deleted model against a new one of its name', async () => {
    await world.ask(key);
    world.clock.advance(48 * hourMs);
    const row = { version: '3', createdAtMs: world.clock.nowMs() };
    const before = await state();
    expect(before && isQuarantined(before, { ...row, createdAtMs: 0 })).toBe(true);
    expect(before && isQuarantined(before, row)).toBe(false);
  });
});
