/** What registries hold in real life, on a real one: many versions, large tags, renames, aliases. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from '../engines/engines.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { runCommand } from './command.ts';
import { type Answer, answerIn } from './reply.ts';
import { type Ask, type FunctionWay, functionWay } from './ways.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

describe.skipIf(isEngineMissing)(suiteTitle('a registry'), () => {
  let world: World;
  let way: FunctionWay;

  beforeAll(async () => {
    world = await createWorld();
    way = functionWay(world);
  });

  afterAll(async () => {
    await way?.close();
  });

  const ask = async (model: string, fields: Omit<Ask, 'model_name'> = {}): Promise<Answer> =>
    answerIn(await way.ask({ model_name: model, ...fields }));
  const alarm = async (model: string): Promise<Answer> =>
    answerIn(await way.send(directAlarm({ model, name: uniqueName('alarm'), atMs: Date.now() })));
  const codes = ({ warnings }: Answer): string[] => warnings.map(({ code }) => code);
  const register = async (model: string, count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) await world.mlflow.createVersion(model);
  };
  const promote = async (model: string, version: string, archiveExisting: boolean) =>
    await world.mlflow.transition(model, version, 'Production', archiveExisting);

  describe('with two live versions and 99 between them', () => {
    // The API archives nothing by default.
    const twoLive = async (): Promise<string> => {
      const model = await world.model(['None']);
      await promote(model, '1', false);
      await register(model, 100);
      await promote(model, '101', false);
      return model;
    };

    test('the preview shows both, and the real run does what it shows', async () => {
      const model = await twoLive();
      const shown = await ask(model, { dry_run: true });
      const done = await ask(model);

      expect(shown).toMatchObject({
        from_version: '101',
        to_version: '1',
        live_versions: ['101', '1'],
      });
      expect(codes(shown)).toEqual(['SEVERAL_LIVE_VERSIONS']);
      expect(done).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '101', to_version: '1' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    });

    test('an alarm does the same', async () => {
      const model = await twoLive();
      expect(await alarm(model)).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
    });
  });

  test('with many versions since, what the live version displaced is found beside it', async () => {
    const model = await world.model(['Production']);
    await register(model, 120);
    // Never live; the highest Archived version below the live one.
    await world.mlflow.transition(model, '121', 'Archived', false);
    await register(model, 1);
    await promote(model, '122', true);
    await register(model, 110);

    const shown = await ask(model, { dry_run: true });

    expect(shown).toMatchObject({ from_version: '122', to_version: '1' });
    expect(shown.plan).toMatchObject({ rule: 'displaced', unread_below: null });
  });

  describe('whose model was renamed', () => {
    test('keeps cooldown and quarantine of what was rolled back before', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      await ask(model, { reason: 'PERFORMANCE_DEGRADATION' });
      await register(model, 1);
      await promote(model, '4', true);
      const name = `${model}-renamed`;
      await world.mlflow.rename(model, name);

      const refused = await ask(name);
      const done = await ask(name, { overrides: ['COOLDOWN'] });

      expect(refused).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
      expect(refused.message).toContain('known from the tag model_rollback.');
      // Version 3 is the highest Archived one, and carries our tag.
      expect(done).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '2' });
      expect(done.plan?.rule).toBe('archived-below');
    });

    test('takes the time that all versions share for no promotion', async () => {
      const model = await world.model(['Archived', 'None', 'Staging', 'Production']);
      const name = `${model}-renamed`;
      await world.mlflow.rename(model, name);

      const shown = await ask(name, { dry_run: true });

      expect(shown).toMatchObject({ to_version: '1', plan: { rule: 'archived-below' } });
    });
  });

  test('that somebody rolled back with a file on a laptop keeps the function from doing so again', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    const folder = mkdtempSync(join(tmpdir(), 'model-rollback-laptop-'));
    const laptop = world.env({
      ROLLBACK_STATE_TABLE: '',
      ALERT_SNS_TOPIC_ARN: '',
      ROLLBACK_STORE: `sqlite:${folder}/state.sqlite`,
    });
    const reason = ['--reason', 'PERFORMANCE_DEGRADATION'];
    const local = await runCommand(['apply', model, ...reason, '--yes'], laptop);
    rmSync(folder, { recursive: true });

    const refused = await ask(model);
    const back = await ask(model, { target_version: '3', overrides: ['COOLDOWN'] });

    expect(local).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('state  sqlite:') });
    expect(refused).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
    expect(back).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'QUARANTINED' }] });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('whose versions carry large tags is rolled back by every route', async () => {
    const model = await world.model(['Archived', 'Archived']);
    await register(model, 97);
    await promote(model, '2', true);
    await register(model, 1);
    await promote(model, '100', true);
    const versions = Array.from({ length: 100 }, (_, index) => String(index + 1));
    const notes = 'x'.repeat(Math.min(90_000, world.traits.tagValueMax));
    for (const version of versions) await world.mlflow.tagVersion(model, version, 'notes', notes);

    const shown = await ask(model, { dry_run: true });
    const done = await ask(model);
    const named = await ask(model, { target_version: '1', overrides: ['COOLDOWN'] });

    expect(shown).toMatchObject({ from_version: '100', to_version: '2' });
    expect(done).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    expect(named).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '1' });
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
  });

  describe('with aliases', () => {
    test('a move of the stage that leaves one behind says so everywhere', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      await world.mlflow.setAlias(model, 'champion', '3');
      await world.mlflow.setAlias(model, 'challenger', '3');

      const shown = await ask(model, { dry_run: true });
      const done = await ask(model);

      expect(codes(shown)).toEqual(['ALIAS_LEFT_BEHIND']);
      expect(done.rolled_back).toBe(true);
      expect(codes(done)).toEqual(['ALIAS_LEFT_BEHIND']);
      expect(done.warnings[0]?.message).toContain(
        `model-rollback apply ${model} --to 2 --pointer alias:champion`,
      );
      const [notice] = await world.notices(model);
      expect(notice?.message['warnings']).toMatchObject([{ code: 'ALIAS_LEFT_BEHIND' }]);
    });

    test('a stage that nobody uses is not moved, unless overridden', async () => {
      const model = await world.model(['None', 'None', 'None']);
      await world.mlflow.setAlias(model, 'champion', '3');
      const request = { target_version: '2' };

      const refused = await ask(model, request);
      const shown = await ask(model, { ...request, dry_run: true });
      expect(await world.mlflow.liveVersions(model)).toEqual([]);
      const done = await ask(model, { ...request, overrides: ['POINTER_UNUSED'] });

      for (const answer of [refused, shown]) {
        expect(answer.refusals).toMatchObject([{ code: 'POINTER_UNUSED', overridable: true }]);
        expect(answer.message).toContain('alias:champion names version 3');
      }
      expect(done).toMatchObject({ outcome: 'ROLLED_BACK', from_version: null, to_version: '2' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    });
  });
});
