import { beforeEach, describe, expect, test } from 'vitest';
import { rollBack } from '../../../src/app/roll-back.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { type Undo, undoRequest } from '../../../src/app/undo.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { VersionNotFoundError } from '../../../src/domain/errors.ts';
import type { ModelPointer } from '../../../src/domain/registry/pointer.ts';
import { isQuarantined } from '../../../src/domain/state/quarantine.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let invocations = 0;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

const undo = async (what = 'm', more: Partial<Undo> = {}): Promise<RollbackResponse> => {
  const asked: Undo = { what, overrides: [], requestedBy: 'ada', ...more };
  const request = await undoRequest(world.deps, asked, world.deadline());
  invocations += 1;
  const invocationId = `undo ${invocations}`;
  return await rollBack(world.deps, {
    request,
    warnings: [],
    invocationId,
    deadline: world.deadline(),
  });
};
const roll = (fields: object = {}) => world.ask({ model_name: 'm', ...fields });
const live = async (): Promise<string[]> =>
  (await world.registry.read('m')).live.map((row) => row.version);
const state = async () => {
  const { state: found } = await world.store.read('m', null, world.deadline());
  if (found === undefined) throw new Error('no state');
  return found;
};
const isBad = async (version: string) => isQuarantined(await state(), { version, createdAtMs: 0 });

describe('undo', () => {
  test('brings back what the latest rollback of the model moved away from', async () => {
    const first = await roll({ reason: 'DRIFT_SEVERE' });
    const answer = await undo();
    expect(answer).toMatchObject({
      rolled_back: true,
      outcome: 'ROLLED_BACK',
      from_version: '2',
      to_version: '3',
      requested_by: 'ada',
      undoes: first.rollback_id,
      notified: true,
      refusals: [],
    });
    expect(await live()).toEqual(['3']);
  });

  test('is a record and a notice of its own, which say what they are', async () => {
    const first = await roll();
    const answer = await undo();
    expect(answer.rollback_id).not.toBe(first.rollback_id);
    expect(await world.records('m')).toHaveLength(2);
    const [rollback, undone] = world.notifier.sent;
    expect(rollback?.message.text).toContain(`model-rollback undo ${first.rollback_id}`);
    expect(rollback?.message.text).toContain('answers that were served meanwhile stay');
    expect(undone?.subject).toBe('Model Rollback undone: m');
    expect(undone?.message.text).toContain(`This undoes ${first.rollback_id}.`);
    expect(undone?.message.text).not.toContain('model-rollback undo');
  });

  test('releases the version, costs no budget, and the cooldown begins again', async () => {
    await roll();
    expect(await isBad('3')).toBe(true);
    await undo();
    expect(await isBad('3')).toBe(false);
    expect(await isBad('2')).toBe(false);
    expect((await state()).recentCommits).toHaveLength(1);
    expect(await roll({ request_id: 'next' })).toMatchObject({
      outcome: 'REFUSED',
      refusals: [{ code: 'COOLDOWN' }],
    });
  });

  test('leaves the quarantine of other rollbacks from the same version', async () => {
    const first = await roll();
    await undo();
    world.clock.advance(25 * 3_600_000);
    const second = await roll({ request_id: 'second' });
    expect(second).toMatchObject({ from_version: '3', to_version: '2' });
    const entry = (await state()).quarantine.find(({ version }) => version === '3');
    expect(entry).toMatchObject({ rollbackId: second.rollback_id });
    // The first one is undone, so it is no cause any more.
    expect(entry?.earlierRollbacks ?? []).toEqual([]);
    await undo();
    expect(await isBad('3')).toBe(false);
    expect(first.rollback_id).not.toBe(second.rollback_id);
  });

  test('tags the version that it brings back, and finds no fault with the other', async () => {
    const first = await roll();
    await undo();
    const snapshot = await world.registry.read('m');
    const marks = [...snapshot.live, ...snapshot.others].flatMap(({ version, marks: found = [] }) =>
      found.map(({ kind, rollbackId }) => [version, kind, rollbackId]),
    );
    expect(marks).toContainEqual(['3', 'model_rollback.rolled_back', first.rollback_id]);
    expect(marks.filter(([version]) => version === '2')).toEqual([
      ['2', 'model_rollback.restored', first.rollback_id],
    ]);
  });

  test('by two people at once is done once', async () => {
    await roll();
    const [one, two] = await Promise.allSettled([undo(), undo('m', { requestedBy: 'bob' })]);
    const answers = [one, two].flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    expect(answers.length).toBeGreaterThan(0);
    expect(await live()).toEqual(['3']);
    const records = await world.records('m');
    expect(records.filter(({ request }) => request.undoes !== undefined)).toHaveLength(1);
    expect(world.notifier.sent).toHaveLength(2);
  });

  test('of the same rollback again answers as before', async () => {
    const first = await roll();
    const answer = await undo();
    const again = await undo(first.rollback_id ?? '');
    expect(again).toMatchObject({ replayed: true, rollback_id: answer.rollback_id });
    expect(await live()).toEqual(['3']);
  });

  test('moves an alias too, by name', async () => {
    const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
    world.registry.setAlias('m', 'champion', '2');
    world.registry.setAlias('m', 'champion', '3');
    const pointer = 'alias:champion';
    const moved = await roll({ pointer, target_version: '2' });
    expect(moved).toMatchObject({ rolled_back: true, pointer });
    expect(await undo('m', { pointer })).toMatchObject({
      rolled_back: true,
      to_version: '3',
      pointer,
    });
    const registry = world.registry.through(champion);
    const snapshot = await registry.read('m');
    expect(snapshot.live.map(({ version }) => version)).toEqual(['3']);
  });

  test('passes a budget that the rollback used up, and an alarm does not', async () => {
    const budget = { commits: 1, windowMs: 3_600_000 };
    world = makeWorld({ alarms: { ...defaultAlarmSettings, budget } });
    world.seed('m', ['Archived', 'Archived', 'Production']);
    await roll();
    expect((await state()).pause?.why).toBe('budget');
    expect(await undo()).toMatchObject({ rolled_back: true });
  });
});

