import { describe, expect, test } from 'vitest';
import { MemoryModelRegistry } from '../../../src/adapters/memory/memory-model-registry.ts';
import { systemClock } from '../../../src/adapters/system/system-clock.ts';
import { planFleet } from '../../../src/app/plan-fleet.ts';
import { InvalidRequestError, ModelNotFoundError } from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import { type FleetPlan, parseFleetRequest } from '../../../src/domain/request/fleet-request.ts';

const soon = { leftMs: () => 10_000 };

describe('planFleet', () => {
  const registryOf = (count: number, live: string): MemoryModelRegistry => {
    const registry = new MemoryModelRegistry(systemClock);
    for (let index = 0; index < count; index += 1) {
      const name = `model-${1_000 + index}`;
      registry.register(name, { stage: live });
      registry.tagModel(name, 'feature_set', 'v7');
    }
    return registry;
  };
  const plan = async (registry: MemoryModelRegistry, input: object): Promise<FleetPlan> =>
    await planFleet({ registry }, parseFleetRequest(input), soon);
  const tag = { key: 'feature_set', value: 'v7' };

  test('takes a list as it is, without asking the registry', async () => {
    const registry = registryOf(0, 'Production');
    registry.listByTag = () => expect.fail('asked');
    const { models } = await plan(registry, { models: ['b', 'a', 'b'] });
    expect(models).toEqual(['b', 'a']);
  });

  test('finds the models that have the tag', async () => {
    const registry = registryOf(3, 'Production');
    registry.register('other');
    expect(await plan(registry, { tag, reason: 'DRIFT_SEVERE' })).toMatchObject({
      models: ['model-1000', 'model-1001', 'model-1002'],
      reason: 'DRIFT_SEVERE',
      dry_run: false,
    });
  });

  test('finds the models whose live version has the tag', async () => {
    const registry = registryOf(2, 'Production');
    await registry.annotate('model-1001', '1', tag);
    const { models } = await plan(registry, { live_version_tag: tag });
    expect(models).toEqual(['model-1001']);
  });

  test('throws when the tag picks nothing', async () => {
    const registry = registryOf(3, 'None');
    const nothing = plan(registry, { tag: { key: 'feature_set', value: 'V7' } });
    await expect(nothing).rejects.toBeInstanceOf(ModelNotFoundError);
    await expect(nothing).rejects.toThrow(/No registered model .*"feature_set".*"V7"/);
    await expect(plan(registry, { live_version_tag: tag })).rejects.toThrow(/No live version/);
  });

  test('throws when the tag picks too many, and takes no part of them', async () => {
    const fits = registryOf(limits.fleetModelsMax, 'Production');
    expect((await plan(fits, { tag })).models).toHaveLength(limits.fleetModelsMax);
    const many = plan(registryOf(limits.fleetModelsMax + 1, 'Production'), { tag });
    await expect(many).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(many).rejects.toThrow(/picks more models than the 1000/);
  });
});
