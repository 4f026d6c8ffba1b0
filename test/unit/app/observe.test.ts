/** Observing: what the pointers of the registry name, read again and again, and what follows from it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { noteAliasChange } from '../../../src/app/note-alias-change.ts';
import { reportPromotion } from '../../../src/app/report-promotion.ts';
import { sweep } from '../../../src/app/sweep.ts';
import type { SweepReport } from '../../../src/app/sweep-report.ts';
import { type LiveSpan, liveTimeline } from '../../../src/domain/answer/live-timeline.ts';
import {
  InvalidRequestError,
  RegistryUnavailableError,
  StateCorruptError,
} from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import { parseAliasChange } from '../../../src/domain/pointer/webhook.ts';
import { type ModelPointer, stagePointer } from '../../../src/domain/registry/pointer.ts';
import { next } from '../../../src/domain/revision.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
const preview = { model_name: 'm', dry_run: true };
let world: World;

/** Aliases, read every five minutes. */
function makeAliasWorld(observeMs = 5 * minuteMs): World {
  const made = makeWorld({ pointers: { default: champion, byModel: new Map() }, observeMs });
  made.seed('m', ['None', 'None', 'None', 'None']);
  made.registry.setAlias('m', 'champion', '1');
  return made;
}

beforeEach(() => {
  world = makeAliasWorld();
});

const runSweep = async (deps = world.deps): Promise<SweepReport> =>
  await sweep(deps, world.deadline());
const sweepLater = async (minutes = 5): Promise<SweepReport> => {
  world.clock.advance(minutes * minuteMs);
  return await runSweep();
};
const timeline = async (modelName = 'm'): Promise<readonly LiveSpan[]> =>
  liveTimeline((await world.store.listLive(modelName, world.deadline())).entries);
const spans = async (modelName = 'm'): Promise<string[]> =>
  (await timeline(modelName)).map(({ pointer, version, how }) => `${pointer} ${version} ${how}`);