describe('undo is refused', () => {
  test('when the world has moved, and says what is live now', async () => {
    await roll();
    await world.registry.movePointer('m', '1');
    const answer = await undo();
    expect(answer).toMatchObject({
      rolled_back: false,
      refusals: [{ code: 'LIVE_VERSION_CHANGED' }],
    });
    expect(answer.message).toContain('it is 1');
    expect(await live()).toEqual(['1']);
  });

  test('while the model is moved to what it would bring back: nothing to do', async () => {
    await roll();
    await world.registry.movePointer('m', '3');
    expect(await undo()).toMatchObject({ outcome: 'ALREADY_LIVE' });
  });

  test.each([
    [
      'of a model that was never rolled back',
      'm',
      /No rollback of stage:Production of m is on record/,
    ],
    ['of an id that is not on record', 'm/0123456789abcdef', /There is no record of/],
  ])('%s', async (_, what, message) => {
    await expect(undo(what)).rejects.toThrow(message);
  });

  test('for an undo', async () => {
    await roll();
    const { rollback_id: id } = await undo();
    await expect(undo(id ?? '')).rejects.toThrow(
      /is itself an undo.*model-rollback apply m --to 3/s,
    );
    await expect(undo('m')).rejects.toThrow(/is itself an undo/);
  });

  test('for a rollback that another one followed, with the command for that one', async () => {
    const first = await roll();
    const second = await roll({
      request_id: 'second',
      overrides: ['COOLDOWN'],
      target_version: '1',
    });
    await expect(undo(first.rollback_id ?? '')).rejects.toThrow(
      new RegExp(`moved again.*from 2 to 1.*model-rollback undo ${second.rollback_id}`, 's'),
    );
  });

  test('for an end that moved nothing', async () => {
    await roll();
    const refused = await roll({ request_id: 'refused' });
    await expect(undo(refused.rollback_id ?? '')).rejects.toThrow(/moved nothing: it is REFUSED/);
  });

  test('when the version was deleted', async () => {
    await roll();
    world.registry.deleteVersion('m', '3');
    await expect(undo()).rejects.toThrow(VersionNotFoundError);
    expect(await live()).toEqual(['2']);
  });
});

describe('after an undo', () => {
  test('the rollback of an alarm is no longer checked for its effect', async () => {
    await roll();
    await undo();
    world.clock.advance(48 * 3_600_000);
    const report = await sweep(world.deps, world.deadline());
    expect(report.failed).toEqual([]);
    expect(world.notifier.sent).toHaveLength(2);
  });
});
