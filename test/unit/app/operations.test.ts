import { beforeEach, describe, expect, test } from 'vitest';
import { canPromote } from '../../../src/app/can-promote.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { readDecisions } from '../../../src/app/operate.ts';
import { readStatus } from '../../../src/app/read-status.ts';
import { type OperationAnswer, runOperation } from '../../../src/app/run-operation.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { VersionNotFoundError } from '../../../src/domain/errors.ts';
import { parseOperation } from '../../../src/domain/request/operation.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const hourMs = 3_600_000;
let world: World;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

const operate = async (fields: object): Promise<OperationAnswer> => {
  const about = 'fleet' in fields ? {} : { model_name: 'm' };
  const given = { ...about, requested_by: 'ada', ...fields };
  const operation = parseOperation(given, world.clock.nowMs());
  return await runOperation(world.deps, operation, world.deadline());
};
const freeze = (more: object = {}) =>
  operate({ operation: 'freeze', until: '4h', reason: 'migration', ...more });
const roll = (fields: object = {}) => world.ask({ model_name: 'm', ...fields });
const alarm = async (): Promise<RollbackResponse> => {
  const payload = parseAlarmPayload(directAlarm({ model: 'm', atMs: world.clock.nowMs() }));
  if (payload === undefined) throw new Error('no alarm');
  return await handleAlarm(world.deps, payload, null, world.deadline());
};
const runSweep = () => sweep(world.deps, world.deadline());
const subjects = () => world.notifier.sent.map(({ subject }) => subject);

