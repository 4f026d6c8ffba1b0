/** The policy of a model: what it changes, place by place, and how it is set. */
import { beforeEach, describe, expect, test } from 'vitest';
import { approveRollback } from '../../../src/app/approve-rollback.ts';
import { canPromote } from '../../../src/app/can-promote.ts';
import type { RollbackSettings } from '../../../src/app/deps.ts';
import { examineModels } from '../../../src/app/examine-models.ts';
import { examinePointers } from '../../../src/app/examine-pointers.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { noteAliasChange } from '../../../src/app/note-alias-change.ts';
import { readDecisions } from '../../../src/app/operate.ts';
import { readPolicy } from '../../../src/app/policy.ts';
import { pointerOf } from '../../../src/app/read-model.ts';
import { readStatus } from '../../../src/app/read-status.ts';
import { type OperationAnswer, runOperation } from '../../../src/app/run-operation.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { undoRequest } from '../../../src/app/undo.ts';
import { envNames } from '../../../src/config/env-names.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { pointerText } from '../../../src/domain/registry/pointer.ts';
import { parseOperation } from '../../../src/domain/request/operation.ts';
import { policyFields, settingsFor } from '../../../src/domain/request/policy.ts';
import { headPartOf } from '../../../src/domain/state/live-log.ts';
import type { ModelState } from '../../../src/domain/state/model-state.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { late, no, RecordingHooks, yes } from '../../fakes/hooks.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
let world: World;

function newWorld(settings: Partial<RollbackSettings> = {}): World {
  const made = makeWorld(settings);
  made.seed('m', ['Archived', 'Archived', 'Production', 'None']);
  return made;
}

beforeEach(() => {
  world = newWorld();
});

const operate = async (fields: object, by = 'ada'): Promise<OperationAnswer> => {
  const given = { model_name: 'm', requested_by: by, ...fields };
  const operation = parseOperation(given, world.clock.nowMs());
  return await runOperation(world.deps, operation, world.deadline());
};
const set = (policy: unknown, more: object = {}): Promise<OperationAnswer> =>
  operate({ operation: 'policy-set', policy, reason: 'why', ...more });
const unset = (...fields: readonly string[]): Promise<OperationAnswer> =>
  operate({ operation: 'policy-unset', fields });
const roll = (fields: object = {}): Promise<RollbackResponse> =>
  world.ask({ model_name: 'm', ...fields });
const stateOf = async (): Promise<ModelState | undefined> =>
  (await world.store.read('m', null, world.deadline())).state;
let alarms = 0;
const alarm = async (): Promise<RollbackResponse> => {
  alarms += 1;
  const payload = parseAlarmPayload(
    directAlarm({ model: 'm', name: `alarm-${alarms}`, atMs: world.clock.nowMs() }),
  );
  if (payload === undefined) throw new Error('no alarm');
  return await handleAlarm(world.deps, payload, null, world.deadline());
};

