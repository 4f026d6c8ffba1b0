/** Alarms by several paths, several times, all at once, over several processes: one rollback for each cause. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engine } from '../engines/engines.ts';
import {
  type AlarmParts,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  messageId,
  snsEvent,
  snsMessage,
  sqsEvent,
} from '../fakes/alarm-events.ts';
import {
  type AlarmWorld,
  ahead,
  createAlarmWorld,
  minuteMs,
  openRegistryGate,
  type QueueReply,
  type RegistryGate,
} from './alarm-world.ts';
import { type FunctionProcess, startFunction } from './function-process.ts';
import { type Answer, type Failure, isFailure } from './reply.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

const PROCESSES = 3;
const STAGES = ['Archived', 'Archived', 'Archived', 'Production'] as const;
const UNLIMITED: Settings = { ROLLBACK_BLAST_RADIUS: 'off' };

/** Each a way of delivering one transition. */
const FORMS: readonly ((parts: AlarmParts) => JsonObject)[] = [
  (parts) => directAlarm(parts),
  (parts) => eventBridgeAlarm(parts),
  (parts) => snsEvent([snsMessage(parts)]),
  (parts) => sqsEvent([snsMessage(parts)], 'sns'),
  (parts) => sqsEvent([snsMessage(parts)], 'raw'),
  (parts) => sqsEvent([eventBridgeAlarm(parts)], 'eventbridge'),
];

/**
 * What needs no check by CloudWatch: MiniStack keeps whole seconds, so that it cannot tell the changes of
 * an alarm that flaps as fast as here from each other.
 */
const UNCHECKED_FORMS = FORMS.slice(0, 2);

/** What one delivery led to: an answer, or that it comes again. */
type Delivered = { readonly answer: Answer } | { readonly comesAgain: Failure | null };