describe('a freeze', () => {
  test.each([
    ['of the model', {}],
    ['of all models', { fleet: true }],
  ])('%s refuses a rollback by anybody until its end', async (_, about) => {
    const answer = await freeze(about);
    const until = new Date(world.clock.nowMs() + 4 * hourMs).toISOString();
    expect(answer).toMatchObject({ operation: 'freeze', changed: true, until });
    const refused = await roll();
    expect(refused).toMatchObject({
      outcome: 'REFUSED',
      refusals: [{ code: 'FROZEN', clears_at: until, overridable: true }],
    });
    expect(refused.refusals[0]?.message).toContain('by ada: migration');
    expect(await roll({ dry_run: true })).toMatchObject({ refusals: [{ code: 'FROZEN' }] });
    world.clock.advance(4 * hourMs);
    expect(await roll({ request_id: 'later' })).toMatchObject({ rolled_back: true });
  });

  test('is passed by a request that overrides it by name', async () => {
    await freeze();
    const answer = await roll({ overrides: ['FROZEN'] });
    expect(answer).toMatchObject({ rolled_back: true });
    expect(answer.warnings.map(({ code }) => code)).toContain('OVERRIDDEN_FROZEN');
  });

  test('leaves an alarm waiting, which acts after its end', async () => {
    await freeze({ until: '30m' });
    expect(await alarm()).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'FROZEN' }] });
    world.alarms.put({
      ref: {
        source: 'cloudwatch',
        id: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:high-drawdown-alarm',
        name: 'high-drawdown-alarm',
      },
      state: 'ALARM',
      stateChangedAtMs: null,
      configuredAtMs: 0,
      hasActionsEnabled: true,
      isSuppressed: false,
      isComposite: false,
      dimensions: [],
      isMultiSeries: false,
      childrenInAlarm: [],
    });
    world.clock.advance(hourMs / 4);
    await runSweep();
    expect((await world.registry.read('m')).live[0]?.version).toBe('3');
    world.clock.advance(hourMs / 3);
    await runSweep();
    expect((await world.registry.read('m')).live[0]?.version).toBe('2');
  });

  test('is announced as it begins, before it ends and when it has ended, once each', async () => {
    await freeze();
    expect(subjects()).toEqual(['Model Rollback frozen: m']);
    expect(world.notifier.sent[0]?.message).toMatchObject({
      outcome: 'FROZEN',
      requested_by: 'ada',
    });
    world.clock.advance(2 * hourMs);
    await runSweep();
    expect(subjects()).toHaveLength(1);
    world.clock.advance(hourMs + 1);
    await runSweep();
    expect(subjects().at(-1)).toBe('Model Rollback freeze ends soon: m');
    world.clock.advance(hourMs);
    await runSweep();
    expect(subjects().at(-1)).toBe('Model Rollback freeze ended: m');
    await runSweep();
    expect(subjects()).toHaveLength(3);
  });

  test('of an odd length is reminded of halfway', async () => {
    world.clock.advance(1);
    const until = new Date(world.clock.nowMs() + 60_001).toISOString();
    await freeze({ until });
    world.clock.advance(30_001);
    await runSweep();
    expect(subjects().at(-1)).toBe('Model Rollback freeze ends soon: m');
  });

  test('that is ended before its time is announced as that, and reminds nobody', async () => {
    await freeze();
    const answer = await operate({ operation: 'unfreeze', requested_by: 'bob' });
    expect(answer).toMatchObject({ changed: true });
    expect(world.notifier.sent.at(-1)?.message.text).toContain('bob ended the freeze');
    expect(await roll()).toMatchObject({ rolled_back: true });
    const count = subjects().length;
    world.clock.advance(30 * hourMs);
    await runSweep();
    expect(subjects().slice(count)).toEqual([]);
    expect(await operate({ operation: 'unfreeze' })).toMatchObject({ changed: false });
  });

  test('that is made longer ends later, and says so once', async () => {
    await freeze();
    await freeze({ until: '8h', reason: 'takes longer' });
    world.clock.advance(5 * hourMs);
    await runSweep();
    expect(subjects()).toEqual(['Model Rollback frozen: m', 'Model Rollback frozen: m']);
    expect(await roll()).toMatchObject({ refusals: [{ code: 'FROZEN' }] });
    world.clock.advance(3 * hourMs);
    await runSweep();
    expect(subjects().slice(-2)).toEqual([
      'Model Rollback freeze ends soon: m',
      'Model Rollback freeze ended: m',
    ]);
  });

  test('whose notice nobody takes holds all the same', async () => {
    world.notifier.isBroken = true;
    await freeze();
    expect(await roll()).toMatchObject({ refusals: [{ code: 'FROZEN' }] });
    world.notifier.isBroken = false;
    world.clock.advance(hourMs);
    await runSweep();
    expect(subjects()).toContain('Model Rollback frozen: m');
  });

  /** A run that dies at a write of the store. */
  const killedAtWrite = async (at: number, fields: object = {}): Promise<void> => {
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: (next) => {
          writes += 1;
          return writes >= at ? new Promise<never>(() => undefined) : next();
        },
      },
    });
    const run = world.ask({ model_name: 'm', request_id: 'k', ...fields }, { deps });
    run.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const killedBeforeMove = async (fields: object = {}): Promise<void> => {
    const { movePointer } = world.registry;
    world.registry.movePointer = () => new Promise<never>(() => undefined);
    await killedAtWrite(2, fields);
    world.registry.movePointer = movePointer;
  };

  test('stops a run that was interrupted before its move, and settles one that has moved', async () => {
    await killedBeforeMove();
    await freeze();
    world.clock.advance(121_000);
    const report = await runSweep();
    expect(report.failed).toEqual([]);
    const [record] = await world.records('m');
    expect(record?.progress).toMatchObject({
      status: 'FAILED',
      message: expect.stringContaining('frozen in the meantime'),
    });
    expect((await world.registry.read('m')).live[0]?.version).toBe('3');

    world = makeWorld();
    world.seed('m', ['Archived', 'Archived', 'Production']);
    await killedAtWrite(2);
    await freeze();
    world.clock.advance(121_000);
    await runSweep();
    expect((await world.records('m'))[0]?.progress.status).toBe('ROLLED_BACK');
  });

  test('lets a run that overrides it go on', async () => {
    await killedBeforeMove({ overrides: ['FROZEN'] });
    await freeze();
    world.clock.advance(121_000);
    await runSweep();
    expect((await world.records('m'))[0]?.progress.status).toBe('ROLLED_BACK');
  });

  test('is in the status', async () => {
    await freeze();
    await freeze({ fleet: true, reason: 'change freeze' });
    expect(await readStatus(world.deps, 'm', world.deadline())).toMatchObject({
      frozen: expect.stringContaining('migration'),
      fleet_frozen: expect.stringContaining('change freeze'),
    });
  });
});

