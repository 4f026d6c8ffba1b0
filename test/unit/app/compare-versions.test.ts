import { describe, expect, test } from 'vitest';
import { compareVersions } from '../../../src/app/compare-versions.ts';
import { makeWorld } from '../../fakes/world.ts';

describe('compareVersions', () => {
  test('names why the versions cannot be read, and throws nothing', async () => {
    const world = makeWorld();
    world.seed('m', ['Archived', 'Production']);
    const versions = { from: '2', to: '7' };
    const comparison = await compareVersions(world.deps, 'm', versions, world.deadline());
    expect(comparison).toEqual({
      from_version: '2',
      to_version: '7',
      rows: [],
      unread: [expect.stringMatching(/^The two versions could not be compared: .*7/)],
    });
  });
});
