/** What alarms do where the pointer is an alias: act on what is on record, and ask a person about a guess. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directAlarm } from '../fakes/alarm-events.ts';
import { type AlarmWorld, ahead, createAlarmWorld, hourMs, minuteMs } from './alarm-world.ts';
import { type Answer, answerIn } from './reply.ts';
import { answerOf } from './ways.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

/** MiniStack's times are whole seconds: a promotion that was just reported seems younger than its alarm. */
const CHAMPION: Settings = { ROLLBACK_POINTER: 'alias:champion', ROLLBACK_CAUSE_CHECK: 'off' };
const STAGE: Settings = { ROLLBACK_POINTER: '' };

let world: AlarmWorld;
let model = '';

describe.skipIf(isEngineMissing)(suiteTitle('an alarm about an alias'), () => {
  beforeEach(async () => {
    world = await createAlarmWorld(CHAMPION);
    model = await world.model(['None', 'None', 'None']);
    await world.mlflow.setAlias(model, 'champion', '3');
  });
  afterEach(() => world?.close());

  const named = async (): Promise<string | undefined> =>
    (await world.mlflow.aliases(model))['champion'];
  const subjects = async (): Promise<readonly string[]> =>
    (await world.notices(model)).map(({ subject }) => subject);

  async function promoted(version: string, replaced: string): Promise<void> {
    await world.mlflow.setAlias(model, 'champion', version);
    const line = ['promoted', model, version, '--replaced', replaced];
    const { exitCode, stderr } = await world.command(line);
    if (exitCode !== 0) throw new Error(stderr);
  }

  /** An alarm that waits for a person, because its target is a guess. */
  async function waiting(): Promise<Answer> {
    const alarm = await world.alarm(model);
    const answer = await world.ask(directAlarm(alarm.red()));
    expect(answer).toMatchObject({
      rolled_back: false,
      outcome: 'AWAITING_APPROVAL',
      from_version: '3',
      to_version: '2',
      pointer: 'alias:champion',
      refusals: [],
      alarm: { automatic: true, watch: 'pending' },
    });
    expect(answer.warnings.map(({ code }) => code)).toContain('TARGET_IS_A_GUESS');
    expect(answer.message).toContain(`approve ${answer.rollback_id}`);
    expect(await named()).toBe('3');
    expect(await subjects()).toEqual([`Model Rollback awaiting approval: ${model}`]);
    return answer;
  }

  test('waits for a person when its target is a guess, who may approve it from any shell', async () => {
    const asked = await waiting();
    const id = asked.rollback_id ?? '';

    // This shell would move the stage by itself; what was shown is the alias.
    const approved = await world.command(['approve', id, '--yes', '--json'], STAGE);

    expect(approved).toMatchObject({ exitCode: 0 });
    expect(answerOf(approved.json)).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '2',
      pointer: 'alias:champion',
      alarm: { automatic: false },
    });
    expect(await named()).toBe('2');
    expect((await world.recorded(asked)).alarm?.watch).toBe('approved');
    expect(await world.mlflow.liveVersions(model)).toEqual([]);
    expect((await subjects()).at(-1)).toBe(`Model Rollback: ${model}`);
  });

  test('goes on waiting however often it is checked', async () => {
    const asked = await waiting();

    await world.sweep(ahead(2 * hourMs));

    expect(await named()).toBe('3');
    expect(await world.recorded(asked)).toMatchObject({ outcome: 'AWAITING_APPROVAL' });
    expect(await subjects()).toHaveLength(1);
  });

  test('acts by itself on what a reported promotion replaced', async () => {
    await promoted('3', '1');
    const alarm = await world.alarm(model);

    const answer = await world.ask(directAlarm(alarm.red()));

    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '1',
      pointer: 'alias:champion',
      plan: { rule: 'recorded' },
      warnings: [],
      alarm: { automatic: true, recovery: 'pending' },
    });
    expect(await named()).toBe('1');
    expect(await subjects()).toEqual([`Model Rollback: ${model}`]);
    // And says whether that helped.
    await alarm.set('OK');
    await world.sweep(ahead(16 * minuteMs));
    expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'recovered' });
  });

  test('acts by itself on what the alias of the previous version names', async () => {
    await world.mlflow.setAlias(model, 'champion-previous', '1');
    const alarm = await world.alarm(model);

    const answer = await world.ask(directAlarm(alarm.red()));

    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1', warnings: [] });
    expect(await named()).toBe('1');
  });

  test('waits for a person where the stage is set, and an alias names a version above', async () => {
    const staged = await world.model(['Archived', 'Production', 'None']);
    await world.mlflow.setAlias(staged, 'champion', '3');
    const alarm = await world.alarm(staged);

    const answer = await world.ask(directAlarm(alarm.red()), STAGE);

    expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL', from_version: '2', refusals: [] });
    expect(answer.warnings.map(({ code }) => code)).toContain('POINTER_DOUBTFUL');
    expect(answer.message).toContain('alias:champion names version 3, above version 2');
    expect(await world.mlflow.liveVersions(staged)).toEqual(['2']);
    const approve = ['approve', answer.rollback_id ?? '', '--yes', '--json'];
    expect(await world.command(approve, STAGE)).toMatchObject({ exitCode: 0 });
    expect(await world.mlflow.liveVersions(staged)).toEqual(['1']);
  });

  test('waits for the cooldown after a rollback of another pointer of the model', async () => {
    const staged = await world.model(['Archived', 'Production', 'None']);
    await world.mlflow.setAlias(staged, 'champion', '3');
    await world.mlflow.setAlias(staged, 'champion-previous', '1');
    const request = { model_name: staged, pointer: 'stage:Production' };
    answerIn(await world.way.ask(request));

    const alarm = await world.alarm(staged);
    const answer = await world.ask(directAlarm(alarm.red()));

    expect(answer).toMatchObject({ outcome: 'REFUSED', from_version: '3', to_version: '1' });
    expect(answer.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
    expect(await world.mlflow.aliases(staged)).toMatchObject({ champion: '3' });
  });

  test('that waits is closed when somebody moves the alias', async () => {
    const asked = await waiting();
    await world.mlflow.setAlias(model, 'champion', '1');

    await world.sweep(ahead(2 * hourMs));

    expect((await world.recorded(asked)).alarm).toMatchObject({ watch: 'pointer-moved' });
    const late = await world.command(['approve', asked.rollback_id ?? '', '--yes', '--json']);
    expect(late.exitCode).toBe(2);
    expect(await named()).toBe('1');
  });

  test('that was refused is closed when another pointer is configured since', async () => {
    answerIn(await world.way.ask({ model_name: model, target_version: '2' }));
    const alarm = await world.alarm(model);
    const refused = await world.ask(directAlarm(alarm.red()));
    expect(refused.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);

    await world.sweep({ ...STAGE, ...ahead(61 * minuteMs) });

    expect((await world.recorded(refused)).alarm).toMatchObject({ watch: 'pointer-changed' });
    expect((await subjects()).at(-1)).toBe(`Model Rollback alarm closed: ${model}`);
    expect(await named()).toBe('2');
  });

  test('is refused where the alias is not set', async () => {
    const unset = await world.model(['None', 'None']);
    const alarm = await world.alarm(unset);

    const answer = await world.ask(directAlarm(alarm.red()));

    expect(answer).toMatchObject({ outcome: 'REFUSED', from_version: null });
    expect(answer.refusals.map(({ code }) => code)).toEqual(['NO_LIVE_VERSION']);
    expect(await world.mlflow.aliases(unset)).toEqual({});
  });
});
