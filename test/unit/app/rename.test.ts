/** State is kept by the name of a model; what a rollback left on its versions stays with them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { releaseVersion } from '../../../src/app/operate.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let clearsAt: string;

beforeEach(async () => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  const first = await world.ask({ model_name: 'm', reason: 'PERFORMANCE_DEGRADATION' });
  clearsAt = new Date(Date.parse(first.timestamp) + 24 * 3_600_000).toISOString();
  world.clock.advance(3_600_000);
});

describe('a registered model that was renamed after a rollback', () => {
  test('keeps its cooldown, which rests on the tags', async () => {
    world.registry.rename('m', 'n');
    const answer = await world.ask({ model_name: 'n' });
    expect(answer).toMatchObject({
      outcome: 'REFUSED',
      from_version: '2',
      refusals: [{ code: 'COOLDOWN', clears_at: clearsAt }],
    });
    expect(answer.message).toContain('known from the tag model_rollback.');
  });

  test('does not get the version back that it was rolled back from', async () => {
    // 4 replaces 2; the highest Archived version below it is the bad one.
    world.registry.register('m');
    world.registry.transition('m', '4', 'Production', true);
    world.registry.rename('m', 'n');
    const answer = await world.ask({ model_name: 'n', overrides: ['COOLDOWN'] });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '2' });
    expect(answer.plan?.rule).toBe('archived-below');
    expect(answer.plan?.candidates).toContainEqual(
      expect.objectContaining({
        version: '3',
        why: expect.stringMatching(/^in quarantine: .*, as its tag/),
      }),
    );
    const named = await world.ask({
      model_name: 'n',
      target_version: '3',
      overrides: ['COOLDOWN'],
      dry_run: true,
    });
    expect(named.refusals).toMatchObject([{ code: 'QUARANTINED' }]);
  });

  test('gets a version back that was released, whatever its tag says', async () => {
    world.registry.register('m');
    world.registry.transition('m', '4', 'Production', true);
    world.registry.rename('m', 'n');
    const released = { modelName: 'n', version: '3', registry: world.registry.address };
    await releaseVersion(world.deps, released, { by: 'ada', reason: null }, world.deadline());
    const answer = await world.ask({ model_name: 'n', overrides: ['COOLDOWN'] });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '3' });
  });
});

describe('somebody with another state store', () => {
  test('meets the cooldown and the quarantine of the first', async () => {
    const other = makeWorld();
    const deps = { ...other.deps, registry: world.registry, clock: world.clock };
    const again = await other.ask({ model_name: 'm' }, { deps });
    expect(again).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
    world.clock.advance(24 * 3_600_000);
    world.registry.register('m');
    world.registry.transition('m', '4', 'Production', true);
    world.registry.transition('m', '2', 'Staging', false);
    const later = await other.ask({ model_name: 'm' }, { deps });
    expect(later).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '1' });
  });
});
