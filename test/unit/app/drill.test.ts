import { beforeEach, describe, expect, test } from 'vitest';
import { type DrillReport, type DrillStep, drill } from '../../../src/app/drill.ts';
import { runOperation } from '../../../src/app/run-operation.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { briefOf } from '../../../src/domain/answer/brief.ts';
import { RegistryRefusedError } from '../../../src/domain/errors.ts';
import { isDrillModel } from '../../../src/domain/registry/drill-model.ts';
import { parsePointer } from '../../../src/domain/registry/pointer.ts';
import { parseOperation } from '../../../src/domain/request/operation.ts';
import type { ScratchModels } from '../../../src/ports/scratch-models.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let names: string[];

beforeEach(() => {
  world = makeWorld();
  names = [];
});

/** What MLflow does. */
const scratchOn = (
  { registry, clock }: World,
  change: Partial<ScratchModels> = {},
): ScratchModels => ({
  createModel: async (name) => void names.push(name),
  createVersion: async (name) => {
    names.push(name);
    clock.advance(5);
    return registry.register(name);
  },
  archive: async (name, version, pointer) => {
    names.push(name);
    if (pointer.kind === 'stage') registry.transition(name, version, 'Archived', false);
    else registry.deleteAlias(name, pointer.alias);
  },
  close: () => undefined,
  ...change,
});
const run = async (
  pointer = 'stage:Production',
  scratch = scratchOn(world),
  isStopped: (steps: readonly DrillStep[]) => boolean = () => false,
): Promise<{ report: DrillReport; error: unknown; seen: readonly DrillStep[] }> => {
  const seen: DrillStep[] = [];
  const ended = await drill(
    world.deps,
    scratch,
    { pointer: parsePointer(pointer, 'pointer'), requestedBy: 'ana' },
    {
      startDeadline: () => world.deadline(),
      isStopped: () => isStopped(seen),
      onStep: (step) => void seen.push(step),
    },
  );
  return { ...ended, seen };
};

describe('drill', () => {
  test.each(['stage:Production', 'alias:champion'])(
    'takes the whole path of a rollback through %s, and leaves nothing live',
    async (pointer) => {
      const { report, seen } = await run(pointer);
      expect(report).toMatchObject({ pointer, result: 'passed', steps: seen });
      expect(seen.map(({ step, ok }) => `${step} ${ok}`)).toEqual([
        'create true',
        'promote true',
        'plan true',
        'roll back true',
        'notice true',
        'replay true',
        'pointer true',
        'archive true',
      ]);
      expect(isDrillModel(report.model_name)).toBe(true);
      const registry = world.registry.through(parsePointer(pointer, 'pointer'));
      const { live } = await registry.read(report.model_name);
      expect(live).toEqual([]);
      expect(report.left_behind).toHaveLength(2);
    },
  );

  test('touches its own model alone, also where others share the registry and the state', async () => {
    world.seed('m', ['Archived', 'Archived', 'Production']);
    await world.ask({ model_name: 'm' });
    const before = JSON.stringify([
      await world.registry.read('m'),
      (await world.store.read('m', null, world.deadline())).state,
    ]);
    const { report } = await run();
    expect(new Set(names)).toEqual(new Set([report.model_name]));
    const after = JSON.stringify([
      await world.registry.read('m'),
      (await world.store.read('m', null, world.deadline())).state,
    ]);
    expect(after).toBe(before);
    // Neither the cooldown nor the blast radius of others.
    expect((await world.store.read('m', null, world.deadline())).fleet?.slots ?? []).toEqual([]);
  });

  test('sends one notice, which says that it is a drill, also when the sweep sends it', async () => {
    world.notifier.isBroken = true;
    const { report, seen } = await run();
    expect(report.result).toBe('failed');
    expect(seen.at(-1)).toMatchObject({ step: 'notice', ok: false });
    expect(report.left_behind[0]).toContain('not archived: stage:Production may name a version');
    world.notifier.isBroken = false;
    world.clock.advance(3_600_000);
    await sweep(world.deps, world.deadline());
    const [notice, ...others] = world.notifier.sent;
    expect(others).toEqual([]);
    expect(notice?.subject).toBe(`Model Rollback drill: ${report.model_name}`);
    expect(notice?.message).toMatchObject({ triggered_by: 'drill by ana' });
    expect(notice?.message.text).toMatch(/^This is a drill: /);
    expect(notice && briefOf(notice)).toMatchObject({ event: 'Rollback Drill', level: 'test' });
  });

  test('leaves nothing for the sweep: it has checked the pointer itself', async () => {
    await run();
    const sent = world.notifier.sent.length;
    world.clock.advance(3_600_000);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({ due: 0, failed: [] });
    expect(world.notifier.sent).toHaveLength(sent);
  });

  test('says why it fails, and what is left', async () => {
    const denied = new RegistryRefusedError('This login may not create registered models.');
    const refused = scratchOn(world, {
      createModel: async () => {
        throw denied;
      },
    });
    const { report, error } = await run('stage:Production', refused);
    expect(error).toBe(denied);
    expect(report.steps).toMatchObject([{ step: 'create', ok: false, message: denied.message }]);
    expect(report.left_behind).toEqual([expect.stringContaining(', if it was created')]);
  });

  test('a refusal by a guard is shown as it is', async () => {
    const freeze = { operation: 'freeze', fleet: true, until: '4h', reason: 'change freeze' };
    const operation = parseOperation(freeze, world.clock.nowMs());
    await runOperation(world.deps, operation, world.deadline());
    const { report, seen } = await run();
    expect(seen.at(-1)).toMatchObject({ step: 'plan', ok: false });
    expect(seen.at(-1)?.message).toContain('frozen until');
    expect(report.rollback_id).toBeNull();
  });

  test.each([0, 1, 4])('stopped after %i steps it says what is left', async (count) => {
    const { report, error } = await run(
      'stage:Production',
      scratchOn(world),
      (steps) => steps.length === count,
    );
    expect([report.result, error]).toEqual(['interrupted', null]);
    expect(report.left_behind).toHaveLength(count === 0 ? 0 : count === 1 ? 1 : 2);
  });
});

describe('isDrillModel', () => {
  test.each([
    'model-rollback-drill-',
    'model-rollback-drill-x',
    'model-rollback-drill-0123456g',
    'm',
  ])('is false for %s', (name) => {
    expect(isDrillModel(name)).toBe(false);
  });
});