describe('setting a policy', () => {
  test('keeps the fields that it does not name, and answers the whole policy', async () => {
    expect(await set({ mode: 'ask', cooldown_hours: 6 })).toMatchObject({
      operation: 'policy-set',
      changed: true,
      policy: { mode: 'ask', cooldown_hours: 6 },
      message:
        'The policy of m: mode is ask (before: not set); cooldown_hours is 6 (before: not set).',
    });
    expect(await set({ mode: 'observe', budget: '1/2h' })).toMatchObject({
      policy: { mode: 'observe', cooldown_hours: 6, budget: '1/2h' },
      message: 'The policy of m: mode is observe (before: ask); budget is 1/2h (before: not set).',
    });
  });

  test('keeps who, when and why', async () => {
    await set({ mode: 'ask' });
    await unset('mode');
    expect(await readDecisions(world.store, 'm', world.deadline())).toMatchObject([
      { verb: 'policy-unset', what: 'mode', by: 'ada', reason: null },
      { verb: 'policy-set', what: 'mode ask', by: 'ada', reason: 'why' },
    ]);
  });

  test('writes nothing where nothing changes', async () => {
    await set({ mode: 'ask', cooldown_hours: '6.0' });
    const before = await stateOf();
    expect(await set({ cooldown_hours: 6 })).toMatchObject({ changed: false });
    expect(await unset('budget')).toMatchObject({
      changed: false,
      message: 'The policy of m sets none of these fields. Nothing was done.',
    });
    expect(await stateOf()).toEqual(before);
  });

  test('leaves no trace of a policy without a field, except who set it', async () => {
    await set({ mode: 'ask', pointer: 'alias:champion' });
    expect(await unset('mode', 'pointer')).toMatchObject({ changed: true, policy: {} });
    expect(await stateOf()).not.toHaveProperty('policy');
    const [heads] = await world.store.readHeads([headPartOf('m')], world.deadline());
    expect(heads).not.toHaveProperty('policies');
  });

  test('of two people at once keeps both', async () => {
    await Promise.all([
      set({ mode: 'ask' }),
      operate({ operation: 'policy-set', policy: { pointer: 'alias:champion' }, reason: 'b' }),
      operate({ operation: 'pause', reason: 'c' }),
    ]);
    expect((await stateOf())?.policy).toEqual({ mode: 'ask', pointer: 'alias:champion' });
    expect((await stateOf())?.pause).not.toBeNull();
    expect(await readDecisions(world.store, 'm', world.deadline())).toHaveLength(3);
  });

  test.each([
    [
      'an unknown field',
      { colour: 'red' },
      '"colour" is no field of a policy. Known: mode, pointer',
    ],
    ['a misspelt one', { mod: 'ask' }, 'Unknown field "mod": did you mean "mode"?'],
    ['the beginning of one', { cooldown: 6 }, 'Did you mean "cooldown_hours"?'],
    ['another spelling', { targetRule: 'last-good' }, 'did you mean "target_rule"?'],
    ['__proto__', JSON.parse('{"__proto__": "ask"}'), '"__proto__" is no field of a policy.'],
    ['constructor', { constructor: 'ask' }, '"constructor" is no field of a policy.'],
    ['a preview', { dry_run: true }, 'sounds like a preview'],
    ['a wrong word', { mode: 'off' }, 'mode must be `act` or `ask` or `observe`, not "off".'],
    ['a wrong type', { mode: ['ask'] }, 'mode must be `act`'],
    ['a number as a word', { mode: 1 }, 'mode must be `act`'],
    ['a pointer that is none', { pointer: 'champion' }, 'pointer must be `stage:Production` or'],
    ['an alias that is none', { pointer: 'alias:latest' }, 'pointer must be'],
    ['no time', { cooldown_hours: '6h' }, 'cooldown_hours must be hours from 0 to 8760'],
    ['a time below zero', { cooldown_hours: -1 }, 'cooldown_hours must be hours'],
    ['a time that is too long', { cooldown_hours: 8761 }, 'cooldown_hours must be hours'],
    ['a time that is no number', { cooldown_hours: Number.NaN }, 'cooldown_hours must be hours'],
    ['no budget', { budget: '3' }, 'budget must be `off`, or a number from 1 to'],
    ['a rule that is none', { target_rule: 'newest' }, 'target_rule must be `last-good`'],
    ['no object', 'mode ask', 'policy is a JSON object such as'],
    ['nothing', {}, 'policy sets no field.'],
    ['null only', { mode: null }, 'policy sets no field.'],
    ['nothing at all', null, 'policy-set needs policy.'],
  ])('refuses %s, and loses nothing', async (_, policy, message) => {
    await set({ mode: 'ask' });
    const before = await stateOf();
    // A good field beside a bad one is not set either.
    const isObject =
      typeof policy === 'object' && policy !== null && Object.keys(policy).length > 0;
    const given =
      isObject && !('mode' in policy) ? { ...policy, budget: '9/9d', ...policy } : policy;
    await expect(set(given)).rejects.toThrow(message);
    expect(await stateOf()).toEqual(before);
  });

  test.each([
    ['no fields', { operation: 'policy-unset' }, 'policy-unset needs fields.'],
    ['an empty list', { operation: 'policy-unset', fields: [] }, 'fields must be a list'],
    ['no list', { operation: 'policy-unset', fields: 'mode' }, 'fields must be a list'],
    ['an unknown one', { operation: 'policy-unset', fields: ['mode', 'x'] }, '"x" is no field'],
    ['a misspelt one', { operation: 'policy-unset', fields: ['modes'] }, 'Did you mean "mode"?'],
    ['a number', { operation: 'policy-unset', fields: [1] }, 'fields must be a list of names'],
    ['all models', { operation: 'policy-set', fleet: true, policy: { mode: 'ask' } }, 'one model'],
    [
      'no reason',
      { operation: 'policy-set', policy: { mode: 'ask' }, reason: null },
      'policy-set needs a reason',
    ],
    [
      'a field of another operation',
      { operation: 'policy-unset', policy: { mode: 'ask' }, fields: ['mode'] },
      'policy-unset takes no policy.',
    ],
    ['a policy for another one', { operation: 'pause', policy: {} }, 'policy sets no field'],
    ['fields for another one', { operation: 'pause', fields: ['mode'] }, 'pause takes no fields.'],
  ])('refuses an operation with %s', async (_, fields, message) => {
    await expect(operate({ reason: 'why', ...fields })).rejects.toThrow(message);
    expect(await stateOf()).toBeUndefined();
  });
});