describe('observing', () => {
  test('begins with a baseline, which says nothing about before', async () => {
    expect(await runSweep()).toMatchObject({ models_observed: 1, changes_observed: 0 });
    expect(await timeline()).toMatchObject([
      { version: '1', how: 'baseline', began_after: null, ended_by: null },
    ]);
    world.registry.setAlias('m', 'champion', '3');
    expect(await world.ask(preview)).toMatchObject({ plan: { rule: 'ready-below' } });
  });

  test('knows after one promotion what was live before, and between which readings it came', async () => {
    const first = world.clock.nowMs();
    await runSweep();
    world.registry.setAlias('m', 'champion', '3');
    expect(await sweepLater()).toMatchObject({ models_observed: 1, changes_observed: 1 });
    expect((await timeline())[0]).toMatchObject({
      version: '3',
      how: 'observed',
      began_after: new Date(first).toISOString(),
      began_by: new Date(first + 5 * minuteMs).toISOString(),
      has_gap: false,
    });
    const answer = await world.ask(preview);
    expect(answer).toMatchObject({ to_version: '1', plan: { rule: 'recorded' } });
    expect(answer.warnings).toEqual([]);
  });

  test('adds nothing for what repeats', async () => {
    await runSweep();
    for (let round = 1; round <= 3; round += 1) await sweepLater();
    expect(await spans()).toEqual(['alias:champion 1 baseline']);
    const { state } = await world.store.read('m', null, world.deadline());
    expect(state).toBeUndefined();
  });

  test('does not take a rollback of ours for a promotion', async () => {
    await runSweep();
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater();
    world.clock.advance(1);
    expect(await world.ask({ model_name: 'm' })).toMatchObject({ outcome: 'ROLLED_BACK' });
    expect(await sweepLater()).toMatchObject({ changes_observed: 0 });
    expect(await spans()).toEqual([
      'alias:champion 1 made',
      'alias:champion 3 observed',
      'alias:champion 1 baseline',
    ]);
  });

  test('counts from what was recorded since the reading before', async () => {
    await runSweep();
    world.clock.advance(minuteMs);
    await world.ask({ model_name: 'm', target_version: '2' });
    world.clock.advance(minuteMs);
    world.registry.setAlias('m', 'champion', '4');
    await sweepLater(3);
    const { state } = await world.store.read('m', null, world.deadline());
    const history = state?.pointers?.['alias:champion']?.liveHistory ?? [];
    expect(history.map(({ version, how }) => `${version} ${how}`)).toEqual([
      '1 seen',
      '2 made',
      '4 observed',
    ]);
    expect(history[2]?.notBeforeMs).toBe(history[1]?.atMs);
    expect(await world.ask(preview)).toMatchObject({ to_version: '2' });
  });

  test('does not take a reading that began before a move of ours for a change after it', async () => {
    await runSweep();
    world.clock.advance(5 * minuteMs);
    world.registry.setAlias('m', 'champion', '3');
    const { deps } = world;
    const late = Object.create(world.registry, {
      listPointers: {
        value: async (page: { from: string | null; rows: number }) => {
          const read = await world.registry.listPointers(page);
          world.clock.advance(1_000);
          await world.ask({ model_name: 'm', target_version: '1' });
          return read;
        },
      },
    });
    await runSweep({ ...deps, registry: late });
    const known = ['alias:champion 1 made', 'alias:champion 3 seen', 'alias:champion 1 baseline'];
    expect(await spans()).toEqual(known);
    expect(await sweepLater()).toMatchObject({ changes_observed: 0 });
    expect(await spans()).toEqual(known);
  });

  test('sees a move back to what was on record before its first reading', async () => {
    await world.ask({ model_name: 'm', target_version: '2' });
    world.clock.advance(minuteMs);
    world.registry.setAlias('m', 'champion', '4');
    await runSweep();
    world.registry.setAlias('m', 'champion', '2');
    expect(await sweepLater()).toMatchObject({ changes_observed: 1 });
    expect(await spans()).toEqual([
      'alias:champion 2 observed',
      'alias:champion 4 baseline',
      'alias:champion 2 made',
      'alias:champion 1 seen',
    ]);
  });

  test('is done once in the time that is set, by one sweep', async () => {
    await runSweep();
    expect(await sweepLater(4)).toMatchObject({ models_observed: 0 });
    world.clock.advance(minuteMs);
    const both = await Promise.all([runSweep(), runSweep()]);
    expect(both.map((report) => report.models_observed).toSorted()).toEqual([0, 1]);
  });

  test('is off with 0', async () => {
    world = makeAliasWorld(0);
    expect(await runSweep()).toMatchObject({ models_observed: 0 });
    expect(await spans()).toEqual([]);
  });

  test('leaves a model alone while a run holds it, and sees the change later', async () => {
    await runSweep();
    const registry = world.deps.registry.address;
    await hold(registry);
    world.registry.setAlias('m', 'champion', '3');
    expect(await sweepLater()).toMatchObject({ changes_observed: 0 });
    await letGo();
    expect(await sweepLater()).toMatchObject({ changes_observed: 1 });
    expect((await timeline())[0]?.began_after).toBe((await timeline())[1]?.began_by);
  });

  test('says so when others may have been live between two readings', async () => {
    await runSweep();
    world.registry.setAlias('m', 'champion', '2');
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater(16);
    expect((await timeline())[0]).toMatchObject({ version: '3', has_gap: true });
    const answer = await world.ask(preview);
    expect(answer).toMatchObject({ to_version: '1', plan: { rule: 'recorded-across-gap' } });
    expect(answer.warnings.map(({ code }) => code)).toEqual(['TARGET_IS_A_GUESS']);
    expect(answer.message).toContain('may have been live in between');
  });

  test('does not take a time without sweeps for its usual pace', async () => {
    await runSweep();
    await sweepLater(60);
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater(20);
    expect((await timeline())[0]).toMatchObject({ version: '3', has_gap: true });
  });

  test('takes the word of a promoter before its own across a gap', async () => {
    await runSweep();
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater(16);
    world.registry.setAlias('m', 'champion-previous', '2');
    expect(await world.ask(preview)).toMatchObject({
      to_version: '2',
      plan: { rule: 'previous-alias' },
    });
  });

  test('knows when an alias was deleted, and does not take another one for the one in use', async () => {
    await runSweep();
    world.registry.setAlias('m', 'other', '2');
    world.registry.deleteAlias('m', 'champion');
    const unknown = await world.ask(preview);
    expect(unknown.refusals.map(({ code }) => code)).toContain('POINTER_UNUSED');
    await sweepLater();
    expect((await timeline())[0]).toMatchObject({ version: null, how: 'observed' });
    const answer = await world.ask(preview);
    expect(answer.refusals.map(({ code }) => code)).toEqual(['NO_LIVE_VERSION']);
    const at = new Date(world.clock.nowMs()).toISOString();
    expect(answer.refusals[0]?.message).toContain(`named version 1, and nothing any more at ${at}`);
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater();
    expect(await world.ask(preview)).toMatchObject({ to_version: '1', plan: { rule: 'recorded' } });
  });

  test('does not use what it knows of an earlier model of the same name', async () => {
    world.registry.setAlias('m', 'champion', '2');
    await runSweep();
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater();
    // Deleted, and made anew: the same numbers are other versions.
    world.clock.advance(10 * minuteMs);
    world.registry.rename('m', 'gone');
    world.seed('m', ['None', 'None', 'None', 'None']);
    world.registry.setAlias('m', 'champion', '3');
    await runSweep();
    expect(await world.ask(preview)).toMatchObject({ plan: { rule: 'ready-below' } });
    expect(await spans('gone')).toEqual(['alias:champion 3 baseline']);
    // 3 was live of both: what is on record is about the earlier one.
    world.registry.setAlias('m', 'champion', '4');
    await sweepLater();
    expect(await world.ask(preview)).toMatchObject({ plan: { rule: 'ready-below' } });
    world.registry.register('m');
    world.registry.setAlias('m', 'champion', '5');
    await sweepLater();
    expect(await world.ask(preview)).toMatchObject({ to_version: '4', plan: { rule: 'recorded' } });
  });

  test('keeps what an alias of the version before named, and no state of it', async () => {
    world.registry.setAlias('m', 'champion-previous', '1');
    await runSweep();
    world.registry.setAlias('m', 'champion-previous', '2');
    expect(await sweepLater()).toMatchObject({ changes_observed: 1 });
    expect(await spans()).toEqual([
      'alias:champion-previous 2 observed',
      'alias:champion-previous 1 baseline',
      'alias:champion 1 baseline',
    ]);
    expect((await world.store.read('m', null, world.deadline())).state).toBeUndefined();
  });

  test('goes on from the reading before when the registry could not be read', async () => {
    const first = world.clock.nowMs();
    await runSweep();
    const down = withCalls(world.deps, {});
    const listPointers = async (): Promise<never> => {
      throw new RegistryUnavailableError('down');
    };
    world.clock.advance(5 * minuteMs);
    const report = await runSweep({ ...down, registry: { ...down.registry, listPointers } });
    expect(report).toMatchObject({ models_observed: 0, failed: [] });
    world.registry.setAlias('m', 'champion', '3');
    await sweepLater();
    expect((await timeline())[0]).toMatchObject({
      began_after: new Date(first).toISOString(),
      has_gap: false,
    });
  });

  test('goes on past a model whose state cannot be read', async () => {
    world.registry.register('a');
    world.registry.register('a');
    world.registry.setAlias('a', 'champion', '1');
    // The other one is on the next page.
    for (let index = 10; index < 10 + limits.pointerPageRows; index += 1) {
      world.registry.register(`b-${index}`);
    }
    await runSweep();
    world.registry.setAlias('a', 'champion', '2');
    world.registry.setAlias('m', 'champion', '3');
    world.clock.advance(5 * minuteMs);
    const broken = withCalls(world.deps, {
      store: {
        read: async (next, modelName) => {
          if (modelName === 'a') throw new StateCorruptError('cannot be read');
          return await next();
        },
      },
    });
    expect(await runSweep(broken)).toMatchObject({ changes_observed: 1 });
    expect((await spans())[0]).toBe('alias:champion 3 observed');
    // Nothing is lost of the other one.
    expect(await sweepLater()).toMatchObject({ changes_observed: 1 });
    expect((await spans('a'))[0]).toBe('alias:champion 2 observed');
  });

  test('reads many models in several sweeps, and those on record in each', async () => {
    world.registry.setAlias('m', 'champion', '3');
    await world.ask({ model_name: 'm', target_version: '2' });
    const count = limits.observePagesMax * limits.pointerPageRows + 30;
    for (let index = 0; index < count; index += 1) {
      const name = `a-${String(index).padStart(4, '0')}`;
      world.registry.register(name);
      world.registry.setAlias(name, 'champion', '1');
    }
    const perSweep = limits.observePagesMax * limits.pointerPageRows;
    expect(await runSweep()).toMatchObject({ models_observed: perSweep + 1 });
    // The rest comes with the next sweep, however soon.
    expect(await sweepLater(1)).toMatchObject({ models_observed: 31 });
    expect(await sweepLater(1)).toMatchObject({ models_observed: 0 });
    expect(await sweepLater(3)).toMatchObject({ models_observed: perSweep + 1 });
  });

  test('asks for fewer models at a time when an answer takes long', async () => {
    for (let index = 0; index < 40; index += 1) world.registry.register(`a-${index}`);
    const rows: number[] = [];
    const { deps } = world;
    const slow = Object.create(world.registry, {
      listPointers: {
        value: async (page: { from: string | null; rows: number }) => {
          rows.push(page.rows);
          world.clock.advance(limits.pointerPageSlowMs + 1);
          return await world.registry.listPointers(page);
        },
      },
    });
    await runSweep({ ...deps, registry: slow });
    expect(rows.slice(0, 4)).toEqual([20, 10, 5, 2]);
    // No longer than its time.
    expect(rows.length).toBeLessThanOrEqual(1 + limits.observeBudgetMs / limits.pointerPageSlowMs);
  });

  test('writes a stage as release 0.1.0 reads it', async () => {
    world = makeWorld({ observeMs: 5 * minuteMs });
    world.seed('m', ['Archived', 'None', 'Production']);
    expect(world.deps.registry.pointer).toEqual(stagePointer);
    await runSweep();
    world.registry.register('m');
    world.registry.transition('m', '4', 'Production', true);
    await sweepLater();
    expect(await spans()).toEqual(['stage:Production 4 observed', 'stage:Production 3 baseline']);
    const { state } = await world.store.read('m', null, world.deadline());
    expect(state?.liveHistory.map((entry) => Object.keys(entry))).toEqual([
      ['version', 'atMs', 'how'],
      ['version', 'atMs', 'how'],
    ]);
  });
});