describe('a pause by hand', () => {
  test('stops alarms and no person, and a resume ends it', async () => {
    const pause = { operation: 'pause', reason: 'the alarm is noisy' };
    expect(await operate(pause)).toMatchObject({ changed: true });
    const refused = await alarm();
    expect(refused).toMatchObject({ refusals: [{ code: 'PAUSED' }] });
    expect(refused.refusals[0]?.message).toContain('ada paused it: the alarm is noisy.');
    expect(await roll()).toMatchObject({ rolled_back: true });
    expect(await operate({ operation: 'resume' })).toMatchObject({ changed: true });
    expect(await operate({ operation: 'resume' })).toMatchObject({ changed: false });
  });

  test('of all models stops the alarms of each', async () => {
    await operate({ operation: 'pause', fleet: true, reason: 'incident' });
    expect(await alarm()).toMatchObject({ refusals: [{ code: 'PAUSED' }] });
  });
});

describe('a quarantine by hand', () => {
  const quarantine = { operation: 'quarantine', version: '2', reason: 'trained on wrong data' };

  test('keeps every rule from the version, and says who and why', async () => {
    expect(await operate(quarantine)).toMatchObject({ changed: true, version: '2' });
    const answer = await roll();
    expect(answer).toMatchObject({ rolled_back: true, to_version: '1' });
    const why = answer.plan?.candidates.find(({ version }) => version === '2')?.why;
    expect(why).toContain('ada put it there: trained on wrong data');
    expect(await operate(quarantine)).toMatchObject({ changed: false });
  });

  test('refuses the version by name, until it is released', async () => {
    await operate(quarantine);
    expect(await roll({ target_version: '2' })).toMatchObject({
      refusals: [{ code: 'QUARANTINED' }],
    });
    expect(await operate({ operation: 'release', version: '2' })).toMatchObject({ changed: true });
    expect(await roll({ target_version: '2', request_id: 'k' })).toMatchObject({
      rolled_back: true,
    });
  });
});

test('every decision is on record with who, when and why', async () => {
  await freeze();
  await operate({ operation: 'unfreeze', reason: 'done early' });
  await operate({ operation: 'pause', reason: 'noise' });
  await operate({ operation: 'resume', requested_by: null });
  await operate({ operation: 'quarantine', version: '1', reason: 'bad' });
  await operate({ operation: 'release', version: '1' });
  const decisions = await readDecisions(world.store, 'm', world.deadline());
  expect(decisions.map(({ verb, what, by, reason }) => [verb, what, by, reason])).toEqual([
    ['release', 'version 1', 'ada', null],
    ['quarantine', 'version 1', 'ada', 'bad'],
    ['resume', '', null, null],
    ['pause', '', 'ada', 'noise'],
    ['unfreeze', '', 'ada', 'done early'],
    ['freeze', expect.stringMatching(/^until 2026-/), 'ada', 'migration'],
  ]);
  expect(await readDecisions(world.store, null, world.deadline())).toEqual([]);
});

test('two people at once: both decisions are kept', async () => {
  await Promise.all([
    operate({ operation: 'quarantine', version: '1', reason: 'one' }),
    operate({ operation: 'pause', reason: 'two', requested_by: 'bob' }),
    freeze({ requested_by: 'eve' }),
  ]);
  const decisions = await readDecisions(world.store, 'm', world.deadline());
  expect(decisions.map(({ verb }) => verb).toSorted()).toEqual(['freeze', 'pause', 'quarantine']);
});

