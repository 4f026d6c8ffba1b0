import { describe, expect, test } from 'vitest';
import { RegistryUnavailableError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { registryAt } from '../contract/mlflow-place.ts';
import { withCalls } from '../fakes/intercept.ts';
import { hourMs, minuteMs, model, type StoryWorld, storyWorld } from './story-world.ts';

/** Stories of other tools that stopped half-way, or met somebody else. docs/reference/stories.md names each source. */

const seeded = (): StoryWorld => {
  const world = storyWorld({ cooldownMs: 24 * hourMs });
  world.seed(model, ['Archived', 'Archived', 'Production']);
  return world;
};

describe('a rollback', () => {
  test('leaves exactly one live version when nothing comes after its first write', async () => {
    const server = await startRegistryServer();
    try {
      server.seed(model, [
        { stage: 'Archived', lastUpdatedTimestamp: 9 },
        { stage: 'Production', lastUpdatedTimestamp: 9 },
      ]);
      let writes = 0;
      server.fault = ({ method }) => {
        if (method === 'GET') return undefined;
        writes += 1;
        return writes === 1 ? undefined : { kind: 'reset' };
      };
      const registry = registryAt(server.url);
      await registry.movePointer(model, '1', storyWorld().deadline()).catch(() => undefined);
      const { live } = await registry.read(model, [], storyWorld().deadline());
      expect(live.map(({ version }) => version)).toEqual(['1']);
      registry.close();
    } finally {
      await server.close();
    }
  });

  test('is one when five different requests come at the same moment', async () => {
    const world = seeded();
    const answers = await Promise.allSettled(
      ['a', 'b', 'c', 'd', 'e'].map((request_id) => world.roll({ request_id })),
    );
    const done = answers.filter(
      (one) => one.status === 'fulfilled' && one.value.outcome === 'ROLLED_BACK',
    );
    expect(done).toHaveLength(1);
    expect(await world.live()).toEqual(['2']);
    expect(world.subjects().filter((one) => one === `Model Rollback: ${model}`)).toHaveLength(1);
  });

  test('leaves a version alone that somebody promotes between its plan and its move', async () => {
    const world = seeded();
    let reads = 0;
    const deps = withCalls(world.deps, {
      registry: {
        read: async (next) => {
          reads += 1;
          if (reads === 2) {
            world.registry.register(model);
            world.clock.advance(1);
            world.registry.transition(model, '4', 'Production', true);
          }
          return await next();
        },
      },
    });
    const answer = await world.roll({}, deps);
    expect(answer).toMatchObject({
      outcome: 'CONTESTED',
      rolled_back: false,
      live_versions: ['4'],
    });
    expect(await world.live()).toEqual(['4']);
  });

  test('is not reported as done when the registry accepted the move and changed nothing', async () => {
    const world = seeded();
    const deps = withCalls(world.deps, {
      registry: { movePointer: async () => ({ kind: 'moved' }) },
    });
    const outcomes: string[] = [];
    for (let tries = 0; tries < 6; tries += 1) {
      const answer = await world.roll({ request_id: 'incident' }, deps).catch(() => null);
      if (answer !== null) outcomes.push(answer.outcome);
      world.clock.advance(5 * minuteMs);
    }
    expect(outcomes.at(-1)).toBe('FAILED');
    expect(outcomes).not.toContain('ROLLED_BACK');
    expect(world.subjects()).not.toContain(`Model Rollback: ${model}`);
    expect(await world.live()).toEqual(['3']);
  });

  test('that was cut off after its move is finished by the sweep, and announced', async () => {
    const world = seeded();
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          await next();
          return await new Promise<never>(() => undefined);
        },
      },
    });
    world.roll({ request_id: 'cut off' }, deps).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect([await world.live(), world.subjects()]).toEqual([['2'], []]);
    world.clock.advance(5 * minuteMs);
    expect(await world.runSweep()).toMatchObject({ resumed: 1, failed: [] });
    expect(world.subjects()).toEqual([`Model Rollback: ${model}`]);
    // And the cooldown holds for whoever comes next.
    const next = await world.roll({ request_id: 'the next one' });
    expect(next).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
  });

  test('moves nothing when it cannot be recorded', async () => {
    const world = seeded();
    const deps = withCalls(world.deps, {
      store: {
        write: async () => {
          throw new StateStoreUnavailableError('The table does not answer.');
        },
      },
    });
    await expect(world.roll({}, deps)).rejects.toThrow(StateStoreUnavailableError);
    expect(await world.live()).toEqual(['3']);
  });

  test('does not claim that nothing changed while its move may have taken effect', async () => {
    const world = seeded();
    let hasMoved = false;
    const lost = async (): Promise<never> => {
      throw new RegistryUnavailableError('The registry did not answer.');
    };
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          await next();
          hasMoved = true;
          return await lost();
        },
        read: async (next) => (hasMoved ? await lost() : await next()),
      },
    });
    await expect(world.roll({ request_id: 'incident' }, deps)).rejects.toMatchObject({
      isRetryable: true,
      message: expect.not.stringMatching(/nothing (was|has)|no changes/i),
    });
    world.clock.advance(5 * minuteMs);
    const retry = await world.roll({ request_id: 'incident' });
    expect(retry).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
  });
});
