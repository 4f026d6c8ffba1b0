import { beforeEach, describe, expect, test } from 'vitest';
import { handleAlert } from '../../../src/app/handle-alert.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { parseAlertGroup } from '../../../src/domain/alarm/alert-payload.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import type { AlarmReader } from '../../../src/ports/alarm-reader.ts';
import { type AlertParts, alert, alertmanagerMessage, grafanaMessage } from '../../fakes/alerts.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;

/** CloudWatch knows nothing of these alerts, and must not be asked. */
const noCloudWatch: AlarmReader = new Proxy({} as AlarmReader, {
  get: (_, name) => () => {
    throw new Error(`CloudWatch was asked: ${String(name)}`);
  },
});

let world: World;

function start(settings: Parameters<typeof makeWorld>[0] = {}): void {
  const made = makeWorld(settings);
  made.seed('PascalStrategy', ['Archived', 'Archived', 'Production']);
  world = { ...made, deps: { ...made.deps, alarms: noCloudWatch } };
}

beforeEach(() => start());

const startedAt = (): string => new Date(world.clock.nowMs() - minuteMs).toISOString();

async function send(message: object): Promise<RollbackResponse[]> {
  const { alerts, source } = parseAlertGroup(message);
  const answers: RollbackResponse[] = [];
  for (const one of alerts) {
    answers.push(await handleAlert(world.deps, one, source, world.deadline()));
  }
  return answers;
}

const sendAlert = async (parts: AlertParts): Promise<RollbackResponse | undefined> =>
  (await send(alertmanagerMessage([alert(parts)])))[0];

const liveVersions = async (): Promise<readonly string[]> =>
  (await world.ask({ model_name: 'PascalStrategy', dry_run: true })).live_versions;

const sweepOnce = async (): Promise<unknown> => await sweep(world.deps, world.deadline());

