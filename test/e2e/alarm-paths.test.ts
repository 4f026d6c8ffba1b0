/**
 * What becomes of an alarm after its first answer: refused, deferred, waiting for a person, recovered or
 * not. The built function with its clock moved, and the built command for what people say.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deleteAlarms, tagAlarm } from '../engines/alarms.ts';
import { freePort } from '../engines/processes.ts';
import { directAlarm, eventBridgeAlarm } from '../fakes/alarm-events.ts';
import {
  type AlarmWorld,
  ahead,
  createAlarmWorld,
  hourMs,
  type LocalAlarm,
  minuteMs,
  total,
} from './alarm-world.ts';
import type { Answer } from './reply.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

const STAGES = ['Archived', 'Archived', 'Archived', 'Production'] as const;
/** A person's yes, past the cooldown. */
const approvalOf = ({ rollback_id }: Answer): string[] => [
  'approve',
  rollback_id ?? '',
  '--override',
  'COOLDOWN',
  '--yes',
  '--json',
];
/** A cooldown of 12 minutes. */
const SHORT: Settings = { ROLLBACK_COOLDOWN_HOURS: '0.2' };

/** Each test has a table of its own: a sweep takes whatever is due there. */
let world: AlarmWorld;
let model = '';

describe.skipIf(isEngineMissing)(suiteTitle('an alarm'), () => {
  beforeEach(async () => {
    world = await createAlarmWorld();
    model = await world.model(STAGES);
  });
  afterEach(() => world?.close());

  const live = (): Promise<readonly string[]> => world.mlflow.liveVersions(model);
  const subjects = async (): Promise<readonly string[]> =>
    (await world.published()).map(({ subject }) => subject);
  const nowhere = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;

  /** A first alarm rolls 4 back to 3; its alarm turns green. */
  async function earlierRollback(settings: Settings): Promise<Answer> {
    const earlier = await world.alarm(model);
    const answer = await world.ask(directAlarm(earlier.red()), settings);
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '3' });
    await earlier.set('OK');
    return answer;
  }

  /** Another alarm of the same model meets the cooldown. */
  async function refusedAlarm(
    settings: Settings = {},
  ): Promise<{ refused: Answer; alarm: LocalAlarm }> {
    const { timestamp } = await earlierRollback(settings);
    const alarm = await world.alarm(model);
    const refused = await world.ask(directAlarm(alarm.red()), settings);
    const hours = Number(settings['ROLLBACK_COOLDOWN_HOURS'] ?? 24);
    const clearsAtMs = Date.parse(timestamp) + hours * hourMs;
    expect(refused).toMatchObject({
      rolled_back: false,
      outcome: 'REFUSED',
      model_name: model,
      from_version: '3',
      to_version: '2',
      notified: true,
      refusals: [
        { code: 'COOLDOWN', clears_at: new Date(clearsAtMs).toISOString(), overridable: true },
      ],
      alarm: { watch: 'pending' },
    });
    expect(await subjects()).toEqual([
      `Model Rollback: ${model}`,
      `Model Rollback refused: ${model}`,
    ]);
    return { refused, alarm };
  }

  describe('that was refused', () => {
    test('acts after the cooldown when it is still red and young', async () => {
      const { refused } = await refusedAlarm(SHORT);

      expect(
        total(await world.sweep({ ...SHORT, ...ahead(11 * minuteMs) }), 'alarms_looked_at'),
      ).toBe(0);
      const swept = await world.sweep({ ...SHORT, ...ahead(13 * minuteMs) });

      expect(total(swept, 'alarms_looked_at')).toBe(1);
      expect(await live()).toEqual(['2']);
      const record = await world.recorded(refused);
      expect(record).toMatchObject({
        outcome: 'ROLLED_BACK',
        rollback_id: refused.rollback_id,
        from_version: '3',
        to_version: '2',
        alarm: { automatic: true, watch: 'none', recovery: 'pending' },
      });
      expect((await subjects()).at(-1)).toBe(`Model Rollback: ${model}`);
      expect(await world.history(model)).toHaveLength(2);
      // The event comes once more: it is answered from the record.
      const parts = { name: refused.alarm_name ?? '', arn: refused.alarm?.arn ?? '', model };
      const atMs = Date.parse(refused.alarm?.red_since ?? '');
      const again = await world.ask(directAlarm({ ...parts, atMs }), SHORT);
      expect(again).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
      expect(await live()).toEqual(['2']);
    });

    test('waits for a person when it is still red and old, and does what the person approves', async () => {
      const { refused } = await refusedAlarm();

      expect(total(await world.sweep(ahead(59 * minuteMs)), 'alarms_looked_at')).toBe(0);
      expect(total(await world.sweep(ahead(61 * minuteMs)), 'alarms_looked_at')).toBe(1);

      const waiting = await world.recorded(refused);
      expect(waiting).toMatchObject({
        outcome: 'AWAITING_APPROVAL',
        from_version: '3',
        to_version: '2',
        refusals: [{ code: 'COOLDOWN' }],
        alarm: { watch: 'pending' },
      });
      const approve = `approve ${waiting.rollback_id} --override COOLDOWN`;
      expect(waiting.message).toContain(approve);
      const notice = (await world.notices(model)).at(-1);
      expect(notice?.subject).toBe(`Model Rollback awaiting approval: ${model}`);
      expect(notice?.message['text']).toContain(approve);
      expect(await live()).toEqual(['3']);
      // Nobody is told twice.
      await world.sweep(ahead(3 * hourMs));
      const asked = (await subjects()).filter((subject) => subject.includes('awaiting approval'));
      expect(asked).toHaveLength(1);

      const id = waiting.rollback_id ?? '';
      const withoutOverride = await world.command(['approve', id, '--yes', '--json']);
      expect(withoutOverride.exitCode).toBe(3);
      expect(withoutOverride.json).toMatchObject({
        outcome: 'REFUSED',
        refusals: [{ code: 'COOLDOWN' }],
      });
      expect(await live()).toEqual(['3']);

      const approval = approvalOf(waiting);
      const approved = await world.command(approval);
      expect(approved).toMatchObject({ exitCode: 0 });
      expect(approved.json).toMatchObject({
        outcome: 'ROLLED_BACK',
        from_version: '3',
        to_version: '2',
        replayed: false,
        alarm_name: refused.alarm_name,
        alarm: { automatic: false },
      });
      expect(await live()).toEqual(['2']);
      expect((await world.recorded(refused)).alarm?.watch).toBe('approved');
      // The rollback, the alarm, the yes that met the cooldown and the one that did not.
      expect(await world.history(model)).toHaveLength(4);
    });

    test('answers a second approval from the record of the first', async () => {
      const { refused } = await refusedAlarm();
      await world.sweep(ahead(61 * minuteMs));
      const approval = approvalOf(refused);
      const first = await world.command(approval);
      expect(first).toMatchObject({ exitCode: 0 });

      const second = await world.command(approval);

      expect(second).toMatchObject({ exitCode: 0 });
      const { rollback_id } = first.json as Answer;
      expect(second.json).toMatchObject({ outcome: 'ROLLED_BACK', rollback_id, replayed: true });
      expect(await live()).toEqual(['2']);
      expect(await world.history(model)).toHaveLength(3);
    });

    test('is not approved when another version is live than was shown', async () => {
      const { refused } = await refusedAlarm();
      await world.sweep(ahead(61 * minuteMs));
      const promoted = await world.mlflow.createVersion(model);
      await world.mlflow.transition(model, promoted, 'Production', true);

      const { exitCode, json } = await world.command(approvalOf(refused));

      expect(exitCode).toBe(3);
      expect(json).toMatchObject({
        outcome: 'REFUSED',
        refusals: [{ code: 'LIVE_VERSION_CHANGED', overridable: false }],
      });
      expect(await live()).toEqual([promoted]);
      // The next look closes it.
      await world.sweep(ahead(3 * hourMs));
      expect((await world.recorded(refused)).alarm?.watch).toBe('pointer-moved');
    });

    test('can be approved for 12 hours', async () => {
      const { refused } = await refusedAlarm();
      await world.sweep(ahead(61 * minuteMs));
      await world.sweep(ahead(14 * hourMs));

      expect((await world.recorded(refused)).alarm?.watch).toBe('expired');
      const { exitCode, json } = await world.command(approvalOf(refused));
      expect(exitCode).toBe(2);
      expect(json).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
      expect(await live()).toEqual(['3']);
    });

    test('is closed, with a record, when it is not red any more', async () => {
      const { refused, alarm } = await refusedAlarm();
      await alarm.set('OK');

      expect(total(await world.sweep(ahead(61 * minuteMs)), 'alarms_looked_at')).toBe(1);

      const record = await world.recorded(refused);
      expect(record).toMatchObject({
        outcome: 'REFUSED',
        alarm: { watch: 'recovered', next_look_at: null },
      });
      expect(await live()).toEqual(['3']);
      // It turns red again without a new transition that we hear of: it stays closed.
      await alarm.set('ALARM');
      await world.sweep(ahead(25 * hourMs));
      expect(await live()).toEqual(['3']);
      expect(await world.recorded(refused)).toEqual(record);
    });

    test('stays while its alarm is unknown or CloudWatch is down, and is looked at later', async () => {
      const { refused, alarm } = await refusedAlarm(SHORT);
      const at = (minutes: number, more: Settings = {}): Settings => ({
        ...SHORT,
        ...ahead(minutes * minuteMs),
        ...more,
      });
      const expectPending = async (looks: readonly unknown[]): Promise<void> => {
        expect(looks.length).toBeGreaterThan(0);
        expect(await world.recorded(refused)).toMatchObject({
          outcome: 'REFUSED',
          alarm: { watch: 'pending', next_look_at: expect.any(String) },
        });
        expect(await live()).toEqual(['3']);
      };

      const down = { AWS_ENDPOINT_URL_CLOUDWATCH: await nowhere() };
      await expectPending(await world.sweep(at(13, down)));
      await deleteAlarms(world.cloudWatch, [alarm.name]);
      await expectPending(await world.sweep(at(20)));
      expect(await subjects()).toEqual([
        `Model Rollback: ${model}`,
        `Model Rollback refused: ${model}`,
        `Model Rollback recovered: ${model}`,
      ]);

      await world.alarm(model, { name: alarm.name });
      const swept = await world.sweep(at(45));
      expect(total(swept, 'alarms_looked_at')).toBe(1);
      expect(await live()).toEqual(['2']);
    });

    test('is closed when somebody else moved the pointer meanwhile', async () => {
      const { refused } = await refusedAlarm(SHORT);
      const promoted = await world.mlflow.createVersion(model);
      await world.mlflow.transition(model, promoted, 'Production', true);

      await world.sweep({ ...SHORT, ...ahead(13 * minuteMs) });

      expect(await world.recorded(refused)).toMatchObject({
        outcome: 'REFUSED',
        alarm: { watch: 'pointer-moved' },
      });
      expect(await live()).toEqual([promoted]);
    });
  });

  describe('that was deferred', () => {
    test('because the registry is down, acts when it is up', async () => {
      const alarm = await world.alarm(model);
      const parts = alarm.red();

      const deferred = await world.ask(directAlarm(parts), {
        MLFLOW_TRACKING_URI: await nowhere(),
      });

      expect(deferred).toMatchObject({
        rolled_back: false,
        outcome: 'DEFERRED',
        model_name: model,
        from_version: null,
        to_version: null,
        notified: true,
        plan: null,
        alarm: { watch: 'pending' },
      });
      expect(await world.history(model)).toEqual([deferred]);
      const stillDown = { ...ahead(2 * minuteMs), MLFLOW_TRACKING_URI: await nowhere() };
      expect(total(await world.sweep(stillDown), 'alarms_looked_at')).toBe(1);
      expect(await subjects()).toEqual([`Model Rollback deferred: ${model}`]);

      expect(total(await world.sweep(ahead(6 * minuteMs)), 'alarms_looked_at')).toBe(1);
      expect(await live()).toEqual(['3']);
      expect(await world.recorded(deferred)).toMatchObject({
        outcome: 'ROLLED_BACK',
        rollback_id: deferred.rollback_id,
      });
      expect(await subjects()).toEqual([
        `Model Rollback deferred: ${model}`,
        `Model Rollback: ${model}`,
      ]);
      const again = await world.ask(directAlarm(parts));
      expect(again).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
    });

    test('and comes again when the registry is up, acts at once', async () => {
      const alarm = await world.alarm(model);
      const event = directAlarm(alarm.red());
      const deferred = await world.ask(event, { MLFLOW_TRACKING_URI: await nowhere() });
      const answer = await world.ask(event);
      expect(answer).toMatchObject({
        outcome: 'ROLLED_BACK',
        rollback_id: deferred.rollback_id,
        replayed: false,
      });
      expect(await live()).toEqual(['3']);
      expect(await world.history(model)).toEqual([answer]);
    });

    test('is closed when it has recovered before the registry was up', async () => {
      const alarm = await world.alarm(model);
      const down = { MLFLOW_TRACKING_URI: await nowhere() };
      const deferred = await world.ask(directAlarm(alarm.red()), down);
      await alarm.set('OK');
      await world.sweep(ahead(2 * minuteMs));
      expect(await world.recorded(deferred)).toMatchObject({
        outcome: 'DEFERRED',
        alarm: { watch: 'recovered' },
      });
      expect(await live()).toEqual(['4']);
    });

    test('because CloudWatch is down, from the event bus, is handed on to its model', async () => {
      const alarm = await world.alarm(model);
      const down = { AWS_ENDPOINT_URL_CLOUDWATCH: await nowhere() };

      const deferred = await world.ask(eventBridgeAlarm(alarm.red()), down);

      expect(deferred).toMatchObject({
        outcome: 'DEFERRED',
        alarm_name: alarm.name,
        notified: true,
        alarm: { watch: 'pending' },
      });
      expect(deferred.message).toContain('CloudWatch could not be asked');
      expect(await live()).toEqual(['4']);
      await world.sweep(ahead(2 * minuteMs));
      expect(await live()).toEqual(['3']);
      expect(await world.recorded(deferred)).toMatchObject({ alarm: { watch: 'handed-on' } });
      const [done, ...others] = await world.history(model);
      expect(others).toEqual([]);
      expect(done).toMatchObject({ outcome: 'ROLLED_BACK', alarm: { automatic: true } });
    });

    test('because CloudWatch is down and the event does not name the model', async () => {
      const alarm = await world.alarm(null, { tag: model });
      const down = { AWS_ENDPOINT_URL_CLOUDWATCH: await nowhere() };
      const deferred = await world.ask(directAlarm(alarm.red()), down);
      expect(deferred).toMatchObject({ outcome: 'DEFERRED', model_name: null, notified: true });
      await world.sweep(ahead(2 * minuteMs));
      expect(await live()).toEqual(['3']);
      expect(await world.recorded(deferred)).toMatchObject({ alarm: { watch: 'handed-on' } });
    });

    test('with the model in the event, does not wait for CloudWatch', async () => {
      const alarm = await world.alarm(model);
      const down = { AWS_ENDPOINT_URL_CLOUDWATCH: await nowhere() };
      const answer = await world.ask(directAlarm(alarm.red()), down);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '3' });
    });
  });

  describe('that failed', () => {
    test('acts when its model becomes known', async () => {
      const alarm = await world.alarm(null);
      const failed = await world.ask(directAlarm(alarm.red()));
      expect(failed).toMatchObject({ outcome: 'FAILED', model_name: null, notified: true });
      expect(await subjects()).toEqual([`Model Rollback failed: ${alarm.name}`]);
      await tagAlarm(world.cloudWatch, alarm.arn, 'model-rollback:model', model);
      await world.sweep(ahead(2 * minuteMs));
      expect(await live()).toEqual(['3']);
      expect(await world.recorded(failed)).toMatchObject({ alarm: { watch: 'handed-on' } });
    });
  });

  describe('after its rollback', () => {
    /** Rolled back, and past the bake time. */
    async function baked(
      state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA',
      settings: Settings = {},
    ): Promise<{ answer: Answer; alarm: LocalAlarm }> {
      const alarm = await world.alarm(model);
      const answer = await world.ask(directAlarm(alarm.red()), settings);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', alarm: { recovery: 'pending' } });
      await alarm.set(state);
      const swept = await world.sweep({ ...settings, ...ahead(16 * minuteMs) });
      expect(total(swept, 'recoveries_checked')).toBe(1);
      expect(total(swept, 'pointers_checked')).toBe(1);
      return { answer, alarm };
    }

    test('is said to have recovered', async () => {
      const { answer } = await baked('OK');
      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'recovered' });
      expect(await subjects()).toEqual([
        `Model Rollback: ${model}`,
        `Model Rollback recovered: ${model}`,
      ]);
      const { json } = await world.command(['status', model, '--json']);
      expect(json).toMatchObject({ paused: null });
    });

    test('still red stops the automation of its model, until a person resumes it', async () => {
      const { answer } = await baked('ALARM', SHORT);
      const later = { ...SHORT, ...ahead(20 * minuteMs) };

      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'not-recovered' });
      expect(await subjects()).toEqual([
        `Model Rollback: ${model}`,
        `Model Rollback not recovered: ${model}`,
      ]);
      expect(await live()).toEqual(['3']);
      const status = await world.command(['status', model, '--json']);
      expect(status.json).toMatchObject({
        paused: expect.stringContaining(`\`model-rollback resume ${model}\``),
        fleet_paused: null,
      });
      const other = await world.alarm(model);
      const refused = await world.ask(
        directAlarm({ ...other.red(), atMs: Date.now() + 20 * minuteMs }),
        later,
      );
      expect(refused).toMatchObject({
        outcome: 'REFUSED',
        refusals: [{ code: 'PAUSED', overridable: false, clears_at: null }],
      });
      expect(await live()).toEqual(['3']);
      // Another model is not concerned.
      const second = await world.model(STAGES);
      const ofSecond = await world.alarm(second);
      expect(await world.ask(directAlarm(ofSecond.red()), later)).toMatchObject({
        outcome: 'ROLLED_BACK',
      });

      const resumed = await world.command(['resume', model, '--json']);
      expect(resumed).toMatchObject({ exitCode: 0 });
      expect(resumed.json).toMatchObject({ model_name: model, fleet: false, resumed: true });
      const again = await world.command(['resume', model, '--json']);
      expect(again.json).toMatchObject({ model_name: model, fleet: false, resumed: false });

      const next = directAlarm({ ...other.red(), atMs: Date.now() + 20 * minuteMs + 1 });
      expect(await world.ask(next, later)).toMatchObject({
        outcome: 'ROLLED_BACK',
        from_version: '3',
        to_version: '2',
      });
    });

    test('a person may roll back by a request while automation is paused', async () => {
      await baked('ALARM', SHORT);
      const later = { ...SHORT, ...ahead(20 * minuteMs) };
      const answer = await world.ask({ model_name: model, request_id: 'by-hand' }, later);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    });

    test('without data is said so, and nothing is stopped', async () => {
      const { answer } = await baked('INSUFFICIENT_DATA');
      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'no-data' });
      expect((await subjects()).at(-1)).toBe(`Model Rollback no data: ${model}`);
      const { json } = await world.command(['status', model, '--json']);
      expect(json).toMatchObject({ paused: null });
    });

    test('is read again later when CloudWatch is down at the end of the bake time', async () => {
      const alarm = await world.alarm(model);
      const answer = await world.ask(directAlarm(alarm.red()));
      const down = { AWS_ENDPOINT_URL_CLOUDWATCH: await nowhere() };
      await world.sweep({ ...ahead(16 * minuteMs), ...down });
      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'pending' });
      expect(await subjects()).toEqual([`Model Rollback: ${model}`]);
      await alarm.set('OK');
      await world.sweep(ahead(20 * minuteMs));
      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'recovered' });
    });

    test('is not judged when the pointer was moved again before', async () => {
      const alarm = await world.alarm(model);
      const answer = await world.ask(directAlarm(alarm.red()));
      const request = { model_name: model, target_version: '1', overrides: ['COOLDOWN'] };
      expect(await world.ask(request)).toMatchObject({ outcome: 'ROLLED_BACK' });
      await world.sweep(ahead(16 * minuteMs));
      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'superseded' });
      expect(await subjects()).toEqual([`Model Rollback: ${model}`, `Model Rollback: ${model}`]);
      const { json } = await world.command(['status', model, '--json']);
      expect(json).toMatchObject({ paused: null });
    });
  });

  describe('in another mode', () => {
    test('ask: waits for a person, who approves within the plan that was shown', async () => {
      const ask = { ROLLBACK_MODE: 'ask' };
      const alarm = await world.alarm(model);
      const event = directAlarm(alarm.red());
      const waiting = await world.ask(event, ask);
      expect(waiting).toMatchObject({
        outcome: 'AWAITING_APPROVAL',
        from_version: '4',
        to_version: '3',
        refusals: [],
        notified: true,
      });
      expect(await world.ask(event, ask)).toMatchObject({
        outcome: 'AWAITING_APPROVAL',
        replayed: true,
      });
      expect(await live()).toEqual(['4']);
      const { exitCode, json } = await world.command([
        'approve',
        waiting.rollback_id ?? '',
        '--yes',
        '--json',
      ]);
      expect(exitCode).toBe(0);
      expect(json).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '3' });
      expect(await live()).toEqual(['3']);
      expect(await subjects()).toEqual([
        `Model Rollback awaiting approval: ${model}`,
        `Model Rollback: ${model}`,
      ]);
    });

    test('ask: an event approves it, another one undoes it, each once', async () => {
      const alarm = await world.alarm(model);
      const waiting = await world.ask(directAlarm(alarm.red()), { ROLLBACK_MODE: 'ask' });
      const approval = { operation: 'approve', rollback_id: waiting.rollback_id };
      const approved = await world.ask({ ...approval, requested_by: 'ana' });
      expect(approved).toMatchObject({ rolled_back: true, from_version: '4', to_version: '3' });
      expect(await world.ask(approval)).toMatchObject({ rolled_back: true, replayed: true });
      const undo = { operation: 'undo', rollback_id: approved.rollback_id };
      const undone = await world.ask(undo);
      expect(undone).toMatchObject({ rolled_back: true, from_version: '3', to_version: '4' });
      expect(await world.ask(undo)).toMatchObject({ rolled_back: true, replayed: true });
      expect(await live()).toEqual(['4']);
    });

    test('ask: a person rejects it, by command or event, and nothing moves any more', async () => {
      const ask = { ROLLBACK_MODE: 'ask' };
      const alarm = await world.alarm(model);
      const event = directAlarm(alarm.red());
      const waiting = await world.ask(event, ask);
      const id = waiting.rollback_id ?? '';
      const line = ['reject', id, '--reason', 'the feed was late', '--json'];
      const rejected = await world.command(line);
      expect(rejected).toMatchObject({
        exitCode: 0,
        json: { operation: 'reject', rollback_id: id, changed: true },
      });
      expect(await world.ask({ operation: 'reject', rollback_id: id })).toMatchObject({
        changed: false,
      });
      const late = await world.command(['approve', id, '--yes', '--json']);
      expect(late).toMatchObject({ exitCode: 2, json: { error: { code: 'INVALID_REQUEST' } } });
      expect(await world.ask(event, ask)).toMatchObject({
        replayed: true,
        alarm: { watch: 'rejected' },
      });
      expect(await world.sweep({ ...ask, ...ahead(2 * hourMs) })).toEqual([]);
      const { stdout } = await world.command(['explain', id]);
      const history = await world.command(['history', model]);
      expect(history.stdout).toContain('AWAITING_APPROVAL (rejected)');
      expect(stdout).toMatch(/rejected by .* \(reason: the feed was late\)/);
      expect(await live()).toEqual(['4']);
      expect(await subjects()).toEqual([
        `Model Rollback awaiting approval: ${model}`,
        `Model Rollback rejected: ${model}`,
      ]);
    });

    test('ask: of an approval and a rejection at the same time exactly one wins', async () => {
      for (const own of await Promise.all([1, 2, 3, 4].map(() => world.model(STAGES)))) {
        const alarm = await world.alarm(own);
        const waiting = await world.ask(directAlarm(alarm.red()), { ROLLBACK_MODE: 'ask' });
        const id = waiting.rollback_id ?? '';
        const [approved, rejected] = await Promise.all([
          world.command(['approve', id, '--yes', '--json']),
          world.command(['reject', id, '--json']),
        ]);
        const hasMoved = (await world.mlflow.liveVersions(own)).join() === '3';
        expect([approved.exitCode === 0, rejected.exitCode === 0]).toEqual([hasMoved, !hasMoved]);
        const { alarm: now } = await world.recorded(waiting);
        expect(now?.watch).toBe(hasMoved ? 'approved' : 'rejected');
      }
    });

    test('observe: tells what would have happened, and is not looked at again', async () => {
      const observe = { ROLLBACK_MODE: 'observe' };
      const alarm = await world.alarm(model);
      const observed = await world.ask(directAlarm(alarm.red()), observe);
      expect(observed).toMatchObject({
        outcome: 'OBSERVED',
        from_version: '4',
        to_version: '3',
        notified: true,
        alarm: { watch: 'none' },
      });
      expect(await world.sweep({ ...observe, ...ahead(2 * hourMs) })).toEqual([]);
      expect(await live()).toEqual(['4']);
      expect(await subjects()).toEqual([`Model Rollback observed: ${model}`]);
    });
  });
});
