import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { rollBack } from '../../../src/app/roll-back.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { cloudWatchRef } from '../../../src/domain/alarm/alarm.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import {
  type AlarmSettings,
  defaultAlarmSettings,
} from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { assert } from '../../../src/domain/assert.ts';
import { limits } from '../../../src/domain/limits.ts';
import { parseRequest, type RollbackRequest } from '../../../src/domain/request/request.ts';
import { newModelState } from '../../../src/domain/state/model-state.ts';
import { alarmArn, directAlarm } from '../../fakes/alarm-events.ts';
import { httpHook, late, no, RecordingHooks, yes } from '../../fakes/hooks.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const alarmName = 'high-drawdown-alarm';
const minuteMs = 60_000;
let world: World;
let hooks: RecordingHooks;
let deps: RollbackDeps;

const open = (alarms: Partial<AlarmSettings> = {}): void => {
  hooks = new RecordingHooks();
  world = makeWorld({
    smokeCheck: httpHook,
    alarms: { ...defaultAlarmSettings, ...alarms },
  });
  world.seed('m', ['Archived', 'Archived', 'Production']);
  deps = { ...world.deps, hooks };
};

beforeEach(() => open());

const ask = async (fields: object = {}): Promise<RollbackResponse> =>
  await world.ask({ model_name: 'm', ...fields }, { deps });
const alarm = async (): Promise<RollbackResponse> => {
  world.alarms.put({
    ref: cloudWatchRef(alarmArn(alarmName), alarmName),
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
  const event = directAlarm({ name: alarmName, model: 'm', atMs: world.clock.nowMs() });
  const payload = parseAlarmPayload(event);
  assert(payload !== undefined, 'the event is an alarm');
  return await handleAlarm(deps, payload, null, world.deadline());
};
const live = async (): Promise<string> =>
  (await world.registry.read('m')).live.map((row) => row.version).join();
const requestFor = (modelName: string): RollbackRequest =>
  parseRequest({ model_name: modelName }).request;
const guardOf = ({ plan }: RollbackResponse) =>
  plan?.guards.find(({ code }) => code === 'TARGET_UNFIT');

describe('a smoke check', () => {
  test('that says ok is called once, with what is to go live, and the move follows', async () => {
    const answer = await ask({ reason: 'DRIFT_SEVERE' });

    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2', warnings: [] });
    expect(hooks.calls.map(({ request }) => request)).toEqual([
      {
        kind: 'smoke-check',
        model_name: 'm',
        version: '2',
        source: null,
        pointer: 'stage:Production',
        from_version: '3',
        reason: 'DRIFT_SEVERE',
        rollback_id: answer.rollback_id,
      },
    ]);
    expect(guardOf(answer)).toEqual({
      code: 'TARGET_UNFIT',
      verdict: 'passed',
      message: 'the target is READY, and the smoke check (https://smoke.example.com) said ok',
      clears_at: null,
    });
  });

  test('that says no refuses the target, before anything is written but the refusal', async () => {
    hooks.answer = () => no;
    const writes: unknown[] = [];
    deps = withCalls(deps, {
      store: {
        write: async (next, change) => {
          writes.push(change.state?.active ?? null);
          return await next();
        },
      },
    });

    const answer = await ask();

    expect(answer).toMatchObject({
      outcome: 'REFUSED',
      refusals: [
        {
          code: 'TARGET_UNFIT',
          message:
            'The smoke check (https://smoke.example.com) refused version 2: AUC is 0.4. Choose another version, or ' +
            'override this guard (--override TARGET_UNFIT; in a request: "overrides": ["TARGET_UNFIT"]).',
          overridable: true,
          clears_at: null,
        },
      ],
    });
    expect(await live()).toBe('3');
    expect(writes.filter((active) => active !== null)).toEqual([]);
    const [record] = await world.records();
    expect(JSON.stringify(record)).toContain('AUC is 0.4');
    expect(JSON.stringify([record, answer, world.notifier.sent])).not.toContain('0SECRET');
  });

  test('that gives no answer refuses too, and says what happened', async () => {
    hooks.answer = () => late;
    const answer = await ask();
    expect(answer.outcome).toBe('REFUSED');
    expect(answer.refusals[0]?.message).toContain(
      'could not say whether version 2 works: it did not answer in time. Fix the smoke check, choose',
    );
    expect(await live()).toBe('3');
  });

  test('that throws, or that nothing can call, gives no answer', async () => {
    hooks.answer = () => {
      throw new Error('a bug');
    };
    expect((await ask()).refusals[0]?.message).toContain('works: a bug. Fix');
    const answer = await world.ask({ model_name: 'm' }, { deps: world.deps });
    expect(answer.refusals[0]?.message).toContain('nothing here can call it');
  });

  test('is passed by an override, and then not called', async () => {
    hooks.answer = () => no;
    const answer = await ask({ overrides: ['TARGET_UNFIT'] });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    expect(hooks.calls).toEqual([]);
    expect(guardOf(answer)).toMatchObject({
      verdict: 'overridden',
      message: expect.stringContaining('(https://smoke.example.com) was not called.'),
    });
    expect(answer.warnings.map(({ code }) => code)).toEqual(['OVERRIDDEN_TARGET_UNFIT']);
  });

  test('is not called in a dry run, which says so, nor where another guard refuses', async () => {
    const answer = await ask({ dry_run: true });
    expect(guardOf(answer)?.message).toBe(
      'the target is READY; the smoke check (https://smoke.example.com) is called right before a move',
    );
    expect(answer.plan?.verdict).toBe('ROLLED_BACK');
    expect((await ask({ expected_from_version: '2' })).outcome).toBe('REFUSED');
    expect((await ask({ target_version: '3' })).outcome).toBe('ALREADY_LIVE');
    expect(hooks.calls).toEqual([]);
  });

  test('is called in a dry run that asks for it, and writes nothing', async () => {
    hooks.answer = () => no;
    const request: RollbackRequest = {
      ...requestFor('m'),
      isDryRun: true,
    };
    const call = { request, warnings: [], invocationId: 'plan', deadline: world.deadline() };
    const answer = await rollBack(deps, { ...call, callsSmokeCheck: true });
    expect(answer).toMatchObject({ outcome: 'DRY_RUN', refusals: [{ code: 'TARGET_UNFIT' }] });
    expect(hooks.calls[0]?.request).toMatchObject({ rollback_id: null });
    expect(await world.records()).toEqual([]);
  });

  test('has at most ten seconds, and leaves time to claim and move', async () => {
    await ask();
    expect(hooks.calls[0]?.leftMs).toBe(limits.hookTimeoutMs);
    open();
    const deadline = world.deadline(9_000);
    const request = requestFor('m');
    await rollBack(deps, { request, warnings: [], invocationId: 'i', deadline });
    expect(hooks.calls[0]?.leftMs).toBe(9_000 - limits.afterSmokeCheckMs);
    open();
    const short = rollBack(deps, {
      request,
      warnings: [],
      invocationId: 'i',
      deadline: world.deadline(5_500),
    });
    await expect(short).rejects.toThrow(/Too little time is left for the smoke check/);
    expect(hooks.calls).toEqual([]);
  });

  test('that took its time does not make the claim rest on an old state', async () => {
    hooks.answer = async () => {
      // A person freezes the model while the smoke check runs.
      if (hooks.calls.length === 1) {
        const { state } = await world.store.read('m', null, world.deadline());
        const freeze = { untilMs: world.clock.nowMs() + 1e6, atMs: 1, by: null, reason: 'no' };
        const revision = (state?.revision ?? 0) + 1;
        const base = state ?? newModelState('m', world.registry.address);
        await world.store.write({ state: { ...base, revision, freeze } }, world.deadline());
      }
      return yes;
    };
    const answer = await ask();
    expect(answer).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'FROZEN' }] });
    expect(hooks.calls).toHaveLength(1);
    expect(await live()).toBe('3');
  });

  test('is not called again by whoever finishes a run that was cut off', async () => {
    let isDead = true;
    const dying = withCalls(deps, {
      registry: {
        movePointer: async (next) => {
          if (isDead) throw new Error('killed');
          return await next();
        },
      },
    });
    await expect(
      world.ask({ model_name: 'm', request_id: 'k' }, { deps: dying }),
    ).rejects.toThrow();
    isDead = false;
    hooks.answer = () => no;
    world.clock.advance(10 * minuteMs);
    const answer = await ask({ request_id: 'k' });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    expect(hooks.calls).toHaveLength(1);
    expect(guardOf(answer)?.message).toContain('said ok');
  });
});