describe('reading a policy', () => {
  test('shows each field, and whether the policy or a setting gives it', async () => {
    await set({ mode: 'ask', budget: 'off' });
    expect(await readPolicy(world.deps, 'm', world.deadline())).toEqual({
      model_name: 'm',
      policy: { mode: 'ask', budget: 'off' },
      settings: [
        { field: 'mode', value: 'ask', source: 'policy' },
        { field: 'pointer', value: 'stage:Production', source: 'settings' },
        { field: 'cooldown_hours', value: 24, source: 'settings' },
        { field: 'budget', value: 'off', source: 'policy' },
        { field: 'target_rule', value: 'last-good', source: 'settings' },
        { field: 'target_max_age', value: 'off', source: 'settings' },
        { field: 'promotion_evidence', value: 'off', source: 'settings' },
        { field: 'previous_alias', value: 'off', source: 'settings' },
        { field: 'smoke_check', value: 'off', source: 'settings' },
        { field: 'reload', value: 'off', source: 'settings' },
      ],
    });
  });

  test('of each field names a variable that there is', () => {
    const known: readonly string[] = envNames;
    for (const { variable } of Object.values(policyFields)) expect(known).toContain(variable);
  });

  test('changes no setting that it does not name', () => {
    const { settings } = world.deps;
    expect(settingsFor(settings, {})).toBe(settings);
    expect(settingsFor(settings, { policy: { mode: 'ask' } })).toEqual({
      ...settings,
      alarms: { ...settings.alarms, mode: 'ask' },
    });
  });
});

describe('the mode', () => {
  test.each([
    ['observe', 'OBSERVED'],
    ['ask', 'AWAITING_APPROVAL'],
  ])('%s of the policy holds for alarms, and not for people', async (mode, outcome) => {
    await set({ mode });
    expect(await alarm()).toMatchObject({ outcome });
    expect(await roll()).toMatchObject({ rolled_back: true });
  });

  test('act of the policy holds where the settings only observe', async () => {
    const alarmSettings = { ...defaultAlarmSettings, mode: 'observe' as const };
    world = newWorld({ alarms: alarmSettings });
    await set({ mode: 'act' });
    expect(await alarm()).toMatchObject({ outcome: 'ROLLED_BACK' });
    // Another model has none.
    world.seed('other', ['Archived', 'Production']);
    const payload = parseAlarmPayload(directAlarm({ model: 'other', atMs: world.clock.nowMs() }));
    if (payload === undefined) throw new Error('no alarm');
    const answer = await handleAlarm(world.deps, payload, null, world.deadline());
    expect(answer).toMatchObject({ outcome: 'OBSERVED' });
    expect(answer.message).toContain('because ROLLBACK_MODE is observe.');
  });

  test('is named in the message with the command that shows it', async () => {
    await set({ mode: 'observe' });
    expect((await alarm()).message).toContain(
      'because mode in the policy of the model (`model-rollback policy get m`) is observe.',
    );
  });
});

