import { describe, expect, test } from 'vitest';
import { InvalidRequestError } from '../../src/domain/errors.ts';
import { model, storyWorld } from './story-world.ts';

/** Stories of other tools about the version that came back. docs/reference/stories.md names each source. */

describe('the version that comes back', () => {
  test('is the one that was live before, by one request that names none', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Archived', 'Production']);
    world.registry.register(model);
    const answer = await world.roll();
    expect(answer).toMatchObject({ rolled_back: true, from_version: '3', to_version: '2' });
    expect(await world.live()).toEqual(['2']);
  });

  test('ends as NO_TARGET and notifies people when every other version was rolled back', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Archived', 'Production']);
    expect(await world.roll()).toMatchObject({ to_version: '2' });
    expect(await world.roll({ request_id: 'second' })).toMatchObject({ to_version: '1' });
    const answer = await world.roll({ request_id: 'third' });
    expect(answer).toMatchObject({ outcome: 'NO_TARGET', rolled_back: false, notified: true });
    expect(await world.live()).toEqual(['1']);
    expect(world.subjects().at(-1)).toBe(`Model Rollback no target: ${model}`);
  });

  test('passes over the version that the live one replaced when it was rolled back before', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Production']);
    expect(await world.roll()).toMatchObject({ from_version: '2', to_version: '1' });
    // Somebody promotes the bad version again, then the next one.
    world.registry.transition(model, '2', 'Production', true);
    world.promoteNext();
    const answer = await world.roll({ request_id: 'again' });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '1' });
    expect(answer.plan?.candidates).toContainEqual(
      expect.objectContaining({ version: '2', why: expect.stringContaining('quarantine') }),
    );
  });

  test('never toggles: a second rollback does not bring back the version of the first', async () => {
    // The second rule would choose the version that was archived last.
    for (const targetRule of ['last-good', 'latest-archived'] as const) {
      const world = storyWorld({ targetRule });
      world.seed(model, ['Archived', 'Archived', 'Production']);
      expect(await world.roll()).toMatchObject({ from_version: '3', to_version: '2' });
      const second = await world.roll({ request_id: 'second' });
      expect(second).toMatchObject({ from_version: '2', to_version: '1' });
      expect(await world.live()).toEqual(['1']);
    }
  });

  test('goes back to what was live before, after a rollback and a new promotion', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Archived', 'Production']);
    await world.roll();
    expect(world.promoteNext()).toBe('4');
    const answer = await world.roll({ request_id: 'after the promotion' });
    expect(answer).toMatchObject({ from_version: '4', to_version: '2' });
  });

  test('orders versions as numbers past 9, 99 and 255', async () => {
    for (const live of [10, 100, 256]) {
      const world = storyWorld();
      for (let version = 1; version < live; version += 1) {
        world.registry.register(model, { stage: 'Archived' });
        world.clock.advance(1);
      }
      world.registry.register(model, { stage: 'Production' });
      expect(await world.roll()).toMatchObject({ to_version: String(live - 1) });
    }
  });

  test('passes over a version that was deleted since, and takes the next one', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Archived', 'Production']);
    world.registry.deleteVersion(model, '2');
    expect(await world.roll()).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
    expect(await world.live()).toEqual(['1']);
  });

  test('passes over a version whose registration failed', async () => {
    const world = storyWorld();
    for (const status of ['READY', 'FAILED_REGISTRATION', 'PENDING_REGISTRATION']) {
      world.registry.register(model, { stage: 'Archived', status });
      world.clock.advance(1);
    }
    world.registry.register(model, { stage: 'Production' });
    expect(await world.roll()).toMatchObject({ from_version: '4', to_version: '1' });
  });

  test('prefers the version that was live to a higher one that never was', async () => {
    const world = storyWorld();
    world.seed(model, ['Production']);
    const experiment = world.registry.register(model);
    world.registry.transition(model, experiment, 'Staging', false);
    world.registry.transition(model, experiment, 'Archived', false);
    world.clock.advance(1);
    expect(world.promoteNext()).toBe('3');
    const answer = await world.roll();
    expect(answer).toMatchObject({ to_version: '1' });
    expect(answer.plan?.candidates).toContainEqual(expect.objectContaining({ version: '2' }));
  });

  test('answers ALREADY_LIVE and moves nothing when the target is the live version', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Production']);
    const before = await world.registry.read(model);
    for (const request_id of ['one', 'two']) {
      const answer = await world.roll({ target_version: '2', request_id });
      expect(answer).toMatchObject({ outcome: 'ALREADY_LIVE', rolled_back: false });
    }
    expect(await world.registry.read(model)).toEqual(before);
  });

  test('refuses a request about another version than the live one', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Production']);
    // A pipeline failed before it promoted version 3, and asks to undo that.
    const answer = await world.roll({ expected_from_version: '3', reason: 'TEST_FAILURE' });
    expect(answer).toMatchObject({
      outcome: 'REFUSED',
      refusals: [{ code: 'LIVE_VERSION_CHANGED', message: expect.stringContaining('it is 2') }],
    });
    expect(await world.live()).toEqual(['2']);
  });

  test('finds nothing to go back to for the first version of a model', async () => {
    const world = storyWorld();
    world.seed(model, ['Production']);
    expect(await world.roll({ dry_run: true })).toMatchObject({ plan: { verdict: 'NO_TARGET' } });
    expect(await world.roll()).toMatchObject({ outcome: 'NO_TARGET', notified: true });
    expect(await world.live()).toEqual(['1']);
  });

  test('refuses another spelling of the stage, and moves nothing', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Production']);
    for (const pointer of ['stage:production', 'Stage:Production', 'production']) {
      await expect(world.roll({ pointer })).rejects.toThrow(InvalidRequestError);
    }
    expect(await world.live()).toEqual(['2']);
    expect(await world.records()).toEqual([]);
  });
});