describe('an alarm whose smoke check', () => {
  test('gave no answer is tried again within a minute, and acts once it says ok', async () => {
    hooks.answer = () => late;
    expect(await alarm()).toMatchObject({
      outcome: 'REFUSED',
      alarm: { watch: 'pending' },
    });
    world.clock.advance(minuteMs);
    await sweep(deps, world.deadline());
    expect(hooks.calls).toHaveLength(2);
    expect(await live()).toBe('3');

    hooks.answer = () => yes;
    // Not at once: a check that is down is not called every minute.
    world.clock.advance(minuteMs);
    await sweep(deps, world.deadline());
    expect(hooks.calls).toHaveLength(2);
    world.clock.advance(minuteMs);
    await sweep(deps, world.deadline());

    expect(await live()).toBe('2');
    const [record] = await world.records();
    expect(record?.progress.status).toBe('ROLLED_BACK');
    // The refusal, once, and the rollback.
    expect(world.notifier.sent.map(({ message }) => message.outcome)).toEqual([
      'REFUSED',
      'ROLLED_BACK',
    ]);
  });

  test('is down for hours is not forgotten: a person is asked', async () => {
    hooks.answer = () => late;
    await alarm();
    for (let minute = 0; minute < 180; minute += 1) {
      world.clock.advance(minuteMs);
      await sweep(deps, world.deadline());
    }
    const [record] = await world.records();
    expect(record?.progress.status).toBe('AWAITING_APPROVAL');
    expect(record?.watch.kind).toBe('pending');
    expect(hooks.calls.length).toBeLessThan(10);
  });

  test('says no is refused until a person decides, and tried again later', async () => {
    hooks.answer = () => no;
    await alarm();
    const [record] = await world.records();
    expect(record?.watch).toEqual({
      kind: 'pending',
      dueAtMs: world.clock.nowMs() + limits.watchIntervalMs,
      looks: 0,
    });
  });

  test.each(['ask', 'observe'] as const)('is not called in mode %s', async (mode) => {
    open({ mode });
    const answer = await alarm();
    expect(answer.outcome).toBe(mode === 'ask' ? 'AWAITING_APPROVAL' : 'OBSERVED');
    expect(hooks.calls).toEqual([]);
  });
});