describe('the cooldown', () => {
  test.each([
    ['shorter than the setting', 6, 24],
    ['longer', 48, 24],
    ['given where the setting switches it off', 6, 0],
  ])('of the policy counts: %s', async (_, own, setting) => {
    world = newWorld({ cooldownMs: setting * hourMs });
    await set({ cooldown_hours: own });
    await roll({ request_id: 'a' });
    const clears_at = new Date(world.clock.nowMs() + own * hourMs).toISOString();
    const refused = await roll({ request_id: 'b', target_version: '1' });
    expect(refused).toMatchObject({ refusals: [{ code: 'COOLDOWN', clears_at }] });
    expect(refused.refusals[0]?.message).toContain(`${clears_at} by the policy of the model.`);
    world.clock.advance(own * hourMs);
    expect(await roll({ request_id: 'c', target_version: '1' })).toMatchObject({
      rolled_back: true,
    });
  });

  test('is off where the policy says 0', async () => {
    await set({ cooldown_hours: 0 });
    await roll({ request_id: 'a' });
    expect(await roll({ request_id: 'b', target_version: '1' })).toMatchObject({
      rolled_back: true,
    });
  });

  test('says how often an equal refusal of an alarm is announced', async () => {
    await set({ cooldown_hours: 48 });
    await roll({ request_id: 'a' });
    world.notifier.sent.length = 0;
    const refuse = async (): Promise<number> => {
      const payload = parseAlarmPayload(directAlarm({ model: 'm', atMs: world.clock.nowMs() }));
      if (payload === undefined) throw new Error('no alarm');
      const answer = await handleAlarm(world.deps, payload, null, world.deadline());
      expect(answer).toMatchObject({ outcome: 'REFUSED' });
      return world.notifier.sent.length;
    };
    expect(await refuse()).toBe(1);
    world.clock.advance(30 * hourMs);
    expect(await refuse()).toBe(1);
  });
});

describe('the budget', () => {
  test('of the policy pauses automation, and says so', async () => {
    await set({ budget: '1/2h' });
    const answer = await roll();
    expect(answer.warnings.find(({ code }) => code === 'AUTOMATION_PAUSED')?.message).toContain(
      'rolled back 1 times within 2 h (budget in the policy of the model (`model-rollback policy get m`)).',
    );
    expect((await stateOf())?.pause).toMatchObject({ why: 'budget' });
  });

  test('is off where the policy says so', async () => {
    const budget = { commits: 1, windowMs: hourMs };
    world = newWorld({ alarms: { ...defaultAlarmSettings, budget } });
    await set({ budget: 'off' });
    await roll();
    expect((await stateOf())?.pause).toBeNull();
  });

  test('counts for a run that somebody else resumes', async () => {
    await set({ budget: '1/2h' });
    const lost = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          await next();
          throw new Error('killed');
        },
      },
    });
    await expect(world.ask({ model_name: 'm' }, { deps: lost })).rejects.toThrow('killed');
    world.clock.advance(10 * minuteMs);
    await sweep(world.deps, world.deadline());
    expect((await stateOf())?.lastCommit).toMatchObject({ from: '3', to: '2' });
    expect((await stateOf())?.pause).toMatchObject({ why: 'budget' });
  });
});

