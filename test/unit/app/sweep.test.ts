import { beforeEach, describe, expect, test } from 'vitest';
import { sweep } from '../../../src/app/sweep.ts';
import { responseOf } from '../../../src/domain/answer/response.ts';
import {
  ConfigurationError,
  RegistryRefusedError,
  RegistryUnavailableError,
  StateCorruptError,
} from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { Notice } from '../../../src/domain/record/notice-content.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, RecordingNotifier, type World } from '../../fakes/world.ts';

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
  reloads_retried: 0,
  models_observed: 0,
  changes_observed: 0,
  skipped: 0,
  failed: [],
  has_more: false,
};
let world: World;

const record = async () => (await world.records('m'))[0];
const noticeOfIt = async () => await world.notice((await record())?.id ?? '');
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
    // Two minutes after the commit: the pointer is due, the notice is not.
    expect(await run()).toEqual({ ...nothing, due: 1, pointers_checked: 1 });
    world.notifier.isBroken = false;
    world.clock.advance(2 * limits.noticeBackoffMs);
    expect(await run()).toMatchObject({ due: 1, notices_sent: 1 });
    expect(await noticeOfIt()).toMatchObject({ content: null, attempts: 4 });
  });

  test('never waits longer than an hour with a notice', async () => {
    world.notifier.isBroken = true;
    await world.ask(key);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await run();
      world.clock.advance(limits.noticeBackoffMaxMs);
    }
    expect(await noticeOfIt()).toMatchObject({ content: {}, attempts: 21 });
  });

  test('does not send a notice that its sender has in hand', async () => {
    const silent = { channel: 'recording', send: () => new Promise<never>(() => undefined) };
    const deps = { ...world.deps, notifiers: [silent] };
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
    const unreadable = () => Promise.reject(new StateCorruptError('item x, field y'));
    const deps = withCalls(world.deps, {
      store: {
        read: (next, _model, id) => (id === bad.rollback_id ? unreadable() : next()),
        readNotice: (next, id) => (id === bad.rollback_id ? unreadable() : next()),
      },
    });
    expect(await run(deps)).toMatchObject({
      due: 2,
      notices_sent: 1,
      failed: [{ rollback_id: bad.rollback_id, error: 'item x, field y' }],
    });
  });

  test('sends the notice of a record that cannot be read', async () => {
    world.notifier.isBroken = true;
    await world.ask(key);
    world.notifier.isBroken = false;
    world.clock.advance(limits.noticeDueMs);
    const deps = withCalls(world.deps, {
      store: { read: () => Promise.reject(new StateCorruptError('item x, field y')) },
    });
    expect(await run(deps)).toMatchObject({ notices_sent: 1 });
    expect(world.notifier.sent).toHaveLength(1);
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

  test('takes what is due page by page', async () => {
    world.notifier.isBroken = true;
    for (let index = 0; index <= limits.sweepPageRows; index += 1) {
      world.seed(`m${index}`, ['Archived', 'Production']);
      await world.ask({ model_name: `m${index}` });
    }
    world.notifier.isBroken = false;
    const due = limits.sweepPageRows + 1;
    expect(await run()).toMatchObject({ notices_sent: due, has_more: false });
    expect(world.notifier.sent).toHaveLength(due);
  });

  test('reads on past a whole page of records that fail for ever', async () => {
    const bad = new Set<string>();
    for (let index = 0; index <= limits.sweepPageRows; index += 1) {
      world.seed(`m${index}`, ['Archived', 'Production']);
      const answer = await world.ask({ model_name: `m${index}` });
      if (index < limits.sweepPageRows) bad.add(answer.rollback_id ?? '');
      world.clock.advance(1);
    }
    world.clock.advance(limits.pointerCheckMs);
    const deps = withCalls(world.deps, {
      store: {
        read: (next, _model, id) =>
          bad.has(id ?? '') ? Promise.reject(new StateCorruptError('unreadable')) : next(),
      },
    });
    const report = await run(deps);
    expect(report).toMatchObject({ due: bad.size + 1, pointers_checked: 1 });
    expect(new Set(report.failed.map((failure) => failure.rollback_id))).toEqual(bad);
  });

  test('leaves a channel that is down alone, and asks the others all the same', async () => {
    const models = Array.from({ length: 30 }, (_, index) => `m${index}`);
    world.notifier.isBroken = true;
    for (const model of models) {
      world.seed(model, ['Archived', 'Production']);
      await world.ask({ model_name: model });
    }
    world.notifier.isBroken = false;
    const down = new RecordingNotifier();
    down.isBroken = true;
    let tries = 0;
    const pager = {
      channel: 'pager',
      send: async (notice: Notice) => {
        tries += 1;
        return await down.send(notice);
      },
    };
    const deps = { ...world.deps, notifiers: [pager, world.notifier] };
    await run(deps);
    expect(world.notifier.sent).toHaveLength(models.length);
    expect(tries).toBeLessThan(limits.channelFailuresMax + limits.sweepConcurrency);
    down.isBroken = false;
    world.clock.advance(limits.noticeBackoffMaxMs);
    await run(deps);
    expect(down.sent).toHaveLength(models.length);
    expect(world.notifier.sent).toHaveLength(models.length);
  });

  test('is done with a notice when the channel that did not take it is removed', async () => {
    const gone = {
      channel: 'gone',
      send: async () => ({ kind: 'failed', message: '404' }) as const,
    };
    await world.ask(key, { deps: { ...world.deps, notifiers: [world.notifier, gone] } });
    expect(await noticeOfIt()).toMatchObject({ content: {}, channels: { gone: { attempts: 1 } } });
    expect(await run()).toMatchObject({ notices_sent: 1, failed: [] });
    expect(await noticeOfIt()).toMatchObject({ content: null });
    expect(world.notifier.sent).toHaveLength(1);
    expect(await run()).toEqual(nothing);
  });

  test('goes on past a bug in one record, and names it', async () => {
    world.seed('n', ['Archived', 'Production']);
    const bad = await world.ask(key);
    await world.ask({ model_name: 'n' });
    world.clock.advance(limits.pointerCheckMs);
    const deps = withCalls(world.deps, {
      registry: {
        read: (next, model) => (model === 'm' ? Promise.reject(new TypeError('a bug')) : next()),
      },
    });
    expect(await run(deps)).toMatchObject({
      pointers_checked: 1,
      failed: [{ rollback_id: bad.rollback_id, error: 'a bug' }],
    });
  });

  test('stops at its deadline and says that there is more', async () => {
    world.notifier.isBroken = true;
    for (const model of ['a', 'b', 'c', 'd', 'e', 'f']) {
      world.seed(model, ['Archived', 'Production']);
      await world.ask({ model_name: model });
    }
    const slow = {
      channel: 'recording',
      send: async () => {
        world.clock.advance(60_000);
        return { kind: 'sent' as const };
      },
    };
    const deps = { ...world.deps, notifiers: [slow] };
    expect(await run(deps)).toMatchObject({ has_more: true });
    expect(world.notifier.sent).toEqual([]);
  });
});

