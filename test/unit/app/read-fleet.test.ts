import { beforeEach, describe, expect, test } from 'vitest';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { type FleetReading, readFleet } from '../../../src/app/read-fleet.ts';
import { reportPromotion } from '../../../src/app/report-promotion.ts';
import { runOperation } from '../../../src/app/run-operation.ts';
import { fleetPage, leftOut } from '../../../src/cli/render/fleet-table.ts';
import { styleFor } from '../../../src/cli/render/style.ts';
import { widthOf } from '../../../src/cli/render/text-width.ts';
import { timesIn } from '../../../src/cli/render/times.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { StateCorruptError } from '../../../src/domain/errors.ts';
import { stagePointer } from '../../../src/domain/registry/pointer.ts';
import { parseOperation } from '../../../src/domain/request/operation.ts';
import { headPartOf, newHeadsItem } from '../../../src/domain/state/live-log.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const THREE = ['Archived', 'Archived', 'Production'];
let world: World;

beforeEach(() => {
  world = makeWorld();
});

const read = (): Promise<FleetReading> => readFleet(world.deps, undefined, world.deadline());
const needsOf = async (): Promise<Record<string, string[]>> => {
  const { models } = await read();
  return Object.fromEntries(
    models.map(({ modelName, needs }) => [modelName, needs.map(({ code }) => code)]),
  );
};
const rolledBack = async (...names: string[]): Promise<void> => {
  for (const name of names) {
    world.seed(name, THREE);
    await world.ask({ model_name: name });
  }
};
const operate = async (fields: object): Promise<void> => {
  const operation = parseOperation({ requested_by: 'ada', ...fields }, world.clock.nowMs());
  await runOperation(world.deps, operation, world.deadline());
};
/** Somebody promotes a version, and the sweep reads it later. */
const observed = async (model: string, version: string): Promise<void> => {
  world.clock.advance(60_000);
  const head = { version, atMs: world.clock.nowMs() };
  const part = newHeadsItem(headPartOf(model));
  const heads = { ...part, revision: 1, heads: { [model]: { 'stage:Production': head } } };
  await world.store.write({ heads }, world.deadline());
};