describe('the target rule', () => {
  test('of the policy chooses the target', async () => {
    world.registry.transition('m', '4', 'Archived', false);
    expect(await roll({ dry_run: true })).toMatchObject({ plan: { rule: 'displaced' } });
    await set({ target_rule: 'latest-archived' });
    expect(await roll({ dry_run: true })).toMatchObject({
      to_version: '4',
      plan: { rule: 'latest-archived' },
    });
  });
});

describe('the pointer', () => {
  const champion = { pointer: 'alias:champion' };

  // Stage and alias name different versions: which pointer counts shows.
  beforeEach(() => {
    world.registry.setAlias('m', 'champion', '4');
  });

  test('of the policy is moved where the request names none', async () => {
    await set(champion);
    expect(await roll({ request_id: 'a', target_version: '2' })).toMatchObject({
      rolled_back: true,
      from_version: '4',
      pointer: 'alias:champion',
    });
    expect((await world.registry.readAlias('m', 'champion'))?.version).toBe('2');
    const named = { request_id: 'b', pointer: 'stage:Production', dry_run: true };
    expect(await roll(named)).toMatchObject({ pointer: 'stage:Production', from_version: '3' });
  });

  test('of the policy counts before an entry of the settings for the model', async () => {
    const byModel = new Map([['m', { kind: 'alias', alias: 'other' } as const]]);
    world = newWorld({ pointers: { default: { kind: 'stage', stage: 'Production' }, byModel } });
    world.registry.setAlias('m', 'champion', '4');
    await set(champion);
    expect(await roll({ dry_run: true })).toMatchObject({ pointer: 'alias:champion' });
  });

  test('of the policy is moved by an alarm, and by its retry', async () => {
    await set(champion);
    await noteAliasChange(
      world.deps,
      {
        modelName: 'm',
        alias: 'champion',
        version: '2',
        atMs: world.clock.nowMs(),
        deliveryId: '1',
      },
      world.deadline(),
    );
    world.clock.advance(hourMs);
    await noteAliasChange(
      world.deps,
      {
        modelName: 'm',
        alias: 'champion',
        version: '4',
        atMs: world.clock.nowMs(),
        deliveryId: '2',
      },
      world.deadline(),
    );
    expect(await alarm()).toMatchObject({
      outcome: 'ROLLED_BACK',
      pointer: 'alias:champion',
      from_version: '4',
      to_version: '2',
    });
  });

  test('takes no attempt of a request that races with others', async () => {
    await set(champion);
    let races = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          races += 1;
          // Two of three attempts lose.
          if (races <= 2) await operate({ operation: 'quarantine', version: '1', reason: 'race' });
          return await next();
        },
      },
    });
    const asked = { model_name: 'm', target_version: '2' };
    expect(await world.ask(asked, { deps })).toMatchObject({ rolled_back: true });
  });

  test('that changes between plan and claim loses the claim, and the next reading counts', async () => {
    let isFirst = true;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          if (isFirst) {
            isFirst = false;
            await set(champion);
          }
          return await next();
        },
      },
    });
    const answer = await world.ask({ model_name: 'm', target_version: '2' }, { deps });
    expect(answer).toMatchObject({
      pointer: 'alias:champion',
      from_version: '4',
      rolled_back: true,
    });
    expect((await world.registry.read('m')).live[0]?.version).toBe('3');
  });

  test('that changes keeps the pointer of the first attempt under a key', async () => {
    await roll({ request_id: 'a', expected_from_version: '1' });
    await set(champion);
    const again = { request_id: 'a', expected_from_version: '1' };
    expect(await roll(again)).toMatchObject({ outcome: 'REFUSED', pointer: 'stage:Production' });
  });

  test('that changes closes the record of an alarm, and that is announced', async () => {
    await operate({ operation: 'freeze', until: '1h', reason: 'f' });
    const payload = parseAlarmPayload(directAlarm({ model: 'm', atMs: world.clock.nowMs() }));
    if (payload === undefined) throw new Error('no alarm');
    const send = () => handleAlarm(world.deps, payload, null, world.deadline());
    const first = await send();
    expect(first).toMatchObject({ outcome: 'REFUSED', pointer: 'stage:Production' });
    await set(champion);
    world.notifier.sent.length = 0;
    expect(await send()).toMatchObject({ rollback_id: first.rollback_id, outcome: 'REFUSED' });
    const [record] = await world.records('m');
    expect(record?.watch).toMatchObject({ kind: 'closed', why: 'pointer-changed' });
    expect(world.notifier.sent).toHaveLength(1);
  });

  test('of an alarm that waits for approval stays that of the notice', async () => {
    await set({ mode: 'ask' });
    const { rollback_id: id } = await alarm();
    await set(champion);
    const approval = { rollbackId: id ?? '', requestedBy: 'ada', overrides: [] };
    const asked = await approveRollback(
      world.deps,
      approval,
      async ({ request }) => ({ isRolledBack: false, request }),
      () => world.deadline(),
    );
    expect(asked.request.pointer).toBe('stage:Production');
  });

  test('of the policy is not named in an approval, so the guards on pointers hold', async () => {
    await set({ ...champion, mode: 'ask' });
    const { rollback_id: id } = await alarm();
    const approval = { rollbackId: id ?? '', requestedBy: 'ada', overrides: [] };
    const asked = await approveRollback(
      world.deps,
      approval,
      async ({ request }) => ({ isRolledBack: false, request }),
      () => world.deadline(),
    );
    expect(asked.request).not.toHaveProperty('pointer');
  });

  test('of the policy is what undo, status, can-promote and doctor are about', async () => {
    await set(champion);
    const { rollback_id: id } = await roll({ target_version: '2' });
    const undo = { what: 'm', overrides: [], requestedBy: null };
    expect(await undoRequest(world.deps, undo, world.deadline())).toMatchObject({
      undoes: id,
      pointer: 'alias:champion',
    });
    world.registry.setAlias('m', 'champion', '4');
    expect(await readStatus(world.deps, 'm', world.deadline())).toMatchObject({
      pointer: 'alias:champion',
      live_versions: ['4'],
      policy: champion,
    });
    const list = await world.store.list(null, world.deadline());
    const facts = { list, fleet: undefined };
    const checks = await examineModels(world.deps, facts, { hasRegistry: true }, world.deadline());
    expect(checks.find(({ name }) => name === 'policies')?.message).toBe(
      'Of 1 models, 1 have a policy, which comes before the settings: m (pointer alias:champion).',
    );
    expect(checks.find(({ name }) => name === 'quarantine')?.message).toContain(
      'Version 4 is live and in quarantine',
    );
    const pointer = await pointerOf(world.deps, { modelName: 'm' }, world.deadline());
    expect(pointerText(pointer)).toBe('alias:champion');
    const asked = { modelName: 'm', version: '1' };
    expect(await canPromote(world.deps, asked, world.deadline())).toMatchObject({
      can_promote: true,
    });
  });

  test('of the policy fits, for the check of pointers', async () => {
    world = makeWorld();
    world.registry.register('only-alias');
    world.registry.setAlias('only-alias', 'champion', '1');
    expect(await examinePointers(world.deps, world.deadline())).toMatchObject({
      verdict: 'warning',
    });
    await set(champion, { model_name: 'only-alias' });
    expect(await examinePointers(world.deps, world.deadline())).toMatchObject({ verdict: 'ok' });
  });

  test('of the policy is observed, also before the first rollback', async () => {
    world = newWorld({ observeMs: 5 * minuteMs });
    world.registry.setAlias('m', 'champion', '4');
    await set(champion);
    const runSweep = () => sweep(world.deps, world.deadline());
    await runSweep();
    world.clock.advance(5 * minuteMs);
    world.registry.setAlias('m', 'champion', '1');
    await runSweep();
    const { entries } = await world.store.listLive('m', world.deadline());
    expect(entries.map(({ pointer, version, how }) => `${pointer} ${version} ${how}`)).toEqual([
      'alias:champion 1 observed',
      'alias:champion 4 baseline',
    ]);
  });

  test('that is not the policy any more is not reported by a webhook', async () => {
    const change = {
      modelName: 'm',
      alias: 'champion',
      version: '1',
      atMs: world.clock.nowMs(),
      deliveryId: 'd',
    };
    expect(await noteAliasChange(world.deps, change, world.deadline())).toBe('ignored');
    await set(champion);
    expect(await noteAliasChange(world.deps, change, world.deadline())).toBe('noted');
  });
});

