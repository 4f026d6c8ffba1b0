/** What was live when, learnt from the registry alone: a sweep, a promotion, a sweep, and an alarm that acts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import type { LiveSpan } from '../../src/domain/answer/live-timeline.ts';
import { uniqueName } from '../engines/engines.ts';
import { MLflowAdmin, type Stage } from '../engines/mlflow-admin.ts';

import { type RunningEngine, startMlflow } from '../engines/start.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { type AlarmWorld, ahead, createAlarmWorld, minuteMs } from './alarm-world.ts';
import { answerIn } from './reply.ts';
import { isEngineMissing, suiteTitle } from './world.ts';

let mlflow: RunningEngine;
let admin: MLflowAdmin;
let world: AlarmWorld;
let model = '';

describe.skipIf(isEngineMissing)(suiteTitle('observing'), () => {
  beforeAll(async () => {
    mlflow = await startMlflow();
    admin = new MLflowAdmin(mlflow.url);
    world = await createAlarmWorld({
      MLFLOW_TRACKING_URI: mlflow.url,
      ROLLBACK_OBSERVE_MINUTES: '5',
      ROLLBACK_MODEL_POINTERS: '{"aliased*": "alias:champion"}',
    });
  });
  afterAll(async () => {
    await world?.close();
    await mlflow?.stop();
  });

  const seed = async (prefix: string, stages: readonly Stage[]): Promise<void> => {
    model = uniqueName(prefix);
    await admin.seedModel(model, stages);
  };
  const spans = async (): Promise<readonly LiveSpan[]> => {
    const { json, exitCode, stderr } = await world.command(['history', '--live', model, '--json']);
    if (exitCode !== 0) throw new Error(stderr);
    return json as LiveSpan[];
  };
  const observe = async (minutes: number): Promise<number> => {
    const answer = await world.ask({ sweep: true }, ahead(minutes * minuteMs));
    return (answer as unknown as SweepReport).changes_observed;
  };

  describe('an alias', () => {
    let minutes = 0;
    beforeEach(async () => {
      minutes += 60;
      await seed('aliased', ['None', 'None', 'None']);
      await admin.setAlias(model, 'champion', '1');
      await observe(minutes);
    });

    test('whose promotion was seen is rolled back by an alarm', async () => {
      await admin.setAlias(model, 'champion', '3');
      expect(await observe(minutes + 6)).toBe(1);
      expect(await spans()).toMatchObject([
        { pointer: 'alias:champion', version: '3', how: 'observed', has_gap: false },
        { pointer: 'alias:champion', version: '1', how: 'baseline', began_after: null },
      ]);
      const alarm = await world.alarm(model);
      const late = { ...alarm.red(), atMs: Date.now() + (minutes + 7) * minuteMs };

      const answer = await world.ask(directAlarm(late), ahead((minutes + 7) * minuteMs));

      expect(answer).toMatchObject({
        outcome: 'ROLLED_BACK',
        from_version: '3',
        to_version: '1',
        plan: { rule: 'recorded' },
        warnings: [],
      });
      expect((await admin.aliases(model))['champion']).toBe('1');
      const [made] = await spans();
      expect(made).toMatchObject({ version: '1', how: 'made', rollback_id: answer.rollback_id });
      // Our own move is nobody's promotion.
      expect(await observe(minutes + 14)).toBe(0);
    });

    test('whose promotion came after the alarm is left alone', async () => {
      const alarm = await world.alarm(model);
      await admin.setAlias(model, 'champion', '3');
      await observe(minutes + 6);
      const early = { ...alarm.red(), atMs: Date.now() + (minutes - 2) * minuteMs };

      const answer = await world.ask(directAlarm(early), ahead((minutes + 7) * minuteMs));

      expect(answer).toMatchObject({ outcome: 'REFUSED', from_version: '3' });
      expect(answer.refusals.map(({ code }) => code)).toEqual(['NOT_THE_CAUSE']);
      expect((await admin.aliases(model))['champion']).toBe('3');
    });

    test('that was not read for long needs a person', async () => {
      await admin.setAlias(model, 'champion', '3');
      expect(await observe(minutes + 20)).toBe(1);
      const alarm = await world.alarm(model);
      const late = { ...alarm.red(), atMs: Date.now() + (minutes + 21) * minuteMs };

      const answer = await world.ask(directAlarm(late), ahead((minutes + 21) * minuteMs));

      expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL', to_version: '1' });
      expect(answer.plan?.rule).toBe('recorded-across-gap');
    });

    test('that somebody deleted is shown with the time of it', async () => {
      await admin.deleteAlias(model, 'champion');
      await observe(minutes + 6);
      expect((await spans())[0]).toMatchObject({ version: null, how: 'observed' });

      const answer = answerIn(await world.way.ask({ model_name: model, dry_run: true }));

      expect(answer.refusals.map(({ code }) => code)).toEqual(['NO_LIVE_VERSION']);
      expect(answer.refusals[0]?.message).toContain('named version 1, and nothing any more');
    });
  });

  test('shows a stage, whose promotions MLflow dates itself', async () => {
    await seed('staged', ['Archived', 'Production', 'None']);
    await observe(600);
    await admin.transition(model, '3', 'Production', true);
    expect(await observe(606)).toBe(1);
    expect(await spans()).toMatchObject([
      { pointer: 'stage:Production', version: '3', how: 'observed' },
      { pointer: 'stage:Production', version: '2', how: 'baseline' },
    ]);
    const { stdout } = await world.command(['history', '--live', model]);
    expect(stdout).toContain('  two readings');
  });
});