describe('a promotion that is reported', () => {
  test('takes what was read shortly before for the version that it replaced', async () => {
    await runSweep();
    world.clock.advance(4 * minuteMs);
    world.registry.setAlias('m', 'champion', '3');
    const promotion = { modelName: 'm', version: '3', replaced: null, pointer: champion };
    await reportPromotion(world.deps, promotion, world.deadline());
    expect(await world.ask(preview)).toMatchObject({ to_version: '1', plan: { rule: 'recorded' } });
  });

  test('does not take what was read before a move of ours', async () => {
    world.registry.setAlias('m', 'champion', '3');
    await runSweep();
    world.clock.advance(minuteMs);
    await world.ask({ model_name: 'm', target_version: '2' });
    world.clock.advance(minuteMs);
    world.registry.setAlias('m', 'champion', '4');
    const promotion = { modelName: 'm', version: '4', replaced: null, pointer: champion };
    await reportPromotion(world.deps, promotion, world.deadline());
    expect(await world.ask(preview)).toMatchObject({ to_version: '2', plan: { rule: 'recorded' } });
  });

  test('does not take what was read long before', async () => {
    await runSweep();
    world.clock.advance(40 * minuteMs);
    world.registry.setAlias('m', 'champion', '3');
    const promotion = { modelName: 'm', version: '3', replaced: null, pointer: champion };
    await reportPromotion(world.deps, promotion, world.deadline());
    expect(await world.ask(preview)).toMatchObject({ plan: { rule: 'ready-below' } });
  });
});