describe('the fitness of a target, and hooks', () => {
  const secret = 'https://serving.example.com/0SECRET';
  let hooks: RecordingHooks;

  beforeEach(() => {
    hooks = new RecordingHooks();
    world = { ...world, deps: { ...world.deps, hooks } };
  });

  const ask = async (fields: object = {}): Promise<RollbackResponse> =>
    await world.ask({ model_name: 'm', ...fields }, { deps: world.deps });

  test('an older version than the policy allows is no target', async () => {
    expect(await ask({ dry_run: true })).toMatchObject({ refusals: [] });
    await set({ target_max_age: '30m' });
    const refused = await ask();
    expect(refused).toMatchObject({ refusals: [{ code: 'TARGET_UNFIT' }] });
    expect(refused.refusals[0]?.message).toContain('(target_max_age in the policy of the model (');
    await set({ target_max_age: 'off' });
    expect(await ask()).toMatchObject({ rolled_back: true });
  });

  test('the smoke check of the policy is asked, and its no counts', async () => {
    await set({ smoke_check: secret });
    hooks.answer = () => no;
    expect(await ask()).toMatchObject({ refusals: [{ code: 'TARGET_UNFIT' }] });
    expect(hooks.calls.map(({ hook }) => hook)).toEqual([{ kind: 'http', url: secret }]);
    await set({ smoke_check: 'off' });
    expect(await ask()).toMatchObject({ rolled_back: true });
    expect(hooks.calls).toHaveLength(1);
  });

  test('the reload of the policy is called after a move, and again by a sweep', async () => {
    await set({ reload: secret });
    hooks.answer = () => late;
    expect(await ask()).toMatchObject({ rolled_back: true, serving: { state: 'pending' } });
    hooks.answer = () => yes;
    world.clock.advance(minuteMs);
    await sweep(world.deps, world.deadline());
    const urls = hooks.calls.map(({ hook }) => hook);
    expect(urls).toEqual([
      { kind: 'http', url: secret },
      { kind: 'http', url: secret },
    ]);
    const [record] = await world.records('m');
    expect(record?.serving).toMatchObject({ kind: 'confirmed' });
  });

  test('the path of an address is shown nowhere', async () => {
    const answers = [
      await set({ smoke_check: secret, reload: 'my-function' }),
      await set({ smoke_check: 'https://serving.example.com/1SECRET' }),
      await readPolicy(world.deps, 'm', world.deadline()),
      await readStatus(world.deps, 'm', world.deadline()),
      await ask({ dry_run: true }),
      await readDecisions(world.store, 'm', world.deadline()),
      await unset('smoke_check'),
    ];
    const text = JSON.stringify(answers);
    expect(text).not.toContain('SECRET');
    expect(text).toContain('https://serving.example.com');
    expect(text).toContain('my-function');
    const bad = set({ reload: 'ftp://serving.example.com/2SECRET' });
    await expect(bad).rejects.toThrow(/^reload must be `off`, an https address/);
    await expect(bad).rejects.not.toThrow('SECRET');
  });
});

test('a preview shows the policy, and writes nothing', async () => {
  await set({ mode: 'ask', cooldown_hours: 6 });
  const before = await stateOf();
  expect(await roll({ dry_run: true })).toMatchObject({
    policy: { mode: 'ask', cooldown_hours: 6 },
  });
  expect(await stateOf()).toEqual(before);
  await unset('mode', 'cooldown_hours');
  expect(await roll({ dry_run: true })).not.toHaveProperty('policy');
});