let world: AlarmWorld;
let gate: RegistryGate;
let processes: FunctionProcess[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('a storm of alarms'), () => {
  beforeEach(async () => {
    gate = await openRegistryGate(engine('mlflow').url);
    // A table of its own for each test, since all models of one table are one fleet.
    world = await createAlarmWorld({ MLFLOW_TRACKING_URI: gate.url });
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((process) => process.kill()));
    await world?.close();
    await gate?.[Symbol.asyncDispose]();
  });

  async function start(settings: Settings): Promise<void> {
    const env = world.env(settings);
    processes = await Promise.all(Array.from({ length: PROCESSES }, () => startFunction(env)));
  }

  test('that is one alarm by four forms, 80 times, is one rollback and one notice', async () => {
    await start({});
    const model = await world.model(STAGES);
    const before = await world.mlflow.versions(model);
    const alarm = await world.alarm(model);
    const parts = alarm.red();
    const events = Array.from({ length: 80 }, (_, index) => formed(index, parts));

    const deliveries = await deliverAll(events);

    const answers = answersOf(deliveries);
    const [first, ...others] = answers.filter(({ replayed }) => !replayed);
    expect(others).toEqual([]);
    const same = { outcome: 'ROLLED_BACK', from_version: '4', to_version: '3', notified: true };
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ...same,
        rollback_id: first?.rollback_id,
        timestamp: first?.timestamp,
      });
    }
    const again = deliveries.flatMap((delivered, index) =>
      'comesAgain' in delivered ? [{ ...delivered, event: events[index] }] : [],
    );
    for (const { comesAgain } of again) {
      if (comesAgain !== null) expect(comesAgain.errorType).toBe('RollbackInProgressError');
    }
    const later = await deliverAll(again.map(({ event }) => event ?? {}));
    const repeated = answersOf(later);
    expect(repeated).toHaveLength(again.length);
    const record = await world.recorded(first ?? expect.fail('no rollback'));
    for (const answer of repeated) expect(answer).toEqual({ ...record, replayed: true });

    await expectOneMove(model, '3', first);
    // Versions 3 and 4 were changed by one transaction, and the others not at all.
    const after = await world.mlflow.versions(model);
    expect(after.map(({ stage }) => stage)).toEqual([
      'Archived',
      'Archived',
      'Production',
      'Archived',
    ]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]?.lastUpdatedTimestamp).toBe(after[3]?.lastUpdatedTimestamp);
    const tags = after.flatMap((version) => Object.entries(version.tags));
    // A registry this busy may be late with them; then the answer says so.
    const late = first?.warnings.filter(({ code }) => code === 'TAG_NOT_WRITTEN') ?? [];
    expect(tags.length === 2 || late.length > 0).toBe(true);
    for (const [key, value] of tags) {
      expect(key).toMatch(/^model_rollback\.(restored|rolled_back)$/);
      expect(value).toContain(first?.rollback_id);
    }
    expect(await world.history(null)).toHaveLength(1);
    const { json } = await world.command(['status', model, '--json']);
    expect(json).toMatchObject({ rollback_count: 1, active: null, live_versions: ['3'] });
    expect(await world.published()).toHaveLength(1);
  });

  test('that is one flapping alarm, 60 transitions one after the other, is one rollback', async () => {
    await start({});
    const model = await world.model(STAGES);
    const alarm = await world.alarm(model);
    const { atMs, ...parts } = alarm.red();

    const deliveries: Delivered[] = [];
    for (let flap = 0; flap < 60; flap += 1) {
      const event = formed(flap, { ...parts, atMs: atMs + flap }, UNCHECKED_FORMS);
      deliveries.push(await deliver(flap, event));
    }

    const [first, ...others] = answersOf(deliveries);
    expect(first).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '3' });
    expect(others).toHaveLength(59);
    for (const answer of others) {
      expect(answer).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'COOLDOWN' }] });
    }
    await expectOneMove(model, '3', first);
    expect(await world.history(model)).toHaveLength(60);
    const published = await world.published();
    expect(published.map(({ subject }) => subject)).toEqual([
      `Model Rollback: ${model}`,
      `Model Rollback refused: ${model}`,
    ]);
  });

  test('that is one flapping alarm, 60 transitions at once, is one rollback', async () => {
    await start({});
    const model = await world.model(STAGES);
    const alarm = await world.alarm(model);
    const { atMs, ...parts } = alarm.red();
    const events = Array.from({ length: 60 }, (_, flap) =>
      formed(flap, { ...parts, atMs: atMs + flap }, UNCHECKED_FORMS),
    );

    const deliveries = await deliverAll(events);
    const [moved, ...others] = answersOf(deliveries).filter(({ rolled_back }) => rolled_back);
    expect(others).toEqual([]);
    // What was put off comes again, from its sender or by the sweep, while the alarm is red.
    await deliverAll(events);
    await world.sweep(ahead(5 * minuteMs));

    await expectOneMove(model, '3', moved);
    const history = await world.history(model);
    expect(history).toHaveLength(60);
    const ends = history.map(({ outcome }) => outcome);
    const subjects = (await world.published()).map(({ subject }) => subject);
    expect(new Set(ends)).toEqual(new Set(['ROLLED_BACK', 'REFUSED']));
    expect(subjects).toEqual([`Model Rollback: ${model}`, `Model Rollback refused: ${model}`]);
  });

  test('of five alarms of one model, red at once, is one rollback', async () => {
    await start({});
    const model = await world.model(STAGES);
    const alarms = await Promise.all(Array.from({ length: 5 }, () => world.alarm(model)));
    const events = alarms.map((alarm, index) => formed(index, alarm.red()));

    const answers = answersOf(await deliverAll(events));
    const moved = answers.filter(({ rolled_back }) => rolled_back);
    expect(moved).toHaveLength(1);
    await deliverAll(events);
    await world.sweep(ahead(5 * minuteMs));

    await expectOneMove(model, '3', moved[0]);
    // Nobody is asked to roll back once more for what was just mended.
    const ends = (await world.history(model)).map(({ outcome }) => outcome);
    expect(ends).toHaveLength(5);
    expect(ends).not.toContain('AWAITING_APPROVAL');
    const others = (await world.published()).filter(
      ({ message }) => message['outcome'] !== 'ROLLED_BACK',
    );
    // Each of the other alarms is told of once at most.
    const told = others.map(({ message }) => message['triggered_by']);
    expect(new Set(told).size).toBe(told.length);
  });

  test('of 30 models without a blast radius is 30 rollbacks', async () => {
    await start(UNLIMITED);
    const models = await Promise.all(Array.from({ length: 30 }, () => world.model(STAGES)));

    const deliveries = await deliverAll(await alarmsOf(models));

    const answers = answersOf(deliveries);
    expect(answers.map(({ outcome }) => outcome)).toEqual(models.map(() => 'ROLLED_BACK'));
    expect(answers.map(({ model_name }) => model_name)).toEqual(models);
    expect(gate.moves.map(({ model }) => model).toSorted()).toEqual(models.toSorted());
    for (const model of models) expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    const published = await world.published();
    expect(published.map(({ message }) => message['model_name']).toSorted()).toEqual(
      models.toSorted(),
    );
  });

  test('of 30 models is five rollbacks, then the fleet is stopped until a person resumes it', async () => {
    await start({});
    const models = await Promise.all(Array.from({ length: 30 }, () => world.model(STAGES)));
    const events = await alarmsOf(models);

    const deliveries = await deliverAll(events);
    // Whatever was told to come again does.
    const again = deliveries.flatMap((delivered, index) =>
      'comesAgain' in delivered ? [events[index] ?? {}] : [],
    );
    const later = await deliverAll(again);

    const answers = [...answersOf(deliveries), ...answersOf(later)];
    const moved = answers.filter(({ outcome }) => outcome === 'ROLLED_BACK');
    expect(moved).toHaveLength(5);
    expect(gate.moves.map(({ model }) => model).toSorted()).toEqual(
      moved.map(({ model_name }) => model_name).toSorted(),
    );
    const rest = answers.filter(({ outcome }) => outcome !== 'ROLLED_BACK');
    expect(rest).toHaveLength(25);
    for (const answer of rest) {
      expect(answer).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'PAUSED' }] });
    }
    const held = rest.map(({ model_name }) => model_name ?? '');
    for (const model of held) expect(await world.mlflow.liveVersions(model)).toEqual(['4']);

    const [first = '', second = '', third = ''] = held;
    const status = await world.command(['status', first, '--json']);
    expect(status.json).toMatchObject({
      paused: null,
      fleet_paused: expect.stringContaining('resume --fleet'),
    });
    // A person is not stopped.
    const asked = await deliver(0, { model_name: first, request_id: 'by-hand' });
    expect(asked).toMatchObject({ answer: { outcome: 'ROLLED_BACK', to_version: '3' } });
    const [stopped] = answersOf(await deliverAll(await alarmsOf([second])));
    expect(stopped).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'PAUSED' }] });

    const resumed = await world.command(['resume', '--fleet', '--json']);
    expect(resumed).toMatchObject({ exitCode: 0 });
    expect(resumed.json).toMatchObject({ model_name: null, fleet: true, resumed: true });

    const acting = answersOf(await deliverAll(await alarmsOf([second, third])));
    expect(acting.map(({ outcome }) => outcome)).toEqual(['ROLLED_BACK', 'ROLLED_BACK']);
  });

  async function expectOneMove(
    model: string,
    version: string,
    answer: Answer | undefined,
  ): Promise<void> {
    expect(gate.moves).toEqual([{ model, version }]);
    expect(await world.mlflow.liveVersions(model)).toEqual([version]);
    const history = await world.history(model);
    const commits = history.filter(({ outcome }) => outcome === 'ROLLED_BACK');
    expect(commits.map(({ rollback_id }) => rollback_id)).toEqual([answer?.rollback_id]);
    const notices = await world.notices(model);
    const told = notices.filter(({ message }) => message['outcome'] === 'ROLLED_BACK');
    expect(told).toHaveLength(1);
  }
});