describe('handleAlert', () => {
  test('rolls back the model that a label names, and a repeat is answered from the record', async () => {
    const startsAt = startedAt();
    const done = await sendAlert({ startsAt });
    world.clock.advance(4 * 60 * minuteMs);
    const again = await sendAlert({ startsAt });

    expect(done).toMatchObject({
      outcome: 'ROLLED_BACK',
      model_name: 'PascalStrategy',
      from_version: '3',
      to_version: '2',
      alarm_name: 'DrawdownHigh',
      replayed: false,
    });
    expect(again).toMatchObject({ rollback_id: done?.rollback_id, replayed: true });
    expect(await liveVersions()).toEqual(['2']);
  });

  test('does not ask for an approval that is no longer possible, where a resolved one comes again', async () => {
    start({ alarms: { ...defaultAlarmSettings, mode: 'ask' } });
    const startsAt = startedAt();
    expect((await sendAlert({ startsAt }))?.message).toContain('To approve it');
    await sendAlert({ startsAt, status: 'resolved' });
    const again = await sendAlert({ startsAt });
    expect(again?.message).toMatch(/ no longer waits for approval \(closed: recovered, /);
    expect(again?.message).not.toContain('To approve it');
  });

  test('takes one that fires again for another alert, and the one of Grafana as well', async () => {
    start({ cooldownMs: 0 });
    const done = await sendAlert({ startsAt: startedAt() });
    world.clock.advance(5 * minuteMs);
    const again = await sendAlert({ startsAt: startedAt() });
    const [ofGrafana] = await send(grafanaMessage([alert({ startsAt: startedAt() })]));

    expect(again?.rollback_id).not.toBe(done?.rollback_id);
    expect(ofGrafana?.rollback_id).not.toBe(again?.rollback_id);
  });

  test('acts on a repeat of an alert that was refused, since it says that it still fires', async () => {
    await world.ask({ model_name: 'PascalStrategy' });
    world.registry.transition('PascalStrategy', '3', 'Production', true);
    world.clock.advance(minuteMs);
    const startsAt = new Date(world.clock.nowMs()).toISOString();
    const refused = await sendAlert({ startsAt });
    expect(refused).toMatchObject({ outcome: 'REFUSED' });

    world.clock.advance(25 * 60 * minuteMs);
    await sweepOnce();
    expect(await liveVersions()).toEqual(['3']);
    const later = await sendAlert({ startsAt });

    expect(later?.rollback_id).toBe(refused?.rollback_id);
    expect(later?.outcome).not.toBe('IGNORED');
  });

  test('closes what waits for an alert that is resolved', async () => {
    await world.ask({ model_name: 'PascalStrategy' });
    world.registry.transition('PascalStrategy', '3', 'Production', true);
    world.clock.advance(minuteMs);
    const startsAt = new Date(world.clock.nowMs()).toISOString();
    const refused = await sendAlert({ startsAt });
    const resolved = await sendAlert({ startsAt, status: 'resolved' });

    expect(resolved).toMatchObject({ outcome: 'IGNORED', alarm_name: 'DrawdownHigh' });
    const [record] = await world.records('PascalStrategy');
    expect(record).toMatchObject({
      id: refused?.rollback_id,
      watch: { kind: 'closed', why: 'recovered' },
    });
  });

  test('records that a rollback helped when its alert is resolved, and says so', async () => {
    const startsAt = startedAt();
    const done = await sendAlert({ startsAt });
    await sendAlert({ startsAt, status: 'resolved' });

    const [record] = await world.records();
    expect(record?.recovery).toMatchObject({ kind: 'recovered' });
    expect(await world.notice(done?.rollback_id ?? '', 'recovery')).toBeDefined();
    expect(await sendAlert({ startsAt, status: 'resolved' })).toMatchObject({ outcome: 'IGNORED' });
  });

  test('does not claim to know whether a rollback helped without a message about it', async () => {
    await sendAlert({ startsAt: startedAt() });
    world.clock.advance(16 * minuteMs);
    await sweepOnce();

    const [record] = await world.records();
    expect(record?.recovery).toMatchObject({ kind: 'no-data' });
    expect(world.notifier.sent.at(-1)?.message.text).toContain(
      'No message said whether the alert DrawdownHigh is resolved',
    );
  });

  test('lets a person approve, until the time for it has passed or another version is live', async () => {
    start({ alarms: { ...defaultAlarmSettings, mode: 'ask' } });
    const waiting = await sendAlert({ startsAt: startedAt() });
    expect(waiting).toMatchObject({ outcome: 'AWAITING_APPROVAL' });
    world.registry.transition('PascalStrategy', '1', 'Production', true);
    world.clock.advance(61 * minuteMs);
    await sweepOnce();

    const [record] = await world.records();
    expect(record?.watch).toMatchObject({ kind: 'closed', why: 'pointer-moved' });
  });

  test('says what is missing where nothing names a model', async () => {
    const answer = await sendAlert({ model: null, startsAt: startedAt() });

    expect(answer).toMatchObject({ outcome: 'FAILED', alarm_name: 'DrawdownHigh' });
    expect(answer?.message).toContain('no label model, nothing in ROLLBACK_ALARM_MODELS');
    const resolved = await sendAlert({ model: null, startsAt: startedAt(), status: 'resolved' });
    expect(resolved?.outcome).toBe('IGNORED');
  });

  test('takes the label that is configured, or the map by the name of the alert', async () => {
    const modelsByAlarm = new Map([['Drawdown*', 'PascalStrategy']]);
    start({ alarms: { ...defaultAlarmSettings, alertLabel: 'mlflow_model', modelsByAlarm } });
    const labelled = { mlflow_model: 'PascalStrategy' };
    const startsAt = startedAt();

    const byLabel = await sendAlert({ name: 'x', model: null, labels: labelled, startsAt });
    const byMap = await sendAlert({ model: 'other', startsAt, fingerprint: 'f2' });

    expect(byLabel).toMatchObject({ outcome: 'ROLLED_BACK', model_name: 'PascalStrategy' });
    expect(byMap).toMatchObject({ outcome: 'REFUSED', model_name: 'PascalStrategy' });
  });

  test('notifies people once an hour of alerts that cannot be read', async () => {
    const first = await sendAlert({ fingerprint: '' });
    const second = await sendAlert({ fingerprint: '', name: 'Other' });

    expect(first).toMatchObject({ outcome: 'FAILED', replayed: false });
    expect(second).toMatchObject({ rollback_id: first?.rollback_id, replayed: true });
    expect(world.notifier.sent).toHaveLength(1);
  });
});
