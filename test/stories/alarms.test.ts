import { describe, expect, test } from 'vitest';
import { approvedRequest } from '../../src/app/approve-rollback.ts';
import { type AlarmSettings, defaultAlarmSettings } from '../../src/domain/alarm/alarm-settings.ts';
import { alarmName, hourMs, minuteMs, model, type StoryWorld, storyWorld } from './story-world.ts';

/** Stories of other tools about alarms that acted, or did not. docs/reference/stories.md names each source. */

const seeded = (alarms: Partial<AlarmSettings> = {}): StoryWorld => {
  const world = storyWorld({ alarms: { ...defaultAlarmSettings, ...alarms } });
  world.seed(model, ['Archived', 'Archived', 'Production']);
  return world;
};
const refusedBy = (code: string): object => ({
  outcome: 'REFUSED',
  refusals: [expect.objectContaining({ code })],
});

describe('an alarm', () => {
  test('without data does not roll back', async () => {
    const world = seeded();
    for (const state of ['INSUFFICIENT_DATA', 'OK'] as const) {
      expect(await world.alarm({ state }, { state })).toMatchObject({ outcome: 'IGNORED' });
      world.clock.advance(minuteMs);
    }
    expect(await world.live()).toEqual(['3']);
    expect([await world.records(), world.subjects()]).toEqual([[], []]);
  });

  test('that was just made does not roll back by its first change of state', async () => {
    const world = seeded({ alarmAgeMinMs: 15 * minuteMs });
    const made = { configuredAtMs: world.clock.nowMs() };
    world.clock.advance(minuteMs);
    const first = await world.alarm({ previousState: 'INSUFFICIENT_DATA' }, made);
    expect(first).toMatchObject({ outcome: 'IGNORED' });
    expect(await world.live()).toEqual(['3']);
    // Its first change from OK is a real one.
    world.clock.advance(minuteMs);
    expect(await world.alarm({}, made)).toMatchObject({ outcome: 'ROLLED_BACK' });
  });

  test('does not roll back a version that was promoted after it went to ALARM', async () => {
    const world = seeded();
    const atMs = world.clock.nowMs();
    world.clock.advance(5 * minuteMs);
    const fix = world.promoteNext();
    expect(await world.alarm({ atMs })).toMatchObject(refusedBy('NOT_THE_CAUSE'));
    expect(await world.live()).toEqual([fix]);
  });

  test('acts on its next change, although it was in ALARM when the version was promoted', async () => {
    const world = seeded();
    const atMs = world.clock.nowMs();
    world.clock.advance(5 * minuteMs);
    const bad = world.promoteNext();
    expect(await world.alarm({ atMs })).toMatchObject(refusedBy('NOT_THE_CAUSE'));
    world.clock.advance(10 * minuteMs);
    const again = await world.alarm();
    expect(again).toMatchObject({ outcome: 'ROLLED_BACK', from_version: bad, to_version: '3' });
  });

  test('still in ALARM after its rollback does not go one version further back', async () => {
    const world = seeded();
    expect(await world.alarm()).toMatchObject({ from_version: '3', to_version: '2' });
    for (let sweeps = 0; sweeps < 4; sweeps += 1) {
      world.clock.advance(16 * minuteMs);
      await world.runSweep();
    }
    expect(await world.live()).toEqual(['2']);
    expect(world.subjects()).toEqual([
      `Model Rollback: ${model}`,
      `Model Rollback not recovered: ${model}`,
    ]);
    // Also when it changes to ALARM once more, until a person says that automation may go on.
    expect(await world.alarm()).toMatchObject(refusedBy('PAUSED'));
    expect(await world.live()).toEqual(['2']);
    await world.send({ operation: 'resume', model_name: model, requested_by: 'ana' });
    world.clock.advance(minuteMs);
    expect(await world.alarm()).toMatchObject({ from_version: '2', to_version: '1' });
  });

  test('that is delivered again and again rolls back once', async () => {
    const world = seeded();
    const atMs = world.clock.nowMs();
    for (let copy = 0; copy < 5; copy += 1) {
      const answer = await world.alarm({ atMs });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2', replayed: copy > 0 });
      world.clock.advance(copy * minuteMs);
    }
    expect(await world.live()).toEqual(['2']);
    expect(world.subjects()).toEqual([`Model Rollback: ${model}`]);
  });

  test('that a freeze refused rolls back when the freeze has ended', async () => {
    const world = seeded();
    const decision = { reason: 'feature store moves', requested_by: 'ana' };
    await world.send({ operation: 'freeze', model_name: model, until: '30m', ...decision });
    expect(await world.alarm()).toMatchObject(refusedBy('FROZEN'));
    world.clock.advance(29 * minuteMs);
    await world.runSweep();
    expect(await world.live()).toEqual(['3']);
    world.clock.advance(2 * minuteMs);
    await world.runSweep();
    expect(await world.live()).toEqual(['2']);
  });

  test('in mode ask waits for a person, for 12 hours and no longer', async () => {
    const world = seeded({ mode: 'ask' });
    const answer = await world.alarm();
    expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL', to_version: '2' });
    const [notice] = world.notifier.sent;
    expect(notice?.subject).toBe(`Model Rollback awaiting approval: ${model}`);
    expect(notice?.message.text).toContain('model-rollback approve');
    const mayApprove = async (): Promise<boolean> => {
      const [record] = await world.records(model);
      if (record === undefined) throw new Error('nothing is on record');
      const by = { overrides: [], requestedBy: 'ana' };
      try {
        return approvedRequest(record, by, world.clock.nowMs()).targetVersion === '2';
      } catch {
        return false;
      }
    };
    for (let hours = 1; hours <= 13; hours += 1) {
      world.clock.advance(hourMs);
      await world.runSweep();
      expect(await mayApprove()).toBe(hours <= 12);
    }
    expect(await world.live()).toEqual(['3']);
    expect(world.subjects().filter((one) => one.includes('approval'))).toHaveLength(1);
  });

  test('in mode observe records what it would have done, and moves nothing', async () => {
    const world = seeded({ mode: 'observe' });
    expect(await world.alarm()).toMatchObject({
      outcome: 'OBSERVED',
      rolled_back: false,
      from_version: '3',
      to_version: '2',
    });
    expect(await world.live()).toEqual(['3']);
    const [record] = await world.records(model);
    expect(record?.alarm?.transition.ref.name).toBe(alarmName);
  });

  test('that names no model moves nothing, and people are notified', async () => {
    const world = seeded();
    expect(await world.alarm({ model: null })).toMatchObject({
      outcome: 'FAILED',
      model_name: null,
      notified: true,
    });
    expect(world.subjects()).toEqual([`Model Rollback failed: ${alarmName}`]);
    expect(await world.live()).toEqual(['3']);
  });

  test('stops after three rollbacks of a model, until a person resumes it', async () => {
    const world = storyWorld();
    world.seed(model, ['Archived', 'Archived', 'Archived', 'Archived', 'Archived', 'Production']);
    const recovered = async (): Promise<void> => {
      await world.alarm({ state: 'OK', previousState: 'ALARM' }, { state: 'OK' });
      world.clock.advance(hourMs);
      await world.runSweep();
    };
    for (const to_version of ['5', '4', '3']) {
      expect(await world.alarm()).toMatchObject({ outcome: 'ROLLED_BACK', to_version });
      await recovered();
    }
    const fourth = await world.alarm();
    expect(fourth).toMatchObject(refusedBy('PAUSED'));
    expect(JSON.stringify(fourth)).toContain(`model-rollback resume ${model}`);
    await recovered();
    await world.send({ operation: 'resume', model_name: model, requested_by: 'ana' });
    expect(await world.alarm()).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
  });
});