describe('a webhook of MLflow', () => {
  const event = (change: object = {}, data: object = {}): object => ({
    entity: 'model_version_alias',
    action: 'created',
    timestamp: new Date(world.clock.nowMs()).toISOString(),
    data: { name: 'm', alias: 'champion', version: '3', ...data },
    ...change,
  });
  const deliver = async (body: object, id = 'delivery-1'): Promise<string> => {
    const change = parseAliasChange(body, id);
    return change === null
      ? 'no alias'
      : await noteAliasChange(world.deps, change, world.deadline());
  };

  test('says when an alias was set, to the moment', async () => {
    await runSweep();
    world.clock.advance(minuteMs);
    world.registry.setAlias('m', 'champion', '3');
    expect(await deliver(event())).toBe('noted');
    const at = new Date(world.clock.nowMs()).toISOString();
    expect((await timeline())[0]).toMatchObject({
      version: '3',
      how: 'webhook',
      began_after: at,
      began_by: at,
    });
    expect(await sweepLater()).toMatchObject({ changes_observed: 0 });
    expect(await world.ask(preview)).toMatchObject({ to_version: '1', plan: { rule: 'recorded' } });
  });

  test('changes nothing when it comes again, or repeats what is known', async () => {
    const body = event();
    expect(await deliver(body)).toBe('noted');
    expect(await deliver(body)).toBe('known');
    world.clock.advance(minuteMs);
    expect(await deliver(event(), 'delivery-2')).toBe('known');
    expect(await spans()).toEqual(['alias:champion 3 webhook']);
  });

  test('that comes late stands where it happened', async () => {
    const first = event({}, { version: '1' });
    world.clock.advance(minuteMs);
    const second = event({}, { version: '2' });
    world.clock.advance(minuteMs);
    const third = event({}, { version: '4' });
    for (const [index, body] of [third, first, second].entries()) {
      expect(await deliver(body, `delivery-${index}`)).toBe('noted');
    }
    expect((await timeline()).map(({ version }) => version)).toEqual(['4', '2', '1']);
    world.registry.setAlias('m', 'champion', '4');
    expect(await world.ask(preview)).toMatchObject({ to_version: '2', plan: { rule: 'recorded' } });
  });

  test('of a deleted alias says that it names nothing', async () => {
    await deliver(event());
    world.clock.advance(minuteMs);
    world.registry.deleteAlias('m', 'champion');
    const gone = event({ action: 'deleted', data: { name: 'm', alias: 'champion' } });
    expect(await deliver(gone, 'delivery-2')).toBe('noted');
    expect((await timeline())[0]).toMatchObject({ version: null });
    const answer = await world.ask(preview);
    expect(answer.refusals[0]?.message).toContain('named version 3, and nothing any more');
  });

  test.each([
    ['another event', { entity: 'model_version', action: 'created', data: { name: 'm' } }],
    ['an action of a later release', { entity: 'model_version_alias', action: 'updated' }],
  ])('about %s is none of an alias', async (_name, body) => {
    expect(parseAliasChange(body, 'd')).toBeNull();
  });

  test('about an alias that is no pointer of the model is ignored', async () => {
    expect(await deliver(event({}, { alias: 'challenger' }))).toBe('ignored');
    expect(await spans()).toEqual([]);
  });

  test.each([
    ['no object', 'text'],
    ['no entity', {}],
    ['no time', { entity: 'model_version_alias', action: 'created', timestamp: 'soon' }],
    ['no version', { ...{ entity: 'model_version_alias', action: 'created' }, data: {} }],
  ])('with %s is refused', (_name, body) => {
    expect(() => parseAliasChange(body, 'd')).toThrow(InvalidRequestError);
  });

  test('shows that a rollback replaced a promotion unseen, which is announced once', async () => {
    world.registry.setAlias('m', 'champion', '3');
    const plannedAtMs = world.clock.nowMs();
    const answer = await world.ask({ model_name: 'm', target_version: '2' });
    const rival = event({ timestamp: new Date(plannedAtMs).toISOString() }, { version: '4' });
    const ours = event({}, { version: '2' });
    await deliver(rival, 'delivery-1');
    await deliver(ours, 'delivery-2');
    world.notifier.sent.length = 0;

    world.clock.advance(3 * minuteMs);
    expect(await runSweep()).toMatchObject({ pointers_checked: 1, pointers_differ: 0 });

    const [record] = await world.records('m');
    expect(record?.warnings.map(({ code }) => code)).toContain('DISPLACED_NEWER');
    expect(world.notifier.sent.map(({ subject }) => subject)).toEqual([
      'Model Rollback replaced newer version: m',
    ]);
    expect(world.notifier.sent[0]?.message.text).toContain('alias:champion to version 4');
    expect(world.notifier.sent[0]?.message.rollback_id).toBe(answer.rollback_id);
    await sweepLater();
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('while a run holds the model goes into the log alone', async () => {
    await hold(world.deps.registry.address);
    expect(await deliver(event())).toBe('noted');
    expect(await spans()).toEqual(['alias:champion 3 webhook']);
    const { state } = await world.store.read('m', null, world.deadline());
    expect(state?.pointers).toBeUndefined();
  });
});

// ---------------------------------------------------------------------------------------------------

/** A run that is at work. */
async function hold(registry: string): Promise<void> {
  const active = {
    rollbackId: 'm/0123456789abcdef',
    owner: 'somebody',
    leaseEndsAtMs: world.clock.nowMs() + 3_600_000,
  };
  const { newModelState } = await import('../../../src/domain/state/model-state.ts');
  const state = next({ ...newModelState('m', registry), active });
  expect(await world.store.write({ state }, world.deadline())).toBe('written');
}

async function letGo(): Promise<void> {
  const { state } = await world.store.read('m', null, world.deadline());
  if (state === undefined) throw new Error('the model has a state');
  await world.store.write({ state: next({ ...state, active: null }) }, world.deadline());
}