test('a decision during a rollback is kept, and the rollback ends', async () => {
  const deps = withCalls(world.deps, {
    registry: {
      movePointer: async (next) => {
        await operate({ operation: 'quarantine', version: '1', reason: 'meanwhile' });
        return await next();
      },
    },
  });
  expect(await world.ask({ model_name: 'm' }, { deps })).toMatchObject({ rolled_back: true });
  const { state } = await world.store.read('m', null, world.deadline());
  expect(state?.quarantine.map(({ version }) => version).toSorted()).toEqual(['1', '3']);
  expect(state?.active).toBeNull();
});

describe('an operation is refused', () => {
  test.each([
    ['without an end', { operation: 'freeze', until: null }, /freeze needs until/],
    [
      'with an end in the past',
      { operation: 'freeze', until: '2020-01-01T00:00:00Z' },
      /next 90 days/,
    ],
    ['with an end too far away', { operation: 'freeze', until: '91d' }, /next 90 days/],
    ['with an end that is no time', { operation: 'freeze', until: 'tomorrow' }, /duration such as/],
    [
      'with a time without a zone',
      { operation: 'freeze', until: '2026-01-01T12:00' },
      /with its zone/,
    ],
    ['without a reason', { operation: 'pause', reason: null }, /needs a reason/],
    ['with a blank reason', { operation: 'pause', reason: '  ' }, /needs a reason/],
    ['with a misspelt verb', { operation: 'freze' }, /must be one of freeze/],
    [
      'with a misspelt field',
      { operation: 'pause', untill: '2h' },
      /"untill" is no field of an operation: did you mean "until"/,
    ],
    ['with a field of another verb', { operation: 'pause', until: '2h' }, /pause takes no until/],
    ['of a version without one', { operation: 'release' }, /needs model_name and version/],
    [
      'of a version of all',
      { operation: 'release', fleet: true, version: '1' },
      /needs model_name/,
    ],
    ['of a model and of all', { operation: 'pause', fleet: true, model_name: 'm' }, /needs either/],
  ])('%s, and nothing is written', async (_, fields, message) => {
    const given = { reason: 'why', ...fields };
    await expect(operate(given)).rejects.toThrow(message);
    const { state, fleet } = await world.store.read('m', null, world.deadline());
    expect([state, fleet]).toEqual([undefined, undefined]);
  });
});

describe('can-promote', () => {
  const ask = (version: string) =>
    canPromote(world.deps, { modelName: 'm', version }, world.deadline());

  test('says yes to a version that nothing speaks against, and writes nothing', async () => {
    expect(await ask('1')).toEqual({
      model_name: 'm',
      version: '1',
      can_promote: true,
      refusals: [],
    });
    expect((await world.store.read('m', null, world.deadline())).state).toBeUndefined();
  });

  test('names a rollback from the version, also where only a tag shows it', async () => {
    await roll();
    const refusals = [{ code: 'QUARANTINED', message: expect.stringContaining('release m 3') }];
    expect(await ask('3')).toMatchObject({ can_promote: false, refusals });
    const other = { ...world.deps, store: makeWorld().store };
    const asked = { modelName: 'm', version: '3' };
    expect(await canPromote(other, asked, world.deadline())).toMatchObject({
      refusals: [{ code: 'QUARANTINED', message: expect.stringContaining('as its tag') }],
    });
  });

  test('names each freeze, with its end', async () => {
    await freeze();
    await freeze({ fleet: true });
    const clears_at = new Date(world.clock.nowMs() + 4 * hourMs).toISOString();
    const frozen = { code: 'FROZEN', clears_at };
    expect(await ask('1')).toMatchObject({ can_promote: false, refusals: [frozen, frozen] });
    world.clock.advance(4 * hourMs);
    expect(await ask('1')).toMatchObject({ can_promote: true });
  });

  test('has an error for a version that is not there', async () => {
    await expect(ask('9')).rejects.toThrow(VersionNotFoundError);
  });
});
