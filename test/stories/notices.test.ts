import { describe, expect, test } from 'vitest';
import { RegistryRefusedError } from '../../src/domain/errors.ts';
import { withCalls } from '../fakes/intercept.ts';
import { alarmName, hourMs, minuteMs, model, type StoryWorld, storyWorld } from './story-world.ts';

/** Stories of other tools that kept silent, or could not say why. docs/reference/stories.md names each source. */

const seeded = (): StoryWorld => {
  const world = storyWorld({ cooldownMs: 24 * hourMs });
  world.seed(model, ['Archived', 'Archived', 'Production']);
  return world;
};

describe('people', () => {
  test('are notified of every end, also when nothing was rolled back', async () => {
    const world = seeded();
    const error = new RegistryRefusedError('The registry answered 403.');
    const refusing = withCalls(world.deps, {
      registry: { movePointer: async () => ({ kind: 'refused', error }) },
    });
    await expect(world.roll({ request_id: 'failed' }, refusing)).rejects.toBe(error);
    const ends = [
      (await world.roll({ request_id: 'done' })).outcome,
      (await world.roll({ request_id: 'refused' })).outcome,
    ];
    const overrides = ['COOLDOWN'];
    await world.roll({ request_id: 'further', overrides });
    ends.push((await world.roll({ request_id: 'no target', overrides })).outcome);
    expect(ends).toEqual(['ROLLED_BACK', 'REFUSED', 'NO_TARGET']);
    expect(world.subjects()).toEqual([
      `Model Rollback failed: ${model}`,
      `Model Rollback: ${model}`,
      `Model Rollback refused: ${model}`,
      `Model Rollback: ${model}`,
      `Model Rollback no target: ${model}`,
    ]);
    for (const { message } of world.notifier.sent) expect(message.text).not.toBe('');
  });

  test('get the notice later when it could not be sent, and nothing is done twice', async () => {
    const world = seeded();
    world.notifier.isBroken = true;
    const key = { request_id: 'incident' };
    expect(await world.roll(key)).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });
    world.clock.advance(hourMs);
    await world.runSweep();
    world.notifier.isBroken = false;
    world.clock.advance(hourMs);
    await world.runSweep();
    expect(world.subjects()).toEqual([`Model Rollback: ${model}`]);
    expect(await world.roll(key)).toMatchObject({ replayed: true, notified: true });
    expect(await world.live()).toEqual(['2']);
  });

  test('learn why: each version that was passed over, and the guard with its override', async () => {
    const world = seeded();
    const first = await world.roll();
    const preview = await world.roll({ dry_run: true });
    expect(preview.plan?.candidates).toEqual([
      expect.objectContaining({ version: '1', taken: true }),
      expect.objectContaining({ version: '3', why: expect.stringContaining('in quarantine') }),
    ]);
    const refused = await world.roll({ request_id: 'second' });
    expect(refused.refusals).toEqual([
      expect.objectContaining({
        code: 'COOLDOWN',
        overridable: true,
        message: expect.stringContaining(first.rollback_id ?? '?'),
      }),
    ]);
  });

  test('read who or what asked, from which version to which, and when', async () => {
    const world = seeded();
    await world.alarm();
    world.clock.advance(minuteMs);
    const asked = { requested_by: 'ana', overrides: ['COOLDOWN'], reason: 'TEST_FAILURE' };
    const answer = await world.roll(asked);
    const [byAlarm, byPerson] = world.notifier.sent;
    expect(byAlarm?.message).toMatchObject({
      triggered_by: alarmName,
      from_version: '3',
      to_version: '2',
    });
    expect(byPerson?.message).toMatchObject({
      triggered_by: 'ana',
      reason: 'TEST_FAILURE',
      from_version: '2',
      to_version: '1',
      timestamp: answer.timestamp,
    });
    // A guard that a person passed on purpose stays on record.
    expect(answer.warnings).toContainEqual(
      expect.objectContaining({ code: 'OVERRIDDEN_COOLDOWN' }),
    );
  });

  test('see in a preview what a real request would be refused for', async () => {
    const world = seeded();
    await world.roll();
    const preview = await world.roll({ dry_run: true });
    const real = await world.roll({ request_id: 'second' });
    expect(preview.plan?.verdict).toBe('REFUSED');
    expect(preview.refusals).toEqual(real.refusals);
    expect(real.refusals).toMatchObject([{ code: 'COOLDOWN', clears_at: expect.any(String) }]);
  });

  test('learn that another version is live than the rollback left', async () => {
    const world = seeded();
    await world.roll();
    // A reconciler puts its own version back, and reports success.
    world.registry.transition(model, '3', 'Production', true);
    world.clock.advance(3 * minuteMs);
    expect(await world.runSweep()).toMatchObject({ pointers_differ: 1 });
    expect(world.subjects().at(-1)).toBe(`Model Rollback pointer differs: ${model}`);
    expect(await world.live()).toEqual(['3']);
  });
});