describe('a topic that takes nothing', () => {
  beforeEach(() => {
    world.notifier.isBroken = true;
  });

  test('keeps the check of the pointer from nothing', async () => {
    await world.ask(key);
    world.registry.transition('m', '3', 'Production', true);
    world.clock.advance(limits.pointerCheckMs);
    expect(await run()).toMatchObject({ pointers_checked: 1, pointers_differ: 1 });
    const id = (await record())?.id ?? '';
    expect(await world.notice(id, 'end')).toMatchObject({ content: {} });
    expect(await world.notice(id, 'pointer')).toMatchObject({ content: {} });
    world.notifier.isBroken = false;
    world.clock.advance(limits.noticeBackoffMaxMs);
    expect(await run()).toMatchObject({ notices_sent: 2 });
    expect(world.notifier.sent.map(({ subject }) => subject).toSorted()).toEqual([
      'Model Rollback pointer differs: m',
      'Model Rollback: m',
    ]);
  });

  test('keeps a key from no second attempt, and the next notice says what it replaces', async () => {
    const { registry } = world;
    const refusing = withCalls(world.deps, {
      registry: {
        movePointer: async () => ({ kind: 'refused', error: new RegistryRefusedError('403') }),
      },
    });
    await expect(world.ask(key, { deps: refusing })).rejects.toThrow('403');
    await expect(world.ask(key, { deps: refusing })).rejects.toThrow('403');
    expect(await world.ask(key)).toMatchObject({ rolled_back: true, notified: false });
    expect((await registry.read('m')).live.map(({ version }) => version)).toEqual(['2']);
    world.notifier.isBroken = false;
    world.clock.advance(limits.noticeDueMs);
    expect(await run()).toMatchObject({ notices_sent: 1 });
    expect(world.notifier.sent).toMatchObject([
      { subject: 'Model Rollback: m', message: { replaces: 2 } },
    ]);
    expect(world.notifier.sent[0]?.message.text).toContain('2 earlier notices');
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

  test.each([31_000, -31_000])(
    'of %d ms keeps a command from taking a run over',
    async (skewMs) => {
      await dieAfterMove();
      world.clock.advance(121_000);
      const before = await record();
      expect(await run(skewed(skewMs))).toMatchObject({
        resumed: 0,
        failed: [{ error: expect.stringMatching(/^The clock of this machine is 31 s/) }],
      });
      expect(await record()).toEqual(before);
      expect(await run(skewed(29_000))).toMatchObject({ resumed: 1, failed: [] });
    },
  );

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