describe('readFleet', () => {
  test('names what a promotion made live after a rollback, as the pipeline reported it', async () => {
    await rolledBack('m');
    world.clock.advance(3_600_000);
    const version = world.registry.register('m');
    world.registry.transition('m', version, 'Production', true);
    const promotion = { modelName: 'm', version, replaced: null, pointer: stagePointer };
    await reportPromotion(world.deps, promotion, world.deadline());

    expect((await read()).models).toMatchObject([{ live: [version] }]);
    await observed('m', '2');
    expect((await read()).models).toMatchObject([{ live: ['2'] }]);
  });

  test('puts what needs a person first, the most urgent before the rest, then goes by name', async () => {
    await rolledBack('a-good', 'b-frozen', 'c-paused', 'd-contested', 'e-good', 'f-interrupted');
    await operate({ operation: 'freeze', model_name: 'b-frozen', until: '4h', reason: 'x' });
    await operate({ operation: 'pause', model_name: 'c-paused', reason: 'noisy' });
    const contest = async (name: string): Promise<void> => {
      world.clock.advance(48 * 3_600_000);
      const deps = withCalls(world.deps, {
        registry: {
          movePointer: async (call) => {
            const answer = await call();
            world.registry.transition(name, world.registry.register(name), 'Production', true);
            return answer;
          },
        },
      });
      await world.ask({ model_name: name, request_id: 'again' }, { deps });
    };
    await contest('d-contested');
    const state = (await world.store.read('f-interrupted', null, world.deadline())).state;
    if (state === undefined) throw new Error('no state');
    const active = { rollbackId: 'f-interrupted/0123456789abcdef', owner: 'x', leaseEndsAtMs: 1 };
    const change = { state: { ...state, active, revision: state.revision + 1 } };
    await world.store.write(change, world.deadline());

    // The freeze has ended meanwhile; a new one begins.
    await operate({ operation: 'freeze', model_name: 'b-frozen', until: '4h', reason: 'x' });
    expect(Object.entries(await needsOf())).toEqual([
      ['f-interrupted', ['RUN_INTERRUPTED']],
      ['d-contested', ['CONTESTED']],
      ['b-frozen', ['FROZEN']],
      ['c-paused', ['PAUSED']],
      ['a-good', []],
      ['e-good', []],
    ]);
  });

  test('names a version in quarantine that is live again, as the sweep read it', async () => {
    await rolledBack('m', 'n');
    await observed('m', '3');
    await observed('n', '2');
    expect(await needsOf()).toEqual({ m: ['LIVE_IS_QUARANTINED'], n: [] });
    const { models } = await read();
    expect(models.map(({ live }) => live)).toEqual([['3'], ['2']]);
  });

  test('does not take a reading from before the rollback for what is live', async () => {
    world.seed('m', THREE);
    await observed('m', '3');
    world.clock.advance(1);
    await world.ask({ model_name: 'm' });
    expect(await needsOf()).toEqual({ m: [] });
  });

  test('finds what waits for approval although something came after it', async () => {
    world = makeWorld({ alarms: { ...defaultAlarmSettings, mode: 'ask' } });
    world.seed('m', THREE);
    const payload = parseAlarmPayload(directAlarm({ model: 'm', atMs: world.clock.nowMs() }));
    if (payload === undefined) throw new Error('no alarm');
    const waiting = await handleAlarm(world.deps, payload, null, world.deadline());
    expect(waiting.outcome).toBe('AWAITING_APPROVAL');
    world.clock.advance(1_000);
    await world.ask({ model_name: 'm', expected_from_version: '9' });
    const { models } = await read();
    expect(models[0]?.latest.progress.status).toBe('REFUSED');
    expect(models[0]?.needs[0]?.message).toContain(`approve ${waiting.rollback_id}`);
    world.clock.advance(13 * 3_600_000);
    expect(await needsOf()).toEqual({ m: [] });
  });

  test('names a notice that no channel took, and the channel', async () => {
    world.notifier.isBroken = true;
    await rolledBack('m');
    const { models } = await read();
    expect(models[0]?.needs).toEqual([
      { code: 'NOTICE_NOT_SENT', message: expect.stringContaining('by recording since') },
    ]);
    expect(models[0]?.isNotified).toBe(false);
  });

  test('names what cannot be read, and goes on', async () => {
    await rolledBack('good', 'worn');
    const deps = withCalls(world.deps, {
      store: {
        read: (call, name) => {
          if (name === 'worn') throw new StateCorruptError('The stored item worn is worn.');
          return call();
        },
      },
    });
    const { models, unreadable } = await readFleet(deps, undefined, world.deadline());
    expect(models.map(({ modelName }) => modelName)).toEqual(['good', 'worn']);
    expect(unreadable.map(({ why }) => why)).toContain('The stored item worn is worn.');
  });

  test('says that the time was not enough', async () => {
    await rolledBack('m', 'n');
    let calls = 0;
    // The lists are read by then.
    const ending = { leftMs: () => (++calls > 4 ? 0 : 1_000) };
    const { models, gaps } = await readFleet(world.deps, undefined, ending);
    expect(models).toHaveLength(2);
    expect(gaps).toEqual([expect.stringContaining('the state of 2 models was not read')]);
  });
});

describe('fleetPage', () => {
  const style = styleFor(false);

  test.each([80, 120])(
    'fits %i columns, in a zone too, with names of 200 characters',
    async (columns) => {
      await rolledBack('m', 'x'.repeat(200), '株'.repeat(100));
      await operate({ operation: 'freeze', fleet: true, until: '4h', reason: 'change freeze' });
      await operate({
        operation: 'freeze',
        model_name: '株'.repeat(100),
        until: '4h',
        reason: 'r',
      });
      const times = timesIn('America/Argentina/Buenos_Aires');
      const view = { style: styleFor(false, times), columns, times, limit: 100 };
      const lines = fleetPage(await read(), view).split('\n');
      expect(lines[0]).toMatch(/^All models are frozen until /);
      expect(lines[1]).toBe('1 of 3 models needs you: 1 frozen.');
      const shown = lines
        .slice(1)
        .filter((line) => !line.includes('`model-rollback') && !/^\S{60}/.test(line));
      for (const line of shown) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
    },
  );

  test('says what it read and does not show', async () => {
    await rolledBack('a', 'b', 'c');
    await operate({ operation: 'pause', model_name: 'c', reason: 'noisy' });
    const reading = await read();
    const page = fleetPage(reading, { style, columns: null, times: style.times, limit: 1 });
    expect(page).toMatch(
      /^1 of 3 models needs you: 1 paused\.\n\nMODEL .*\nc .*\n\nc: .*resume c`\.$/s,
    );
    expect(leftOut(reading, 1)).toEqual([
      '2 more models are not shown; none of them need you. To see them, run `model-rollback status --limit 3`.',
    ]);
    const next = { atMs: 0, id: 'm/1' };
    expect(leftOut({ ...reading, next }, 9)).toEqual([
      expect.stringContaining('were not read. To see them, run `model-rollback status --before'),
    ]);
  });
});
