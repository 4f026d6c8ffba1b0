import { beforeEach, describe, expect, test } from 'vitest';
import { handleAlert } from '../../../src/app/handle-alert.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { parseAlertGroup } from '../../../src/domain/alarm/alert-payload.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import type { AlertNow } from '../../../src/ports/alert-reader.ts';
import { alert, alertmanagerMessage } from '../../fakes/alerts.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;

let world: World;
/** What Alertmanager says now. */
let now: AlertNow;

function start(settings: Parameters<typeof makeWorld>[0] = {}): void {
  const made = makeWorld(settings);
  made.seed('PascalStrategy', ['Archived', 'Archived', 'Production']);
  const alerts = { read: async (): Promise<AlertNow> => now };
  world = { ...made, deps: { ...made.deps, alerts } };
  now = 'ALARM';
}

beforeEach(() => start());

async function fire(): Promise<RollbackResponse> {
  const startsAt = new Date(world.clock.nowMs()).toISOString();
  const [one] = parseAlertGroup(alertmanagerMessage([alert({ startsAt })])).alerts;
  if (one === undefined) throw new Error('no alert');
  return await handleAlert(world.deps, one, 'alertmanager', world.deadline());
}

const liveVersion = async (): Promise<string | undefined> =>
  (await world.ask({ model_name: 'PascalStrategy', dry_run: true })).live_versions[0];

async function sweepAfter(minutes: number): Promise<void> {
  world.clock.advance(minutes * minuteMs);
  await sweep(world.deps, world.deadline());
}

/** An alert that met the cooldown of 30 minutes, after a promotion. */
async function refusedAlert(): Promise<RollbackResponse> {
  start({ cooldownMs: 30 * minuteMs });
  await world.ask({ model_name: 'PascalStrategy' });
  const version = world.registry.register('PascalStrategy');
  world.clock.advance(minuteMs);
  world.registry.transition('PascalStrategy', version, 'Production', true);
  world.clock.advance(minuteMs);
  const refused = await fire();
  expect(refused).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
  return refused;
}

describe('an alert whose state Alertmanager knows', () => {
  test('is acted upon by the sweep while it fires, once nothing refuses it any more', async () => {
    const refused = await refusedAlert();
    await sweepAfter(20);
    expect(await liveVersion()).toBe('4');
    await sweepAfter(15);

    expect(await liveVersion()).not.toBe('4');
    const [record] = await world.records('PascalStrategy');
    expect(record).toMatchObject({ id: refused.rollback_id, progress: { status: 'ROLLED_BACK' } });
  });

  test('is no longer tried when it has ended', async () => {
    await refusedAlert();
    now = 'OK';
    await sweepAfter(35);

    expect(await liveVersion()).toBe('4');
    const [record] = await world.records('PascalStrategy');
    expect(record?.watch).toMatchObject({ kind: 'closed', why: 'recovered' });
  });

  test.each(['unreachable', 'unknown'] as const)('is left alone while it is %s', async (state) => {
    await refusedAlert();
    now = state;
    await sweepAfter(35);
    expect(await liveVersion()).toBe('4');
    now = 'ALARM';
    await sweepAfter(15);

    expect(await liveVersion()).not.toBe('4');
  });

  test('can no longer be approved when it has ended, and can while nobody knows', async () => {
    start({ alarms: { ...defaultAlarmSettings, mode: 'ask' } });
    const waiting = await fire();
    expect(waiting).toMatchObject({ outcome: 'AWAITING_APPROVAL' });
    for (const state of ['ALARM', 'unknown', 'unreachable'] as const) {
      now = state;
      await sweepAfter(10);
      const [record] = await world.records();
      expect(record?.watch, state).toMatchObject({ kind: 'pending' });
    }
    now = 'OK';
    await sweepAfter(60);

    const [record] = await world.records();
    expect(record?.watch).toMatchObject({ kind: 'closed', why: 'recovered' });
  });

  test.each([
    ['ALARM', 'not-recovered', true],
    ['OK', 'recovered', false],
    ['unknown', 'no-data', false],
  ] as const)('%s after a rollback means %s', async (state, kind, isPaused) => {
    await fire();
    now = state;
    await sweepAfter(16);

    const [record] = await world.records();
    expect(record?.recovery).toMatchObject({ kind });
    const { state: stored } = await world.store.read('PascalStrategy', null, world.deadline());
    expect(stored?.pause !== null).toBe(isPaused);
  });

  test('is asked about once more where Alertmanager could not be reached after a rollback', async () => {
    await fire();
    now = 'unreachable';
    await sweepAfter(16);
    expect((await world.records())[0]?.recovery).toMatchObject({ kind: 'pending' });
    now = 'OK';
    await sweepAfter(30);

    expect((await world.records())[0]?.recovery).toMatchObject({ kind: 'recovered' });
  });
});