// ---------------------------------------------------------------------------------------------------

/** The same alarm in another form for each index. */
function formed(index: number, parts: AlarmParts, forms = FORMS): JsonObject {
  return (forms[index % forms.length] ?? directAlarm)(parts);
}

/** For each model the event of an alarm of its own, in one form or another. */
async function alarmsOf(models: readonly string[]): Promise<JsonObject[]> {
  const alarms = await Promise.all(models.map((model) => world.alarm(model)));
  return alarms.map((alarm, index) => formed(index, alarm.red()));
}

/** All at once, dealt out to the processes in turn. */
async function deliverAll(events: readonly JsonObject[]): Promise<Delivered[]> {
  return await Promise.all(events.map((event, index) => deliver(index, event)));
}

async function deliver(index: number, event: JsonObject): Promise<Delivered> {
  const process = processes[index % processes.length] ?? expect.fail('no process');
  const reply = await process.invoke(event);
  if (isFailure(reply)) return { comesAgain: reply };
  if (!('results' in reply)) return { answer: reply };
  const { results, batchItemFailures = [] } = reply as Partial<QueueReply>;
  const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  expect(failed).toEqual(results?.length === 0 ? [messageId(0)] : []);
  const [answer] = results ?? [];
  return answer === undefined ? { comesAgain: null } : { answer };
}

function answersOf(deliveries: readonly Delivered[]): Answer[] {
  return deliveries.flatMap((delivered) => ('answer' in delivered ? [delivered.answer] : []));
}
